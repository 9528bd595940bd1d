//! Short words for policies in tests.

use tpc::ir::{
    Abi, Action, Arg, ArgType, CapSet, End, Hook, IntSet, Namespace, Post, Predicate, Program,
    Rate, RateScope, Rule, Shown, Subject, Test, TextMatch, TextValue, V4Set, V6Set,
};

use tpc::sim::scene::{
    Area, Cred, Data, Dentry, Filesystem, Fs, Ids, Image, Mount, Namespaces, Param, Scene, Spot,
    Task, Vfs,
};

use super::oracle::policies::SPAN;
use super::oracle::smaller::Case;
use super::oracle::{Count, Kernels, check};

/// Interpreter and programs agree on all calls.
pub(crate) fn agree(program: Program, calls: Vec<(usize, Scene)>) -> Count {
    match check(&Case { program, calls }, &Kernels::default()) {
        Ok(count) => count,
        Err(failure) => panic!("{}", failure.report()),
    }
}

/// A report of every call.
pub(crate) const ALWAYS: Option<Post> = Some(Post { rate: None });

/// Ranges of numbers.
type Ranges<'a> = &'a [(i128, i128)];

fn set(ranges: Ranges<'_>) -> IntSet {
    IntSet::from_ranges(ranges.iter().copied())
}

pub(crate) fn policy(hooks: Vec<Hook>) -> Program {
    Program {
        policy: "p".to_owned(),
        hooks,
    }
}

pub(crate) fn hook(
    abi: Abi,
    symbol: &str,
    args: Vec<Arg>,
    ret: Option<Arg>,
    rules: Vec<Rule>,
) -> Hook {
    Hook {
        symbol: symbol.to_owned(),
        abi,
        optional: false,
        message: None,
        tags: Vec::new(),
        args,
        ret,
        rules,
        span: SPAN,
    }
}

pub(crate) fn arg(index: u8, ty: ArgType) -> Arg {
    Arg {
        index,
        ty,
        label: None,
        span: SPAN,
    }
}

pub(crate) fn rule(
    tests: Vec<Test>,
    return_tests: Vec<Test>,
    actions: Vec<Action>,
    post: Option<Post>,
    shown: Shown,
) -> Rule {
    Rule {
        tests,
        return_tests,
        actions,
        post,
        shown,
        span: SPAN,
    }
}

pub(crate) fn once_in(interval_ms: u32, scope: RateScope) -> Option<Post> {
    Some(Post {
        rate: Some(Rate { interval_ms, scope }),
    })
}

pub(crate) fn signal(number: u32) -> Action {
    Action::Signal { number, span: SPAN }
}

pub(crate) fn result(value: i32) -> Action {
    Action::Override { value, span: SPAN }
}

pub(crate) fn yes(predicate: Predicate) -> Test {
    Test {
        negate: false,
        predicate,
        span: SPAN,
    }
}

pub(crate) fn not(predicate: Predicate) -> Test {
    Test {
        negate: true,
        predicate,
        span: SPAN,
    }
}

pub(crate) fn int(of: Subject, ranges: Ranges<'_>) -> Predicate {
    Predicate::Int {
        of,
        set: set(ranges),
    }
}

pub(crate) fn mask(of: Subject, mask: u64) -> Predicate {
    Predicate::Mask { of, mask }
}

pub(crate) fn text(of: Subject, how: TextMatch, values: &[&[u8]]) -> Predicate {
    let values = values.iter().map(|bytes| TextValue {
        bytes: bytes.to_vec(),
        span: SPAN,
    });
    Predicate::Text {
        of,
        how,
        values: how.reduce(values.collect()),
    }
}

pub(crate) fn address(of: Subject, end: End, v4: &[(u32, u32)], v6: &[(u128, u128)]) -> Predicate {
    let (v4, v6) = (
        V4Set::from_ranges(v4.iter().copied()),
        V6Set::from_ranges(v6.iter().copied()),
    );
    Predicate::Addr { of, end, v4, v6 }
}

pub(crate) fn port(of: Subject, end: End, ranges: Ranges<'_>) -> Predicate {
    Predicate::Port {
        of,
        end,
        set: set(ranges),
    }
}

pub(crate) fn protocol(of: Subject, ranges: Ranges<'_>) -> Predicate {
    Predicate::Protocol {
        of,
        set: set(ranges),
    }
}

pub(crate) fn family(of: Subject, ranges: Ranges<'_>) -> Predicate {
    Predicate::Family {
        of,
        set: set(ranges),
    }
}

pub(crate) fn state(of: Subject, ranges: Ranges<'_>) -> Predicate {
    Predicate::State {
        of,
        set: set(ranges),
    }
}

pub(crate) fn pid(ranges: Ranges<'_>, namespaced: bool, follow_forks: bool) -> Predicate {
    Predicate::Pid {
        set: set(ranges),
        namespaced,
        follow_forks,
    }
}

pub(crate) fn namespace(kind: Namespace, inodes: Ranges<'_>, host: bool) -> Predicate {
    Predicate::Namespace {
        kind,
        inodes: set(inodes),
        host,
    }
}

pub(crate) fn capability(set: CapSet, mask: u64, namespaced: bool) -> Predicate {
    Predicate::Capability {
        set,
        mask,
        namespaced,
    }
}

/// A call by process 2, which has no parent, with an executable `/x`.
pub(crate) fn call(params: Vec<Param>) -> Scene {
    let root = Dentry {
        filesystem: 0,
        name: b"/".into(),
        parent: 0,
        linked: true,
        mode: Some(0o040_755),
    };
    let file = Dentry {
        name: b"x".into(),
        mode: Some(0o100_755),
        ..root.clone()
    };
    let exe = Spot {
        mount: 0,
        dentry: 1,
    };
    Scene {
        time: 1_000_000_000,
        vfs: Vfs {
            filesystems: vec![Filesystem {
                magic: 0xef53,
                root: 0,
            }],
            dentries: vec![root, file],
            mounts: vec![Mount { root: 0, at: None }],
        },
        task: Task {
            ids: of_thread(2, 2),
            start: 1,
            auid: 1000,
            memory: Some(Image {
                exe: Some(exe),
                arguments: Data::In(Area::User, b"x\0".into()),
            }),
            fs: Some(Fs {
                root: Spot::default(),
                cwd: Spot::default(),
            }),
            files: Some(Vec::new()),
            namespaces: Some(Namespaces::default()),
            pid_namespace: 1,
            cred: Cred::default(),
            parents: Vec::new(),
        },
        params,
        returned: None,
        ring_is_full: false,
    }
}

/// Numbers of a thread of a process in the host's pid namespace.
pub(crate) fn of_thread(process: u32, thread: u32) -> Ids {
    Ids {
        process,
        thread,
        inner: Vec::new(),
    }
}

/// Bytes in memory of the process.
pub(crate) fn user(bytes: &[u8]) -> Param {
    Param::Bytes(Data::In(Area::User, bytes.into()))
}

/// A scene from the report of a failure.
pub(crate) fn scene(json: &str) -> Scene {
    serde_json::from_str(json).expect("a scene")
}

/// The scene, but so.
pub(crate) fn with(mut scene: Scene, change: impl FnOnce(&mut Scene)) -> Scene {
    change(&mut scene);
    scene
}

/// The scene, so much later.
pub(crate) fn later(scene: &Scene, nanoseconds: u64) -> Scene {
    with(scene.clone(), |scene| scene.time += nanoseconds)
}

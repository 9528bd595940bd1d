//! What the oracle has found: the smallest case of each, named after the cause.

use tpc::ir::{
    Abi, ArgType, CapSet, End, IntType, Namespace, RateScope, Rule, Shown, Subject, TextMatch,
};
use tpc::sim::scene::{AF_INET, AF_INET6, Dentry, Mount, Param, Parent, Sock, Spot};

use super::oracle::rust::Rust;
use super::short::*;

/// A rule that reports every call.
fn report() -> Rule {
    rule(vec![], vec![], vec![], ALWAYS, Shown::Post)
}

/// A rule that reports a call, and the same again after a second.
fn once() -> Rule {
    let rate = once_in(1000, RateScope::Global);
    rule(vec![], vec![], vec![], rate, Shown::Post)
}

#[test]
fn scenes_in_reports_repeat_the_call() {
    let program = policy(vec![hook(Abi::Function, "f", vec![], None, vec![report()])]);
    let plain = call(vec![user(b"\xff\0\"")]);
    let json = serde_json::to_string(&plain).expect("text");
    assert_eq!(scene(&json), plain);
    assert_eq!(agree(program, vec![(0, scene(&json))]).reported, 1);
}

#[test]
fn a_short_address_may_end_with_its_page() {
    let program = policy(vec![hook(
        Abi::Syscall,
        "sys_f",
        vec![arg(0, ArgType::Sockaddr)],
        None,
        vec![report()],
    )]);
    let v4 = [&AF_INET.to_le_bytes()[..], &[0, 80, 10, 0, 0, 1]].concat();
    let v6 = [&AF_INET6.to_le_bytes()[..], &[0, 80, 0, 0, 0, 0], &[7; 16]].concat();
    let calls = [&v4, &v6, &v4[..7].to_vec()].map(|bytes| (0, call(vec![user(bytes)])));
    assert_eq!(agree(program, calls.to_vec()).reported, 3);
}

#[test]
fn addresses_that_events_do_not_show_share_a_rate_limit() {
    let program = policy(vec![hook(
        Abi::Syscall,
        "sys_f",
        vec![arg(0, ArgType::Sockaddr)],
        None,
        vec![once()],
    )]);
    let cut = AF_INET6.to_le_bytes();
    let calls = [user(&cut), user(b"")].map(|param| (0, call(vec![param])));
    assert_eq!(agree(program, calls.to_vec()).reported, 1);
}

#[test]
fn a_parent_may_be_a_thread_that_is_not_the_first() {
    let of_parent = rule(
        vec![yes(pid(&[(3, 3)], true, true))],
        vec![],
        vec![],
        ALWAYS,
        Shown::Post,
    );
    let program = policy(vec![hook(
        Abi::Function,
        "f",
        vec![],
        None,
        vec![of_parent],
    )]);
    let mut ids = of_thread(5, 7);
    ids.inner = vec![(3, 4)];
    let parent = Parent {
        ids,
        ..Parent::default()
    };
    let scene = with(call(vec![]), |scene| scene.task.parents = vec![parent]);
    assert_eq!(agree(program, vec![(0, scene)]).reported, 1);
}

#[test]
fn selectors_have_rate_limits_of_their_own() {
    let ty = ArgType::Int(IntType::I32);
    let once = |tests| {
        rule(
            tests,
            vec![],
            vec![],
            once_in(1000, RateScope::Thread),
            Shown::Post,
        )
    };
    let from_root = yes(capability(CapSet::Effective, 1, false));
    let program = policy(vec![hook(
        Abi::Function,
        "f",
        vec![arg(0, ty)],
        None,
        vec![once(vec![from_root]), once(vec![])],
    )]);
    let plain = call(vec![]);
    let root = with(plain.clone(), |scene| scene.task.cred.effective = 1);
    let calls = vec![
        (0, root),
        (0, plain.clone()),
        (0, later(&plain, 999_999_999)),
    ];
    assert_eq!(agree(program, calls).reported, 2);
}

#[test]
fn a_text_that_is_read_ahead_may_take_the_room_of_another() {
    let texts = (0..4).map(|index| arg(index, ArgType::String)).collect();
    let each = |index| text(Subject::Arg(index), TextMatch::Equal, &[b"text"]);
    let all = rule(
        (0..4).map(|index| yes(each(index))).collect(),
        vec![],
        vec![],
        ALWAYS,
        Shown::Post,
    );
    let none = rule(
        (0..4).map(|index| not(each(index))).collect(),
        vec![],
        vec![],
        ALWAYS,
        Shown::Post,
    );
    let program = policy(vec![hook(Abi::Function, "f", texts, None, vec![all, none])]);
    let calls = [b"text\0", b"else\0"].map(|last| {
        let params = [b"text\0", b"text\0", b"text\0", last].map(|bytes| user(bytes));
        (0, call(params.to_vec()))
    });
    assert_eq!(agree(program, calls.to_vec()).reported, 1);
}

#[test]
fn a_full_record_names_its_own_process() {
    let paths = (0..3).map(|index| arg(index, ArgType::Path)).collect();
    let program = policy(vec![hook(Abi::Function, "f", paths, None, vec![report()])]);
    // Two paths that just leave room for a third.
    let scene = with(call(vec![]), |scene| {
        let mut deep = |depth: usize, last: usize| {
            let mut at = Spot::default();
            for number in 0..depth {
                let len = if number + 1 == depth { last } else { 255 };
                scene.vfs.dentries.push(Dentry {
                    name: vec![b'a'; len].into(),
                    parent: at.dentry,
                    ..scene.vfs.dentries[0].clone()
                });
                at.dentry = scene.vfs.dentries.len() - 1;
            }
            Param::Path(at)
        };
        scene.params = vec![deep(16, 175), deep(16, 175), deep(16, 250)];
    });
    assert_eq!(agree(program, vec![(0, scene)]).reported, 1);
}

#[test]
fn policies_in_reports_are_what_they_show() {
    macro_rules! same {
        ($($test:expr),* $(,)?) => {
            $(let shown = Rust(&$test).to_string();
            let plain = |text: &str| text.replace([' ', '\n', ','], "");
            assert_eq!(plain(&shown), plain(stringify!($test)));)*
        };
    }
    same![
        yes(int(Subject::Arg(0), &[(-1, 1), (5, 5)])),
        not(mask(Subject::Return, 0x10)),
        not(text(Subject::Exe, TextMatch::Prefix, &[b"/a\x00\"", b"/b"])),
        yes(address(Subject::Arg(1), End::Source, &[(1, 2)], &[(3, 4)])),
        yes(port(Subject::Arg(1), End::Destination, &[(22, 22)])),
        yes(protocol(Subject::Arg(1), &[(6, 6)])),
        yes(family(Subject::Arg(1), &[(2, 2)])),
        yes(state(Subject::Arg(1), &[(1, 1)])),
        yes(pid(&[(1, 1)], true, false)),
        yes(namespace(Namespace::Uts, &[(1, 1)], true)),
        yes(capability(CapSet::Permitted, 0x1, false)),
    ];
    same![hook(
        Abi::Function,
        "f",
        vec![
            arg(0, ArgType::Int(IntType::U8)),
            arg(1, ArgType::CharBuf { size_from: Some(0) })
        ],
        Some(arg(0, ArgType::File)),
        vec![
            rule(
                vec![],
                vec![],
                vec![signal(9), result(-1)],
                once_in(5, RateScope::Process),
                Shown::Override
            ),
            rule(vec![], vec![], vec![], ALWAYS, Shown::Post),
            rule(vec![], vec![], vec![], None, Shown::NoPost)
        ]
    )];
}

#[test]
fn a_return_that_is_not_reported_needs_no_program() {
    let silent = rule(vec![], vec![], vec![signal(9)], None, Shown::NoPost);
    let ret = arg(0, ArgType::Fd);
    let program = policy(vec![hook(
        Abi::Function,
        "f",
        vec![],
        Some(ret),
        vec![silent],
    )]);
    let scene = with(call(vec![]), |scene| {
        scene.returned = Some(Param::Number(3))
    });
    assert_eq!(agree(program, vec![(0, scene)]).matched, 1);
}

#[test]
fn a_rate_limit_tells_sockets_apart_by_both_ends() {
    let args = vec![arg(0, ArgType::Sock)];
    let program = policy(vec![hook(Abi::Function, "f", args, None, vec![once()])]);
    let sock = |mark, destination| {
        let sock = Sock {
            family: AF_INET,
            kind: 1,
            protocol: 6,
            state: 1,
            mark,
            priority: 0,
            addresses: [[10; 16], [destination; 16]],
            ports: [1024, 443],
        };
        (0, call(vec![Param::Sock(sock)]))
    };
    // Another mark is the same connection, another destination is not.
    let calls = vec![sock(0, 1), sock(5, 1), sock(0, 2)];
    assert_eq!(agree(program, calls).reported, 2);
}

#[test]
fn a_dentry_that_is_an_error_has_no_name() {
    let other = not(text(Subject::Return, TextMatch::Equal, &[b"/a"]));
    let unless = rule(vec![], vec![other], vec![], ALWAYS, Shown::Post);
    let ret = arg(0, ArgType::Dentry);
    let program = policy(vec![hook(
        Abi::Function,
        "f",
        vec![],
        Some(ret),
        vec![unless],
    )]);
    let returns = |param| with(call(vec![]), |scene| scene.returned = Some(param));
    let (error, entry) = (Param::Number(-2i64 as u64), Param::Dentry(1));
    let calls = vec![(0, returns(error)), (0, returns(entry))];
    assert_eq!(agree(program, calls).reported, 1);
}

#[test]
fn a_directory_at_the_top_may_be_unlinked() {
    let args = vec![arg(0, ArgType::Path)];
    let program = policy(vec![hook(Abi::Function, "f", args, None, vec![report()])]);
    let scene = with(call(vec![]), |scene| {
        scene.vfs.dentries[1].linked = false;
        scene.vfs.mounts.push(Mount { root: 1, at: None });
        let top = Spot {
            mount: 1,
            dentry: 1,
        };
        scene.params = vec![Param::Path(top)];
    });
    assert_eq!(agree(program, vec![(0, scene)]).reported, 1);
}

#[test]
fn process_0_has_no_parents() {
    let of_parent = rule(
        vec![yes(pid(&[(3, 3)], false, true))],
        vec![],
        vec![],
        ALWAYS,
        Shown::Post,
    );
    let program = policy(vec![hook(
        Abi::Function,
        "f",
        vec![],
        None,
        vec![of_parent],
    )]);
    let scene = |process| {
        with(call(vec![]), |scene| {
            scene.task.ids = of_thread(process, process);
            scene.task.parents = vec![Parent {
                ids: of_thread(3, 3),
                ..Parent::default()
            }];
        })
    };
    let calls = [0, 5].map(|process| (0, scene(process)));
    assert_eq!(agree(program, calls.to_vec()).reported, 1);
}

#[test]
fn an_unlinked_file_and_one_of_that_name_share_a_rate_limit() {
    let args = vec![arg(0, ArgType::Path)];
    let program = policy(vec![hook(Abi::Function, "f", args, None, vec![once()])]);
    let scene = |name: &[u8], linked| {
        with(call(vec![]), |scene| {
            let dentry = scene.vfs.dentries.len();
            scene.vfs.dentries.push(Dentry {
                name: name.into(),
                linked,
                ..scene.vfs.dentries[1].clone()
            });
            scene.params = vec![Param::Path(Spot { mount: 0, dentry })];
        })
    };
    let calls = vec![(0, scene(b"a (deleted)", true)), (0, scene(b"a", false))];
    assert_eq!(agree(program, calls).reported, 1);
}

#[test]
fn what_a_crowded_record_cuts_is_told_apart_by_what_it_was() {
    let size = ArgType::CharBuf { size_from: Some(3) };
    let args = vec![
        arg(0, ArgType::String),
        arg(1, ArgType::String),
        arg(2, size),
    ];
    let program = policy(vec![hook(Abi::Function, "f", args, None, vec![once()])]);
    let long = || user(&[[b'x'; 4093].as_slice(), &[0]].concat());
    let scene = |len: u64| {
        let params = vec![long(), long(), user(&[b'y'; 4094]), Param::Number(len)];
        (0, call(params))
    };
    let calls = vec![scene(4094), scene(4092), scene(4094)];
    assert_eq!(agree(program, calls).reported, 2);
}

#[test]
fn an_executable_keeps_its_path_when_it_is_unlinked() {
    let kill = rule(
        vec![not(text(Subject::Exe, TextMatch::Equal, &[b"/x"]))],
        vec![],
        vec![signal(9)],
        ALWAYS,
        Shown::Sigkill,
    );
    let program = policy(vec![hook(Abi::Function, "f", vec![], None, vec![kill])]);
    let unlinked = with(call(vec![]), |scene| scene.vfs.dentries[1].linked = false);
    assert_eq!(agree(program, vec![(0, unlinked)]).matched, 0);
}

#[test]
fn a_socket_that_is_an_error_has_no_state() {
    let closed = yes(state(Subject::Return, &[(0, 0)]));
    let silent = rule(vec![], vec![closed], vec![], ALWAYS, Shown::Post);
    let ret = arg(0, ArgType::Sock);
    let program = policy(vec![hook(
        Abi::Function,
        "f",
        vec![],
        Some(ret),
        vec![silent],
    )]);
    let error = with(call(vec![]), |scene| {
        scene.returned = Some(Param::Number(-11i64 as u64));
    });
    assert_eq!(agree(program, vec![(0, error)]).reported, 0);
}

#[test]
fn a_text_is_read_again_when_another_took_its_buffer() {
    let args = (0..4).map(|index| arg(index, ArgType::String)).collect();
    let mut tests: Vec<_> = (0..4)
        .map(|position| not(text(Subject::Arg(position), TextMatch::Equal, &[b"no"])))
        .collect();
    tests.push(yes(text(Subject::Arg(0), TextMatch::Equal, &[b"first"])));
    let kill = rule(tests, vec![], vec![signal(9)], ALWAYS, Shown::Sigkill);
    let program = policy(vec![hook(Abi::Function, "f", args, None, vec![kill])]);
    let words: [&[u8]; 4] = [b"first\0", b"second\0", b"third\0", b"fourth\0"];
    let scene = call(words.iter().map(|word| user(word)).collect());
    assert_eq!(agree(program, vec![(0, scene)]).matched, 1);
}

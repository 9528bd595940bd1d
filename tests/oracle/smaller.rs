//! Smaller policies and calls: what is left when one thing is taken away.

use tpc::ir::{
    ArgType, Hook, IntSet, Predicate, Program, Rule, Subject, Test, TextValue, V4Set, V6Set,
};
use tpc::sim::scene::{Area, Cred, Data, Ids, Param, Scene, Spot};

/// A case: a policy, and calls of its hooks.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) program: Program,
    pub(crate) calls: Vec<(usize, Scene)>,
}

impl Case {
    /// Nothing, for a failure before there was a case.
    pub(crate) fn empty() -> Self {
        let program = Program {
            policy: String::new(),
            hooks: Vec::new(),
        };
        Self {
            program,
            calls: Vec::new(),
        }
    }

    /// Cases that are smaller in one respect, the boldest first; each is made when it is asked for, as all together may not fit in memory.
    pub(crate) fn smaller(&self) -> impl Iterator<Item = Case> + '_ {
        let fewer = lists(&self.calls).map(|calls| self.with_calls(calls));
        let hooks = (0..self.program.hooks.len()).flat_map(|hook| self.smaller_hooks(hook));
        let calls = self.calls.iter().enumerate();
        let scenes = calls.flat_map(move |(number, (hook, scene))| {
            scenes(scene).into_iter().map(move |smaller| {
                let mut calls = self.calls.clone();
                calls[number] = (*hook, smaller);
                self.with_calls(calls)
            })
        });
        fewer.chain(hooks).chain(scenes)
    }

    fn with_calls(&self, calls: Vec<(usize, Scene)>) -> Case {
        Case {
            program: self.program.clone(),
            calls,
        }
    }

    /// Without a hook, or with a smaller one.
    fn smaller_hooks(&self, hook: usize) -> impl Iterator<Item = Case> + '_ {
        let smaller = hooks(&self.program.hooks[hook]).into_iter();
        let smaller = smaller.map(move |smaller| {
            let mut case = self.clone();
            case.program.hooks[hook] = smaller;
            case
        });
        self.without_hook(hook).into_iter().chain(smaller)
    }

    fn without_hook(&self, hook: usize) -> Option<Case> {
        let mut program = self.program.clone();
        program.hooks.remove(hook);
        let calls = self.calls.iter().filter(|(of, _)| *of != hook);
        let calls = calls.map(|(of, scene)| (of - usize::from(*of > hook), scene.clone()));
        (!program.hooks.is_empty()).then(|| Case {
            program,
            calls: calls.collect(),
        })
    }
}

/// Shorter lists: halves, then all but one.
fn less<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    lists(list).collect()
}

/// The same, each made when it is asked for.
fn lists<T: Clone>(list: &[T]) -> impl Iterator<Item = Vec<T>> + '_ {
    let halved = |len: &usize| (*len > 1).then(|| len.div_ceil(2));
    let sizes = std::iter::successors(halved(&list.len()), halved);
    let shorter = sizes.flat_map(move |len| {
        let starts = (0..list.len()).step_by(len);
        starts.map(move |start| {
            let end = (start + len).min(list.len());
            [&list[..start], &list[end..]].concat()
        })
    });
    shorter.chain((list.len() == 1).then(Vec::new))
}

/// A copy with one thing changed.
fn with<T: Clone>(of: &T, change: impl FnOnce(&mut T)) -> T {
    let mut copy = of.clone();
    change(&mut copy);
    copy
}

fn hooks(hook: &Hook) -> Vec<Hook> {
    let mut all: Vec<Hook> = less(&hook.rules)
        .into_iter()
        .filter(|rules| !rules.is_empty())
        .map(|rules| with(hook, |hook| hook.rules = rules))
        .collect();
    if hook.ret.is_some() && hook.rules.iter().all(|rule| rule.return_tests.is_empty()) {
        all.push(with(hook, |hook| hook.ret = None));
    }
    all.extend((0..hook.args.len()).filter_map(|position| without_argument(hook, position)));
    for (number, rule) in hook.rules.iter().enumerate() {
        all.extend(
            rules(rule)
                .into_iter()
                .map(|rule| with(hook, |hook| hook.rules[number] = rule)),
        );
    }
    all
}

/// The hook without an argument that no filter looks at.
fn without_argument(hook: &Hook, position: usize) -> Option<Hook> {
    let mut smaller = hook.clone();
    let removed = smaller.args.remove(position);
    // A buffer's length stays what its declaration makes of it.
    let sizes = smaller.args.iter().any(|arg| matches!(arg.ty, ArgType::CharBuf { size_from: Some(index) } if index == removed.index));
    if sizes {
        return None;
    }
    for rule in &mut smaller.rules {
        for test in rule.tests.iter_mut().chain(&mut rule.return_tests) {
            match subject(&mut test.predicate) {
                Some(Subject::Arg(at)) if *at == position => return None,
                Some(Subject::Arg(at)) if *at > position => *at -= 1,
                _ => {}
            }
        }
    }
    Some(smaller)
}

fn subject(predicate: &mut Predicate) -> Option<&mut Subject> {
    match predicate {
        Predicate::Int { of, .. }
        | Predicate::Mask { of, .. }
        | Predicate::Text { of, .. }
        | Predicate::Addr { of, .. }
        | Predicate::Port { of, .. }
        | Predicate::Protocol { of, .. }
        | Predicate::Family { of, .. }
        | Predicate::State { of, .. } => Some(of),
        Predicate::Pid { .. } | Predicate::Namespace { .. } | Predicate::Capability { .. } => None,
    }
}

fn rules(rule: &Rule) -> Vec<Rule> {
    let mut all = Vec::new();
    all.extend(
        less(&rule.tests)
            .into_iter()
            .map(|tests| with(rule, |rule| rule.tests = tests)),
    );
    all.extend(
        less(&rule.return_tests)
            .into_iter()
            .map(|tests| with(rule, |rule| rule.return_tests = tests)),
    );
    all.extend(
        less(&rule.actions)
            .into_iter()
            .map(|actions| with(rule, |rule| rule.actions = actions)),
    );
    if let Some(post) = rule.post {
        all.push(with(rule, |rule| rule.post = None));
        if post.rate.is_some() {
            all.push(with(rule, |rule| {
                rule.post.iter_mut().for_each(|post| post.rate = None)
            }));
        }
    }
    for (number, test) in rule.tests.iter().enumerate() {
        all.extend(
            tests(test)
                .into_iter()
                .map(|test| with(rule, |rule| rule.tests[number] = test)),
        );
    }
    for (number, test) in rule.return_tests.iter().enumerate() {
        all.extend(
            tests(test)
                .into_iter()
                .map(|test| with(rule, |rule| rule.return_tests[number] = test)),
        );
    }
    all
}

fn tests(test: &Test) -> Vec<Test> {
    let mut all: Vec<Test> = predicates(&test.predicate)
        .into_iter()
        .map(|predicate| with(test, |test| test.predicate = predicate))
        .collect();
    if test.negate {
        all.push(with(test, |test| test.negate = false));
    }
    all
}

fn predicates(predicate: &Predicate) -> Vec<Predicate> {
    let of_set = |set: &IntSet, put: fn(&mut Predicate) -> Option<&mut IntSet>| {
        let smaller = ranges(set.ranges()).into_iter().map(IntSet::from_ranges);
        smaller
            .map(|set| {
                with(predicate, |predicate| {
                    put(predicate)
                        .into_iter()
                        .for_each(|place| *place = set.clone())
                })
            })
            .collect()
    };
    match predicate {
        Predicate::Int { set, .. }
        | Predicate::Port { set, .. }
        | Predicate::Protocol { set, .. }
        | Predicate::Family { set, .. }
        | Predicate::State { set, .. }
        | Predicate::Pid { set, .. }
        | Predicate::Namespace { inodes: set, .. } => of_set(set, set_of),
        Predicate::Text { of, how, values } => {
            let texts = texts(values).into_iter().map(|values| how.reduce(values));
            texts
                .map(|values| Predicate::Text {
                    of: *of,
                    how: *how,
                    values,
                })
                .collect()
        }
        Predicate::Addr { of, end, v4, v6 } => {
            let (of, end) = (*of, *end);
            let fours = ranges(v4.ranges()).into_iter().map(V4Set::from_ranges);
            let fours = fours.map(|v4| Predicate::Addr {
                of,
                end,
                v4,
                v6: v6.clone(),
            });
            let sixes = ranges(v6.ranges()).into_iter().map(V6Set::from_ranges);
            let sixes = sixes.map(|v6| Predicate::Addr {
                of,
                end,
                v4: v4.clone(),
                v6,
            });
            fours.chain(sixes).collect()
        }
        Predicate::Mask { .. } | Predicate::Capability { .. } => Vec::new(),
    }
}

fn set_of(predicate: &mut Predicate) -> Option<&mut IntSet> {
    match predicate {
        Predicate::Int { set, .. }
        | Predicate::Port { set, .. }
        | Predicate::Protocol { set, .. }
        | Predicate::Family { set, .. }
        | Predicate::State { set, .. }
        | Predicate::Pid { set, .. }
        | Predicate::Namespace { inodes: set, .. } => Some(set),
        _ => None,
    }
}

/// Fewer ranges, and ranges of one number.
fn ranges<T: Copy + PartialOrd>(ranges: &[(T, T)]) -> Vec<Vec<(T, T)>> {
    let mut all = less(ranges);
    for (number, (low, high)) in ranges.iter().enumerate() {
        if low < high {
            all.push(with(&ranges.to_vec(), |ranges| {
                ranges[number] = (*low, *low)
            }));
            all.push(with(&ranges.to_vec(), |ranges| {
                ranges[number] = (*high, *high)
            }));
        }
    }
    all
}

fn texts(values: &[TextValue]) -> Vec<Vec<TextValue>> {
    let mut all: Vec<Vec<TextValue>> = less(values);
    if values.len() > 4 {
        return all;
    }
    for (number, value) in values.iter().enumerate() {
        for bytes in less(&value.bytes)
            .into_iter()
            .filter(|bytes| !bytes.is_empty())
        {
            all.push(with(&values.to_vec(), |values| {
                values[number].bytes = bytes
            }));
        }
    }
    all
}

fn scenes(scene: &Scene) -> Vec<Scene> {
    let mut all: Vec<Scene> = less(&scene.task.parents)
        .into_iter()
        .map(|parents| with(scene, |scene| scene.task.parents = parents))
        .collect();
    all.extend(tasks(scene));
    for (number, param) in scene.params.iter().enumerate() {
        all.extend(
            params(param)
                .into_iter()
                .map(|param| with(scene, |scene| scene.params[number] = param)),
        );
    }
    if let Some(returned) = &scene.returned {
        all.push(with(scene, |scene| scene.returned = None));
        all.extend(
            params(returned)
                .into_iter()
                .map(|param| with(scene, |scene| scene.returned = Some(param))),
        );
    }
    let collected = collected(scene);
    if collected.vfs != scene.vfs {
        all.push(collected);
    }
    all.extend(names(scene));
    all.retain(|smaller| smaller != scene);
    all
}

fn tasks(scene: &Scene) -> Vec<Scene> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Scene)| all.push(with(scene, |scene| change(scene)));
    add(&|scene| scene.task.cred = Cred::default());
    add(&|scene| scene.task.files = Some(Vec::new()));
    add(&|scene| scene.task.namespaces = None);
    add(&|scene| scene.task.memory = None);
    add(&|scene| {
        scene
            .task
            .memory
            .iter_mut()
            .for_each(|memory| memory.arguments = Data::In(Area::User, Vec::new().into()))
    });
    add(&|scene| scene.task.fs.iter_mut().for_each(|fs| fs.cwd = fs.root));
    add(&|scene| {
        scene
            .task
            .fs
            .iter_mut()
            .for_each(|fs| fs.root = Spot::default())
    });
    add(&|scene| scene.task.ids.inner.clear());
    add(&|scene| scene.task.ids.thread = scene.task.ids.process);
    add(&|scene| {
        scene.task.ids = Ids {
            process: 1,
            thread: 1,
            inner: Vec::new(),
        }
    });
    add(&|scene| scene.task.start = 1);
    add(&|scene| scene.ring_is_full = false);
    for parent in 0..scene.task.parents.len().min(3) {
        add(&|scene| scene.task.parents[parent].exe = None);
        add(&|scene| scene.task.parents[parent].start = 1);
        add(&|scene| scene.task.parents[parent].ids.inner.clear());
        add(&|scene| {
            scene.task.parents[parent].ids.thread = scene.task.parents[parent].ids.process
        });
    }
    all
}

fn params(param: &Param) -> Vec<Param> {
    let mut all = match param {
        Param::Number(0) => return Vec::new(),
        Param::Number(bits) => vec![
            Param::Number(bits & 0xffff_ffff),
            Param::Number(bits / 2),
            Param::Number(bits - 1),
        ],
        Param::Bytes(Data::In(area, bytes)) => {
            let shorter = less(bytes).into_iter();
            shorter
                .map(|bytes| Param::Bytes(Data::In(*area, bytes.into())))
                .collect()
        }
        _ => Vec::new(),
    };
    all.insert(0, Param::Number(0));
    all
}

/// Shorter names.
fn names(scene: &Scene) -> Vec<Scene> {
    let long = |index: &usize| scene.vfs.dentries[*index].name.len() > 1;
    let found = (0..scene.vfs.dentries.len()).filter(long).take(40);
    let shorter = |index: usize| {
        with(scene, |scene| {
            let name = &mut scene.vfs.dentries[index].name;
            let half = name.len().div_ceil(2);
            name.0.truncate(half);
        })
    };
    found.map(shorter).collect()
}

/// The scene without entries and mounts that nothing leads to.
fn collected(scene: &Scene) -> Scene {
    let mut used = Used {
        dentries: vec![false; scene.vfs.dentries.len()],
        mounts: vec![false; scene.vfs.mounts.len()],
        filesystems: vec![false; scene.vfs.filesystems.len()],
    };
    let mut scene = scene.clone();
    used.spot(&scene, Spot::default());
    let copy = scene.clone();
    each_spot(&mut scene, &mut |spot| used.spot(&copy, *spot), &mut |_| {});
    each_spot(&mut scene, &mut |_| {}, &mut |dentry| {
        used.dentry(&copy, *dentry)
    });
    let place = |used: &[bool], index: usize| used[..index].iter().filter(|used| **used).count();
    each_spot(
        &mut scene,
        &mut |spot| {
            *spot = Spot {
                mount: place(&used.mounts, spot.mount),
                dentry: place(&used.dentries, spot.dentry),
            }
        },
        &mut |dentry| *dentry = place(&used.dentries, *dentry),
    );
    let mut number = 0..;
    scene
        .vfs
        .dentries
        .retain(|_| number.next().is_some_and(|index| used.dentries[index]));
    let mut number = 0..;
    scene
        .vfs
        .mounts
        .retain(|_| number.next().is_some_and(|index| used.mounts[index]));
    let mut number = 0..;
    scene
        .vfs
        .filesystems
        .retain(|_| number.next().is_some_and(|index| used.filesystems[index]));
    for filesystem in &mut scene.vfs.filesystems {
        filesystem.root = place(&used.dentries, filesystem.root);
    }
    for dentry in &mut scene.vfs.dentries {
        dentry.filesystem = place(&used.filesystems, dentry.filesystem);
        dentry.parent = place(&used.dentries, dentry.parent);
    }
    for mount in &mut scene.vfs.mounts {
        mount.root = place(&used.dentries, mount.root);
        if let Some(at) = &mut mount.at {
            *at = Spot {
                mount: place(&used.mounts, at.mount),
                dentry: place(&used.dentries, at.dentry),
            };
        }
    }
    scene
}

/// What something leads to.
struct Used {
    filesystems: Vec<bool>,
    dentries: Vec<bool>,
    mounts: Vec<bool>,
}

impl Used {
    fn dentry(&mut self, scene: &Scene, mut dentry: usize) {
        while !std::mem::replace(&mut self.dentries[dentry], true) {
            let filesystem = scene.vfs.dentries[dentry].filesystem;
            if !std::mem::replace(&mut self.filesystems[filesystem], true) {
                self.dentry(scene, scene.vfs.filesystems[filesystem].root);
            }
            dentry = scene.vfs.dentries[dentry].parent;
        }
    }

    fn spot(&mut self, scene: &Scene, spot: Spot) {
        self.dentry(scene, spot.dentry);
        if !std::mem::replace(&mut self.mounts[spot.mount], true) {
            let mount = scene.vfs.mounts[spot.mount];
            self.dentry(scene, mount.root);
            mount.at.into_iter().for_each(|at| self.spot(scene, at));
        }
    }
}

/// Every file that the scene names, outside of its tree.
fn each_spot(
    scene: &mut Scene,
    file: &mut dyn FnMut(&mut Spot),
    entry: &mut dyn FnMut(&mut usize),
) {
    let task = &mut scene.task;
    let exes = task
        .memory
        .iter_mut()
        .filter_map(|memory| memory.exe.as_mut());
    let parents = task
        .parents
        .iter_mut()
        .filter_map(|parent| parent.exe.as_mut());
    exes.chain(parents).for_each(&mut *file);
    if let Some(fs) = &mut task.fs {
        file(&mut fs.root);
        file(&mut fs.cwd);
    }
    task.files
        .iter_mut()
        .flatten()
        .flatten()
        .for_each(&mut *file);
    for param in scene.params.iter_mut().chain(&mut scene.returned) {
        match param {
            Param::File(spot) | Param::Path(spot) | Param::Binprm(Some(spot)) => file(spot),
            Param::Dentry(dentry) => entry(dentry),
            _ => {}
        }
    }
}

//! Random calls, most of them close to what a policy's filters look for.

use std::collections::BTreeMap;

use tpc::ir::interp;
use tpc::ir::{ArgType, End, Hook, IntSet, IntType, Predicate, Program, Rule, Subject, TextMatch};
use tpc::sim::scene::{
    AF_INET, AF_INET6, Area, Cred, Data, Fs, Ids, Image, Namespaces, Param, Parent, Scene, Sock,
    Spot, Task, UserNamespace,
};

use super::dice::Dice;
use super::policies::{NAMESPACES, capabilities, inode};
use super::tree::Tree;
use super::vary::vary;
use super::words;

/// Inode numbers of the host's namespaces.
pub(crate) fn host() -> interp::Namespaces {
    NAMESPACES
        .iter()
        .zip(0xf000_0000..)
        .map(|(kind, inode)| (*kind, inode))
        .collect()
}

/// Calls of the hooks of a policy, one after the other.
pub(crate) struct Calls<'a> {
    program: &'a Program,
    last: BTreeMap<usize, Scene>,
    time: u64,
    /// Number of the last thread that did not return.
    gone: u32,
}

impl<'a> Calls<'a> {
    pub(crate) fn new(program: &'a Program) -> Self {
        Self {
            program,
            last: BTreeMap::new(),
            time: 1_000_000_000,
            gone: 10_000_000,
        }
    }

    /// A hook and a call of it.
    pub(crate) fn next(&mut self, dice: &mut Dice) -> (usize, Scene) {
        let hook = dice.index(self.program.hooks.len());
        self.time += self.delay(dice, hook);
        // Limits are about what was there before.
        let limited = self.intervals(hook).next().is_some();
        let repeats = dice.once_in(if limited { 2 } else { 3 });
        let again = self.last.get(&hook).filter(|_| repeats).cloned();
        let mut scene = match again {
            // The same again, or almost.
            Some(mut again) => {
                if !dice.once_in(3) {
                    vary(dice, &self.program.hooks[hook], &mut again);
                }
                again
            }
            None => scene(dice, &self.program.hooks[hook]),
        };
        scene.time = self.time;
        if scene.returned.is_none() && self.program.hooks[hook].ret.is_some() {
            // A thread that is in a function for ever does not call it again.
            self.gone += 1;
            scene.task.ids.thread = self.gone;
        }
        self.last.insert(hook, scene.clone());
        (hook, scene)
    }

    /// Intervals of the rate limits of a hook, in nanoseconds.
    fn intervals(&self, hook: usize) -> impl Iterator<Item = u64> {
        let interval = |rule: &Rule| {
            rule.post?
                .rate
                .map(|rate| u64::from(rate.interval_ms) * 1_000_000)
        };
        self.program.hooks[hook].rules.iter().filter_map(interval)
    }

    /// Time since the last call: often about an interval of a rate limit.
    fn delay(&self, dice: &mut Dice, hook: usize) -> u64 {
        let intervals: Vec<u64> = self.intervals(hook).collect();
        let whole = if intervals.is_empty() {
            0
        } else {
            dice.one(&intervals)
        };
        match dice.below(5) {
            0 | 1 => dice.below(1000),
            2 => whole,
            3 => whole.saturating_sub(1),
            _ => whole / 2,
        }
    }
}

/// What the filters of a hook look for.
struct Wanted<'a>(&'a Hook);

impl<'a> Wanted<'a> {
    fn predicates(&self) -> impl Iterator<Item = &'a Predicate> {
        let tests = |rule: &'a Rule| rule.tests.iter().chain(&rule.return_tests);
        self.0
            .rules
            .iter()
            .flat_map(tests)
            .map(|test| &test.predicate)
    }

    fn subject(predicate: &Predicate) -> Option<Subject> {
        match predicate {
            Predicate::Int { of, .. }
            | Predicate::Mask { of, .. }
            | Predicate::Text { of, .. }
            | Predicate::Addr { of, .. }
            | Predicate::Port { of, .. }
            | Predicate::Protocol { of, .. }
            | Predicate::Family { of, .. }
            | Predicate::State { of, .. } => Some(*of),
            Predicate::Pid { .. } | Predicate::Namespace { .. } | Predicate::Capability { .. } => {
                None
            }
        }
    }

    /// A filter on one of these values, and the value.
    fn on(&self, dice: &mut Dice, of: &[Subject]) -> Option<(&'a Predicate, Subject)> {
        let with = |predicate: &'a Predicate| Some((predicate, Self::subject(predicate)?));
        let found: Vec<_> = self
            .predicates()
            .filter_map(with)
            .filter(|(_, subject)| of.contains(subject))
            .collect();
        (!found.is_empty()).then(|| dice.one(&found))
    }

    /// A text that a filter on one of these values compares with, or something close.
    fn text(&self, dice: &mut Dice, of: &[Subject], is_path: bool) -> Vec<u8> {
        let predicate = self.on(dice, of).filter(|_| !dice.once_in(5));
        let Some((Predicate::Text { values, how, .. }, _)) = predicate else {
            return if is_path {
                words::path(dice)
            } else {
                words::text(dice)
            };
        };
        if values.is_empty() {
            return words::text(dice);
        }
        let value = &dice.pick(values).bytes;
        let more = if is_path {
            words::path(dice)
        } else {
            words::text(dice)
        };
        match how {
            TextMatch::Postfix if dice.flip() => [more, words::near(dice, value)].concat(),
            TextMatch::Prefix if dice.flip() => [words::near(dice, value), more].concat(),
            _ => words::near(dice, value),
        }
    }

    /// Numbers of processes that filters look for.
    fn pids(&self) -> Vec<&'a IntSet> {
        let pids = self.predicates().filter_map(|predicate| match predicate {
            Predicate::Pid { set, .. } => Some(set),
            _ => None,
        });
        pids.collect()
    }

    fn follows_forks(&self) -> bool {
        self.predicates().any(|predicate| {
            matches!(
                predicate,
                Predicate::Pid {
                    follow_forks: true,
                    ..
                }
            )
        })
    }

    /// A member of a set, or a neighbour of one.
    fn member(dice: &mut Dice, set: &IntSet, ty: IntType) -> i128 {
        if set.is_empty() {
            return words::number(dice, ty);
        }
        let (low, high) = dice.one(set.ranges());
        let edge = dice.one(&[low, high]);
        words::near_number(dice, edge, ty)
    }
}

fn scene(dice: &mut Dice, hook: &Hook) -> Scene {
    let wanted = Wanted(hook);
    let mut tree = Tree::new(dice);
    let task = task(dice, &wanted, &mut tree);
    let mut maker = Maker {
        wanted,
        tree,
        files: task.files.clone(),
        sizes: BTreeMap::new(),
    };
    let mut params: Vec<Param> = (0..6).map(|index| maker.register(dice, index)).collect();
    for (index, size) in maker.sizes.clone() {
        params[usize::from(index)] = Param::Number(size);
    }
    let returned = hook.ret.as_ref().filter(|_| !dice.once_in(6));
    let returned = returned.map(|ret| maker.value(dice, ret.ty, &[Subject::Return]));
    Scene {
        time: 0,
        params,
        returned,
        ring_is_full: dice.once_in(50),
        vfs: maker.tree.vfs,
        task: Task {
            files: maker.files,
            ..task
        },
    }
}

/// Values for the registers of a call.
struct Maker<'a> {
    wanted: Wanted<'a>,
    tree: Tree,
    files: Option<Vec<Option<Spot>>>,
    /// Lengths of buffers, by register.
    sizes: BTreeMap<u8, u64>,
}

impl Maker<'_> {
    fn register(&mut self, dice: &mut Dice, index: u8) -> Param {
        let args = self
            .wanted
            .0
            .args
            .iter()
            .enumerate()
            .filter(|(_, arg)| arg.index == index);
        let subjects: Vec<Subject> = args
            .clone()
            .map(|(position, _)| Subject::Arg(position))
            .collect();
        match args.map(|(_, arg)| arg.ty).next() {
            Some(ty) => self.value(dice, ty, &subjects),
            None => Param::Number(dice.bits()),
        }
    }

    fn value(&mut self, dice: &mut Dice, ty: ArgType, of: &[Subject]) -> Param {
        // Nothing, or something that is no address.
        if !matches!(ty, ArgType::Int(_) | ArgType::Fd | ArgType::Nop) && dice.once_in(14) {
            return Param::Number(0);
        }
        match ty {
            ArgType::Int(_) => Param::Number(self.number(dice, of)),
            ArgType::Nop => Param::Number(dice.bits()),
            ArgType::String => Param::Bytes(self.string(dice, of)),
            ArgType::Filename => Param::Filename(self.string(dice, of)),
            ArgType::CharBuf { size_from } => self.buffer(dice, of, size_from),
            ArgType::Fd => Param::Number(self.descriptor(dice, of)),
            ArgType::File => Param::File(self.file(dice, of)),
            ArgType::Path => Param::Path(self.file(dice, of)),
            ArgType::Dentry => Param::Dentry(self.entry(dice, of)),
            ArgType::LinuxBinprm => Param::Binprm((!dice.once_in(14)).then(|| self.file(dice, of))),
            ArgType::Sock => Param::Sock(self.sock(dice, of)),
            ArgType::Sockaddr => Param::Bytes(self.sockaddr(dice, of)),
            ArgType::Cred => Param::Cred(cred(dice, None)),
        }
    }

    fn type_of(&self, of: Subject) -> IntType {
        let declared = match of {
            Subject::Arg(position) => self.wanted.0.args.get(position),
            _ => self.wanted.0.ret.as_ref(),
        };
        match declared.map(|arg| arg.ty) {
            Some(ArgType::Int(ty)) => ty,
            _ => IntType::U64,
        }
    }

    fn number(&mut self, dice: &mut Dice, of: &[Subject]) -> u64 {
        let found = self.wanted.on(dice, of).filter(|_| !dice.once_in(6));
        let subject = found.map_or(of.first().copied(), |(_, subject)| Some(subject));
        let ty = subject.map_or(IntType::U64, |subject| self.type_of(subject));
        let number = match found {
            Some((Predicate::Int { set, .. }, _)) => Wanted::member(dice, set, ty),
            Some((Predicate::Mask { mask, .. }, _)) => {
                let noise = dice.bits();
                i128::from(match dice.below(3) {
                    0 => noise & mask,
                    1 => noise & !mask,
                    _ => mask & mask.wrapping_neg(),
                })
            }
            _ => words::number(dice, ty),
        };
        let bits = 8 * ty.bytes();
        let own = u64::MAX.checked_shr(64 - bits).unwrap_or(0);
        // What is above the type's width is rubbish.
        let rubbish = if dice.flip() { dice.bits() } else { 0 };
        number as u64 & own | rubbish & !own
    }

    fn string(&mut self, dice: &mut Dice, of: &[Subject]) -> Data {
        let mut bytes = self.wanted.text(dice, of, false);
        if dice.once_in(12) {
            let long = dice.one(&[4093, 4094, 4095, 4096, 5000]);
            match dice.below(3) {
                // At its beginning, or at its end.
                0 => bytes.resize(long, b'x'),
                1 => bytes = [vec![b'x'; long - bytes.len().min(long)], bytes].concat(),
                _ => {
                    bytes = bytes
                        .iter()
                        .copied()
                        .cycle()
                        .take(if bytes.is_empty() { 0 } else { long })
                        .collect()
                }
            }
        }
        if !dice.once_in(20) {
            bytes.push(0);
        }
        if dice.once_in(10) {
            bytes.extend(words::text(dice));
        }
        self.data(dice, bytes)
    }

    fn data(&mut self, dice: &mut Dice, bytes: Vec<u8>) -> Data {
        match dice.below(16) {
            15 => Data::At(dice.one(&[0, 8, 0x7f55_0000_0000, 0xffff_8881_0000_0000, u64::MAX])),
            11..=14 => Data::In(Area::Kernel, bytes.into()),
            _ => Data::In(Area::User, bytes.into()),
        }
    }

    fn buffer(&mut self, dice: &mut Dice, of: &[Subject], size_from: Option<u8>) -> Param {
        let mut bytes = self.wanted.text(dice, of, false);
        if dice.once_in(12) {
            let long = dice.one(&[4094, 4095, 4096, 4097, 6000]);
            bytes = [bytes, vec![b'x'; long]].concat();
            bytes.truncate(long);
        }
        let len = bytes.len() as u64;
        let size = match dice.below(10) {
            0..=5 => Some(len),
            6 => Some(len.saturating_sub(1)),
            7 => Some(len + 1),
            8 => Some(dice.one(&[0, 1, 4095, 4096, 1 << 31, u64::MAX])),
            _ => None,
        };
        // What callers put above a length of 32 bits.
        let rubbish = if dice.once_in(8) {
            dice.bits() << 32
        } else {
            0
        };
        if let (Some(index), Some(size)) = (size_from, size.map(|size| size | rubbish)) {
            self.sizes.insert(index, size);
        }
        Param::Bytes(self.data(dice, bytes))
    }

    fn file(&mut self, dice: &mut Dice, of: &[Subject]) -> Spot {
        let path = self.wanted.text(dice, of, true);
        self.tree.file(dice, &path)
    }

    fn entry(&mut self, dice: &mut Dice, of: &[Subject]) -> usize {
        self.file(dice, of).dentry
    }

    fn descriptor(&mut self, dice: &mut Dice, of: &[Subject]) -> u64 {
        let spot = self.file(dice, of);
        let Some(files) = &mut self.files else {
            return dice.below(4);
        };
        let at = dice.one(&[0, 1, 2, 7, 63]);
        if files.len() <= at {
            files.resize(at + 1, None);
        }
        files[at] = Some(spot);
        let fd = match dice.below(12) {
            9 => files.len() as u64,
            10 => u64::from(u32::MAX),
            11 => dice.below(64),
            _ => at as u64,
        };
        let rubbish = if dice.flip() { dice.bits() } else { 0 };
        fd | rubbish << 32
    }

    /// Family, ports and addresses that filters look for.
    fn ends(&mut self, dice: &mut Dice, of: &[Subject]) -> (u16, [[u8; 16]; 2], [u16; 2]) {
        let mut family = dice.one(&[AF_INET, AF_INET6]);
        let mut ports = [
            dice.one(&[0, 22, 80, 1023, 1024, 65535]),
            dice.one(&[443, 53, 0, 1023, 1024]),
        ];
        let mut addresses = [address(dice, family), address(dice, family)];
        for _ in 0..2 {
            match self.wanted.on(dice, of) {
                Some((Predicate::Addr { end, v4, v6, .. }, _)) => {
                    let (of, found) = wanted_address(dice, v4.ranges(), v6.ranges());
                    if of != family {
                        addresses = [address(dice, of), address(dice, of)];
                    }
                    family = of;
                    addresses[place(*end)] = found;
                }
                Some((Predicate::Port { end, set, .. }, _)) => {
                    ports[place(*end)] = Wanted::member(dice, set, IntType::U16) as u16;
                }
                Some((Predicate::Family { set, .. }, _)) if dice.flip() => {
                    family = Wanted::member(dice, set, IntType::U16) as u16;
                }
                _ => {}
            }
        }
        if dice.once_in(12) {
            family = dice.one(&[1, 0, 16, 45, 65535]);
        }
        if ![AF_INET, AF_INET6].contains(&family) {
            ports = [0, 0];
        }
        (family, addresses, ports)
    }

    fn sock(&mut self, dice: &mut Dice, of: &[Subject]) -> Sock {
        let (family, addresses, ports) = self.ends(dice, of);
        let (mut protocol, mut state) = (
            dice.one(&[6, 17, 1, 262, 65535]),
            dice.one(&[1, 7, 10, 0, 255]),
        );
        match self.wanted.on(dice, of) {
            Some((Predicate::Protocol { set, .. }, _)) => {
                protocol = Wanted::member(dice, set, IntType::U16) as u16
            }
            Some((Predicate::State { set, .. }, _)) => {
                state = Wanted::member(dice, set, IntType::U8) as u8
            }
            _ => {}
        }
        Sock {
            family,
            kind: dice.one(&[1, 2, 3]),
            protocol,
            state,
            mark: dice.below(3) as u32,
            priority: dice.below(3) as u32,
            addresses,
            ports,
        }
    }

    /// `struct sockaddr_in` or `sockaddr_in6`, sometimes cut.
    fn sockaddr(&mut self, dice: &mut Dice, of: &[Subject]) -> Data {
        let (family, addresses, ports) = self.ends(dice, of);
        let mut bytes = family.to_le_bytes().to_vec();
        bytes.extend(ports[0].to_be_bytes());
        match family {
            AF_INET => bytes.extend(addresses[0].iter().take(4).chain(&[0; 8])),
            AF_INET6 => bytes.extend([0; 4].iter().chain(&addresses[0]).chain(&[0; 4])),
            _ => bytes.extend([0x5a; 106]),
        }
        // A kernel's copy has room for every family.
        let area = self.data(dice, Vec::new());
        match area {
            Data::In(Area::Kernel, _) => {
                bytes.resize(128, 0);
                Data::In(Area::Kernel, bytes.into())
            }
            Data::In(Area::User, _) => {
                if dice.once_in(10) {
                    bytes.truncate(dice.index(30));
                }
                Data::In(Area::User, bytes.into())
            }
            nowhere => nowhere,
        }
    }
}

fn place(end: End) -> usize {
    match end {
        End::Source => 0,
        End::Destination => 1,
    }
}

fn address(dice: &mut Dice, family: u16) -> [u8; 16] {
    match family {
        AF_INET => of_v4(words::v4(dice)),
        _ => words::v6(dice).to_be_bytes(),
    }
}

fn of_v4(address: u32) -> [u8; 16] {
    let mut bytes = [0xcc; 16];
    bytes[..4].copy_from_slice(&address.to_be_bytes());
    bytes
}

/// Family and bytes of an address at the edge of a set.
fn wanted_address(dice: &mut Dice, v4: &[(u32, u32)], v6: &[(u128, u128)]) -> (u16, [u8; 16]) {
    if !v4.is_empty() && (v6.is_empty() || dice.flip()) {
        let (low, high) = dice.one(v4);
        let edge = dice.one(&[low, high]);
        let near = edge.wrapping_add(dice.one(&[0, 0, 1, u32::MAX, 256]));
        // Carried by an IPv6 address, or not.
        return match dice.below(3) {
            0 => (AF_INET6, (0xffff << 32 | u128::from(near)).to_be_bytes()),
            _ => (AF_INET, of_v4(near)),
        };
    }
    if v6.is_empty() {
        return (AF_INET6, words::v6(dice).to_be_bytes());
    }
    let (low, high) = dice.one(v6);
    let edge = dice.one(&[low, high]);
    let near = edge.wrapping_add(dice.one(&[0, 0, 1, u128::MAX, 1 << 32, 1 << 64]));
    (AF_INET6, near.to_be_bytes())
}

/// Chains of parents about as long as `followForks` looks at.
const DEEP: [u64; 4] = [62, 63, 64, 70];

fn task(dice: &mut Dice, wanted: &Wanted<'_>, tree: &mut Tree) -> Task {
    let exe_path = wanted.text(dice, &[Subject::Exe], true);
    let exe = tree.file(dice, &exe_path);
    let cwd = {
        let path = words::path(dice);
        tree.file(dice, &path)
    };
    let pids = wanted.pids();
    let ids = ids(dice, &pids);
    let count = match wanted.follows_forks() {
        _ if ids.process == 0 => 0,
        true if dice.once_in(4) => dice.one(&DEEP),
        _ if dice.once_in(60) => dice.one(&DEEP),
        _ => dice.one(&[1, 2, 3, 0, 5]),
    };
    let parents = (0..count).map(|_| parent(dice, &pids, tree)).collect();
    let words: Vec<u8> = (0..dice.below(4))
        .flat_map(|_| [words::text(dice), vec![0]].concat())
        .collect();
    let arguments = match dice.below(20) {
        17 => Data::In(
            Area::User,
            vec![b'y'; dice.one(&[2047, 2048, 2049, 9000])].into(),
        ),
        18 => Data::At(0x7f55_0000_0000),
        19 => Data::In(Area::User, Vec::new().into()),
        _ => Data::In(Area::User, words.into()),
    };
    let memory = Image {
        exe: (!dice.once_in(30)).then_some(exe),
        arguments,
    };
    Task {
        ids,
        start: dice.bits(),
        auid: dice.one(&[u32::MAX, 0, 1000]),
        memory: (!dice.once_in(30)).then_some(memory),
        fs: (!dice.once_in(40)).then_some(Fs {
            root: tree.root(),
            cwd,
        }),
        files: (!dice.once_in(40)).then(Vec::new),
        namespaces: (!dice.once_in(30)).then(|| namespaces(dice)),
        pid_namespace: inode(dice),
        cred: {
            let looked_for = capabilities_of(dice, wanted);
            cred(dice, looked_for)
        },
        parents,
    }
}

fn namespaces(dice: &mut Dice) -> Namespaces {
    Namespaces {
        uts: inode(dice),
        ipc: inode(dice),
        mnt: inode(dice),
        pid_for_children: inode(dice),
        net: inode(dice),
        time: inode(dice),
        time_for_children: inode(dice),
        cgroup: inode(dice),
    }
}

/// A number that filters look for, most often.
fn pid(dice: &mut Dice, wanted: &[&IntSet]) -> u32 {
    if wanted.is_empty() || dice.flip() {
        return dice.below(6) as u32;
    }
    let set = dice.one(wanted);
    Wanted::member(dice, set, IntType::U32) as u32
}

fn ids(dice: &mut Dice, wanted: &[&IntSet]) -> Ids {
    let process = pid(dice, wanted);
    if process == 0 {
        // The idle task: one of the host, alone.
        return Ids::default();
    }
    let is_first = !dice.once_in(3);
    let thread = if is_first {
        process
    } else {
        process.wrapping_add(1 + dice.below(4) as u32)
    };
    let levels = dice.one(&[0, 0, 1, 2]);
    let level = |_| {
        let process = pid(dice, wanted);
        (process, if is_first { process } else { pid(dice, wanted) })
    };
    Ids {
        process,
        thread,
        inner: (0..levels).map(level).collect(),
    }
}

fn parent(dice: &mut Dice, pids: &[&IntSet], tree: &mut Tree) -> Parent {
    let exe = dice.once_in(4).then(|| {
        let path = words::path(dice);
        tree.file(dice, &path)
    });
    // Only process 0 is its own parent.
    let mut ids = ids(dice, pids);
    if ids.process == 0 {
        (ids.process, ids.thread) = (1, 1);
    }
    Parent {
        ids,
        uid: dice.below(3) as u32,
        start: dice.bits(),
        exe,
    }
}

fn capabilities_of(dice: &mut Dice, wanted: &Wanted<'_>) -> Option<u64> {
    let masks: Vec<u64> = wanted
        .predicates()
        .filter_map(|predicate| match predicate {
            Predicate::Capability { mask, .. } => Some(*mask),
            _ => None,
        })
        .collect();
    (!masks.is_empty()).then(|| dice.one(&masks))
}

fn cred(dice: &mut Dice, wanted: Option<u64>) -> Cred {
    let mut caps = || match (wanted, dice.below(4)) {
        (Some(mask), 0) => mask,
        (Some(mask), 1) => !mask,
        _ => capabilities(dice),
    };
    let (permitted, effective, inheritable) = (caps(), caps(), caps());
    let id = |dice: &mut Dice| dice.one(&[0, 1000, 65534, u32::MAX]);
    let ids = [(); 8].map(|()| id(dice));
    Cred {
        ids,
        securebits: dice.below(256) as u32,
        permitted,
        effective,
        inheritable,
        user: UserNamespace {
            level: dice.below(3) as i32,
            owner: id(dice),
            group: id(dice),
            inode: inode(dice),
        },
    }
}

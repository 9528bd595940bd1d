//! The process of a case: what the test says, and what an ordinary process has.
//!
//! Without a word it is `/usr/bin/program`, process 1000 of user 1000 on the host, without capabilities, child of a shell. `container`
//! moves it into namespaces of its own, where its parent is process 1. Its number in its pid namespace follows from that: 0 in the host's,
//! another in any other. What cannot be, such as a number in a namespace that it is not in, is refused: it would prove nothing.

use super::files::Files;
use super::format::{Kinds, Parent, Process, Sets};
use super::shape::Many;
use super::terms::{Capabilities, Namespaces, Place};
use super::value::{bad, cred_of, file_at, namespaces as inodes};
use crate::diag::{Sink, Span, Spanned};
use crate::sim::scene::{self, Area, Data, Fs, Ids, Image, Task};

/// What a process is without a word.
pub(super) const BINARY: &str = "/usr/bin/program";
const PID: u32 = 1000;
const USER: u32 = 1000;
const START: u64 = 60_000_000_000;
/// Of a process in a pid namespace that is not the host's, in it.
const NS_PID: u32 = 7;
/// `loginuid` of a process that nobody logged in for.
const NOBODY: u32 = u32::MAX;

/// Fields of the one that are given, else those of the other.
macro_rules! over {
    ($own:ident, $base:ident: $($field:ident)*) => {
        Process { $($field: $own.$field.clone().or_else(|| $base.$field.clone()),)* }
    };
}

impl Process {
    /// These fields on top of others.
    pub(super) fn over(&self, base: &Self) -> Self {
        let mut base = base.clone();
        if is_set(self.kernel_thread) {
            (base.binary, base.arguments, base.cwd) = (None, None, None);
        }
        over!(self, base: container binary arguments cwd pid tid ns_pid uid euid gid auid namespaces capabilities parents
            kernel_thread)
    }

    pub(super) fn is_in_container(&self) -> bool {
        is_set(self.container)
    }
}

fn is_set(flag: Option<Spanned<bool>>) -> bool {
    flag.is_some_and(|flag| flag.value)
}

fn of<T: Into<u32>>(field: Option<Spanned<T>>, other: u32) -> u32 {
    field.map_or(other, |field| field.value.into())
}

/// The calling thread, with one of the binaries; `None` means reported.
pub(super) fn task(
    process: &Process,
    binary: Option<&Spanned<String>>,
    files: &mut Files,
    sink: &mut Sink,
) -> Option<Task> {
    let memory = match process.kernel_thread.filter(|flag| flag.value) {
        Some(flag) => bare(process, flag.span, sink).map(|()| None)?,
        None => Some(image(process, binary, files, sink)?),
    };
    let cwd = match &process.cwd {
        Some(path) => file_at(path, 0o040_755, files, sink)?,
        None => files.root(),
    };
    let namespaces = Inodes::of(process);
    let pid = of(process.pid, PID);
    if pid == 0 {
        let message = "process 0 is the kernel's: it makes no calls";
        let span = process.pid.map(|pid| pid.span).unwrap_or_default();
        sink.push(bad(span, message, "write another number"));
        return None;
    }
    let ns_pid = namespaced(process.ns_pid, namespaces.is_in_hosts_pid(), sink)?;
    let family = Family {
        process,
        pid,
        ns_pid,
    };
    Some(Task {
        ids: ids(pid, of(process.tid, pid), ns_pid),
        start: START,
        auid: of(process.auid, NOBODY),
        fs: memory.is_some().then(|| Fs {
            root: files.root(),
            cwd,
        }),
        memory,
        files: Some(Vec::new()),
        pid_namespace: namespaces.pid,
        namespaces: Some(namespaces.proxy),
        cred: credentials(process, namespaces.user),
        parents: family.parents(files, sink)?,
    })
}

/// Refuses what a thread of the kernel does not have.
fn bare(process: &Process, span: Span, sink: &mut Sink) -> Option<()> {
    let fields = [
        ("binary", process.binary.is_some()),
        ("arguments", process.arguments.is_some()),
        ("cwd", process.cwd.is_some()),
    ];
    let Some((name, _)) = fields.into_iter().find(|(_, is_given)| *is_given) else {
        return Some(());
    };
    let message = format!("a thread of the kernel has no `{name}`");
    let help = format!("remove `{name}`, or `kernelThread: true`");
    sink.push(bad(span, message, help));
    None
}

/// The number in the pid namespace of a process; `None` means reported.
fn namespaced(given: Option<Spanned<u32>>, is_hosts: bool, sink: &mut Sink) -> Option<u32> {
    let usual = if is_hosts { 0 } else { NS_PID };
    let number = of(given, usual);
    if (number == 0) == is_hosts {
        return Some(number);
    }
    let (message, help) = match is_hosts {
        true => (
            format!("`nsPid` is {number}, but the process is in the host's pid namespace"),
            "remove it, or add `container: true` or `namespaces: {Pid: other}`",
        ),
        false => (
            "`nsPid` is 0, but the process has a number in its pid namespace".to_owned(),
            "write the number, or put it into the host's: `namespaces: {Pid: host}`",
        ),
    };
    let span = given.map(|given| given.span).unwrap_or_default();
    sink.push(bad(span, message, help));
    None
}

fn image(
    process: &Process,
    binary: Option<&Spanned<String>>,
    files: &mut Files,
    sink: &mut Sink,
) -> Option<Image> {
    let path = binary.map_or(BINARY, |path| &path.value);
    let exe = match binary {
        Some(path) => file_at(path, super::files::FILE, files, sink)?,
        None => plain(BINARY, files),
    };
    let words = process.arguments.iter().flat_map(|Many(words)| words);
    let line = std::iter::once(path).chain(words.map(|word| word.value.as_str()));
    let bytes: Vec<u8> = line.flat_map(|word| word.bytes().chain([0])).collect();
    Some(Image {
        exe: Some(exe),
        arguments: Data::In(Area::User, bytes.into()),
    })
}

/// A file of a path that this module has written.
fn plain(path: &str, files: &mut Files) -> scene::Spot {
    files
        .at(path, super::files::FILE)
        .expect("a path from the root")
}

fn ids(pid: u32, tid: u32, ns_pid: u32) -> Ids {
    let thread = match tid == pid {
        true => ns_pid,
        false => ns_pid + 1,
    };
    Ids {
        process: pid,
        thread: tid,
        inner: (ns_pid != 0)
            .then_some((ns_pid, thread))
            .into_iter()
            .collect(),
    }
}

fn credentials(process: &Process, user: Place) -> scene::Cred {
    let uid = of(process.uid, USER);
    let euid = of(process.euid, uid);
    let sets = match &process.capabilities {
        None => Sets {
            effective: None,
            permitted: None,
            inheritable: None,
        },
        Some(Capabilities::Usable(usable)) => Sets {
            effective: Some(usable.clone()),
            permitted: Some(usable.clone()),
            inheritable: None,
        },
        Some(Capabilities::Each(sets)) => sets.clone(),
    };
    cred_of((uid, euid, of(process.gid, uid)), &sets, user)
}

/// Inode numbers of a process.
struct Inodes {
    proxy: scene::Namespaces,
    pid: u32,
    user: Place,
}

impl Inodes {
    fn of(process: &Process) -> Self {
        let unset = match process.is_in_container() {
            true => Place::Other,
            false => Place::Host,
        };
        // Containers share the host's clocks and users most often.
        let (mut each, rest, shared) = match &process.namespaces {
            Some(Namespaces::All(place)) => (Kinds::default(), *place, *place),
            Some(Namespaces::Each(kinds)) => (kinds.clone(), unset, Place::Host),
            None => (Kinds::default(), unset, Place::Host),
        };
        each.pid_for_children = each.pid_for_children.or(each.pid);
        each.time_for_children = each.time_for_children.or(each.time);
        let inode = |place: Option<Place>, rest: Place, kind| match place.unwrap_or(rest) {
            Place::Host => inodes::host(kind),
            Place::Other => inodes::other(kind),
            Place::Inode(inode) => inode,
        };
        use crate::ir::Namespace as N;
        Self {
            proxy: scene::Namespaces {
                uts: inode(each.uts, rest, N::Uts),
                ipc: inode(each.ipc, rest, N::Ipc),
                mnt: inode(each.mnt, rest, N::Mnt),
                pid_for_children: inode(each.pid_for_children, rest, N::PidForChildren),
                net: inode(each.net, rest, N::Net),
                time: inode(each.time, shared, N::Time),
                time_for_children: inode(each.time_for_children, shared, N::TimeForChildren),
                cgroup: inode(each.cgroup, rest, N::Cgroup),
            },
            pid: inode(each.pid, rest, N::Pid),
            user: each.user.unwrap_or(shared),
        }
    }

    fn is_in_hosts_pid(&self) -> bool {
        self.pid == inodes::host(crate::ir::Namespace::Pid)
    }
}

/// A process among its parents.
struct Family<'a> {
    process: &'a Process,
    pid: u32,
    /// 0 in the host's pid namespace.
    ns_pid: u32,
}

impl Family<'_> {
    /// Parents from the nearest to process 1 of the host; `None` means reported.
    fn parents(&self, files: &mut Files, sink: &mut Sink) -> Option<Vec<scene::Parent>> {
        let mut parents = match &self.process.parents {
            Some(given) => self.given(given, files, sink)?,
            None if self.pid == 1 => Vec::new(),
            None => self.usual(files),
        };
        let last = parents.last().map_or(self.pid, |last| last.ids.process);
        if last != 1 {
            parents.push(known("/usr/lib/systemd/systemd", 1, 0, files));
        }
        Some(parents)
    }

    /// A shell; in a container its process 1, which the runtime started.
    fn usual(&self, files: &mut Files) -> Vec<scene::Parent> {
        // Numbers that the process itself does not have.
        let free = |pid: u32| pid + u32::from(pid == self.pid);
        if !self.process.is_in_container() {
            let ns_pid = next(self.ns_pid, &[]);
            return vec![known("/usr/bin/bash", free(900), ns_pid, files)];
        }
        let mut parents = Vec::new();
        if self.ns_pid != 1 {
            let first = u32::from(self.ns_pid != 0);
            parents.push(known("/usr/bin/init", free(900), first, files));
        }
        let runtime = "/usr/bin/containerd-shim-runc-v2";
        parents.push(known(runtime, free(890), 0, files));
        parents
    }

    /// Those of the case. Numbers that it does not say are free ones below those of the child.
    fn given(
        &self,
        given: &[Parent],
        files: &mut Files,
        sink: &mut Sink,
    ) -> Option<Vec<scene::Parent>> {
        let numbers = |of: fn(&Parent) -> Option<Spanned<u32>>| {
            let numbers = given.iter().filter_map(of);
            numbers.map(|number| number.value).collect::<Vec<_>>()
        };
        let (mut pids, mut ns_pids) = (numbers(|one| one.pid), numbers(|one| one.ns_pid));
        pids.push(self.pid);
        ns_pids.push(self.ns_pid);
        let (mut pid, mut ns_pid) = (PID, self.ns_pid);
        let mut parents: Vec<scene::Parent> = Vec::new();
        for one in given {
            let number = one.pid.map_or_else(|| next(pid, &pids), |pid| pid.value);
            pid = self.sound(Spanned::new(number, place(one)), &parents, sink)?;
            ns_pid = match one.ns_pid {
                Some(ns_pid) => self.inner(ns_pid, sink)?,
                None => next(ns_pid, &ns_pids),
            };
            pids.push(pid);
            ns_pids.push(ns_pid);
            parents.push(parent(one, (pid, ns_pid), files, sink)?);
        }
        Some(parents)
    }

    /// The number of a parent behind others; `None` means reported.
    fn sound(&self, pid: Spanned<u32>, nearer: &[scene::Parent], sink: &mut Sink) -> Option<u32> {
        let mut before = nearer.iter().map(|parent| parent.ids.process);
        let (message, help) = match pid.value {
            _ if self.pid == 1 || before.clone().any(|other| other == 1) => (
                "process 1 has no parents".to_owned(),
                "remove what stands behind process 1",
            ),
            0 => (
                "process 0 is above all others and not written".to_owned(),
                "remove the entry",
            ),
            number if number == self.pid || before.any(|other| other == number) => (
                format!("two processes have the number {number}"),
                "give each process a `pid` of its own",
            ),
            number => return Some(number),
        };
        sink.push(bad(pid.span, message, help));
        None
    }

    /// The number of a parent in the pid namespace; `None` means reported.
    fn inner(&self, ns_pid: Spanned<u32>, sink: &mut Sink) -> Option<u32> {
        if ns_pid.value == 0 || self.ns_pid != 0 {
            return Some(ns_pid.value);
        }
        let message = "the process is in the host's pid namespace, and so are its parents";
        let help = "remove `nsPid`, or put the process into another: `namespaces: {Pid: other}`";
        sink.push(bad(ns_pid.span, message, help));
        None
    }
}

/// Where a parent is written.
fn place(parent: &Parent) -> Span {
    let numbers = parent.pid.or(parent.ns_pid).map(|number| number.span);
    let words = parent.binary.as_ref().map(|path| path.span);
    let user = parent.uid.map(|uid| uid.span);
    numbers.or(words).or(user).unwrap_or_default()
}

/// The next free number below one; 0 below the first process of a pid namespace, whose parents are outside.
fn next(number: u32, taken: &[u32]) -> u32 {
    let mut below = (1..number).rev();
    below.find(|one| !taken.contains(one)).unwrap_or(0)
}

fn known(path: &str, pid: u32, ns_pid: u32, files: &mut Files) -> scene::Parent {
    scene::Parent {
        ids: ids(pid, pid, ns_pid),
        uid: 0,
        start: u64::from(pid) * 1_000_000,
        exe: Some(plain(path, files)),
    }
}

fn parent(
    given: &Parent,
    (pid, ns_pid): (u32, u32),
    files: &mut Files,
    sink: &mut Sink,
) -> Option<scene::Parent> {
    let exe = match &given.binary {
        Some(path) => file_at(path, super::files::FILE, files, sink)?,
        None => plain(BINARY, files),
    };
    Some(scene::Parent {
        ids: ids(pid, pid, ns_pid),
        uid: of(given.uid, 0),
        start: u64::from(pid) * 1_000_000,
        exe: Some(exe),
    })
}

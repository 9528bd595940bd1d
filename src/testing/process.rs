//! The process of a case: what the test says, and what an ordinary process has.
//!
//! Without a word it is `/usr/bin/program`, process 1000 of user 1000 on the host, without capabilities, child of a shell. `container`
//! moves it into namespaces of its own, where its parent is process 1.

use super::files::Files;
use super::format::{Kinds, Parent, Process, Sets};
use super::shape::Many;
use super::terms::{Capabilities, Namespaces, Place};
use super::value::{cred_of, file_at, namespaces as inodes};
use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::sim::scene::{self, Area, Data, Fs, Ids, Image, Task};

/// What a process is without a word.
pub(super) const BINARY: &str = "/usr/bin/program";
const PID: u32 = 1000;
const USER: u32 = 1000;
const START: u64 = 60_000_000_000;
/// Of a process in a container, in its pid namespace.
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

fn of(field: Option<Spanned<u32>>, other: u32) -> u32 {
    field.map_or(other, |field| field.value)
}

/// The calling thread, with one of the binaries; `None` means reported.
pub(super) fn task(
    process: &Process,
    binary: Option<&Spanned<String>>,
    files: &mut Files,
    sink: &mut Sink,
) -> Option<Task> {
    let contained = process.is_in_container();
    let memory = match is_set(process.kernel_thread) {
        true => None,
        false => Some(image(process, binary, files, sink)?),
    };
    let cwd = match &process.cwd {
        Some(path) => file_at(path, 0o040_755, files, sink)?,
        None => files.root(),
    };
    let namespaces = Inodes::of(process);
    let pid = of(process.pid, PID);
    let ns_pid = process
        .ns_pid
        .map_or(if contained { NS_PID } else { 0 }, |pid| pid.value);
    if pid == 0 {
        let message = "process 0 is the kernel's: it makes no calls";
        let span = process.pid.map(|pid| pid.span).unwrap_or_default();
        let error = Diagnostic::error(code::BAD_TEST_VALUE, message).at(span);
        sink.push(error.help("write another number"));
        return None;
    }
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
        parents: parents(process, contained, files, sink)?,
    })
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
    cred_of((uid, process.euid, of(process.gid, uid)), &sets, user)
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
}

/// Parents from the nearest to process 1 of the host.
fn parents(
    process: &Process,
    contained: bool,
    files: &mut Files,
    sink: &mut Sink,
) -> Option<Vec<scene::Parent>> {
    let mut parents = match &process.parents {
        Some(given) => {
            let mut parents = Vec::new();
            for (number, one) in given.iter().enumerate() {
                parents.push(parent(one, PID - 1 - number as u32, files, sink)?);
            }
            parents
        }
        None => usual(contained, files),
    };
    if parents.last().is_none_or(|last| last.ids.process != 1) && of(process.pid, PID) != 1 {
        parents.push(known("/usr/lib/systemd/systemd", 1, 0, files));
    }
    Some(parents)
}

/// A shell on the host; in a container its process 1, which the runtime started.
fn usual(contained: bool, files: &mut Files) -> Vec<scene::Parent> {
    match contained {
        true => vec![
            known("/usr/bin/init", 900, 1, files),
            known("/usr/bin/containerd-shim-runc-v2", 890, 0, files),
        ],
        false => vec![known("/usr/bin/bash", 900, 0, files)],
    }
}

fn known(path: &str, pid: u32, ns_pid: u32, files: &mut Files) -> scene::Parent {
    scene::Parent {
        ids: ids(pid, pid, ns_pid),
        uid: 0,
        start: u64::from(pid) * 1_000_000,
        exe: Some(plain(path, files)),
    }
}

fn parent(given: &Parent, unset: u32, files: &mut Files, sink: &mut Sink) -> Option<scene::Parent> {
    let pid = of(given.pid, unset);
    if pid == 0 {
        let span = given.pid.map(|pid| pid.span).unwrap_or_default();
        let message = "process 0 is above all others and not written";
        let error = Diagnostic::error(code::BAD_TEST_VALUE, message).at(span);
        sink.push(error.help("remove the entry"));
        return None;
    }
    Some(scene::Parent {
        ids: ids(pid, pid, of(given.ns_pid, 0)),
        uid: of(given.uid, 0),
        start: u64::from(pid) * 1_000_000,
        exe: match &given.binary {
            Some(path) => Some(file_at(path, super::files::FILE, files, sink)?),
            None => Some(plain(BINARY, files)),
        },
    })
}

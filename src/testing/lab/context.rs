//! The process of a case, as the guest makes it.

use crate::ir::{Hook, Namespace, Predicate};
use crate::sim::scene::{Area, Data, Scene, Spot, Task};

use super::super::value::namespaces as inodes;

/// What the process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exe {
    /// A file with this path.
    Named(String),
    /// The same, removed once it runs.
    Removed(String),
    /// A file in memory of this name.
    InMemory(String),
}

/// How the process of a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) exe: Exe,
    pub(super) argv: Vec<Vec<u8>>,
    pub(super) cwd: String,
    /// Of the first thread, in the host and in its own pid namespace.
    pub(super) pid: u32,
    pub(super) ns_pid: u32,
    /// Real, effective and saved user, and the same of the group.
    pub(super) users: [u32; 3],
    pub(super) groups: [u32; 3],
    pub(super) effective: u64,
    pub(super) permitted: u64,
    pub(super) inheritable: u64,
    /// `CLONE_NEW…` of the namespaces that are its own, without that of users.
    pub(super) unshared: u64,
    pub(super) own_users: bool,
    /// Filters look at the process' numbers, so that it must have those of the case.
    pub(super) is_pid_looked_at: bool,
}

/// Flags of unshare(2) (include/uapi/linux/sched.h).
pub(super) const NEW_NET: u64 = 0x4000_0000;
pub(super) const NEW_PID: u64 = 0x2000_0000;
pub(super) const NEW_USER: u64 = 0x1000_0000;
const NEW_TIME: u64 = 0x80;
const NEW: [(Namespace, u64); 5] = [
    (Namespace::Uts, 0x0400_0000),
    (Namespace::Ipc, 0x0800_0000),
    (Namespace::Mnt, 0x0002_0000),
    (Namespace::Net, NEW_NET),
    (Namespace::Cgroup, 0x0200_0000),
];

/// Numbers that processes of the guest may get; those below are the guest's own.
const PIDS: std::ops::Range<u32> = 300..30_000;

impl Context {
    /// The process that makes a call of a hook.
    ///
    /// # Errors
    /// Why the guest has no such process.
    pub(super) fn of(scene: &Scene, hook: &Hook) -> Result<Self, String> {
        let task = &scene.task;
        let memory = task
            .memory
            .as_ref()
            .ok_or("threads of the kernel make no system calls")?;
        if task.ids.thread != task.ids.process {
            return Err("calls are made by the first thread of a process".to_owned());
        }
        let Data::In(Area::User, line) = &memory.arguments else {
            return Err("the command line cannot be read".to_owned());
        };
        let cwd = task
            .fs
            .map(|fs| text_of(scene, fs.cwd))
            .ok_or("the process has no directory")??;
        let cred = &task.cred;
        let mut context = Self {
            exe: exe(scene, memory.exe)?,
            argv: line
                .strip_suffix(&[0])
                .unwrap_or(line)
                .split(|byte| *byte == 0)
                .map(<[u8]>::to_vec)
                .collect(),
            cwd,
            pid: task.ids.process,
            ns_pid: task.ids.inner_process(),
            users: [cred.ids[0], cred.ids[2], cred.ids[4]],
            groups: [cred.ids[1], cred.ids[3], cred.ids[5]],
            effective: cred.effective,
            permitted: cred.permitted,
            inheritable: cred.inheritable,
            unshared: unshared(task)?,
            own_users: own(Namespace::User, cred.user.inode)?,
            is_pid_looked_at: looks(hook, |one| matches!(one, Predicate::Pid { .. })),
        };
        if !looks(hook, |one| matches!(one, Predicate::Pid { .. })) {
            // Any will do; the guest chooses.
            (context.pid, context.ns_pid) = (0, 7);
        } else if !PIDS.contains(&context.pid) {
            let pid = context.pid;
            return Err(format!("the process cannot get the number {pid}"));
        }
        if context.effective & !context.permitted != 0 {
            return Err("no process has an effective capability that is not permitted".to_owned());
        }
        Ok(context)
    }

    pub(super) fn has_own_pids(&self) -> bool {
        self.unshared & NEW_PID != 0
    }

    /// Numbers of the process and of those above it, in the host and in its own pid namespace: in one of its own, the namespace's
    /// process 1 is its parent.
    pub(super) fn chain(&self) -> Vec<(u32, u32)> {
        match (self.has_own_pids(), self.ns_pid) {
            (true, 1) => vec![(self.pid, 1), (0, 0), (1, 0)],
            (true, _) => vec![(self.pid, self.ns_pid), (0, 1), (0, 0), (1, 0)],
            (false, _) => vec![(self.pid, 0), (0, 0), (1, 0)],
        }
    }
}

/// Whether a filter of the hook is of some kind.
pub(super) fn looks(hook: &Hook, is: impl Fn(&Predicate) -> bool) -> bool {
    hook.rules
        .iter()
        .flat_map(|rule| rule.tests.iter().chain(&rule.return_tests))
        .any(|test| is(&test.predicate))
}

fn exe(scene: &Scene, exe: Option<Spot>) -> Result<Exe, String> {
    let path = text_of(scene, exe.ok_or("the process has no executable")?)?;
    Ok(match path.strip_suffix(" (deleted)") {
        None => Exe::Named(path),
        Some(name) => match name.strip_prefix("/memfd:") {
            Some(name) => Exe::InMemory(name.to_owned()),
            None => Exe::Removed(name.to_owned()),
        },
    })
}

/// The path of a file as policies see it.
pub(super) fn text_of(scene: &Scene, file: Spot) -> Result<String, String> {
    let path = scene.vfs.path(file).filter(|path| path.complete);
    let path = path.ok_or("no path of the guest is so long")?;
    String::from_utf8(path.known).map_err(|_| "the path is no text".to_owned())
}

fn unshared(task: &Task) -> Result<u64, String> {
    let all = task
        .namespaces
        .as_ref()
        .ok_or("the process has no namespaces")?;
    let mut flags = 0;
    let of = |kind| match kind {
        Namespace::Uts => all.uts,
        Namespace::Ipc => all.ipc,
        Namespace::Mnt => all.mnt,
        Namespace::Net => all.net,
        _ => all.cgroup,
    };
    for (kind, flag) in NEW {
        if own(kind, of(kind))? {
            flags |= flag;
        }
    }
    let pairs = [
        (
            Namespace::Pid,
            task.pid_namespace,
            all.pid_for_children,
            NEW_PID,
        ),
        (Namespace::Time, all.time, all.time_for_children, NEW_TIME),
    ];
    for (kind, inode, of_children, flag) in pairs {
        let children = match kind {
            Namespace::Pid => Namespace::PidForChildren,
            _ => Namespace::TimeForChildren,
        };
        match (own(kind, inode)?, own(children, of_children)?) {
            (true, true) => flags |= flag,
            (false, false) => {}
            _ => return Err("its children would live in other namespaces than itself".to_owned()),
        }
    }
    Ok(flags)
}

/// Whether the namespace is not the host's.
fn own(kind: Namespace, inode: u32) -> Result<bool, String> {
    match inode {
        inode if inode == inodes::host(kind) => Ok(false),
        inode if inode == inodes::other(kind) => Ok(true),
        _ => Err("a namespace cannot be given an inode number".to_owned()),
    }
}

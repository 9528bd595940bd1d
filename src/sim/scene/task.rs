//! The calling process.

use serde::{Deserialize, Serialize};

use super::{Data, Spot};

/// The calling thread, its process, and its parents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub ids: Ids,
    /// Nanoseconds since boot.
    pub start: u64,
    /// `loginuid`; a kernel without audit has none.
    pub auid: u32,
    /// `None` for a kernel thread.
    pub memory: Option<Image>,
    /// `None` for a process that has given it up.
    pub fs: Option<Fs>,
    /// By descriptor; `None` for a process that has given them up.
    pub files: Option<Vec<Option<Spot>>>,
    /// `None` for a process that has given them up.
    pub namespaces: Option<Namespaces>,
    /// Inode number of the pid namespace.
    pub pid_namespace: u32,
    pub cred: Cred,
    /// From the nearest to process 0, which is its own parent and not listed.
    pub parents: Vec<Parent>,
}

/// Numbers of a thread and of its process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    pub process: u32,
    /// The process' own number for its first thread.
    pub thread: u32,
    /// Process and thread in each pid namespace below the host's, from the outermost.
    pub inner: Vec<(u32, u32)>,
}

impl Ids {
    /// The process in its own pid namespace; 0 in the host's.
    pub fn inner_process(&self) -> u32 {
        self.inner.last().map_or(0, |(process, _)| *process)
    }
}

/// What a process runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub exe: Option<Spot>,
    /// The command line in memory of the process.
    pub arguments: Data,
}

/// `struct fs_struct`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fs {
    pub root: Spot,
    /// The working directory.
    pub cwd: Spot,
}

/// Inode numbers of `struct nsproxy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    pub uts: u32,
    pub ipc: u32,
    pub mnt: u32,
    pub pid_for_children: u32,
    pub net: u32,
    pub time: u32,
    pub time_for_children: u32,
    pub cgroup: u32,
}

/// `struct cred`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cred {
    /// uid, gid, euid, egid, suid, sgid, fsuid, fsgid.
    pub ids: [u32; 8],
    pub securebits: u32,
    pub permitted: u64,
    pub effective: u64,
    pub inheritable: u64,
    pub user: UserNamespace,
}

/// `struct user_namespace`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserNamespace {
    pub level: i32,
    pub owner: u32,
    pub group: u32,
    pub inode: u32,
}

/// The thread that started a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    pub ids: Ids,
    /// Effective user.
    pub uid: u32,
    /// Nanoseconds since boot.
    pub start: u64,
    /// `None` for a kernel thread.
    pub exe: Option<Spot>,
}

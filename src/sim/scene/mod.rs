//! Calls, described so that they can be laid out in memory and understood without it.
//!
//! A [`Scene`] is one call: parameters, the calling process, the files that are there. From it come two things by different ways:
//! memory of a kernel that programs can run on ([`place`]), and an event for the reference interpreter ([`meaning`]). Both follow the
//! kernel's sources, not those of the programs.

mod bytes;
mod meaning;
mod place;
mod task;
mod vfs;

use serde::{Deserialize, Serialize};

pub use super::memory::Area;
pub use bytes::Bytes;
pub use place::Placed;
pub use task::{Cred, Fs, Ids, Image, Namespaces, Parent, Task, UserNamespace};
pub use vfs::{Dentry, Filesystem, MAX_STEPS, Mount, Spot, Vfs};

/// Bytes of a text that programs read.
pub const MAX_TEXT: usize = 4096;
/// Bytes of a command line that events show.
pub const MAX_ARGUMENTS: usize = 2048;

/// One call of a hooked function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// Nanoseconds since boot.
    pub time: u64,
    pub vfs: Vfs,
    pub task: Task,
    /// By number; further ones are 0.
    pub params: Vec<Param>,
    /// `None` for a call whose return is not seen.
    pub returned: Option<Param>,
    /// The ring buffer has no room.
    pub ring_is_full: bool,
}

/// A parameter of a function, or what it returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Param {
    /// A register's 64 bits: a number, a descriptor, or an address where nothing is.
    Number(u64),
    /// The address of bytes: a string, a buffer, a `sockaddr`.
    Bytes(Data),
    /// `struct filename *`.
    Filename(Data),
    /// `struct file *`.
    File(Spot),
    /// `struct path *`.
    Path(Spot),
    /// `struct dentry *`.
    Dentry(usize),
    /// `struct linux_binprm *`, perhaps without a file.
    Binprm(Option<Spot>),
    /// `struct sock *`.
    Sock(Sock),
    /// `struct cred *`.
    Cred(Cred),
}

/// Bytes in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Data {
    /// These, and nothing behind them.
    In(Area, Bytes),
    /// An address where nothing is.
    At(u64),
}

/// `struct sock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sock {
    pub family: u16,
    pub kind: u16,
    pub protocol: u16,
    pub state: u8,
    pub mark: u32,
    pub priority: u32,
    /// Addresses as they lie in memory: source, destination. Of 4 bytes in a socket for IPv4.
    pub addresses: [[u8; 16]; 2],
    /// Host byte order; 0 unless the family is IPv4 or IPv6.
    pub ports: [u16; 2],
}

/// Family of IPv4 (include/linux/socket.h).
pub const AF_INET: u16 = 2;
/// Family of IPv6.
pub const AF_INET6: u16 = 10;

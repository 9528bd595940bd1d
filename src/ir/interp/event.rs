//! Calls as policies see them: values, not memory.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::ir::{ArgType, Namespace};

/// A value; `None` if it cannot be read.
pub type Readable<T> = Option<T>;

/// One call of a hooked function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds since boot.
    pub time: u64,
    /// One for each argument of the hook, in its order.
    pub args: Vec<Value>,
    /// `None` for a call whose return is not seen.
    pub ret: Option<Value>,
    pub process: Process,
}

/// A value of one of the language's types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Within the limits of its type.
    Int(i128),
    String(Readable<Text>),
    Buffer {
        /// The length that the call names.
        wanted: u64,
        bytes: Readable<Text>,
    },
    Path {
        /// The file's mode; 0 if it is not known.
        mode: u16,
        path: Readable<Text>,
    },
    Sock(Readable<Sock>),
    Sockaddr(Sockaddr),
    Cred(Readable<Credentials>),
    /// Declared for its place only.
    Nop,
}

impl Value {
    /// What a call returns that `Override` has replaced: a number, or an address at which nothing is.
    pub(super) fn overridden(ty: ArgType, value: i32) -> Self {
        match ty {
            ArgType::Int(ty) => Self::Int(ty.of_register(i64::from(value).cast_unsigned())),
            ArgType::String | ArgType::Filename => Self::String(None),
            ArgType::CharBuf { .. } => Self::Buffer {
                wanted: 0,
                bytes: None,
            },
            ArgType::Fd
            | ArgType::File
            | ArgType::Path
            | ArgType::Dentry
            | ArgType::LinuxBinprm => Self::Path {
                mode: 0,
                path: None,
            },
            ArgType::Sock => Self::Sock(None),
            ArgType::Sockaddr => Self::Sockaddr(Sockaddr::UNREADABLE),
            ArgType::Cred => Self::Cred(None),
            ArgType::Nop => Self::Nop,
        }
    }

    /// As events show it: a `sockaddr` as a whole or not at all.
    pub(super) fn shown(&self) -> Self {
        match self {
            Self::Sockaddr(address) if !address.is_whole() => Self::Sockaddr(Sockaddr::UNREADABLE),
            other => other.clone(),
        }
    }
}

/// What is known of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// All of it; of an incomplete path the end, of another incomplete text the beginning.
    pub known: Vec<u8>,
    pub complete: bool,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let more = if self.complete { "" } else { " and more" };
        write!(f, "\"{}\"{more}", self.known.escape_ascii())
    }
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sock {
    pub family: u16,
    /// `SOCK_STREAM` and so on.
    pub kind: u16,
    pub protocol: u16,
    pub state: u8,
    pub mark: u32,
    pub priority: u32,
    pub source: Endpoint,
    pub destination: Endpoint,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `None` if the family is neither IPv4 nor IPv6.
    pub address: Option<Address>,
    /// Host byte order; 0 where the family has none.
    pub port: u16,
}

/// An address as it lies in memory: an IPv4-mapped one is of version 6 here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

/// A `sockaddr`: parts that may be readable or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sockaddr {
    pub family: Readable<u16>,
    /// Host byte order; 0 where the family has none.
    pub port: Readable<u16>,
    /// `None` also where the family has none.
    pub address: Readable<Address>,
}

impl Sockaddr {
    const UNREADABLE: Self = Self {
        family: None,
        port: None,
        address: None,
    };

    /// Whether all can be read that its family has: IPv4 and IPv6 (2, 10; include/linux/socket.h) have addresses.
    fn is_whole(&self) -> bool {
        let has_address = matches!(self.family, Some(2 | 10));
        let has_all = self.address.is_some() || !has_address;
        self.family.is_some() && self.port.is_some() && has_all
    }
}

/// `struct cred`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// uid, gid, euid, egid, suid, sgid, fsuid, fsgid.
    pub ids: [u32; 8],
    pub securebits: u32,
    pub capabilities: Capabilities,
    pub user_namespace: UserNamespace,
}

/// Capability sets, a bit for each number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub permitted: u64,
    pub effective: u64,
    pub inheritable: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserNamespace {
    /// 0 for the host's.
    pub level: i32,
    pub owner: u32,
    pub group: u32,
    pub inode: u32,
}

/// The process that makes the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// The calling thread.
    pub tid: u32,
    /// In its own pid namespace; 0 in the host's.
    pub ns_pid: u32,
    /// Effective user.
    pub uid: u32,
    /// `loginuid`; `u32::MAX` if it is not set.
    pub auid: u32,
    /// Nanoseconds since boot.
    pub start: u64,
    /// Path of the executable.
    pub exe: Readable<Text>,
    /// The same for filters: of a file that has been unlinked the path that it had.
    pub binary: Readable<Text>,
    /// The command line, words separated by NUL.
    pub arguments: Readable<Text>,
    pub cwd: Readable<Text>,
    /// Whether it has memory of its own: kernel threads, and processes that have begun to exit, do not.
    pub has_memory: bool,
    pub namespaces: Namespaces,
    /// Of the calling thread.
    pub credentials: Credentials,
    /// Parents from the nearest to process 0.
    pub ancestors: Vec<Ancestor>,
}

/// Inode numbers; a namespace that is missing cannot be read.
pub type Namespaces = BTreeMap<Namespace, u32>;

/// A parent, or one of its parents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ancestor {
    pub pid: u32,
    /// In its own pid namespace; 0 in the host's.
    pub ns_pid: u32,
    /// Effective user.
    pub uid: u32,
    /// Nanoseconds since boot.
    pub start: u64,
    pub exe: Readable<Text>,
}

//! The meaning of a policy, free of its notation.
//!
//! In: what `lower` makes of a checked policy. Out: what `codegen` compiles.
//!
//! A [`Program`] is a list of hooks. Each call of a hooked function is one event.
//! The first [`Rule`] whose tests all hold decides it: its actions run in order.
//! No rule holds: nothing happens.
//!
//! Holds:
//! * Tests are pure; their order has no meaning.
//! * A test on a value that cannot be read is false, negated or not.
//! * Of a text that is longer than programs read, one part is known: the end of a path, the beginning of everything else.
//!   Such a text equals nothing; it starts or ends with a value if the known part does, and with nothing if the other
//!   part decides. Negated tests hold where the plain one does not.
//! * Sets are canonical: sorted, disjoint, non-adjacent, deduplicated.
//! * Every argument index in a test is below `hook.args.len()`.

pub mod interp;
mod set;
mod text;
mod texts;

pub use set::{IntSet, RangeSet, V4Set, V6Set};
pub use texts::{TextMatch, TextValue};

use crate::diag::Span;
use crate::kernel::syscalls::short_length;

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub policy: String,
    pub hooks: Vec<Hook>,
}

/// A function whose calls are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub symbol: String,
    pub abi: Abi,
    /// The policy still loads when the kernel lacks the function (`ignore.callNotFound`).
    pub optional: bool,
    pub message: Option<String>,
    pub tags: Vec<String>,
    /// The values that filters and events refer to, in the order of the policy.
    pub args: Vec<Arg>,
    /// Present when the policy asks for the return value (`return: true`).
    pub ret: Option<Arg>,
    pub rules: Vec<Rule>,
    pub span: Span,
}

impl Hook {
    /// The type of the length of a buffer: of a system call whose length has 32 bits that, whatever the policy declares; else as the
    /// policy declares the parameter, or the whole register.
    pub fn length_type(&self, index: u8) -> IntType {
        let short = match self.abi {
            Abi::Syscall => short_length(&self.symbol, index),
            Abi::Function => None,
        };
        let declared = self.args.iter().find(|arg| arg.index == index);
        match (short, declared.map(|arg| arg.ty)) {
            (Some(true), _) => IntType::I32,
            (Some(false), _) => IntType::U32,
            (None, Some(ArgType::Int(ty))) => ty,
            (None, _) => IntType::U64,
        }
    }
}

/// How the hooked function takes its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// A kernel function: parameters in registers; `symbol` is its name.
    Function,
    /// A system call: `symbol` is the portable name, `sys_openat`.
    Syscall,
}

/// A value that a hook can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Parameter of the function, from 0. Without meaning for a return value.
    pub index: u8,
    pub ty: ArgType,
    pub label: Option<String>,
    pub span: Span,
}

/// The kind of a value, with what decides how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgType {
    Int(IntType),
    /// NUL-terminated text: in user memory for system calls, else in kernel or user memory.
    String,
    /// A buffer whose length is the value of another parameter (from 0);
    /// `None`: the length is the return value.
    CharBuf {
        size_from: Option<u8>,
    },
    /// `struct filename *`.
    Filename,
    /// `struct file *`.
    File,
    /// `struct path *`.
    Path,
    /// `struct dentry *`.
    Dentry,
    /// A file descriptor of the current task.
    Fd,
    /// `struct linux_binprm *`.
    LinuxBinprm,
    /// `struct sock *`.
    Sock,
    /// `struct sockaddr *`.
    Sockaddr,
    /// `struct cred *`.
    Cred,
    /// Declared for its place only; never read.
    Nop,
}

/// Width and signedness of an integer, with the name under which events show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntType {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
}

impl IntType {
    pub fn bytes(self) -> u32 {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 => 4,
            Self::I64 | Self::U64 => 8,
        }
    }

    pub fn signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }

    /// The number that a register holds, whatever lies above the type's width.
    pub fn of_register(self, bits: u64) -> i128 {
        match self {
            Self::I8 => (bits as i8).into(),
            Self::I16 => (bits as i16).into(),
            Self::I32 => (bits as i32).into(),
            Self::I64 => (bits as i64).into(),
            Self::U8 => (bits as u8).into(),
            Self::U16 => (bits as u16).into(),
            Self::U32 => (bits as u32).into(),
            Self::U64 => bits.into(),
        }
    }
}

/// One selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Judged when the function is entered.
    pub tests: Vec<Test>,
    /// Judged on the return value; they decide only whether the event is reported.
    pub return_tests: Vec<Test>,
    /// Signals and overrides in the policy's order.
    pub actions: Vec<Action>,
    /// Whether and how often the event is reported; `None` for NoPost.
    pub post: Option<Post>,
    /// The action that the event names: the last of the selector, Post without any.
    pub shown: Shown,
    pub span: Span,
}

/// What a rule does to the current task or call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this signal to the thread group of the current task.
    Signal { number: u32, span: Span },
    /// Return this value instead of running the function; errors are `-4095..=-1`, lower values do not occur.
    Override { value: i32, span: Span },
}

/// How a matching event is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    pub rate: Option<Rate>,
}

/// At most one report in an interval for equal arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub interval_ms: u32,
    pub scope: RateScope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateScope {
    Thread,
    Process,
    Global,
}

/// The action that an event names, with Tetragon's number in its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Post = 1,
    Sigkill = 3,
    Override = 5,
    NoPost = 9,
    Signal = 10,
}

/// One filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// True when the predicate is false (and the value could be read).
    pub negate: bool,
    pub predicate: Predicate,
    pub span: Span,
}

/// A value that a predicate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Index into [`Hook::args`].
    Arg(usize),
    /// The return value; in [`Rule::return_tests`] only.
    Return,
    /// Path of the current process' executable.
    Exe,
}

/// A pure question about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// The integer is in the set.
    Int { of: Subject, set: IntSet },
    /// `value & mask != 0`.
    Mask { of: Subject, mask: u64 },
    /// The text equals, starts with or ends with one of the values.
    Text {
        of: Subject,
        how: TextMatch,
        values: Vec<TextValue>,
    },
    /// The address of a socket's or `sockaddr`'s end is in the set. False when the family
    /// is neither IPv4 nor IPv6 (also negated). An IPv4-mapped IPv6 address is an IPv4 address.
    Addr {
        of: Subject,
        end: End,
        v4: V4Set,
        v6: V6Set,
    },
    /// The port of one end, host byte order.
    Port { of: Subject, end: End, set: IntSet },
    /// `sk_protocol` of a socket.
    Protocol { of: Subject, set: IntSet },
    /// Address family of a socket or `sockaddr`.
    Family { of: Subject, set: IntSet },
    /// TCP state of a socket.
    State { of: Subject, set: IntSet },
    /// The process id is in the set.
    Pid {
        set: IntSet,
        namespaced: bool,
        follow_forks: bool,
    },
    /// The inode number of one of the task's namespaces is in the set.
    Namespace {
        kind: Namespace,
        inodes: IntSet,
        host: bool,
    },
    /// One of the capabilities is in the task's set.
    Capability {
        set: CapSet,
        mask: u64,
        namespaced: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Local address of a socket; the address of a `sockaddr`.
    Source,
    /// Remote address of a socket.
    Destination,
}

/// The namespaces of `matchNamespaces`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    Uts,
    Ipc,
    Mnt,
    Pid,
    PidForChildren,
    Net,
    Time,
    TimeForChildren,
    Cgroup,
    User,
}

/// The capability sets of `struct cred`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapSet {
    Effective,
    Inheritable,
    Permitted,
}

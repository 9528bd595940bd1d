//! A system call, how the driver performs it, and the hooked functions that it reaches, with what they get.

use tpc::ir::interp::{Credentials, Sock};

use super::files::{self, Node};

/// A parameter of a system call, as the driver makes it.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Number(u64),
    /// Bytes with a NUL behind them.
    Text(Vec<u8>),
    /// Bytes with nothing behind them that could be read.
    Edge(Vec<u8>),
    Null,
    Unmapped,
    /// Process id of the caller's parent, and its own.
    Parent,
    Own,
    Arguments(Vec<Vec<u8>>),
    Environment,
}

/// A parameter of a hooked function.
#[derive(Clone, Debug)]
pub(super) enum Param {
    Raw(Raw),
    /// A file, a path or a program.
    File(Node),
    /// A name in a directory: its path in its filesystem, the mode of what is there.
    Dentry(Node),
    Sock(Box<Sock>),
    Cred(Option<Box<Credentials>>),
    /// Nothing that a policy reads.
    Other,
}

/// What a hooked function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    /// What the system call returns.
    AsCall,
    Number(i64),
}

/// A hooked function on the way of a call.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    pub(super) symbol: &'static str,
    pub(super) params: Vec<Param>,
    pub(super) returned: Returned,
}

/// A descriptor that the caller inherits; the first is number 10.
#[derive(Clone, Debug)]
pub(super) enum Descriptor {
    File {
        flags: u32,
        node: Node,
    },
    Socket {
        domain: u16,
        kind: u32,
        protocol: u16,
        bound: Vec<u8>,
    },
}

/// The first descriptor that a caller inherits.
pub(super) const FIRST_FD: u64 = 10;

/// The process that makes a call.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Process id that the driver asks for; the caller's own is the next one.
    pub(super) parent: u32,
    pub(super) exe: &'static str,
    pub(super) cwd: &'static str,
    pub(super) argv: Vec<Vec<u8>>,
    pub(super) uid: u32,
    /// Effective, permitted, inheritable.
    pub(super) capabilities: [u64; 3],
    /// New namespaces, a letter each.
    pub(super) namespaces: String,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: usize,
    pub(super) number: u32,
    pub(super) raw: Vec<Raw>,
    pub(super) caller: Caller,
    pub(super) descriptors: Vec<Descriptor>,
    /// Whether files must be made again afterwards.
    pub(super) mess: bool,
    /// In the order in which the call comes there.
    pub(super) reached: Vec<Reached>,
    /// Functions that it also reaches, in ways that are not foreseen.
    pub(super) also: &'static [&'static str],
}

impl Call {
    pub(super) fn new(number: u32, symbol: &'static str, raw: Vec<Raw>) -> Self {
        let params = raw.iter().cloned().map(Param::Raw).collect();
        Self {
            id: 0,
            number,
            raw,
            caller: Caller {
                parent: 0,
                exe: files::PROGRAMS[0],
                cwd: "/",
                argv: vec![b"a".to_vec()],
                uid: 0,
                capabilities: [ALL_CAPABILITIES, ALL_CAPABILITIES, 0],
                namespaces: String::new(),
            },
            descriptors: Vec::new(),
            mess: false,
            reached: vec![Reached {
                symbol,
                params,
                returned: Returned::AsCall,
            }],
            also: &[],
        }
    }

    /// One more function on the way; a decision allows the call.
    pub(super) fn reach(mut self, symbol: &'static str, params: Vec<Param>) -> Self {
        self.reached.push(Reached {
            symbol,
            params,
            returned: Returned::Number(0),
        });
        self
    }

    pub(super) fn messy(mut self) -> Self {
        self.mess = true;
        self
    }

    pub(super) fn also(mut self, symbols: &'static [&'static str]) -> Self {
        self.also = symbols;
        self
    }

    pub(super) fn with(mut self, descriptor: Descriptor) -> Self {
        self.descriptors.push(descriptor);
        self
    }

    /// Whether it asks for another program.
    pub(super) fn becomes_another(&self) -> bool {
        self.raw.iter().any(|raw| matches!(raw, Raw::Environment))
    }

    pub(super) fn reaches(&self, symbol: &str) -> bool {
        self.reached.iter().any(|one| one.symbol == symbol) || self.also.contains(&symbol)
    }
}

/// Capabilities 0 to 40 (CAP_CHECKPOINT_RESTORE, include/uapi/linux/capability.h).
pub(super) const ALL_CAPABILITIES: u64 = (1 << 41) - 1;

impl Param {
    pub(super) fn number(number: u64) -> Self {
        Self::Raw(Raw::Number(number))
    }

    pub(super) fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::Raw(Raw::Text(text.into()))
    }
}

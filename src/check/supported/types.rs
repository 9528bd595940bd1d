//! The types of the language: which ones are compiled, as what, and what can be asked of them.

use crate::ir::{ArgType, IntType};
use crate::policy::{self, Operator};

/// The compiled form of a type; the error says what to write instead.
pub(super) fn compiled(ty: policy::ArgType) -> Result<ArgType, &'static str> {
    use policy::ArgType as T;
    Ok(match ty {
        T::Int | T::Int32 => ArgType::Int(IntType::I32),
        T::Int8 => ArgType::Int(IntType::I8),
        T::Uint8 => ArgType::Int(IntType::U8),
        T::Int16 => ArgType::Int(IntType::I16),
        T::Uint16 => ArgType::Int(IntType::U16),
        T::Uint32 => ArgType::Int(IntType::U32),
        T::Int64 => ArgType::Int(IntType::I64),
        T::Uint64 | T::SizeT => ArgType::Int(IntType::U64),
        T::String => ArgType::String,
        T::CharBuf => ArgType::CharBuf { size_from: None },
        T::Filename => ArgType::Filename,
        T::File => ArgType::File,
        T::Path => ArgType::Path,
        T::Dentry => ArgType::Dentry,
        T::Fd => ArgType::Fd,
        T::LinuxBinprm => ArgType::LinuxBinprm,
        T::Sock => ArgType::Sock,
        T::Sockaddr => ArgType::Sockaddr,
        T::Cred => ArgType::Cred,
        T::Nop => ArgType::Nop,
        T::Auto => return Err("write a type, for example `type: string`"),
        T::Capability | T::BpfCmd => return Err("write `type: int` for its number"),
        T::Syscall64 => return Err("write `type: uint64` for its number"),
        T::Skb | T::Socket => {
            return Err(
                "hook a function that takes a `struct sock`, such as `tcp_connect`, and write `type: sock`",
            );
        }
        T::SockaddrUn => return Err("write `type: sockaddr` for its address family"),
        T::KernelCap | T::CapInheritable | T::CapPermitted | T::CapEffective => {
            return Err("write `type: nop`, and use `matchCapabilities` for what the process has");
        }
        T::CharIovec
        | T::BpfAttr
        | T::PerfEvent
        | T::BpfMap
        | T::UserNamespace
        | T::Kiocb
        | T::IovIter
        | T::ConstBuf
        | T::LoadInfo
        | T::Module
        | T::DataLoc
        | T::NetDevice
        | T::BpfProg => return Err("write `type: nop` to leave the value out"),
    })
}

/// What a system call has where kernel functions have a value of this type: system calls take numbers
/// and addresses of the process.
pub(super) fn behind_system_call(ty: ArgType) -> Option<&'static str> {
    match ty {
        ArgType::File | ArgType::Path | ArgType::Dentry => Some(
            "write `type: fd` for a descriptor or `type: string` for a path as the process gives it, or hook the `security_` function",
        ),
        ArgType::LinuxBinprm => Some(
            "write `type: string` for the path, or hook `security_bprm_check` with `syscall: false`",
        ),
        ArgType::Filename => Some("write `type: string`"),
        ArgType::Sock => Some(
            "write `type: sockaddr` for the address parameter, or hook `tcp_connect` with `syscall: false`",
        ),
        ArgType::Cred => Some("hook `commit_creds` with `syscall: false`"),
        _ => None,
    }
}

/// Whether the value is the path of a file, always written from the root.
pub(super) fn is_path(ty: ArgType) -> bool {
    matches!(
        ty,
        ArgType::File | ArgType::Path | ArgType::Dentry | ArgType::Fd | ArgType::LinuxBinprm
    )
}

/// Types that take the same operators.
pub(super) struct Family {
    /// For messages, in the plural.
    pub(super) what: &'static str,
    pub(super) operators: &'static [Operator],
    /// Operators of the language that are not compiled.
    pub(super) missing: &'static [Operator],
}

const INTEGERS: Family = Family {
    what: "integers",
    operators: &[
        Operator::Equal,
        Operator::NotEqual,
        Operator::GreaterThan,
        Operator::LessThan,
        Operator::Mask,
        Operator::InMap,
        Operator::NotInMap,
        Operator::InRange,
        Operator::NotInRange,
    ],
    missing: &[],
};

const TEXT_OPERATORS: &[Operator] = &[
    Operator::Equal,
    Operator::NotEqual,
    Operator::Prefix,
    Operator::NotPrefix,
    Operator::Postfix,
    Operator::NotPostfix,
];

const TEXTS: Family = Family {
    what: "texts",
    operators: TEXT_OPERATORS,
    missing: &[Operator::SubString, Operator::SubStringIgnCase],
};

const PATHS: Family = Family {
    what: "paths",
    operators: TEXT_OPERATORS,
    missing: &[
        Operator::SubString,
        Operator::SubStringIgnCase,
        Operator::FileType,
        Operator::NotFileType,
    ],
};

const SOCKETS: Family = Family {
    what: "sockets",
    operators: &[
        Operator::SAddr,
        Operator::NotSAddr,
        Operator::DAddr,
        Operator::NotDAddr,
        Operator::SPort,
        Operator::NotSPort,
        Operator::DPort,
        Operator::NotDPort,
        Operator::SPortPriv,
        Operator::NotSPortPriv,
        Operator::DPortPriv,
        Operator::NotDPortPriv,
        Operator::Protocol,
        Operator::Family,
        Operator::State,
    ],
    missing: &[],
};

/// Which end of a connection a `sockaddr` names depends on the function; the language calls it the source.
const ADDRESSES: Family = Family {
    what: "socket addresses",
    operators: &[
        Operator::SAddr,
        Operator::NotSAddr,
        Operator::SPort,
        Operator::NotSPort,
        Operator::SPortPriv,
        Operator::NotSPortPriv,
        Operator::Family,
    ],
    missing: &[],
};

const CREDENTIALS: Family = Family {
    what: "credentials",
    operators: &[],
    missing: &[],
};

const UNREAD: Family = Family {
    what: "arguments of type `nop`, which are not read",
    operators: &[],
    missing: &[],
};

pub(super) fn family(ty: ArgType) -> &'static Family {
    match ty {
        ArgType::Int(_) => &INTEGERS,
        ArgType::String | ArgType::CharBuf { .. } | ArgType::Filename => &TEXTS,
        ArgType::File | ArgType::Path | ArgType::Dentry | ArgType::Fd | ArgType::LinuxBinprm => {
            &PATHS
        }
        ArgType::Sock => &SOCKETS,
        ArgType::Sockaddr => &ADDRESSES,
        ArgType::Cred => &CREDENTIALS,
        ArgType::Nop => &UNREAD,
    }
}

//! Operators and the types of the values that they compare, as the language has them.
//!
//! Tetragon refuses some pairs when a policy is loaded. Others load, and the kernel side then finds every value
//! equal, or none: [`Fit::Always`] and [`Fit::Never`]. `CelExpr` names its values itself and has no row here.
//!
//! Source: `parseMatchArg` and the functions below it in `pkg/selectors/kernel.go`, `filter_arg_2` in
//! `bpf/process/types/basic.h`.

use crate::policy::{ArgType, Operator, Word};

/// What an operator makes of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Works,
    /// Loads, and holds whatever the value is.
    Always,
    /// Loads, and does not hold whatever the value is, not even negated.
    Never,
    Refused,
}

/// Types that take the same operators.
#[derive(Debug)]
pub struct Family {
    /// For messages, in the plural.
    pub what: &'static str,
    pub works: &'static [Operator],
    /// What [`STRINGS`] that are not in `works` make of it.
    strings: Fit,
    never: &'static [Operator],
}

impl Family {
    pub fn fit(&self, operator: Operator) -> Fit {
        if self.works.contains(&operator) {
            Fit::Works
        } else if self.never.contains(&operator) {
            Fit::Never
        } else if STRINGS.contains(&operator) {
            self.strings
        } else {
            Fit::Refused
        }
    }

    /// The operators that work, for messages.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.works.iter().map(|operator| operator.name()).collect();
        names.join(", ")
    }
}

/// Not looked at with the type when a policy is loaded.
const STRINGS: &[Operator] = &[
    Operator::Prefix,
    Operator::NotPrefix,
    Operator::Postfix,
    Operator::NotPostfix,
    Operator::SubString,
    Operator::SubStringIgnCase,
];

/// Operators whose type is looked at with each value: without values, everything loads.
pub fn is_judged_by_value(operator: Operator) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::Equal
            | O::NotEqual
            | O::GreaterThan
            | O::LessThan
            | O::Mask
            | O::InMap
            | O::NotInMap
            | O::InRange
            | O::NotInRange
    )
}

const INTEGERS: Family = Family {
    what: "integers",
    works: &[
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
    strings: Fit::Never,
    never: &[],
};

const CAPABILITIES: Family = Family {
    what: "capability sets",
    works: &[
        Operator::Equal,
        Operator::NotEqual,
        Operator::GreaterThan,
        Operator::LessThan,
        Operator::Mask,
        Operator::CapabilitiesGained,
    ],
    strings: Fit::Never,
    never: &[],
};

const TEXTS: Family = Family {
    what: "texts",
    works: &[
        Operator::Equal,
        Operator::NotEqual,
        Operator::Prefix,
        Operator::NotPrefix,
        Operator::Postfix,
        Operator::NotPostfix,
        Operator::SubString,
        Operator::SubStringIgnCase,
    ],
    strings: Fit::Refused,
    never: &[],
};

const PATHS: Family = Family {
    what: "paths",
    ..TEXTS
};

/// Paths with the inode behind them.
const FILES: Family = Family {
    what: "paths",
    works: &[
        Operator::Equal,
        Operator::NotEqual,
        Operator::Prefix,
        Operator::NotPrefix,
        Operator::Postfix,
        Operator::NotPostfix,
        Operator::SubString,
        Operator::SubStringIgnCase,
        Operator::FileType,
        Operator::NotFileType,
    ],
    ..TEXTS
};

const SOCKETS: Family = Family {
    what: "sockets",
    works: &[
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
    strings: Fit::Never,
    never: &[],
};

/// Packets have no state.
const PACKETS: Family = Family {
    what: "packets",
    works: SOCKETS.works.split_at(SOCKETS.works.len() - 1).0,
    strings: Fit::Never,
    never: &[Operator::State],
};

/// Which end of a connection a `sockaddr` names depends on the function; the language calls it the source.
const ADDRESSES: Family = Family {
    what: "socket addresses",
    works: &[
        Operator::SAddr,
        Operator::NotSAddr,
        Operator::SPort,
        Operator::NotSPort,
        Operator::SPortPriv,
        Operator::NotSPortPriv,
        Operator::Family,
    ],
    strings: Fit::Never,
    never: &[],
};

const LOCAL_ADDRESSES: Family = Family {
    what: "addresses of local sockets",
    works: &[
        Operator::Equal,
        Operator::NotEqual,
        Operator::Prefix,
        Operator::NotPrefix,
        Operator::SubString,
        Operator::SubStringIgnCase,
        Operator::Family,
    ],
    strings: Fit::Never,
    never: &[],
};

/// Types that are reported but not compared.
const OPAQUE: Family = Family {
    what: "",
    works: &[],
    strings: Fit::Always,
    never: &[],
};

/// What operators make of a type.
pub fn family(ty: ArgType) -> Family {
    use ArgType as T;
    let opaque = |what| Family { what, ..OPAQUE };
    match ty {
        T::Int
        | T::Int8
        | T::Uint8
        | T::Int16
        | T::Uint16
        | T::Int32
        | T::Uint32
        | T::Int64
        | T::Uint64
        | T::SizeT
        | T::Syscall64 => INTEGERS,
        T::KernelCap | T::CapInheritable | T::CapPermitted | T::CapEffective => CAPABILITIES,
        // Tetragon refuses Equal on `filename`; it is among the limits, see `super::limits`.
        T::String | T::CharBuf | T::DataLoc | T::NetDevice | T::Filename => TEXTS,
        T::File | T::Path => FILES,
        T::Fd | T::Dentry | T::LinuxBinprm => PATHS,
        T::Sock | T::Socket => SOCKETS,
        T::Skb => PACKETS,
        T::Sockaddr => ADDRESSES,
        T::SockaddrUn => LOCAL_ADDRESSES,
        T::Nop => opaque("arguments of type `nop`, which are not read"),
        T::Auto => opaque("arguments without a type"),
        T::Cred => opaque("credentials"),
        T::CharIovec | T::IovIter | T::ConstBuf => opaque("arrays of buffers"),
        T::BpfAttr | T::BpfMap | T::BpfProg | T::BpfCmd => opaque("objects of BPF"),
        T::PerfEvent => opaque("perf events"),
        T::UserNamespace => opaque("user namespaces"),
        T::Capability => opaque("numbers of capabilities"),
        T::Kiocb => opaque("I/O control blocks"),
        T::LoadInfo | T::Module => opaque("kernel modules"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_can_write() {
        let cases = [
            (ArgType::Int, Operator::Mask, Fit::Works),
            (ArgType::Int, Operator::Prefix, Fit::Never),
            (ArgType::Int, Operator::FileType, Fit::Refused),
            (ArgType::File, Operator::FileType, Fit::Works),
            (ArgType::Fd, Operator::FileType, Fit::Refused),
            (ArgType::Skb, Operator::State, Fit::Never),
            (ArgType::Skb, Operator::Family, Fit::Works),
            (ArgType::SockaddrUn, Operator::Postfix, Fit::Never),
            (ArgType::Kiocb, Operator::NotPrefix, Fit::Always),
            (ArgType::Kiocb, Operator::Equal, Fit::Refused),
            (ArgType::CapEffective, Operator::InMap, Fit::Refused),
        ];
        for (ty, operator, fit) in cases {
            assert_eq!(family(ty).fit(operator), fit, "{operator} on {ty}");
        }
    }
}

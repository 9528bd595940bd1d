//! The text that `--emit ir` prints.

use std::fmt;

use super::{Action, Arg, ArgType, Hook, Predicate, Program, Rule, Subject, Test, TextValue};

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy {}", self.policy)?;
        self.hooks.iter().try_for_each(|hook| write!(f, "\n{hook}"))
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optional = if self.optional { " optional" } else { "" };
        writeln!(f, "hook {:?} {}{optional}", self.abi, self.symbol)?;
        for (position, arg) in self.args.iter().enumerate() {
            writeln!(f, "  arg {position} = {arg}")?;
        }
        if let Some(ret) = &self.ret {
            writeln!(f, "  return = {:?}", ret.ty)?;
        }
        for (number, rule) in self.rules.iter().enumerate() {
            write!(f, "  rule {number}\n{rule}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {} ", self.index)?;
        match self.ty {
            ArgType::Int(int) => write!(f, "{int:?}")?,
            other => write!(f, "{other:?}")?,
        }
        match &self.label {
            Some(label) => write!(f, " {label:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for test in &self.tests {
            writeln!(f, "    if {test}")?;
        }
        for action in &self.actions {
            match action {
                Action::Signal { number, .. } => writeln!(f, "    signal {number}")?,
                Action::Override { value, .. } => writeln!(f, "    override {value}")?,
            }
        }
        for test in &self.return_tests {
            writeln!(f, "    on return, if {test}")?;
        }
        match self.post.map(|post| post.rate) {
            None => writeln!(f, "    silent"),
            Some(None) => writeln!(f, "    post as {:?}", self.shown),
            Some(Some(rate)) => {
                let (ms, scope) = (rate.interval_ms, rate.scope);
                writeln!(
                    f,
                    "    post as {:?}, once in {ms} ms for each {scope:?}",
                    self.shown
                )
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arg(position) => write!(f, "arg {position}"),
            Self::Return => f.write_str("return"),
            Self::Exe => f.write_str("exe"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negate { "not " } else { "" };
        match &self.predicate {
            Predicate::Int { of, set } => write!(f, "{of} {not}in {:?}", set.ranges()),
            Predicate::Mask { of, mask } => write!(f, "{of} {not}has {mask:#x}"),
            Predicate::Text { of, how, values } => {
                write!(f, "{of} {not}{how:?} ")?;
                f.debug_list().entries(values.iter().map(Lossy)).finish()
            }
            Predicate::Addr { of, end, v4, v6 } => {
                let v4 = v4
                    .ranges()
                    .iter()
                    .map(|(lo, hi)| (std::net::Ipv4Addr::from(*lo), std::net::Ipv4Addr::from(*hi)));
                let v6 = v6
                    .ranges()
                    .iter()
                    .map(|(lo, hi)| (std::net::Ipv6Addr::from(*lo), std::net::Ipv6Addr::from(*hi)));
                write!(f, "{end:?} address of {of} {not}in ")?;
                f.debug_list().entries(v4).entries(v6).finish()
            }
            Predicate::Port { of, end, set } => {
                write!(f, "{end:?} port of {of} {not}in {:?}", set.ranges())
            }
            Predicate::Protocol { of, set } => {
                write!(f, "protocol of {of} {not}in {:?}", set.ranges())
            }
            Predicate::Family { of, set } => write!(f, "family of {of} {not}in {:?}", set.ranges()),
            Predicate::State { of, set } => write!(f, "state of {of} {not}in {:?}", set.ranges()),
            Predicate::Pid {
                set,
                namespaced,
                follow_forks,
            } => {
                let of = if *namespaced {
                    "pid in its namespace"
                } else {
                    "pid"
                };
                let forks = if *follow_forks { " or a parent's" } else { "" };
                write!(f, "{of}{forks} {not}in {:?}", set.ranges())
            }
            Predicate::Namespace { kind, inodes, host } => {
                let host = if *host { " or the host's" } else { "" };
                write!(f, "{kind:?} namespace {not}in {:?}{host}", inodes.ranges())
            }
            Predicate::Capability {
                set,
                mask,
                namespaced,
            } => {
                let guest = if *namespaced {
                    ", outside the host's user namespace"
                } else {
                    ""
                };
                write!(f, "{set:?} capabilities {not}have {mask:#x}{guest}")
            }
        }
    }
}

/// Shows bytes as text where they are text.
struct Lossy<'a>(&'a TextValue);

impl fmt::Debug for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.bytes.escape_ascii())
    }
}

//! Policies as the Rust that makes them, in the words of [`short`](super::short).

use std::fmt::{Display, Formatter, Result};

use tpc::ir::{Action, Arg, ArgType, Hook, Predicate, Program, Rule, Test};

/// Shows its content as an expression.
pub(crate) struct Rust<'a, T>(pub(crate) &'a T);

/// Shows a list as `vec![...]`.
struct List<'a, T>(&'a [T]);

impl<'a, T> Display for List<'a, T>
where
    Rust<'a, T>: Display,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("vec![")?;
        for (number, one) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{}", Rust(one))?;
        }
        f.write_str("]")
    }
}

impl Display for Rust<'_, Program> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "policy({})", List(&self.0.hooks))
    }
}

impl Display for Rust<'_, Hook> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Hook {
            symbol,
            abi,
            args,
            ret,
            rules,
            ..
        } = self.0;
        write!(f, "hook(Abi::{abi:?}, {symbol:?}, {}, ", List(args))?;
        match ret {
            Some(ret) => write!(f, "Some({})", Rust(ret))?,
            None => f.write_str("None")?,
        }
        write!(f, ", {})", List(rules))
    }
}

impl Display for Rust<'_, Arg> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let index = self.0.index;
        match self.0.ty {
            ArgType::Int(ty) => write!(f, "arg({index}, ArgType::Int(IntType::{ty:?}))"),
            ty => write!(f, "arg({index}, ArgType::{ty:?})"),
        }
    }
}

impl Display for Rust<'_, Rule> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Rule {
            tests,
            return_tests,
            actions,
            post,
            shown,
            ..
        } = self.0;
        write!(
            f,
            "rule({}, {}, {}, ",
            List(tests),
            List(return_tests),
            List(actions)
        )?;
        match post.map(|post| post.rate) {
            None => f.write_str("None")?,
            Some(None) => f.write_str("ALWAYS")?,
            Some(Some(rate)) => {
                let (interval, scope) = (rate.interval_ms, rate.scope);
                write!(f, "once_in({interval}, RateScope::{scope:?})")?;
            }
        }
        write!(f, ", Shown::{shown:?})")
    }
}

impl Display for Rust<'_, Action> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Action::Signal { number, .. } => write!(f, "signal({number})"),
            Action::Override { value, .. } => write!(f, "result({value})"),
        }
    }
}

impl Display for Rust<'_, Test> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let word = if self.0.negate { "not" } else { "yes" };
        write!(f, "{word}(")?;
        match &self.0.predicate {
            Predicate::Int { of, set } => write!(f, "int(Subject::{of:?}, &{:?})", set.ranges())?,
            Predicate::Mask { of, mask } => write!(f, "mask(Subject::{of:?}, {mask:#x})")?,
            Predicate::Text { of, how, values } => {
                write!(f, "text(Subject::{of:?}, TextMatch::{how:?}, &[")?;
                values
                    .iter()
                    .try_for_each(|value| write!(f, "b\"{}\", ", value.bytes.escape_ascii()))?;
                f.write_str("])")?;
            }
            Predicate::Addr { of, end, v4, v6 } => {
                write!(
                    f,
                    "address(Subject::{of:?}, End::{end:?}, &{:?}, &{:?})",
                    v4.ranges(),
                    v6.ranges()
                )?;
            }
            Predicate::Port { of, end, set } => write!(
                f,
                "port(Subject::{of:?}, End::{end:?}, &{:?})",
                set.ranges()
            )?,
            Predicate::Protocol { of, set } => {
                write!(f, "protocol(Subject::{of:?}, &{:?})", set.ranges())?
            }
            Predicate::Family { of, set } => {
                write!(f, "family(Subject::{of:?}, &{:?})", set.ranges())?
            }
            Predicate::State { of, set } => {
                write!(f, "state(Subject::{of:?}, &{:?})", set.ranges())?
            }
            Predicate::Pid {
                set,
                namespaced,
                follow_forks,
            } => {
                write!(f, "pid(&{:?}, {namespaced}, {follow_forks})", set.ranges())?;
            }
            Predicate::Namespace { kind, inodes, host } => {
                write!(
                    f,
                    "namespace(Namespace::{kind:?}, &{:?}, {host})",
                    inodes.ranges()
                )?;
            }
            Predicate::Capability {
                set,
                mask,
                namespaced,
            } => write!(f, "capability(CapSet::{set:?}, {mask:#x}, {namespaced})")?,
        }
        f.write_str(")")
    }
}

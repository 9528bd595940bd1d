//! Filters on the process: `matchBinaries`, `matchPIDs`, `matchNamespaces`, `matchCapabilities`.

use super::{bad_value, require_values, texts, unsupported, warn};
use crate::diag::{Sink, Span, Spanned, code};
use crate::ir::{CapSet, IntSet, Namespace, Predicate, Test};
use crate::kernel::capabilities;
use crate::policy::{
    self, BinaryFilter, CapabilityFilter, CapabilitySet, NamespaceFilter, PidFilter, Selector,
    SetOperator, is_set, nearest,
};

/// The namespace of the host, whatever its number.
const HOST: &str = "host_ns";
/// Above every process id: PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h).
const MAX_PID: u32 = 4 * 1024 * 1024;
/// A capability that the language calls by another name than the kernel and everybody else.
const OTHER_NAME: (&str, &str) = ("CAP_DAC_OVERRIDE", "DAC_OVERRIDE");

/// Appends the tests of a selector's process filters.
pub(super) fn filters(selector: &Selector, tests: &mut Vec<Test>, sink: &mut Sink) {
    for filter in &selector.match_binaries {
        tests.extend(binary(filter, sink));
    }
    for filter in &selector.match_pids {
        tests.extend(pid(filter, sink));
    }
    for filter in &selector.match_namespaces {
        tests.extend(namespace(filter, sink));
    }
    for filter in &selector.match_capabilities {
        tests.extend(capability(filter, sink));
    }
}

fn test(operator: Spanned<SetOperator>, predicate: Predicate, span: Span) -> Test {
    Test {
        negate: operator.value == SetOperator::NotIn,
        predicate,
        span,
    }
}

fn binary(filter: &BinaryFilter, sink: &mut Sink) -> Option<Test> {
    let BinaryFilter {
        span,
        operator,
        values,
        follow_children,
    } = filter;
    if let Some(flag) = follow_children.filter(|flag| flag.value) {
        let help = "list the binaries of the children too, or follow one process with `matchPIDs` and `followForks`";
        unsupported(sink, flag.span, "`followChildren`", help);
    }
    if !require_values(values, *span, sink) {
        return None;
    }
    let (negate, predicate) = texts::executable(operator.value, values, sink);
    Some(Test {
        negate,
        predicate,
        span: *span,
    })
}

fn pid(filter: &PidFilter, sink: &mut Sink) -> Option<Test> {
    let PidFilter {
        span,
        operator,
        values,
        is_namespace_pid,
        follow_forks,
    } = filter;
    if !require_values(values, *span, sink) {
        return None;
    }
    for pid in values.iter().filter(|pid| pid.value >= MAX_PID) {
        let message = format!("no process has the id {}", pid.value);
        let help = format!("ids are below {MAX_PID}");
        warn(sink, code::NEVER_MATCHES, pid.span, message, help);
    }
    let predicate = Predicate::Pid {
        set: IntSet::from_values(values.iter().map(|pid| i128::from(pid.value))),
        namespaced: is_set(*is_namespace_pid),
        follow_forks: is_set(*follow_forks),
    };
    Some(test(*operator, predicate, *span))
}

fn namespace(filter: &NamespaceFilter, sink: &mut Sink) -> Option<Test> {
    let NamespaceFilter {
        span,
        namespace,
        operator,
        values,
    } = filter;
    if !require_values(values, *span, sink) {
        return None;
    }
    let (host, numbers): (Vec<_>, Vec<_>) = values.iter().partition(|text| text.value == HOST);
    let mut inodes = Vec::new();
    for text in numbers {
        match inode(&text.value) {
            Some(inode) => inodes.push(i128::from(inode)),
            None => {
                let help = "write `host_ns`, or the number that `readlink /proc/PID/ns/NAME` shows";
                bad_value(text, "a namespace", help, sink);
            }
        }
    }
    let predicate = Predicate::Namespace {
        kind: namespace_kind(namespace.value),
        inodes: IntSet::from_values(inodes),
        host: !host.is_empty(),
    };
    Some(test(*operator, predicate, *span))
}

/// A number of digits only.
fn inode(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn namespace_kind(kind: policy::Namespace) -> Namespace {
    match kind {
        policy::Namespace::Uts => Namespace::Uts,
        policy::Namespace::Ipc => Namespace::Ipc,
        policy::Namespace::Mnt => Namespace::Mnt,
        policy::Namespace::Pid => Namespace::Pid,
        policy::Namespace::PidForChildren => Namespace::PidForChildren,
        policy::Namespace::Net => Namespace::Net,
        policy::Namespace::Time => Namespace::Time,
        policy::Namespace::TimeForChildren => Namespace::TimeForChildren,
        policy::Namespace::Cgroup => Namespace::Cgroup,
        policy::Namespace::User => Namespace::User,
    }
}

fn capability(filter: &CapabilityFilter, sink: &mut Sink) -> Option<Test> {
    let CapabilityFilter {
        span,
        set,
        operator,
        is_namespace_capability,
        values,
    } = filter;
    if !require_values(values, *span, sink) {
        return None;
    }
    let mut mask = 0;
    for text in values {
        match capability_number(&text.value) {
            Some(number) => mask |= 1 << number,
            None => bad_value(text, "a capability", capability_help(&text.value), sink),
        }
    }
    let predicate = Predicate::Capability {
        set: match set.map(|set| set.value) {
            None | Some(CapabilitySet::Effective) => CapSet::Effective,
            Some(CapabilitySet::Inheritable) => CapSet::Inheritable,
            Some(CapabilitySet::Permitted) => CapSet::Permitted,
        },
        mask,
        namespaced: is_set(*is_namespace_capability),
    };
    Some(test(*operator, predicate, *span))
}

/// The number of a name, in any case and with blanks around it.
fn capability_number(text: &str) -> Option<u32> {
    let name = text.trim().to_ascii_uppercase();
    let (kernel, language) = OTHER_NAME;
    capabilities::by_name(if name == kernel { language } else { &name })
}

fn capability_help(text: &str) -> String {
    const PREFIX: &str = "CAP_";
    let name = text.trim().to_ascii_uppercase();
    let bare = name.strip_prefix(PREFIX).unwrap_or(&name);
    let whole = format!("{PREFIX}{bare}");
    if capability_number(&whole).is_some() {
        return format!("write `{whole}`");
    }
    let known = capabilities::NAMES.iter().map(|(_, name)| *name);
    let known: Vec<&str> = known
        .map(|name| name.strip_prefix(PREFIX).unwrap_or(name))
        .collect();
    let number = text.trim().parse().ok().and_then(capabilities::by_number);
    match (number, nearest(bare, &known)) {
        (Some(name), _) => format!("did you mean `{name}`?"),
        (None, Some(near)) => format!("did you mean `{PREFIX}{near}`?"),
        (None, None) => "write a name such as `CAP_SYS_ADMIN`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inodes_are_digits() {
        assert_eq!(inode("010"), Some(10));
        assert_eq!(inode("4294967295"), Some(u32::MAX));
        for bad in ["", "+1", "-1", "4294967296", "1 ", "0x1"] {
            assert_eq!(inode(bad), None, "{bad}");
        }
    }

    #[test]
    fn capabilities_by_either_name() {
        assert_eq!(capability_number(" cap_sys_admin\t"), Some(21));
        assert_eq!(capability_number("CAP_DAC_OVERRIDE"), Some(1));
        assert_eq!(capability_number("DAC_OVERRIDE"), Some(1));
        assert_eq!(capability_number("SYS_ADMIN"), None);
        assert_eq!(capability_help("sys_admin"), "write `CAP_SYS_ADMIN`");
        assert_eq!(capability_help("21"), "did you mean `CAP_SYS_ADMIN`?");
        assert_eq!(
            capability_help("cap_sysadmin"),
            "did you mean `CAP_SYS_ADMIN`?"
        );
        assert_eq!(
            capability_help("ALL"),
            "write a name such as `CAP_SYS_ADMIN`"
        );
    }
}

//! Filters on the process: `matchBinaries`, `matchPIDs`, `matchNamespaces`, `matchCapabilities`.

use super::filters::bad_value;
use super::texts;
use crate::diag::{Sink, Spanned};
use crate::ir::{CapSet, IntSet, Namespace, Predicate, Subject, Test, TextMatch};
use crate::kernel::capabilities;
use crate::policy::{
    self, BinaryFilter, BinaryOperator, CapabilityFilter, CapabilitySet, NamespaceFilter,
    PidFilter, Selector, SetOperator, is_set,
};

/// The namespace of the host, whatever its number.
const HOST: &str = "host_ns";

/// Appends the tests of a selector's process filters.
pub(super) fn filters(selector: &Selector, tests: &mut Vec<Test>, sink: &mut Sink) {
    tests.extend(
        selector
            .match_binaries
            .iter()
            .filter_map(|filter| binary(filter, sink)),
    );
    tests.extend(
        selector
            .match_pids
            .iter()
            .filter_map(|filter| pid(filter, sink)),
    );
    tests.extend(
        selector
            .match_namespaces
            .iter()
            .filter_map(|filter| namespace(filter, sink)),
    );
    tests.extend(
        selector
            .match_capabilities
            .iter()
            .filter_map(|filter| capability(filter, sink)),
    );
}

fn binary(filter: &BinaryFilter, sink: &mut Sink) -> Option<Test> {
    use BinaryOperator as O;
    if let Some(flag) = filter.follow_children.filter(|flag| flag.value) {
        super::unsupported(
            sink,
            flag.span,
            "`followChildren`",
            "list the children's binaries too",
        );
    }
    let (negate, how) = match filter.operator.value {
        O::In => (false, TextMatch::Equal),
        O::NotIn => (true, TextMatch::Equal),
        O::Prefix => (false, TextMatch::Prefix),
        O::NotPrefix => (true, TextMatch::Prefix),
        O::Postfix => (false, TextMatch::Postfix),
        O::NotPostfix => (true, TextMatch::Postfix),
    };
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let values = texts::values(&filter.values, sink);
    let predicate = Predicate::Text {
        of: Subject::Exe,
        how,
        values,
    };
    Some(Test {
        negate,
        predicate,
        span: filter.span,
    })
}

fn pid(filter: &PidFilter, sink: &mut Sink) -> Option<Test> {
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let set = IntSet::from_values(filter.values.iter().map(|pid| i128::from(pid.value)));
    let namespaced = is_set(filter.is_namespace_pid);
    let follow_forks = is_set(filter.follow_forks);
    let predicate = Predicate::Pid {
        set,
        namespaced,
        follow_forks,
    };
    Some(Test {
        negate: is_negative(filter.operator),
        predicate,
        span: filter.span,
    })
}

fn namespace(filter: &NamespaceFilter, sink: &mut Sink) -> Option<Test> {
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let mut inodes = Vec::new();
    for text in filter.values.iter().filter(|text| text.value != HOST) {
        match text.value.parse::<u32>() {
            Ok(inode) => inodes.push(i128::from(inode)),
            Err(_) => {
                let help = "write `host_ns`, or the number that `readlink /proc/PID/ns/NAME` shows";
                bad_value(&text.value, text.span, "a namespace", help, sink);
            }
        }
    }
    let host = filter.values.iter().any(|text| text.value == HOST);
    let kind = namespace_kind(filter.namespace.value);
    let predicate = Predicate::Namespace {
        kind,
        inodes: IntSet::from_values(inodes),
        host,
    };
    Some(Test {
        negate: is_negative(filter.operator),
        predicate,
        span: filter.span,
    })
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
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let mut mask = 0;
    for text in &filter.values {
        match capabilities::by_name(&text.value.trim().to_ascii_uppercase()) {
            Some(number) => mask |= 1 << number,
            None => {
                let help = "write its name, such as `CAP_SYS_ADMIN`";
                bad_value(&text.value, text.span, "a capability", help, sink);
            }
        }
    }
    let set = match filter.set.map(|set| set.value) {
        None | Some(CapabilitySet::Effective) => CapSet::Effective,
        Some(CapabilitySet::Inheritable) => CapSet::Inheritable,
        Some(CapabilitySet::Permitted) => CapSet::Permitted,
    };
    let namespaced = is_set(filter.is_namespace_capability);
    let predicate = Predicate::Capability {
        set,
        mask,
        namespaced,
    };
    Some(Test {
        negate: is_negative(filter.operator),
        predicate,
        span: filter.span,
    })
}

fn is_negative(operator: Spanned<SetOperator>) -> bool {
    operator.value == SetOperator::NotIn
}

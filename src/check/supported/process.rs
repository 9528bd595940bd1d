//! Filters on the process: `matchBinaries`, `matchPIDs`, `matchNamespaces`, `matchCapabilities`.

use super::{require_values, texts, unsupported, warn};
use crate::check::form::Selector;
use crate::check::language::{HOST, capability_number, inode};
use crate::diag::{Sink, Span, Spanned, code};
use crate::ir::{CapSet, IntSet, Namespace, Predicate, Test};
use crate::policy::{
    self, BinaryFilter, CapabilityFilter, CapabilitySet, NamespaceFilter, PidFilter, SetOperator,
    is_set,
};

/// Above every process id: PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h).
const MAX_PID: u32 = 4 * 1024 * 1024;

/// Appends the tests of a selector's process filters.
pub(super) fn filters(selector: &Selector<'_>, tests: &mut Vec<Test>, sink: &mut Sink) {
    for filter in selector.binaries {
        tests.extend(binary(filter, sink));
    }
    for filter in selector.pids {
        tests.extend(pid(filter, sink));
    }
    for filter in selector.namespaces {
        tests.extend(namespace(filter, sink));
    }
    for filter in selector.capabilities {
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
    for value in values.iter().filter(|value| marks_unlinked(&value.value)) {
        let message = "filters see the path that an unlinked executable had: the value matches only a file with this name";
        warn(
            sink,
            code::NO_EFFECT,
            value.span,
            message,
            "remove ` (deleted)`",
        );
    }
    let (negate, predicate) = texts::executable(operator.value, values, sink);
    Some(Test {
        negate,
        predicate,
        span: *span,
    })
}

/// Whether a value is the path of an unlinked file as events show it. Files in memory never had another.
fn marks_unlinked(value: &str) -> bool {
    value.starts_with('/') && !value.starts_with("/memfd:") && value.ends_with(" (deleted)")
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
    let inodes = values.iter().filter_map(|text| inode(&text.value));
    let predicate = Predicate::Namespace {
        kind: namespace_kind(namespace.value),
        inodes: IntSet::from_values(inodes.map(i128::from)),
        host: values.iter().any(|text| text.value == HOST),
    };
    Some(test(*operator, predicate, *span))
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
    let numbers = values
        .iter()
        .filter_map(|text| capability_number(&text.value));
    let predicate = Predicate::Capability {
        set: match set.map(|set| set.value) {
            None | Some(CapabilitySet::Effective) => CapSet::Effective,
            Some(CapabilitySet::Inheritable) => CapSet::Inheritable,
            Some(CapabilitySet::Permitted) => CapSet::Permitted,
        },
        mask: numbers.fold(0, |mask, number| mask | 1 << number),
        namespaced: is_set(*is_namespace_capability),
    };
    Some(test(*operator, predicate, *span))
}

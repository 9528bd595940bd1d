//! Tracepoints and fields that a kernel lacks.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2607),
    name: "missing-tracepoint",
    group: Group::Kernel,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a tracepoint or its field does not exist on a kernel that the policy is for",
        why: "Tracepoints are more stable than functions, and yet they come, go, and change their fields. Fields are numbered from 0 in the order of the event's `format`, whose first four are the same for all events. Tetragon refuses a policy with a tracepoint or field that the kernel does not have.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  tracepoints:
  - subsystem: sched
    event: «sched_process_forked»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  tracepoints:
  - subsystem: sched
    event: sched_process_fork
"#,
        fix: "Take names and numbers from /sys/kernel/tracing/events/SUBSYSTEM/EVENT/format on a node.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::Tracepoint, found);
}

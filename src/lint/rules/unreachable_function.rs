//! Functions that exist and cannot be hooked.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2603),
    name: "unreachable-function",
    group: Group::Kernel,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a hooked function exists on a kernel that the policy is for, and nothing can be attached to it",
        why: "The kernel protects functions that tracing itself needs, code in assembly has no place for a hook, functions for the start are gone after it, and a name that several functions have means none. Attaching fails when the policy is loaded.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: «notifier_call_chain»
    syscall: false
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_task_alloc
    syscall: false
"#,
        fix: "Hook a function in front of it or behind it on the same way; `security_` functions and system calls can always be hooked.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::Unreachable, found);
}

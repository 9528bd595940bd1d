//! System calls that a kernel lacks.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2602),
    name: "missing-system-call",
    group: Group::Kernel,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a system call does not exist on a kernel that the policy is for",
        why: "System calls are added with time, and some are left out of a kernel's configuration or belong to another machine. Tetragon refuses a policy that hooks one which the kernel does not have, unless `ignore: {callNotFound: true}` says that the rest is to be loaded.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: «sys_mseal»
    syscall: true
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mseal
    syscall: true
    ignore:
      callNotFound: true
"#,
        fix: "Where the call matters only if it exists, add `ignore: {callNotFound: true}`; programs cannot make a call that the kernel does not have. Write portable names, `sys_openat`, so that they are right on every machine.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::SystemCall, found);
}

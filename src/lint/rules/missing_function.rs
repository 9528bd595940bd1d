//! Functions that a kernel lacks.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2601),
    name: "missing-function",
    group: Group::Kernel,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a hooked function does not exist on a kernel that the policy is for",
        why: "Functions of the kernel are no interface: they are renamed, split and inlined between versions and even between builds of one version. Tetragon refuses a policy with a hook on a function that the kernel does not have, on that node alone: the rest of the fleet is protected, this node is not. With `ignore: {callNotFound: true}` the rest of the policy loads, and the hook does nothing there.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: «tcp_connects»
    syscall: false
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: tcp_connect
    syscall: false
"#,
        fix: "Hook a function that all kernels have: `security_` functions and system calls change least. Where kernels differ, hook both names, each with `ignore: {callNotFound: true}`.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::Function, found);
}

//! `Override` where a kernel does not allow it.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2605),
    name: "impossible-override",
    group: Group::Kernel,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "`Override` cannot work on a kernel that the policy is for",
        why: "Calls are overridden by `bpf_override_return`, which needs CONFIG_BPF_KPROBE_OVERRIDE and a function on the kernel's list of those that may fail; distributions like Debian build their kernels without it. Tetragon then refuses the policy, or loads it and lets the calls pass. Functions whose name begins with `security_` can be overridden on every kernel from 5.7 on, by fmod_ret.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    syscall: true
    selectors:
    - matchActions:
      - action: «Override»
        argError: -1
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchActions:
      - action: Override
        argError: -1
"#,
        fix: "Hook the `security_` function that decides about the call; the help names it where it is known. Its arguments are others than those of the call.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::Override, found);
}

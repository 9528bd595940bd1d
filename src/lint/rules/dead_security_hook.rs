//! LSM hooks that do not run.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2606),
    name: "dead-security-hook",
    group: Group::Kernel,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "an lsmhook does not run on a kernel that the policy is for",
        why: "Programs on security hooks need CONFIG_BPF_LSM and `bpf` among the active security modules: many distributions leave it out of the default of the kernel's parameter `lsm=`. Hooks themselves come and go with versions of the kernel.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  lsmhooks:
  - hook: «file_truncate»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  lsmhooks:
  - hook: path_truncate
"#,
        fix: "Add `bpf` to `lsm=` on the kernel's command line, hook the function `security_NAME` with a kprobe, or name a hook that all kernels have.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::SecurityHook, found);
}

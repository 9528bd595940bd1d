//! Arguments that do not fit the prototype of a function.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2604),
    name: "wrong-parameter",
    group: Group::Kernel,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "an argument does not fit the prototype of the function on a kernel that the policy is for",
        why: "Parameters are numbered from 0, and kernels add, remove and reorder them: many functions got a `struct mnt_idmap *` in front in 5.12 and 6.3. Tetragon writes a warning into its log and reads whatever is there; filters then look at garbage. tpc refuses the policy on that node.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: «file»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
"#,
        fix: "Correct `index` and `type` by the prototype in the help. Where kernels differ, use two policies, or a function whose parameters stayed the same.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::Parameter, found);
}

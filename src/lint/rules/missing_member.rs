//! Members of structures that a kernel lacks.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2608),
    name: "missing-member",
    group: Group::Kernel,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "`resolve` names a member that a structure does not have on a kernel that the policy is for",
        why: "Structures of the kernel change between versions. Tetragon looks members up in the node's BTF when it loads the policy, and refuses it if there is none of the name.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_bprm_check
    syscall: false
    args:
    - index: 0
      type: string
      resolve: «file.f_path.dentry.d_names.name»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_bprm_check
    syscall: false
    args:
    - index: 0
      type: string
      resolve: file.f_path.dentry.d_name.name
"#,
        fix: "Correct the name, or name the structure with `btfType` where the parameter is no pointer to it.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::Member, found);
}

//! A policy that is not the first document of its file.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2101),
    name: "later-document",
    group: Group::Tetragon,
    level: Level::Note,
    since: "0.1.0",
    targets: &[Target::Tetragon],
    covers: &[],
    docs: Docs {
        summary: "a policy is not the first document of its file",
        why: "Tetragon reads only the first document of a file, from its policy directory and from `tetra \
              tracingpolicy add` alike, and says nothing about the others. `kubectl apply` and tpc read them all, so \
              this matters on hosts without Kubernetes.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: first
spec:
  kprobes:
  - call: sys_mount
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: «second»
spec:
  kprobes:
  - call: sys_umount
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: first
spec:
  kprobes:
  - call: sys_mount
  - call: sys_umount
"#,
        fix: "Write every policy into a file of its own. If Kubernetes applies the file, write \
              `targets = [\"kubernetes\"]` into `tpc.toml`.",
    },
    check,
};

/// Name of the source that is no file.
const STDIN: &str = "<stdin>";

fn check(context: &Context<'_>, found: &mut Found) {
    let policy = context.policy;
    let applied = context.settings.targets.contains(&Target::Kubernetes);
    if applied || policy.document == 0 || context.sources.name(policy.file) == STDIN {
        return;
    }
    let message = format!(
        "Tetragon does not read the policy `{}` from this file",
        policy.name.value
    );
    found.push(
        finding(policy.name.span, message)
            .label("not in the first document")
            .help("move the policy to a file of its own, unless Kubernetes applies this one"),
    );
}

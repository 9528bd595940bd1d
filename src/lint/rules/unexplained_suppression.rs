//! A comment without a reason.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2903),
    name: "unexplained-suppression",
    group: Group::Suppressions,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a comment ignores a finding without a reason",
        why: "Whoever reads the policy next cannot tell a decision from a shortcut, and does not dare to remove the comment.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_read «# tpc: ignore[TPC2401]»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_read # tpc: ignore[TPC2401] every call is wanted
"#,
        fix: "Write the reason behind the brackets. `require-reason = false` in `tpc.toml` does without.",
    },
    check,
};

/// Comments are judged after all other rules: see `suppress`.
fn check(_: &Context<'_>, _: &mut Found) {}

//! A comment that is no suppression.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2904),
    name: "unreadable-suppression",
    group: Group::Suppressions,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a comment for tpc cannot be read",
        why: "It looks like one that ignores a finding and is none, so it has no effect.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount «# tpc: ignore TPC2401»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_read # tpc: ignore[TPC2401] every call is wanted
"#,
        fix: "Write `# tpc: ignore[NAME] reason` behind the text or above its line, or `# tpc: ignore-file[NAME] reason` for the whole file.",
    },
    check,
};

/// Comments are judged after all other rules: see `suppress`.
fn check(_: &Context<'_>, _: &mut Found) {}

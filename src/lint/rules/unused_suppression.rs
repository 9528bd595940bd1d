//! A comment that silences nothing.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2901),
    name: "unused-suppression",
    group: Group::Suppressions,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a comment ignores a finding that is not there",
        why: "The finding was repaired, or the comment stands at the wrong line. It would hide the next finding of its kind, which nobody has looked at.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount # tpc: ignore[«TPC2401»] every call is wanted
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
"#,
        fix: "Remove the name, or the whole comment; `tpc lint --fix` does.",
    },
    check,
};

/// Comments are judged after all other rules: see `suppress`.
fn check(_: &Context<'_>, _: &mut Found) {}

//! A comment that names nothing.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2902),
    name: "unknown-suppression",
    group: Group::Suppressions,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a comment names a rule that does not exist",
        why: "A misspelt name silences nothing; nor does that of an error after which the file is not judged at all.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_read # tpc: ignore[TPC2401, «hot-function»] every call is wanted
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_read # tpc: ignore[TPC2401] every call is wanted
"#,
        fix: "Write the code or the name of the rule, as findings show it; `tpc rules` lists them all.",
    },
    check,
};

/// Comments are judged after all other rules: see `suppress`.
fn check(_: &Context<'_>, _: &mut Found) {}

//! Golden files: what the front end says about broken policies, in every format.
//!
//! Each `golden/diag/NAME.yaml` has its rendered diagnostics beside it. After a change
//! of wording run with `INSTA_UPDATE=always` and review the difference.

#[path = "shared/golden.rs"]
mod golden;

use tpc::diag::{Diagnostic, Sink, Sources, render};

/// Everything the front end says about a text, and the number of policies it found.
fn diagnose(name: &str, bytes: &[u8]) -> (Vec<Diagnostic>, Sources, usize) {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let mut policies = 0;
    if let Some(file) = tpc::yaml::text(name, bytes, &mut sources, &mut sink) {
        policies = tpc::policy::decode(file, &sources, &mut sink).len();
    }
    (sink.into_sorted(), sources, policies)
}

#[test]
fn broken_policies() {
    golden::golden("diag", |name, bytes| {
        let (diagnostics, sources, _) = diagnose(name, bytes);
        render::human(&diagnostics, &sources, false)
    });
}

const MIXED: &str = "\
kind: TracingPolicy
metadata: {name: a, name: b}
spec:
  kprobes: [{call: ü, kall: 1}]
---
kind: Pod
";

#[test]
fn concise_is_one_line_each() {
    let (diagnostics, sources, policies) = diagnose("mixed.yaml", MIXED.as_bytes());
    assert_eq!(policies, 1);
    insta::assert_snapshot!(render::concise(&diagnostics, &sources));
}

#[test]
fn json_is_one_versioned_document() {
    let (diagnostics, sources, _) = diagnose("mixed.yaml", MIXED.as_bytes());
    insta::assert_snapshot!(render::json(&render::Report::new(&diagnostics, &sources)));
    insta::assert_snapshot!(render::json(&render::Report::new(&[], &sources)), @r#"
    {
      "version": 1,
      "errors": 0,
      "warnings": 0,
      "notes": 0,
      "ignored": 0,
      "known": 0,
      "files": [],
      "diagnostics": []
    }
    "#);
}

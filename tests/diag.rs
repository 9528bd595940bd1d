//! Golden files: what the front end says about broken policies, in every format.
//!
//! Each `golden/diag/NAME.yaml` has its rendered diagnostics beside it. After a change
//! of wording run with `INSTA_UPDATE=always` and review the difference.

use std::path::{Path, PathBuf};

use tpc::diag::{Diagnostic, Sink, Sources, render};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/diag")
}

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
    let mut cases: Vec<PathBuf> = std::fs::read_dir(golden())
        .expect("the golden directory exists")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    cases.sort();
    assert!(cases.len() > 8, "the golden inputs are there");
    for path in cases {
        let name = path
            .file_name()
            .expect("a file name")
            .to_string_lossy()
            .into_owned();
        let (diagnostics, sources, _) =
            diagnose(&name, &std::fs::read(&path).expect("a readable case"));
        let text = render::human(&diagnostics, &sources, false);
        insta::with_settings!({
            snapshot_path => golden(),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), text);
        });
    }
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
    insta::assert_snapshot!(render::json(&diagnostics, &sources));
    insta::assert_snapshot!(render::json(&[], &sources), @r#"
    {
      "version": 1,
      "errors": 0,
      "warnings": 0,
      "diagnostics": []
    }
    "#);
}

//! `schema/manifest.json` is what the manifest's types say, and manifests obey it.
//!
//! After a change of the types run with `TPC_BLESS=1` and review the difference.

use std::path::Path;

use tpc::bundle::{MANIFEST, Manifest};
use tpc::diag::{Sink, Sources};

const POLICY: &str = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: p}
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    message: opened
    tags: [files, secrets]
    return: true
    returnArg: {index: 0, type: int}
    args:
    - {index: 0, type: file, label: what}
    selectors:
    - matchArgs:
      - {index: 0, operator: Prefix, values: [/secrets]}
      matchNamespaces:
      - {namespace: Mnt, operator: NotIn, values: [host_ns]}
      matchActions:
      - {action: Override, argError: -1}
    - matchActions:
      - {action: NoPost}
  - call: sys_mount
    ignore: {callNotFound: true}
";

fn generated() -> String {
    let schema = schemars::schema_for!(Manifest);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}

#[test]
fn the_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/manifest.json");
    if std::env::var_os("TPC_BLESS").is_some() {
        std::fs::write(&path, generated()).expect("the schema is writable");
    }
    let kept = std::fs::read_to_string(&path).expect("the schema is there");
    assert!(kept == generated(), "run this test with TPC_BLESS=1");
}

#[test]
fn manifests_obey_the_schema() {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = sources.add("p.yaml", POLICY);
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    let compiled =
        tpc::compile::compile(&policies[0], &sources, &mut sink).expect("a sound policy");
    let schema = serde_json::from_str(&generated()).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let manifest: serde_json::Value =
        serde_json::from_slice(&compiled.files[MANIFEST]).expect("a manifest is JSON");
    let problems: Vec<String> = validator
        .iter_errors(&manifest)
        .map(|e| e.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    let mut wrong = manifest;
    wrong["hooks"][0]["variants"][0]["attach"] = "magic".into();
    assert!(
        !validator.is_valid(&wrong),
        "the schema refuses what the loader would"
    );
}

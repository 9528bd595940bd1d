//! `schema/tracingpolicy.json` says what decoding says: on public policies, on the generated ones, and on mutations of
//! them, a document obeys the schema exactly if it decodes without an error.
//!
//! After a change of the types run with `TPC_BLESS=1` and review the difference.

#[path = "shared/cases.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod cases;
#[path = "shared/measured.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod shared;

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use rayon::prelude::*;
use serde_json::{Map, Number, Value, json};
use tpc::diag::{Diagnostic, Sink, Sources, render};
use tpc::yaml::{self, Node, Resolved};

/// What stands in no error of the schema: where a text is no YAML, there is no document.
const YAML: std::ops::RangeInclusive<u16> = 1..=5;

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&tpc::policy::schema()).expect("JSON");
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
    options.build(&schema).expect("a schema")
}

#[test]
fn the_schema_is_up_to_date_and_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/tracingpolicy.json");
    let generated = tpc::policy::schema();
    if std::env::var_os("TPC_BLESS").is_some() {
        std::fs::write(&path, &generated).expect("the file is writable");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == generated,
        "schema/tracingpolicy.json is old: run this test with TPC_BLESS=1"
    );
    let schema: Value = serde_json::from_str(&generated).expect("JSON");
    assert!(jsonschema::meta::is_valid(&schema));
}

/// A YAML value as JSON; `None` where JSON has no such value.
fn to_json(node: &Node) -> Option<Value> {
    Some(match &node.value {
        yaml::Value::Scalar(scalar) => match scalar.resolved {
            Resolved::Text => Value::String(scalar.text.clone()),
            Resolved::Null => Value::Null,
            Resolved::Bool(value) => Value::Bool(value),
            Resolved::Int(value) => Value::Number(i64::try_from(value).ok()?.into()),
            Resolved::Float(value) => Value::Number(Number::from_f64(value)?),
        },
        yaml::Value::Sequence(items) => {
            Value::Array(items.iter().map(to_json).collect::<Option<_>>()?)
        }
        yaml::Value::Mapping(mapping) => {
            let entries = mapping
                .entries
                .iter()
                .map(|entry| Some((entry.key.value.clone(), to_json(&entry.value)?)));
            Value::Object(entries.collect::<Option<Map<_, _>>>()?)
        }
        yaml::Value::Bad => return None,
    })
}

/// The policies of a text as JSON, if it is YAML.
fn documents(bytes: &[u8]) -> Vec<Value> {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let Some(file) = yaml::text("f.yaml", bytes, &mut sources, &mut sink) else {
        return Vec::new();
    };
    let documents = yaml::parse(file, sources.text(file), &mut sink);
    if sink.has_errors() {
        return Vec::new();
    }
    let roots = documents
        .iter()
        .filter_map(|document| document.root.as_ref());
    roots.filter_map(to_json).filter(is_policy).collect()
}

fn is_policy(document: &Value) -> bool {
    let kind = document.get("kind").and_then(Value::as_str);
    matches!(kind, Some("TracingPolicy" | "TracingPolicyNamespaced"))
}

/// What decoding says about a document.
fn decode(document: &Value) -> (Vec<Diagnostic>, Sources) {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let text = serde_json::to_string_pretty(document).expect("JSON");
    if let Some(file) = yaml::text("f.json", text.as_bytes(), &mut sources, &mut sink) {
        tpc::policy::decode(file, &sources, &mut sink);
    }
    (sink.into_sorted(), sources)
}

/// `Err` if the schema and decoding differ; otherwise whether both accept. `None`: it is no YAML.
fn compare(document: &Value, schema: &Validator) -> Option<Result<bool, String>> {
    let (said, sources) = decode(document);
    let errors: Vec<Diagnostic> = shared::errors(&said).cloned().collect();
    if errors.iter().any(|error| YAML.contains(&error.code.0)) {
        return None;
    }
    let decodes = errors.is_empty();
    let obeys = schema.is_valid(document);
    if decodes == obeys {
        return Some(Ok(decodes));
    }
    let problems: Vec<String> = schema
        .iter_errors(document)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    Some(Err(format!(
        "decodes: {decodes}, obeys: {obeys}\n{}{}\n{document}",
        render::concise(&errors, &sources),
        problems.join("\n")
    )))
}

/// Values to put in the place of others.
fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(""),
        json!("x"),
        json!("Equal"),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(2_147_483_647),
        json!(2_147_483_648_i64),
        json!(i64::MAX),
        json!(true),
        json!([]),
        json!([null]),
        json!({}),
        json!({"x": 1}),
    ]
}

/// The paths of all values in a document.
fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                paths(item, &format!("{path}/{at}"), all);
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                let key = key.replace('~', "~0").replace('/', "~1");
                paths(item, &format!("{path}/{key}"), all);
            }
        }
        _ => {}
    }
}

/// A small generator of numbers (xorshift), so that a run can be repeated.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % count as u64).expect("a small number")
    }
}

/// A document with one change.
fn mutated(document: &Value, numbers: &mut Numbers) -> Value {
    let mut all = Vec::new();
    paths(document, "", &mut all);
    let path = &all[numbers.below(all.len())];
    let mut changed = document.clone();
    let values = values();
    let value = values[numbers.below(values.len())].clone();
    match numbers.below(4) {
        // Another value.
        0 | 1 => {
            if let Some(place) = changed.pointer_mut(path) {
                *place = value;
            }
        }
        // One entry less.
        2 => match changed.pointer_mut(path) {
            Some(Value::Object(entries)) if !entries.is_empty() => {
                let key = entries.keys().nth(numbers.below(entries.len())).cloned();
                entries.remove(&key.unwrap_or_default());
            }
            Some(Value::Array(items)) if !items.is_empty() => {
                items.remove(numbers.below(items.len()));
            }
            _ => {}
        },
        // One entry more, whose name may be one of another place.
        _ => {
            let name = all[numbers.below(all.len())]
                .rsplit('/')
                .next()
                .unwrap_or("x")
                .to_owned();
            match changed.pointer_mut(path) {
                Some(Value::Object(entries)) => {
                    entries.insert(
                        if name.is_empty() {
                            "x".to_owned()
                        } else {
                            name
                        },
                        value,
                    );
                }
                Some(Value::Array(items)) => items.push(value),
                _ => {}
            }
        }
    }
    changed
}

/// Fails with the first differences.
#[track_caller]
fn all_agree(compared: &[Option<Result<bool, String>>], least: usize) {
    let differ: Vec<&String> = compared
        .iter()
        .flatten()
        .filter_map(|one| one.as_ref().err())
        .collect();
    let shown: Vec<&str> = differ.iter().take(5).map(|one| one.as_str()).collect();
    assert!(
        differ.is_empty(),
        "{} of {} differ:\n{}",
        differ.len(),
        compared.len(),
        shown.join("\n\n")
    );
    let count = |accepted| {
        compared
            .iter()
            .flatten()
            .filter(|one| **one == Ok(accepted))
            .count()
    };
    let (good, bad) = (count(true), count(false));
    shared::show(&format!("schema: {good} accepted, {bad} refused by both"));
    assert!(
        good >= least && bad >= least,
        "{good} accepted, {bad} refused"
    );
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|ending| ending == "yaml" || ending == "yml")
            {
                all.push(path);
            }
        }
    }
    all.sort();
    all
}

#[test]
fn public_policies_and_their_mutations() {
    let Some(directory) = shared::directory("TPC_CORPUS", "corpus") else {
        return;
    };
    let schema = validator();
    let each = |(at, path): (usize, &PathBuf)| {
        let bytes = std::fs::read(path).expect("a policy");
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ (at as u64 + 1));
        let mut compared = Vec::new();
        for document in documents(&bytes) {
            compared.push(compare(&document, &schema));
            for _ in 0..8 {
                let changed = mutated(&document, &mut numbers);
                if is_policy(&changed) {
                    compared.push(compare(&changed, &schema));
                }
            }
        }
        compared
    };
    let files = files(&directory);
    let compared: Vec<_> = files.par_iter().enumerate().flat_map_iter(each).collect();
    all_agree(&compared, 1500);
}

#[test]
fn generated_policies() {
    let Some(directory) = shared::directory("TPC_VERDICTS", "verdicts") else {
        return;
    };
    let schema = validator();
    let cases = cases::cases(&directory);
    let each = |case: &&cases::Case| {
        documents(&case.text)
            .iter()
            .map(|one| compare(one, &schema))
            .collect::<Vec<_>>()
    };
    // Half of the mutations of the schema, and a part of the others, which differ in what the schema does not say.
    let chosen = cases
        .iter()
        .enumerate()
        .filter(|(at, case)| match case.group.as_str() {
            "schema" => at % 2 == 0,
            _ => at % 20 == 0,
        });
    let chosen: Vec<&cases::Case> = chosen.map(|(_, case)| case).collect();
    let compared: Vec<_> = chosen.par_iter().flat_map_iter(each).collect();
    all_agree(&compared, 1000);
}

//! `tpc lint` and its neighbours, run as their users run them.

#[path = "shared/command.rs"]
mod command;
#[path = "shared/measured.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod measured;

use std::fs;
use std::path::Path;
use std::process::Output;

use command::{directory, expect, listing, run};
use serde_json::Value;

/// An error, a warning and a note, with fixes, other places and characters of several bytes.
const MIXED: &str = r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: mixed
spec:
  lists:
  - {name: große, type: generated_syscalls, validated: true} # ü
  # tpc: ignore-file[unused-definition] its name is what counts
  kprobes:
  - call: security_file_open
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: ["/geheim/ü/", "/geheim/ü/ä"]
      matchBinaries:
      - operator: In
        values:
        - /bin/sh
"#;

const CLEAN: &str = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: clean}\nspec:\n  kprobes:\n  - call: sys_mount\n";

/// One warning, `TPC2401`, at the call.
const HOT: &str = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: hot}\nspec:\n  kprobes:\n  - call: sys_read\n";

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("reports are text")
}

#[track_caller]
fn report(directory: &Path, arguments: &[&str], status: i32) -> String {
    let output = run(directory, &[&["lint"], arguments].concat(), "");
    expect(&output, status, "");
    stdout(&output)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("a report is JSON")
}

/// The codes of a JSON report.
fn codes(text: &str) -> Vec<String> {
    let report = json(text);
    let all = report["diagnostics"].as_array().expect("a list");
    all.iter()
        .map(|one| one["code"].as_str().expect("a code").to_owned())
        .collect()
}

#[track_caller]
fn found(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let output = run(
        directory,
        &[&["lint", "--format", "json"], arguments].concat(),
        "",
    );
    codes(&stdout(&output))
}

#[test]
fn every_format_says_the_same() {
    let dir = directory(&[("a b/mixed.yaml", MIXED), ("clean.yaml", CLEAN)]);
    for format in [
        "human", "concise", "json", "sarif", "github", "gitlab", "junit",
    ] {
        let text = report(dir.path(), &["--format", format], 1);
        let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(format, text);
    }
    insta::assert_snapshot!("statistics", report(dir.path(), &["--statistics"], 1));
    insta::assert_snapshot!("diff", report(dir.path(), &["--diff"], 1));
}

/// Compares a schema in the repository with the types; `TPC_BLESS=1` rewrites it.
#[track_caller]
fn keep(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("TPC_BLESS").is_some() {
        fs::write(&path, generated).expect("the file is writable");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == generated,
        "{name} is old: run this test with TPC_BLESS=1"
    );
}

#[track_caller]
fn obeys(schema: &Value, document: &Value) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let problems: Vec<String> = validator
        .iter_errors(document)
        .map(|e| format!("{e} at {}", e.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn schemas_are_up_to_date() {
    keep("schema/lint.json", &tpc::diag::render::schema());
    keep("schema/tpc.json", &tpc::config::schema());
}

#[test]
fn json_obeys_its_schema() {
    let dir = directory(&[
        ("mixed.yaml", MIXED),
        ("broken.yaml", "kind: TracingPolicy\nmetadata: [\n"),
    ]);
    let schema = json(&tpc::diag::render::schema());
    let mut document = json(&report(dir.path(), &["--format", "json"], 1));
    obeys(&schema, &document);
    document["diagnostics"][0]["severity"] = "fatal".into();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(!validator.is_valid(&document));
}

#[test]
fn the_configuration_obeys_its_schema() {
    let schema = json(&tpc::config::schema());
    let good = serde_json::json!({
        "targets": ["tetragon"], "kernels": ["5.10"], "compat": "tetragon-1.6",
        "files": { "exclude": ["x"] },
        "lint": { "fail-on": "note", "levels": { "TPC2401": "off" } },
    });
    obeys(&schema, &good);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for wrong in [
        serde_json::json!({ "target": [] }),
        serde_json::json!({ "kernels": [5.10] }),
        serde_json::json!({ "lint": { "levels": { "cost": "warn" } } }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

fn sarif_schema() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sarif/sarif-schema-2.1.0.json");
    let mut schema = json(&fs::read_to_string(path).expect("the schema is there"));
    // `[a-zA-Z]{2}]?$`: a bracket that only some dialects of expressions take. tpc writes no languages.
    for owner in ["run", "toolComponent"] {
        schema["definitions"][owner]["properties"]["language"]
            .as_object_mut()
            .expect("a property of the schema")
            .remove("pattern");
    }
    schema
}

#[test]
fn sarif_obeys_the_official_schema() {
    let dir = directory(&[
        ("ü mixed.yaml", MIXED),
        ("clean.yaml", CLEAN),
        ("broken.yaml", "kind: TracingPolicy\nmetadata: [\n"),
    ]);
    let schema = sarif_schema();
    let mut log = json(&report(dir.path(), &["--format", "sarif"], 1));
    obeys(&schema, &log);
    let empty = run(dir.path(), &["lint", "--format", "sarif", "clean.yaml"], "");
    obeys(&schema, &json(&stdout(&empty)));
    log["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(
        !jsonschema::validator_for(&schema)
            .expect("a schema")
            .is_valid(&log)
    );
}

#[test]
fn sarif_regions_are_places_of_the_text() {
    let dir = directory(&[("mixed.yaml", MIXED)]);
    let log = json(&report(dir.path(), &["--format", "sarif"], 1));
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert!(results.len() >= 3);
    for result in results {
        let region = &result["locations"][0]["physicalLocation"]["region"];
        let number = |name: &str| region[name].as_u64().expect("a number") as usize;
        let snippet = region["snippet"]["text"].as_str().expect("a text");
        let start = number("byteOffset");
        assert_eq!(&MIXED[start..start + number("byteLength")], snippet);
        let chars: String = MIXED
            .chars()
            .skip(number("charOffset"))
            .take(number("charLength"))
            .collect();
        assert_eq!(chars, snippet);
        let line = MIXED.lines().nth(number("startLine") - 1).expect("a line");
        let column: String = line.chars().skip(number("startColumn") - 1).collect();
        assert!(column.starts_with(snippet.lines().next().expect("a line")));
    }
}

#[test]
fn junit_is_well_formed() {
    let dir = directory(&[("a&b<c>.yaml", MIXED), ("clean.yaml", CLEAN)]);
    let text = report(dir.path(), &["--format", "junit"], 1);
    let mut reader = quick_xml::Reader::from_str(&text);
    reader.config_mut().check_end_names = true;
    let (mut cases, mut failures) = (0, 0);
    loop {
        match reader.read_event().expect("XML") {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                for attribute in tag.attributes() {
                    attribute.expect("an attribute");
                }
                match tag.name().as_ref() {
                    "testcase" => cases += 1,
                    "failure" => failures += 1,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let counts = format!("<testsuites name=\"tpc\" tests=\"{cases}\" failures=\"{failures}\"");
    assert!(text.contains(&counts), "{counts}");
    assert!(cases > failures && failures > 1);
}

#[test]
fn github_says_what_it_leaves_out() {
    let policies: Vec<String> = (0..12)
        .map(|i| HOT.replace("name: hot", &format!("name: hot{i}")))
        .collect();
    let all = policies.join("---\n");
    let output = run(
        &std::env::temp_dir(),
        &["lint", "--isolated", "--format", "github", "-"],
        &all,
    );
    expect(&output, 1, "");
    let text = stdout(&output);
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("::warning file="))
            .count(),
        12
    );
    assert!(text.ends_with("tpc: 2 of 12 findings have no annotation: GitHub shows the first 10 errors, warnings and notices of a step\n"), "{text}");
}

#[test]
fn gitlab_fingerprints_survive_moved_lines() {
    let fingerprints = |text: &str| {
        let dir = directory(&[("p.yaml", text)]);
        let issues = json(&report(dir.path(), &["--format", "gitlab"], 1));
        let all = issues.as_array().expect("a list").clone();
        all.iter()
            .map(|one| one["fingerprint"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    let before = fingerprints(MIXED);
    assert_eq!(before, fingerprints(&format!("# moved\n\n{MIXED}")));
    let mut unique = before.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), before.len());
}

#[test]
fn the_status_follows_the_threshold() {
    let note = MIXED
        .replace("validated: true", "validated: false")
        .replace("/bin/sh", "/usr/bin/x");
    let dir = directory(&[
        ("clean.yaml", CLEAN),
        ("hot.yaml", HOT),
        ("note.yaml", &note),
    ]);
    let cases: &[(&[&str], i32)] = &[
        (&["clean.yaml"], 0),
        (&["hot.yaml"], 1),
        (&["hot.yaml", "--fail-on", "error"], 0),
        (&["hot.yaml", "--exit-zero"], 0),
        (&["note.yaml"], 0),
        (&["note.yaml", "--fail-on", "note"], 1),
        (&["hot.yaml", "--level", "unfiltered-hot-function=note"], 0),
        (&["hot.yaml", "--level", "TPC2401=off"], 0),
        (
            &["hot.yaml", "--level", "cost=error", "--fail-on", "error"],
            1,
        ),
        (&["hot.yaml", "--level", "all=off"], 0),
        (&["absent.yaml"], 2),
        (&["absent.yaml", "clean.yaml", "--exit-zero"], 2),
        (&["hot.yaml", "--level", "costs=off"], 2),
        (&["hot.yaml", "--level", "cost"], 2),
        (&["hot.yaml", "--level", "cost=loud"], 2),
        (&["hot.yaml", "--output", "x"], 2),
        (&["hot.yaml", "--format", "json", "--output", "absent/x"], 2),
        (&["hot.yaml", "--baseline", "absent.json"], 2),
        (&["hot.yaml", "--config", "absent.toml"], 2),
        (&["hot.yaml", "--fix", "--diff"], 2),
        (&["hot.yaml", "--unsafe-fixes"], 2),
    ];
    for (arguments, status) in cases {
        let output = run(dir.path(), &[&["lint"], *arguments].concat(), "");
        assert_eq!(
            output.status.code(),
            Some(*status),
            "{arguments:?}: {output:?}"
        );
    }
    let output = run(
        dir.path(),
        &["lint", "hot.yaml", "--level", "costs=off"],
        "",
    );
    expect(&output, 2, "did you mean `cost`?");
}

#[test]
fn an_unreadable_file_does_not_hide_the_others() {
    let dir = directory(&[("hot.yaml", HOT)]);
    let text = report(
        dir.path(),
        &["absent.yaml", "hot.yaml", "--format", "concise"],
        2,
    );
    assert!(
        text.contains("error[TPC0001]: cannot read `absent.yaml`"),
        "{text}"
    );
    assert!(text.contains("hot.yaml:6:11: warning[TPC2401]"), "{text}");
}

#[test]
fn what_is_no_policy_is_skipped_in_silence() {
    let dir = directory(&[
        ("config.yaml", "kind: ConfigMap\n"),
        ("values.yaml", "broken: [\n"),
        ("template.yaml", "{{ if }}\nkind: Deployment\n"),
        ("note.yaml", "# not a TracingPolicy\nkind: Pod\n"),
        (
            "other.yaml",
            "apiVersion: cilium.io/v1alpha1\nkind: CiliumPodIPPool\nx: [\n",
        ),
        ("notes.txt", "kind: TracingPolicy"),
        (".hidden/hot.yaml", HOT),
    ]);
    fs::write(dir.path().join("binary.yaml"), b"\xff\xfe\x00\x01 \x80").expect("a file");
    let named: Vec<String> = listing(dir.path())
        .into_iter()
        .filter(|name| !name.contains('/'))
        .collect();
    let named: Vec<&str> = named
        .iter()
        .map(String::as_str)
        .filter(|name| name.ends_with(".yaml") && *name != "binary.yaml")
        .collect();
    for arguments in [&["."][..], &named] {
        let output = run(dir.path(), &[&["lint"], arguments].concat(), "");
        expect(&output, 0, "");
        assert_eq!(stdout(&output), "no policies found\n");
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a_misspelt_kind_is_not_skipped() {
    let text = CLEAN.replace("kind: TracingPolicy", "kind: TracingPolcy");
    let dir = directory(&[("p.yaml", &text)]);
    assert_eq!(found(dir.path(), &[]), ["TPC0010"]);
}

#[test]
fn several_reports_of_one_run() {
    let dir = directory(&[("mixed.yaml", MIXED)]);
    let arguments = [
        "--format", "sarif", "--output", "a.sarif", "--format", "concise", "--format", "junit",
        "-o", "b.xml",
    ];
    let text = report(dir.path(), &arguments, 1);
    assert!(
        text.lines().all(|line| line.starts_with("./mixed.yaml:")),
        "{text}"
    );
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("a report");
    obeys(&sarif_schema(), &json(&read("a.sarif")));
    assert!(read("b.xml").starts_with("<?xml"));
}

#[test]
fn color_and_quiet() {
    let dir = directory(&[("hot.yaml", HOT)]);
    let escape = |arguments: &[&str]| report(dir.path(), arguments, 1).contains('\u{1b}');
    assert!(escape(&["--color", "always"]));
    assert!(!escape(&["--color", "never"]) && !escape(&[]));
    assert!(!escape(&["--color", "always", "--format", "concise"]));
    assert!(report(dir.path(), &[], 1).ends_with("1 warning in 1 policy\n"));
    assert!(!report(dir.path(), &["--quiet"], 1).contains("in 1 policy"));
    let clean = directory(&[("clean.yaml", CLEAN)]);
    assert_eq!(report(clean.path(), &[], 0), "no findings in 1 policy\n");
    assert_eq!(report(clean.path(), &["-q"], 0), "");
}

#[test]
fn configuration_is_found_upward() {
    let toml = "[lint.levels]\nunfiltered-hot-function = \"error\"\nsymlink-path = \"off\"\n[files]\nexclude = [\"old\"]\n";
    let dir = directory(&[
        ("tpc.toml", toml),
        ("deep/down/hot.yaml", HOT),
        ("deep/down/mixed.yaml", MIXED),
        ("deep/old/hot.yaml", HOT),
        ("strict.toml", "[lint]\nfail-on = \"note\"\n"),
    ]);
    let down = dir.path().join("deep/down");
    let severities = |arguments: &[&str]| {
        let output = run(
            &down,
            &[&["lint", "--format", "json", "hot.yaml"], arguments].concat(),
            "",
        );
        json(&stdout(&output))["diagnostics"][0]["severity"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(severities(&[]).as_deref(), Some("error"));
    assert_eq!(severities(&["--isolated"]).as_deref(), Some("warning"));
    assert_eq!(
        severities(&["--config", "../../strict.toml"]).as_deref(),
        Some("warning")
    );
    assert_eq!(
        severities(&["--level", "cost=note"]).as_deref(),
        Some("note"),
        "the command line wins"
    );
    assert!(!found(&down, &["mixed.yaml"]).contains(&"TPC2203".to_owned()));
    assert_eq!(
        found(&down, &["../old", "../old/hot.yaml"]),
        [""; 0],
        "excluded, also by name"
    );
    assert_eq!(found(&down, &["../old", "--isolated"]), ["TPC2401"]);
    let output = run(
        &down,
        &["lint", "--config", "../../strict.toml", "--isolated"],
        "",
    );
    expect(&output, 2, "cannot be used with");
}

#[test]
fn a_wrong_configuration_is_an_error() {
    let dir = directory(&[
        ("tpc.toml", "[lint]\nfail_on = \"error\"\n"),
        ("p.yaml", CLEAN),
    ]);
    let output = run(dir.path(), &["lint"], "");
    expect(&output, 2, "there is no key `fail_on`");
    expect(&output, 2, "did you mean `fail-on`?");
    assert!(output.stdout.is_empty());
}

#[test]
fn targets_choose_what_is_said() {
    let text = CLEAN.replace(
        "kprobes:\n  - call: sys_mount",
        "fentries:\n  - call: do_exit\n    syscall: false",
    );
    let pids = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: pids}\nspec:\n  kprobes:\n  - call: sys_mount\n    selectors:\n    - matchPIDs: [{operator: In, values: [1, 2, 3, 4, 5]}]\n";
    let dir = directory(&[("fentry.yaml", &text), ("pids.yaml", pids)]);
    let not_compiled = |codes: Vec<String>| codes.contains(&"TPC1001".to_owned());
    assert!(!not_compiled(found(dir.path(), &["fentry.yaml"])));
    assert_eq!(found(dir.path(), &["pids.yaml"]), ["TPC2103"]);
    assert_eq!(
        found(dir.path(), &["pids.yaml", "--target", "tpc"]),
        [""; 0]
    );
    assert_eq!(
        found(
            dir.path(),
            &["pids.yaml", "--target", "tpc", "--target", "tetragon"]
        ),
        ["TPC2103"]
    );
    let configured = directory(&[("tpc.toml", "targets = [\"tpc\"]\n"), ("pids.yaml", pids)]);
    assert_eq!(found(configured.path(), &[]), [""; 0]);
}

#[test]
fn a_rule_speaks_for_one_remark_of_check() {
    let text = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: o}\nspec:\n  kprobes:\n  - call: do_exit\n    syscall: false\n    selectors: [{matchActions: [{action: Override}]}]\n";
    let dir = directory(&[("p.yaml", text)]);
    let for_tpc = ["--target", "tpc"];
    let concise = [&["--format", "concise"], for_tpc.as_slice()].concat();
    let said = report(dir.path(), &concise, 1);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        said.contains("error[TPC2004]") && said.contains("`Override` works on system calls"),
        "{said}"
    );
    let off = [
        &["--level", "override-without-error=off"],
        for_tpc.as_slice(),
    ]
    .concat();
    let off = found(dir.path(), &off);
    assert_eq!(off, ["TPC1008", "TPC1008"], "the remark comes back");
}

/// A policy with a hot function, and lines around it.
fn with(before: &str, behind: &str) -> String {
    HOT.replace(
        "  - call: sys_read\n",
        &format!("{before}  - call: sys_read{behind}\n"),
    )
}

#[test]
fn comments_ignore_findings() {
    let none: [&str; 0] = [];
    let cases: &[(&str, &str, &[&str])] = &[
        ("", " # tpc: ignore[TPC2401] wanted", &[]),
        ("", " # tpc: ignore[unfiltered-hot-function]: wanted", &[]),
        ("  # tpc: ignore[TPC2401] wanted\n", "", &[]),
        ("  # tpc: ignore[TPC2401] wanted\n\n  # more\n", "", &[]),
        ("  #tpc:ignore[TPC2401]wanted\n", "", &[]),
        ("# tpc: ignore-file[TPC2401] wanted\n", "", &[]),
        ("  # tpc: ignore[TPC2401]\n", "", &["TPC2903"]),
        (
            "  # tpc: ignore[TPC2203, TPC2401] wanted\n",
            "",
            &["TPC2901"],
        ),
        (
            "  # tpc: ignore[TPC2401] wanted\n  # tpc: ignore[TPC2401] again\n",
            "",
            &[],
        ),
        (
            "  # tpc: ignore[TPC9999] wanted\n",
            "",
            &["TPC2902", "TPC2401"],
        ),
        (
            "  # tpc: ignore[TPC0003] wanted\n",
            "",
            &["TPC2902", "TPC2401"],
        ),
        ("  # tpc: ignore TPC2401\n", "", &["TPC2904", "TPC2401"]),
        ("  # tpc: ignore[]\n", "", &["TPC2904", "TPC2401"]),
        ("  # see tpc: ignore[TPC2401]\n", "", &["TPC2401"]),
        (
            "  # tpc: ignore[TPC2401] wanted\n  - call: sys_mount\n",
            "",
            &["TPC2901", "TPC2401"],
        ),
    ];
    for (before, behind, expected) in cases {
        let dir = directory(&[("p.yaml", &with(before, behind))]);
        assert_eq!(&found(dir.path(), &[]), expected, "{before}{behind}");
    }
    let dir = directory(&[("p.yaml", &with("", " # tpc: ignore[TPC2401] wanted"))]);
    assert_eq!(found(dir.path(), &["--no-ignores"]), ["TPC2401"]);
    assert_eq!(
        json(&report(dir.path(), &["--format", "json"], 0))["ignored"],
        1
    );
    assert_eq!(
        found(dir.path(), &["--level", "TPC2401=off"]),
        none,
        "what is off is not unused"
    );
    let silent = directory(&[
        ("tpc.toml", "[lint]\nrequire-reason = false\n"),
        ("p.yaml", &with("", " # tpc: ignore[TPC2401]")),
    ]);
    assert_eq!(found(silent.path(), &[]), none);
}

#[test]
fn a_hash_in_a_text_is_no_comment() {
    let text = CLEAN.replace(
        "name: clean}",
        "name: clean, annotations: {a: \"# tpc: ignore[TPC2401] x\"}}",
    );
    let dir = directory(&[("p.yaml", &text)]);
    assert_eq!(found(dir.path(), &[]), [""; 0]);
}

#[test]
fn warnings_of_the_language_can_be_ignored_and_errors_of_reading_cannot() {
    let language = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: w}\nspec:\n  kprobes:\n  - call: mount # tpc: ignore[TPC1002] a call of our kernel\n";
    let dir = directory(&[("p.yaml", language)]);
    assert_eq!(found(dir.path(), &[]), [""; 0]);
    let error = CLEAN.replace(
        "call: sys_mount",
        "kall: sys_mount # tpc: ignore[TPC0011] no",
    );
    let dir = directory(&[("p.yaml", &error)]);
    let found = found(dir.path(), &[]);
    assert!(
        found.contains(&"TPC0011".to_owned()) && found.contains(&"TPC2902".to_owned()),
        "{found:?}"
    );
}

#[test]
fn unused_comments_are_removed() {
    let cases = [
        (
            with("", " # tpc: ignore[TPC2203] old").replace("sys_read", "sys_mount"),
            "  - call: sys_mount\n",
        ),
        (
            with("  # tpc: ignore[TPC2203] old\n", "").replace("sys_read", "sys_mount"),
            "  kprobes:\n  - call: sys_mount\n",
        ),
        (
            with("", " # tpc: ignore[TPC2203, TPC2401] why"),
            " # tpc: ignore[TPC2401] why\n",
        ),
        (
            with("", " # tpc: ignore[TPC2401, TPC2203] why"),
            " # tpc: ignore[TPC2401] why\n",
        ),
    ];
    for (before, expected) in cases {
        let output = run(
            &std::env::temp_dir(),
            &["lint", "--isolated", "--fix", "-"],
            &before,
        );
        expect(&output, 0, "");
        assert!(
            stdout(&output).ends_with(expected),
            "{before}{}",
            stdout(&output)
        );
    }
}

#[test]
fn a_baseline_hides_what_is_known() {
    let dir = directory(&[("sub/hot.yaml", HOT), ("mixed.yaml", MIXED)]);
    let output = run(dir.path(), &["lint", "--write-baseline", "known.json"], "");
    expect(&output, 0, "wrote 4 findings to known.json");
    assert_eq!(found(dir.path(), &["--baseline", "known.json"]), [""; 0]);
    let from_below = run(
        &dir.path().join("sub"),
        &[
            "lint",
            "--format",
            "json",
            "--baseline",
            "../known.json",
            "..",
        ],
        "",
    );
    expect(&from_below, 0, "");
    assert_eq!(json(&stdout(&from_below))["known"], 4);

    let moved = format!("# a line\n\n{}", HOT.replace("spec:", "spec:\n  # another"));
    fs::write(dir.path().join("sub/hot.yaml"), &moved).expect("a file");
    assert_eq!(found(dir.path(), &["--baseline", "known.json"]), [""; 0]);
    let more = moved.replace(
        "  - call: sys_read\n",
        "  - call: sys_read\n  - call: sys_read\n  - call: sys_write\n",
    );
    fs::write(dir.path().join("sub/hot.yaml"), more).expect("a file");
    assert_eq!(
        found(dir.path(), &["--baseline", "known.json"]),
        ["TPC2107", "TPC2401", "TPC2401"],
        "the same function twice is a finding of its own"
    );
    fs::write(dir.path().join("sub/hot.yaml"), CLEAN).expect("a file");
    let output = run(dir.path(), &["lint", "--baseline", "known.json"], "");
    expect(&output, 0, "1 entries of the baseline were not found");
    assert!(stdout(&output).contains("3 in the baseline"));

    fs::write(
        dir.path().join("tpc.toml"),
        "[lint]\nbaseline = \"known.json\"\n",
    )
    .expect("a file");
    assert_eq!(
        found(&dir.path().join("sub"), &[".."]),
        [""; 0],
        "tpc.toml names it"
    );
    fs::write(dir.path().join("known.json"), "{}").expect("a file");
    expect(&run(dir.path(), &["lint"], ""), 2, "");
}

#[test]
fn fixes_keep_the_file_as_it_is() {
    let crlf = MIXED.replace('\n', "\r\n");
    let marked = format!("\u{feff}{crlf}");
    let dir = directory(&[("p.yaml", &marked), ("clean.yaml", CLEAN)]);
    let output = run(dir.path(), &["lint", "--fix"], "");
    expect(&output, 1, "");
    assert!(stdout(&output).contains("; 2 fixed"), "{}", stdout(&output));
    let fixed = fs::read_to_string(dir.path().join("p.yaml")).expect("the file");
    let expected = marked
        .replace(", validated: true", "")
        .replace(", \"/geheim/ü/ä\"", "");
    assert_eq!(fixed, expected);
    assert_eq!(
        fs::read_to_string(dir.path().join("clean.yaml")).expect("the file"),
        CLEAN
    );
    let again = report(dir.path(), &["--diff"], 0);
    assert_eq!(again, "");
}

#[test]
fn unsafe_fixes_are_asked_for() {
    let text = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: k}\nspec:\n  kprobes:\n  - call: sys_sethostname\n    selectors:\n    - matchNamespaces:\n      - {namespace: Mnt, operator: NotIn, values: [host_ns]}\n      matchActions:\n      - action: Sigkill # die\n";
    let dir = directory(&[("p.yaml", text)]);
    let said = report(dir.path(), &["--fix"], 1);
    assert!(
        said.contains("1 can be fixed with --fix --unsafe-fixes"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("p.yaml")).expect("the file"),
        text
    );
    report(dir.path(), &["--fix", "--unsafe-fixes"], 0);
    let fixed = fs::read_to_string(dir.path().join("p.yaml")).expect("the file");
    assert!(
        fixed.ends_with(
            "      - action: Override\n        argError: -1\n      - action: Sigkill # die\n"
        ),
        "{fixed}"
    );
}

#[test]
fn a_call_that_few_kernels_override_is_refused_where_it_is_decided() {
    let text = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: k}\nspec:\n  kprobes:\n  - call: sys_mount\n    selectors:\n    - matchNamespaces:\n      - {namespace: Mnt, operator: NotIn, values: [host_ns]}\n      matchActions:\n      - action: Sigkill\n";
    let dir = directory(&[("p.yaml", text)]);
    let said = report(dir.path(), &["--format", "concise"], 1);
    let help = "hook `security_sb_mount` with `syscall: false`, and write `Override`";
    assert!(said.contains(help), "{said}");
}

/// Tetragon takes such a field and does something else than written; tpc never compiles it.
#[test]
fn a_field_in_the_wrong_case_is_one_finding_and_never_compiles() {
    let text = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: k}\nspec:\n  kprobes:\n  - call: sys_mount\n    \"Args\": [{index: 0, type: strin}]\n    selectors:\n    - matchArgs:\n      - {index: 0, operator: Prefix, values: [/dev/]}\n";
    let dir = directory(&[("p.yaml", text)]);
    assert_eq!(found(dir.path(), &[]), ["TPC2128"]);
    let off = ["--level", "miscased-field=off"];
    assert_eq!(found(dir.path(), &off), [""; 0]);
    let compiled = run(dir.path(), &["compile", "p.yaml", "-o", "out"], "");
    expect(&compiled, 1, "");
    assert!(!dir.path().join("out").exists());
    // A fix does not uncover an error.
    let text = text.replace("strin}", "string}");
    let dir = directory(&[("p.yaml", &text)]);
    report(dir.path(), &["--fix"], 1);
    let fixed = fs::read_to_string(dir.path().join("p.yaml")).expect("the file");
    assert_eq!(fixed, text.replace("Args\":", "args\":"));
}

#[test]
fn policies_of_a_list_are_not_skipped_in_silence() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: cilium.io/v1alpha1\n  kind: TracingPolicy\n  metadata: {name: k}\n  spec: {}\n";
    let dir = directory(&[("p.yaml", list)]);
    assert_eq!(found(dir.path(), &[]), ["TPC0010"]);
    let other = list.replace("TracingPolicy", "ConfigMap # no TracingPolicy");
    let dir = directory(&[("p.yaml", &other)]);
    assert_eq!(found(dir.path(), &[]), [""; 0]);
}

#[test]
fn names_that_no_kernel_has_are_wrong_without_a_kernel() {
    let policy = |spec: &str| {
        format!(
            "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {{name: k}}\nspec:\n  {spec}\n"
        )
    };
    let hook = |call: &str, rest: &str| {
        policy(&format!(
            "kprobes: [{{call: {call}, {rest}, selectors: [{{matchPIDs: [{{operator: In, values: [1]}}]}}]}}]"
        ))
    };
    let tracepoint = |event: &str, args: &str| {
        policy(&format!(
            "tracepoints: [{{subsystem: sched, event: {event}, args: [{args}], selectors: [{{matchPIDs: [{{operator: In, values: [1]}}]}}]}}]"
        ))
    };
    let resolve = |way: &str| {
        let arg = format!("syscall: false, args: [{{index: 0, type: int, resolve: '{way}'}}]");
        hook("security_file_permission", &arg)
    };
    let cases: &[(String, &[&str])] = &[
        (hook("sys_mont", "syscall: true"), &["TPC2610"]),
        (
            hook("sys_mont", "syscall: true, ignore: {callNotFound: true}"),
            &["TPC2037"],
        ),
        (hook("security_file_opens", "syscall: false"), &["TPC2611"]),
        (hook("security_file_open", "syscall: false"), &[]),
        (tracepoint("sched_process_forked", ""), &["TPC2611"]),
        (
            tracepoint("sched_switch", "{index: 11, type: int32}"),
            &["TPC2610"],
        ),
        (tracepoint("sched_switch", "{index: 5}"), &["TPC2610"]),
        (tracepoint("sched_switch", "{index: 5, type: int32}"), &[]),
        (resolve("f_mode"), &[]),
        (resolve("f_moed"), &["TPC2610"]),
        (resolve("f_path[0]"), &["TPC2610"]),
        // Earlier kernels have them.
        (
            hook(
                "wake_up_new_task",
                "syscall: false, args: [{index: 0, type: int, resolve: state}]",
            ),
            &[],
        ),
        (policy("lsmhooks: [{hook: task_getsecid}]"), &[]),
        (policy("lsmhooks: [{hook: task_getsecids}]"), &["TPC2610"]),
    ];
    for (text, expected) in cases {
        let dir = directory(&[("p.yaml", text)]);
        let kernel = [
            "--level",
            "all=off",
            "--level",
            "kernel=error",
            "--level",
            "unknown-system-call=error",
        ];
        assert_eq!(&found(dir.path(), &kernel), expected, "{text}");
    }
}

#[test]
fn standard_input_is_fixed_to_standard_output() {
    let output = run(
        &std::env::temp_dir(),
        &["lint", "--isolated", "--fix", "-"],
        MIXED,
    );
    expect(&output, 1, "warning[TPC2203]");
    let expected = MIXED
        .replace(", validated: true", "")
        .replace(", \"/geheim/ü/ä\"", "");
    assert_eq!(stdout(&output), expected);
    let output = run(
        &std::env::temp_dir(),
        &["lint", "--isolated", "--fix", "-"],
        CLEAN,
    );
    expect(&output, 0, "no findings");
    assert_eq!(stdout(&output), CLEAN);
}

#[test]
fn files_with_aliases_are_not_edited() {
    let text = MIXED.replace("values: [\"/geheim", "values: &v [\"/geheim");
    let dir = directory(&[("p.yaml", &text)]);
    report(dir.path(), &["--fix", "--unsafe-fixes"], 1);
    assert_eq!(
        fs::read_to_string(dir.path().join("p.yaml")).expect("the file"),
        text
    );
}

#[test]
fn a_diff_is_what_patch_takes() {
    let dir = directory(&[("p.yaml", MIXED)]);
    let diff = report(dir.path(), &["--diff"], 1);
    let patch = std::process::Command::new("git")
        .args(["apply", "-"])
        .current_dir(dir.path())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            use std::io::Write;
            child
                .stdin
                .take()
                .expect("stdin is piped")
                .write_all(diff.as_bytes())?;
            child.wait()
        });
    assert!(patch.expect("git runs").success());
    let fixed = fs::read_to_string(dir.path().join("p.yaml")).expect("the file");
    assert!(!fixed.contains("validated") && fixed.contains("/bin/sh"));
}

#[test]
fn the_order_does_not_depend_on_threads() {
    let files: Vec<(String, String)> = (0..40)
        .map(|i| (format!("{i:02}.yaml"), HOT.to_owned()))
        .collect();
    let borrowed: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let dir = directory(&borrowed);
    let text = report(dir.path(), &["--format", "concise"], 1);
    let names: Vec<&str> = text.lines().filter_map(|line| line.get(..9)).collect();
    let expected: Vec<String> = (0..40).map(|i| format!("./{i:02}.yaml")).collect();
    assert_eq!(names, expected);
}

#[test]
fn codes_are_explained() {
    let here = std::env::temp_dir();
    for code in tpc::lint::explain::codes() {
        let output = run(&here, &["explain", &code.to_string()], "");
        expect(&output, 0, "");
        assert!(stdout(&output).starts_with(&format!("# {code} ")));
    }
    insta::assert_snapshot!(
        "explain",
        stdout(&run(&here, &["explain", "symlink-path", "tpc1009"], ""))
    );
    let pages = json(&stdout(&run(
        &here,
        &["explain", "--format", "json", "TPC2203"],
        "",
    )));
    assert_eq!(pages[0]["name"], "symlink-path");
    expect(
        &run(&here, &["explain", "symlink-paths"], ""),
        2,
        "did you mean `symlink-path`?",
    );
    expect(&run(&here, &["explain"], ""), 2, "Usage");
}

#[test]
fn schemas_are_printed() {
    let here = std::env::temp_dir();
    for (of, file) in [
        (None, "tracingpolicy.json"),
        (Some("policy"), "tracingpolicy.json"),
        (Some("lint"), "lint.json"),
        (Some("config"), "tpc.json"),
        (Some("test"), "test.json"),
        (Some("test-report"), "test-report.json"),
        (Some("manifest"), "manifest.json"),
    ] {
        let arguments: Vec<&str> = ["schema"].into_iter().chain(of).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("schema")
            .join(file);
        let kept = fs::read_to_string(path).expect("a schema");
        assert_eq!(stdout(&run(&here, &arguments, "")), kept, "{file}");
    }
}

/// Fields and words by release: those that are not there yet, and those that went.
#[test]
fn releases_decide_what_there_is() {
    let text = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: old}\nspec:\n  kprobes:\n  - call: security_sb_mount\n    syscall: false\n    selectors:\n    - matchActions: [{action: FollowFD}]\n      matchBinaries: [{operator: Postfix, values: [/mount]}]\n";
    let dir = directory(&[
        ("old.yaml", text),
        ("new.yaml", &text.replace("FollowFD", "Post")),
    ]);
    let concise = |file: &str, release: &str, status| {
        report(
            dir.path(),
            &["--format", "concise", "--compat", release, file],
            status,
        )
    };
    assert!(
        concise("old.yaml", "tetragon-1.7", 1)
            .contains("warning[TPC0014]: Tetragon main and later do not have `FollowFD`")
    );
    assert!(concise("old.yaml", "tetragon-main", 1).contains("error[TPC0014]: unknown action"));
    let early = concise("new.yaml", "tetragon-1.1", 1);
    assert!(
        early.contains("error[TPC2108]: `Postfix` came with Tetragon 1.2: 1.1 does not have it"),
        "{early}"
    );
    assert_eq!(concise("new.yaml", "tetragon-1.2", 0), "");
    for wrong in ["1.6", "tetragon-9.9", "tetragon"] {
        let output = run(dir.path(), &["lint", "--compat", wrong], "");
        expect(&output, 2, "is no release");
    }
}

/// Kernels and targets of `tpc.toml` decide too.
#[test]
fn nodes_decide_what_is_said() {
    let text = CLEAN.replace(
        "  - call: sys_mount\n",
        "  - call: sys_mount\n    args: [{index: 3, type: uint64}]\n    selectors:\n    - matchArgs: [{index: 3, operator: InRange, values: [\"1:2\"]}]\n  podSelector: {}\n",
    );
    let codes = |configuration: &str| {
        let dir = directory(&[("tpc.toml", configuration), ("p.yaml", &text)]);
        found(dir.path(), &[])
    };
    assert_eq!(codes(""), [""; 0]);
    assert_eq!(codes("kernels = [\"4.19\", \"6.1\"]"), ["TPC2124"]);
    assert_eq!(codes("targets = [\"nomad\"]"), ["TPC2122"]);
    assert_eq!(codes("targets = [\"kubernetes\"]"), [""; 0]);
    let two = directory(&[("p.yaml", &format!("{CLEAN}---\n{CLEAN}"))]);
    assert_eq!(found(two.path(), &[]), ["TPC2101"]);
    assert_eq!(found(two.path(), &["--target", "kubernetes"]), [""; 0]);
}

/// What only mentions policies is skipped in silence, whatever it is; templates of policies are explained.
#[test]
fn templates_are_explained_and_other_files_are_silent() {
    let egress = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: egress}\nspec:\n  kprobes:\n  - call: tcp_connect\n    syscall: false\n    args: [{index: 0, type: sock}]\n    selectors:\n    - matchArgs: [{index: 0, operator: NotDAddr, values: [127.0.0.1, \"::1\", \"${PODCIDR}\"]}]\n";
    let helm = "{{- if .Values.on }}\nkind: TracingPolicy\nmetadata:\n  labels:\n    {{- include \"x\" . | nindent 4 }}\n{{- end }}\n";
    let value = CLEAN.replace("name: clean", "name: \"{{ .Release.Name }}\"");
    let dir = directory(&[
        ("value.yaml", &value),
        ("egress.yaml", egress),
        ("helm.yaml", helm),
        (
            "silent/crd.yaml",
            "{{- if .Values.crds }}\nkind: CustomResourceDefinition\nspec:\n  names:\n    kind: TracingPolicy\n{{- end }}\n",
        ),
        (
            "silent/map.yaml",
            "kind: ConfigMap\ndata:\n  p.yaml: |\n    kind: TracingPolicy\n    metadata: {name: ${X}}\n",
        ),
        (
            "silent/values.yaml",
            "# for the TracingPolicy\npolicy: {on: {{ .x }}}\n",
        ),
        ("silent/broken.yaml", "a: [\n"),
        ("silent/empty.yaml", ""),
        ("silent/binary.yaml", "\u{0}\u{1}TracingPoli"),
    ]);
    for name in ["egress.yaml", "helm.yaml", "value.yaml"] {
        assert_eq!(found(dir.path(), &[name]), ["TPC0006"], "{name}");
    }
    let said = report(dir.path(), &["--format", "concise", "egress.yaml"], 1);
    assert!(
        said.contains("`${PODCIDR}` is a placeholder") && said.contains("envsubst"),
        "{said}"
    );
    let silent = report(dir.path(), &["silent"], 0);
    assert_eq!(silent, "no policies found\n");
    for entry in fs::read_dir(dir.path().join("silent")).expect("the files") {
        let path = entry.expect("an entry").path();
        assert_eq!(
            report(
                dir.path(),
                &["--format", "concise", &path.to_string_lossy()],
                0
            ),
            "",
            "{path:?}"
        );
    }
}

#[test]
fn policies_are_explained() {
    let broken = CLEAN.replace("sys_mount", "mount");
    let dir = directory(&[
        ("a/clean.yaml", CLEAN),
        ("broken.yaml", &broken),
        ("other.yaml", "a: b\n"),
    ]);
    for (arguments, status, said) in [
        (&["explain", "a/clean.yaml"][..], 0, ""),
        (&["explain", "a"], 0, ""),
        (&["explain", "broken.yaml"], 1, "TPC1002"),
        (&["explain", "other.yaml"], 2, "no TracingPolicy"),
        (&["explain", "absent.yaml"], 2, "no code or file"),
    ] {
        let output = run(dir.path(), arguments, "");
        expect(&output, status, said);
        let told = "# clean\n\nThis policy *observes*.\n";
        assert_eq!(
            stdout(&output).starts_with(told),
            status == 0,
            "{arguments:?}"
        );
    }
    let from_stdin = run(dir.path(), &["explain", "-"], CLEAN);
    assert!(stdout(&from_stdin).contains("When a process calls mount(2)"));
}

#[test]
fn rules_are_listed() {
    let here = std::env::temp_dir();
    let human = stdout(&run(&here, &["rules"], ""));
    assert_eq!(human.lines().count(), tpc::lint::RULES.len());
    let rules = json(&stdout(&run(&here, &["rules", "--format", "json"], "")));
    assert_eq!(rules.as_array().map(Vec::len), Some(tpc::lint::RULES.len()));
    keep(
        "docs/rules.md",
        &stdout(&run(&here, &["rules", "--format", "markdown"], "")),
    );
}

#[test]
fn completions_and_manual_pages() {
    let dir = directory(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(dir.path(), &["completions", shell], "");
        expect(&output, 0, "");
        assert!(stdout(&output).contains("write-baseline"), "{shell}");
    }
    let script = dir.path().join("tpc.bash");
    fs::write(
        &script,
        stdout(&run(dir.path(), &["completions", "bash"], "")),
    )
    .expect("a file");
    let question = "source ./tpc.bash; COMP_WORDS=(tpc lint --form); COMP_CWORD=2; _tpc tpc --form lint; echo ${COMPREPLY[@]}";
    let reply = std::process::Command::new("bash")
        .args(["-c", question])
        .current_dir(dir.path())
        .output();
    let reply = reply.expect("bash runs");
    assert_eq!(
        String::from_utf8_lossy(&reply.stdout),
        "--format\n",
        "{reply:?}"
    );

    expect(&run(dir.path(), &["man", "man1"], ""), 0, "");
    let pages = listing(&dir.path().join("man1"));
    for page in ["tpc.1", "tpc-lint.1", "tpc-compile.1", "tpc-explain.1"] {
        assert!(pages.contains(&page.to_owned()), "{pages:?}");
    }
    let page = fs::read_to_string(dir.path().join("man1/tpc-lint.1")).expect("a page");
    assert!(page.contains(".SH") && page.contains("fail\\-on"));
    expect(
        &run(dir.path(), &["man", "tpc.bash/x"], ""),
        2,
        "cannot write to",
    );
}

/// Every public policy: nothing panics, every finding is in its file, fixes leave files that read as well as before.
#[test]
fn public_policies_are_judged() {
    use tpc::diag::Sources;
    use tpc::lint::{Settings, fix, lint};
    let Some(directory) = measured::directory("TPC_CORPUS", "corpus") else {
        return;
    };
    let table = measured::Table::read(&directory.join("INDEX.tsv"));
    let (mut total, mut fixed) = (0, 0);
    for row in table.rows() {
        let name = row.get("file");
        let bytes = fs::read(directory.join(name)).expect("a file of the index");
        let mut sources = Sources::new();
        let mut sink = tpc::diag::Sink::new();
        let Some(file) = tpc::yaml::text(name, &bytes, &mut sources, &mut sink) else {
            continue;
        };
        let found = lint(file, &sources, &Settings::default()).diagnostics;
        measured::check_places(name, &found, &sources);
        assert!(
            found
                .iter()
                .all(|one| one.code.0 < 2000 || one.help.is_some()),
            "{name}"
        );
        total += found.iter().filter(|one| one.code.0 / 1000 == 2).count();
        if found.iter().any(|one| one.fix.is_some()) {
            let after = fix::fix(name, sources.text(file), &Settings::default(), true);
            let mut again = Sources::new();
            let file = again.add(name, after.text.as_str());
            let left = lint(file, &again, &Settings::default()).diagnostics;
            let editable = !after.text.contains('&');
            assert!(
                !editable || left.iter().all(|one| one.fix.is_none()),
                "{name}"
            );
            fixed += after.count;
        }
    }
    measured::show(&format!("corpus: {total} findings of rules, {fixed} fixed"));
    assert!(total > 340 && fixed > 75, "{total} {fixed}");
}

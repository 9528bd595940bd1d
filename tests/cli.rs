//! The compiler's command line, run as its users run it.

#[path = "shared/command.rs"]
mod command;

use std::fs;

use command::{directory, expect, listing, run};

fn policy(name: &str) -> String {
    format!(
        "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: {name}\nspec:\n  kprobes:\n  \
         - call: tcp_connect\n    syscall: false\n    args:\n    - index: 0\n      type: sock\n"
    )
}

const BROKEN: &str = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: broken}\nspec: {kprobe: []}\n";

#[test]
fn a_file_becomes_a_bundle_directory() {
    let dir = directory(&[("p.yaml", &policy("one"))]);
    expect(
        &run(dir.path(), &["compile", "p.yaml", "-o", "out/"], ""),
        0,
        "wrote one to out/",
    );
    let files = [
        "one/",
        "one/manifest.json",
        "one/policy.bpf.o",
        "one/policy.yaml",
    ];
    assert_eq!(listing(&dir.path().join("out")), files);
    let source = fs::read_to_string(dir.path().join("out/one/policy.yaml")).expect("the source");
    assert_eq!(source, policy("one"));
}

#[test]
fn standard_input_and_standard_output() {
    let dir = directory(&[]);
    let output = run(
        dir.path(),
        &["compile", "-", "--emit", "manifest", "--format", "json"],
        &policy("piped"),
    );
    expect(&output, 0, "\"diagnostics\": []");
    assert!(serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok());
    assert!(listing(dir.path()).is_empty());
    let two = format!("{}---\n{}", policy("a"), policy("b"));
    expect(
        &run(dir.path(), &["compile", "-", "--emit", "asm"], &two),
        2,
        "--emit prints one policy",
    );
}

#[test]
fn a_directory_is_searched_for_policies() {
    let dir = directory(&[
        ("in/b.yaml", &policy("b")),
        ("in/sub/a.yml", &policy("a")),
        ("in/config.yaml", "kind: ConfigMap\n"),
        ("in/values.yaml", "broken: [\n"),
        ("in/notes.txt", "TracingPolicy"),
        ("in/.hidden/b.yaml", &policy("b")),
    ]);
    expect(
        &run(dir.path(), &["compile", "in", "-o", "out"], ""),
        0,
        "wrote b, a to out",
    );
    let bundles: Vec<_> = listing(&dir.path().join("out"))
        .into_iter()
        .filter(|name| name.ends_with('/'))
        .collect();
    assert_eq!(bundles, ["a/", "b/"]);
}

#[test]
fn without_a_policy_there_is_an_explanation() {
    let dir = directory(&[("c.yaml", "kind: ConfigMap\n"), ("empty/x.yaml", "a: 1\n")]);
    expect(
        &run(dir.path(), &["compile", "c.yaml", "-o", "out"], ""),
        1,
        "the file contains no TracingPolicy",
    );
    expect(
        &run(dir.path(), &["compile", "empty", "-o", "out"], ""),
        1,
        "no TracingPolicy was found",
    );
    assert!(!dir.path().join("out").exists());
}

#[test]
fn one_broken_policy_stops_all_output() {
    let dir = directory(&[("good.yaml", &policy("good")), ("broken.yaml", BROKEN)]);
    let output = run(
        dir.path(),
        &[
            "compile",
            "good.yaml",
            "broken.yaml",
            "-o",
            "out",
            "--format",
            "concise",
        ],
        "",
    );
    expect(
        &output,
        1,
        "broken.yaml:4:8: error[TPC0011]: the spec has no field `kprobe` (help: did you mean `kprobes`?)\n",
    );
    assert!(output.stdout.is_empty());
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_good_bundle_survives_a_failed_compilation() {
    let dir = directory(&[("p.yaml", &policy("p"))]);
    expect(
        &run(dir.path(), &["compile", "p.yaml", "-o", "out"], ""),
        0,
        "",
    );
    let before = fs::read(dir.path().join("out/p/policy.yaml")).expect("a bundle");
    let broken = policy("p").replace("call", "kall");
    expect(
        &run(dir.path(), &["compile", "-", "-o", "out"], &broken),
        1,
        "nothing was written",
    );
    assert_eq!(
        fs::read(dir.path().join("out/p/policy.yaml")).expect("the old bundle"),
        before
    );
}

#[test]
fn a_bundle_is_replaced_whole_and_leaves_no_rest() {
    let dir = directory(&[("p.yaml", &policy("p"))]);
    expect(
        &run(dir.path(), &["compile", "p.yaml", "-o", "out"], ""),
        0,
        "",
    );
    let changed = format!("# changed\n{}", policy("p"));
    expect(
        &run(dir.path(), &["compile", "-", "-o", "out"], &changed),
        0,
        "",
    );
    let files = ["p/", "p/manifest.json", "p/policy.bpf.o", "p/policy.yaml"];
    assert_eq!(listing(&dir.path().join("out")), files);
    assert_eq!(
        fs::read_to_string(dir.path().join("out/p/policy.yaml")).expect("the bundle"),
        changed
    );
}

#[test]
fn the_longest_name_is_written_and_replaced() {
    let name = "n".repeat(253);
    let dir = directory(&[("p.yaml", &policy(&name))]);
    for output in ["out", "out", "a.tar.gz", "a.tar.gz"] {
        expect(
            &run(dir.path(), &["compile", "p.yaml", "-o", output], ""),
            0,
            "wrote n",
        );
    }
    assert!(
        dir.path()
            .join("out")
            .join(&name)
            .join("manifest.json")
            .exists()
    );
}

#[test]
fn what_is_no_bundle_is_not_replaced() {
    let dir = directory(&[
        ("p.yaml", &policy("p")),
        ("q.yaml", &policy("q")),
        ("out/p/thesis.txt", "years of work"),
    ]);
    let output = run(
        dir.path(),
        &["compile", "q.yaml", "p.yaml", "-o", "out"],
        "",
    );
    expect(&output, 2, "it exists and is no bundle");
    assert_eq!(listing(&dir.path().join("out")), ["p/", "p/thesis.txt"]);
    fs::write(dir.path().join("file"), "").expect("a file");
    expect(
        &run(dir.path(), &["compile", "p.yaml", "-o", "file"], ""),
        2,
        "error[TPC0018]",
    );
}

#[test]
fn two_policies_of_one_name_are_refused() {
    let dir = directory(&[("a.yaml", &policy("same")), ("b.yaml", &policy("same"))]);
    let output = run(
        dir.path(),
        &["compile", "a.yaml", "b.yaml", "-o", "out"],
        "",
    );
    expect(&output, 1, "two policies have the name `same`");
    expect(&output, 1, "a.yaml:4:9: first policy of this name");
}

#[test]
fn an_archive_does_not_depend_on_order_place_or_time() {
    let dir = directory(&[("a.yaml", &policy("a")), ("b.yaml", &policy("b"))]);
    expect(
        &run(
            dir.path(),
            &["compile", "a.yaml", "b.yaml", "-o", "1.tar.gz"],
            "",
        ),
        0,
        "",
    );
    expect(
        &run(
            dir.path(),
            &["compile", "b.yaml", "a.yaml", "-o", "2.tar.gz"],
            "",
        ),
        0,
        "",
    );
    let archive = fs::read(dir.path().join("1.tar.gz")).expect("an archive");
    assert_eq!(
        archive,
        fs::read(dir.path().join("2.tar.gz")).expect("an archive")
    );
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice()));
    let mut names = Vec::new();
    for entry in tar.entries().expect("an archive") {
        let entry = entry.expect("an entry");
        let header = entry.header();
        assert_eq!(
            (
                header.mtime().ok(),
                header.uid().ok(),
                header.gid().ok(),
                header.mode().ok()
            ),
            (Some(0), Some(0), Some(0), Some(0o644))
        );
        assert!(header.entry_type().is_file());
        names.push(entry.path().expect("a path").display().to_string());
    }
    let files = ["manifest.json", "policy.bpf.o", "policy.yaml"];
    let expected: Vec<_> = ["a", "b"]
        .iter()
        .flat_map(|p| files.map(|file| format!("{p}/{file}")))
        .collect();
    assert_eq!(names, expected);
    assert_eq!(
        listing(dir.path()),
        ["1.tar.gz", "2.tar.gz", "a.yaml", "b.yaml"]
    );
}

#[test]
fn wrong_usage_is_status_two() {
    let dir = directory(&[("p.yaml", &policy("p"))]);
    expect(&run(dir.path(), &["compile", "p.yaml"], ""), 2, "--output");
    expect(
        &run(dir.path(), &["compile", "-o", "out"], ""),
        2,
        "FILE|DIR|-",
    );
    expect(
        &run(dir.path(), &["compile", "absent.yaml", "-o", "out"], ""),
        2,
        "cannot read `absent.yaml`",
    );
    expect(
        &run(
            dir.path(),
            &["compile", "p.yaml", "-o", "o", "--emit", "ir"],
            "",
        ),
        2,
        "cannot be used with",
    );
    expect(&run(dir.path(), &[], ""), 2, "Usage");
}

#[test]
fn color_is_a_choice() {
    let dir = directory(&[("broken.yaml", BROKEN)]);
    let escape = |arguments: &[&str]| {
        let base = ["compile", "broken.yaml", "-o", "out"];
        let output = run(dir.path(), &[&base[..], arguments].concat(), "");
        output.stderr.contains(&0x1b)
    };
    assert!(escape(&["--color", "always"]));
    assert!(!escape(&["--color", "never"]));
    assert!(!escape(&[]), "no terminal, no color");
}

#[test]
fn diagnostics_come_in_the_order_of_the_input() {
    let files: Vec<(String, String)> = (0..20)
        .map(|i| {
            (
                format!("{i:02}.yaml"),
                BROKEN.replace("broken", &format!("b{i}")),
            )
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let dir = directory(&borrowed);
    let output = run(
        dir.path(),
        &["compile", ".", "-o", "out", "--format", "concise"],
        "",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    let names: Vec<&str> = said.lines().filter_map(|line| line.get(..9)).collect();
    let expected: Vec<String> = (0..20).map(|i| format!("./{i:02}.yaml")).collect();
    assert_eq!(names, expected);
}

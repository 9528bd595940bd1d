//! `tpc test --lab`: real kernels do what the tests of the examples expect.
//!
//! In: the examples with their tests, and a copy of one that expects something else. Out: a panic where a case fails that should not, where the
//! wrong one passes, or where fewer cases are performed than are known to be.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;

use crate::blocks::blocks;
use crate::harness::{KERNELS, Lab, build, project_root};

/// Cases of the examples that are performed on each kernel, of all.
const PERFORMED: [usize; 2] = [269, 272];
const ALL: usize = 326;

/// What the wrong copy is refused for.
const WRONG: &str = "`set-user-ID and set-group-ID: 0o4755`: on debian-12, expected nothing, got Override -1 and an event: \
                     the call returned -1";

#[test]
fn kernels_do_what_the_tests_of_the_examples_expect() {
    let lab = Lab::shared();
    let wrong = wrong();
    let _turn = lab.turn();
    let output = tpc_test(
        lab,
        &[&project_root().join("policies/examples"), wrong.path()],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let report: Json = serde_json::from_slice(&output.stdout).expect("a report");
    let files = report["files"].as_array().expect("files");
    let (copies, examples): (Vec<&Json>, Vec<&Json>) = files.iter().partition(|file| {
        Path::new(file["name"].as_str().expect("a name")).starts_with(wrong.path())
    });

    let mut counts = [0; 2];
    let mut all = 0;
    for case in examples.into_iter().flat_map(cases) {
        all += 1;
        assert_eq!(case["result"], "passed", "{case:#}");
        for (on, (kernel, count)) in kernels(case).zip(KERNELS.iter().zip(&mut counts)) {
            assert_eq!(on["kernel"], kernel.name);
            match on["result"].as_str() {
                Some("passed") => *count += 1,
                Some("no-trigger") => assert!(!on["reason"].is_null(), "{case:#}"),
                _ => panic!("{case:#}"),
            }
        }
    }
    assert_eq!((counts, all), (PERFORMED, ALL));

    documented(&report);

    let [copy] = copies[..] else {
        panic!("{copies:?}");
    };
    let failed = cases(copy).find(|case| kernels(case).any(|on| on["result"] == "failed"));
    let failed = failed.expect("a case that fails");
    assert!(
        kernels(failed).all(|on| on["result"] == "failed"),
        "{failed:#}"
    );
    let diagnostics = failed["diagnostics"].as_array().expect("diagnostics");
    let says = |one: &Json| one["message"] == WRONG && one["code"] == "TPC5005";
    assert!(diagnostics.iter().any(says), "{failed:#}");
}

/// apt as on a machine that never ran `apt-get update`: tpc says what to do, and does not do it.
#[test]
fn package_lists_are_left_to_their_owner() {
    Lab::shared();
    let directory = tempfile::tempdir().expect("a directory");
    let lists = directory.path().join("lists");
    fs::create_dir(&lists).expect("a directory");
    let configuration = directory.path().join("apt.conf");
    let text = format!("Dir::State::Lists \"{}\";\n", lists.display());
    fs::write(&configuration, text).expect("the file is written");
    let output = Command::new(env!("CARGO_BIN_EXE_tpc"))
        .arg("test")
        .arg(project_root().join("policies/examples/uploads.yaml"))
        .args(["--lab", "debian-12", "--format", "concise"])
        .arg("--lab-cache")
        .arg(directory.path().join("cache"))
        .arg("--lab-loader")
        .arg(build::loader().expect("the loader is built"))
        .env("APT_CONFIG", &configuration)
        .output()
        .expect("tpc runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("TPC5008") && said.contains("run `apt-get update`"),
        "{said}"
    );
    assert_eq!(fs::read_dir(&lists).expect("it is there").count(), 0);
}

/// What `docs/test.md` shows of cases without a trigger.
fn documented(report: &Json) {
    let blocks = blocks(include_str!("../../docs/test.md"));
    let block = blocks.iter().find(|block| block.info == "lab");
    let lines = block.expect("a block").text.lines();
    let mut count = 0;
    for line in lines.filter_map(|line| line.strip_prefix("       ")) {
        let (reason, name) = line.split_once(": `").expect("a reason and a case");
        let files = report["files"].as_array().expect("files");
        let mut all = files.iter().flat_map(cases);
        let case = all.find(|case| case["name"] == name.trim_end_matches('`'));
        let on = case.map(|case| &case["kernels"][0]["reason"]);
        assert_eq!(on.and_then(Json::as_str), Some(reason), "{name}");
        count += 1;
    }
    assert_eq!(count, 2);
}

fn cases(file: &Json) -> impl Iterator<Item = &Json> {
    file["cases"].as_array().expect("cases").iter()
}

fn kernels(case: &Json) -> impl Iterator<Item = &Json> {
    case["kernels"].as_array().expect("kernels").iter()
}

/// A directory with a policy, and with tests that say that it lets happen what it prevents.
fn wrong() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let example = |name: &str| {
        let path = project_root().join("policies/examples").join(name);
        fs::read_to_string(path).expect("the example is readable")
    };
    let put = |name: &str, text: &str| {
        fs::write(directory.path().join(name), text).expect("the file is written");
    };
    put("wrong.yaml", &example("set-id-bits.yaml"));
    let tests = "tests:\n- name: set-user-ID and set-group-ID\n  args: {0: /tmp/sh, 1: [0o4755, 0o2755]}\n  \
                 expect: nothing\n";
    put("wrong.test.yaml", tests);
    directory
}

fn tpc_test(lab: &Lab, inputs: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tpc"));
    command.arg("test").args(inputs);
    for kernel in KERNELS {
        command.args(["--lab", kernel.name]);
    }
    let loader = build::loader().expect("the loader is built");
    command.arg("--lab-cache").arg(lab.cache());
    command.arg("--lab-loader").arg(loader);
    command.args(["--format", "json"]);
    command.output().expect("tpc runs")
}

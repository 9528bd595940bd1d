//! `tpc test`: what test files can say, what is said about them, and the command.

#[path = "shared/blocks.rs"]
mod blocks;
#[path = "shared/examples.rs"]
mod examples;
#[path = "shared/golden.rs"]
mod golden;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value as Json};
use tempfile::TempDir;
use tpc::diag::{Diagnostic, Sink, Sources, code, render};
use tpc::testing::{self, CaseResult, FileResult, Kernels, OnKernel, Performed, Results};
use tpc::yaml::{self, Resolved};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a test file comes to.
struct Run {
    sources: Sources,
    problems: Vec<Diagnostic>,
    result: Option<FileResult>,
}

fn run(name: &str, bytes: &[u8], directory: &Path) -> Run {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = yaml::text(name, bytes, &mut sources, &mut sink).expect("a text");
    let tests = testing::decode(file, &sources, &mut sink);
    let result = tests.as_ref().and_then(|tests| {
        let path = match tests.policy() {
            Some(policy) => directory.join(&policy.value),
            None => testing::policy_of(&directory.join(name)).expect("a test file's name"),
        };
        let shown = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).expect("a policy");
        let policy = sources.add(shown, text);
        let policies = tpc::policy::decode(policy, &sources, &mut sink);
        testing::run(
            tests,
            &policies[0],
            &sources,
            "",
            &Kernels::default(),
            &mut sink,
        )
    });
    Run {
        problems: sink.into_sorted(),
        sources,
        result,
    }
}

#[test]
fn what_is_said_about_test_files() {
    golden::golden("testing", |name, bytes| {
        let directory = root().join("tests/golden/testing");
        let Run {
            sources,
            mut problems,
            result,
        } = run(name, bytes, &directory);
        let Some(result) = result else {
            return render::human(&problems, &sources, false);
        };
        problems.extend(result.cases.iter().flat_map(CaseResult::problems));
        if name.starts_with("cover") {
            problems.extend(result.cover.gaps().into_iter().map(|gap| gap.diagnostic));
        }
        let results = Results {
            files: &[result],
            rest: &[],
            cover: true,
        };
        let drawn = render::human(&problems, &sources, false);
        format!("{drawn}{}", results.summary(&sources))
    });
}

/// Every test file of the project, with its directory.
fn corpus() -> Vec<PathBuf> {
    let golden = fs::read_dir(root().join("tests/golden/testing")).expect("goldens");
    let golden = golden.map(|entry| entry.expect("an entry").path());
    let golden = golden.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    let beside = examples::paths();
    let beside = beside.iter().filter_map(|path| testing::test_of(path));
    let mut all: Vec<PathBuf> = golden.chain(beside).collect();
    all.sort();
    all
}

/// A tree as JSON.
fn json(node: &yaml::Node) -> Option<Json> {
    Some(match &node.value {
        yaml::Value::Bad => return None,
        yaml::Value::Sequence(items) => Json::Array(items.iter().map(json).collect::<Option<_>>()?),
        yaml::Value::Mapping(mapping) => {
            let pair = |entry: &yaml::Entry| Some((entry.key.value.clone(), json(&entry.value)?));
            Json::Object(
                mapping
                    .entries
                    .iter()
                    .map(pair)
                    .collect::<Option<Map<_, _>>>()?,
            )
        }
        yaml::Value::Scalar(scalar) => match scalar.resolved {
            Resolved::Null => Json::Null,
            Resolved::Bool(value) => value.into(),
            Resolved::Int(value) => match i64::try_from(value) {
                Ok(value) => value.into(),
                Err(_) => u64::try_from(value).ok()?.into(),
            },
            Resolved::Float(value) => value.into(),
            Resolved::Text => scalar.text.clone().into(),
        },
    })
}

#[test]
fn the_schemas_are_up_to_date() {
    for (name, generated) in [
        ("test.json", testing::schema()),
        ("test-report.json", testing::report_schema()),
    ] {
        let path = root().join("schema").join(name);
        if std::env::var_os("TPC_BLESS").is_some() {
            fs::write(&path, &generated).expect("the schema is writable");
        }
        let kept = fs::read_to_string(&path).expect("the schema is there");
        assert!(kept == generated, "run this test with TPC_BLESS=1");
    }
}

/// Both judge every file, each of its cases alone, and each case without one of its fields.
#[test]
fn the_schema_says_what_the_decoder_says() {
    let schema = serde_json::from_str(&testing::schema()).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let (mut right, mut wrong) = (0, 0);
    for path in corpus() {
        let text = fs::read_to_string(&path).expect("a test file");
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let file = sources.add("", text.as_str());
        let documents = yaml::parse(file, &text, &mut sink);
        if sink.has_errors() || documents.len() != 1 {
            continue;
        }
        let whole = documents[0].root.clone().expect("a document");
        for part in parts(&whole) {
            let document = json(&part).expect("a sound tree");
            let text = serde_json::to_string(&document).expect("JSON");
            // YAML takes this character in an escape only.
            let text = text.replace('\u{7f}', "\\u007f");
            let mut sources = Sources::new();
            let file = sources.add("", text.as_str());
            let decoded = testing::decode(file, &sources, &mut Sink::new()).is_some();
            assert_eq!(
                validator.is_valid(&document),
                decoded,
                "{}: {text}: {:?}",
                path.display(),
                validator
                    .iter_errors(&document)
                    .map(|error| error.to_string())
                    .collect::<Vec<_>>()
            );
            right += usize::from(decoded);
            wrong += usize::from(!decoded);
        }
    }
    assert!(right > 150 && wrong > 30, "{right} right, {wrong} wrong");
}

/// The file, the file with each of its cases alone, and cases with each of their values alone.
fn parts(whole: &yaml::Node) -> Vec<yaml::Node> {
    let mut all = vec![whole.clone()];
    let yaml::Value::Mapping(mapping) = &whole.value else {
        return all;
    };
    let place = |node: &yaml::Node, value| yaml::Node {
        value,
        span: node.span,
    };
    let Some(tests) = mapping.get("tests") else {
        return all;
    };
    let yaml::Value::Sequence(cases) = &tests.value.value else {
        return all;
    };
    for case in cases {
        let mut alone = mapping.clone();
        alone
            .entries
            .retain(|entry| ["policy", "tests"].contains(&entry.key.value.as_str()));
        let sequence = place(&tests.value, yaml::Value::Sequence(vec![case.clone()]));
        for entry in &mut alone.entries {
            if entry.key.value == "tests" {
                entry.value = sequence.clone();
            }
        }
        let file = place(whole, yaml::Value::Mapping(alone.clone()));
        all.push(file.clone());
        let yaml::Value::Mapping(fields) = &case.value else {
            continue;
        };
        for dropped in &fields.entries {
            let mut less = fields.clone();
            less.entries
                .retain(|entry| entry.key.value != dropped.key.value);
            let less = place(case, yaml::Value::Mapping(less));
            let mut file = alone.clone();
            for entry in &mut file.entries {
                if entry.key.value == "tests" {
                    entry.value = place(&tests.value, yaml::Value::Sequence(vec![less.clone()]));
                }
            }
            all.push(place(whole, yaml::Value::Mapping(file)));
        }
    }
    all
}

/// Runs `tpc` in a directory.
fn tpc(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tpc"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("NO_COLOR")
        .output()
        .expect("the binary runs")
}

#[track_caller]
fn expect(output: &Output, status: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{out}{err}");
    out + &err
}

const POLICY: &str = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: roots}
spec:
  kprobes:
  - call: sys_setuid
    syscall: true
    args: [{index: 0, type: uint32}]
    selectors:
    - matchArgs:
      - {index: 0, operator: Equal, values: ['0', '7']}
      matchActions:
      - action: Sigkill
";

const TESTS: &str = "\
tests:
- name: root <&>
  args: {0: 0}
  expect: [Sigkill, event]
- name: others
  args: {0: [1, 7]}
  expect: nothing
";

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    directory
}

#[test]
fn a_run_in_every_format() {
    let dir = directory(&[("roots.yaml", POLICY), ("roots.test.yaml", TESTS)]);
    for format in ["human", "concise", "json", "junit", "github", "sarif"] {
        let output = tpc(dir.path(), &["test", "--cover", "--format", format]);
        let text = expect(&output, 1);
        if format != "sarif" {
            insta::assert_snapshot!(format!("testing__{format}"), text);
        }
    }
    let arguments = [
        "test", "--format", "json", "--output", "a.json", "--format", "junit", "-o", "b.xml",
        "--format", "concise",
    ];
    let text = expect(&tpc(dir.path(), &arguments), 1);
    assert!(
        text.starts_with("./roots.test.yaml:7:11: error[TPC5005]"),
        "{text}"
    );
    let read = |name| fs::read_to_string(dir.path().join(name)).expect("a report");
    let document: Json = serde_json::from_str(&read("a.json")).expect("JSON");
    let schema = serde_json::from_str(&testing::report_schema()).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&document));
    assert_eq!(
        (&document["cases"], &document["failed"]),
        (&3.into(), &1.into())
    );
    assert!(read("b.xml").contains("tests=\"3\" failures=\"1\" errors=\"0\""));
}

#[test]
fn exit_statuses() {
    let right = TESTS.replace("[1, 7]", "[1, 8]");
    let dir = directory(&[
        ("roots.yaml", POLICY),
        ("roots.test.yaml", &right),
        ("bad/roots.yaml", POLICY),
        (
            "bad/roots.test.yaml",
            "tests:\n- {name: x, expects: nothing}\n",
        ),
        ("alone/x.test.yaml", &right),
        ("broken/roots.yaml", "kind: TracingPolicy\n"),
        ("broken/roots.test.yaml", &right),
        ("untested/a.yaml", POLICY),
        ("empty/readme.txt", ""),
    ]);
    let status = |arguments: &[&str], status: i32, said: &str| {
        let text = expect(&tpc(dir.path(), arguments), status);
        assert!(text.contains(said), "{arguments:?}: {text}");
    };
    status(
        &["test", "roots.yaml"],
        0,
        "ok   roots.test.yaml: 3 cases passed",
    );
    status(
        &["test", "roots.test.yaml", "roots.yaml", "."],
        1,
        "TPC0011",
    );
    status(
        &["test", "roots.yaml", "--filter", "root <"],
        0,
        "1 case passed",
    );
    status(
        &["test", "roots.yaml", "--filter", "nobody"],
        2,
        "no case has `nobody` in its name",
    );
    status(
        &["test", "roots.yaml", "--cover-min", "100"],
        0,
        "filters 1/1, values 1/2",
    );
    status(
        &[
            "test",
            "roots.yaml",
            "--cover-min",
            "100",
            "--filter",
            "others",
        ],
        1,
        "error[TPC5006]",
    );
    status(
        &["test", "roots.yaml", "--cover", "--filter", "others"],
        0,
        "note[TPC5006]",
    );
    status(&["test", "roots.yaml", "--cover-min", "101"], 2, "101");
    status(&["test", "bad"], 1, "TPC0011");
    status(&["test", "alone"], 1, "TPC5002");
    status(&["test", "broken"], 1, "TPC0013");
    status(
        &["test", "untested/a.yaml"],
        2,
        "tpc test --init untested/a.yaml",
    );
    status(&["test", "empty"], 2, "TPC5001");
    status(&["test", "absent.test.yaml"], 2, "TPC0001");
    status(&["test", "-"], 2, "standard input");
    status(&["test", "roots.yaml", "--output", "x"], 2, "--format");
    status(
        &[
            "test",
            "roots.yaml",
            "--format",
            "json",
            "--output",
            "no/such/x",
        ],
        2,
        "cannot write",
    );
}

#[test]
fn one_of_several_policies_is_chosen_by_name() {
    let two = format!(
        "{POLICY}---\n{}",
        POLICY.replace("roots", "others").replace("Sigkill", "Post")
    );
    let tests = TESTS.replace("[1, 7]", "[1, 8]");
    let named = format!("name: roots\n{tests}");
    let dir = directory(&[
        ("p.yaml", &two),
        ("p.test.yaml", &tests),
        ("q.test.yaml", &format!("policy: p.yaml\n{named}")),
    ]);
    let text = expect(&tpc(dir.path(), &["test", "p.test.yaml"]), 1);
    assert!(
        text.contains("contains 2 policies: roots, others"),
        "{text}"
    );
    expect(&tpc(dir.path(), &["test", "q.test.yaml"]), 0);
}

#[test]
fn other_commands_skip_tests_but_never_a_policy() {
    // The word is in the test, so that a look for it would find it.
    let tests = format!("# Tests of a TracingPolicy\n{TESTS}");
    let dir = directory(&[("p/roots.yaml", POLICY), ("p/roots.test.yaml", &tests)]);
    let alone = expect(&tpc(dir.path(), &["lint", "p/roots.yaml"]), 1);
    assert_eq!(expect(&tpc(dir.path(), &["lint", "p"]), 1), alone);
    assert_eq!(
        expect(
            &tpc(dir.path(), &["lint", "p/roots.yaml", "p/roots.test.yaml"]),
            1
        ),
        alone
    );
    expect(&tpc(dir.path(), &["compile", "p", "-o", "out"]), 0);
    expect(
        &tpc(
            dir.path(),
            &["compile", "p/roots.test.yaml", "p/roots.yaml", "-o", "out"],
        ),
        0,
    );
    let said = expect(
        &tpc(dir.path(), &["compile", "p/roots.test.yaml", "-o", "none"]),
        1,
    );
    assert!(said.contains("TPC0008"), "{said}");
    let dir = directory(&[("p/a.test.yaml", POLICY)]);
    expect(&tpc(dir.path(), &["compile", "p", "-o", "out"]), 0);
    assert!(dir.path().join("out/roots/policy.bpf.o").exists());
}

#[test]
fn first_tests_pass_and_are_never_replaced() {
    for example in examples::paths() {
        let name = example
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&example).expect("an example");
        let dir = directory(&[(&name, &text)]);
        let said = expect(&tpc(dir.path(), &["test", "--init", &name]), 0);
        assert!(said.starts_with("wrote "), "{said}");
        expect(&tpc(dir.path(), &["test", &name, "--cover-min", "100"]), 0);
        let again = expect(&tpc(dir.path(), &["test", "--init", &name]), 2);
        assert!(again.contains("TPC0018"), "{again}");
    }
}

#[test]
fn first_tests_say_what_the_policy_does() {
    let text =
        fs::read_to_string(root().join("policies/examples/egress-kill.yaml")).expect("an example");
    let dir = directory(&[("p.yaml", &text)]);
    expect(&tpc(dir.path(), &["test", "--init", "p.yaml"]), 0);
    let tests = fs::read_to_string(dir.path().join("p.test.yaml")).expect("tests");
    insta::assert_snapshot!(tests);
}

#[test]
fn what_the_documentation_shows_is_what_happens() {
    let blocks = blocks::blocks(include_str!("../docs/test.md"));
    let dir = tempfile::tempdir().expect("a directory");
    let mut commands = 0;
    for block in blocks {
        match block.info.as_str() {
            "yaml" => {
                let first = block
                    .text
                    .lines()
                    .next()
                    .and_then(|line| line.strip_prefix("# "));
                let name = first.expect("the first line names the file");
                if !name.contains(' ') {
                    fs::write(dir.path().join(name), &block.text).expect("a file");
                }
            }
            "console" => {
                for (command, shown) in blocks::session(&block.text, "$ ") {
                    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
                    let output = tpc(dir.path(), &words);
                    let printed = String::from_utf8_lossy(&output.stdout)
                        + String::from_utf8_lossy(&output.stderr);
                    assert!(
                        blocks::agrees(&shown, &printed),
                        "`{command}` prints\n{printed}"
                    );
                    commands += 1;
                }
            }
            // What a kernel does: `lab tested`.
            "lab" => {}
            other => panic!("a block of kind `{other}` is not tested"),
        }
    }
    assert!(commands >= 5);
    for name in ["details.test.yaml", "limited.test.yaml"] {
        expect(&tpc(dir.path(), &["test", name]), 0);
    }
}

/// The address of bytes is a number for the verifier, and so it is for the machine.
#[test]
fn buffers_of_functions_are_no_structures() {
    let policy = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: p}
spec:
  kprobes:
  - call: vfs_write
    syscall: false
    args:
    - {index: 1, type: char_buf, sizeArgIndex: 3}
    - {index: 2, type: size_t}
    - {index: 3, type: string}
";
    let tests = "tests: [{name: a write, args: {1: abc, 3: x}, expect: {does: event, event: {args: {1: abc, 2: 3, 3: x}}}}]\n";
    let dir = directory(&[("p.yaml", policy), ("p.test.yaml", tests)]);
    expect(&tpc(dir.path(), &["test"]), 0);
}

/// Two declarations of a parameter have one value, whichever of them a case names.
#[test]
fn a_parameter_may_be_declared_twice() {
    let policy = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: p}
spec:
  kprobes:
  - call: sys_lseek
    syscall: true
    args:
    - {index: 1, type: int, label: first}
    - {index: 1, type: int64, label: second}
    selectors:
    - matchArgs:
      - {args: [1], operator: Equal, values: ['-1']}
      matchActions: [{action: Sigkill}]
";
    let tests = "\
tests:
- {name: by index, args: {1: -1}, expect: [Sigkill, event]}
- {name: other, args: {1: 1}, expect: nothing}
- {name: by label, args: {second: -1}, expect: [Sigkill, event]}
- {name: by type, args: {int64: -1}, expect: [Sigkill, event]}
";
    let dir = directory(&[("p.yaml", policy), ("p.test.yaml", tests)]);
    expect(&tpc(dir.path(), &["test"]), 0);
    let twice = "tests: [{name: x, args: {first: 0, second: 0}, expect: nothing}]\n";
    let dir = directory(&[("p.yaml", policy), ("p.test.yaml", twice)]);
    let said = expect(&tpc(dir.path(), &["test"]), 1);
    assert!(said.contains("argument 1 gets two values"), "{said}");
}

/// Each hook of a function is a program of its own; a case says which one it tests.
#[test]
fn a_function_may_be_hooked_twice() {
    let hook = POLICY.split_once("  kprobes:\n").expect("a hook").1;
    let policy = format!(
        "{POLICY}{}",
        hook.replace("Sigkill", "Post").replace("'7'", "'8'")
    );
    let dir = directory(&[("p.yaml", &policy)]);
    expect(&tpc(dir.path(), &["test", "--init", "p.yaml"]), 0);
    expect(&tpc(dir.path(), &["test", "--cover-min", "100"]), 0);
    let tests = "\
tests:
- {name: first, call: sys_setuid/1, args: {0: 7}, expect: [Sigkill, event]}
- {name: second, call: sys_setuid/2, args: {0: 8}, expect: event}
";
    let dir = directory(&[("p.yaml", &policy), ("p.test.yaml", tests)]);
    expect(&tpc(dir.path(), &["test"]), 0);
    let which = tests.replace("/2", "");
    let dir = directory(&[("p.yaml", &policy), ("p.test.yaml", &which)]);
    let said = expect(&tpc(dir.path(), &["test"]), 1);
    assert!(
        said.contains("write one of sys_setuid/1, sys_setuid/2"),
        "{said}"
    );
}

/// The policy may name the kernel's function of a system call, and so may its tests.
#[test]
fn a_system_call_has_two_names() {
    let policy = POLICY.replace("sys_setuid", "__x64_sys_setuid");
    let tests = "\
tests:
- {name: portable, call: sys_setuid, args: {0: 7}, expect: [Sigkill, event]}
- {name: of this machine, call: __x64_sys_setuid, args: {0: 7}, expect: [Sigkill, event]}
";
    let dir = directory(&[("p.yaml", &policy), ("p.test.yaml", tests)]);
    expect(&tpc(dir.path(), &["test"]), 0);
}

/// A filter behind an alias has the place of its anchor: it is one, however often it is used.
#[test]
fn aliases_are_covered_once() {
    let policy = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: p}
spec:
  kprobes:
  - call: sys_setuid
    syscall: true
    args: [{index: 0, type: uint32}]
    selectors:
    - matchBinaries: [{operator: In, values: [/bin/sh, /bin/bash]}]
      matchArgs: &root [{index: 0, operator: Equal, values: ['0', '7']}]
      matchActions: [{action: Sigkill}]
    - matchArgs: *root
";
    let dir = directory(&[("p.yaml", policy)]);
    expect(&tpc(dir.path(), &["test", "--init", "p.yaml"]), 0);
    let said = expect(&tpc(dir.path(), &["test", "--cover-min", "100"]), 0);
    assert!(
        said.contains("selectors 2/2, filters 3/3, values "),
        "{said}"
    );
    let missing = said.matches("no case has `7` of `matchArgs index 0 Equal`");
    assert!(missing.count() <= 1, "{said}");
}

const TWO_FILTERS: &str = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: two}
spec:
  kprobes:
  - call: sys_setuid
    syscall: true
    args: [{index: 0, type: uint32}]
    selectors:
    - matchArgs:
      - {index: 0, operator: Equal, values: ['0']}
      matchBinaries:
      - {operator: NotIn, values: [/bin/su]}
      matchActions: [{action: Sigkill}]
";

/// Where two filters fail at once, either of them could be missing.
#[test]
fn a_filter_counts_where_it_alone_keeps_a_call_out() {
    let both = "\
tests:
- {name: hit, args: {0: 0}, expect: [Sigkill, event]}
- {name: both, args: {0: 1}, process: {binary: /bin/su}, expect: nothing}
";
    let dir = directory(&[("two.yaml", TWO_FILTERS), ("two.test.yaml", both)]);
    let said = expect(&tpc(dir.path(), &["test", "--cover-min", "50"]), 1);
    insta::assert_snapshot!(said);
    let each = format!(
        "{both}- {{name: user, args: {{0: 1}}, expect: nothing}}\n\
         - {{name: su, args: {{0: 0}}, process: {{binary: /bin/su}}, expect: nothing}}\n"
    );
    let dir = directory(&[("two.yaml", TWO_FILTERS), ("two.test.yaml", &each)]);
    expect(&tpc(dir.path(), &["test", "--cover-min", "100"]), 0);
}

#[test]
fn files_of_one_policy_are_covered_together() {
    let file = |case| {
        format!(
            "policy: two.yaml\ntests:\n- {{name: hit, args: {{0: 0}}, expect: [Sigkill, event]}}\n- {{name: miss, {case}, expect: nothing}}\n"
        )
    };
    let (first, second) = (
        file("args: {0: 1}"),
        file("args: {0: 0}, process: {binary: /bin/su}"),
    );
    let dir = directory(&[
        ("two.yaml", TWO_FILTERS),
        ("a.test.yaml", &first),
        ("b.test.yaml", &second),
    ]);
    let said = expect(&tpc(dir.path(), &["test", "--cover-min", "100"]), 0);
    assert!(
        said.contains("2 files: 4 cases passed; covers selectors 1/1, filters 2/2, values 2/2"),
        "{said}"
    );
    let alone = ["test", "a.test.yaml", "--cover-min", "100"];
    expect(&tpc(dir.path(), &alone), 1);
}

#[test]
fn policies_without_tests_are_reported() {
    let right = TESTS.replace("[1, 7]", "[1, 8]");
    let named = format!("name: roots\n{right}");
    let two = format!("{POLICY}---\n{}", POLICY.replace("roots", "others"));
    let dir = directory(&[
        ("roots.yaml", POLICY),
        ("roots.test.yaml", &right),
        ("more/naked.yaml", &POLICY.replace("roots", "naked")),
        ("more/values.yaml", "a: 1\n"),
        ("two/two.yaml", &two),
        ("two/two.test.yaml", &named),
    ]);
    let run = |arguments: &[&str], status| {
        let arguments = [&["test", "--format", "concise"], arguments].concat();
        expect(&tpc(dir.path(), &arguments), status)
    };
    let said = run(&[], 0);
    assert!(
        said.contains(
            "more/naked.yaml:3:18: note[TPC5006]: no test file is about the policy `naked`"
        ),
        "{said}"
    );
    assert_eq!(said.matches("no test file is about").count(), 2, "{said}");
    let said = run(&["--cover-min", "1", "."], 1);
    assert!(said.contains("error[TPC5006]: no test file is about the policy `others`"));
    let said = run(&["two/two.yaml", "--cover-min", "1"], 1);
    assert!(said.contains("the policy `others`"), "{said}");
    // Other tests of the file may be elsewhere.
    run(&["two/two.test.yaml", "--cover-min", "1"], 0);
    let exclude = "[files]\nexclude = ['more/**', 'two/**']\n";
    fs::write(dir.path().join("tpc.toml"), exclude).expect("a file");
    let said = run(&["--cover-min", "1", "."], 0);
    assert!(!said.contains("no test file is about"), "{said}");
}

#[test]
fn with_quiet_nothing_is_said_when_nothing_failed() {
    let right = TESTS.replace("[1, 7]", "[1, 8]");
    let dir = directory(&[
        ("roots.yaml", POLICY),
        ("roots.test.yaml", &right),
        ("naked.yaml", POLICY),
    ]);
    let said = expect(&tpc(dir.path(), &["test", "--quiet", "--cover"]), 0);
    assert_eq!(said, "");
}

/// A row says `a` of what its case calls `0`: there is one value, not a table of both.
#[test]
fn a_row_replaces_an_argument_under_another_name() {
    let policy = POLICY.replace("type: uint32", "type: uint32, label: user");
    let tests = "\
tests:
- name: users
  args: {0: [0, 7]}
  rows:
  - {args: {user: 1}, expect: nothing}
  - {args: {uint32: 2}, expect: nothing}
";
    let dir = directory(&[("p.yaml", &policy), ("p.test.yaml", tests)]);
    let said = expect(&tpc(dir.path(), &["test"]), 0);
    assert!(said.contains("2 cases passed"), "{said}");
}

/// Policies have Go's literals, where a leading 0 makes a number octal.
#[test]
fn texts_are_the_numbers_that_they_are_in_policies() {
    let policy = POLICY.replace("'7'", "'0644'");
    let tests = "\
tests:
- {name: modes, args: {0: [\"0644\", 0600 | 0044, 0o644, 420, \"0_644\"]}, expect: [Sigkill, event]}
- {name: decimal, args: {0: \"644\"}, expect: nothing}
";
    let dir = directory(&[("p.yaml", &policy), ("p.test.yaml", tests)]);
    expect(&tpc(dir.path(), &["test"]), 0);
}

/// The number in the pid namespace follows from the namespace.
#[test]
fn processes_of_the_host_have_no_number_in_a_namespace() {
    let policy = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: p}
spec:
  kprobes:
  - call: sys_getpid
    syscall: true
    selectors:
    - matchPIDs: [{operator: NotIn, values: [0, 1], isNamespacePID: true}]
      matchActions: [{action: Sigkill}]
    - matchPIDs: [{operator: In, values: [6], isNamespacePID: true, followForks: true}]
";
    let tests = "\
tests:
- name: in a pid namespace
  expect: [Sigkill, event]
  rows:
  - process: {container: true}
  - process: {namespaces: {Pid: other}}
  - process: {namespaces: other}
  - process: {namespaces: {Pid: 5}}
- name: on the host
  expect: nothing
  rows:
  - process: {container: true, namespaces: {Pid: host}}
  - process: {container: true, namespaces: host}
  - process: {namespaces: {Pid: 4026531836}}
  - process: {nsPid: 0}
- name: a shell in the container
  process: {container: true, nsPid: 1, parents: [{binary: /bin/sh}]}
  expect: nothing
";
    let dir = directory(&[("p.yaml", policy), ("p.test.yaml", tests)]);
    expect(&tpc(dir.path(), &["test"]), 0);
    // The parent is number 6 of the namespace.
    let forks = policy.replace(
        "NotIn, values: [0, 1], ",
        "In, values: [6], followForks: true, ",
    );
    let tests = "\
tests:
- {name: a, process: {container: true, parents: [{binary: /bin/sh}]}, expect: [Sigkill, event]}
- {name: b, process: {container: true, parents: [{nsPid: 0}]}, expect: nothing}
";
    let dir = directory(&[("p.yaml", &forks), ("p.test.yaml", tests)]);
    expect(&tpc(dir.path(), &["test"]), 0);
    for policy in [policy, &forks] {
        let dir = directory(&[("p.yaml", policy)]);
        expect(&tpc(dir.path(), &["test", "--init", "p.yaml"]), 0);
        let tests = fs::read_to_string(dir.path().join("p.test.yaml")).expect("tests");
        assert!(tests.contains("namespaces: {Pid: other}"), "{tests}");
        expect(&tpc(dir.path(), &["test"]), 0);
    }
}

#[test]
fn first_tests_of_several_policies_are_a_file_for_each() {
    let two = format!("{POLICY}---\n{}", POLICY.replace("roots", "others"));
    let dir = directory(&[("p.yaml", &two)]);
    let said = expect(&tpc(dir.path(), &["test", "--init", "p.yaml"]), 0);
    assert_eq!(said, "wrote p.roots.test.yaml\nwrote p.others.test.yaml\n");
    for arguments in [&["test", "--cover-min", "100"][..], &["test", "p.yaml"]] {
        let said = expect(&tpc(dir.path(), arguments), 0);
        assert!(said.contains("2 files: 4 cases passed"), "{said}");
    }
    fs::remove_file(dir.path().join("p.roots.test.yaml")).expect("a file");
    expect(&tpc(dir.path(), &["test", "--init", "p.yaml"]), 2);
    assert!(!dir.path().join("p.roots.test.yaml").exists());
}

#[test]
fn first_tests_show_rate_limits_and_values_that_can_be() {
    let policy = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: p}
spec:
  kprobes:
  - call: security_mmap_file
    syscall: false
    args: [{index: 0, type: file}]
    selectors:
    - matchArgs:
      - {index: 0, operator: Prefix, values: [/boot, .a, .b, .c, .d, .e, .f, .g, .h, .i, .j]}
      matchActions: [{action: Sigkill}, {action: Post, rateLimit: 90s}]
";
    let dir = directory(&[("p.yaml", policy)]);
    expect(&tpc(dir.path(), &["test", "--init", "p.yaml"]), 0);
    let tests = fs::read_to_string(dir.path().join("p.test.yaml")).expect("tests");
    insta::assert_snapshot!(tests);
    expect(&tpc(dir.path(), &["test", "--cover-min", "100"]), 0);
}

/// A function under the name that the policy has, when it hooks it twice.
#[test]
fn of_two_hooks_one_is_chosen_under_either_name() {
    let hook = POLICY.split_once("  kprobes:\n").expect("a hook").1;
    let policy = format!("{POLICY}{hook}").replace("sys_setuid", "__x64_sys_setuid");
    let tests = "tests: [{name: x, call: __x64_sys_setuid, args: {0: 1}, expect: nothing}]\n";
    let dir = directory(&[("p.yaml", &policy), ("p.test.yaml", tests)]);
    let said = expect(&tpc(dir.path(), &["test"]), 1);
    assert!(
        said.contains("write one of sys_setuid/1, sys_setuid/2"),
        "{said}"
    );
}

/// Nothing of this boots a kernel; what kernels do is a test of the lab.
#[test]
fn what_is_missing_for_a_kernel_is_said() {
    let right = TESTS.replace("[1, 7]", "[1, 8]");
    let dir = directory(&[
        ("roots.yaml", POLICY),
        ("roots.test.yaml", &right),
        ("vmlinuz", "no kernel"),
    ]);
    let said = |arguments: &[&str]| {
        let arguments = [&["test", "--format", "concise"], arguments].concat();
        expect(&tpc(dir.path(), &arguments), 2)
    };
    let unknown = said(&["--lab", "debian-12-6.1"]);
    assert!(
        unknown.contains("error[TPC5008]: there is no kernel `debian-12-6.1`"),
        "{unknown}"
    );
    assert!(
        unknown.contains("`debian-12-6.12`") && unknown.contains("path"),
        "{unknown}"
    );
    let loader = said(&["--lab", "vmlinuz", "--lab-loader", "no-loader"]);
    assert!(
        loader.contains("error[TPC5008]: there is no loader `no-loader`"),
        "{loader}"
    );
    assert!(loader.contains("--lab-loader FILE"), "{loader}");
    // The cases themselves ran.
    let all = expect(&tpc(dir.path(), &["test", "--lab", "nowhere"]), 2);
    assert!(
        all.contains("ok   ./roots.test.yaml: 3 cases passed"),
        "{all}"
    );
    let alone = expect(&tpc(dir.path(), &["test", "--lab-cache", "."]), 2);
    assert!(alone.contains("--lab <KERNEL>"), "{alone}");
}

/// What two kernels did to three cases, in every format that says it.
#[test]
fn cases_on_kernels_are_reported() {
    let text = TESTS.replace("[1, 7]", "[1, 8]");
    let dir = directory(&[("roots.yaml", POLICY)]);
    let run = run("roots.test.yaml", text.as_bytes(), dir.path());
    let mut result = run.result.expect("it runs");
    let wrong = || {
        let message = "`root <&>`: on debian-12, expected Sigkill and an event, got an event";
        let error = Diagnostic::error(code::TEST_FAILED, message).at(result.cases[0].span);
        Performed::Failed(Box::new(error))
    };
    let no_trigger = || Performed::NoTrigger("its calls follow each other in time".to_owned());
    let seen = [
        ("debian-12", [wrong(), no_trigger(), no_trigger()]),
        (
            "debian-12-6.12",
            [Performed::AsExpected, no_trigger(), Performed::AsExpected],
        ),
    ];
    for (kernel, performed) in seen {
        for (case, performed) in result.cases.iter_mut().zip(performed) {
            let kernel = kernel.to_owned();
            case.kernels.push(OnKernel { kernel, performed });
        }
    }
    assert_eq!(
        result
            .cases
            .iter()
            .map(CaseResult::passed)
            .collect::<Vec<_>>(),
        [false, true, true]
    );
    let results = Results {
        files: &[result],
        rest: &[],
        cover: false,
    };
    insta::assert_snapshot!("testing__kernels", results.summary(&run.sources));
    insta::assert_snapshot!("testing__kernels_junit", results.junit(&run.sources));
    let document: Json = serde_json::from_str(&results.json(&run.sources)).expect("JSON");
    let schema = serde_json::from_str(&testing::report_schema()).expect("a schema is JSON");
    assert!(
        jsonschema::validator_for(&schema)
            .expect("a schema")
            .is_valid(&document)
    );
    let on = |case: usize| &document["files"][0]["cases"][case]["kernels"];
    assert_eq!(on(0)[0]["result"], "failed");
    assert_eq!(on(1)[1]["reason"], "its calls follow each other in time");
}

/// The kernel looks at 32 bits of the length, though the policy declares more.
#[test]
fn lengths_of_system_calls_have_the_width_of_the_call() {
    let policy = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: p}
spec:
  kprobes:
  - call: sys_sethostname
    syscall: true
    args: [{index: 0, type: char_buf, sizeArgIndex: 2}, {index: 1, type: uint64}]
    selectors:
    - matchArgs: [{index: 0, operator: Equal, values: [evil]}]
      matchActions: [{action: Sigkill}]
";
    let tests = "\
tests:
- {name: lengths, args: {0: evil, 1: [4, 0x100000004]}, expect: [Sigkill, event]}
- {name: shorter, args: {0: evil, 1: 0x100000003}, expect: nothing}
";
    let dir = directory(&[("p.yaml", policy), ("p.test.yaml", tests)]);
    expect(&tpc(dir.path(), &["test"]), 0);
}

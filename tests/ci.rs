//! The ways into other people's pipelines, each tried for real: pre-commit, the GitHub Action's script, the GitLab
//! job, and the commands of `docs/lint.md`.
//!
//! pre-commit comes from PyPI, into a directory of the build. Without a network these tests fail.

#[path = "shared/command.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod command;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use command::directory;
use tpc::diag::{FileId, Sink};
use tpc::yaml::{Node, Value};

const HOT: &str = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: hot}\nspec:\n  kprobes:\n  - call: sys_read\n";
const FIXABLE: &str = "apiVersion: cilium.io/v1\nkind: TracingPolicy\nmetadata: {name: old}\nspec:\n  kprobes:\n  - call: sys_mount\n";
const OTHER: &str = "kind: ConfigMap\nbroken: {{ .Values.x }}\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `PATH` with the binary under test first.
fn path() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_tpc"));
    let directory = binary.parent().expect("the binary lies in a directory");
    format!(
        "{}:{}",
        directory.display(),
        std::env::var("PATH").unwrap_or_default()
    )
}

fn command(program: impl AsRef<std::ffi::OsStr>, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(directory)
        .env("PATH", path())
        .env_remove("NO_COLOR")
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "t")
            .env(format!("GIT_{who}_EMAIL"), "t@example.com");
    }
    command
}

#[track_caller]
fn output(command: &mut Command) -> (bool, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program runs");
    let text = [stdout, stderr].concat();
    (
        status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let (good, text) = output(command);
    assert!(
        good,
        "{command:?} failed; this test needs what it runs:\n{text}"
    );
    text
}

/// pre-commit in a virtual environment that later runs use again.
fn pre_commit() -> PathBuf {
    const PACKAGE: &str = "pre-commit==4.7.0";
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pre-commit");
    let program = home.join("bin/pre-commit");
    if !program.exists() {
        let here = root();
        succeed(
            command("python3", here)
                .args(["-m", "venv", "--clear"])
                .arg(&home),
        );
        succeed(command(home.join("bin/pip"), here).args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PACKAGE,
        ]));
    }
    program
}

fn commit_all(directory: &Path) -> String {
    succeed(command("git", directory).args(["init", "--quiet"]));
    succeed(command("git", directory).args(["add", "--all"]));
    succeed(command("git", directory).args(["commit", "--quiet", "--message", "all"]));
    succeed(command("git", directory).args(["rev-parse", "HEAD"]))
        .trim()
        .to_owned()
}

#[test]
fn pre_commit_runs_the_hooks() {
    let program = pre_commit();
    let hooks = directory(&[]);
    let manifest = ".pre-commit-hooks.yaml";
    fs::copy(root().join(manifest), hooks.path().join(manifest)).expect("the manifest is there");
    let revision = commit_all(hooks.path());
    succeed(command(&program, hooks.path()).args(["validate-manifest", manifest]));

    let config = |hook: &str| {
        let repository = hooks.path().display();
        format!("repos:\n- repo: {repository}\n  rev: {revision}\n  hooks: [{{id: {hook}}}]\n")
    };
    let home = directory(&[]);
    let run = |hook: &str, files: &[(&str, &str)]| {
        let project = directory(files);
        fs::write(project.path().join(".pre-commit-config.yaml"), config(hook)).expect("a file");
        commit_all(project.path());
        let mut run = command(&program, project.path());
        run.env("PRE_COMMIT_HOME", home.path())
            .args(["run", "--all-files", "--color", "never"]);
        let (good, text) = output(&mut run);
        (good, text, project)
    };
    let (good, text, _) = run(
        "tpc-lint-system",
        &[("hot.yaml", HOT), ("other.yaml", OTHER)],
    );
    assert!(
        !good && text.contains("hot.yaml:6:11: warning[TPC2401]"),
        "{text}"
    );
    assert!(!text.contains("other.yaml"), "{text}");
    let (good, text, _) = run("tpc-lint-system", &[("other.yaml", OTHER), ("a.txt", HOT)]);
    assert!(good, "{text}");
    let (good, text, project) = run(
        "tpc-lint-fix-system",
        &[("old.yaml", FIXABLE), ("other.yaml", OTHER)],
    );
    assert!(
        !good && text.contains("files were modified by this hook"),
        "{text}"
    );
    let fixed = fs::read_to_string(project.path().join("old.yaml")).expect("the file");
    assert!(
        fixed.starts_with("apiVersion: cilium.io/v1alpha1\n"),
        "{fixed}"
    );
}

#[test]
fn hooks_differ_in_how_tpc_comes_only() {
    let hooks = read(".pre-commit-hooks.yaml");
    let Value::Sequence(hooks) = &hooks.value else {
        panic!("a list of hooks")
    };
    for hook in hooks {
        let entry = text(hook, "entry");
        assert!(entry.starts_with("tpc lint"), "{entry}");
        let arguments: Vec<&str> = entry.split(' ').skip(1).collect();
        let (good, said) = output(
            command(env!("CARGO_BIN_EXE_tpc"), root())
                .args(arguments)
                .arg("--help"),
        );
        assert!(good, "{said}");
    }
    let built = |hook: &&Node| text(hook, "language") == "rust";
    assert_eq!(hooks.iter().filter(built).count() * 2, hooks.len());
}

/// A YAML file of the repository.
fn read(name: &str) -> Node {
    let text = fs::read_to_string(root().join(name)).expect("the file is there");
    let mut sink = Sink::new();
    let mut documents = tpc::yaml::parse(FileId(0), &text, &mut sink);
    assert!(!sink.has_errors(), "{name}: {:?}", sink.into_sorted());
    documents.remove(0).root.expect("a document")
}

#[track_caller]
fn at<'a>(node: &'a Node, key: &str) -> &'a Node {
    let Value::Mapping(mapping) = &node.value else {
        panic!("`{key}` of {}", node.describe())
    };
    &mapping
        .get(key)
        .unwrap_or_else(|| panic!("no `{key}`"))
        .value
}

#[track_caller]
fn text(node: &Node, key: &str) -> String {
    match &at(node, key).value {
        Value::Scalar(scalar) => scalar.text.clone(),
        _ => panic!("`{key}` is no text"),
    }
}

#[test]
fn the_action_runs() {
    let action = read("action.yml");
    assert_eq!(text(at(&action, "runs"), "using"), "composite");
    let Value::Sequence(steps) = &at(at(&action, "runs"), "steps").value else {
        panic!("steps")
    };
    let step = steps.first().expect("a step");
    let Value::Mapping(environment) = &at(step, "env").value else {
        panic!("variables of the step")
    };
    let names: Vec<&str> = environment
        .entries
        .iter()
        .map(|entry| entry.key.value.as_str())
        .collect();
    assert_eq!(names, ["TPC_PATHS", "TPC_ARGS", "TPC_SARIF", "TPC_VERSION"]);
    let project = directory(&[
        ("policies/hot.yaml", HOT),
        ("more/a b.yaml", OTHER),
        ("outputs", ""),
    ]);
    let run = |paths: &str, arguments: &str, sarif: &str| {
        let mut shell = command("bash", project.path());
        shell
            .args(["-c", &text(step, "run")])
            .env("GITHUB_ACTION_PATH", root())
            .env("GITHUB_OUTPUT", project.path().join("outputs"))
            .envs([
                ("TPC_PATHS", paths),
                ("TPC_ARGS", arguments),
                ("TPC_SARIF", sarif),
                ("TPC_VERSION", ""),
            ]);
        output(&mut shell)
    };
    let (good, said) = run("policies\nmore", "", "tpc.sarif");
    assert!(
        !good && said.starts_with("::warning file=policies/hot.yaml,line=6,"),
        "{said}"
    );
    let log = fs::read_to_string(project.path().join("tpc.sarif")).expect("the report");
    assert!(log.contains("\"2.1.0\"") && log.contains("TPC2401"));
    let outputs = fs::read_to_string(project.path().join("outputs")).expect("the outputs");
    assert_eq!(outputs, "sarif=tpc.sarif\n");
    let (good, said) = run(".", "--level cost=off --quiet", "");
    assert!(good && said.is_empty(), "{said}");
    let (good, said) = run("*.yaml", "", "");
    assert!(
        !good && said.contains("cannot read `*.yaml`"),
        "patterns are not expanded: {said}"
    );
}

#[test]
fn the_gitlab_job_runs() {
    let job = read("ci/gitlab.yml");
    let job = at(&job, "tpc-lint");
    let Value::Sequence(script) = &at(job, "script").value else {
        panic!("a script")
    };
    let lines: Vec<String> = script
        .iter()
        .map(|line| match &line.value {
            Value::Scalar(scalar) => scalar.text.clone(),
            _ => panic!("a line of the script is {}", line.describe()),
        })
        .collect();
    let project = directory(&[("policies/hot.yaml", HOT)]);
    let mut shell = command("sh", project.path());
    shell
        .args(["-ec", &lines.join("\n")])
        .env("TPC_PATHS", "policies/");
    let (good, said) = output(&mut shell);
    assert!(
        !good && said.contains("policies/hot.yaml:6:11: warning[TPC2401]"),
        "{said}"
    );
    let reports = at(at(job, "artifacts"), "reports");
    let report = |kind: &str| fs::read_to_string(project.path().join(text(reports, kind)));
    let issues: serde_json::Value =
        serde_json::from_str(&report("codequality").expect("the report")).expect("JSON");
    assert_eq!(issues[0]["location"]["path"], "policies/hot.yaml");
    assert!(
        report("junit")
            .expect("the report")
            .contains("<testsuite name=\"policies/hot.yaml\"")
    );
}

/// Whether output is what a page shows; a line `…` stands for any lines.
fn is_shown(shown: &[&str], said: &[&str]) -> bool {
    match shown.split_first() {
        None => said.is_empty(),
        Some((&"…", rest)) => (0..=said.len()).any(|skip| is_shown(rest, &said[skip..])),
        Some((line, rest)) => said.first() == Some(line) && is_shown(rest, &said[1..]),
    }
}

#[test]
fn the_commands_of_the_page_do_what_it_says() {
    let shell = [("bin/helm", "#!/bin/sh\ncat policies/mount.yaml\n")];
    run_page("docs/lint.md", "policies/mount.yaml", &shell);
}

#[test]
fn the_commands_of_the_page_about_kernels_do_what_it_says() {
    run_page("docs/kernels.md", "policies/guard.yaml", &[]);
}

/// Runs the commands of a page where its first policy lies at a path, each block in a directory of its own.
fn run_page(page: &str, path: &str, more: &[(&str, &str)]) {
    let page = fs::read_to_string(root().join(page)).expect("the page");
    let fenced = |language: &str| {
        let start = format!("```{language}\n");
        let blocks: Vec<&str> = page
            .split(&start)
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap_or(""))
            .collect();
        blocks
    };
    let policy = fenced("yaml")[0];
    let secrets = fs::read_to_string(root().join("tests/fixtures/secrets.yaml")).expect("a policy");
    let blocks = fenced("console");
    assert!(blocks.len() > 2);
    for block in blocks {
        // One screen has a policy of its own.
        let policy = match block.contains("secrets.yaml") {
            true => ("policies/secrets.yaml", &secrets[..]),
            false => (path, policy),
        };
        let project = directory(&[&[policy], more].concat());
        for (program, _) in more {
            succeed(command("chmod", project.path()).args(["+x", program]));
        }
        for step in block.split("$ ").skip(1) {
            let (line, shown) = step.split_once('\n').unwrap_or((step, ""));
            let (_, said) = output(
                command("bash", project.path())
                    .args(["-c", &format!("PATH=$PWD/bin:$PATH; {{ {line}; }} 2>&1")]),
            );
            let shown: Vec<&str> = shown.lines().collect();
            let said: Vec<&str> = said.lines().collect();
            assert!(is_shown(&shown, &said), "{line}\n{}", said.join("\n"));
        }
    }
}

#[test]
fn the_configuration_of_the_page_is_good() {
    let page = fs::read_to_string(root().join("docs/lint.md")).expect("the page");
    let toml = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let mut sources = tpc::diag::Sources::new();
    let file = sources.add("tpc.toml", toml.expect("an example"));
    assert!(tpc::config::read(file, &sources).is_ok());
}

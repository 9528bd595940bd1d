//! Every public policy that could be found: those that Tetragon accepts compile or are refused for a reason.
//!
//! A refusal is a part of the language that is not compiled yet, or is in [`REFUSED`] with its reason; what
//! Tetragon does not accept does not compile either, but for [`BEYOND`]. No file makes the compiler panic.
//!
//! Whether a file is a policy of the language, Tetragon's limits included, is what Tetragon says, but for what only
//! a node knows ([`OF_NODE`]) and for [`OTHERWISE`].

#[path = "shared/measured.rs"]
mod shared;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use rayon::prelude::*;
use tpc::check::facts;
use tpc::check::limits::{self, Effect};
use tpc::diag::{Diagnostic, code};

/// Of 487 policies that Tetragon accepts, at least so many compile.
const COMPILE: usize = 267;

/// Accepted by Tetragon, refused for another reason than a missing part of the language.
const REFUSED: &[(&str, &str)] = &[
    (
        "fork__ExceptionalHandler__tetragon/examples__policylibrary__bpf.yaml",
        "`returnArgAction: Post`, which Tetragon dropped; its verdict depended on the kernel",
    ),
    (
        "mcube8__tetragon-demo/01-process-ancestry__policy.yaml",
        "`filename` as a parameter of a system call: Tetragon reads rubbish",
    ),
    (
        "tetragon-gotest-rendered/uprobes--resolve-nested-anon-struct-L226.yaml",
        "misspelt field names (`BTFPath`), which escape Tetragon's schema",
    ),
    (
        "tetragon-gotest/server_test--TestConfigureTracingPolicyStoresModeInYAML-L79.yaml",
        "no hooks",
    ),
    (
        "tetragon-gotest/trace_bench_open--ConfigFilename-L76.yaml",
        "`char_buf` without a length: Tetragon reads nothing",
    ),
    (
        "tetragon-testdata-rendered/specs__sigkill_unprivileged_user_namespace.tmpl.yaml",
        "misspelt field name (`matchPids`), which escapes Tetragon's schema",
    ),
    (
        "tetragon-testdata-rendered/specs__sigkill_unprivileged_user_namespace_in_pid_namespace.tmpl.yaml",
        "misspelt field name (`matchPids`), which escapes Tetragon's schema",
    ),
    (
        "web-snippets/block-shell-no-args.yaml",
        "a filter on an argument that is not declared; Tetragon's verdict ended before",
    ),
];

/// Not accepted by Tetragon, compiled by tpc.
const BEYOND: &[(&str, &str)] = &[
    (
        "nmeisenzahl__prevent-your-k8s-from-being-hacked/tetragon__src__block-process-policy.yaml",
        "a function that newer kernels lack: the loader finds out",
    ),
    (
        "tetragon-gotest/kprobe_validation_test--TestKprobeMultiSymbolInstancesFail-L437.yaml",
        "two hooks on one function, a limit of kprobe.multi",
    ),
    (
        "tetragon-gotest/kprobe_validation_test--TestKprobeValidationWrongSyscallName-L180.yaml",
        "an unknown system call: a warning, and the loader finds out",
    ),
    (
        "tetragon-gotest/kprobe_validation_test--TestTracingPolicyTagsMax-L387.yaml",
        "more than 16 tags",
    ),
    (
        "tetragon-testdata/specs__syswrongargtype.yaml",
        "a type that is not the parameter's: Tetragon only warns",
    ),
    (
        "tetragon-testdata/specs__wrongargtype.yaml",
        "a type that is not the parameter's: Tetragon only warns",
    ),
];

/// Rejected by Tetragon for what the measuring node lacks; the language has nothing against them.
const OF_NODE: &[(&str, &str)] = &[
    (
        "nmeisenzahl__prevent-your-k8s-from-being-hacked/tetragon__src__block-process-policy.yaml",
        "a function of other kernels",
    ),
    (
        "tetragon-gotest-rendered/usdt_validation_test--TestUsdtValidationSetWrongReturnSize8B-L55.yaml",
        "an argument of a static probe with 8 bytes",
    ),
    (
        "tetragon-gotest/tracepoint_validation_test--TestTracepointValidationWrongSubsystem-L15.yaml",
        "a tracepoint that does not exist",
    ),
    (
        "web-snippets/privilege-escalation-dunder-sys.yaml",
        "functions of other kernels",
    ),
];

/// Judged otherwise than by Tetragon.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "fork__ExceptionalHandler__tetragon/examples__policylibrary__bpf.yaml",
        "`returnArgAction: Post`: Tetragon's verdict ended before, at a function that the node lacks",
    ),
    (
        "web-snippets/block-shell-no-args.yaml",
        "a filter on an argument that is not declared: Tetragon's verdict ended before, at `Override`",
    ),
];

/// A file of the corpus, and what Tetragon makes of it.
struct Entry {
    file: String,
    /// Whether its YAML passes the schema, as it is written.
    decodes: bool,
    /// Whether it loads then, its namespace put right; what the measuring node could not decide counts as loading.
    /// `None`: not measured.
    loads: Option<bool>,
    accepted: bool,
    /// Accepted once `metadata.namespace` is as the kind wants it.
    but_for_namespace: bool,
}

/// What tpc makes of it.
struct Outcome {
    compiled: bool,
    diagnostics: Vec<Diagnostic>,
}

fn entries(directory: &Path) -> Vec<Entry> {
    let table = shared::Table::read(&directory.join("INDEX.tsv"));
    let entry = |row: shared::Row<'_>| {
        let verdict = match row.get("tetragon_load") {
            "ok" | "env-limited" => Some(true),
            "rejected" => Some(false),
            _ => None,
        };
        let loads = verdict == Some(true) && row.get("intent") == "valid";
        let decodes = row.get("tetragon_crd") == "ok";
        Entry {
            file: row.get("file").to_owned(),
            decodes,
            loads: verdict,
            accepted: loads && decodes,
            but_for_namespace: loads && !decodes,
        }
    };
    table.rows().map(entry).collect()
}

fn compile(name: &str, bytes: &[u8]) -> Outcome {
    let mut read = shared::read(name, bytes);
    let mut compiled = !read.policies.is_empty();
    for policy in &read.policies {
        compiled &= tpc::compile::compile(policy, &read.sources, &mut read.sink).is_some();
    }
    let diagnostics = read.sink.into_sorted();
    shared::check_places(name, &diagnostics, &read.sources);
    let faulty = shared::errors(&diagnostics).next().is_some();
    assert!(
        faulty || compiled || read.policies.is_empty(),
        "{name}: refused without a word"
    );
    compiled &= !faulty;
    Outcome {
        compiled,
        diagnostics,
    }
}

/// The text with the namespace that its kind wants.
fn with_right_namespace(text: &str) -> String {
    let namespaced = text.contains("kind: TracingPolicyNamespaced");
    let has_one = |line: &&str| line.starts_with("  namespace:");
    let (first, rest): (&str, Vec<&str>) = if namespaced {
        (
            "  namespace: default\n",
            text.split_inclusive('\n').collect(),
        )
    } else {
        (
            "",
            text.split_inclusive('\n')
                .filter(|line| !has_one(line))
                .collect(),
        )
    };
    rest.concat()
        .replacen("metadata:\n", &format!("metadata:\n{first}"), 1)
}

fn outcome(directory: &Path, entry: &Entry) -> Outcome {
    let bytes = std::fs::read(directory.join(&entry.file)).expect("a file of the index");
    let outcome = compile(&entry.file, &bytes);
    if !entry.but_for_namespace {
        return outcome;
    }
    let text = String::from_utf8_lossy(&bytes);
    compile(&entry.file, with_right_namespace(&text).as_bytes())
}

/// Why a policy does not compile: the first thing that is not supported, or that it is listed.
fn reason(entry: &Entry, outcome: &Outcome) -> Option<String> {
    let errors: Vec<&Diagnostic> = shared::errors(&outcome.diagnostics).collect();
    let other = errors
        .iter()
        .find(|error| error.code != code::NOT_SUPPORTED);
    match (other, errors.first()) {
        (None, None) => None,
        (None, Some(first)) => Some(first.message.clone()),
        (Some(_), _) if is_listed(REFUSED, &entry.file) => Some("listed in this test".to_owned()),
        (Some(other), _) => panic!("{}: {}", entry.file, other.message),
    }
}

fn is_listed(list: &[(&str, &str)], file: &str) -> bool {
    list.iter().any(|(listed, _)| *listed == file)
}

fn table(compiled: usize, reasons: &BTreeMap<String, usize>) -> String {
    let refused: usize = reasons.values().sum();
    let mut table = format!("corpus: {compiled} compiled, {refused} refused\n");
    let mut rows: Vec<_> = reasons.iter().collect();
    rows.sort_by_key(|(reason, count)| (Reverse(**count), *reason));
    for (reason, count) in rows {
        writeln!(table, "{count:5}  {reason}").expect("a String grows");
    }
    table
}

#[test]
fn public_policies_compile_or_are_refused_for_a_reason() {
    let Some(directory) = shared::directory("TPC_CORPUS", "corpus") else {
        return;
    };
    let entries = entries(&directory);
    let each = |entry| outcome(&directory, entry);
    let outcomes: Vec<Outcome> = entries.par_iter().map(each).collect();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut compiled = 0;
    for (entry, outcome) in entries.iter().zip(&outcomes) {
        let file = &entry.file;
        if !entry.accepted && !entry.but_for_namespace {
            assert_eq!(
                outcome.compiled,
                is_listed(BEYOND, file),
                "{file}: compiled, not by Tetragon"
            );
            continue;
        }
        match reason(entry, outcome) {
            Some(reason) => *reasons.entry(reason).or_default() += 1,
            None => {
                assert!(
                    !is_listed(REFUSED, file),
                    "{file} compiles: take it off the list"
                );
                compiled += 1;
            }
        }
    }
    shared::show(&table(compiled, &reasons));
    assert!(
        compiled >= COMPILE,
        "{compiled} policies compile, {COMPILE} did before"
    );
}

/// What the language says of a text.
struct Verdict {
    /// The first error, or limit of Tetragon that is exceeded.
    error: Option<String>,
    /// Something is left for a node to say.
    asks: bool,
}

fn language(name: &str, bytes: &[u8]) -> Verdict {
    let mut read = shared::read(name, bytes);
    let Some(policy) = read.policies.first() else {
        let error = Some("no policy".to_owned());
        return Verdict { error, asks: false };
    };
    let judged = tpc::check::language(policy, &mut read.sink);
    let questions = facts::questions(&judged);
    let excess = limits::exceeded(&judged)
        .into_iter()
        // Measured on a kernel without kprobe.multi.
        .filter(|excess| excess.limit.only_with != Some("kprobe.multi"))
        .find(|excess| matches!(excess.limit.effect, Effect::Refused | Effect::Crashes));
    let diagnostics = read.sink.into_sorted();
    shared::check_places(name, &diagnostics, &read.sources);
    let error = shared::refusals(&diagnostics).next();
    let limit = excess.map(|excess| format!("beyond the limit `{}`", excess.limit.name));
    Verdict {
        error: error
            .map(|error| error.message.clone())
            .or(limit)
            .or_else(|| shared::unknown_to_kernels(name, bytes)),
        asks: questions.iter().any(|question| !question.optional),
    }
}

/// Tetragon's verdict and ours on a file: as it is written, and with its namespace put right.
fn verdicts(directory: &Path, entry: &Entry) -> Vec<(bool, Verdict)> {
    let bytes = std::fs::read(directory.join(&entry.file)).expect("a file of the index");
    let text = String::from_utf8_lossy(&bytes);
    let mut verdicts = Vec::new();
    if !entry.decodes {
        verdicts.push((false, language(&entry.file, &bytes)));
    }
    if let Some(loads) = entry.loads {
        let text = match entry.decodes {
            true => text.into_owned(),
            false => with_right_namespace(&text),
        };
        verdicts.push((loads, language(&entry.file, text.as_bytes())));
    }
    verdicts
}

#[test]
fn public_policies_are_of_the_language_as_tetragon_says() {
    let Some(directory) = shared::directory("TPC_CORPUS", "corpus") else {
        return;
    };
    let (mut compared, mut same, mut of_node) = (0, 0, 0);
    let mut differences = String::new();
    for entry in &entries(&directory) {
        for (accepted, verdict) in verdicts(&directory, entry) {
            let error = verdict.error.as_deref();
            compared += 1;
            if accepted == error.is_none() {
                same += 1;
            } else if is_listed(OF_NODE, &entry.file) {
                of_node += 1;
                assert!(error.is_none() && verdict.asks, "{}: {error:?}", entry.file);
            } else if !is_listed(OTHERWISE, &entry.file) {
                writeln!(differences, "{}: {accepted}, {error:?}", entry.file)
                    .expect("a String grows");
            }
        }
    }
    shared::show(&format!(
        "corpus: {same} of {compared} verdicts agree, {of_node} are the node's"
    ));
    assert!(differences.is_empty(), "{differences}");
    assert!((same + of_node) * 100 >= compared * 99);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tetragon.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let shown = format!("| public, {compared} verdicts | {same} (");
    assert!(page.contains(&shown), "docs/tetragon.md lacks `{shown}`");
    for (_, reason) in OF_NODE.iter().chain(OTHERWISE) {
        assert!(
            page.contains(&format!("| {reason} |")),
            "docs/tetragon.md lacks `{reason}`"
        );
    }
    let listed = (of_node, compared - same - of_node);
    assert_eq!(listed, (OF_NODE.len(), OTHERWISE.len()), "all are needed");
}

/// Whether the linter says that Tetragon refuses a text: errors of reading and of the language, limits, and
/// names that no kernel has.
fn lint_refuses(name: &str, text: &str) -> bool {
    let mut sources = tpc::diag::Sources::new();
    let file = sources.add(name, text);
    let outcome = tpc::lint::lint(file, &sources, &tpc::lint::Settings::default());
    let rules = [
        "refused-by-tetragon",
        "crash-of-tetragon",
        "unknown-kernel-name",
    ];
    let rules = rules.map(|name| tpc::lint::by_name(name).map(|rule| rule.code));
    let refuses = |one: &Diagnostic| one.code.0 < 2000 || rules.contains(&Some(one.code));
    let mut errors = shared::errors(&outcome.diagnostics);
    errors.any(refuses) || outcome.policies == 0
}

#[test]
fn the_linter_says_what_the_language_says() {
    let Some(directory) = shared::directory("TPC_CORPUS", "corpus") else {
        return;
    };
    let mut compared = 0;
    for entry in &entries(&directory) {
        let bytes = std::fs::read(directory.join(&entry.file)).expect("a file of the index");
        let Ok(text) = std::str::from_utf8(&bytes) else {
            continue;
        };
        let language = language(&entry.file, &bytes).error;
        compared += 1;
        assert_eq!(
            lint_refuses(&entry.file, text),
            language.is_some(),
            "{}: {language:?}",
            entry.file
        );
    }
    assert!(compared > 600, "{compared}");
}

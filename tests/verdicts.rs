//! What tpc and Tetragon say about the same 33,439 generated policies.
//!
//! Tetragon's verdicts were measured by running its loader. The two may differ in two ways only, both listed here:
//! what Tetragon rejects compiles where a limit of Tetragon's interpreter does not exist ([`LIFTED`]); what
//! Tetragon accepts is refused where it would do nothing, or something else than it says ([`REFUSED`]). The
//! numbers of each class are pinned in `golden/verdicts.snap`.

#[path = "shared/measured.rs"]
mod shared;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use rayon::prelude::*;
use tpc::diag::{Code, Diagnostic, code};

/// Rejected by Tetragon with a text like this, compiled by tpc.
const LIFTED: &[(&str, &str)] = &[
    (
        "kprobe_multi",
        "kprobe.multi: one hook for each function, no `Override`",
    ),
    ("Index 5 out of bounds", "six parameters, not five"),
    ("too many arguments", "any number of arguments"),
    ("supports up to 5 filters", "any number of filters"),
    ("supports up to 10 filters", "any number of filters"),
    ("should have at most 1 items", "any number of filters"),
    (
        "does not support more than 4 values",
        "any number of values",
    ),
    (
        "PANIC: runtime error: index out of range [4096]",
        "any number of values",
    ),
    ("no more than 5 selectors", "any number of selectors"),
    ("only 3 actions", "any number of actions"),
    ("is longer than", "texts of up to 4096 bytes"),
    (
        "failed to write the prefix operator",
        "texts of up to 4096 bytes",
    ),
    ("names > 255 chars", "texts of up to 4096 bytes"),
    ("string is too long", "texts of up to 4096 bytes"),
    ("too short", "messages and tags of one character"),
    (
        "CAP_DAC_OVERRIDE unknown",
        "the kernel's name of a capability",
    ),
    ("namespace failed", "`host_ns` of every namespace"),
    ("type filename unsupported", "filters on `filename`"),
    ("range out of range", "ranges are cut to the type"),
    ("writeMatchValuesIntervals", "ranges are cut to the type"),
    ("value out of range", "`size_t` has 64 bits"),
    (
        "pre-validation failed",
        "functions that a kernel lacks: the loader finds out",
    ),
    // Files and metadata, which tpc does not read as Kubernetes does.
    ("metadata.", "metadata beyond names, namespaces and labels"),
    (
        "cannot unmarshal",
        "metadata beyond names, namespaces and labels",
    ),
    (
        "parsing time",
        "metadata beyond names, namespaces and labels",
    ),
    (
        "Object 'Kind' is missing",
        "any `apiVersion`, with a warning",
    ),
    ("unknown CRD kind", "empty documents before the policy"),
    ("incompatible YAML document", "`%YAML` of other versions"),
    ("Unicode character escape", "pairs of escaped surrogates"),
];

/// Accepted by Tetragon, refused by tpc with a message like this.
const REFUSED: &[(Code, &str, &str)] = &[
    (code::ENCODING, "", "control characters"),
    (code::SYNTAX, "", "text behind the end of a document"),
    (code::YAML_UNSUPPORTED, "", "YAML tags"),
    (code::WRONG_TYPE, "", "line separators of Unicode"),
    (
        code::UNKNOWN_FIELD,
        "",
        "field names in the wrong case: Tetragon's schema does not see them",
    ),
    (code::BAD_CALL, "", "no function: hidden by `callNotFound`"),
    (
        code::BAD_ARGUMENT,
        "no length",
        "a buffer without a length: nothing is read",
    ),
    (
        code::BAD_ARGUMENT,
        "`sizeArgIndex` is beyond",
        "a buffer without a length: nothing is read",
    ),
    (
        code::BAD_OPERATOR,
        "",
        "an operator that is always or never true on the type",
    ),
    (
        code::BAD_VALUE,
        "is not between",
        "a number that the value cannot have",
    ),
    (code::BAD_VALUE, "end is below its start", "an empty range"),
    (code::BAD_VALUE, "at least one character", "an empty text"),
    (
        code::BAD_VALUE,
        "address",
        "an address with a zone, which is dropped",
    ),
    (code::NO_VALUES, "", "a filter without values"),
    (code::BAD_ACTION, "signal", "`Signal` without a signal"),
    (
        code::BAD_ACTION,
        "no error to return",
        "`Override` without an error",
    ),
    (
        code::BAD_ACTION,
        "is not an error",
        "`Override` with no error of the kernel's",
    ),
    (
        code::BAD_ACTION,
        "has no effect on",
        "parameters of other actions",
    ),
    (
        code::NO_EFFECT,
        "takes no values",
        "values that are ignored",
    ),
    (
        code::NO_EFFECT,
        "further positions",
        "positions that are ignored",
    ),
    (
        code::NO_EFFECT,
        "does not see return values",
        "`matchReturnArgs` without `return`",
    ),
    (code::NO_HOOKS, "", "a policy without hooks"),
    (
        code::BAD_OPTION,
        "",
        "options that are unknown or given twice",
    ),
];

/// A policy with Tetragon's verdict.
struct Case {
    id: String,
    accepted: bool,
    error: String,
    text: Vec<u8>,
}

/// What tpc says about it.
struct Judged {
    /// The policy's meaning as text, if it has no errors.
    meaning: Option<String>,
    diagnostics: Vec<Diagnostic>,
}

fn cases(directory: &Path) -> Vec<Case> {
    let mut texts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let files = std::fs::read_dir(directory.join("cases")).expect("a directory of cases");
    for path in files.map(|entry| entry.expect("an entry").path()) {
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            split(
                &std::fs::read(&path).expect("a stream of cases"),
                &mut texts,
            );
        }
    }
    let raw = std::fs::read_dir(directory.join("cases/raw")).expect("a directory of files");
    for path in raw.map(|entry| entry.expect("an entry").path()) {
        let id = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        texts.insert(id, std::fs::read(&path).expect("a file"));
    }
    let table = shared::Table::read(&directory.join("VERDICTS.tsv"));
    let case = |row: shared::Row<'_>| Case {
        id: row.get("id").to_owned(),
        accepted: row.get("crd") == "ok" && row.get("load") == "ok",
        error: row.get("error").to_owned(),
        text: texts
            .remove(row.get("id"))
            .unwrap_or_else(|| panic!("no text of {}", row.get("id"))),
    };
    table.rows().map(case).collect()
}

/// Takes a stream apart: each case starts with a line `--- # case ID`.
fn split(stream: &[u8], texts: &mut BTreeMap<String, Vec<u8>>) {
    const MARK: &[u8] = b"--- # case ";
    let mut current: Option<&mut Vec<u8>> = None;
    for line in stream.split_inclusive(|byte| *byte == b'\n') {
        if let Some(id) = line.strip_prefix(MARK) {
            let id = String::from_utf8_lossy(id).trim_end().to_owned();
            current = Some(texts.entry(id).or_default());
        } else if let Some(text) = current.as_deref_mut() {
            text.extend_from_slice(line);
        }
    }
}

/// Checks the first policy of a case: Tetragon reads no more.
fn judge(case: &Case) -> Judged {
    let mut read = shared::read(&case.id, &case.text);
    let policy = read.policies.first();
    let checked = policy.and_then(|policy| tpc::check::check(policy, &mut read.sink));
    let diagnostics = read.sink.into_sorted();
    shared::check_places(&case.id, &diagnostics, &read.sources);
    let sound = checked.filter(|_| shared::errors(&diagnostics).next().is_none());
    let meaning = sound.map(|checked| tpc::lower::lower(&checked).to_string());
    let said = !diagnostics.is_empty() || read.policies.is_empty();
    assert!(
        meaning.is_some() || said,
        "{}: refused without a word",
        case.id
    );
    Judged {
        meaning,
        diagnostics,
    }
}

/// Compiles one policy of each meaning, where numbers do not count.
fn compile_distinct(cases: &[Case], judged: &[Judged]) -> usize {
    let mut distinct: BTreeMap<String, &Case> = BTreeMap::new();
    for (case, judged) in cases.iter().zip(judged) {
        if let Some(meaning) = &judged.meaning {
            let shape = meaning.replace(|c: char| c.is_ascii_digit(), "");
            distinct.entry(shape).or_insert(case);
        }
    }
    distinct.par_iter().for_each(|(_, case)| {
        let mut read = shared::read(&case.id, &case.text);
        let policy = read.policies.first().expect("it was checked");
        let compiled = tpc::compile::compile(policy, &read.sources, &mut read.sink);
        assert!(
            compiled.is_some(),
            "{}: {:?}",
            case.id,
            read.sink.into_sorted()
        );
    });
    distinct.len()
}

/// How the two verdicts go together.
fn class(case: &Case, judged: &Judged) -> String {
    let other = shared::errors(&judged.diagnostics).find(|error| error.code != code::NOT_SUPPORTED);
    match (case.accepted, &judged.meaning, other) {
        (true, Some(_), _) => "both accept".to_owned(),
        (false, None, _) => "both reject".to_owned(),
        (true, None, None) => "not supported yet".to_owned(),
        (false, Some(_), _) => {
            let row = LIFTED
                .iter()
                .find(|(needle, _)| case.error.contains(needle));
            let (_, reason) = row.unwrap_or_else(|| panic!("{} compiles: {}", case.id, case.error));
            format!("only tpc accepts: {reason}")
        }
        (true, None, Some(error)) => {
            let fits =
                |code: Code, needle: &str| error.code == code && error.message.contains(needle);
            let row = REFUSED.iter().find(|(code, needle, _)| fits(*code, needle));
            let (_, _, reason) =
                row.unwrap_or_else(|| panic!("{} is refused: {}", case.id, error.message));
            format!("only Tetragon accepts: {reason}")
        }
    }
}

#[test]
fn tetragon_and_tpc_agree() {
    let Some(directory) = shared::directory("TPC_VERDICTS", "verdicts") else {
        return;
    };
    let cases = cases(&directory);
    let judged: Vec<Judged> = cases.par_iter().map(judge).collect();
    let distinct = compile_distinct(&cases, &judged);
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    for (case, judged) in cases.iter().zip(&judged) {
        *classes.entry(class(case, judged)).or_default() += 1;
    }
    let mut table = format!(
        "{} policies, {distinct} of different shape compiled\n",
        cases.len()
    );
    for (class, count) in &classes {
        writeln!(table, "{count:6}  {class}").expect("a String grows");
    }
    shared::show(&table);
    insta::with_settings!({
        snapshot_path => "golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("verdicts", table);
    });
    for (_, reason) in LIFTED {
        assert!(
            classes.contains_key(&format!("only tpc accepts: {reason}")),
            "unused: {reason}"
        );
    }
    for (_, _, reason) in REFUSED {
        assert!(
            classes.contains_key(&format!("only Tetragon accepts: {reason}")),
            "unused: {reason}"
        );
    }
}

//! What tpc and Tetragon say about the same 33,439 generated policies.
//!
//! Tetragon's verdicts were measured by running its loader. Two questions are compared with them:
//!
//! * Is it a policy of the language (`check::language`)? With Tetragon's limits (`check::limits`) counted as errors,
//!   the verdicts agree, but for what only a node knows ([`OF_NODE`]: then the right question must have been asked),
//!   and for [`ELSEWHERE`]. Errors stand where the policy was changed ([`PLACES`]).
//! * Does it compile (`check::check`)? What Tetragon rejects compiles where a limit of its interpreter does not exist
//!   ([`LIFTED`]); what Tetragon accepts is refused where it would do nothing, or something else than it says
//!   ([`REFUSED`]), or is not compiled yet.
//!
//! Every difference is in a list here, with its reason; the numbers are pinned in `golden/`.

#[path = "shared/cases.rs"]
mod cases;
#[path = "shared/measured.rs"]
mod shared;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use cases::Case;
use rayon::prelude::*;
use tpc::check::facts::{self, About, Feature};
use tpc::check::limits::{self, Effect, Excess};
use tpc::diag::{Code, Diagnostic, Sink, Sources, Span, code};
use tpc::yaml::{Node, Value};

/// `None`: the measured verdicts are not here.
static CASES: LazyLock<Option<Vec<Case>>> = LazyLock::new(|| {
    let directory = shared::directory("TPC_VERDICTS", "verdicts")?;
    Some(cases::cases(&directory))
});

/// What a question must be about.
type Asks = fn(&About<'_>) -> bool;

/// Rejected by Tetragon for something that the measuring node lacks, with texts like these: the question that must
/// have been asked, and its name.
const OF_NODE: &[(&[&str], Asks, &str)] = &[
    (
        &["pre-validation failed"],
        |about| matches!(about, About::Function(_) | About::Machine(_)),
        "functions of the kernel, system calls of its machine",
    ),
    (
        &[
            "register argument 'w",
            "register argument 'pc",
            "register 'x0",
        ],
        |about| matches!(about, About::Machine(_)),
        "registers of another machine",
    ),
    (
        &["ftrace:"],
        |about| matches!(about, About::Functions(_)),
        "functions that match a pattern",
    ),
    (
        &[
            "error on hook",
            "current_task source",
            "in structure",
            "Arg(0) type",
            "valid BTF header",
            "^not found",
        ],
        |about| matches!(about, About::Member { .. }),
        "members of structures",
    ),
    (
        &["not supported: failed to parse"],
        |about| matches!(about, About::Tracepoint { .. }),
        "tracepoints",
    ),
    (
        &["fields but field", "output argument"],
        |about| matches!(about, About::Field { .. }),
        "fields of tracepoints",
    ),
    (
        &["digest verification failed"],
        |about| matches!(about, About::Digest { .. }),
        "digests of programs",
    ),
    (
        &["failed to find", "failed to resolve"],
        |about| matches!(about, About::Place { .. }),
        "places in programs",
    ),
    (
        &["not found in the binary"],
        |about| matches!(about, About::Probe { .. }),
        "static probes of programs",
    ),
    (
        &["argument index", "set action argument"],
        |about| matches!(about, About::ProbeArgument { .. }),
        "arguments of static probes",
    ),
    (
        &[
            "no such file",
            "is a directory",
            "bad magic number",
            "EOF",
            "failed to parse ELF",
        ],
        |about| matches!(about, About::Program(_)),
        "programs",
    ),
    (
        &["parents map"],
        |about| matches!(about, About::Feature(Feature::ParentBinaries)),
        "an agent that keeps the binaries of parents",
    ),
];

/// Where the verdicts differ for another reason: group, what Tetragon's or tpc's message contains, the reason.
/// Files and metadata are read before the language is judged.
const ELSEWHERE: &[(bool, &str, &str, &str)] = &[
    // Accepted by Tetragon.
    (
        true,
        "doc",
        "the spec has no field `zz`",
        "read: a second policy in the file",
    ),
    (
        true,
        "",
        "the metadata has no field",
        "read: names of metadata in the wrong case",
    ),
    (
        true,
        "doc",
        "not allowed in YAML",
        "read: a byte order mark inside the file",
    ),
    (
        true,
        "doc",
        "is not closed",
        "read: text behind the end of a document",
    ),
    (
        true,
        "doc",
        "expected <document start>",
        "read: text behind the end of a document",
    ),
    (true, "", "tag `!!binary`", "read: YAML tags"),
    (
        true,
        "doc",
        "must be true or false",
        "read: line separators of Unicode",
    ),
    (
        true,
        "digest",
        "is no digest",
        "digests that Tetragon does not look at, for one before them matches",
    ),
    (
        true,
        "dupsym",
        "",
        "two hooks on one function, which the measuring node lacks",
    ),
    // Rejected by Tetragon.
    (
        false,
        "doc",
        "metadata.",
        "read: metadata beyond names, namespaces and labels",
    ),
    (
        false,
        "doc",
        "cannot unmarshal",
        "read: metadata beyond names, namespaces and labels",
    ),
    (
        false,
        "doc",
        "parsing time",
        "read: metadata beyond names, namespaces and labels",
    ),
    (
        false,
        "doc",
        "Object 'Kind' is missing",
        "read: any `apiVersion`, with a warning",
    ),
    (
        false,
        "doc",
        "unknown CRD kind",
        "read: empty documents before the policy",
    ),
    (
        false,
        "doc",
        "incompatible YAML document",
        "read: `%YAML` of other versions",
    ),
    (
        false,
        "elem",
        "Unicode character escape",
        "read: pairs of escaped surrogates",
    ),
    (
        false,
        "lsel",
        "hostSelector",
        "an empty list in `hostSelector`, which means nothing",
    ),
    (
        false,
        "argpos",
        "type string unsupported",
        "numbers of fields that Tetragon translates twice",
    ),
];

/// Which part of the policy the cases of a group change; an error must lie in a field of one of these names.
const PLACES: &[(&str, &[&str])] = &[
    ("act", &["matchActions", "matchReturnActions", "macros"]),
    ("argnew", &["matchActions", "matchReturnActions"]),
    (
        "argpos",
        &["args", "data", "matchArgs", "matchData", "matchReturnArgs"],
    ),
    ("bin", &["matchBinaries", "matchParentBinaries"]),
    ("cap", &["values"]),
    ("capgain", &["matchArgs", "matchReturnArgs"]),
    ("caps", &["matchCapabilities", "matchCapabilityChanges"]),
    ("cel", &["values", "matchArgs", "type"]),
    ("count", &["matchArgs", "matchReturnArgs"]),
    ("digest", &["binaryDigests"]),
    ("enf", &["enforcers", "options", "action"]),
    ("kpname", &["call"]),
    ("list", &["lists", "call", "values", "calls"]),
    ("lsmhook", &["hook", "matchReturnArgs"]),
    ("macro", &["macros", "selectorsMacros", "selectors"]),
    ("name", &["values", "operator"]),
    ("net", &["values", "operator"]),
    ("ns", &["matchNamespaces"]),
    ("nschg", &["matchNamespaceChanges"]),
    ("num", &["values", "operator"]),
    ("opt", &["options"]),
    ("rate", &["rateLimit", "rateLimitScope"]),
    ("reg", &["args", "data"]),
    ("regs", &["argRegs"]),
    ("resolve", &["args", "data"]),
    ("retact", &["returnArgAction"]),
    ("rettype", &["return", "returnArg"]),
    ("set", &["argIndex", "action"]),
    ("str", &["values", "operator"]),
    ("tpname", &["subsystem", "event"]),
    ("tpsize", &["args"]),
    ("type", &["args", "data", "returnArg"]),
    ("uaddr", &["uprobes", "usdts"]),
    (
        "wl",
        &[
            "hostSelector",
            "podSelector",
            "uprobes",
            "usdts",
            "loader",
            "matchWorkloads",
        ],
    ),
];

/// What is said of a policy's language.
struct Read {
    diagnostics: Vec<Diagnostic>,
    excesses: Vec<Excess>,
    /// What no known kernel has.
    unknown: Option<String>,
    /// Names of the questions of [`OF_NODE`] that were asked.
    asked: Vec<&'static str>,
    has_policy: bool,
}

impl Read {
    fn is_of_the_language(&self) -> bool {
        self.has_policy && shared::refusals(&self.diagnostics).next().is_none()
    }

    /// Whether Tetragon would load it, as far as the text decides it.
    fn is_within_limits(&self) -> bool {
        let stops =
            |excess: &Excess| matches!(excess.limit.effect, Effect::Refused | Effect::Crashes);
        !self.excesses.iter().any(stops)
    }

    fn verdict(&self) -> bool {
        self.is_of_the_language() && self.is_within_limits() && self.unknown.is_none()
    }
}

/// Reads the first policy of a case: Tetragon reads no more.
fn read(case: &Case) -> Read {
    let mut read = shared::read(&case.id, &case.text);
    let policy = read.policies.first();
    let judged = policy.map(|policy| tpc::check::language(policy, &mut read.sink));
    let questions = judged.as_ref().map_or_else(Vec::new, facts::questions);
    let asked = OF_NODE.iter().filter(|(_, asks, _)| {
        questions
            .iter()
            .any(|question| !question.optional && asks(&question.about))
    });
    let asked = asked.map(|(_, _, name)| *name).collect();
    let unknown = match questions.is_empty() {
        true => None,
        false => shared::unknown_to_kernels(&case.id, &case.text),
    };
    let excesses = judged.as_ref().map_or_else(Vec::new, limits::exceeded);
    let has_policy = judged.is_some();
    let diagnostics = std::mem::take(&mut read.sink).into_sorted();
    shared::check_places(&case.id, &diagnostics, &read.sources);
    for excess in &excesses {
        assert!(
            !read.sources.slice(excess.span).is_empty() || excess.found == 0,
            "{}",
            case.id
        );
    }
    if !case.accepted {
        place(
            case,
            &diagnostics,
            policy.map(|policy| policy.span),
            &read.sources,
        );
    }
    Read {
        diagnostics,
        excesses,
        unknown,
        asked,
        has_policy,
    }
}

/// Why the verdicts differ.
fn difference(case: &Case, read: &Read) -> String {
    let error = shared::refusals(&read.diagnostics).next();
    let message = match case.accepted {
        true => error.map_or(read.unknown.as_deref().unwrap_or(""), |error| {
            &error.message
        }),
        false => &case.error,
    };
    let has = |needle: &str| match needle.strip_prefix('^') {
        Some(start) => message.starts_with(start),
        None => message.contains(needle),
    };
    let codes = read.diagnostics.iter().map(|one| one.code);
    if codes.into_iter().any(|code| code == code::MISCASED_FIELD) {
        return "read: what a field in the wrong case holds".to_owned();
    }
    let elsewhere = ELSEWHERE.iter().find(|(accepted, group, needle, _)| {
        *accepted == case.accepted && case.group.contains(group) && has(needle)
    });
    if let Some((_, _, _, reason)) = elsewhere {
        return (*reason).to_owned();
    }
    let of_node = OF_NODE
        .iter()
        .find(|(needles, _, _)| needles.iter().any(|needle| has(needle)));
    match of_node.filter(|_| !case.accepted) {
        Some((_, _, name)) if read.asked.contains(name) => format!("of the node: {name}"),
        Some((_, _, name)) => panic!("{}: nothing asks about {name}: {message}", case.id),
        None => panic!(
            "{} is accepted: {}, by Tetragon: {}: {message}",
            case.id,
            read.verdict(),
            case.accepted
        ),
    }
}

/// Checks that an error stands in the part that the case changes.
fn place(case: &Case, diagnostics: &[Diagnostic], document: Option<Span>, sources: &Sources) {
    let errors = shared::refusals(diagnostics).filter(|error| error.code.0 >= 1000);
    let spans = errors.flat_map(|error| {
        let related = error.related.iter().map(|(span, _)| *span);
        error.span.into_iter().chain(related)
    });
    let spans: Vec<Span> = spans.collect();
    let Some(document) = document.filter(|_| !spans.is_empty()) else {
        return;
    };
    let text = sources.text(document.file);
    let documents = tpc::yaml::parse(document.file, text, &mut Sink::new());
    let mut roots = documents
        .iter()
        .filter_map(|document| document.root.as_ref());
    let Some(root) = roots.find(|root| is_inside(document, root.span)) else {
        return;
    };
    let paths: Vec<Vec<String>> = spans.into_iter().map(|span| path(root, span)).collect();
    let row = PLACES.iter().find(|(group, _)| *group == case.group);
    let passes = |path: &[String], names: &[&str]| path.iter().any(|step| names.contains(&&**step));
    let good = match (row, changed(case)) {
        (Some((_, names)), _) => paths.iter().any(|path| passes(path, names)),
        (None, Some(changed)) => paths.iter().any(|path| concerns(path, &changed)),
        (None, None) => true,
    };
    assert!(
        good,
        "{}: no error where the change is, but at {paths:?}",
        case.id
    );
}

/// The part that a case of the group `schema` changes: `schema-kprobe.kprobes.0.call-as-str`.
fn changed(case: &Case) -> Option<Vec<String>> {
    let (_, rest) = case.id.strip_prefix("schema-")?.split_once('.')?;
    let path = rest.split('-').next()?;
    let mut steps: Vec<String> = path.split('.').map(str::to_owned).collect();
    if steps
        .first()
        .is_none_or(|first| !["metadata", "kind", "spec"].contains(&first.as_str()))
    {
        steps.insert(0, "spec".to_owned());
    }
    Some(steps)
}

/// Whether an error has to do with a changed part: it lies in the same hook, in the part itself, or what it says
/// leads there by a name.
fn concerns(path: &[String], changed: &[String]) -> bool {
    const NAMED: [&str; 2] = ["selectorsMacros", "lists"];
    let entry = |path: &[String]| path.iter().take(3).cloned().collect::<Vec<_>>();
    let by_name = changed.iter().any(|step| NAMED.contains(&step.as_str()));
    entry(path) == entry(changed)
        || path.starts_with(changed)
        || changed.starts_with(path)
        || by_name
}

fn is_inside(inner: Span, outer: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// The way from a node to what a span marks.
fn path(root: &Node, span: Span) -> Vec<String> {
    let mut steps = Vec::new();
    let mut node = root;
    loop {
        let next = match &node.value {
            Value::Mapping(mapping) => mapping.entries.iter().find_map(|entry| {
                let inside = is_inside(span, entry.key.span) || is_inside(span, entry.value.span);
                inside.then(|| (entry.key.value.clone(), &entry.value))
            }),
            Value::Sequence(items) => {
                let at = items.iter().position(|item| is_inside(span, item.span));
                at.and_then(|at| Some((at.to_string(), items.get(at)?)))
            }
            Value::Scalar(_) | Value::Bad => None,
        };
        let Some((step, inner)) = next else {
            return steps;
        };
        steps.push(step);
        node = inner;
    }
}

#[test]
fn tetragon_and_the_language_agree() {
    let Some(cases) = CASES.as_ref() else { return };
    let reads: Vec<Read> = cases.par_iter().map(read).collect();
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    let (mut plain, mut within) = (0, 0);
    for (case, read) in cases.iter().zip(&reads) {
        plain += usize::from(read.is_of_the_language() == case.accepted);
        within += usize::from(read.verdict() == case.accepted);
        let class = match (case.accepted, read.verdict()) {
            (true, true) => "both accept".to_owned(),
            (false, false) if !read.is_of_the_language() => "both reject".to_owned(),
            (false, false) if read.is_within_limits() => {
                "both reject, for what no kernel has".to_owned()
            }
            (false, false) => "both reject, by a limit".to_owned(),
            _ => format!("differ, {}", difference(case, read)),
        };
        *classes.entry(class).or_default() += 1;
    }
    let table = shares(cases.len(), plain, within, &classes);
    on_the_page(&table, &classes);
    pin("language", table, &classes);
    let is_used = |reason: &str| classes.keys().any(|class| class.contains(reason));
    for reason in OF_NODE
        .iter()
        .map(|row| row.2)
        .chain(ELSEWHERE.iter().map(|row| row.3))
    {
        assert!(is_used(reason), "unused: {reason}");
    }
}

/// How much of the verdicts is the same; with the node's answers it must be nearly all.
fn shares(all: usize, plain: usize, within: usize, classes: &BTreeMap<String, usize>) -> String {
    let of_node = classes
        .iter()
        .filter(|(class, _)| class.contains("of the node"));
    let answered = within + of_node.map(|(_, count)| count).sum::<usize>();
    let mut table = format!("{all} policies\n");
    for (same, what) in [
        (plain, "on the language alone"),
        (within, "with Tetragon's limits and what no kernel has"),
        (answered, "with what the node says"),
    ] {
        let share = same as f64 * 100.0 / all as f64;
        writeln!(table, "{share:5.2} % agree {what}").expect("a String grows");
    }
    assert!(answered * 100 >= all * 99, "{table}");
    table
}

/// Checks that `docs/tetragon.md` has every difference with its count, and the shares.
fn on_the_page(table: &str, classes: &BTreeMap<String, usize>) {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tetragon.md");
    let page = std::fs::read_to_string(page).expect("the page");
    for (class, count) in classes {
        if let Some(class) = class.strip_prefix("differ, ") {
            let row = format!("| {count} | {class} |");
            assert!(page.contains(&row), "docs/tetragon.md lacks `{row}`");
        }
    }
    for share in table
        .lines()
        .skip(2)
        .filter_map(|line| line.split(" %").next())
    {
        assert!(
            page.contains(&format!("{share} %")),
            "docs/tetragon.md lacks {share} %"
        );
    }
}

/// Compares a table with the one in `golden/`.
fn pin(name: &str, mut table: String, classes: &BTreeMap<String, usize>) {
    for (class, count) in classes {
        writeln!(table, "{count:6}  {class}").expect("a String grows");
    }
    shared::show(&table);
    insta::with_settings!({
        snapshot_path => "golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, table);
    });
}

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
        "names of metadata in the wrong case",
    ),
    (
        code::MISCASED_FIELD,
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
    (
        code::BAD_VALUE,
        "is no digest",
        "digests that Tetragon does not look at",
    ),
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
        "make a security check fail",
        "`Override` of a security check with success",
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

/// What tpc says about it.
struct Judged {
    /// The policy's meaning as text, if it has no errors.
    meaning: Option<String>,
    diagnostics: Vec<Diagnostic>,
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
fn tetragon_and_the_compiler_agree() {
    let Some(cases) = CASES.as_ref() else { return };
    let judged: Vec<Judged> = cases.par_iter().map(judge).collect();
    let distinct = compile_distinct(cases, &judged);
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    for (case, judged) in cases.iter().zip(&judged) {
        *classes.entry(class(case, judged)).or_default() += 1;
    }
    let table = format!(
        "{} policies, {distinct} of different shape compiled\n",
        cases.len()
    );
    pin("verdicts", table, &classes);
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

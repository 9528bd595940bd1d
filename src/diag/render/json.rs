//! One JSON document for a run.
//!
//! `version` changes when a field changes its meaning or goes away; new fields do not
//! change it. The schema in `schema/lint.json` is generated from these types.

use serde::Serialize;

use super::{Hooking, Report};
use crate::diag::{Applicability, Diagnostic, Fix, Severity, Sources, Span};

/// Version of the document's form.
const VERSION: u32 = 1;

/// The problems of a run.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
pub struct Document {
    /// Version of this form; readers ignore fields that they do not know.
    version: u32,
    errors: usize,
    warnings: usize,
    notes: usize,
    /// Findings that comments in the files ask to ignore.
    ignored: usize,
    /// Findings that the baseline has.
    known: usize,
    /// Names of the files that were judged.
    files: Vec<String>,
    /// In the order of the files, then of their places.
    diagnostics: Vec<Entry>,
    /// How each hook gets into each kernel; absent without kernels.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    hooks: Vec<OnKernel>,
}

/// A hook on a kernel.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
struct OnKernel {
    policy: String,
    /// The function, tracepoint or decision.
    hook: String,
    place: Place,
    /// As the run was told it.
    kernel: String,
    /// What runs the policy: `tetragon` or `tpc`.
    target: &'static str,
    works: bool,
    /// `fentry`, `kprobe.multi`, or why not.
    how: String,
}

/// One problem.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
pub struct Entry {
    /// `TPC2001`; `tpc explain CODE` says more.
    code: String,
    /// `duplicate-list-name`.
    name: String,
    severity: Level,
    message: String,
    place: Option<Place>,
    /// What the marked text is.
    label: Option<String>,
    /// Other places that explain this one.
    related: Vec<Related>,
    /// What to write instead.
    help: Option<String>,
    /// The same as long as the code, the file and the marked text are, wherever it moves.
    fingerprint: String,
    /// Edits that remove the problem.
    fix: Option<Change>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warning,
    Note,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
struct Related {
    place: Place,
    message: String,
}

/// Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
struct Place {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    /// Offset in bytes of the text without its byte order mark.
    start: u32,
    /// Offset in bytes of the place after it.
    end: u32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
struct Change {
    /// What the edits do.
    title: String,
    /// Whether `--fix` applies it without `--unsafe-fixes`.
    safe: bool,
    /// Made together or not at all.
    edits: Vec<Replacement>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
struct Replacement {
    place: Place,
    /// The new text of the place.
    text: String,
}

/// Renders the whole list as one indented JSON document with a final newline.
pub fn json(report: &Report<'_>) -> String {
    let document = Document {
        version: VERSION,
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        notes: report.count(Severity::Note),
        ignored: report.hidden.ignored,
        known: report.hidden.known,
        files: report
            .files
            .iter()
            .map(|&file| report.sources.name(file).to_owned())
            .collect(),
        diagnostics: entries(report),
        hooks: report
            .hookings
            .iter()
            .map(|one| on_kernel(one, report.sources))
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).expect("the report has only text keys");
    text.push('\n');
    text
}

/// The problems alone, for documents that say more.
pub fn entries(report: &Report<'_>) -> Vec<Entry> {
    let with_fingerprint = report.diagnostics.iter().zip(report.fingerprints());
    with_fingerprint
        .map(|(diagnostic, fingerprint)| entry(diagnostic, fingerprint, report))
        .collect()
}

/// JSON Schema of the document.
#[cfg(feature = "compiler")]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Document);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}

fn entry(diagnostic: &Diagnostic, fingerprint: String, report: &Report<'_>) -> Entry {
    let sources = report.sources;
    let related = diagnostic.related.iter();
    Entry {
        code: diagnostic.code.to_string(),
        name: (report.about)(diagnostic.code).name.into_owned(),
        severity: match diagnostic.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Note => Level::Note,
        },
        message: diagnostic.message.clone(),
        place: diagnostic.span.map(|span| place(span, sources)),
        label: diagnostic.label.clone(),
        related: related
            .map(|(span, message)| Related {
                place: place(*span, sources),
                message: message.clone(),
            })
            .collect(),
        help: diagnostic.help.clone(),
        fingerprint,
        fix: diagnostic.fix.as_ref().map(|fix| change(fix, sources)),
    }
}

fn on_kernel(one: &Hooking, sources: &Sources) -> OnKernel {
    OnKernel {
        policy: one.policy.clone(),
        hook: one.hook.clone(),
        place: place(one.place, sources),
        kernel: one.kernel.clone(),
        target: one.runs,
        works: one.works,
        how: one.how.clone(),
    }
}

fn change(fix: &Fix, sources: &Sources) -> Change {
    let replacement = |edit: &crate::diag::Edit| Replacement {
        place: place(edit.span, sources),
        text: edit.text.clone(),
    };
    Change {
        title: fix.title.clone(),
        safe: fix.applicability == Applicability::Safe,
        edits: fix.edits.iter().map(replacement).collect(),
    }
}

fn place(span: Span, sources: &Sources) -> Place {
    let (start, end) = (sources.line_col(span), sources.end_line_col(span));
    Place {
        file: sources.name(span.file).to_owned(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        start: span.start,
        end: span.end,
    }
}

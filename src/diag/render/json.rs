//! One JSON document for a run.
//!
//! `version` changes when a field changes its meaning or goes away; new fields do not
//! change it.

use serde::Serialize;

use crate::diag::{Diagnostic, Severity, Sources, Span};

/// Version of the document's form.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    code: String,
    name: &'static str,
    severity: &'static str,
    message: &'a str,
    place: Option<Place<'a>>,
    label: Option<&'a str>,
    related: Vec<Related<'a>>,
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct Related<'a> {
    place: Place<'a>,
    message: &'a str,
}

/// Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

/// Renders the whole list as one indented JSON document with a final newline.
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let count = |severity| {
        diagnostics
            .iter()
            .filter(|d| d.severity == severity)
            .count()
    };
    let report = Report {
        version: VERSION,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        diagnostics: diagnostics
            .iter()
            .map(|diagnostic| entry(diagnostic, sources))
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&report).expect("the report has only text keys");
    text.push('\n');
    text
}

fn entry<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Entry<'a> {
    let related = diagnostic.related.iter();
    Entry {
        code: diagnostic.code.to_string(),
        name: diagnostic.code.name(),
        severity: diagnostic.severity.name(),
        message: &diagnostic.message,
        place: diagnostic.span.map(|span| place(span, sources)),
        label: diagnostic.label.as_deref(),
        related: related
            .map(|(span, message)| Related {
                place: place(*span, sources),
                message,
            })
            .collect(),
        help: diagnostic.help.as_deref(),
    }
}

fn place(span: Span, sources: &Sources) -> Place<'_> {
    let (start, end) = (sources.line_col(span), sources.end_line_col(span));
    Place {
        file: sources.name(span.file),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}

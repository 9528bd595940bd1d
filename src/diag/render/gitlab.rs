//! Code Quality report of GitLab: the part of the Code Climate format that GitLab reads.
//!
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>

use serde::Serialize;

use super::{Report, portable, whole_text};
use crate::diag::{Diagnostic, Severity};

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

/// Renders a list of issues. Diagnostics without a place are left out: the format has no way to say them.
pub fn gitlab(report: &Report<'_>) -> String {
    let all = report.diagnostics.iter().zip(report.fingerprints());
    let issues: Vec<Issue> = all
        .filter_map(|(diagnostic, fingerprint)| issue(diagnostic, fingerprint, report))
        .collect();
    let mut text = serde_json::to_string_pretty(&issues).expect("the report has only text keys");
    text.push('\n');
    text
}

fn issue(diagnostic: &Diagnostic, fingerprint: String, report: &Report<'_>) -> Option<Issue> {
    let span = diagnostic.span?;
    let sources = report.sources;
    let name = (report.about)(diagnostic.code).name;
    Some(Issue {
        description: whole_text(diagnostic).replace('\n', " "),
        check_name: format!("{} {name}", diagnostic.code),
        fingerprint,
        severity: match diagnostic.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Note => "info",
        },
        location: Location {
            path: portable(sources.name(span.file)),
            lines: Lines {
                begin: sources.line_col(span).line,
                end: sources.end_line_col(span).line,
            },
        },
    })
}

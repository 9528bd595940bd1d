//! Workflow commands of GitHub Actions: one annotation per diagnostic.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use std::fmt::Write;

use super::{Report, portable, whole_text};
use crate::diag::{Diagnostic, Severity};

/// Annotations of each kind that GitHub shows of one step; the log keeps all.
const SHOWN: usize = 10;

/// Renders one workflow command per line. What GitHub leaves out is said in a last line, which is none.
pub fn github(report: &Report<'_>) -> String {
    let mut out = String::new();
    for diagnostic in report.diagnostics {
        command(&mut out, diagnostic, report).expect("writing to a String cannot fail");
    }
    let kinds = [Severity::Error, Severity::Warning, Severity::Note];
    let beyond = kinds.map(|kind| report.count(kind).saturating_sub(SHOWN));
    let beyond: usize = beyond.iter().sum();
    if beyond > 0 {
        let total = report.diagnostics.len();
        let text = "GitHub shows the first 10 errors, warnings and notices of a step";
        writeln!(
            out,
            "tpc: {beyond} of {total} findings have no annotation: {text}"
        )
        .expect("writing to a String cannot fail");
    }
    out
}

fn command(out: &mut String, diagnostic: &Diagnostic, report: &Report<'_>) -> std::fmt::Result {
    let name = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    write!(out, "::{name} ")?;
    if let Some(span) = diagnostic.span {
        let file = portable(report.sources.name(span.file));
        let (start, end) = (
            report.sources.line_col(span),
            report.sources.end_line_col(span),
        );
        write!(out, "file={},line={}", property(&file), start.line)?;
        // Columns of several lines are refused.
        if start.line == end.line {
            write!(out, ",endLine={}", end.line)?;
            write!(out, ",col={},endColumn={}", start.column, end.column)?;
        } else {
            write!(out, ",endLine={}", end.line)?;
        }
        out.push(',');
    }
    let about = (report.about)(diagnostic.code);
    let title = format!("{} {}", diagnostic.code, about.name);
    writeln!(
        out,
        "title={}::{}",
        property(title.trim()),
        data(&whole_text(diagnostic))
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(data("50%\nof: a,b"), "50%25%0Aof: a,b");
        assert_eq!(property("a:b,c\r"), "a%3Ab%2Cc%0D");
    }
}

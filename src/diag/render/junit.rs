//! JUnit XML: a test suite per file, a test case per diagnostic.
//!
//! Errors and warnings are failed tests; a note is a test that passed and says something. A file without
//! either is one test that passed. Dialect: the schema of the Jenkins xUnit plugin.

use std::fmt::{self, Write};

use super::{Report, one_line, whole_text};
use crate::diag::{Diagnostic, FileId, Severity};

/// Renders one XML document.
pub fn junit(report: &Report<'_>) -> String {
    let mut out = String::new();
    document(&mut out, report).expect("writing to a String cannot fail");
    out
}

fn document(out: &mut String, report: &Report<'_>) -> fmt::Result {
    let suites = suites(report);
    let (tests, failures) = suites.iter().fold((0, 0), |sum, (_, cases)| {
        (sum.0 + cases.len().max(1), sum.1 + failed(cases))
    });
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"tpc\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    )?;
    for (name, cases) in &suites {
        suite(out, name, cases, report)?;
    }
    writeln!(out, "</testsuites>")
}

type Suite<'a> = (&'a str, Vec<&'a Diagnostic>);

/// Every file that was judged or has a diagnostic, in order; those without a file last.
fn suites<'a>(report: &Report<'a>) -> Vec<Suite<'a>> {
    let file_of = |one: &Diagnostic| one.span.map(|span| span.file);
    let mut files: Vec<FileId> = report.files.to_vec();
    files.extend(report.diagnostics.iter().filter_map(file_of));
    files.sort_unstable();
    files.dedup();
    let of = |file| {
        let all = report.diagnostics.iter();
        all.filter(|one| file_of(one) == file).collect::<Vec<_>>()
    };
    let named = |file| (report.sources.name(file), of(Some(file)));
    let mut suites: Vec<Suite<'a>> = files.into_iter().map(named).collect();
    let rest = of(None);
    if !rest.is_empty() {
        suites.push(("tpc", rest));
    }
    suites
}

fn failed(cases: &[&Diagnostic]) -> usize {
    let failed = cases.iter().filter(|one| one.severity != Severity::Note);
    failed.count()
}

fn suite(out: &mut String, name: &str, cases: &[&Diagnostic], report: &Report<'_>) -> fmt::Result {
    let (file, tests) = (escaped(name), cases.len().max(1));
    writeln!(
        out,
        "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{}\" errors=\"0\">",
        failed(cases)
    )?;
    if cases.is_empty() {
        writeln!(
            out,
            "    <testcase name=\"no findings\" classname=\"{file}\"/>"
        )?;
    }
    for one in cases {
        case(out, &file, one, report)?;
    }
    writeln!(out, "  </testsuite>")
}

fn case(out: &mut String, file: &str, one: &Diagnostic, report: &Report<'_>) -> fmt::Result {
    let about = (report.about)(one.code);
    let place = one.span.map_or_else(String::new, |span| {
        let at = report.sources.line_col(span);
        format!(" line {}:{}", at.line, at.column)
    });
    let name = escaped(&format!("{} {}{place}", one.code, about.name));
    let text = escaped(&whole_text(one));
    write!(out, "    <testcase name=\"{name}\" classname=\"{file}\">")?;
    let message = escaped(&one_line(&one.message));
    match one.severity {
        Severity::Note => write!(out, "<system-out>{text}</system-out>")?,
        severity => write!(
            out,
            "<failure type=\"{}\" message=\"{message}\">{text}</failure>",
            severity.name()
        )?,
    }
    writeln!(out, "</testcase>")
}

/// Text of an element or attribute. What XML cannot hold at all becomes `\u{FFFD}`.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => write!(out, "&#{};", u32::from(char)).expect("a String grows"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(
            escaped("<a & \"b\">\n\u{1}ü"),
            "&lt;a &amp; &quot;b&quot;&gt;&#10;\u{fffd}ü"
        );
    }
}

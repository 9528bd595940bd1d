//! SARIF 2.1.0: the interchange format of static analysis tools.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>. One run; columns and character offsets count Unicode code points.

use serde_json::{Value, json};

use super::{About, Report, portable, whole_text};
use crate::diag::{Code, Diagnostic, Edit, FileId, Fix, Severity, Span};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Renders one log with a final newline.
pub fn sarif(report: &Report<'_>) -> String {
    let writer = Writer {
        report,
        codes: codes(report),
        files: files(report),
    };
    let mut text =
        serde_json::to_string_pretty(&writer.log()).expect("JSON is written as it was made");
    text.push('\n');
    text
}

/// The codes that occur, sorted.
fn codes(report: &Report<'_>) -> Vec<Code> {
    let mut codes: Vec<Code> = report.diagnostics.iter().map(|one| one.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The files that were judged or are mentioned, sorted.
fn files(report: &Report<'_>) -> Vec<FileId> {
    let mut files = report.files.to_vec();
    for one in report.diagnostics {
        files.extend(one.span.map(|span| span.file));
        files.extend(one.related.iter().map(|(span, _)| span.file));
    }
    files.sort_unstable();
    files.dedup();
    files
}

fn rule(code: Code, about: &About) -> Value {
    json!({
        "id": code.to_string(),
        "name": about.name,
        "shortDescription": { "text": sentence(&about.title) },
        "fullDescription": { "text": sentence(&about.title) },
        "help": { "text": format!("tpc explain {code}"), "markdown": about.page },
        "defaultConfiguration": { "level": about.level.unwrap_or(Severity::Error).name() },
        "properties": { "tags": about.tags },
    })
}

/// The title as a sentence.
fn sentence(title: &str) -> String {
    let mut chars = title.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

/// A log in the making. Results refer to rules and files by their place in these lists.
struct Writer<'a> {
    report: &'a Report<'a>,
    codes: Vec<Code>,
    files: Vec<FileId>,
}

impl Writer<'_> {
    fn log(&self) -> Value {
        json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": self.driver() },
                "columnKind": "unicodeCodePoints",
                "invocations": [{ "executionSuccessful": true }],
                "artifacts": self.files.iter().map(|&file| self.artifact(file)).collect::<Vec<_>>(),
                "results": self.results(),
            }],
        })
    }

    fn driver(&self) -> Value {
        let about = self.report.about;
        let rules = self.codes.iter().map(|&code| rule(code, &about(code)));
        json!({
            "name": "tpc",
            "version": env!("CARGO_PKG_VERSION"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.collect::<Vec<_>>(),
        })
    }

    fn artifact(&self, file: FileId) -> Value {
        let sources = self.report.sources;
        json!({
            "location": { "uri": uri(sources.name(file)) },
            "length": sources.text(file).len(),
            "sourceLanguage": "yaml",
            "encoding": "utf-8",
        })
    }

    fn results(&self) -> Vec<Value> {
        let report = self.report;
        let all = report.diagnostics.iter().zip(report.fingerprints());
        all.map(|(one, fingerprint)| self.result(one, &fingerprint))
            .collect()
    }

    fn result(&self, one: &Diagnostic, fingerprint: &str) -> Value {
        let mut result = json!({
            "ruleId": one.code.to_string(),
            "ruleIndex": self.codes.binary_search(&one.code).unwrap_or_default(),
            // The names of the levels are the format's.
            "level": one.severity.name(),
            "message": { "text": whole_text(one) },
            "partialFingerprints": { "tpc/v1": fingerprint },
        });
        if let Some(span) = one.span {
            result["locations"] = json!([{ "physicalLocation": self.physical(span) }]);
        }
        if !one.related.is_empty() {
            let related = one.related.iter().enumerate().map(|(id, (span, text))| {
                let place = self.physical(*span);
                json!({ "id": id, "physicalLocation": place, "message": { "text": text } })
            });
            result["relatedLocations"] = related.collect();
        }
        if let Some(fix) = &one.fix {
            result["fixes"] = json!([self.change(fix)]);
        }
        result
    }

    fn physical(&self, span: Span) -> Value {
        json!({
            "artifactLocation": self.location(span.file),
            "region": self.region(span),
        })
    }

    fn location(&self, file: FileId) -> Value {
        let index = self.files.binary_search(&file).unwrap_or_default();
        json!({ "uri": uri(self.report.sources.name(file)), "index": index })
    }

    fn region(&self, span: Span) -> Value {
        let sources = self.report.sources;
        let (start, end) = (sources.line_col(span), sources.end_line_col(span));
        let before = Span {
            start: 0,
            end: span.start,
            ..span
        };
        let marked = sources.slice(span);
        json!({
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
            "byteOffset": span.start,
            "byteLength": marked.len(),
            "charOffset": sources.slice(before).chars().count(),
            "charLength": marked.chars().count(),
            "snippet": { "text": marked },
        })
    }

    fn change(&self, fix: &Fix) -> Value {
        let replacement = |edit: &Edit| {
            json!({
                "deletedRegion": self.region(edit.span),
                "insertedContent": { "text": edit.text },
            })
        };
        let file = fix.edits.first().map_or(FileId(0), |edit| edit.span.file);
        json!({
            "description": { "text": fix.title },
            "artifactChanges": [{
                "artifactLocation": self.location(file),
                "replacements": fix.edits.iter().map(replacement).collect::<Vec<_>>(),
            }],
        })
    }
}

/// A file's name as a URI reference.
fn uri(name: &str) -> String {
    let mut out = String::new();
    for byte in portable(name).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_uri_references() {
        assert_eq!(uri("./a b/ü:1.yaml"), "a%20b/%C3%BC%3A1.yaml");
        assert_eq!(
            sentence("a policy hooks nothing"),
            "A policy hooks nothing."
        );
    }
}

//! One problem found in a policy, and the sink that collects all of a run.
//!
//! Wording: the message states the fact (lower case, no period), the label says
//! what the marked text is, the help gives the text to type instead.

use std::collections::BTreeSet;

use super::{Code, Fix, Span, code};

/// How bad it is. Only errors stop a compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    /// The word used in every output format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A problem with its place, explanation and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    pub message: String,
    pub span: Option<Span>,
    /// Text at the marked place.
    pub label: Option<String>,
    /// Other places that explain this one, each with its text.
    pub related: Vec<(Span, String)>,
    pub help: Option<String>,
    /// Edits that remove the problem.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A problem that stops the compilation of its policy.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A problem that does not stop the compilation.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Information about what was done.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            span: None,
            label: None,
            related: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Marks the place of the problem.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Says what the marked text is.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// Adds another place that explains this one.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push((span, text.into()));
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Attaches edits that remove the problem.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

/// Collects the diagnostics of a run.
#[derive(Debug, Default)]
pub struct Sink {
    diagnostics: Vec<Diagnostic>,
    /// Those of them that are errors.
    errors: usize,
}

impl Sink {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.diagnostics.push(diagnostic);
    }

    /// Takes over everything another sink collected.
    pub fn append(&mut self, other: Sink) {
        self.errors += other.errors;
        self.diagnostics.extend(other.diagnostics);
    }

    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Number of errors so far; two readings tell whether a step in between failed.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// In order of their place (those without one last), each once. The guess that a text is a placeholder
    /// is left out where the text is an error anyway.
    pub fn into_sorted(self) -> Vec<Diagnostic> {
        let error = |d: &&Diagnostic| d.severity == Severity::Error;
        let wrong = self.diagnostics.iter().filter(error);
        let wrong: BTreeSet<Option<Span>> = wrong.map(|d| d.span).collect();
        let is_guess = |d: &Diagnostic| d.severity == Severity::Warning && d.code == code::TEMPLATE;
        let mut sorted = self.diagnostics;
        sorted.retain(|d| !(is_guess(d) && wrong.contains(&d.span)));
        sorted.sort_by(|a, b| {
            let place = |d: &Diagnostic| (d.span.is_none(), d.span.map(|s| (s.file, s.start)));
            (place(a), a.severity, a.code, &a.message).cmp(&(
                place(b),
                b.severity,
                b.code,
                &b.message,
            ))
        });
        sorted.dedup();
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::super::FileId;
    use super::*;

    fn at(start: u32, message: &str) -> Diagnostic {
        let span = Span {
            file: FileId(0),
            start,
            end: start + 1,
        };
        Diagnostic::error(code::SYNTAX, message).at(span)
    }

    #[test]
    fn sorted_by_place_and_deduplicated() {
        let mut sink = Sink::new();
        sink.push(Diagnostic::note(code::SKIPPED, "nowhere"));
        sink.push(at(9, "late"));
        sink.push(at(2, "early"));
        sink.push(at(9, "late"));
        assert_eq!(sink.errors(), 3);
        let sorted = sink.into_sorted();
        let messages: Vec<_> = sorted.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(messages, ["early", "late", "nowhere"]);
    }

    #[test]
    fn an_error_silences_the_guess_at_a_placeholder() {
        let guess = |start| Diagnostic {
            severity: Severity::Warning,
            code: code::TEMPLATE,
            ..at(start, "odd")
        };
        let mut sink = Sink::new();
        sink.push(guess(2));
        sink.push(at(2, "wrong"));
        sink.push(guess(9));
        let severities: Vec<_> = sink.into_sorted().iter().map(|d| d.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning]);
    }
}

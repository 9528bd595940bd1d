//! Source snippets for people, drawn by `miette`.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use crate::diag::{Diagnostic, Severity, Sources, Span};

/// Columns of the drawing; fixed so that output does not depend on the terminal.
const WIDTH: usize = 100;

/// Renders each diagnostic with its piece of source, separated by blank lines.
pub fn human(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let theme = if color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_context_lines(1);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let drawn = Drawn::new(diagnostic, sources);
        handler
            .render_report(&mut out, &drawn)
            .expect("writing to a String cannot fail");
        out.push('\n');
    }
    out
}

/// A diagnostic in miette's terms.
#[derive(Debug)]
struct Drawn<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
}

impl<'a> Drawn<'a> {
    fn new(diagnostic: &'a Diagnostic, sources: &Sources) -> Self {
        let Some(primary) = diagnostic.span else {
            return Self {
                diagnostic,
                source: None,
                labels: Vec::new(),
                help: diagnostic.help.clone(),
            };
        };
        let place = |span| range(first_line(span, sources));
        let text = sources.text(primary.file).to_owned();
        let mut labels = vec![LabeledSpan::new_primary_with_span(
            diagnostic.label.clone(),
            place(primary),
        )];
        let mut help = diagnostic.help.clone();
        for (span, message) in &diagnostic.related {
            if span.file == primary.file {
                labels.push(LabeledSpan::new_with_span(
                    Some(message.clone()),
                    place(*span),
                ));
            } else {
                let at = sources.line_col(*span);
                let elsewhere = format!(
                    "{}:{}:{}: {message}",
                    sources.name(span.file),
                    at.line,
                    at.column
                );
                help = Some(help.map_or(elsewhere.clone(), |help| format!("{help}\n{elsewhere}")));
            }
        }
        let source = Some(NamedSource::new(sources.name(primary.file), text));
        Self {
            diagnostic,
            source,
            labels,
            help,
        }
    }
}

/// The part of a span in its first line: a mapping is marked where it begins.
fn first_line(span: Span, sources: &Sources) -> Span {
    let length = sources
        .slice(span)
        .find(['\n', '\r'])
        .and_then(|length| u32::try_from(length).ok());
    length.map_or(span, |length| Span {
        end: span.start + length,
        ..span
    })
}

fn range(span: Span) -> (usize, usize) {
    (
        span.start as usize,
        span.end.saturating_sub(span.start) as usize,
    )
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Drawn<'_> {}

impl miette::Diagnostic for Drawn<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let Diagnostic { code, severity, .. } = self.diagnostic;
        Some(Box::new(format!("{}[{code}]", severity.name())))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

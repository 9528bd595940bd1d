//! Printing of diagnostics in the chosen format.

use std::io::{IsTerminal, Write};

use clap::{Args, ValueEnum};

use super::Exit;
use crate::diag::render::{self, Report};
use crate::diag::{Severity, Sink, Sources};
use crate::lint::explain;

/// How problems are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Pieces of source with explanations
    Human,
    /// One line per problem: file:line:column: error[CODE]: message (help: ...)
    Concise,
    /// One JSON document, of the form that `tpc schema lint` or `tpc schema test-report` prints
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// Code Quality report of GitLab
    Gitlab,
    /// JUnit XML, a test suite per file
    Junit,
}

impl Format {
    pub(super) fn render(self, report: &Report<'_>, colored: bool) -> String {
        match self {
            Self::Human => render::human(report.diagnostics, report.sources, colored),
            Self::Concise => render::concise(report.diagnostics, report.sources),
            Self::Json => render::json(report),
            Self::Sarif => render::sarif(report),
            Self::Github => render::github(report),
            Self::Gitlab => render::gitlab(report),
            Self::Junit => render::junit(report),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether to color what goes to a stream.
    pub(super) fn applies(self, stream: &impl IsTerminal) -> bool {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let plain =
                    set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb");
                stream.is_terminal() && !plain
            }
        }
    }
}

/// Options of the commands whose result is not the report itself.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How problems are printed on standard error
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

impl Options {
    /// Prints everything the sink collected; says whether it holds errors.
    pub(super) fn print(&self, color: Color, sink: Sink, sources: &Sources) -> Exit {
        let diagnostics = sink.into_sorted();
        let files: Vec<_> = sources.files().collect();
        let report = Report {
            about: &explain::about,
            files: &files,
            ..Report::new(&diagnostics, sources)
        };
        say(&self
            .format
            .render(&report, color.applies(&std::io::stderr())));
        let count = |severity| {
            let same = diagnostics.iter().filter(|d| d.severity == severity);
            same.count()
        };
        let errors = count(Severity::Error);
        if errors > 0 && self.format == Format::Human {
            let warnings = count(Severity::Warning);
            say(&format!(
                "{}; nothing was written\n",
                summary(&[(errors, "error"), (warnings, "warning")])
            ));
        }
        if errors > 0 {
            Exit::Findings
        } else {
            Exit::Clean
        }
    }

    /// A remark about what was done, for people only.
    pub(super) fn remark(&self, text: Option<&str>) {
        if let (Some(text), Format::Human) = (text, self.format) {
            say(&format!("{text}\n"));
        }
    }
}

/// Writes to standard error; there is nobody to tell if that fails.
pub(super) fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// `2 errors, 1 warning`: those that there are.
pub(super) fn summary(counts: &[(usize, &str)]) -> String {
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let counted =
        some.map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }));
    counted.collect::<Vec<_>>().join(", ")
}

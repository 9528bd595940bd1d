//! Printing of diagnostics in the chosen format.

use std::io::{IsTerminal, Write};

use clap::{Args, ValueEnum};

use super::Exit;
use crate::diag::{Severity, Sink, Sources, render};

/// Options of every command that reports problems.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How problems are printed on standard error
    #[arg(long, global = true, value_enum, default_value = "human")]
    format: Format,
    /// When to color the human format; auto means on a terminal without NO_COLOR
    #[arg(long, global = true, value_enum, default_value = "auto")]
    color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Pieces of source with explanations
    Human,
    /// One line per problem: file:line:column: error[CODE]: message (help: ...)
    Concise,
    /// One JSON document
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Options {
    /// Prints everything the sink collected; says whether it holds errors.
    pub(super) fn print(&self, sink: Sink, sources: &Sources) -> Exit {
        let diagnostics = sink.into_sorted();
        let text = match self.format {
            Format::Human => render::human(&diagnostics, sources, self.colored()),
            Format::Concise => render::concise(&diagnostics, sources),
            Format::Json => render::json(&render::Report::new(&diagnostics, sources)),
        };
        say(&text);
        let count = |severity| {
            diagnostics
                .iter()
                .filter(|d| d.severity == severity)
                .count()
        };
        let errors = count(Severity::Error);
        if errors > 0 && self.format == Format::Human {
            say(&format!(
                "{}; nothing was written\n",
                summary(errors, count(Severity::Warning))
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

    fn colored(&self) -> bool {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let plain =
                    set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb");
                std::io::stderr().is_terminal() && !plain
            }
        }
    }
}

/// Writes to standard error; there is nobody to tell if that fails.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn summary(errors: usize, warnings: usize) -> String {
    let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match warnings {
        0 => counted(errors, "error"),
        _ => format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    }
}

//! One line per diagnostic: `file:line:col: error[TPC0011]: message (help: …)`.

use std::fmt::Write;

use super::one_line;
use crate::diag::{Diagnostic, Sources};

/// Renders one line per diagnostic, as compilers and editors expect it.
pub fn concise(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        line(&mut out, diagnostic, sources).expect("writing to a String cannot fail");
    }
    out
}

fn line(out: &mut String, diagnostic: &Diagnostic, sources: &Sources) -> std::fmt::Result {
    let Diagnostic {
        code,
        severity,
        message,
        span,
        label,
        related,
        help,
        fix: _,
    } = diagnostic;
    if let Some(span) = *span {
        let place = sources.line_col(span);
        write!(
            out,
            "{}:{}:{}: ",
            sources.name(span.file),
            place.line,
            place.column
        )?;
    }
    write!(out, "{}[{code}]: {}", severity.name(), one_line(message))?;
    if let Some(label) = label {
        write!(out, ": {}", one_line(label))?;
    }
    for (other, text) in related {
        let place = sources.line_col(*other);
        let file = match span.map(|span| span.file) {
            Some(file) if file == other.file => String::new(),
            _ => format!("{}:", sources.name(other.file)),
        };
        write!(
            out,
            " ({file}{}:{}: {})",
            place.line,
            place.column,
            one_line(text)
        )?;
    }
    if let Some(help) = help {
        write!(out, " (help: {})", one_line(help))?;
    }
    writeln!(out)
}

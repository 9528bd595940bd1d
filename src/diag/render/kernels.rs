//! A table of hooks and kernels, for people.

use std::fmt::Write;

use super::{Hooking, Report};

/// A line for each hook, a column for each kernel; with several systems that run policies, for each pair. Empty without kernels.
pub fn kernels(report: &Report<'_>) -> String {
    let columns = columns(report.hookings);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut at = 0;
    while let Some(rest) = report.hookings.get(at..).filter(|rest| !rest.is_empty()) {
        let own = rest.len().min(columns.len());
        let (hooking, cells) = (&rest[0], rest[..own].iter());
        let line = report.sources.line_col(hooking.place).line;
        let place = format!("{}:{line}", report.sources.name(hooking.place.file));
        let mut row = vec![place, hooking.hook.clone()];
        row.extend(cells.map(|cell| match cell.works {
            true => cell.how.clone(),
            false => format!("- {}", cell.how),
        }));
        rows.push(row);
        at += own;
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut head = vec!["PLACE".to_owned(), "HOOK".to_owned()];
    head.extend(columns);
    rows.insert(0, head);
    aligned(&rows)
}

/// Names of the columns: the kernels and systems of the first hook, which are those of every hook.
fn columns(hookings: &[Hooking]) -> Vec<String> {
    let mut own: Vec<(&str, &str)> = Vec::new();
    for one in hookings {
        let pair = (one.kernel.as_str(), one.runs);
        if own.contains(&pair) {
            break;
        }
        own.push(pair);
    }
    let several = own
        .iter()
        .any(|(_, runs)| Some(*runs) != own.first().map(|one| one.1));
    let name = |(kernel, runs): &(&str, &str)| match several {
        true => format!("{kernel} ({runs})"),
        false => (*kernel).to_owned(),
    };
    own.iter().map(name).collect()
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            write!(line, "{cell:width$}  ").expect("texts grow");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Sources, Span};

    #[test]
    fn hooks_at_one_place_are_rows_of_their_own() {
        let mut sources = Sources::new();
        let file = sources.add("f.yaml", "call: x\n");
        let place = Span {
            file,
            start: 6,
            end: 7,
        };
        let one = |hook: &str, kernel: &str| Hooking {
            policy: "p".to_owned(),
            hook: hook.to_owned(),
            place,
            kernel: kernel.to_owned(),
            runs: "tpc",
            works: hook == "x",
            how: "fentry".to_owned(),
        };
        let hookings = [one("x", "a"), one("x", "b"), one("y", "a"), one("y", "b")];
        let report = Report {
            hookings: &hookings,
            ..Report::new(&[], &sources)
        };
        let expected = "PLACE     HOOK  a         b\n\
                        f.yaml:1  x     fentry    fentry\n\
                        f.yaml:1  y     - fentry  - fentry\n";
        assert_eq!(kernels(&report), expected);
        assert_eq!(kernels(&Report::new(&[], &sources)), "");
    }
}

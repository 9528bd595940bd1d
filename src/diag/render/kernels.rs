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

/// Names of the columns: what the first hook has.
fn columns(hookings: &[Hooking]) -> Vec<String> {
    let Some(first) = hookings.first() else {
        return Vec::new();
    };
    let own = hookings.iter().take_while(|one| one.place == first.place);
    let own: Vec<&Hooking> = own.collect();
    let several = own.iter().any(|one| one.runs != first.runs);
    let name = |one: &&Hooking| match several {
        true => format!("{} ({})", one.kernel, one.runs),
        false => one.kernel.clone(),
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

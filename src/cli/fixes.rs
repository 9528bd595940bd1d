//! `--fix` and `--diff`.

use std::path::Path;

use rayon::prelude::*;
use similar::TextDiff;

use super::Exit;
use super::lint::{Loaded, not_written, print as print_text};
use super::report::{Color, Format, say};
use crate::diag::render::Report;
use crate::diag::{Diagnostic, Sources};
use crate::lint::{Settings, fix};

/// A file and its text after the fixes.
pub(super) struct Change {
    /// Its place among the files of the run.
    number: usize,
    text: String,
    count: usize,
}

/// What the fixes make of the files, for those that change.
pub(super) fn changes(
    files: &[Loaded],
    sources: &Sources,
    settings: &Settings,
    with_unsafe: bool,
) -> Vec<Change> {
    let one = |(number, loaded): (usize, &Loaded)| {
        let text = sources.text(loaded.file);
        let fixed = fix::fix(sources.name(loaded.file), text, settings, with_unsafe);
        (fixed.count > 0).then_some(Change {
            number,
            text: fixed.text,
            count: fixed.count,
        })
    };
    files.par_iter().enumerate().filter_map(one).collect()
}

/// Prints the changes as one unified diff.
pub(super) fn print(
    changes: &[Change],
    files: &[Loaded],
    sources: &Sources,
    failures: &[Diagnostic],
    color: Color,
) -> Exit {
    let of = |change: &Change| {
        let file = files.get(change.number).map(|loaded| loaded.file)?;
        let name = sources.name(file).trim_start_matches("./");
        let diff = TextDiff::from_lines(sources.text(file), change.text.as_str());
        let mut unified = diff.unified_diff();
        unified.header(&format!("a/{name}"), &format!("b/{name}"));
        Some(unified.to_string())
    };
    let out: String = changes.iter().filter_map(of).collect();
    let report = Report::new(failures, sources);
    say(&Format::Human.render(&report, color.applies(&std::io::stderr())));
    match (print_text(&out), failures.is_empty()) {
        (Ok(()), true) if changes.is_empty() => Exit::Clean,
        (Ok(()), true) => Exit::Findings,
        _ => Exit::Failure,
    }
}

/// Writes the changed files, and standard input to standard output. Later steps see the new texts. Says how many fixes
/// were made, and what could not be written.
pub(super) fn write(
    changes: &[Change],
    files: &mut [Loaded],
    sources: &mut Sources,
) -> (usize, Vec<Diagnostic>) {
    let (mut count, mut failures) = (0, Vec::new());
    for (number, loaded) in files.iter_mut().enumerate() {
        let change = changes.iter().find(|change| change.number == number);
        let text = match change {
            Some(change) => change.text.as_str(),
            None => sources.text(loaded.file),
        };
        let written = match (&loaded.input.path, change) {
            (None, _) => print_text(text),
            (Some(path), Some(_)) => store(path, &loaded.bytes, text),
            (Some(_), None) => continue,
        };
        match (written, change) {
            (Err(message), _) => failures.push(not_written(message)),
            (Ok(()), None) => {}
            (Ok(()), Some(change)) => {
                count += change.count;
                loaded.file = sources.add(loaded.input.name(), change.text.as_str());
            }
        }
    }
    (count, failures)
}

/// Marks that a file may begin with.
const UTF8: &[u8] = b"\xef\xbb\xbf";
const UTF16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Writes a text as the file was encoded before.
fn store(path: &Path, before: &[u8], text: &str) -> Result<(), String> {
    if UTF16.iter().any(|mark| before.starts_with(mark)) {
        let path = path.display();
        return Err(format!(
            "cannot fix `{path}`: it is UTF-16; save it as UTF-8"
        ));
    }
    let mark = if before.starts_with(UTF8) { UTF8 } else { b"" };
    let written = std::fs::write(path, [mark, text.as_bytes()].concat());
    written.map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

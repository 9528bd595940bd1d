//! Names of cases, and of their rows and steps: what a report calls them, so there is one of each.

use std::collections::BTreeMap;

use super::format::File;
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};

/// Reports names that are empty, and those that two cases of the file or two rows of a case have.
pub(super) fn unique_names(file: &File, sink: &mut Sink) {
    check("case", file.tests.iter().map(|case| &case.name), sink);
    for case in &file.tests {
        let rows = case.rows.iter().filter_map(|row| row.name.as_ref());
        check("row", rows, sink);
        let steps = case.steps.iter().filter_map(|step| step.name.as_ref());
        steps
            .filter(|name| name.value.is_empty())
            .for_each(|name| sink.push(empty("step", name)));
    }
}

fn check<'a>(what: &str, names: impl Iterator<Item = &'a Spanned<String>>, sink: &mut Sink) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for name in names {
        if name.value.is_empty() {
            sink.push(empty(what, name));
        } else if let Some(first) = seen.insert(&name.value, name.span) {
            let message = format!("two {what}s have the name `{}`", name.value);
            let error = Diagnostic::error(code::BAD_TEST, message)
                .at(name.span)
                .related(first, format!("first {what} of this name"));
            sink.push(error.help("rename one of the two"));
        }
    }
}

fn empty(what: &str, name: &Spanned<String>) -> Diagnostic {
    let message = format!("the {what} has an empty name");
    Diagnostic::error(code::BAD_TEST, message)
        .at(name.span)
        .help(format!("say what the {what} shows"))
}

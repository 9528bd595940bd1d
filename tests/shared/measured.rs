//! Facts about Tetragon that were measured elsewhere and lie beside the repository: large collections of
//! policies with Tetragon's verdict on each. A clone alone has none of them; the tests then say so and pass.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tpc::diag::{Diagnostic, Severity, Sink, Sources, code};
use tpc::lint::{Level, Settings};
use tpc::policy::Policy;

/// The directory that a variable names, or `../shared/NAME` beside the repository.
pub(crate) fn directory(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = || {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../shared")
            .join(name)
    };
    let directory = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    if directory.is_dir() {
        return Some(directory);
    }
    // Not a print macro: the test harness would swallow it.
    let _ = writeln!(
        std::io::stderr(),
        "NOTHING WAS TESTED: {} does not exist; set {variable} to the {name}",
        directory.display()
    );
    None
}

/// Shows a table although the test passes.
pub(crate) fn show(table: &str) {
    let _ = writeln!(std::io::stderr(), "{table}");
}

/// A table of tab-separated values with a line of titles.
pub(crate) struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a readable table");
        let mut lines = text.lines().map(|line| {
            let unquoted = |field: &str| field.trim_matches('"').to_owned();
            line.split('\t').map(unquoted).collect::<Vec<_>>()
        });
        let titles = lines.next().expect("a line of titles");
        Self {
            columns: titles
                .into_iter()
                .enumerate()
                .map(|(at, title)| (title, at))
                .collect(),
            rows: lines.collect(),
        }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let columns = &self.columns;
        self.rows.iter().map(move |fields| Row { columns, fields })
    }
}

/// A row of a [`Table`].
pub(crate) struct Row<'a> {
    columns: &'a HashMap<String, usize>,
    fields: &'a [String],
}

impl<'a> Row<'a> {
    /// The field below a title.
    pub(crate) fn get(&self, title: &str) -> &'a str {
        let at = self.columns.get(title).expect("a column of the table");
        self.fields.get(*at).map_or("", String::as_str)
    }
}

/// A file that was read and decoded.
pub(crate) struct Read {
    pub(crate) sources: Sources,
    pub(crate) policies: Vec<Policy>,
    pub(crate) sink: Sink,
}

pub(crate) fn read(name: &str, bytes: &[u8]) -> Read {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text(name, bytes, &mut sources, &mut sink);
    let policies = file.map_or_else(Vec::new, |file| {
        tpc::policy::decode(file, &sources, &mut sink)
    });
    Read {
        sources,
        policies,
        sink,
    }
}

/// Errors only.
pub(crate) fn errors(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &Diagnostic> {
    diagnostics
        .iter()
        .filter(|one| one.severity == Severity::Error)
}

/// Errors for which Tetragon refuses a policy. The others are about policies that it loads, and that tpc refuses.
pub(crate) fn refusals(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &Diagnostic> {
    errors(diagnostics).filter(|one| one.code != code::MISCASED_FIELD)
}

/// What no known kernel has of what a text names: the message of the first finding.
pub(crate) fn unknown_to_kernels(name: &str, text: &[u8]) -> Option<String> {
    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
        let mut settings = Settings::default();
        for (rule, level) in [("all", Level::Off), ("unknown-kernel-name", Level::Error)] {
            settings.levels.set(rule, level).expect("a name of levels");
        }
        settings
    });
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text(name, text, &mut sources, &mut sink)?;
    let found = tpc::lint::lint(file, &sources, &SETTINGS).diagnostics;
    let rule = tpc::lint::by_name("unknown-kernel-name").map(|rule| rule.code);
    let mut found = found.into_iter().filter(|one| Some(one.code) == rule);
    found.next().map(|one| one.message)
}

/// Checks that every diagnostic has a place, and every place lies within its file.
pub(crate) fn check_places(name: &str, diagnostics: &[Diagnostic], sources: &Sources) {
    // A file that is no text has no places.
    for one in diagnostics.iter().filter(|one| one.code != code::ENCODING) {
        let span = one
            .span
            .unwrap_or_else(|| panic!("{name}: no place: {}", one.message));
        for span in one.related.iter().map(|(span, _)| *span).chain([span]) {
            let text = sources.text(span.file);
            let range = span.start as usize..span.end as usize;
            assert!(
                text.get(range).is_some(),
                "{name}: a place outside of it: {}",
                one.message
            );
        }
    }
}

//! Generated policies with Tetragon's verdict on each.

use std::collections::BTreeMap;
use std::path::Path;

use crate::shared::{Row, Table};

/// A policy with Tetragon's verdict.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) accepted: bool,
    pub(crate) error: String,
    pub(crate) text: Vec<u8>,
}

pub(crate) fn cases(directory: &Path) -> Vec<Case> {
    let mut texts = texts(directory);
    let table = Table::read(&directory.join("VERDICTS.tsv"));
    let case = |row: Row<'_>| Case {
        id: row.get("id").to_owned(),
        group: row.get("group").to_owned(),
        accepted: row.get("crd") == "ok" && row.get("load") == "ok",
        error: row.get("error").to_owned(),
        text: texts
            .remove(row.get("id"))
            .unwrap_or_else(|| panic!("no text of {}", row.get("id"))),
    };
    table.rows().map(case).collect()
}

/// The text of each case, by its name.
fn texts(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut texts = BTreeMap::new();
    let files = std::fs::read_dir(directory.join("cases")).expect("a directory of cases");
    for path in files.map(|entry| entry.expect("an entry").path()) {
        let is_stream = path
            .extension()
            .is_some_and(|extension| extension == "yaml");
        if is_stream {
            let stream = std::fs::read(&path).expect("a stream of cases");
            split(&stream, &mut texts);
        }
    }
    let raw = std::fs::read_dir(directory.join("cases/raw")).expect("a directory of files");
    for path in raw.map(|entry| entry.expect("an entry").path()) {
        let id = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        texts.insert(id, std::fs::read(&path).expect("a file"));
    }
    texts
}

/// Takes a stream apart: each case starts with a line `--- # case ID`.
fn split(stream: &[u8], texts: &mut BTreeMap<String, Vec<u8>>) {
    const MARK: &[u8] = b"--- # case ";
    let mut current: Option<&mut Vec<u8>> = None;
    for line in stream.split_inclusive(|byte| *byte == b'\n') {
        if let Some(id) = line.strip_prefix(MARK) {
            let id = String::from_utf8_lossy(id).trim_end().to_owned();
            current = Some(texts.entry(id).or_default());
        } else if let Some(text) = current.as_deref_mut() {
            text.extend_from_slice(line);
        }
    }
}

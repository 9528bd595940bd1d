//! Edits of YAML text that keep its layout and comments.
//!
//! They work on the text around a value, because the model keeps the places of values only. Where the text is not
//! laid out in one of the common ways, there is no edit: a fix that is not sure is none. What they delete is only what
//! has to go; a comment on the line stays.

use std::ops::Range;

use crate::diag::{Edit, FileId, Span};

/// The text of a file.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    file: FileId,
    text: &'a str,
}

/// What stands before an entry or item on its line.
enum Before {
    /// Blanks only.
    Nothing,
    /// Blanks and `- `: the entry begins a list item.
    Dash,
    Other,
}

impl<'a> Layout<'a> {
    pub(super) fn new(file: FileId, text: &'a str) -> Self {
        Self { file, text }
    }

    /// Another text for a value.
    pub fn replace(&self, value: Span, text: impl Into<String>) -> Edit {
        Edit {
            span: value,
            text: text.into(),
        }
    }

    /// Takes an entry out of a mapping that has others.
    pub fn remove_entry(&self, value: Span) -> Option<Edit> {
        let key = self.key(value)?;
        let end = value.end as usize;
        match self.before(key) {
            Before::Nothing if self.ends_line(end) => self.delete_from_line(key, end),
            Before::Dash if self.ends_line(end) => self.delete_first_entry(key, end),
            _ => self.delete_from_flow(key, end),
        }
    }

    /// Takes a value of one line out of a list that has others.
    pub fn remove_item(&self, value: Span) -> Option<Edit> {
        let (start, end) = (value.start as usize, value.end as usize);
        if self.text.get(start..end)?.contains('\n') {
            return None;
        }
        match self.before(start) {
            Before::Dash if self.ends_line(end) => {
                let line = self.text.get(self.line_start(start)..start)?;
                let dash = self.line_start(start) + line.rfind('-')?;
                // A list that begins on the line of another's item.
                let alone = line.matches('-').count() == 1;
                alone.then(|| self.delete_from_line(dash, end))?
            }
            _ => self.delete_from_flow(start, end),
        }
    }

    /// Adds an entry behind that of a value.
    pub fn add_entry(&self, value: Span, entry: &str) -> Option<Edit> {
        let key = self.key(value)?;
        let end = value.end as usize;
        if !matches!(self.before(key), Before::Nothing | Before::Dash) || !self.ends_line(end) {
            return self
                .in_flow(end)
                .then(|| self.insert(end, format!(", {entry}")));
        }
        let column = key - self.line_start(key);
        let (at, newline) = self.line_end(end);
        Some(self.insert(at, format!("{newline}{:column$}{entry}", "")))
    }

    /// Adds a list item in front of the item whose first entry has a value.
    pub fn add_item_before(&self, value: Span, item: &str) -> Option<Edit> {
        let key = self.key(value)?;
        let start = self.line_start(key);
        let line = self.text.get(start..key)?;
        if let Before::Dash = self.before(key) {
            let (_, newline) = self.line_end(key);
            let inner = newline.to_owned() + line.replace('-', " ").as_str();
            let item = item.replace('\n', &inner);
            // Behind the dash of the item that was first.
            return Some(self.insert(key, format!("{item}{newline}{line}")));
        }
        let brace = self.text.get(..key)?.trim_end().strip_suffix('{')?.len();
        let item = item.replace('\n', ", ");
        let follows = self.text.get(..brace)?.trim_end();
        let in_list = follows.ends_with(['[', ',']);
        in_list.then(|| self.insert(brace, format!("{{{item}}}, ")))
    }

    fn insert(&self, at: usize, text: String) -> Edit {
        self.edit(at..at, text)
    }

    fn edit(&self, range: Range<usize>, text: String) -> Edit {
        // Files are smaller than `u32` counts: see `yaml::MAX_BYTES`.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span {
            file: self.file,
            start: offset(range.start),
            end: offset(range.end),
        };
        Edit { span, text }
    }

    /// Where the key of a value begins: plain, in front of it, on its line.
    fn key(&self, value: Span) -> Option<usize> {
        let start = value.start as usize;
        let line = self.text.get(self.line_start(start)..start)?;
        let key = line.trim_end().strip_suffix(':')?;
        let other = key.rfind(|c: char| !c.is_ascii_alphanumeric());
        let name = other.map_or(0, |at| at + 1);
        let blank = name == 0 || key.get(..name)?.ends_with([' ', '{', ',']);
        (blank && name < key.len()).then_some(self.line_start(start) + name)
    }

    fn before(&self, at: usize) -> Before {
        let line = self.text.get(self.line_start(at)..at).unwrap_or("x");
        if line.chars().all(|c| c == ' ') {
            Before::Nothing
        } else if line.chars().all(|c| c == ' ' || c == '-') && line.ends_with("- ") {
            Before::Dash
        } else {
            Before::Other
        }
    }

    fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or("");
        before.rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The end of a line without its line break, and the line break to use there.
    fn line_end(&self, at: usize) -> (usize, &'static str) {
        let rest = self.text.get(at..).unwrap_or("");
        let length = rest.find('\n').unwrap_or(rest.len());
        match rest.get(..length) {
            Some(line) if line.ends_with('\r') => (at + length - 1, "\r\n"),
            _ => (at + length, "\n"),
        }
    }

    /// Whether only blanks and a comment follow on the line.
    fn ends_line(&self, at: usize) -> bool {
        let rest = self.text.get(at..self.line_end(at).0).unwrap_or("x");
        let trimmed = rest.trim_start();
        trimmed.is_empty() || trimmed.starts_with('#') && trimmed.len() < rest.len()
    }

    /// Whether the value before is followed by the rest of a flow collection.
    fn in_flow(&self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or("").trim_start();
        rest.starts_with([',', '}', ']'])
    }

    /// Deletes the end of a line: the whole line, or what stands before its comment.
    fn delete_from_line(&self, start: usize, end: usize) -> Option<Edit> {
        let (line_end, newline) = self.line_end(end);
        let rest = self.text.get(end..line_end)?;
        if let Some(comment) = rest.find('#') {
            return Some(self.edit(start..end + comment, String::new()));
        }
        let next = (line_end + newline.len()).min(self.text.len());
        Some(self.edit(self.line_start(start)..next, String::new()))
    }

    /// Deletes the first entry of a list item: the next one moves behind the dash.
    fn delete_first_entry(&self, key: usize, end: usize) -> Option<Edit> {
        let (line_end, newline) = self.line_end(end);
        let column = key - self.line_start(key);
        let next = self.text.get(line_end + newline.len()..)?;
        let aligned = next.len() - next.trim_start_matches(' ').len() == column;
        let plain = self.text.get(end..line_end)?.trim().is_empty();
        let is_entry = next
            .trim_start()
            .starts_with(|c: char| c.is_ascii_alphabetic());
        let range = key..line_end + newline.len() + column;
        (aligned && plain && is_entry).then(|| self.edit(range, String::new()))
    }

    /// Deletes an entry or item between brackets, with the comma that goes with it.
    fn delete_from_flow(&self, start: usize, end: usize) -> Option<Edit> {
        let before = self.text.get(..start)?.trim_end_matches(' ');
        let after = self.text.get(end..)?;
        let blanks = after.len() - after.trim_start_matches(' ').len();
        let next = after.get(blanks..)?;
        if before.ends_with(',') && next.starts_with([',', ']', '}']) {
            return Some(self.edit(before.len() - 1..end, String::new()));
        }
        let rest = next.strip_prefix(',')?;
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        let first =
            before.ends_with(['[', '{']) && !rest.get(blank..)?.starts_with(['#', '\n', '\r']);
        first.then(|| self.edit(start..end + blanks + 1 + blank, String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text after an edit of the value between `«` and `»`.
    fn edited(marked: &str, edit: impl Fn(&Layout<'_>, Span) -> Option<Edit>) -> Option<String> {
        let start = marked.find('«')?;
        let text = marked.replace('«', "");
        let end = text.find('»')?;
        let mut text = text.replace('»', "");
        let span = Span {
            file: FileId(0),
            start: start as u32,
            end: end as u32,
        };
        let edit = edit(&Layout::new(FileId(0), &text), span)?;
        text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
        Some(text)
    }

    #[track_caller]
    fn check(
        edit: impl Fn(&Layout<'_>, Span) -> Option<Edit> + Copy,
        cases: &[(&str, Option<&str>)],
    ) {
        for (before, after) in cases {
            assert_eq!(edited(before, edit).as_deref(), *after, "{before}");
        }
    }

    #[test]
    fn entries_go() {
        check(
            |layout, span| layout.remove_entry(span),
            &[
                ("a: 1\nb: «2»\nc: 3\n", Some("a: 1\nc: 3\n")),
                ("ä: «2»\nc: 3\n", None),
                ("- a: 1\n  b: «2»\n  c: 3\n", Some("- a: 1\n  c: 3\n")),
                ("- a: 1\r\n  b: «2»\r\n", Some("- a: 1\r\n")),
                ("- a: 1\n  b: «2»", Some("- a: 1\n")),
                ("- a: 1\n  b: «2» # why\n", Some("- a: 1\n  # why\n")),
                ("- b: «2»\n  c: 3\n", Some("- c: 3\n")),
                ("- b: «2» # why\n  c: 3\n", None),
                ("- b: «2»\n  # why\n  c: 3\n", None),
                ("{a: 1, b: «2»}", Some("{a: 1}")),
                ("{b: «2», a: 1}", Some("{a: 1}")),
                ("{a: 1, b: «2», c: 3}", Some("{a: 1, c: 3}")),
                ("{b: «2»}", None),
                ("- \"b\": «2»\n  c: 3\n", None),
                ("  b: !!int «2»\n", None),
                ("  b:\n    «2»\n", None),
            ],
        );
    }

    #[test]
    fn items_go() {
        check(
            |layout, span| layout.remove_item(span),
            &[
                ("v:\n- «a»\n- b\n", Some("v:\n- b\n")),
                (
                    "v:\n  - \"x\"\n  - «\"a\"» # why\n",
                    Some("v:\n  - \"x\"\n  # why\n"),
                ),
                ("v: [«a», b]\n", Some("v: [b]\n")),
                ("v: [a, «b»]\n", Some("v: [a]\n")),
                ("v: [ a , «b» , c ]\n", Some("v: [ a  , c ]\n")),
                ("v:\n- - «a»\n  - b\n", None),
                ("v: [«a»,\n b]\n", None),
            ],
        );
    }

    #[test]
    fn entries_come() {
        check(
            |layout, span| layout.add_entry(span, "k: v"),
            &[
                ("- a: «1»\n", Some("- a: 1\n  k: v\n")),
                (
                    "- a: «1» # why\n  b: 2\n",
                    Some("- a: 1 # why\n  k: v\n  b: 2\n"),
                ),
                ("- a: «1»\r\n", Some("- a: 1\r\n  k: v\r\n")),
                ("  - a: «1»", Some("  - a: 1\n    k: v")),
                ("[{a: «1»}]", Some("[{a: 1, k: v}]")),
                ("[{a: «1», b: 2}]", Some("[{a: 1, k: v, b: 2}]")),
            ],
        );
    }

    #[test]
    fn items_come() {
        check(
            |layout, span| layout.add_item_before(span, "k: v\nl: w"),
            &[
                ("x:\n- a: «1»\n", Some("x:\n- k: v\n  l: w\n- a: 1\n")),
                (
                    "x:\n  - b: 2\n  - a: «1»\n",
                    Some("x:\n  - b: 2\n  - k: v\n    l: w\n  - a: 1\n"),
                ),
                ("x: [{a: «1»}]", Some("x: [{k: v, l: w}, {a: 1}]")),
                (
                    "x: [{b: 2}, {a: «1»}]",
                    Some("x: [{b: 2}, {k: v, l: w}, {a: 1}]"),
                ),
                ("- b: 2\n  a: «1»\n", None),
            ],
        );
    }
}

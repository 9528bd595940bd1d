//! The texts that spans point into.

use super::{FileId, Span};

/// Line and column of a place, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineCol {
    pub line: u32,
    pub column: u32,
}

/// Every file of a run, by [`FileId`].
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    name: String,
    text: String,
    /// Byte offset of the start of each line; never empty.
    lines: Vec<u32>,
}

impl Sources {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. Offsets are `u32`: the reader of files bounds their size before.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        let lines = line_starts(&text);
        self.files.push(File {
            name: name.into(),
            text,
            lines,
        });
        id
    }

    /// Name of a file as the user gave it; empty for a file that was never added.
    pub fn name(&self, file: FileId) -> &str {
        self.file(file).map_or("", |file| &file.name)
    }

    /// Whole text of a file.
    pub fn text(&self, file: FileId) -> &str {
        self.file(file).map_or("", |file| &file.text)
    }

    /// The text a span marks; empty if it does not lie in its file.
    pub fn slice(&self, span: Span) -> &str {
        let range = span.start as usize..span.end as usize;
        self.text(span.file).get(range).unwrap_or("")
    }

    /// Where a span begins.
    pub fn line_col(&self, span: Span) -> LineCol {
        self.position(span.file, span.start)
    }

    /// Where a span ends (the place after its last character).
    pub fn end_line_col(&self, span: Span) -> LineCol {
        self.position(span.file, span.end)
    }

    /// Text of a line counted from 1, without its line end.
    pub fn line(&self, file: FileId, line: u32) -> &str {
        let Some(file) = self.file(file) else {
            return "";
        };
        let Some(&start) = (line as usize)
            .checked_sub(1)
            .and_then(|i| file.lines.get(i))
        else {
            return "";
        };
        let end = file
            .lines
            .get(line as usize)
            .map_or(file.text.len(), |&end| end as usize);
        let text = file.text.get(start as usize..end).unwrap_or("");
        text.trim_end_matches(['\n', '\r'])
    }

    /// Every file in the order it was added.
    pub fn files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..u32::try_from(self.files.len()).unwrap_or(u32::MAX)).map(FileId)
    }

    fn file(&self, file: FileId) -> Option<&File> {
        self.files.get(file.0 as usize)
    }

    fn position(&self, file: FileId, offset: u32) -> LineCol {
        let Some(file) = self.file(file) else {
            return LineCol { line: 1, column: 1 };
        };
        let row = file
            .lines
            .partition_point(|&start| start <= offset)
            .saturating_sub(1);
        let start = file.lines.get(row).copied().unwrap_or(0) as usize;
        let before = file.text.get(start..offset as usize).unwrap_or("");
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
        LineCol {
            line: number(row),
            column: number(before.chars().count()),
        }
    }
}

/// Lines end with LF, CRLF or a lone CR, as YAML has it.
fn line_starts(text: &str) -> Vec<u32> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|&(at, &byte)| {
        byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
    });
    let starts = ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX));
    std::iter::once(0).chain(starts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_any_line_end() {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", "ab\r\nä: x\rlast");
        let at = |start| {
            let place = sources.line_col(Span {
                file,
                start,
                end: start,
            });
            (place.line, place.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(4), (2, 1));
        assert_eq!(at(8), (2, 4));
        assert_eq!(at(10), (3, 1));
        assert_eq!(at(99), (3, 1), "outside the text: the line is still right");
        assert_eq!(sources.line(file, 1), "ab");
        assert_eq!(sources.line(file, 2), "ä: x");
        assert_eq!(sources.line(file, 3), "last");
        assert_eq!(sources.line(file, 4), "");
    }
}

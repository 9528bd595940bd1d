//! Comments of a text, which the trees leave out.

use granit_parser::{Event, Parser, options};

use super::parse::MAX_DEPTH;
use crate::diag::{FileId, Span};

/// A comment from its `#` to the end of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub span: Span,
    /// What follows the `#`, without blanks around it.
    pub text: String,
}

/// Every comment of the documents that can be read, in order. A `#` within a value is none.
pub fn comments(file: FileId, text: &str) -> Vec<Comment> {
    let options = options! {
        emit_unresolved_aliases: true,
        emit_comments: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut found = Vec::new();
    loop {
        match parser.next_event() {
            Some(Ok((Event::Comment(..), span))) => {
                let range = span.byte_range().unwrap_or(0..0);
                found.extend(comment(file, text, range.start));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) if parser.proceed_next_document().unwrap_or(false) => {}
            Some(Err(_)) | None => return found,
        }
    }
}

/// The comment whose `#` is at or just before an offset.
fn comment(file: FileId, text: &str, at: usize) -> Option<Comment> {
    let rest = text.get(at..)?;
    let start = at + rest.find('#')?;
    let line = text.get(start..)?.lines().next()?.trim_end();
    let offset = |at: usize| u32::try_from(at).ok();
    let span = Span {
        file,
        start: offset(start)?,
        end: offset(start + line.len())?,
    };
    Some(Comment {
        span,
        text: line.trim_start_matches('#').trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_nothing_else() {
        let text = "# one\na: 'x # no' # two  \r\nb: |\n  # text\n# ü three\nc: [1, # four\n 2]\n---\n#five\nd: {\n---\ne: 1 # six\n";
        let found = comments(FileId(0), text);
        let texts: Vec<&str> = found.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, ["one", "two", "ü three", "four", "five", "six"]);
        for one in &found {
            let slice = &text[one.span.start as usize..one.span.end as usize];
            assert!(
                slice.starts_with('#') && slice.ends_with(&one.text),
                "{slice}"
            );
        }
    }
}

//! Syntax errors in words an author can act on.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use super::keys::template_error;
use super::template::placeholder;
use crate::diag::{Code, Diagnostic, FileId, Span, code};

/// A parser error as a diagnostic. Where the text holds a `{{ … }}` placeholder, that
/// is the likelier cause and is reported instead.
pub(super) fn explain(file: FileId, text: &str, error: &ScanError) -> Diagnostic {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let braces = |range: &Range<usize>| {
        let found = text.get(range.clone());
        found.is_some_and(|found| found.starts_with("{{"))
    };
    if let Some(range) = placeholder(text).filter(braces) {
        return template_error(Span {
            file,
            start: offset(range.start),
            end: offset(range.end),
        });
    }
    let at = error
        .marker()
        .byte_offset()
        .unwrap_or(text.len())
        .min(text.len());
    let length = text
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(0, char::len_utf8);
    let (code, message, help) = words(error.kind());
    let span = Span {
        file,
        start: offset(at),
        end: offset(at + length),
    };
    let diagnostic = Diagnostic::error(code, message).at(span);
    if help.is_empty() {
        diagnostic
    } else {
        diagnostic.help(help)
    }
}

/// Code, message and help of an error; the parser's own words where ours add nothing.
fn words(kind: &ErrorKind) -> (Code, String, &'static str) {
    use ErrorKind as E;
    let (message, help) = match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => ("a tab is used as indentation", "indent with spaces"),
        E::RecursionLimitExceeded => {
            return (
                code::YAML_LIMIT,
                "the values are nested too deeply".into(),
                "",
            );
        }
        E::MappingValueNotAllowed => (
            "a `:` is not allowed here",
            "if the text contains `: `, put it in quotes; else check the indentation",
        ),
        E::UnclosedQuotedScalar => ("a quoted text is not closed", "add the closing quote"),
        E::UnknownQuotedScalarEscape => (
            "an unknown escape in a double-quoted text",
            "write `\\\\` for a backslash, or use single quotes",
        ),
        E::UnclosedFlowCollection { open: '[' } | E::UnexpectedEofFlowSequence => {
            ("a `[` is not closed", "add the closing `]`")
        }
        E::UnclosedFlowCollection { .. } | E::UnexpectedEofFlowMapping => {
            ("a `{` is not closed", "add the closing `}`")
        }
        E::ExpectedBlockMappingKey | E::InvalidIndentation => (
            "the indentation does not fit what stands above",
            "align the line with its siblings",
        ),
        E::ExpectedBlockSequenceEntry => (
            "a list goes on with something that is no `- ` item",
            "start each item with `- ` in the same column",
        ),
        E::SimpleKeyExpected | E::InvalidSimpleKey => {
            ("a key is not followed by `:`", "write `key: value`")
        }
        E::UnexpectedCharacter { character } => {
            let message = format!("a text cannot start with `{}`", character.escape_default());
            return (code::SYNTAX, message, "put the text in quotes");
        }
        other => return (code::SYNTAX, other.to_string(), ""),
    };
    (code::SYNTAX, message.into(), help)
}

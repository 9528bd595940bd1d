//! Words of a template's line.

/// A word. Names may be dotted: `file.f_path.dentry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Name(&'static str),
    /// `$NAME`, without the dollar.
    Hole(&'static str),
    Int(i64),
    /// Punctuation.
    Mark(&'static str),
}

/// Longer marks first: the first that fits is taken.
const MARKS: &[&str] = &[
    "<<=", ">>=", "->", "=>", "~>", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "==", "!=",
    "<=", ">=", "<", ">", "&", "=", "[", "]", "(", ")", ",", ":", "+",
];

/// The words of a line, up to a comment.
pub(super) fn line(text: &'static str) -> Result<Vec<Token>, String> {
    let mut rest = text.split('#').next().unwrap_or("").trim();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '$' => 1 + word(&rest[1..]),
            '0'..='9' => word(rest),
            '-' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => 1 + word(&rest[1..]),
            _ if is_word(first) => word(rest),
            _ => mark(rest)?.len(),
        };
        let (token, tail) = rest.split_at(len);
        tokens.push(classify(token)?);
        rest = tail.trim_start();
    }
    Ok(tokens)
}

fn classify(token: &'static str) -> Result<Token, String> {
    if let Some(hole) = token.strip_prefix('$') {
        return Ok(Token::Hole(hole));
    }
    match token.chars().next() {
        Some(c) if c.is_ascii_digit() => number(token).map(Token::Int),
        Some('-') if token.len() > 1 && MARKS.iter().all(|mark| *mark != token) => {
            Ok(Token::Int(-number(&token[1..])?))
        }
        Some(c) if is_word(c) => Ok(Token::Name(token)),
        _ => Ok(Token::Mark(token)),
    }
}

fn number(text: &str) -> Result<i64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed
        .map(|value| value as i64)
        .map_err(|_| format!("{text} is not a number"))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// Bytes of the word at the start of `text`.
fn word(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

fn mark(text: &str) -> Result<&'static str, String> {
    let found = MARKS.iter().find(|mark| text.starts_with(**mark));
    found
        .copied()
        .ok_or_else(|| format!("cannot read `{text}`"))
}

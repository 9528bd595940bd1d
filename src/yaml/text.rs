//! Bytes of a file to text: encoding, byte order mark, forbidden characters.

use crate::diag::FileId;
use crate::diag::{Diagnostic, Sink, Sources, Span, code};

/// Largest file that is read. Kubernetes objects are limited to about 1.5 MiB.
pub const MAX_BYTES: usize = 4 << 20;

/// Decodes a file and adds it to the sources.
///
/// UTF-8 with or without byte order mark; UTF-16 needs one. `None`, with the reason
/// reported, if the file is too large, wrongly encoded or holds characters that YAML
/// forbids. Spans count bytes of the text without its mark.
pub fn text(name: &str, bytes: &[u8], sources: &mut Sources, sink: &mut Sink) -> Option<FileId> {
    if bytes.len() > MAX_BYTES {
        let size = format!(
            "`{name}` has {} bytes, more than the {MAX_BYTES} that are read",
            bytes.len()
        );
        sink.push(Diagnostic::error(code::YAML_LIMIT, size));
        return None;
    }
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    };
    match text {
        Ok(text) => {
            let forbidden = text.char_indices().find(|&(_, c)| !is_allowed(c));
            let file = sources.add(name, text);
            let Some((at, char)) = forbidden else {
                return Some(file);
            };
            sink.push(forbidden_character(file, at, char));
            None
        }
        Err(message) => {
            let help = "save the file as UTF-8";
            sink.push(Diagnostic::error(code::ENCODING, format!("`{name}` {message}")).help(help));
            None
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or(bytes);
            let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
            Err(format!("is not UTF-8 text: invalid byte in line {line}"))
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let pairs = bytes
        .chunks(2)
        .map(|pair| <[u8; 2]>::try_from(pair).map(unit));
    let units: Result<Vec<u16>, _> = pairs.collect();
    let units = units.map_err(|_| "is cut off in the middle of a UTF-16 character".to_owned())?;
    String::from_utf16(&units).map_err(|_| "is not valid UTF-16 text".to_owned())
}

/// The printable characters of YAML 1.1 (section 5.1).
fn is_allowed(char: char) -> bool {
    matches!(char,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn forbidden_character(file: FileId, at: usize, char: char) -> Diagnostic {
    // Offsets fit: the file is at most MAX_BYTES, its UTF-16 form at most twice that.
    let start = u32::try_from(at).unwrap_or(u32::MAX);
    let span = Span {
        file,
        start,
        end: start.saturating_add(char.len_utf8() as u32),
    };
    let message = format!(
        "the character U+{:04X} is not allowed in YAML",
        u32::from(char)
    );
    Diagnostic::error(code::ENCODING, message)
        .at(span)
        .label("this character")
        .help("remove it, or write it as an escape in double quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        match text("f.yaml", bytes, &mut sources, &mut sink) {
            Some(file) => Ok(sources.text(file).to_owned()),
            None => Err(sink.into_sorted().remove(0).message),
        }
    }

    #[test]
    fn encodings() {
        assert_eq!(read(b"a: 1").as_deref(), Ok("a: 1"));
        assert_eq!(read(b"\xef\xbb\xbfa: 1").as_deref(), Ok("a: 1"));
        assert_eq!(read(b"\xff\xfea\0:\0").as_deref(), Ok("a:"));
        assert_eq!(read(b"\xfe\xff\0a\0:").as_deref(), Ok("a:"));
    }

    #[test]
    fn refused() {
        for (bytes, message) in [
            (
                &b"a\nb\xff"[..],
                "`f.yaml` is not UTF-8 text: invalid byte in line 2",
            ),
            (
                b"\xff\xfea",
                "`f.yaml` is cut off in the middle of a UTF-16 character",
            ),
            (b"a\0", "the character U+0000 is not allowed in YAML"),
            (b"# \x7f", "the character U+007F is not allowed in YAML"),
        ] {
            assert_eq!(read(bytes), Err(message.to_owned()));
        }
        assert!(read(&vec![b'a'; MAX_BYTES + 1]).is_err());
    }
}

//! Texts and other bytes.

use super::{BytesForm, bad};
use crate::diag::{Sink, Spanned};
use crate::policy::Decode;
use crate::yaml::{Node, Value};

/// Most bytes of a value: far beyond what programs read.
const MAX_BYTES: usize = 64 * 1024;

/// The bytes of a text or of `{hex: …}`.
pub(super) fn decode(node: &Node, name: &str, sink: &mut Sink) -> Option<Vec<u8>> {
    if !matches!(node.value, Value::Mapping(_)) {
        let text = Spanned::<String>::decode(node, name, sink)?;
        return Some(text.value.into_bytes());
    }
    let form = BytesForm::decode(node, name, sink)?;
    let once = match (form.text, form.hex) {
        (Some(text), None) => text.value.into_bytes(),
        (None, Some(hex)) => match from_hex(&hex.value) {
            Some(bytes) => bytes,
            None => {
                let message = format!("`{}` is not hexadecimal", hex.value);
                sink.push(bad(
                    hex.span,
                    message,
                    "write two digits for each byte: `7f454c46`",
                ));
                return None;
            }
        },
        _ => {
            let help = "write `{text: abc, repeat: 3}` or `{hex: 7f454c46}`";
            sink.push(bad(
                node.span,
                format!("{name} has either `text` or `hex`"),
                help,
            ));
            return None;
        }
    };
    let count = form.repeat.map_or(1, |repeat| repeat.value as usize);
    if once.len().saturating_mul(count) > MAX_BYTES {
        let help = "programs read 4096 bytes";
        sink.push(bad(
            node.span,
            format!("{name} has more than {MAX_BYTES} bytes"),
            help,
        ));
        return None;
    }
    Some(once.repeat(count))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !text.len().is_multiple_of(2) {
        return None;
    }
    let pair = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::from_hex;

    #[test]
    fn bytes_have_two_digits() {
        assert_eq!(from_hex("7f45Ff"), Some(vec![0x7f, 0x45, 0xff]));
        for text in ["7", "7g", "+1", "ä1"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }
}

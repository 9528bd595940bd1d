//! Numbers, and flags joined by `|`.

use super::bad;
use crate::diag::Sink;
use crate::ir::IntType;
use crate::policy::wrong_type;
use crate::yaml::{Node, Resolved, Scalar, Value};

/// The register of a number.
pub(super) fn bits(node: &Node, ty: IntType, name: &str, sink: &mut Sink) -> Option<u64> {
    integer(node, ty, name, sink).map(|number| number as u64)
}

/// A number of a type.
pub(in crate::testing) fn integer(
    node: &Node,
    ty: IntType,
    name: &str,
    sink: &mut Sink,
) -> Option<i128> {
    let number = match &node.value {
        Value::Scalar(scalar) => number(scalar),
        _ => None,
    };
    let Some(number) = number else {
        wrong_type(node, name, "a whole number", sink);
        return None;
    };
    let (lowest, highest) = limits(ty);
    if !(lowest..=highest).contains(&number) {
        let message = format!("{name} has no value {number}");
        let help = format!("its type has the numbers from {lowest} to {highest}");
        sink.push(bad(node.span, message, help));
        return None;
    }
    Some(number)
}

/// Lowest and highest number of a type.
pub(in crate::testing) fn limits(ty: IntType) -> (i128, i128) {
    let bits = 8 * ty.bytes();
    match ty.signed() {
        true => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        false => (0, (1 << bits) - 1),
    }
}

fn number(scalar: &Scalar) -> Option<i128> {
    match scalar.resolved {
        Resolved::Int(number) => Some(number),
        Resolved::Text => {
            let parts: Option<Vec<i128>> = scalar.text.split('|').map(literal).collect();
            parts.map(|parts| parts.into_iter().fold(0, |all, part| all | part))
        }
        _ => None,
    }
}

/// A number with an optional base: `42`, `-1`, `0x2a`, `0o52`, `0b101010`.
fn literal(text: &str) -> Option<i128> {
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (base, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits),
    };
    // The standard parser takes a sign of its own.
    if digits.len() > 64 || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let number = i128::from_str_radix(digits, base).ok()?;
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_have_bases_and_signs() {
        for (text, number) in [
            ("42", 42),
            ("-1", -1),
            (" 0x2a ", 42),
            ("0o52", 42),
            ("0b101010", 42),
        ] {
            assert_eq!(literal(text), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            "--1",
            "+1",
            "0x",
            "0x-1",
            "a",
            "1_0",
            &"9".repeat(50),
        ] {
            assert_eq!(literal(text), None, "{text}");
        }
    }
}

//! Numbers as policies write them: `7`, `-1`, `0x1f`, `0o17`, `017`, `0b11`, `1_000`; ranges `1:9`.

use super::filters::bad_value;
use crate::diag::{Sink, Spanned};
use crate::ir::IntType;

/// Lowest and highest number of a type.
pub(super) fn limits(ty: IntType) -> (i128, i128) {
    let bits = 8 * ty.bytes();
    if ty.signed() {
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    } else {
        (0, (1 << bits) - 1)
    }
}

/// The bits of a number as a value extended to 64 bits by its type has them.
pub(super) fn bits(value: i128, ty: IntType) -> u64 {
    let bits = value as u64;
    if ty.bytes() == 8 {
        bits
    } else {
        bits & ((1 << (8 * ty.bytes())) - 1)
    }
}

/// A Go integer literal with base prefix.
pub(super) fn number(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    let starts_well = plain.starts_with(|c: char| c.is_digit(radix));
    let value = i128::from_str_radix(&plain, radix)
        .ok()
        .filter(|_| starts_well)?;
    Some(if negative { -value } else { value })
}

/// One number, as a range of one.
pub(super) fn single(text: &Spanned<String>, ty: IntType, sink: &mut Sink) -> Option<(i128, i128)> {
    let value = number(&text.value);
    fitting(text, value.map(|value| (value, value)), ty, sink)
}

/// A number or a range with both ends, in any order.
pub(super) fn range(text: &Spanned<String>, ty: IntType, sink: &mut Sink) -> Option<(i128, i128)> {
    let ends = match text.value.split_once(':') {
        Some((lo, hi)) => number(lo.trim()).zip(number(hi.trim())),
        None => number(&text.value).map(|value| (value, value)),
    };
    fitting(text, ends.map(|(a, b)| (a.min(b), a.max(b))), ty, sink)
}

/// The range, if the type has all its numbers.
fn fitting(
    text: &Spanned<String>,
    range: Option<(i128, i128)>,
    ty: IntType,
    sink: &mut Sink,
) -> Option<(i128, i128)> {
    let (lowest, highest) = limits(ty);
    match range {
        Some((lo, hi)) if lo >= lowest && hi <= highest => Some((lo, hi)),
        Some(_) => {
            let what =
                format!("a number that the argument's type can have ({lowest} to {highest})");
            bad_value(
                &text.value,
                text.span,
                &what,
                "the filter could never match it",
                sink,
            );
            None
        }
        None => {
            let help = "write a number (`7`, `-1`, `0x1f`) or, for sets, a range `1:9`";
            bad_value(&text.value, text.span, "a number", help, sink);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_go_prefixes() {
        let cases = [
            ("7", Some(7)),
            ("-1", Some(-1)),
            ("0x1F", Some(31)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("0b11", Some(3)),
            ("1_000", Some(1000)),
            ("0", Some(0)),
            ("", None),
            ("0x", None),
            ("--1", None),
            ("1.5", None),
            ("ten", None),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn masks_have_the_width_of_the_type() {
        assert_eq!(bits(-1, IntType::I32), 0xffff_ffff);
        assert_eq!(bits(-1, IntType::I64), u64::MAX);
        assert_eq!(limits(IntType::I8), (-128, 127));
        assert_eq!(limits(IntType::U64), (0, i128::from(u64::MAX)));
    }
}

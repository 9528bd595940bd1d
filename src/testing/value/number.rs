//! Numbers, and flags joined by `|`. A text is the number that it is in a policy: `"0644"` is octal.

use super::bad;
use crate::check::literal;
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
            let parts: Option<Vec<i128>> = scalar.text.split('|').map(part).collect();
            parts.map(|parts| parts.into_iter().fold(0, |all, part| all | part))
        }
        _ => None,
    }
}

/// A number beyond all types is one nobody can write.
fn part(text: &str) -> Option<i128> {
    literal(text.trim(), true).filter(|number| number.unsigned_abs() <= u64::MAX.into())
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_are_numbers_of_policies() {
        for (text, number) in [
            ("42", 42),
            ("-1", -1),
            (" 0x2a ", 42),
            ("0o52", 42),
            ("052", 42),
            ("0b101010", 42),
            ("1_000", 1000),
        ] {
            assert_eq!(part(text), Some(number), "{text}");
        }
        for text in ["", "-", "--1", "0x", "0x-1", "a", "08", &"9".repeat(50)] {
            assert_eq!(part(text), None, "{text}");
        }
    }
}

//! Types of plain scalars, by the rules of `sigs.k8s.io/yaml`.
//!
//! Those are YAML 1.1 as go-yaml v2 has it: `yes`, `no`, `on`, `off`, `y`, `n` are
//! booleans; numbers are Go literals with base prefixes and `_`; dates are text; a
//! decimal with leading zeros that is no octal literal is decimal (`089`).

/// Type and value of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resolved {
    Null,
    Bool(bool),
    /// In the range of `i64` or `u64`, or a float without fraction in it.
    Int(i128),
    Float(f64),
    Text,
}

const TRUE: &[&str] = &[
    "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE",
];
const FALSE: &[&str] = &[
    "n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE",
];
const NULL: &[&str] = &["", "~", "null", "Null", "NULL"];
const INFINITE: &[&str] = &[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"];
const NEGATIVE_INFINITE: &[&str] = &["-.inf", "-.Inf", "-.INF"];
const NOT_A_NUMBER: &[&str] = &[".nan", ".NaN", ".NAN"];

/// What an unquoted text means.
pub(super) fn resolve(text: &str) -> Resolved {
    let among = |words: &[&str]| words.contains(&text);
    if among(NULL) {
        Resolved::Null
    } else if among(TRUE) {
        Resolved::Bool(true)
    } else if among(FALSE) {
        Resolved::Bool(false)
    } else if among(INFINITE) {
        Resolved::Float(f64::INFINITY)
    } else if among(NEGATIVE_INFINITE) {
        Resolved::Float(f64::NEG_INFINITY)
    } else if among(NOT_A_NUMBER) {
        Resolved::Float(f64::NAN)
    } else {
        number(text).unwrap_or(Resolved::Text)
    }
}

/// A number: integer literal first, then decimal float.
fn number(text: &str) -> Option<Resolved> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let digits = text.replace('_', "");
    if let Some(value) = integer(&digits) {
        return Some(Resolved::Int(value));
    }
    if !is_decimal_float(&digits) {
        return None;
    }
    let value: f64 = digits.parse().ok()?;
    // Exact in i128: below 2^63 every integral f64 is.
    let integral = value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0;
    Some(if integral {
        Resolved::Int(value as i128)
    } else {
        Resolved::Float(value)
    })
}

/// A Go integer literal in the range of `i64` or `u64`.
fn integer(text: &str) -> Option<i128> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (base, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let value = i128::from_str_radix(digits, base).ok()?;
    let value = if negative { -value } else { value };
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&value)
        .then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |s: &str| s.chars().all(|c| c.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    mantissa_ok && exponent_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_go_literals() {
        for (text, value) in [
            ("0", 0),
            ("0x1f", 31),
            ("0X1F", 31),
            ("017", 15),
            ("0o17", 15),
            ("0b101", 5),
            ("1_000", 1000),
            ("+1", 1),
            ("-5", -5),
            ("08", 8),
            ("089", 89),
            ("1e3", 1000),
            ("1.", 1),
            ("1.0", 1),
            ("18446744073709551615", u64::MAX.into()),
        ] {
            assert_eq!(resolve(text), Resolved::Int(value), "{text}");
        }
    }

    #[test]
    fn floats_beyond_integers() {
        for text in [
            ".5",
            "1.5",
            "18446744073709551616",
            "-1e30",
            ".inf",
            "-.Inf",
            ".nan",
        ] {
            assert!(matches!(resolve(text), Resolved::Float(_)), "{text}");
        }
    }

    #[test]
    fn words_of_yaml_1_1() {
        for text in ["yes", "ON", "y", "True"] {
            assert_eq!(resolve(text), Resolved::Bool(true), "{text}");
        }
        for text in ["no", "Off", "N", "FALSE"] {
            assert_eq!(resolve(text), Resolved::Bool(false), "{text}");
        }
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(resolve(text), Resolved::Null, "{text}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            "tRUE",
            "0b12",
            "0x",
            "1:30",
            "2001-01-01",
            "1.2.3",
            "-",
            "+",
            ".",
            "e3",
            "1e",
            "0x1p3",
            "--1",
            "+-1",
            "/bin/sh",
            "1 2",
            "ä",
            "0ä",
        ] {
            assert_eq!(resolve(text), Resolved::Text, "{text}");
        }
    }
}

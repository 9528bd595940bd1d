//! Numbers as policies write them.
//!
//! Two grammars, both Go's: a *literal* has a base prefix and separators (`7`, `-1`, `0x1f`, `0o17`, `017`,
//! `0b11`, `1_000`); a *decimal* is digits only, and leading zeros mean nothing. Only signed types take a sign.
//! A range `a:b` has both ends.
//!
//! [`parse`] asks whether a text is a number or range of the language, [`cut`] whether the type has such numbers: for
//! Tetragon reads most types into wider ones, where a value can then equal nothing.

use crate::ir::IntType;
use crate::policy::{ArgType, Operator};

/// Numbers from the first to the second.
pub type Range = (i128, i128);

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    /// One literal.
    Literal,
    /// Two literals, in order.
    LiteralRange,
    /// One decimal, or two in any order.
    DecimalRange,
}

impl Grammar {
    /// How an operator reads the values of integers.
    pub(super) fn of(operator: Operator) -> Self {
        match operator {
            Operator::InRange | Operator::NotInRange => Self::LiteralRange,
            Operator::InMap | Operator::NotInMap => Self::DecimalRange,
            _ => Self::Literal,
        }
    }
}

/// A type of integers as values of filters are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer {
    pub(super) ty: IntType,
    /// Whether numbers may have a sign.
    pub(super) signed: bool,
    /// Whether Tetragon compares 32 bits.
    narrow: bool,
}

impl Integer {
    /// `None` for types that are no integers.
    pub(super) fn of(ty: ArgType) -> Option<Self> {
        use ArgType as T;
        let int = match ty {
            T::Int8 => IntType::I8,
            T::Uint8 => IntType::U8,
            T::Int16 => IntType::I16,
            T::Uint16 => IntType::U16,
            T::Int | T::Int32 => IntType::I32,
            T::Uint32 => IntType::U32,
            T::Int64 | T::Syscall64 => IntType::I64,
            T::Uint64 | T::SizeT => IntType::U64,
            _ => return None,
        };
        Some(Self {
            ty: int,
            // Written as a signed number.
            signed: int.signed() || ty == T::SizeT,
            narrow: int.bytes() < 8 || ty == T::SizeT,
        })
    }

    /// Ports, protocols, families and states: Tetragon reads all into 64 bits.
    pub(super) const fn unsigned(ty: IntType) -> Self {
        Self {
            ty,
            signed: false,
            narrow: false,
        }
    }

    /// What Tetragon reads for the type (`writeMatchValues`, `writeMatchValuesRange` and `writeMatchValuesInMap` in
    /// `pkg/selectors/kernel.go`).
    pub(super) fn read_by_tetragon(self, grammar: Grammar) -> Range {
        match grammar {
            Grammar::Literal => limits(match (self.narrow, self.signed) {
                (true, true) => IntType::I32,
                (true, false) => IntType::U32,
                (false, true) => IntType::I64,
                (false, false) => IntType::U64,
            }),
            Grammar::LiteralRange if self.narrow => {
                (limits(IntType::I64).0, limits(IntType::U32).1)
            }
            Grammar::LiteralRange => limits(IntType::I64),
            Grammar::DecimalRange if self.signed => limits(IntType::I64),
            Grammar::DecimalRange => limits(IntType::U64),
        }
    }
}

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Syntax,
    /// An end of a range has a sign that the type does not have.
    Negative,
}

/// Lowest and highest number of a type.
pub(super) fn limits(ty: IntType) -> Range {
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

/// What is wrong with a text, and what to write instead.
#[derive(Debug)]
pub(super) struct Wrong {
    /// After the text.
    pub(super) what: String,
    pub(super) help: String,
    /// It is a number, but not one of the type.
    pub(super) by_type: bool,
}

/// A number or range as it is written, if Tetragon reads it or the type has such numbers.
pub(super) fn parse(text: &str, grammar: Grammar, integer: Integer) -> Result<Range, Wrong> {
    let wrong = |what: &str, help| Wrong {
        what: what.to_owned(),
        help,
        by_type: false,
    };
    match read(text, grammar, integer.signed) {
        Ok(range) => {
            let read = integer.read_by_tetragon(grammar);
            let has = |limits| overlap(range, limits);
            match has(read) || has(limits(integer.ty)) {
                true => Ok(range),
                false => Err(beyond(range, integer.ty)),
            }
        }
        Err(Fault::Negative) => {
            let help = "write two numbers from 0, such as `0:9`".to_owned();
            Err(wrong("has an end below 0, where the type ends", help))
        }
        Err(Fault::Syntax) => Err(wrong(wanted(grammar), corrected(text, grammar))),
    }
}

/// A range as far as the type has its numbers.
pub(super) fn cut((from, to): Range, ty: IntType) -> Result<Range, Wrong> {
    let (lowest, highest) = limits(ty);
    if from > to {
        return Err(Wrong {
            what: "is no range: its end is below its start".to_owned(),
            help: format!("write `{to}:{from}`"),
            by_type: false,
        });
    }
    match overlap((from, to), (lowest, highest)) {
        true => Ok((from.max(lowest), to.min(highest))),
        false => Err(beyond((from, to), ty)),
    }
}

fn overlap((from, to): Range, (lowest, highest): Range) -> bool {
    from.min(to) <= highest && from.max(to) >= lowest
}

/// Of numbers that the type does not have.
fn beyond(range: Range, ty: IntType) -> Wrong {
    let (lowest, highest) = limits(ty);
    Wrong {
        what: format!("is not between {lowest} and {highest}"),
        help: other_sign(range, ty),
        by_type: true,
    }
}

fn wanted(grammar: Grammar) -> &'static str {
    match grammar {
        Grammar::Literal => "is not a number",
        Grammar::LiteralRange => "is not a range of numbers",
        Grammar::DecimalRange => "is not a decimal number or range",
    }
}

/// What to write for a number of the type's width whose sign is wrong.
fn other_sign((lo, hi): Range, ty: IntType) -> String {
    let (modulus, (lowest, highest)) = (1 << (8 * ty.bytes()), limits(ty));
    let half = modulus / 2;
    let other = match ty.signed() {
        true if lo > highest && lo < modulus => Some(lo - modulus),
        false if lo < lowest && lo >= -half => Some(lo + modulus),
        _ => None,
    };
    match other {
        Some(other) if lo == hi => format!("write `{other}`, which has the same bits"),
        _ => "write a number in this range, or remove this one".to_owned(),
    }
}

/// What to write for a text that another grammar takes.
fn corrected(text: &str, grammar: Grammar) -> String {
    let trimmed = text.trim();
    if let Some(value) = literal(trimmed, true) {
        return match grammar {
            Grammar::LiteralRange => format!("write `{trimmed}:{trimmed}`, or use `Equal`"),
            _ => format!("write `{value}`"),
        };
    }
    if text.starts_with("list:") {
        return "write the numbers themselves".to_owned();
    }
    let help = match grammar {
        Grammar::Literal if read(trimmed, Grammar::DecimalRange, true).is_ok() => {
            match decimal(trimmed, true) {
                Some(value) => return format!("write `{value}`: a leading 0 makes a number octal"),
                None => "use `InRange` or `NotInRange` for a range",
            }
        }
        Grammar::Literal => "write one number, such as `7`, `-1` or `0x1f`",
        Grammar::LiteralRange => "write both ends, such as `1:9` or `0x10:0x1f`",
        Grammar::DecimalRange => "write a number such as `7`, or both ends of a range, `1:9`",
    };
    help.to_owned()
}

fn read(text: &str, grammar: Grammar, signed: bool) -> Result<Range, Fault> {
    let (one, ends): (fn(&str, bool) -> Option<i128>, _) = match grammar {
        Grammar::Literal => (literal, None),
        // Ends are read with their sign whatever the type.
        Grammar::LiteralRange => (literal, Some(text.split_once(':').ok_or(Fault::Syntax)?)),
        Grammar::DecimalRange => (decimal, text.split_once(':')),
    };
    let Some((from, to)) = ends else {
        return one(text, signed)
            .map(|value| (value, value))
            .ok_or(Fault::Syntax);
    };
    let signed = signed || grammar == Grammar::LiteralRange;
    let from = one(from, signed).ok_or(Fault::Syntax)?;
    let to = one(to, signed).ok_or(Fault::Syntax)?;
    match grammar {
        Grammar::DecimalRange if !signed && from.min(to) < 0 => Err(Fault::Negative),
        Grammar::DecimalRange => Ok((from.min(to), from.max(to))),
        _ => Ok((from, to)),
    }
}

/// A decimal number: digits, with a sign if it may have one.
fn decimal(text: &str, signed: bool) -> Option<i128> {
    let (negative, digits) = sign(text, signed)?;
    value(digits, 10, negative).filter(|value| signed || !negative || *value != 0)
}

/// A Go integer literal: `strconv.ParseInt` with base 0.
pub(crate) fn literal(text: &str, signed: bool) -> Option<i128> {
    let (negative, digits) = sign(text, signed)?;
    let lower = digits.to_ascii_lowercase();
    let (radix, prefixed, digits) = match lower.get(..2) {
        Some("0x") => (16, true, &lower[2..]),
        Some("0o") => (8, true, &lower[2..]),
        Some("0b") => (2, true, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, true, &lower[1..]),
        _ => (10, false, lower.as_str()),
    };
    // A separator stands between two digits; a prefix counts as one.
    let misplaced =
        digits.starts_with('_') && !prefixed || digits.ends_with('_') || digits.contains("__");
    if misplaced {
        return None;
    }
    let value = value(&digits.replace('_', ""), radix, negative);
    value.filter(|value| signed || !negative || *value != 0)
}

/// A literal of 64 bits without a sign: `strconv.ParseUint` with base 0.
pub(super) fn unsigned(text: &str) -> Option<u64> {
    literal(text, false).and_then(|value| value.try_into().ok())
}

/// Splits a sign off; an unsigned number may have none, except to say that it is negative and out of range.
fn sign(text: &str, signed: bool) -> Option<(bool, &str)> {
    match text.strip_prefix(['-', '+']) {
        Some(digits) if text.starts_with('-') => Some((true, digits)),
        Some(digits) => signed.then_some((false, digits)),
        None => Some((false, text)),
    }
}

/// A number beyond all types stays beyond them.
fn value(digits: &str, radix: u32, negative: bool) -> Option<i128> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).unwrap_or(i128::MAX);
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_those_of_go() {
        let cases = [
            ("7", Some(7)),
            ("-1", Some(-1)),
            ("+1", Some(1)),
            ("-0", Some(0)),
            ("0x1F", Some(31)),
            ("0X_1", Some(1)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("0_7", Some(7)),
            ("0b11", Some(3)),
            ("1_000", Some(1000)),
            ("0", Some(0)),
            ("", None),
            ("0x", None),
            ("08", None),
            ("_1", None),
            ("1_", None),
            ("1__0", None),
            ("--1", None),
            ("+-1", None),
            ("1.5", None),
            ("1e3", None),
            (" 1", None),
            ("ten", None),
            ("５", None),
        ];
        for (text, expected) in cases {
            assert_eq!(literal(text, true), expected, "{text}");
        }
        assert_eq!(literal("+1", false), None);
        assert_eq!(literal("-0", false), None);
        assert_eq!(literal("-1", false), Some(-1));
        assert_eq!(literal(&"9".repeat(99), true), Some(i128::MAX));
    }

    #[test]
    fn decimals_have_digits_only() {
        let cases = [
            ("010", Some(10)),
            ("-1", Some(-1)),
            ("+1", Some(1)),
            ("0x1", None),
            ("1_0", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decimal(text, true), expected, "{text}");
        }
    }

    #[test]
    fn ranges() {
        use Grammar::{DecimalRange, Literal, LiteralRange};
        let cases = [
            (Literal, "1:2", true, Err(Fault::Syntax)),
            (LiteralRange, "0x1:1_0", false, Ok((1, 10))),
            (LiteralRange, "-5:5", false, Ok((-5, 5))),
            (LiteralRange, "5", true, Err(Fault::Syntax)),
            (LiteralRange, "2:1", true, Ok((2, 1))),
            (LiteralRange, "1:2:3", true, Err(Fault::Syntax)),
            (DecimalRange, "2:1", false, Ok((1, 2))),
            (DecimalRange, "5", false, Ok((5, 5))),
            (DecimalRange, "-5:5", true, Ok((-5, 5))),
            (DecimalRange, "-5:5", false, Err(Fault::Negative)),
            (DecimalRange, "1:", true, Err(Fault::Syntax)),
            (DecimalRange, "1 :2", true, Err(Fault::Syntax)),
        ];
        for (grammar, text, signed, expected) in cases {
            assert_eq!(read(text, grammar, signed), expected, "{text}");
        }
    }

    #[test]
    fn advice_is_what_to_write() {
        use Grammar::{DecimalRange, Literal, LiteralRange};
        let cases = [
            (Literal, " 1", "write `1`"),
            (Literal, "08", "write `8`: a leading 0 makes a number octal"),
            (Literal, "1:9", "use `InRange` or `NotInRange` for a range"),
            (DecimalRange, "0x1f", "write `31`"),
            (DecimalRange, "1_000", "write `1000`"),
            (LiteralRange, "5", "write `5:5`, or use `Equal`"),
        ];
        for (grammar, text, help) in cases {
            assert_eq!(corrected(text, grammar), help, "{text}");
        }
    }

    #[test]
    fn ranges_are_cut_to_the_type_and_single_numbers_are_not() {
        let cut_by = |wrong: Result<Range, Wrong>| wrong.map_err(|wrong| wrong.by_type);
        assert_eq!(cut_by(cut((1000, 99999), IntType::U16)), Ok((1000, 65535)));
        assert_eq!(cut_by(cut((70000, 70000), IntType::U16)), Err(true));
        assert_eq!(cut_by(cut((2, 1), IntType::U16)), Err(false));
        let help = |value, ty| cut((value, value), ty).map_err(|wrong| wrong.help);
        assert!(help(0xffff_ffff, IntType::I32).is_err_and(|help| help.contains("`-1`")));
        assert!(help(-1, IntType::U8).is_err_and(|help| help.contains("`255`")));
        assert!(help(300, IntType::U8).is_err_and(|help| help.contains("remove this one")));
    }

    #[test]
    fn the_language_has_what_tetragon_reads_or_the_type_has() {
        use Grammar::{DecimalRange, Literal, LiteralRange};
        let cases = [
            (ArgType::Int8, Literal, "300", true),
            (ArgType::Int8, Literal, "2147483648", false),
            (ArgType::Uint8, Literal, "-1", false),
            (ArgType::SizeT, Literal, "-1", true),
            (ArgType::SizeT, Literal, "0xffffffffffffffff", true),
            (ArgType::Int, DecimalRange, "4294967296", true),
            (ArgType::Int, DecimalRange, "9223372036854775808", false),
            (ArgType::Int, LiteralRange, "0:99999999999", true),
            (ArgType::Int, LiteralRange, "99999999998:99999999999", false),
            (ArgType::Uint64, LiteralRange, "0:9223372036854775808", true),
        ];
        for (ty, grammar, text, good) in cases {
            let integer = Integer::of(ty).expect("an integer");
            assert_eq!(parse(text, grammar, integer).is_ok(), good, "{ty} {text}");
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

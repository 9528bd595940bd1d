//! `argRegs`: what a uprobe's `Override` writes into registers.
//!
//! `DST=SRC`, where the source is a number, `%REG`, `NUMBER%REG` (the sum), `(%REG)` or `NUMBER(%REG)` (the memory
//! there); blanks may stand around the parts. Numbers are literals of 64 bits with a sign.
//!
//! Source: `pkg/asm/assignment_linux.go`.

use crate::check::numbers;
use crate::check::registers;

/// What is wrong with an assignment, and what to write instead.
type Fault = (String, String);

pub(super) fn check(text: &str) -> Result<(), Fault> {
    let form = || "write `rax=0x1`, `rax=%rdi`, `rsp=8%rsp` or `rip=8(%rsp)`".to_owned();
    let fault = |what: &str| Err((what.to_owned(), form()));
    let Some((to, from)) = text.split_once('=') else {
        return fault("it has no `=`");
    };
    let (to, from) = (to.trim(), from.trim());
    if to.is_empty() || from.is_empty() || from.contains('=') {
        return fault("it is not one register and one value");
    }
    register(to)?;
    let (offset, rest) = from.split_at(from.find(['(', '%']).unwrap_or(from.len()));
    let offset = offset.trim();
    if rest.is_empty() {
        return match () {
            () if is_number(offset) => Ok(()),
            () if registers::is_known(offset) => Err((
                format!("`{offset}` is no number"),
                format!("write `{to}=%{offset}`"),
            )),
            () => fault("its value is no number"),
        };
    }
    if !offset.is_empty() && !is_number(offset) {
        return fault("the offset is no number");
    }
    let inner = match rest.strip_prefix('(') {
        Some(inner) => inner.trim_start().strip_suffix(')').map(str::trim_end),
        None => Some(rest),
    };
    match inner.and_then(|inner| inner.strip_prefix('%')) {
        Some(name) if !name.is_empty() => register(name),
        _ => fault("its value is no register"),
    }
}

/// The registers that an assignment names.
pub(in crate::check) fn registers_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| registers::is_known(word))
}

fn register(name: &str) -> Result<(), Fault> {
    match registers::is_known(name) {
        true => Ok(()),
        false => Err((
            format!("there is no register `{name}`"),
            registers::advice(name),
        )),
    }
}

/// A number of 64 bits, with or without a sign.
fn is_number(text: &str) -> bool {
    let negative = text.strip_prefix('-').and_then(numbers::unsigned);
    let in_range = negative.is_some_and(|value| value <= 1 << 63);
    in_range || numbers::unsigned(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments() {
        for good in [
            "rax=0x1",
            "rax=-1",
            "rax = 010",
            "rax=%rdi",
            "rsp=8%rsp",
            "rip=(%rsp)",
            "rip=0x20 ( %rsp )",
            "rax=-8(%rdi)",
            "x0=%x1",
            "rax=1_0",
            "rax=18446744073709551615",
            "rax=-9223372036854775808",
            "al=1",
            "rax=%rdi ",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "rax",
            "rax=",
            "=1",
            "rax=1=2",
            "rax==1",
            "zz=1",
            "rax=rdi",
            "rax=%zz",
            "rax=4%rdi)",
            "rax=(%rdi",
            "rax=(rdi)",
            "rax=x(%rdi)",
            "rax=%",
            "rax=()",
            "rax=-9223372036854775809",
            "rax=18446744073709551616",
            "rax=%rdi%rsi",
            "rax=1.5",
            "rax=+1",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let fault = check("rax=rdi").map_err(|(_, help)| help);
        assert_eq!(fault, Err("write `rax=%rdi`".to_owned()));
    }
}

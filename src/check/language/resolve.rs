//! `resolve`: the way from a value to a member of it, `f_path.dentry.d_name[0]`.
//!
//! Identifiers of C separated by `.`, each with subscripts of decimal numbers. A `.` at the beginning or the end
//! means nothing. Whether the members exist is for the kernel's types to say.
//!
//! Source: `formatBTFPath` in `pkg/sensors/tracing/generic.go`, `parseArrayIdxStr` in `pkg/btf/btf.go`.

use crate::check::{refuse, shown, unless_placeholder};
use crate::diag::{Sink, Spanned, code};

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    Member(&'a str),
    Element(u32),
}

/// The steps of a path; `None` means reported.
pub(super) fn path<'a>(text: &'a Spanned<String>, sink: &mut Sink) -> Option<Vec<Step<'a>>> {
    match steps(&text.value) {
        Ok(steps) => Some(steps),
        Err(why) => {
            let message = format!("`{}` leads to no member: {why}", shown(&text.value));
            let help = unless_placeholder(text, help(&text.value));
            refuse(sink, code::BAD_RESOLVE, text.span, message, help);
            None
        }
    }
}

/// The steps of a path, or what is wrong with it.
pub(crate) fn steps(text: &str) -> Result<Vec<Step<'_>>, &'static str> {
    let mut steps = Vec::new();
    let inner = text.strip_prefix('.').unwrap_or(text);
    let inner = inner.strip_suffix('.').unwrap_or(inner);
    for part in inner.split('.') {
        let may_begin = steps.is_empty() && !text.starts_with('.');
        if part.is_empty() || part.starts_with('[') && !may_begin {
            return Err("a name is missing");
        }
        part_of(part, &mut steps)?;
    }
    Ok(steps)
}

/// A name and subscripts. Another name may follow at once, as if a `.` were between.
fn part_of<'a>(part: &'a str, steps: &mut Vec<Step<'a>>) -> Result<(), &'static str> {
    let mut rest = part;
    while !rest.is_empty() {
        if let Some(bracketed) = rest.strip_prefix('[') {
            let (number, after) = bracketed.split_once(']').ok_or("a `[` is not closed")?;
            let digits = Some(number).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let number = digits.and_then(|text| text.parse().ok());
            steps.push(Step::Element(
                number.ok_or("subscripts are decimal numbers")?,
            ));
            rest = after;
        } else {
            let (name, after) = rest.split_at(rest.find('[').unwrap_or(rest.len()));
            if !is_identifier(name) {
                return Err("names have letters, digits and `_`");
            }
            steps.push(Step::Member(name));
            rest = after;
        }
    }
    Ok(())
}

fn is_identifier(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn help(text: &str) -> String {
    let better: String = text.replace("->", ".").split_whitespace().collect();
    let mut better = better.trim_matches('.').to_owned();
    while better.contains("..") {
        better = better.replace("..", ".");
    }
    match better != text && steps(&better).is_ok() {
        true => format!("write `{better}`"),
        false => "write members separated by `.`, such as `f_path.dentry.d_name.name`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::{Element, Member};

    #[test]
    fn paths() {
        let cases = [
            ("pid", vec![Member("pid")]),
            (".f_mode", vec![Member("f_mode")]),
            ("f_mode.", vec![Member("f_mode")]),
            (
                "a.b[3].c",
                vec![Member("a"), Member("b"), Element(3), Member("c")],
            ),
            ("[2].x", vec![Element(2), Member("x")]),
            ("[0]", vec![Element(0)]),
            ("[0].", vec![Element(0)]),
            ("a[0]b", vec![Member("a"), Element(0), Member("b")]),
            ("a[1][2]", vec![Member("a"), Element(1), Element(2)]),
        ];
        for (text, expected) in cases {
            assert_eq!(steps(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn no_paths() {
        for bad in [
            "",
            ".",
            "a..b",
            "a.[0]",
            ".[0]",
            "[]",
            "a[]",
            "a[b]",
            "a[0x1]",
            "a[[0]]",
            "a[0",
            "a]",
            "a->b",
            " a",
            "a [0]",
            "é",
            "a[4294967296]",
            "1a",
            "a[-1]",
        ] {
            assert!(steps(bad).is_err(), "{bad}");
        }
        assert_eq!(help("f_path->dentry"), "write `f_path.dentry`");
        assert_eq!(help(" f..mode"), "write `f.mode`");
    }
}

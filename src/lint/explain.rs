//! Explanations of every code: of lint rules from their files, of all others from [`pages`].

use std::borrow::Cow;
use std::fmt::Write;

use super::examples::Example;
use super::levels::code_of;
use super::registry::{RULES, by_code};
use super::rule::Rule;
use crate::diag::render::About;
use crate::diag::{Code, code, pages};

/// The code that a user means by a code, a number or a name.
pub fn find(text: &str) -> Option<Code> {
    let upper = text.to_ascii_uppercase();
    let digits = upper.strip_prefix("TPC").unwrap_or(&upper);
    let number = digits.parse().ok().map(Code).filter(|code| is_known(*code));
    number.or_else(|| {
        let name = text.to_ascii_lowercase();
        let entry = code::TABLE.iter().find(|entry| entry.name == name);
        entry
            .map(|entry| entry.code)
            .or_else(|| code_of(&name).ok())
    })
}

/// Whether a code exists.
pub fn is_known(code: Code) -> bool {
    by_code(code).is_some() || pages::page(code).is_some()
}

/// Every code, sorted.
pub fn codes() -> Vec<Code> {
    let rules = RULES.iter().map(|rule| rule.code);
    let mut all: Vec<Code> = code::TABLE
        .iter()
        .map(|entry| entry.code)
        .chain(rules)
        .collect();
    all.sort_unstable();
    all
}

/// Name, title and page of a code.
pub fn about(code: Code) -> About {
    match by_code(code) {
        Some(rule) => About {
            name: Cow::Borrowed(rule.name),
            title: Cow::Borrowed(rule.docs.summary),
            page: of_rule(rule),
            level: rule.level.severity(),
            tags: vec![rule.group.name()],
        },
        None => About {
            page: of_code(code),
            tags: vec![stage(code)],
            ..About::of(code)
        },
    }
}

/// What found a problem, by the range of its code.
fn stage(code: Code) -> &'static str {
    match code.0 / 1000 {
        0 => "reading",
        1 => "language",
        3 => "compiling",
        5 => "testing",
        _ => "loading",
    }
}

fn of_code(code: Code) -> String {
    let Some(page) = pages::page(code) else {
        return String::new();
    };
    format!(
        "# {code} {}\n\n{}.\n\n{}\n\n## What to do\n\n{}\n",
        code.name(),
        sentence(code.title()),
        page.meaning,
        page.remedy
    )
}

fn of_rule(rule: &Rule) -> String {
    let docs = &rule.docs;
    let mut out = format!(
        "# {} {}\n\nFinds: {}.\n\n",
        rule.code, rule.name, docs.summary
    );
    let targets: Vec<&str> = rule.targets.iter().map(|target| target.name()).collect();
    let target = match targets.as_slice() {
        [] => String::new(),
        all => format!("; with `--target {}`", all.join("` or `--target ")),
    };
    let facts = format!(
        "Group `{}`, level `{}` by default, since {}{target}.",
        rule.group,
        rule.level.name(),
        rule.since
    );
    let examples = [("Example", docs.bad), ("Use instead", docs.good)];
    let _ = write!(out, "{facts}\n\n## Why it is bad\n\n{}\n", docs.why);
    for (title, text) in examples {
        let _ = write!(
            out,
            "\n## {title}\n\n```yaml\n{}```\n",
            Example::new(text).text
        );
    }
    let _ = write!(out, "\n## How to fix it\n\n{}\n", docs.fix);
    out
}

fn sentence(title: &str) -> String {
    let mut chars = title.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_each_of_its_names() {
        for code in codes() {
            let about = about(code);
            assert!(
                about.page.starts_with(&format!("# {code} {}", about.name)),
                "{code}"
            );
            assert!(!about.title.is_empty() && !about.tags.is_empty(), "{code}");
            for name in [code.to_string(), code.0.to_string(), about.name.to_string()] {
                assert_eq!(find(&name), Some(code), "{name}");
            }
        }
        assert_eq!(find("tpc0003"), Some(code::SYNTAX));
        assert_eq!(find("TPC9999"), None);
        assert_eq!(find(""), None);
    }
}

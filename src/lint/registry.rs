//! Every rule, in one table.

use super::rule::Rule;
use super::rules;
use crate::diag::Code;

pub(super) use rules::unexplained_suppression::RULE as UNEXPLAINED_SUPPRESSION;
pub(super) use rules::unknown_suppression::RULE as UNKNOWN_SUPPRESSION;
pub(super) use rules::unreadable_suppression::RULE as UNREADABLE_SUPPRESSION;
pub(super) use rules::unused_suppression::RULE as UNUSED_SUPPRESSION;

/// Every rule, sorted by code.
pub static RULES: &[&Rule] = rules::ALL;

/// The rule of a code.
pub fn by_code(code: Code) -> Option<&'static Rule> {
    let row = RULES.binary_search_by_key(&code, |rule| rule.code);
    row.ok().and_then(|row| RULES.get(row)).copied()
}

/// The rule of a name.
pub fn by_name(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::super::rule::Level;
    use super::*;
    use crate::diag::code;

    #[test]
    fn sorted_unique_and_in_their_range() {
        for pair in RULES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{}", pair[1].name);
        }
        for rule in RULES {
            assert_eq!(rule.code.0 / 1000, 2, "{}", rule.name);
            let taken = code::TABLE.iter().any(|entry| entry.name == rule.name);
            assert!(!taken, "{} is the name of a code", rule.name);
            let same = RULES.iter().filter(|other| other.name == rule.name);
            assert_eq!(same.count(), 1, "{}", rule.name);
            // A hundred codes for each group.
            let group = RULES
                .iter()
                .find(|other| other.code.0 / 100 == rule.code.0 / 100);
            assert!(
                group.is_some_and(|other| other.group == rule.group),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn named_by_what_is_wrong() {
        for rule in RULES {
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(rule.name.chars().all(kebab), "{}", rule.name);
            for verb in [
                "no-", "use-", "require-", "prefer-", "avoid-", "must-", "check-",
            ] {
                assert!(
                    !rule.name.starts_with(verb),
                    "allow {} reads wrong",
                    rule.name
                );
            }
        }
    }

    #[test]
    fn documented() {
        for rule in RULES {
            let docs = &rule.docs;
            let first = docs.summary.chars().next();
            assert!(first.is_some_and(|c| !c.is_uppercase()), "{}", rule.name);
            assert!(
                !docs.summary.ends_with('.') && !docs.summary.contains('\n'),
                "{}",
                rule.name
            );
            for text in [docs.why, docs.fix] {
                assert!(
                    text.trim_end().ends_with('.') && text.trim() == text,
                    "{}: {text}",
                    rule.name
                );
            }
            assert!(rule.since.split('.').count() == 3, "{}", rule.name);
            assert!(
                rule.level != Level::Off || docs.why.contains("off by default"),
                "{}",
                rule.name
            );
        }
    }
}

//! What filters say, so that they can be compared: which values pass.
//!
//! In: the filters of a judged selector. Out: [`Claim`]s, one for each filter, about a [`Subject`]. Two questions are
//! answered, both for values that can be read (one that cannot passes no filter): does a claim *imply* another, and can
//! a value pass *both*? The answers are `true` where it is certain; `false` means "no, or not known".

mod claims;

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::check::{Range, form};
use crate::diag::Span;

pub(super) use claims::{claims, of_filter};

/// What a claim is about; claims about different subjects have nothing to do with each other.
pub(super) type Subject = String;

/// A filter in a form that can be compared.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) subject: Subject,
    /// The filter.
    pub(super) span: Span,
    pub(super) says: Says,
}

#[derive(Clone, Debug)]
pub(super) enum Says {
    /// The numbers that pass, sorted and apart, of all that the type has.
    Numbers {
        pass: Vec<Range>,
        all: Range,
    },
    /// One of the values is like the text, or none is.
    Texts {
        values: Vec<Text>,
        negated: bool,
    },
    Networks {
        values: Vec<IpNet>,
        negated: bool,
    },
    /// One of the names, or none.
    Names {
        values: BTreeSet<String>,
        negated: bool,
    },
    /// Only known to be what it is.
    Other(String),
}

/// A text and how it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    how: How,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Equal,
    Prefix,
    Postfix,
    Contains,
}

impl Claim {
    /// Whether every value that passes this claim passes the other.
    pub(super) fn implies(&self, other: &Self) -> bool {
        if self.subject != other.subject {
            return false;
        }
        match (&self.says, &other.says) {
            (Says::Numbers { pass: narrow, .. }, Says::Numbers { pass: broad, .. }) => narrow
                .iter()
                .all(|(from, to)| broad.iter().any(|(low, high)| low <= from && to <= high)),
            (
                Says::Texts {
                    values: a,
                    negated: x,
                },
                Says::Texts {
                    values: b,
                    negated: y,
                },
            ) => implied(a, *x, b, *y, Text::is_in, Text::is_apart),
            (
                Says::Networks {
                    values: a,
                    negated: x,
                },
                Says::Networks {
                    values: b,
                    negated: y,
                },
            ) => implied(a, *x, b, *y, |one, other| other.contains(one), apart),
            (
                Says::Names {
                    values: a,
                    negated: x,
                },
                Says::Names {
                    values: b,
                    negated: y,
                },
            ) => {
                let (a, b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
                implied(
                    &a,
                    *x,
                    &b,
                    *y,
                    |one, other| one == other,
                    |one, other| one != other,
                )
            }
            (Says::Other(one), Says::Other(other)) => one == other,
            _ => false,
        }
    }

    /// Whether no value passes both claims.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        if self.subject != other.subject {
            return false;
        }
        match (&self.says, &other.says) {
            (Says::Numbers { pass: a, .. }, Says::Numbers { pass: b, .. }) => {
                let meets =
                    |(from, to): &Range| b.iter().any(|(low, high)| low <= to && from <= high);
                !a.iter().any(meets)
            }
            (
                Says::Texts {
                    values: a,
                    negated: x,
                },
                Says::Texts {
                    values: b,
                    negated: y,
                },
            ) => excluded(a, *x, b, *y, Text::is_in, Text::is_apart),
            (
                Says::Networks {
                    values: a,
                    negated: x,
                },
                Says::Networks {
                    values: b,
                    negated: y,
                },
            ) => excluded(a, *x, b, *y, |one, other| other.contains(one), apart),
            (
                Says::Names {
                    values: a,
                    negated: x,
                },
                Says::Names {
                    values: b,
                    negated: y,
                },
            ) => {
                let (a, b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
                excluded(
                    &a,
                    *x,
                    &b,
                    *y,
                    |one, other| one == other,
                    |one, other| one != other,
                )
            }
            _ => false,
        }
    }

    /// `Some(true)` if every value that can be read passes, `Some(false)` if none does.
    pub(super) fn is_constant(&self) -> Option<bool> {
        match &self.says {
            Says::Numbers { pass, .. } if pass.is_empty() => Some(false),
            Says::Numbers { pass, all } if pass.as_slice() == [*all] => Some(true),
            _ => None,
        }
    }
}

fn apart(one: &IpNet, other: &IpNet) -> bool {
    !one.contains(other) && !other.contains(one)
}

/// Whether "like one of `a`" (or like none) implies "like one of `b`" (or like none).
fn implied<T>(
    a: &[T],
    x: bool,
    b: &[T],
    y: bool,
    is_in: fn(&T, &T) -> bool,
    is_apart: fn(&T, &T) -> bool,
) -> bool {
    match (x, y) {
        (false, false) => a.iter().all(|one| b.iter().any(|other| is_in(one, other))),
        (false, true) => a
            .iter()
            .all(|one| b.iter().all(|other| is_apart(one, other))),
        (true, true) => b.iter().all(|one| a.iter().any(|other| is_in(one, other))),
        (true, false) => false,
    }
}

fn excluded<T>(
    a: &[T],
    x: bool,
    b: &[T],
    y: bool,
    is_in: fn(&T, &T) -> bool,
    is_apart: fn(&T, &T) -> bool,
) -> bool {
    match (x, y) {
        (false, false) => a
            .iter()
            .all(|one| b.iter().all(|other| is_apart(one, other))),
        (false, true) => a.iter().all(|one| b.iter().any(|other| is_in(one, other))),
        (true, false) => b.iter().all(|one| a.iter().any(|other| is_in(one, other))),
        (true, true) => false,
    }
}

impl Text {
    /// Whether every text that is like this one is like the other.
    fn is_in(&self, other: &Self) -> bool {
        let (text, part) = (self.text.as_str(), other.text.as_str());
        match (self.how, other.how) {
            (How::Equal, How::Equal) => text == part,
            (How::Equal | How::Prefix, How::Prefix) => text.starts_with(part),
            (How::Equal | How::Postfix, How::Postfix) => text.ends_with(part),
            (_, How::Contains) => text.contains(part),
            _ => false,
        }
    }

    /// Whether no text is like both.
    fn is_apart(&self, other: &Self) -> bool {
        let (a, b) = (self.text.as_str(), other.text.as_str());
        match (self.how, other.how) {
            (How::Equal, How::Equal) => a != b,
            (How::Equal, How::Prefix) => !a.starts_with(b),
            (How::Equal, How::Postfix) => !a.ends_with(b),
            (How::Equal, How::Contains) => !a.contains(b),
            (How::Prefix, How::Prefix) => !a.starts_with(b) && !b.starts_with(a),
            (How::Postfix, How::Postfix) => !a.ends_with(b) && !b.ends_with(a),
            (_, How::Equal) => other.is_apart(self),
            _ => false,
        }
    }
}

/// Whether every call that a later selector matches is matched by an earlier one.
pub(super) fn shadows(earlier: &form::Selector<'_>, later: &form::Selector<'_>) -> bool {
    let (Some(broad), Some(narrow)) = (claims(earlier), claims(later)) else {
        return false;
    };
    // What looks at return values decides later.
    earlier.match_return_args.is_empty()
        && broad
            .iter()
            .all(|claim| narrow.iter().any(|other| other.implies(claim)))
}

#[cfg(test)]
mod tests {
    use super::claims::numbers;
    use super::*;

    fn claim(says: Says) -> Claim {
        Claim {
            subject: String::new(),
            span: Span::default(),
            says,
        }
    }

    fn texts(how: How, negated: bool, values: &[&str]) -> Claim {
        let one = |text: &&str| Text {
            how,
            text: (*text).to_owned(),
        };
        claim(Says::Texts {
            values: values.iter().map(one).collect(),
            negated,
        })
    }

    fn int(ranges: &[Range], negated: bool) -> Claim {
        claim(numbers(ranges.to_vec(), (-128, 127), negated).expect("numbers"))
    }

    /// Every answer is right for every text of a small world.
    #[test]
    fn answers_about_texts_hold_for_all_texts() {
        let mut world = vec![String::new()];
        for length in 0..4 {
            let longer: Vec<String> = world
                .iter()
                .filter(|one| one.len() == length)
                .cloned()
                .collect();
            world.extend(
                longer
                    .iter()
                    .flat_map(|one| ["a", "b"].map(|letter| format!("{one}{letter}"))),
            );
        }
        let like = |text: &str, value: &Text| match value.how {
            How::Equal => text == value.text,
            How::Prefix => text.starts_with(&value.text),
            How::Postfix => text.ends_with(&value.text),
            How::Contains => text.contains(&value.text),
        };
        let passes = |text: &str, claim: &Claim| match &claim.says {
            Says::Texts { values, negated } => {
                values.iter().any(|value| like(text, value)) != *negated
            }
            _ => false,
        };
        let mut claims = Vec::new();
        for how in [How::Equal, How::Prefix, How::Postfix, How::Contains] {
            for negated in [false, true] {
                for values in [&["a"][..], &["ab"], &["b", "ab"], &["a", "ba"], &["aba"]] {
                    claims.push(texts(how, negated, values));
                }
            }
        }
        let (mut implications, mut exclusions) = (0, 0);
        for one in &claims {
            for other in &claims {
                if one.implies(other) {
                    implications += 1;
                    assert!(
                        world
                            .iter()
                            .all(|text| !passes(text, one) || passes(text, other)),
                        "{one:?} {other:?}"
                    );
                }
                if one.excludes(other) {
                    exclusions += 1;
                    assert!(
                        !world
                            .iter()
                            .any(|text| passes(text, one) && passes(text, other)),
                        "{one:?} {other:?}"
                    );
                }
            }
        }
        assert!(
            implications > 100 && exclusions > 100,
            "{implications} {exclusions}"
        );
    }

    #[test]
    fn numbers_are_sets() {
        assert!(int(&[(1, 3)], false).implies(&int(&[(0, 9)], false)));
        assert!(int(&[(1, 3)], false).implies(&int(&[(4, 9)], true)));
        assert!(int(&[(1, 3)], false).excludes(&int(&[(0, 9)], true)));
        assert!(!int(&[(1, 5)], false).excludes(&int(&[(5, 9)], false)));
        assert_eq!(int(&[(-200, 200)], false).is_constant(), Some(true));
        assert_eq!(int(&[(-128, 5), (6, 127)], true).is_constant(), Some(false));
        assert_eq!(int(&[(200, 300)], false).is_constant(), Some(false));
        assert_eq!(int(&[(1, 1)], true).is_constant(), None);
    }

    #[test]
    fn networks_contain_each_other() {
        let nets = |negated, values: &[&str]| {
            let values = values
                .iter()
                .map(|text| text.parse().expect("a network"))
                .collect();
            claim(Says::Networks { values, negated })
        };
        assert!(nets(false, &["10.1.0.0/16"]).implies(&nets(false, &["10.0.0.0/8"])));
        assert!(nets(true, &["10.0.0.0/8"]).implies(&nets(true, &["10.1.0.0/16"])));
        assert!(nets(false, &["10.1.0.0/16"]).excludes(&nets(true, &["10.0.0.0/8"])));
        assert!(!nets(false, &["10.0.0.0/8"]).excludes(&nets(true, &["10.1.0.0/16"])));
        assert!(nets(false, &["::1/128"]).excludes(&nets(false, &["10.0.0.0/8"])));
    }
}

//! What filters say, so that they can be compared: which values pass.
//!
//! In: the filters of a judged selector. Out: [`Claim`]s, one for each filter, about a [`Subject`]. Two questions are
//! answered, both for values that can be read (one that cannot passes no filter): does a claim *imply* another, and can
//! a value pass *both*? The answers are `true` where it is certain; `false` means "no, or not known".

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::check::form::{self, Filter, Operand, Selector};
use crate::check::{Range, numbers_of};
use crate::diag::Span;
use crate::policy::{BinaryFilter, BinaryOperator, Operator, SetOperator, Word, is_set};

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

/// Every claim of a selector about the entry of its hook; `None` if a filter has an error, for then more may pass than
/// seems to.
pub(super) fn claims(selector: &Selector<'_>) -> Option<Vec<Claim>> {
    let written = selector.match_args.len() + selector.match_data.len();
    if selector.filters.len() != written || selector.workloads.is_some() {
        return None;
    }
    let mut claims: Vec<Claim> = selector.filters.iter().map(of_filter).collect();
    for (filters, subject) in [
        (selector.binaries, "binary"),
        (selector.parent_binaries, "parent"),
    ] {
        claims.extend(filters.iter().map(|filter| of_binary(filter, subject)));
    }
    for pids in selector.pids {
        let flags = (is_set(pids.is_namespace_pid), is_set(pids.follow_forks));
        let values = pids.values.iter().map(|one| one.value.to_string());
        claims.push(names(
            format!("pid {flags:?}"),
            pids.span,
            pids.operator.value,
            values,
        ));
    }
    for one in selector.namespaces {
        let values = one.values.iter().map(|value| value.value.clone());
        let subject = format!("namespace {}", one.namespace.value.name());
        claims.push(names(subject, one.span, one.operator.value, values));
    }
    for one in selector.namespace_changes {
        claims.push(other(
            "namespace change",
            one.span,
            format!("{:?}", texts_of(&one.values)),
        ));
    }
    for (filters, subject) in [
        (selector.capabilities, "capability"),
        (selector.capability_changes, "gained"),
    ] {
        for one in filters {
            let what = (
                one.set.map(|set| set.value),
                is_set(one.is_namespace_capability),
                one.operator.value,
            );
            claims.push(other(
                subject,
                one.span,
                format!("{what:?} {:?}", texts_of(&one.values)),
            ));
        }
    }
    Some(claims)
}

fn texts_of(values: &[crate::diag::Spanned<String>]) -> BTreeSet<&str> {
    values.iter().map(|value| value.value.as_str()).collect()
}

fn other(subject: &str, span: Span, what: String) -> Claim {
    Claim {
        subject: format!("{subject} {what}"),
        span,
        says: Says::Other(what),
    }
}

fn names(
    subject: String,
    span: Span,
    operator: SetOperator,
    values: impl Iterator<Item = String>,
) -> Claim {
    let negated = operator == SetOperator::NotIn;
    let says = Says::Names {
        values: values.collect(),
        negated,
    };
    Claim {
        subject,
        span,
        says,
    }
}

fn of_binary(filter: &BinaryFilter, subject: &str) -> Claim {
    use BinaryOperator as O;
    let (how, negated) = match filter.operator.value {
        O::In => (How::Equal, false),
        O::NotIn => (How::Equal, true),
        O::Prefix => (How::Prefix, false),
        O::NotPrefix => (How::Prefix, true),
        O::Postfix => (How::Postfix, false),
        O::NotPostfix => (How::Postfix, true),
    };
    let follows = is_set(filter.follow_children);
    let values = texts(how, &filter.values);
    Claim {
        // Those that also look at ancestors are not comparable with those that do not.
        subject: format!("{subject} {follows}"),
        span: filter.span,
        says: Says::Texts { values, negated },
    }
}

fn texts(how: How, values: &[crate::diag::Spanned<String>]) -> Vec<Text> {
    let one = |value: &crate::diag::Spanned<String>| Text {
        how,
        text: value.value.clone(),
    };
    values.iter().map(one).collect()
}

/// What a filter on a value says.
pub(super) fn of_filter(filter: &Filter<'_>) -> Claim {
    let written = filter.written;
    let says = says(filter).unwrap_or_else(|| {
        let positions: Vec<u32> = written.args.iter().map(|one| one.value).collect();
        Says::Other(format!(
            "{:?} {positions:?} {:?}",
            filter.operator(),
            texts_of(&written.values)
        ))
    });
    let mut subject = format!("{:?} {}", filter.of, aspect(filter.operator()));
    if let Says::Other(what) = &says {
        subject.push_str(what);
    }
    Claim {
        subject,
        span: written.span,
        says,
    }
}

/// What of a value an operator looks at.
fn aspect(operator: Operator) -> &'static str {
    use Operator as O;
    match operator {
        O::SAddr | O::NotSAddr => "source",
        O::DAddr | O::NotDAddr => "destination",
        O::SPort | O::NotSPort | O::SPortPriv | O::NotSPortPriv => "source port",
        O::DPort | O::NotDPort | O::DPortPriv | O::NotDPortPriv => "destination port",
        O::Protocol => "protocol",
        O::Family => "family",
        O::State => "state",
        _ => "",
    }
}

/// Ports that only privileged processes bind: PROT_SOCK (include/net/sock.h).
const PRIVILEGED: Range = (0, 1023);
const PORTS: Range = (0, 0xffff);

fn says(filter: &Filter<'_>) -> Option<Says> {
    use Operator as O;
    let operator = filter.operator();
    match operator {
        O::SPortPriv | O::DPortPriv => return numbers(vec![PRIVILEGED], PORTS, false),
        O::NotSPortPriv | O::NotDPortPriv => return numbers(vec![PRIVILEGED], PORTS, true),
        _ => {}
    }
    match &filter.operand {
        Operand::Numbers(ranges) => {
            let ranges: Vec<Range> = ranges.iter().copied().collect::<Option<_>>()?;
            of_numbers(filter, ranges)
        }
        Operand::Networks(networks) => {
            let values: Vec<IpNet> = networks.iter().copied().collect::<Option<_>>()?;
            let negated = matches!(operator, O::NotSAddr | O::NotDAddr);
            Some(Says::Networks { values, negated })
        }
        Operand::Texts => {
            let (how, negated) = match operator {
                O::Equal => (How::Equal, false),
                O::NotEqual => (How::Equal, true),
                O::Prefix => (How::Prefix, false),
                O::NotPrefix => (How::Prefix, true),
                O::Postfix => (How::Postfix, false),
                O::NotPostfix => (How::Postfix, true),
                O::SubString => (How::Contains, false),
                _ => return None,
            };
            let family = crate::check::operators::family(filter.ty()?);
            let values = texts(how, &filter.written.values);
            let usual = family.works.contains(&operator) && !values.is_empty();
            usual.then_some(Says::Texts { values, negated })
        }
        _ => None,
    }
}

fn of_numbers(filter: &Filter<'_>, ranges: Vec<Range>) -> Option<Says> {
    use Operator as O;
    if ranges.is_empty() {
        return None;
    }
    let all = match filter.operator() {
        O::SPort | O::NotSPort | O::DPort | O::NotDPort | O::Protocol | O::Family => PORTS,
        O::State => (0, 0xff),
        _ => numbers_of(filter.ty()?)?,
    };
    let ends = |ranges: Vec<Range>, end: fn(Range, Range) -> Range| {
        ranges.into_iter().map(|range| end(range, all)).collect()
    };
    match filter.operator() {
        O::GreaterThan => numbers(
            ends(ranges, |(value, _), all| (value.saturating_add(1), all.1)),
            all,
            false,
        ),
        O::LessThan => numbers(
            ends(ranges, |(value, _), all| (all.0, value.saturating_sub(1))),
            all,
            false,
        ),
        O::NotEqual | O::NotInMap | O::NotInRange | O::NotSPort | O::NotDPort => {
            numbers(ranges, all, true)
        }
        O::Equal
        | O::InMap
        | O::InRange
        | O::SPort
        | O::DPort
        | O::Protocol
        | O::Family
        | O::State => numbers(ranges, all, false),
        _ => None,
    }
}

/// The numbers of some ranges that the type has, or all others of it.
fn numbers(ranges: Vec<Range>, all: Range, negated: bool) -> Option<Says> {
    let cut = ranges
        .into_iter()
        .map(|(from, to)| (from.max(all.0), to.min(all.1)));
    let mut sorted: Vec<Range> = cut.filter(|(from, to)| from <= to).collect();
    sorted.sort_unstable();
    let mut joined: Vec<Range> = Vec::new();
    for (from, to) in sorted {
        match joined.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    let pass = if negated {
        others(&joined, all)
    } else {
        joined
    };
    Some(Says::Numbers { pass, all })
}

fn others(ranges: &[Range], all: Range) -> Vec<Range> {
    let mut gaps = Vec::new();
    let mut next = all.0;
    for (from, to) in ranges {
        if next < *from {
            gaps.push((next, from - 1));
        }
        next = to.saturating_add(1);
    }
    if next <= all.1 {
        gaps.push((next, all.1));
    }
    gaps
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

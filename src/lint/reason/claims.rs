//! Claims from filters: what each filter of a selector says, in a form that can be compared.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Claim, How, Says, Text};
use crate::check::form::{Filter, Operand, Selector};
use crate::check::{Range, numbers_of};
use crate::diag::{Span, Spanned};
use crate::policy::{BinaryFilter, BinaryOperator, Operator, SetOperator, Word, is_set};

/// Every claim of a selector about the entry of its hook; `None` if a filter has an error, for then more may pass than
/// seems to.
pub(in crate::lint) fn claims(selector: &Selector<'_>) -> Option<Vec<Claim>> {
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

fn texts_of(values: &[Spanned<String>]) -> BTreeSet<&str> {
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

fn texts(how: How, values: &[Spanned<String>]) -> Vec<Text> {
    let one = |value: &Spanned<String>| Text {
        how,
        text: value.value.clone(),
    };
    values.iter().map(one).collect()
}

/// What a filter on a value says.
pub(in crate::lint) fn of_filter(filter: &Filter<'_>) -> Claim {
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
pub(super) fn numbers(ranges: Vec<Range>, all: Range, negated: bool) -> Option<Says> {
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

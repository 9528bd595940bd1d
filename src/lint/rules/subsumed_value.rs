//! Values that others of the same list cover.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::diag::{Code, Fix, Spanned};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{BinaryOperator, Operator};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2501),
    name: "subsumed-value",
    group: Group::Redundancy,
    level: Level::Note,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a value is covered by another of the same list",
        why: "The value changes nothing: whatever matches it matches the other one too. Often the broader value is \
              the mistake, a prefix or a network that takes in more than was meant.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/secrets/, «/secrets/tls/»]
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/secrets/]
"#,
        fix: "Remove the value; `tpc lint --fix` does. If the other one is too broad, narrow that.",
    },
    check,
};

/// How values cover each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Same,
    Prefix,
    Postfix,
    SubString,
    Network,
    Range,
}

/// Lists with more values are searched for equal ones only.
const COMPARED: usize = 2000;

fn check(context: &Context<'_>, found: &mut Found) {
    for (_, selector) in context.selectors() {
        let values = selector.match_args.iter().chain(&selector.match_data);
        for filter in values.chain(&selector.match_return_args) {
            if let Some(how) = of_value(filter.operator.value) {
                texts(context, &filter.values, how, found);
            }
        }
        let binaries = selector.match_binaries.iter();
        for filter in binaries.chain(&selector.match_parent_binaries) {
            texts(
                context,
                &filter.values,
                of_binary(filter.operator.value),
                found,
            );
        }
        for filter in &selector.match_pids {
            equal(context, &filter.values, found);
        }
        for filter in &selector.match_namespaces {
            equal(context, &filter.values, found);
        }
        let capabilities = selector.match_capabilities.iter();
        for filter in capabilities.chain(&selector.match_capability_changes) {
            equal(context, &filter.values, found);
        }
    }
    for list in &context.policy.spec.lists {
        equal(context, &list.values, found);
    }
}

/// `None` where one value is compared, or values add up.
fn of_value(operator: Operator) -> Option<How> {
    use Operator as O;
    match operator {
        O::Prefix | O::NotPrefix => Some(How::Prefix),
        O::Postfix | O::NotPostfix => Some(How::Postfix),
        O::SubString => Some(How::SubString),
        O::SAddr | O::NotSAddr | O::DAddr | O::NotDAddr => Some(How::Network),
        O::SPort | O::NotSPort | O::DPort | O::NotDPort | O::InMap | O::NotInMap => {
            Some(How::Range)
        }
        O::Equal | O::NotEqual | O::Protocol | O::Family | O::State => Some(How::Same),
        O::FileType | O::NotFileType | O::CapabilitiesGained => Some(How::Same),
        _ => None,
    }
}

fn of_binary(operator: BinaryOperator) -> How {
    match operator {
        BinaryOperator::In | BinaryOperator::NotIn => How::Same,
        BinaryOperator::Prefix | BinaryOperator::NotPrefix => How::Prefix,
        BinaryOperator::Postfix | BinaryOperator::NotPostfix => How::Postfix,
    }
}

/// Reports values that were there before.
fn equal<T: Ord + Display>(context: &Context<'_>, values: &[Spanned<T>], found: &mut Found) {
    let mut seen: BTreeMap<&T, &Spanned<T>> = BTreeMap::new();
    for value in values {
        match seen.get(&value.value) {
            Some(first) => report(context, value, first, "the list has it already", found),
            None => {
                seen.insert(&value.value, value);
            }
        }
    }
}

fn texts(context: &Context<'_>, values: &[Spanned<String>], how: How, found: &mut Found) {
    if how == How::Same || values.len() > COMPARED {
        return equal(context, values, found);
    }
    let parsed: Vec<Value<'_>> = values
        .iter()
        .map(|value| Value::of(&value.value, how))
        .collect();
    for (at, (value, narrow)) in values.iter().zip(&parsed).enumerate() {
        let covers = |(other, broad): &(usize, &Value<'_>)| {
            let both = narrow.covers(broad);
            *other != at && broad.covers(narrow) && (!both || *other < at)
        };
        let broader = parsed.iter().enumerate().find(covers);
        if let Some(broader) = broader.and_then(|(other, _)| values.get(other)) {
            report(context, value, broader, "covers it", found);
        }
    }
}

fn report<T: Display>(
    context: &Context<'_>,
    value: &Spanned<T>,
    broader: &Spanned<T>,
    why: &str,
    found: &mut Found,
) {
    // Both stand behind one alias: the list is written once.
    if value.span == broader.span {
        return;
    }
    let one = finding(
        value.span,
        format!("the value `{}` changes nothing", value.value),
    )
    .related(broader.span, why)
    .help("remove it, or narrow the other value");
    found.push(match context.layout().remove_item(value.span) {
        Some(edit) => one.fix(Fix::safe("remove the value", vec![edit])),
        None => one,
    });
}

/// A value as its operator reads it.
enum Value<'a> {
    Prefix(&'a str),
    Postfix(&'a str),
    SubString(&'a str),
    Network(IpNet),
    Range(i128, i128),
    /// Not one of its kind: covers nothing.
    Other,
}

impl<'a> Value<'a> {
    fn of(text: &'a str, how: How) -> Self {
        let other = text.is_empty();
        match how {
            _ if other => Self::Other,
            How::Prefix => Self::Prefix(text),
            How::Postfix => Self::Postfix(text),
            How::SubString => Self::SubString(text),
            How::Network => network(text).map_or(Self::Other, Self::Network),
            How::Range => range(text).map_or(Self::Other, |(from, to)| Self::Range(from, to)),
            How::Same => Self::Other,
        }
    }

    fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Prefix(broad), Self::Prefix(narrow)) => narrow.starts_with(broad),
            (Self::Postfix(broad), Self::Postfix(narrow)) => narrow.ends_with(broad),
            (Self::SubString(broad), Self::SubString(narrow)) => narrow.contains(broad),
            (Self::Network(broad), Self::Network(narrow)) => broad.contains(narrow),
            (Self::Range(from, to), Self::Range(low, high)) => from <= low && high <= to,
            _ => false,
        }
    }
}

fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(address)
}

fn range(text: &str) -> Option<(i128, i128)> {
    let number = |text: &str| text.parse::<i128>().ok();
    match text.split_once(':') {
        Some((from, to)) => {
            let (from, to) = (number(from)?, number(to)?);
            Some((from.min(to), from.max(to)))
        }
        None => number(text).map(|one| (one, one)),
    }
}

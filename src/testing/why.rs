//! Why a call was decided as it was: for each selector that was tried, the filter that kept it from matching.

use super::machines::Judged;
use super::value::namespaces;
use super::words::{self, short};
use super::written::{Probe, Written};
use crate::diag::Span;
use crate::ir::interp::{Address, Event, Namespaces, Sockaddr, Value, answer};
use crate::ir::{CapSet, End, Hook, Predicate, Subject, Test, TextMatch};
use crate::kernel::capabilities;

/// Most selectors that are explained.
const MAX_SELECTORS: usize = 8;

/// Explanations with their places in the policy.
pub(super) fn why(
    (number, hook): (usize, &Hook),
    judged: &Judged,
    written: &Written,
) -> Vec<(Span, String)> {
    let host = namespaces::of_host();
    let decided = judged.outcome.rule;
    let last = decided.unwrap_or(hook.rules.len());
    let mut out = Vec::new();
    for (index, rule) in hook.rules.iter().take(last).enumerate().take(MAX_SELECTORS) {
        let failing = rule
            .tests
            .iter()
            .find(|test| !holds(test, &judged.event, &host));
        if let Some(test) = failing {
            let reason = reason(number, test, &judged.event, &host, written);
            out.push((
                test.span,
                format!("selector {} does not match: {reason}", index + 1),
            ));
        }
    }
    if let Some(index) = decided {
        let rule = &hook.rules[index];
        out.push((rule.span, format!("selector {} matches", index + 1)));
        if judged.outcome.report.is_none() {
            out.extend(silence(number, rule, judged, &host, written));
        }
    }
    out
}

/// Why a selector that matches makes no event.
fn silence(
    number: usize,
    rule: &crate::ir::Rule,
    judged: &Judged,
    host: &Namespaces,
    written: &Written,
) -> Option<(Span, String)> {
    let Some(post) = rule.post else {
        return Some((rule.span, "it has the action NoPost: no event".to_owned()));
    };
    let failing = rule
        .return_tests
        .iter()
        .find(|test| !holds(test, &judged.event, host));
    if let Some(test) = failing {
        let reason = reason(number, test, &judged.event, host, written);
        return Some((test.span, format!("no event: {reason}")));
    }
    post.rate.map(|_| {
        (
            rule.span,
            "its rate limit has let an equal event through before".to_owned(),
        )
    })
}

/// Whether a filter holds.
pub(super) fn holds(test: &Test, event: &Event, host: &Namespaces) -> bool {
    answer(&test.predicate, event, host).is_some_and(|yes| yes != test.negate)
}

fn reason(hook: usize, test: &Test, event: &Event, host: &Namespaces, written: &Written) -> String {
    let name = name(test, written);
    let value = looked_at(&test.predicate, event);
    let Some(value) = value.filter(|_| answer(&test.predicate, event, host).is_some()) else {
        return format!("{name}: {}", unanswered(&test.predicate));
    };
    let (value, values) = (short(&value), written.values(hook, test.span));
    let operator = written
        .filter(test.span)
        .map_or("", |filter| filter.operator.as_str());
    let (does, does_not, none) = relation(&test.predicate, operator);
    let quoted = |probe: &Probe| format!("`{}`", short(&probe.value.value));
    let hit = |probe: &&Probe| answer(&probe.predicate, event, host) == Some(true);
    let told = match values {
        [] if test.negate => "is privileged".to_owned(),
        [] => "is not privileged".to_owned(),
        [one] if !test.negate => format!("{does_not} {}", quoted(one)),
        _ if !test.negate => format!("{none} of the {} values", values.len()),
        _ => match values.iter().find(hit) {
            Some(probe) => format!("{does} {}", quoted(probe)),
            None => format!("{does} one of the values"),
        },
    };
    format!("{name}: {value} {told}")
}

/// Why a question has no answer.
fn unanswered(predicate: &Predicate) -> &'static str {
    match predicate {
        Predicate::Capability { .. } => "the process is in the host's user namespace",
        Predicate::Addr { .. } => "there is no IP address, or it cannot be read",
        _ => "the value cannot be read",
    }
}

/// How a value relates to one that it matches, to one that it does not match, and to none of several.
fn relation(predicate: &Predicate, operator: &str) -> (&'static str, &'static str, &'static str) {
    const IS: (&str, &str, &str) = ("is", "is not", "is none");
    const IN: (&str, &str, &str) = ("is in", "is not in", "is in none");
    match predicate {
        Predicate::Text {
            how: TextMatch::Prefix,
            ..
        } => ("starts with", "does not start with", "starts with none"),
        Predicate::Text {
            how: TextMatch::Postfix,
            ..
        } => ("ends with", "does not end with", "ends with none"),
        Predicate::Mask { .. } => ("has bits of", "has no bits of", "has no bits"),
        Predicate::Capability { .. } => ("has", "does not have", "has none"),
        Predicate::Addr { .. } => IN,
        Predicate::Int { .. } => match operator {
            "GT" | "GreaterThan" => ("is above", "is not above", "is above none"),
            "LT" | "LessThan" => ("is below", "is not below", "is below none"),
            operator if operator.ends_with("Range") => IN,
            _ => IS,
        },
        _ => IS,
    }
}

/// `matchArgs index 0 NotDAddr`.
pub(super) fn name(test: &Test, written: &Written) -> String {
    match written.filter(test.span) {
        Some(filter) => {
            let words = [filter.section, &filter.subject, &filter.operator];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            words.join(" ")
        }
        None => "filter".to_owned(),
    }
}

/// The value that a filter looks at; `None` if it cannot be read.
fn looked_at(predicate: &Predicate, event: &Event) -> Option<String> {
    let process = &event.process;
    match predicate {
        Predicate::Int { of, .. } => match value(*of, event)? {
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        },
        Predicate::Mask { of, .. } => match value(*of, event)? {
            Value::Int(number) => Some(format!("{:#x}", *number as u64)),
            _ => None,
        },
        Predicate::Text {
            of: Subject::Exe, ..
        } => quoted(words::shown(&process.binary)),
        Predicate::Text { of, .. } => match value(*of, event)? {
            Value::String(text)
            | Value::Buffer { bytes: text, .. }
            | Value::Path { path: text, .. } => quoted(words::shown(text)),
            _ => None,
        },
        Predicate::Addr { of, end, .. } => {
            address(value(*of, event)?, *end).map(|address| words::ip(address).to_string())
        }
        Predicate::Port { of, end, .. } => {
            port(value(*of, event)?, *end).map(|port| format!("port {port}"))
        }
        Predicate::Family { of, .. } => match value(*of, event)? {
            Value::Sock(sock) => sock.as_ref().map(|sock| words::family_name(sock.family)),
            Value::Sockaddr(address) => address.family.map(words::family_name),
            _ => None,
        },
        Predicate::Protocol { of, .. } => match value(*of, event)? {
            Value::Sock(sock) => sock.as_ref().map(|sock| words::protocol(sock.protocol)),
            _ => None,
        },
        Predicate::State { of, .. } => match value(*of, event)? {
            Value::Sock(sock) => sock.as_ref().map(|sock| words::state(sock.state)),
            _ => None,
        },
        Predicate::Pid {
            namespaced,
            follow_forks,
            ..
        } => {
            let own = if *namespaced {
                process.ns_pid
            } else {
                process.pid
            };
            Some(match follow_forks {
                true => format!("process {own} with its parents"),
                false => format!("process {own}"),
            })
        }
        Predicate::Namespace { kind, .. } => {
            let inode = process.namespaces.get(kind)?;
            Some(match *inode == namespaces::host(*kind) {
                true => format!("{} namespace of the host", words::namespace(*kind)),
                false => format!("{} namespace {inode}", words::namespace(*kind)),
            })
        }
        Predicate::Capability { set, .. } => {
            let sets = &process.credentials.capabilities;
            let held = match set {
                CapSet::Effective => sets.effective,
                CapSet::Inheritable => sets.inheritable,
                CapSet::Permitted => sets.permitted,
            };
            Some(format!("the process, which has {{{}}},", names(held)).replace("{}", "none"))
        }
    }
}

fn quoted(text: Option<String>) -> Option<String> {
    text.map(|text| format!("`{text}`"))
}

fn names(set: u64) -> String {
    let held = capabilities::NAMES
        .iter()
        .filter(|(number, _)| set >> number & 1 == 1);
    let names: Vec<&str> = held.map(|(_, name)| *name).collect();
    names.join(", ")
}

fn value(of: Subject, event: &Event) -> Option<&Value> {
    match of {
        Subject::Arg(position) => event.args.get(position),
        Subject::Return => event.ret.as_ref(),
        Subject::Exe => None,
    }
}

fn address(value: &Value, end: End) -> Option<Address> {
    match (value, end) {
        (Value::Sock(sock), End::Source) => sock.as_ref()?.source.address,
        (Value::Sock(sock), End::Destination) => sock.as_ref()?.destination.address,
        (Value::Sockaddr(Sockaddr { address, .. }), _) => *address,
        _ => None,
    }
}

fn port(value: &Value, end: End) -> Option<u16> {
    match (value, end) {
        (Value::Sock(sock), End::Source) => Some(sock.as_ref()?.source.port),
        (Value::Sock(sock), End::Destination) => Some(sock.as_ref()?.destination.port),
        (Value::Sockaddr(address), _) => address.port,
        _ => None,
    }
}

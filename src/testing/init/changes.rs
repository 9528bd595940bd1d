//! Values that a filter takes, and values close by that it does not.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::draft::{Change, KERNEL_THREAD, quoted};
use crate::ir::{
    ArgType, End, Hook, IntSet, Namespace, Predicate, Rule, Subject, Test, TextMatch, TextValue,
};
use crate::kernel::{capabilities, families, protocols, tcp_states};
use crate::testing::value::limits;
use crate::testing::words;

/// Values of a list that are tried.
const MAX_VALUES: usize = 4;

/// How many values of a list of texts are tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Most {
    /// One of them is as good as another.
    Few,
    /// Those before may be ones that nothing can have.
    Many,
}

impl Most {
    fn count(self) -> usize {
        match self {
            Self::Few => MAX_VALUES,
            Self::Many => 500,
        }
    }
}

/// Changes of a call, the best first. Which of them make the predicate true only a call tells.
pub(super) fn changes(hook: &Hook, rule: &Rule, test: &Test, most: Most) -> Vec<Change> {
    let mut all = by_value(hook, rule, test, most);
    // What cannot be read is kept out by every filter.
    match words::subject(&test.predicate) {
        Some(Subject::Arg(position)) => all.push(Change::Arg(position, "null".to_owned())),
        Some(Subject::Exe) => all.push(Change::Process(vec![(KERNEL_THREAD, "true".to_owned())])),
        _ => {}
    }
    all
}

fn by_value(hook: &Hook, rule: &Rule, test: &Test, most: Most) -> Vec<Change> {
    match &test.predicate {
        Predicate::Int { of, set } => numbers(hook, *of, edges(set, &[0, 1])),
        Predicate::Mask { of, mask } => {
            let lowest = 1_u64 << mask.trailing_zeros().min(63);
            let bits = [lowest, *mask, 0, 1, lowest << 1, !*mask];
            numbers(hook, *of, bits.map(i128::from).to_vec())
        }
        Predicate::Text { of, how, values } => texts(hook, rule, (*of, *how), values, most.count()),
        Predicate::Addr { of, end, v4, v6 } => {
            let mut all: Vec<String> = Vec::new();
            for (low, high) in v4.ranges().iter().take(MAX_VALUES) {
                let inside = if high > low { low + 1 } else { *low };
                all.extend(
                    [inside, high.wrapping_add(1)]
                        .map(|address| Ipv4Addr::from(address).to_string()),
                );
            }
            all.extend(["8.8.8.8".to_owned(), "127.0.0.1".to_owned()]);
            for (low, high) in v6.ranges().iter().take(MAX_VALUES) {
                let inside = if high > low { low + 1 } else { *low };
                all.extend(
                    [inside, high.wrapping_add(1)]
                        .map(|address| quoted(&Ipv6Addr::from(address).to_string())),
                );
            }
            field(hook, *of, (*end, ["saddr", "daddr", "addr"]), all)
        }
        Predicate::Port { of, end, set } => {
            let ports = edges(set, &[443, 40000, 0, 1024]);
            let ports = ports.into_iter().filter(|port| (0..=65535).contains(port));
            let ports = ports.map(|port| port.to_string()).collect();
            field(hook, *of, (*end, ["sport", "dport", "port"]), ports)
        }
        Predicate::Protocol { of, set } => named(*of, "protocol", set, protocols::NAMES),
        Predicate::Family { of, set } => named(*of, "family", set, families::NAMES),
        Predicate::State { of, set } => named(*of, "state", set, tcp_states::NAMES),
        Predicate::Pid {
            set,
            namespaced,
            follow_forks,
        } => pids(set, *namespaced, *follow_forks),
        Predicate::Namespace { kind, inodes, .. } => {
            let first = inodes
                .ranges()
                .iter()
                .take(MAX_VALUES)
                .map(|(inode, _)| inode.to_string());
            let all = ["other", "host"]
                .map(str::to_owned)
                .into_iter()
                .chain(first);
            all.map(|place| Change::Namespace(*kind, place)).collect()
        }
        Predicate::Capability {
            set,
            mask,
            namespaced,
        } => {
            let of_mask = |held: bool| {
                let found = capabilities::NAMES
                    .iter()
                    .find(|(number, _)| (mask >> number & 1 == 1) == held);
                found.map(|(_, name)| vec![*name]).unwrap_or_default()
            };
            let sets = [of_mask(true), Vec::new(), of_mask(false)];
            sets.into_iter()
                .map(|names| Change::Capabilities(*set, names, *namespaced))
                .collect()
        }
    }
}

/// Numbers in a set and beside it, and some others.
fn edges(set: &IntSet, others: &[i128]) -> Vec<i128> {
    let ranges = set.ranges().iter().take(MAX_VALUES);
    let inside = ranges.clone().map(|(low, _)| *low);
    let beside = ranges.flat_map(|(low, high)| [*high, high + 1, low - 1]);
    inside.chain(beside).chain(others.iter().copied()).collect()
}

fn numbers(hook: &Hook, of: Subject, numbers: Vec<i128>) -> Vec<Change> {
    let ty = match of {
        Subject::Arg(position) => hook.args.get(position).map(|arg| arg.ty),
        Subject::Return => hook.ret.as_ref().map(|arg| arg.ty),
        Subject::Exe => None,
    };
    let Some(ArgType::Int(ty)) = ty else {
        return Vec::new();
    };
    let (lowest, highest) = limits(ty);
    let fitting = numbers
        .into_iter()
        .filter(|number| (lowest..=highest).contains(number));
    let change = |number: i128| match of {
        Subject::Arg(position) => Change::Arg(position, number.to_string()),
        _ => Change::Return(number.to_string()),
    };
    fitting.map(change).collect()
}

fn field(
    hook: &Hook,
    of: Subject,
    (end, [source, destination, only]): (End, [&'static str; 3]),
    values: Vec<String>,
) -> Vec<Change> {
    let Subject::Arg(position) = of else {
        return Vec::new();
    };
    let is_socket = hook
        .args
        .get(position)
        .is_some_and(|arg| arg.ty == ArgType::Sock);
    let name = match end {
        _ if !is_socket => only,
        End::Source => source,
        End::Destination => destination,
    };
    values
        .into_iter()
        .map(|value| Change::Field(position, name, value))
        .collect()
}

/// Values that have names where they have them.
fn named(
    of: Subject,
    name: &'static str,
    set: &IntSet,
    names: &[(u32, &'static str)],
) -> Vec<Change> {
    let Subject::Arg(position) = of else {
        return Vec::new();
    };
    // Families AF_UNIX and AF_INET, protocols TCP and UDP, states TCP_ESTABLISHED and TCP_CLOSE.
    let usual = [17, 6, 1, 2, 7];
    let inside = set.ranges().iter().take(MAX_VALUES).map(|(low, _)| *low);
    let all = inside.chain(usual).chain(edges(set, &[]));
    let all = all.filter(|number| (0..=255).contains(number));
    let known = |number: &i128| {
        names
            .iter()
            .find(|(known, _)| i128::from(*known) == *number)
    };
    let value = |number: i128| {
        known(&number).map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
    };
    all.map(|number| Change::Field(position, name, value(number)))
        .collect()
}

fn pids(set: &IntSet, namespaced: bool, follow_forks: bool) -> Vec<Change> {
    let name = if namespaced { "nsPid" } else { "pid" };
    let change = |field, value| match namespaced {
        true => Change::Namespaced(field, value),
        false => Change::Process(vec![(field, value)]),
    };
    let numbers = edges(set, &[1000, 7])
        .into_iter()
        .filter(|pid| (0..=4_000_000).contains(pid));
    let mut all = Vec::new();
    for pid in numbers {
        if pid == 0 {
            // Processes of the host have this number in their pid namespace, and no process has it outside.
            all.push(Change::Namespace(Namespace::Pid, "host".to_owned()));
            continue;
        }
        all.push(change(name, pid.to_string()));
        if follow_forks {
            all.push(change("parents", format!("[{{{name}: {pid}}}]")));
        }
    }
    all
}

fn texts(
    hook: &Hook,
    rule: &Rule,
    (of, how): (Subject, TextMatch),
    values: &[TextValue],
    most: usize,
) -> Vec<Change> {
    let is_path = match of {
        Subject::Exe => true,
        Subject::Arg(position) => {
            use ArgType as T;
            let ty = hook.args.get(position).map(|arg| arg.ty);
            matches!(
                ty,
                Some(T::File | T::Path | T::Dentry | T::Fd | T::LinuxBinprm)
            )
        }
        Subject::Return => false,
    };
    // What else the selector wants the text to start and end with.
    let (prefixes, postfixes) = (
        siblings(rule, of, TextMatch::Prefix),
        siblings(rule, of, TextMatch::Postfix),
    );
    let mut all = Vec::new();
    // A path starts at the root.
    let can_be =
        |value: &&TextValue| !is_path || how == TextMatch::Postfix || value.bytes.starts_with(b"/");
    let (likely, rest): (Vec<_>, Vec<_>) = values.iter().partition(can_be);
    for value in likely.into_iter().chain(rest).take(most) {
        let Ok(text) = std::str::from_utf8(&value.bytes) else {
            continue;
        };
        let whole = match how {
            TextMatch::Equal => vec![text.to_owned()],
            TextMatch::Prefix => vec![
                text.to_owned(),
                format!("{text}file"),
                format!("{text}/file"),
            ],
            TextMatch::Postfix => ends(&prefixes, text, is_path),
        };
        for text in whole {
            all.push(text.clone());
            if how == TextMatch::Prefix {
                all.extend(postfixes.iter().map(|end| format!("{text}{end}")));
            }
            // One character more, or less.
            all.push(format!("{text}x"));
            let mut less = text;
            less.pop();
            all.push(less);
        }
    }
    all.extend(prefixes.iter().map(|start| format!("{start}other")));
    all.push(if is_path { "/tmp/other" } else { "other" }.to_owned());
    let change = |text: String| match of {
        Subject::Exe => Change::Binary(text),
        Subject::Arg(position) => Change::Arg(position, quoted(&text)),
        Subject::Return => Change::Return(quoted(&text)),
    };
    all.into_iter().map(change).collect()
}

/// Texts that end with a value.
fn ends(prefixes: &[String], end: &str, is_path: bool) -> Vec<String> {
    let begin = |start: &str| match end.starts_with('/') {
        true => format!("{}{end}", start.trim_end_matches('/')),
        false => format!("{start}file{end}"),
    };
    let mut all: Vec<String> = prefixes.iter().map(|start| begin(start)).collect();
    all.push(begin(if is_path { "/home/user/" } else { "" }));
    all
}

fn siblings(rule: &Rule, of: Subject, how: TextMatch) -> Vec<String> {
    let values = |test: &Test| match &test.predicate {
        Predicate::Text {
            of: other,
            how: also,
            values,
        } if *other == of && *also == how => values.clone(),
        _ => Vec::new(),
    };
    let all = rule.tests.iter().flat_map(values);
    let text = |value: TextValue| String::from_utf8(value.bytes).ok();
    all.filter_map(text).take(MAX_VALUES).collect()
}

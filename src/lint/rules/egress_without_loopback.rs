//! Rules about connections to elsewhere that match those to the own machine.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::diag::Code;
use crate::lint::context::{Context, Hook};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{ArgFilter, ArgType, Operator, Selector};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2302),
    name: "egress-without-loopback",
    group: Group::Availability,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a rule about foreign addresses matches connections to the own machine",
        why: "`NotDAddr` lists what is allowed, and the loopback addresses are not in the list. Programs talk to their \
              own machine all the time: sidecars, local DNS, databases behind a proxy. Each such connection is \
              reported, or refused. A list without IPv6 networks does not except any IPv6 address: `::1` matches too, \
              and `localhost` is often that.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: «NotDAddr»
        values: [10.0.0.0/8]
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: NotDAddr
        values: [10.0.0.0/8, 127.0.0.0/8, "::1"]
"#,
        fix: "Add `127.0.0.0/8` and `::1` to the list. If only IPv4 is meant, add a filter `Family` with `AF_INET`.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for hook in context.hooks() {
        for selector in hook.selectors {
            let Some(filter) = selector.match_args.iter().find(|one| excludes(&hook, one)) else {
                continue;
            };
            let missing = missing(&hook, selector);
            if missing.is_empty() {
                continue;
            }
            let missing = missing.join("` and `");
            found.push(
                finding(
                    filter.operator.span,
                    "connections to the own machine match too",
                )
                .label(format!("`{missing}` is not in the list"))
                .help(format!("add `{missing}` to the values")),
            );
        }
    }
}

/// Whether a filter lists what connections may go to. The address that a call names is that of the other end.
fn excludes(hook: &Hook<'_>, filter: &ArgFilter) -> bool {
    let name = hook.name.value.as_str();
    let goes_out = name.contains("connect") || name.contains("sendmsg");
    match hook.type_of(filter) {
        Some(ArgType::Sock | ArgType::Skb) => filter.operator.value == Operator::NotDAddr,
        Some(ArgType::Sockaddr) => filter.operator.value == Operator::NotSAddr && goes_out,
        _ => false,
    }
}

/// The loopback addresses that the selector lets pass.
fn missing(hook: &Hook<'_>, selector: &Selector) -> Vec<&'static str> {
    let named = |operator, text: &str| {
        let mut filters = selector
            .match_args
            .iter()
            .filter(|one| one.operator.value == operator);
        filters
            .any(|one| one.values.iter().all(|value| value.value == text) && !one.values.is_empty())
    };
    let narrowed = |one: &ArgFilter| match hook.type_of(one) {
        Some(ArgType::Sockaddr) => one.operator.value == Operator::SAddr,
        _ => one.operator.value == Operator::DAddr,
    };
    if selector.match_args.iter().any(narrowed) {
        return Vec::new();
    }
    let v4 = !named(Operator::Family, "AF_INET6") && hook.name.value != "tcp_v6_connect";
    let v6 = !named(Operator::Family, "AF_INET") && hook.name.value != "tcp_v4_connect";
    let listed = |address: IpAddr| {
        let mut filters = selector.match_args.iter().filter(|one| excludes(hook, one));
        filters.any(|one| {
            one.values
                .iter()
                .any(|value| contains(&value.value, address))
        })
    };
    let mut missing = Vec::new();
    if v4 && !listed(IpAddr::from([127, 0, 0, 1])) {
        missing.push("127.0.0.0/8");
    }
    if v6 && !listed(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])) {
        missing.push("::1");
    }
    // Without any IPv6 network in the list, that is what is wrong with it.
    if missing == ["::1"] && !has_v6(hook, selector) {
        missing.clear();
    }
    missing
}

fn has_v6(hook: &Hook<'_>, selector: &Selector) -> bool {
    let filters = selector.match_args.iter().filter(|one| excludes(hook, one));
    let mut values = filters.flat_map(|one| &one.values);
    values.any(|value| value.value.contains(':'))
}

fn contains(network: &str, address: IpAddr) -> bool {
    match network.parse::<IpNet>() {
        Ok(network) => network.contains(&address),
        Err(_) => network.parse::<IpAddr>() == Ok(address),
    }
}

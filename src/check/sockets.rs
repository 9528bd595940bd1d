//! Filters on sockets and socket addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::filters::{bad_value, wrong_operator};
use super::values;
use crate::diag::{Sink, Spanned};
use crate::ir::{ArgType, End, IntSet, IntType, Predicate, Subject, V4Set, V6Set};
use crate::kernel::{families, protocols, tcp_states};
use crate::policy::{ArgFilter, Operator};

/// Ports that only privileged processes can bind: PROT_SOCK (include/net/sock.h).
const FIRST_FREE_PORT: i128 = 1024;

pub(super) fn predicate(
    of: Subject,
    ty: ArgType,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<(bool, Predicate)> {
    use End::{Destination, Source};
    use Operator as O;
    let operator = filter.operator.value;
    let for_address = matches!(
        operator,
        O::SAddr
            | O::NotSAddr
            | O::SPort
            | O::NotSPort
            | O::SPortPriv
            | O::NotSPortPriv
            | O::Family
    );
    if ty == ArgType::Sockaddr && !for_address {
        let fitting = "SAddr, NotSAddr, SPort, NotSPort, SPortPriv, NotSportPriv or Family; the address of a \
                       `sockaddr` is its source, whichever end it names";
        wrong_operator(filter, "a `sockaddr`", fitting, sink);
        return None;
    }
    match operator {
        O::SAddr => address(of, Source, false, filter, sink),
        O::NotSAddr => address(of, Source, true, filter, sink),
        O::DAddr => address(of, Destination, false, filter, sink),
        O::NotDAddr => address(of, Destination, true, filter, sink),
        O::SPort => port(of, Source, false, filter, sink),
        O::NotSPort => port(of, Source, true, filter, sink),
        O::DPort => port(of, Destination, false, filter, sink),
        O::NotDPort => port(of, Destination, true, filter, sink),
        O::SPortPriv => Some((false, privileged(of, Source))),
        O::NotSPortPriv => Some((true, privileged(of, Source))),
        O::DPortPriv => Some((false, privileged(of, Destination))),
        O::NotDPortPriv => Some((true, privileged(of, Destination))),
        O::Protocol => {
            let set = named(
                filter,
                "a protocol such as `IPPROTO_TCP`",
                protocols::by_name,
                sink,
            )?;
            Some((false, Predicate::Protocol { of, set }))
        }
        O::Family => {
            let set = named(
                filter,
                "an address family such as `AF_INET`",
                families::by_name,
                sink,
            )?;
            Some((false, Predicate::Family { of, set }))
        }
        O::State => {
            let what = "a TCP state such as `TCP_ESTABLISHED`";
            let set = named(filter, what, tcp_states::by_name, sink)?;
            Some((false, Predicate::State { of, set }))
        }
        _ => {
            let fitting =
                "SAddr, DAddr, SPort, DPort, their Not and Priv forms, Protocol, Family or State";
            wrong_operator(filter, "sockets", fitting, sink);
            None
        }
    }
}

fn privileged(of: Subject, end: End) -> Predicate {
    Predicate::Port {
        of,
        end,
        set: IntSet::from_ranges([(0, FIRST_FREE_PORT - 1)]),
    }
}

fn port(
    of: Subject,
    end: End,
    negate: bool,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<(bool, Predicate)> {
    let set = numbers(filter, sink)?;
    Some((negate, Predicate::Port { of, end, set }))
}

fn numbers(filter: &ArgFilter, sink: &mut Sink) -> Option<IntSet> {
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let parse = |text| values::range(text, IntType::U16, sink);
    let ranges: Vec<_> = filter.values.iter().filter_map(parse).collect();
    Some(IntSet::from_ranges(ranges))
}

/// Numbers, ranges or names of a table.
fn named(
    filter: &ArgFilter,
    what: &str,
    by_name: fn(&str) -> Option<u32>,
    sink: &mut Sink,
) -> Option<IntSet> {
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let mut ranges = Vec::new();
    for text in &filter.values {
        let name = by_name(&text.value).map(i128::from);
        if let Some(number) = name {
            ranges.push((number, number));
        } else if text.value.starts_with(|c: char| c.is_ascii_digit()) {
            ranges.extend(values::range(text, IntType::U16, sink));
        } else {
            let help = "write its name in capitals, or its number";
            bad_value(&text.value, text.span, what, help, sink);
        }
    }
    Some(IntSet::from_ranges(ranges))
}

fn address(
    of: Subject,
    end: End,
    negate: bool,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<(bool, Predicate)> {
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let nets: Vec<IpNet> = filter
        .values
        .iter()
        .filter_map(|text| network(text, sink))
        .collect();
    let mut v4: Vec<(u32, u32)> = Vec::new();
    let mut v6: Vec<(u128, u128)> = Vec::new();
    for net in nets {
        match net {
            IpNet::V4(net) => v4.push((net.network().into(), net.broadcast().into())),
            IpNet::V6(net) => match net.network().to_ipv4_mapped() {
                // An IPv4-mapped address is judged as the IPv4 address it carries.
                Some(low) if net.prefix_len() >= 96 => {
                    let high = net.broadcast().to_ipv4_mapped().unwrap_or(low);
                    v4.push((low.into(), high.into()));
                }
                _ => v6.push((net.network().into(), net.broadcast().into())),
            },
        }
    }
    let (v4, v6) = (V4Set::from_ranges(v4), V6Set::from_ranges(v6));
    Some((negate, Predicate::Addr { of, end, v4, v6 }))
}

/// An address, or a network in CIDR notation; bits behind the prefix do not matter.
fn network(text: &Spanned<String>, sink: &mut Sink) -> Option<IpNet> {
    let net = text.value.parse::<IpNet>().ok();
    let found = net.or_else(|| text.value.parse::<IpAddr>().ok().map(IpNet::from));
    if found.is_none() {
        let help = "write an address such as `10.0.0.1`, or a network such as `172.17.0.0/16` or `fd00::/8`";
        bad_value(&text.value, text.span, "an address or network", help, sink);
    }
    found
}

//! Filters on sockets and socket addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::filters::Filter;
use super::numbers::{Grammar, Range};
use super::{bad_value, refuse, require_values};
use crate::diag::{Sink, Spanned, code};
use crate::ir::{End, IntSet, IntType, Predicate, V4Set, V6Set};
use crate::kernel::{families, protocols, tcp_states};
use crate::policy::{Operator, nearest};

/// Ports that only privileged processes can bind: PROT_SOCK (include/net/sock.h).
const FIRST_FREE_PORT: i128 = 1024;

pub(super) fn predicate(filter: &Filter<'_>, sink: &mut Sink) -> Option<(bool, Predicate)> {
    use End::{Destination, Source};
    use Operator as O;
    match filter.operator() {
        O::SAddr => address(filter, Source, false, sink),
        O::NotSAddr => address(filter, Source, true, sink),
        O::DAddr => address(filter, Destination, false, sink),
        O::NotDAddr => address(filter, Destination, true, sink),
        O::SPort => port(filter, Source, false, sink),
        O::NotSPort => port(filter, Source, true, sink),
        O::DPort => port(filter, Destination, false, sink),
        O::NotDPort => port(filter, Destination, true, sink),
        O::SPortPriv => privileged(filter, Source, false, sink),
        O::NotSPortPriv => privileged(filter, Source, true, sink),
        O::DPortPriv => privileged(filter, Destination, false, sink),
        O::NotDPortPriv => privileged(filter, Destination, true, sink),
        O::Protocol => {
            let set = named(filter, &PROTOCOLS, sink)?;
            Some((false, Predicate::Protocol { of: filter.of, set }))
        }
        O::Family => {
            let set = named(filter, &FAMILIES, sink)?;
            Some((false, Predicate::Family { of: filter.of, set }))
        }
        O::State => {
            let set = named(filter, &STATES, sink)?;
            Some((false, Predicate::State { of: filter.of, set }))
        }
        _ => None,
    }
}

fn privileged(
    filter: &Filter<'_>,
    end: End,
    negate: bool,
    sink: &mut Sink,
) -> Option<(bool, Predicate)> {
    if let Some(value) = filter.values().first() {
        let message = format!(
            "`{}` takes no values: it stands for the ports below {FIRST_FREE_PORT}",
            filter.operator()
        );
        let help = "remove `values`, or use `SPort` or `DPort` for certain ports";
        refuse(sink, code::NO_EFFECT, value.span, message, help);
        return None;
    }
    let of = filter.of;
    let set = IntSet::from_ranges([(0, FIRST_FREE_PORT - 1)]);
    Some((negate, Predicate::Port { of, end, set }))
}

fn port(filter: &Filter<'_>, end: End, negate: bool, sink: &mut Sink) -> Option<(bool, Predicate)> {
    if !require_values(filter.values(), filter.written.span, sink) {
        return None;
    }
    let ranges = filter.numbers(Grammar::DecimalRange, IntType::U16, sink);
    let (of, set) = (filter.of, IntSet::from_ranges(ranges));
    Some((negate, Predicate::Port { of, end, set }))
}

/// Numbers that have names.
struct Names {
    what: &'static str,
    table: &'static [(u32, &'static str)],
    /// The kernel's type of the number.
    ty: IntType,
}

const PROTOCOLS: Names = Names {
    what: "a protocol",
    table: protocols::NAMES,
    ty: IntType::U16,
};

const FAMILIES: Names = Names {
    what: "an address family",
    table: families::NAMES,
    ty: IntType::U16,
};

const STATES: Names = Names {
    what: "a TCP state",
    table: tcp_states::NAMES,
    ty: IntType::U8,
};

/// Names of the kernel that the language lacks.
const UNNAMED: &[(&str, u32)] = &[("IPPROTO_ICMPV6", 58), ("TCP_BOUND_INACTIVE", 13)];

/// Names of a table, numbers or ranges.
fn named(filter: &Filter<'_>, names: &Names, sink: &mut Sink) -> Option<IntSet> {
    if !require_values(filter.values(), filter.written.span, sink) {
        return None;
    }
    let one = |text| by_name(filter, text, names, sink);
    let ranges: Vec<Range> = filter.values().iter().filter_map(one).collect();
    Some(IntSet::from_ranges(ranges))
}

fn by_name(
    filter: &Filter<'_>,
    text: &Spanned<String>,
    names: &Names,
    sink: &mut Sink,
) -> Option<Range> {
    let mut rows = names.table.iter();
    if let Some((number, _)) = rows.find(|(_, name)| *name == text.value) {
        let number = i128::from(*number);
        return Some((number, number));
    }
    if text.value.starts_with(|c: char| c.is_ascii_digit()) {
        return filter.number(text, Grammar::DecimalRange, names.ty, sink);
    }
    bad_value(text, names.what, name_help(&text.value, names), sink);
    None
}

fn name_help(text: &str, names: &Names) -> String {
    if let Some((_, number)) = UNNAMED.iter().find(|(name, _)| *name == text) {
        return format!("write its number, `{number}`");
    }
    let known: Vec<&str> = names.table.iter().map(|(_, name)| *name).collect();
    let upper = text.trim().to_ascii_uppercase();
    let common = known
        .first()
        .and_then(|name| name.split_inclusive('_').next())
        .unwrap_or("");
    let whole = format!("{common}{upper}");
    let near =
        nearest(&upper, &known).or_else(|| known.iter().copied().find(|name| **name == whole));
    match near.or_else(|| nearest(&whole, &known)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let example = known.get(1).copied().unwrap_or("");
            format!("write its number, or its name such as `{example}`")
        }
    }
}

fn address(
    filter: &Filter<'_>,
    end: End,
    negate: bool,
    sink: &mut Sink,
) -> Option<(bool, Predicate)> {
    if !require_values(filter.values(), filter.written.span, sink) {
        return None;
    }
    let one = |text| network(text, sink);
    let nets: Vec<IpNet> = filter.values().iter().filter_map(one).collect();
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
    let of = filter.of;
    Some((negate, Predicate::Addr { of, end, v4, v6 }))
}

/// An address, or a network in CIDR notation; bits behind the prefix do not matter.
fn network(text: &Spanned<String>, sink: &mut Sink) -> Option<IpNet> {
    let found = parse_network(&text.value);
    if found.is_none() {
        bad_value(
            text,
            "an address or network",
            network_help(&text.value),
            sink,
        );
    }
    found
}

fn parse_network(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    // As Go: digits without leading zeros.
    let plain = length.bytes().all(|byte| byte.is_ascii_digit())
        && !(length.len() > 1 && length.starts_with('0'));
    let length = length.parse().ok().filter(|_| plain)?;
    IpNet::new(address.parse().ok()?, length).ok()
}

fn network_help(text: &str) -> String {
    let trimmed = text.trim().trim_matches(['[', ']', '\0']);
    let without_zone = trimmed.split('%').next().unwrap_or("");
    let without_port = trimmed.rsplit_once(':').map_or("", |(address, _)| address);
    if let Some(net) = parse_network(trimmed) {
        return format!("write `{}`", in_full(net));
    }
    if trimmed.contains('%') && parse_network(without_zone).is_some() {
        return format!("write `{without_zone}`: zones are not compared");
    }
    if without_port.parse::<std::net::Ipv4Addr>().is_ok() {
        return format!("write `{without_port}`, and the port in a filter with `SPort` or `DPort`");
    }
    let example =
        "write an address such as `10.0.0.1`, or a network such as `172.17.0.0/16` or `fd00::/8`";
    example.to_owned()
}

/// An address without the length of a network of one.
fn in_full(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_those_of_go() {
        for good in [
            "10.0.0.1",
            "10.1.2.3/8",
            "0.0.0.0/0",
            "::/0",
            "2001:DB8::A",
            "::ffff:10.0.0.0/104",
        ] {
            assert!(parse_network(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "10.0.0",
            "010.0.0.1",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "/8",
            "10.0.0.1 ",
            "[::1]",
            "fe80::1%eth0",
            "localhost",
            "10.0.0.0/8/8",
        ] {
            assert!(parse_network(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn advice_on_addresses() {
        assert_eq!(network_help(" 10.0.0.1"), "write `10.0.0.1`");
        assert_eq!(network_help("[::1]"), "write `::1`");
        assert!(network_help("fe80::1%eth0").starts_with("write `fe80::1`"));
        assert!(network_help("1.2.3.4:80").starts_with("write `1.2.3.4`, and the port"));
        assert!(network_help("localhost").starts_with("write an address"));
    }

    #[test]
    fn advice_on_names() {
        assert_eq!(name_help("tcp", &PROTOCOLS), "did you mean `IPPROTO_TCP`?");
        assert_eq!(name_help("af_inet", &FAMILIES), "did you mean `AF_INET`?");
        assert_eq!(name_help("LISTEN", &STATES), "did you mean `TCP_LISTEN`?");
        assert!(name_help("sctp-over-what", &PROTOCOLS).starts_with("write its number"));
    }
}

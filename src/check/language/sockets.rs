//! Values of sockets and addresses: networks, and numbers with names. Source: `parseAddr` and `writeRangeInMap` in
//! `pkg/selectors/kernel.go`, `pkg/reader/network/inet.go`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::operands::Judge;
use crate::check::bad_value;
use crate::check::numbers::{Grammar, Integer, Range};
use crate::diag::{Sink, Spanned};
use crate::ir::IntType;
use crate::kernel::{families, protocols, tcp_states};
use crate::policy::{Operator, nearest};

/// The kernel's type of ports.
pub(super) const PORT: Integer = Integer::unsigned(IntType::U16);

/// Numbers that have names.
struct Names {
    what: &'static str,
    table: &'static [(u32, &'static str)],
    integer: Integer,
}

const PROTOCOLS: Names = Names {
    what: "a protocol",
    table: protocols::NAMES,
    integer: Integer::unsigned(IntType::U16),
};

const FAMILIES: Names = Names {
    what: "an address family",
    table: families::NAMES,
    integer: Integer::unsigned(IntType::U16),
};

const STATES: Names = Names {
    what: "a TCP state",
    table: tcp_states::NAMES,
    integer: Integer::unsigned(IntType::U8),
};

/// Names of the kernel that the language lacks.
const UNNAMED: &[(&str, u32)] = &[("IPPROTO_ICMPV6", 58), ("TCP_BOUND_INACTIVE", 13)];

/// Protocols, families and states: a name, a number or a range; `None` means reported.
pub(super) fn named(
    judge: &Judge<'_, '_>,
    text: &Spanned<String>,
    sink: &mut Sink,
) -> Option<Range> {
    let names = match judge.operator() {
        Operator::Protocol => PROTOCOLS,
        Operator::Family => FAMILIES,
        _ => STATES,
    };
    let mut rows = names.table.iter();
    if let Some((number, _)) = rows.find(|(_, name)| *name == text.value) {
        let number = i128::from(*number);
        return Some((number, number));
    }
    if text.value.starts_with(|c: char| c.is_ascii_digit()) {
        return judge.number(text, Grammar::DecimalRange, names.integer, sink);
    }
    bad_value(text, names.what, name_help(&text.value, &names), sink);
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

/// An address, or a network in CIDR notation; bits behind the prefix do not matter. `None` means reported.
pub(super) fn network(text: &Spanned<String>, sink: &mut Sink) -> Option<IpNet> {
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
        return parse_address(text).map(IpNet::from);
    };
    // As Go: digits without leading zeros.
    let plain = length.bytes().all(|byte| byte.is_ascii_digit())
        && !(length.len() > 1 && length.starts_with('0'));
    let length = length.parse().ok().filter(|_| plain)?;
    IpNet::new(address.parse().ok()?, length).ok()
}

/// An address; the zone of an IPv6 address is not part of what is compared.
fn parse_address(text: &str) -> Option<IpAddr> {
    match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address.parse().ok().filter(IpAddr::is_ipv6),
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// What to write for a text that is no network.
pub(in crate::check) fn network_help(text: &str) -> String {
    let trimmed = text.trim().trim_matches(['[', ']', '\0']);
    let without_zone = trimmed.split('%').next().unwrap_or("");
    let without_port = trimmed.rsplit_once(':').map_or("", |(address, _)| address);
    if trimmed.contains('%') && parse_network(without_zone).is_some() {
        return format!("write `{without_zone}`: zones are not compared");
    }
    if let Some(net) = parse_network(trimmed) {
        return format!("write `{}`", in_full(net));
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
            "fe80::1%eth0",
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
            "fe80::1%",
            "fe80::1%eth0/64",
            "10.0.0.1%eth0",
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

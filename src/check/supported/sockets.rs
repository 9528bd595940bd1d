//! Filters on sockets and socket addresses.

use ipnet::IpNet;

use super::filters::Filter;
use super::{bad_value, refuse, require_values};
use crate::check::form::Operand;
use crate::check::language::network_help;
use crate::diag::{Sink, code};
use crate::ir::{End, IntSet, IntType, Predicate, V4Set, V6Set};
use crate::policy::Operator;

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
            let set = numbers(filter, IntType::U16, sink)?;
            Some((false, Predicate::Protocol { of: filter.of, set }))
        }
        O::Family => {
            let set = numbers(filter, IntType::U16, sink)?;
            Some((false, Predicate::Family { of: filter.of, set }))
        }
        O::State => {
            let set = numbers(filter, IntType::U8, sink)?;
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
    let set = numbers(filter, IntType::U16, sink)?;
    let of = filter.of;
    Some((negate, Predicate::Port { of, end, set }))
}

/// Numbers of a kernel type; those that it does not have are reported.
fn numbers(filter: &Filter<'_>, ty: IntType, sink: &mut Sink) -> Option<IntSet> {
    require_values(filter.values(), filter.judged.written.span, sink)
        .then(|| IntSet::from_ranges(filter.numbers(ty, sink)))
}

fn address(
    filter: &Filter<'_>,
    end: End,
    negate: bool,
    sink: &mut Sink,
) -> Option<(bool, Predicate)> {
    if !require_values(filter.values(), filter.judged.written.span, sink) {
        return None;
    }
    zones(filter, sink);
    let Operand::Networks(nets) = &filter.judged.operand else {
        return None;
    };
    let mut v4: Vec<(u32, u32)> = Vec::new();
    let mut v6: Vec<(u128, u128)> = Vec::new();
    for net in nets.iter().flatten() {
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

/// Addresses are compared without their zone.
fn zones(filter: &Filter<'_>, sink: &mut Sink) {
    for text in filter
        .values()
        .iter()
        .filter(|text| text.value.contains('%'))
    {
        bad_value(
            text,
            "an address or network",
            network_help(&text.value),
            sink,
        );
    }
}

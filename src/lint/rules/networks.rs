//! Addresses of the other family, addresses within addresses, and networks that a node cannot do without.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::check::form::{Filter, Hook, Operand, Selector, Written};
use crate::lint::context::{Context, Of};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{ArgType, Operator};

use super::whole_policy::enforces;

pub(in crate::lint) static FAMILY: Rule = Rule::new(
    2205,
    "other-family",
    Group::Security,
    Level::Warning,
    Docs {
        summary: "a negated list of addresses of one family matches every address of the other",
        why: "`NotSAddr` and `NotDAddr` hold for whatever is not in the list. A list of IPv4 networks has no IPv6 address, so each of \
              them matches: a service that is reached by both is reported or cut off by one.",
        bad: r#"  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: «NotDAddr»
        values: [10.0.0.0/8, 127.0.0.0/8]
"#,
        good: r#"  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: Family
        values: [AF_INET]
      - index: 0
        operator: NotDAddr
        values: [10.0.0.0/8, 127.0.0.0/8]
"#,
        fix: "Add the networks of the other family (`::1` and `fd00::/8`, say), or a filter `Family`.",
    },
    family,
);

pub(in crate::lint) static MAPPED: Rule = Rule::new(
    2114,
    "mapped-network",
    Group::Tetragon,
    Level::Warning,
    Docs {
        summary: "an IPv4 network written as IPv6 matches IPv6 sockets only",
        why: "`::ffff:10.0.0.0/104` is how an IPv6 socket sees an IPv4 network. Tetragon compares it with IPv6 sockets alone: IPv4 \
              sockets to the same place do not match.",
        bad: r#"  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: DAddr
        values: [«"::ffff:10.0.0.0/104"»]
"#,
        good: r#"  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: DAddr
        values: ["::ffff:10.0.0.0/104", 10.0.0.0/8]
"#,
        fix: "Write both forms.",
    },
    mapped,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static ESCAPE: Rule = Rule::new(
    2206,
    "address-within-address",
    Group::Security,
    Level::Warning,
    Docs {
        summary: "a rule for IPv4 networks that IPv6 sockets to the same place get around",
        why: "Programs may reach an IPv4 address with an IPv6 socket, as `::ffff:10.0.0.1`; many languages do so by default. Tetragon \
              compares such sockets with IPv6 networks only, so the connection is neither killed nor refused.",
        bad: r#"  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_socket_connect
    syscall: false
    args:
    - index: 1
      type: sockaddr
    selectors:
    - matchArgs:
      - index: 1
        operator: SAddr
        values: [«192.0.2.0/24»]
      matchBinaries:
      - operator: In
        values: [/usr/bin/curl]
      matchActions:
      - action: Override
        argError: -1
"#,
        good: r#"  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_socket_connect
    syscall: false
    args:
    - index: 1
      type: sockaddr
    selectors:
    - matchArgs:
      - index: 1
        operator: SAddr
        values: [192.0.2.0/24, "::ffff:192.0.2.0/120"]
      matchBinaries:
      - operator: In
        values: [/usr/bin/curl]
      matchActions:
      - action: Override
        argError: -1
"#,
        fix: "Add the same networks as IPv6: the address behind `::ffff:`, and 96 added to the length.",
    },
    escape,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static BRIDGE: Rule = Rule::new(
    2303,
    "egress-without-bridge",
    Group::Availability,
    Level::Warning,
    Docs {
        summary: "a rule about foreign addresses matches those of containers on the same node",
        why: "Docker's bridge has 172.17.0.0/16 and that of Nomad 172.26.64.0/20 unless configured otherwise. Health checks, sidecars \
              and port forwarding use them; a rule for everything outside a list hits them all.",
        bad: r#"  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: «NotDAddr»
        values: [10.0.0.0/8, 127.0.0.0/8, "::1"]
"#,
        good: r#"  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: NotDAddr
        values: [10.0.0.0/8, 127.0.0.0/8, 172.16.0.0/12, "::1"]
"#,
        fix: "Add the networks of your bridges; `172.16.0.0/12` has both.",
    },
    bridge,
)
.only_for(&[Target::Nomad, Target::Host]);

pub(in crate::lint) static METADATA: Rule = Rule::new(
    2304,
    "egress-without-metadata",
    Group::Availability,
    Level::Note,
    Docs {
        summary: "a rule that cuts connections also cuts those to the cloud's metadata service",
        why: "Machines in a cloud get their credentials, keys and names from 169.254.169.254. Who kills every connection to foreign \
              addresses kills the agents of the cloud, and the node may not come back. For workloads that is often wanted, for the \
              node's own services not.",
        bad: r#"  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_socket_connect
    syscall: false
    args:
    - index: 1
      type: sockaddr
    selectors:
    - matchArgs:
      - index: 1
        operator: «NotSAddr»
        values: [10.0.0.0/8, 127.0.0.0/8, "::1"]
      matchNamespaces:
      - namespace: Net
        operator: In
        values: [host_ns]
      matchActions:
      - action: Override
        argError: -1
"#,
        good: r#"  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_socket_connect
    syscall: false
    args:
    - index: 1
      type: sockaddr
    selectors:
    - matchArgs:
      - index: 1
        operator: NotSAddr
        values: [10.0.0.0/8, 127.0.0.0/8, "169.254.169.254", "::1"]
      matchNamespaces:
      - namespace: Net
        operator: In
        values: [host_ns]
      matchActions:
      - action: Override
        argError: -1
"#,
        fix: "Add `169.254.169.254` to the list, or leave the node's own services out by `matchNamespaces` or `matchBinaries`.",
    },
    metadata,
);

/// The networks of a filter on addresses.
fn networks(filter: &Filter<'_>) -> Option<Vec<IpNet>> {
    match &filter.operand {
        Operand::Networks(all) => all.iter().copied().collect(),
        _ => None,
    }
}

fn is_v4(network: &IpNet) -> bool {
    matches!(network, IpNet::V4(_))
}

/// Whether a selector asks for a family itself.
fn names_family(selector: &Selector<'_>) -> bool {
    let mut filters = selector.filters.iter();
    filters.any(|filter| filter.operator() == Operator::Family)
}

/// The function, if all its sockets are of one family.
fn is_of_one_family(hook: &Hook<'_>) -> bool {
    const ONE: [&str; 6] = ["tcp_v4", "tcp_v6", "udpv6", "inet6_", "ip_", "ip6_"];
    match hook.written {
        Written::Kprobe(one) | Written::Fentry(one) => {
            ONE.iter().any(|name| one.call.value.starts_with(name))
        }
        _ => false,
    }
}

/// Whether a sibling filter narrows the same end of the connection.
fn is_narrowed(of: &Of<'_>, to: Operator) -> bool {
    of.selector.filters.iter().any(|one| one.operator() == to)
}

fn family(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        let operator = of.filter.written.operator;
        let narrow = match operator.value {
            Operator::NotSAddr => Operator::SAddr,
            Operator::NotDAddr => Operator::DAddr,
            _ => continue,
        };
        let Some(networks) = networks(of.filter).filter(|all| !all.is_empty()) else {
            continue;
        };
        let v4 = networks.iter().filter(|one| is_v4(one)).count();
        let mixed = v4 > 0 && v4 < networks.len();
        if mixed
            || names_family(of.selector)
            || is_of_one_family(of.hook)
            || is_narrowed(&of, narrow)
        {
            continue;
        }
        // Without the loopback addresses, that is what is said.
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let out = operator.value == Operator::NotDAddr || goes_out(of.hook);
        let spoken = out && !networks.iter().any(|one| one.contains(&loopback));
        if spoken {
            continue;
        }
        let (have, other) = if v4 > 0 {
            ("IPv4", "IPv6")
        } else {
            ("IPv6", "IPv4")
        };
        let one = finding(
            operator.span,
            format!("every {other} address matches: the list has {have} networks only"),
        );
        let family = if v4 > 0 { "AF_INET" } else { "AF_INET6" };
        found.push(one.help(format!(
            "add networks of {other}, or a filter `Family` with `{family}`"
        )));
    }
}

/// The IPv4 network that an IPv6 one stands for.
fn within(network: &IpNet) -> Option<IpNet> {
    let IpNet::V6(network) = network else {
        return None;
    };
    let address = network.network().to_ipv4_mapped()?;
    let length = network.prefix_len().checked_sub(96)?;
    ipnet::Ipv4Net::new(address, length).ok().map(IpNet::V4)
}

/// An IPv4 network as IPv6 sockets see it.
fn around(network: &IpNet) -> Option<IpNet> {
    let IpNet::V4(network) = network else {
        return None;
    };
    let address: Ipv6Addr = network.network().to_ipv6_mapped();
    ipnet::Ipv6Net::new(address, network.prefix_len() + 96)
        .ok()
        .map(IpNet::V6)
}

fn mapped(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        let all = networks(of.filter).unwrap_or_default();
        for (text, network) in of.filter.written.values.iter().zip(&all) {
            let Some(inner) = within(network) else {
                continue;
            };
            if !all.iter().any(|one| one.contains(&inner)) {
                let one = finding(
                    text.span,
                    format!("`{}` does not match IPv4 sockets", text.value),
                );
                found.push(one.help(format!("add `{inner}`")));
            }
        }
    }
}

fn escape(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        let positive = matches!(of.filter.operator(), Operator::SAddr | Operator::DAddr);
        let enforced = of.selector.actions.iter().any(enforces);
        if !(positive && enforced) || names_family(of.selector) || is_of_one_family(of.hook) {
            continue;
        }
        let all = networks(of.filter).unwrap_or_default();
        let missing = of
            .filter
            .written
            .values
            .iter()
            .zip(&all)
            .find_map(|(text, network)| {
                let outer = around(network)?;
                let covered = all.iter().any(|one| one.contains(&outer));
                (!covered).then_some((text, outer))
            });
        if let Some((text, outer)) = missing {
            let one = finding(text.span, "IPv6 sockets to this network are not matched");
            found.push(one.help(format!("add `{outer}`")));
        }
    }
}

/// Whether a function begins or uses a connection to elsewhere.
fn goes_out(hook: &Hook<'_>) -> bool {
    let name = match hook.written {
        Written::Kprobe(one) | Written::Fentry(one) => &one.call.value,
        Written::LsmHook(one) => &one.hook.value,
        _ => return false,
    };
    name.contains("connect") || name.contains("sendmsg")
}

/// Filters that list the addresses which connections may go to.
fn allowed<'a>(context: &Context<'a>) -> impl Iterator<Item = (Of<'a>, Vec<IpNet>)> {
    context.filters().filter_map(|of| {
        // The address that a call names is that of the other end.
        let named = of.filter.ty() == Some(ArgType::Sockaddr) && goes_out(of.hook);
        let (not, narrow) = match named {
            true => (Operator::NotSAddr, Operator::SAddr),
            false => (Operator::NotDAddr, Operator::DAddr),
        };
        let listed = of.filter.operator() == not && !is_narrowed(&of, narrow);
        let networks = networks(of.filter).filter(|_| listed)?;
        let v6 = of.selector.filters.iter().any(|one| {
            let mut values = one.written.values.iter();
            one.operator() == Operator::Family && values.all(|value| value.value == "AF_INET6")
        });
        (!v6).then_some((of, networks))
    })
}

fn bridge(context: &Context<'_>, found: &mut Found) {
    let nomad = context.settings.targets.contains(&Target::Nomad);
    let docker = ("172.17.0.0/16", "Docker's bridge", true);
    let bridges = [docker, ("172.26.64.0/20", "Nomad's bridge", nomad)];
    for (of, networks) in allowed(context) {
        let missing = bridges.iter().filter(|(network, _, asked)| {
            let network: Option<IpNet> = network.parse().ok();
            *asked
                && network.is_some_and(|bridge| !networks.iter().any(|one| one.contains(&bridge)))
        });
        let missing: Vec<String> = missing
            .map(|(network, what, _)| format!("`{network}` ({what})"))
            .collect();
        if !missing.is_empty() {
            let one = finding(
                of.filter.written.operator.span,
                "connections to containers of the same node match too",
            );
            found.push(one.help(format!("add {} to the values", missing.join(" and "))));
        }
    }
}

/// The metadata service of AWS, Azure, Google and others.
const SERVICE: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

fn metadata(context: &Context<'_>, found: &mut Found) {
    for (of, networks) in allowed(context) {
        let service = IpAddr::from(SERVICE);
        let enforced = of.selector.actions.iter().any(enforces);
        if enforced && !networks.iter().any(|one| one.contains(&service)) {
            let one = finding(
                of.filter.written.operator.span,
                "connections to the metadata service match too",
            );
            found.push(one.help(format!(
                "add `{SERVICE}` to the values, unless it is to be cut off"
            )));
        }
    }
}

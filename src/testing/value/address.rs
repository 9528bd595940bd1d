//! Sockets and addresses.
//!
//! `8.8.8.8:53`, `[2001:db8::1]:80` and `unix:/run/x.sock` are addresses; `10.0.0.1:40000 -> 8.8.8.8:53` is a socket with both ends,
//! `8.8.8.8:53` one with its remote end. Everything else is written field by field.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{AddressForm, NameOrNumber, Number, SocketForm, bad};
use crate::diag::{Sink, Span, Spanned};
use crate::ir::Abi;
use crate::kernel::{families, protocols, tcp_states};
use crate::policy::{Decode, advice};
use crate::sim::scene::{AF_INET, AF_INET6, Sock};
use crate::yaml::{Node, Value};

/// `AF_UNIX` (include/linux/socket.h).
const AF_UNIX: u16 = 1;
/// Bytes of `struct sockaddr_storage`, the kernel's copy of an address.
const STORAGE: usize = 128;
/// Bytes of the longest path of a socket: UNIX_PATH_MAX (include/uapi/linux/un.h) without the NUL.
const LONGEST_PATH: usize = 107;

/// The local end of a socket of which only the remote end is given: an address for documentation, and a port that is neither
/// privileged nor known.
const LOCAL_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const LOCAL_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const LOCAL_PORT: u16 = 40000;

/// Types of sockets (include/linux/net.h).
const KINDS: &[(u32, &str)] = &[(1, "SOCK_STREAM"), (2, "SOCK_DGRAM"), (3, "SOCK_RAW")];
/// `SOCK_STREAM`, `IPPROTO_TCP`, `TCP_ESTABLISHED`: what a socket is without a word.
const STREAM: u16 = 1;
const DATAGRAM: u16 = 2;
const TCP: u16 = 6;
const UDP: u16 = 17;
const ESTABLISHED: u8 = 1;

/// One or both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::testing) struct Ends {
    pub(in crate::testing) source: Option<SocketAddr>,
    pub(in crate::testing) destination: SocketAddr,
}

/// `[SOURCE -> ]DESTINATION`.
pub(in crate::testing) fn ends(text: &str) -> Option<Ends> {
    let (source, destination) = match text.split_once("->") {
        Some((source, destination)) => (Some(end(source)?), destination),
        None => (None, text),
    };
    let destination = end(destination)?;
    let same = source.is_none_or(|source| source.is_ipv4() == destination.is_ipv4());
    same.then_some(Ends {
        source,
        destination,
    })
}

/// An address, with a port or with port 0.
fn end(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let alone = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    text.parse().ok().or_else(alone)
}

pub(super) fn socket(node: &Node, name: &str, sink: &mut Sink) -> Option<Sock> {
    if matches!(node.value, Value::Mapping(_)) {
        return SocketForm::decode(node, name, sink)?.socket(node.span, sink);
    }
    let text = Spanned::<String>::decode(node, name, sink)?;
    let Some(ends) = ends(&text.value) else {
        let message = format!("`{}` is no socket", text.value);
        let help = "write `8.8.8.8:53`, `10.0.0.1:40000 -> 8.8.8.8:53`, or the fields: `{daddr: 8.8.8.8, dport: 53}`";
        sink.push(bad(node.span, message, help));
        return None;
    };
    let local = local(ends.destination.ip());
    Some(internet(ends.source.unwrap_or(local), ends.destination))
}

/// The local end that fits a remote one.
fn local(remote: IpAddr) -> SocketAddr {
    SocketAddr::new(
        if remote.is_ipv4() { LOCAL_V4 } else { LOCAL_V6 },
        LOCAL_PORT,
    )
}

fn internet(source: SocketAddr, destination: SocketAddr) -> Sock {
    Sock {
        family: family_of(destination.ip()),
        kind: STREAM,
        protocol: TCP,
        state: ESTABLISHED,
        mark: 0,
        priority: 0,
        addresses: [octets(source.ip()), octets(destination.ip())],
        ports: [source.port(), destination.port()],
    }
}

fn family_of(address: IpAddr) -> u16 {
    match address {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&address.octets());
            bytes
        }
        IpAddr::V6(address) => address.octets(),
    }
}

impl SocketForm {
    fn socket(&self, span: Span, sink: &mut Sink) -> Option<Sock> {
        let saddr = ip(self.saddr.as_ref(), sink)?;
        let daddr = ip(self.daddr.as_ref(), sink)?;
        let given = daddr.or(saddr);
        let family = match &self.family {
            Some(family) => number(family, Names::FAMILIES, sink)?,
            None => given.map_or(AF_INET, family_of),
        };
        let fields = [
            ("saddr", self.saddr.as_ref().map(|text| text.span)),
            ("daddr", self.daddr.as_ref().map(|text| text.span)),
            ("sport", self.sport.map(|Number(port)| port.span)),
            ("dport", self.dport.map(|Number(port)| port.span)),
        ];
        has_ends(family, fields, sink)?;
        if !fits(family, [saddr, daddr]) {
            sink.push(bad(
                span,
                "an address is of another family than the socket",
                "write addresses of one family",
            ));
            return None;
        }
        let is_v6 = family == AF_INET6;
        let unset = if is_v6 { LOCAL_V6 } else { LOCAL_V4 };
        let has_ports = is_internet(family);
        let port = |field: Option<Number>, other: u16, sink: &mut Sink| match field {
            Some(number) => small(number, sink),
            None => Some(if has_ports { other } else { 0 }),
        };
        let protocol = match &self.protocol {
            Some(protocol) => number(protocol, Names::PROTOCOLS, sink)?,
            None => TCP,
        };
        Some(Sock {
            family,
            kind: match &self.kind {
                Some(kind) => number(kind, Names::KINDS, sink)?,
                None if protocol == UDP => DATAGRAM,
                None => STREAM,
            },
            protocol,
            state: match &self.state {
                Some(state) => number(state, Names::STATES, sink)?,
                None => ESTABLISHED,
            },
            mark: self.mark.map_or(Some(0), |mark| small(mark, sink))?,
            priority: self.priority.map_or(Some(0), |mark| small(mark, sink))?,
            addresses: [saddr, daddr].map(|address| octets(address.unwrap_or(unset))),
            ports: [
                port(self.sport, LOCAL_PORT, sink)?,
                port(self.dport, 0, sink)?,
            ],
        })
    }
}

fn is_internet(family: u16) -> bool {
    matches!(family, AF_INET | AF_INET6)
}

/// Refuses addresses and ports of a family that has none; `None` means reported.
fn has_ends<const N: usize>(
    family: u16,
    fields: [(&str, Option<Span>); N],
    sink: &mut Sink,
) -> Option<()> {
    let mut given = fields
        .into_iter()
        .filter_map(|(name, span)| span.map(|span| (name, span)));
    let Some((name, span)) = given.next().filter(|_| !is_internet(family)) else {
        return Some(());
    };
    let family = families::by_number(family.into())
        .map_or_else(|| format!("family {family}"), str::to_owned);
    let message = format!("`{name}`: {family} has none of the internet's addresses and ports");
    let help = format!("remove `{name}`, or write `family: AF_INET`");
    sink.push(bad(span, message, help));
    None
}

fn fits(family: u16, addresses: [Option<IpAddr>; 2]) -> bool {
    let mut given = addresses.into_iter().flatten();
    given.all(|address| family_of(address) == family)
}

/// An address that is written; the outer `None` means reported.
fn ip(text: Option<&Spanned<String>>, sink: &mut Sink) -> Option<Option<IpAddr>> {
    let Some(text) = text else {
        return Some(None);
    };
    let parsed = text.value.parse().ok();
    if parsed.is_none() {
        let message = format!("`{}` is no IP address", text.value);
        sink.push(bad(text.span, message, "write `10.0.0.1` or `2001:db8::1`"));
        return None;
    }
    Some(parsed)
}

/// A number of a field of the kernel.
fn small<T: TryFrom<i128>>(Number(number): Number, sink: &mut Sink) -> Option<T> {
    let small = T::try_from(number.value).ok();
    if small.is_none() {
        let message = format!("{} is beyond what the field holds", number.value);
        let help = format!("it has {} bits", 8 * size_of::<T>());
        sink.push(bad(number.span, message, help));
    }
    small
}

/// Names of numbers.
struct Names {
    what: &'static str,
    table: &'static [(u32, &'static str)],
}

impl Names {
    const FAMILIES: Self = Self {
        what: "address family",
        table: families::NAMES,
    };
    const PROTOCOLS: Self = Self {
        what: "protocol",
        table: protocols::NAMES,
    };
    const STATES: Self = Self {
        what: "TCP state",
        table: tcp_states::NAMES,
    };
    const KINDS: Self = Self {
        what: "type of sockets",
        table: KINDS,
    };
}

fn number<T: TryFrom<i128>>(of: &NameOrNumber, names: Names, sink: &mut Sink) -> Option<T> {
    let name = match of {
        NameOrNumber::Number(number) => return small(*number, sink),
        NameOrNumber::Name(name) => name,
    };
    let found = names.table.iter().find(|(_, known)| *known == name.value);
    if let Some((number, _)) = found {
        return T::try_from((*number).into()).ok();
    }
    let known: Vec<&str> = names.table.iter().map(|(_, name)| *name).collect();
    let message = format!("unknown {} `{}`", names.what, name.value);
    sink.push(bad(name.span, message, advice(&name.value, &known)));
    None
}

/// Whom an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::testing) enum Target {
    Internet(SocketAddr),
    Unix(String),
    /// A family whose addresses policies do not know.
    Other(u16),
}

impl Target {
    /// The text of an address.
    pub(in crate::testing) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some(path) => Some(Self::Unix(path.to_owned())),
            None => end(text).map(Self::Internet),
        }
    }
}

/// What an address names; `None` means reported.
pub(in crate::testing) fn target(node: &Node, name: &str, sink: &mut Sink) -> Option<Target> {
    if matches!(node.value, Value::Mapping(_)) {
        return AddressForm::decode(node, name, sink)?.target(node.span, sink);
    }
    let text = Spanned::<String>::decode(node, name, sink)?;
    let target = Target::parse(&text.value);
    if target.is_none() {
        let message = format!("`{}` is no address", text.value);
        let help = "write `8.8.8.8:53`, `[2001:db8::1]:53`, `unix:/run/docker.sock`, or `{family: AF_NETLINK}`";
        sink.push(bad(node.span, message, help));
    }
    target
}

impl AddressForm {
    fn target(&self, span: Span, sink: &mut Sink) -> Option<Target> {
        let address = ip(self.addr.as_ref(), sink)?;
        let port = self.port.map_or(Some(0), |port| small(port, sink))?;
        let family = match &self.family {
            Some(family) => Some(number(family, Names::FAMILIES, sink)?),
            None => None,
        };
        let fields = [
            ("addr", self.addr.as_ref().map(|text| text.span)),
            ("port", self.port.map(|Number(port)| port.span)),
        ];
        has_ends(family.unwrap_or(AF_INET), fields, sink)?;
        match (address, family) {
            (Some(address), family) if family.is_none_or(|one| one == family_of(address)) => {
                Some(Target::Internet(SocketAddr::new(address, port)))
            }
            (None, Some(AF_UNIX)) => Some(Target::Unix(String::new())),
            (None, Some(family)) if !is_internet(family) => Some(Target::Other(family)),
            _ => {
                let help =
                    "write `{addr: 8.8.8.8, port: 53}`, or a family that has no IP addresses";
                sink.push(bad(span, "the address and its family do not fit", help));
                None
            }
        }
    }
}

/// `struct sockaddr_in`, `sockaddr_in6`, `sockaddr_un`, or another.
pub(super) fn sockaddr(node: &Node, name: &str, abi: Abi, sink: &mut Sink) -> Option<Vec<u8>> {
    let target = target(node, name, sink)?;
    let family = match &target {
        Target::Internet(address) => family_of(address.ip()),
        Target::Unix(_) => AF_UNIX,
        Target::Other(family) => *family,
    };
    let mut bytes = family.to_le_bytes().to_vec();
    match &target {
        Target::Internet(address) => {
            bytes.extend(address.port().to_be_bytes());
            match address.ip() {
                IpAddr::V4(ip) => bytes.extend(ip.octets().iter().chain(&[0; 8])),
                // Flow, address, scope.
                IpAddr::V6(ip) => bytes.extend([0; 4].iter().chain(&ip.octets()).chain(&[0; 4])),
            }
        }
        Target::Unix(path) if path.len() > LONGEST_PATH => {
            let message = format!(
                "the path of the socket has {} bytes, more than {LONGEST_PATH}",
                path.len()
            );
            sink.push(bad(node.span, message, "write a shorter path"));
            return None;
        }
        Target::Unix(path) => {
            bytes.extend(path.bytes());
            bytes.push(0);
        }
        Target::Other(_) => bytes.extend([0; 14]),
    }
    if abi == Abi::Function {
        bytes.resize(STORAGE, 0);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_addresses_with_ports() {
        let text = |text| {
            ends(text).map(|ends| {
                (
                    ends.source.map(|end| end.to_string()),
                    ends.destination.to_string(),
                )
            })
        };
        assert_eq!(text("8.8.8.8:53"), Some((None, "8.8.8.8:53".to_owned())));
        assert_eq!(text("::1"), Some((None, "[::1]:0".to_owned())));
        assert_eq!(
            text("10.0.0.1:1->[::ffff:8.8.8.8]:53"),
            None,
            "ends of two families"
        );
        assert_eq!(
            text("10.0.0.1:1 -> 8.8.8.8:53"),
            Some((Some("10.0.0.1:1".to_owned()), "8.8.8.8:53".to_owned()))
        );
        for wrong in ["", "x", "8.8.8.8:99999", "10.0.0.0/8", "1.1.1.1 -> ", "->"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }
}

//! Calls on sockets.

use std::net::{Ipv4Addr, Ipv6Addr};

use tpc::ir::interp::{Address, Endpoint, Sock};

use super::{By, Kind, buffer, n};
use crate::judge::call::{Call, Descriptor, FIRST_FD, Param, Raw};
use crate::random::dice::Dice;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        variants: 40,
        by: By::Network,
        make: connect,
    },
    Kind {
        variants: 10,
        by: By::Network,
        make: connect_elsewhere,
    },
    Kind {
        variants: 16,
        by: By::Network,
        make: sendto,
    },
    Kind {
        variants: 16,
        by: By::Network,
        make: bind,
    },
    Kind {
        variants: 10,
        by: By::Network,
        make: listen,
    },
    Kind {
        variants: 14,
        by: By::Network,
        make: socket,
    },
];

const INET: u16 = 2;
const INET6: u16 = 10;
/// `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_NONBLOCK`.
const STREAM: u32 = 1;
const DATAGRAM: u32 = 2;
const NO_WAIT: u32 = 0o4000;
/// `net.core.somaxconn`.
const LONGEST_QUEUE: u64 = 4096;
/// TCP states (include/net/tcp_states.h).
const SYN_SENT: u8 = 2;
const CLOSE: u8 = 7;

#[derive(Clone, Copy)]
struct End {
    family: u16,
    address: Address,
    port: u16,
}

impl End {
    fn new(address: Address, port: u16) -> Self {
        let family = if matches!(address, Address::V4(_)) {
            INET
        } else {
            INET6
        };
        Self {
            family,
            address,
            port,
        }
    }

    /// `struct sockaddr_in` or `sockaddr_in6`.
    fn bytes(self) -> Vec<u8> {
        let mut bytes = self.family.to_le_bytes().to_vec();
        bytes.extend(self.port.to_be_bytes());
        match self.address {
            Address::V4(address) => {
                bytes.extend(address.octets());
                bytes.resize(16, 0);
            }
            Address::V6(address) => {
                bytes.extend([0; 4]);
                bytes.extend(address.octets());
                bytes.extend([0; 4]);
            }
        }
        bytes
    }

    fn endpoint(self) -> Endpoint {
        Endpoint {
            address: Some(self.address),
            port: self.port,
        }
    }
}

fn v4(a: u8, b: u8, c: u8, d: u8) -> Address {
    Address::V4(Ipv4Addr::new(a, b, c, d))
}

fn v6(text: &str) -> Address {
    Address::V6(text.parse::<Ipv6Addr>().expect("an address"))
}

/// Where calls go to: the default route of the lab is the loopback device.
fn destination(dice: &mut Dice) -> End {
    let address = match dice.below(9) {
        0 => v4(127, 0, 0, 1),
        1 => v4(127, 0, 0, dice.below(4) as u8),
        2 => v4(10, dice.below(3) as u8, 0, dice.one(&[0, 1, 255])),
        3 => v4(192, 168, dice.below(256) as u8, 1),
        4 => v4(169, 254, 169, 254),
        5 | 6 => v6("::1"),
        7 => v6("::ffff:127.0.0.1"),
        _ => v6("::ffff:127.0.0.3"),
    };
    End::new(address, port(dice))
}

fn port(dice: &mut Dice) -> u16 {
    dice.one(&[1, 22, 80, 443, 1023, 1024, 8080, 65535])
}

/// An address of this machine, of the same kind.
fn source(dice: &mut Dice, like: End, port: u16) -> End {
    let address = match like.address {
        Address::V4(_) => v4(127, 0, 0, dice.one(&[1, 1, 2, 9])),
        Address::V6(address) => match address.to_ipv4_mapped() {
            Some(_) => v6("::ffff:127.0.0.1"),
            None => v6("::1"),
        },
    };
    End::new(address, port)
}

fn own_port(dice: &mut Dice) -> u16 {
    dice.one(&[20_000, 20_001, 20_010, 1000, 999, 2000])
}

fn unspecified(like: End) -> End {
    let address = if like.family == INET {
        v4(0, 0, 0, 0)
    } else {
        v6("::")
    };
    End::new(address, 0)
}

fn sock(kind: u32, protocol: u16, state: u8, source: End, destination: End) -> Param {
    Param::Sock(Box::new(Sock {
        family: source.family,
        kind: kind as u16,
        protocol,
        state,
        mark: 0,
        priority: 0,
        source: source.endpoint(),
        destination: destination.endpoint(),
    }))
}

fn socket_of(family: u16, kind: u32, bound: Vec<u8>) -> Descriptor {
    Descriptor::Socket {
        domain: family,
        kind: kind | NO_WAIT,
        protocol: 0,
        bound,
    }
}

fn connect(dice: &mut Dice) -> Call {
    let to = destination(dice);
    let own = own_port(dice);
    let from = source(dice, to, own);
    let bytes = to.bytes();
    let len = bytes.len() as u64;
    let raw = vec![n(FIRST_FD), Raw::Edge(bytes.clone()), n(len)];
    let address = vec![
        Param::Other,
        Param::Raw(Raw::Edge(bytes)),
        Param::number(len),
    ];
    let call = Call::new(42, "sys_connect", raw)
        .reach("security_socket_connect", address)
        .with(socket_of(to.family, STREAM, from.bytes()));
    call.reach("tcp_connect", vec![sock(STREAM, 6, SYN_SENT, from, to)])
}

/// Addresses of other families, too short ones, none, and datagrams.
fn connect_elsewhere(dice: &mut Dice) -> Call {
    let (family, bytes) = match dice.below(4) {
        0 => (1, [&1u16.to_le_bytes()[..], b"/t/socket\0"].concat()),
        1 => (INET, vec![0; 16]),
        2 => (INET, End::new(v4(10, 0, 0, 1), 53).bytes()),
        _ => (INET6, End::new(v6("::1"), 53).bytes()),
    };
    let kind = if family == 1 { STREAM } else { DATAGRAM };
    let len = bytes.len() as u64;
    let raw = vec![n(FIRST_FD), Raw::Edge(bytes.clone()), n(len)];
    let address = vec![
        Param::Other,
        Param::Raw(Raw::Edge(bytes)),
        Param::number(len),
    ];
    let call = Call::new(42, "sys_connect", raw).with(socket_of(family, kind, Vec::new()));
    if dice.once_in(5) {
        let raw = vec![n(FIRST_FD), Raw::Unmapped, n(len)];
        return Call::new(42, "sys_connect", raw).with(socket_of(family, kind, Vec::new()));
    }
    call.reach("security_socket_connect", address)
}

fn sendto(dice: &mut Dice) -> Call {
    let to = destination(dice);
    let own = own_port(dice);
    let from = source(dice, to, own);
    let (bytes, address) = (buffer(dice), to.bytes());
    let (count, len) = (bytes.len() as u64, address.len() as u64);
    let raw = vec![
        n(FIRST_FD),
        Raw::Edge(bytes),
        n(count),
        n(0x4000),
        Raw::Edge(address),
        n(len),
    ];
    let call = Call::new(44, "sys_sendto", raw).with(socket_of(to.family, DATAGRAM, from.bytes()));
    let params = vec![
        sock(DATAGRAM, 17, CLOSE, from, unspecified(to)),
        Param::Other,
        Param::number(count),
    ];
    let mapped = matches!(to.address, Address::V6(address) if address.to_ipv4_mapped().is_some());
    match (to.family, mapped) {
        (INET, _) | (_, true) => call.reach("udp_sendmsg", params),
        _ => call.also(&["udp_sendmsg"]),
    }
}

fn bind(dice: &mut Dice) -> Call {
    let like = destination(dice);
    let own = own_port(dice);
    let at = if dice.once_in(4) {
        like
    } else {
        source(dice, like, own)
    };
    let bytes = at.bytes();
    let len = bytes.len() as u64;
    let raw = vec![n(FIRST_FD), Raw::Edge(bytes.clone()), n(len)];
    let address = vec![
        Param::Other,
        Param::Raw(Raw::Edge(bytes)),
        Param::number(len),
    ];
    Call::new(49, "sys_bind", raw)
        .reach("security_socket_bind", address)
        .with(socket_of(at.family, STREAM, Vec::new()))
}

fn listen(dice: &mut Dice) -> Call {
    let like = destination(dice);
    let own = own_port(dice);
    let at = source(dice, like, own);
    let backlog = dice.one(&[0, 1, 128, 0x7fff_ffff]);
    Call::new(50, "sys_listen", vec![n(FIRST_FD), n(backlog)])
        .reach(
            "security_socket_listen",
            vec![Param::Other, Param::number(backlog.min(LONGEST_QUEUE))],
        )
        .reach(
            "inet_csk_listen_start",
            vec![sock(STREAM, 6, CLOSE, at, unspecified(at))],
        )
        .with(socket_of(at.family, STREAM, at.bytes()))
}

fn socket(dice: &mut Dice) -> Call {
    let family = dice.one(&[1, 2, 10, 16]);
    let kind = if family == 16 { 3 } else { dice.one(&[1, 2]) };
    let close_on_exec = dice.one(&[0, 0o2_000_000]);
    let raw = vec![n(family), n(kind | close_on_exec), n(0)];
    let params = [family, kind, 0, 0].map(Param::number);
    Call::new(41, "sys_socket", raw).reach("security_socket_create", params.to_vec())
}

//! Random filters on sockets and addresses.

use tpc::ir::interp::{Address, Endpoint, Sock};

use crate::random::dice::Dice;

/// An operator on a socket, with values that are its own or close to them.
pub(super) fn socket(dice: &mut Dice, sock: &Sock) -> (&'static str, Vec<String>) {
    let operators = [
        "SAddr",
        "DAddr",
        "NotSAddr",
        "NotDAddr",
        "SPort",
        "DPort",
        "NotSPort",
        "NotDPort",
        "SPortPriv",
        "DPortPriv",
        "NotSportPriv",
        "NotDPortPriv",
        "Protocol",
        "Family",
        "State",
    ];
    let operator = dice.one(&operators);
    let end = if operator.contains("SP") || operator.contains("SA") {
        &sock.source
    } else {
        &sock.destination
    };
    (operator, of_socket(dice, operator, end, sock.family))
}

fn of_socket(dice: &mut Dice, operator: &str, end: &Endpoint, family: u16) -> Vec<String> {
    match operator {
        _ if operator.ends_with("Priv") => vec![],
        _ if operator.ends_with("Addr") => networks(dice, end.address),
        _ if operator.ends_with("Port") => ports(dice, end.port),
        "Protocol" => vec![dice.one(&["IPPROTO_TCP", "IPPROTO_UDP"]).to_owned()],
        "State" => vec![
            dice.one(&["TCP_SYN_SENT", "TCP_CLOSE", "TCP_LISTEN"])
                .to_owned(),
        ],
        _ => {
            let own = match family {
                2 => "AF_INET",
                10 => "AF_INET6",
                _ => "AF_UNIX",
            };
            vec![dice.one(&[own, own, "AF_INET", "AF_UNIX"]).to_owned()]
        }
    }
}

fn networks(dice: &mut Dice, own: Option<Address>) -> Vec<String> {
    let mut values = vec![match own {
        Some(Address::V4(address)) => format!("{address}/{}", dice.one(&[32, 32, 24, 8, 31, 0])),
        Some(Address::V6(address)) => match (address.to_ipv4_mapped(), dice.once_in(4)) {
            (Some(carried), false) => format!("{carried}/{}", dice.one(&[32, 24, 8])),
            _ => format!("{address}/{}", dice.one(&[128, 128, 64, 10, 127, 0])),
        },
        None => "10.0.0.0/8".to_owned(),
    }];
    for _ in 0..dice.one(&[0, 0, 1, 3, 20]) {
        values.push(match dice.below(4) {
            0 => format!("10.{}.0.0/16", dice.below(5)),
            1 => format!("127.0.0.{}", dice.below(12)),
            2 => format!("fd00::{:x}/120", dice.below(1 << 16)),
            _ => format!("192.168.{}.0/24", dice.below(256)),
        });
    }
    values
}

fn ports(dice: &mut Dice, own: u16) -> Vec<String> {
    let near = own.saturating_add(dice.one(&[0, 0, 0, 1]));
    let mut values = vec![if dice.flip() {
        near.to_string()
    } else {
        format!("{near}:{}", near.saturating_add(100))
    }];
    for _ in 0..dice.one(&[0, 1, 5]) {
        values.push(dice.below(65536).to_string());
    }
    values
}

/// The same for a `sockaddr`.
pub(super) fn address(dice: &mut Dice, bytes: &[u8]) -> (&'static str, Vec<String>) {
    let operator = dice.one(&[
        "SAddr",
        "NotSAddr",
        "SPort",
        "NotSPort",
        "SPortPriv",
        "NotSportPriv",
        "Family",
    ]);
    let family = bytes
        .first_chunk::<2>()
        .map_or(0, |part| u16::from_le_bytes(*part));
    let port = bytes
        .get(2..4)
        .map_or(0, |part| u16::from_be_bytes([part[0], part[1]]));
    let v4 = || {
        bytes
            .get(4..8)?
            .first_chunk::<4>()
            .map(|part| Address::V4((*part).into()))
    };
    let v6 = || {
        bytes
            .get(8..24)?
            .first_chunk::<16>()
            .map(|part| Address::V6((*part).into()))
    };
    let address = if family == 2 { v4() } else { v6() };
    (
        operator,
        of_socket(dice, operator, &Endpoint { address, port }, family),
    )
}

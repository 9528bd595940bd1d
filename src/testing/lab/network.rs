//! Calls on sockets. On the guest every address is its own, so that every connection has an end.

use super::trigger::{FD, Given, SECOND_FD, Step, Trigger, step};
use crate::lab::program::Value;
use crate::sim::scene::{AF_INET, AF_INET6, Param, Sock};

const STREAM: u64 = 1;
const DATAGRAM: u64 = 2;
const RAW: u64 = 3;
const AF_UNIX: u16 = 1;
const AF_NETLINK: u16 = 16;
/// `IPPROTO_TCP`.
const TCP: u16 = 6;

/// Levels and options of setsockopt(2): SOL_SOCKET with SO_REUSEADDR and SO_LINGER, SOL_IP with IP_FREEBIND, SOL_IPV6 with
/// IPV6_FREEBIND.
const REUSE: [u64; 2] = [1, 2];
const LINGER: [u64; 2] = [1, 13];
const FREE_V4: [u64; 2] = [0, 15];
const FREE_V6: [u64; 2] = [41, 78];

pub(super) fn connect(given: &Given<'_>) -> Result<Trigger, String> {
    addressed("connect", given)
}

pub(super) fn bind(given: &Given<'_>) -> Result<Trigger, String> {
    addressed("bind", given)
}

/// A call with a `struct sockaddr` of the case.
fn addressed(name: &str, given: &Given<'_>) -> Result<Trigger, String> {
    let Some(address) = given.bytes(1) else {
        return Err("the kernel has copied the address before it comes to the function".to_owned());
    };
    let family = address
        .first_chunk()
        .map(|bytes| u16::from_le_bytes(*bytes));
    let kind = match family {
        Some(AF_INET | AF_INET6) => DATAGRAM,
        Some(AF_UNIX) => STREAM,
        Some(AF_NETLINK) => RAW,
        _ => return Err("no socket of the address' family is made".to_owned()),
    };
    let mut address = address.to_vec();
    if family == Some(AF_NETLINK) {
        address.resize(12, 0);
    }
    let len = address.len() as u64;
    let domain = u64::from(family.unwrap_or_default());
    let call = Trigger::call(name, [FD.into(), Value::Bytes(address), len.into()]);
    Ok(call.after(step("socket", [domain.into(), kind.into(), 0.into()]).to(FD)))
}

pub(super) fn tcp_connect(given: &Given<'_>) -> Result<Trigger, String> {
    let sock = tcp(given)?;
    let (remote, len) = address(sock, 1);
    let call = Trigger::call("connect", [FD.into(), remote, len.into()]);
    Ok(local(call, sock))
}

pub(super) fn listen(given: &Given<'_>) -> Result<Trigger, String> {
    let sock = tcp(given)?;
    let call = Trigger::call("listen", [FD.into(), 1.into()]);
    Ok(local(call, sock))
}

/// A connection to a listener of the same process.
pub(super) fn close(given: &Given<'_>) -> Result<Trigger, String> {
    let sock = tcp(given)?;
    let (remote, len) = address(sock, 1);
    let call = Trigger::call("close", [FD.into()])
        .after(socket(sock.family, SECOND_FD))
        .after(option(SECOND_FD, REUSE, [1, 0]))
        .after(option(SECOND_FD, free(sock), [1, 0]))
        .after(step("bind", [SECOND_FD.into(), remote.clone(), len.into()]))
        .after(step("listen", [SECOND_FD.into(), 1.into()]));
    let ends = [0, 1].map(|end| (sock.addresses[end], sock.ports[end]));
    let call = Trigger {
        claims: ends.into(),
        ..local(call, sock)
    };
    Ok(call
        .after(option(FD, LINGER, [1, 0]))
        .after(step("connect", [FD.into(), remote, len.into()])))
}

fn tcp<'a>(given: &'a Given<'_>) -> Result<&'a Sock, String> {
    match given.declared(0) {
        Some(Param::Sock(sock))
            if matches!(sock.family, AF_INET | AF_INET6) && sock.protocol == TCP =>
        {
            Ok(sock)
        }
        Some(Param::Sock(_)) => Err("the sockets of the function are TCP's".to_owned()),
        _ => Err("the case gives no socket".to_owned()),
    }
}

/// A socket with the local end of the case.
fn local(call: Trigger, sock: &Sock) -> Trigger {
    let call = call
        .after(socket(sock.family, FD))
        .after(option(FD, REUSE, [1, 0]))
        .after(option(FD, free(sock), [1, 0]));
    // The local end of a mapped address is one, too, and the kernel chooses it.
    if mapped(&sock.addresses[1]) && !mapped(&sock.addresses[0]) {
        return call;
    }
    let (local, len) = address(sock, 0);
    call.after(step("bind", [FD.into(), local, len.into()]))
}

fn mapped(address: &[u8; 16]) -> bool {
    address.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
}

fn free(sock: &Sock) -> [u64; 2] {
    match sock.family {
        AF_INET => FREE_V4,
        _ => FREE_V6,
    }
}

fn socket(family: u16, fd: u64) -> Step {
    let domain = u64::from(family);
    step("socket", [domain.into(), STREAM.into(), 0.into()]).to(fd)
}

fn option(fd: u64, [level, name]: [u64; 2], value: [u32; 2]) -> Step {
    let bytes: Vec<u8> = value.map(u32::to_le_bytes).concat();
    step(
        "setsockopt",
        [
            fd.into(),
            level.into(),
            name.into(),
            Value::Bytes(bytes),
            8.into(),
        ],
    )
}

/// `struct sockaddr_in` or `sockaddr_in6` of one end (include/uapi/linux/in.h, in6.h), and its length.
fn address(sock: &Sock, end: usize) -> (Value, u64) {
    let mut out = sock.family.to_le_bytes().to_vec();
    out.extend(sock.ports[end].to_be_bytes());
    if sock.family == AF_INET {
        out.extend(&sock.addresses[end][..4]);
        out.resize(16, 0);
    } else {
        out.extend([0; 4]);
        out.extend(sock.addresses[end]);
        // Link-local addresses are those of a device: of the loopback, number 1.
        let is_link_local = sock.addresses[end].starts_with(&[0xfe, 0x80]);
        out.extend(u32::from(is_link_local).to_le_bytes());
    }
    let len = out.len() as u64;
    (Value::Bytes(out), len)
}

//! What init sets up before policies are loaded, and the numbers of the steps that make a process.

use super::guest::{become_fd, call};
use crate::lab::program::{Program, Value};

/// Steps of making a process, which slots name.
pub(super) const UNSHARE: u16 = 1;
pub(super) const CLONE: u16 = 2;
pub(super) const CHDIR: u16 = 3;
pub(super) const EXEC: u16 = 4;
pub(super) const BEFORE: u16 = 5;
pub(super) const USERS: u16 = 6;
pub(super) const CAPABILITIES: u16 = 7;

/// What each of them does, in words.
pub(super) const STEPS: [&str; 8] = [
    "the process was not made",
    "its namespaces cannot be made",
    "its process number cannot be had",
    "its directory cannot be entered",
    "its binary cannot be run",
    "what the call needs cannot be prepared",
    "its users cannot be set",
    "its capabilities cannot be set",
];

/// File systems, by kind and place.
const MOUNTS: [(&str, &str); 7] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("bpf", "/sys/fs/bpf"),
    ("tracefs", "/sys/kernel/tracing"),
    ("debugfs", "/sys/kernel/debug"),
    ("securityfs", "/sys/kernel/security"),
];

pub(super) fn mounts(p: &mut Program) {
    call(p, "umask", [0.into()]);
    for (kind, place) in MOUNTS {
        let [kind, place] = [kind, place].map(Value::text);
        call(p, "mount", [kind.clone(), place, kind, 0.into(), 0.into()]);
    }
    // RLIMIT_MEMLOCK
    let unlimited = Value::Bytes(vec![0xff; 16]);
    call(p, "setrlimit", [8.into(), unlimited]);
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Read = 0,
    /// O_RDWR | O_NOCTTY
    Write = 0x102,
}

/// Opens a file under a number; the last result is negative where that fails. A program that runs cannot be opened to write.
pub(super) fn open_as(p: &mut Program, scratch: u32, path: &str, to: To, fd: u64) {
    call(p, "open", [Value::text(path), (to as u64).into()]);
    become_fd(p, scratch, fd);
}

/// The port passes bytes as they are (`struct termios` in include/uapi/asm-generic/termbits.h): CLOCAL, CREAD, CS8, B115200; TCSETS.
pub(super) fn raw_port(p: &mut Program, fd: u64) {
    let flags = [0, 0, 0x1cb2_u32, 0].map(u32::to_le_bytes).concat();
    let mut termios = flags;
    termios.resize(36, 0);
    call(
        p,
        "ioctl",
        [fd.into(), 0x5402.into(), Value::Bytes(termios)],
    );
}

/// Waits until the port has sent everything (TCSBRK), and turns the machine off (LINUX_REBOOT_CMD_POWER_OFF).
pub(super) fn power_off(p: &mut Program, fd: u64) {
    call(p, "ioctl", [fd, 0x5409, 1].map(Value::Number));
    call(
        p,
        "reboot",
        [0xfee1_dead, 672_274_793, 0x4321_fedc, 0].map(Value::Number),
    );
}

/// `NLM_F_REQUEST`, and that with `NLM_F_CREATE` (include/uapi/linux/netlink.h).
const REQUEST: u16 = 1;
const CREATE: u16 = 0x401;

/// Brings up the loopback device and makes every address a local one.
pub(super) fn network(p: &mut Program, scratch: u32) {
    // AF_NETLINK, SOCK_RAW, NETLINK_ROUTE
    call(p, "socket", [16, 3, 0].map(Value::Number));
    p.store(scratch);
    // RTM_NEWLINK, struct ifinfomsg: device 1, IFF_UP.
    let up = [0_u32, 1, 1, 1].map(u32::to_le_bytes).concat();
    send(p, scratch, message(16, REQUEST, &up));
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    for family in [AF_INET, AF_INET6] {
        // RTM_NEWROUTE, struct rtmsg: table RT_TABLE_LOCAL, RTPROT_BOOT, RT_SCOPE_HOST, RTN_LOCAL; RTA_OIF is device 1.
        let route = [
            family, 0, 0, 0, 255, 3, 254, 2, 0, 0, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0,
        ];
        send(p, scratch, message(24, CREATE, &route));
    }
    call(p, "close", [Value::At(scratch)]);
}

fn send(p: &mut Program, socket: u32, message: Vec<u8>) {
    let len = message.len() as u64;
    call(
        p,
        "write",
        [Value::At(socket), Value::Bytes(message), len.into()],
    );
}

/// A message with `struct nlmsghdr`.
fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let len = 16 + body.len() as u32;
    let mut out = len.to_le_bytes().to_vec();
    out.extend(kind.to_le_bytes());
    out.extend(flags.to_le_bytes());
    out.extend([0; 8]);
    out.extend(body);
    out
}

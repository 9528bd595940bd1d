//! The calls: every kind that the driver knows, in many variants.

mod network;
mod paths;
mod process;

use super::call::{ALL_CAPABILITIES, Call, Descriptor, FIRST_FD, Param, Raw};
use super::files::{self, Node};
use crate::random::dice::Dice;

/// A kind of call: how many variants there are, who may make it, and how one is made.
struct Kind {
    variants: usize,
    by: By,
    make: fn(&mut Dice) -> Call,
}

/// Who makes a call so that it gets as far as it should.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Anybody.
    Any,
    /// Root with all capabilities, in namespaces that do not matter to it.
    Root,
    /// The same, in the host's network.
    Network,
    /// Root in the host's namespaces.
    Host,
}

/// All calls, each with its number and its process.
pub(super) fn all(dice: &mut Dice) -> Vec<Call> {
    let kinds = [KINDS, paths::KINDS, network::KINDS, process::KINDS]
        .into_iter()
        .flatten();
    let mut calls = Vec::new();
    for kind in kinds {
        for _ in 0..kind.variants {
            let mut call = (kind.make)(dice);
            call.id = calls.len();
            caller(dice, kind.by, &mut call);
            calls.push(call);
        }
    }
    calls
}

/// Process ids begin here: no process of the system has such a one.
const FIRST_PID: u32 = 10_000;

fn caller(dice: &mut Dice, by: By, call: &mut Call) {
    let of = &mut call.caller;
    of.parent = FIRST_PID + 2 * call.id as u32;
    of.exe = dice.one(files::PROGRAMS);
    if of.cwd == "/"
        && !call
            .raw
            .iter()
            .any(|raw| matches!(raw, Raw::Text(text) if !text.starts_with(b"/")))
    {
        of.cwd = dice.one(files::PLACES);
    }
    of.argv = argv(dice);
    let letters: &[&str] = match by {
        By::Any => &["u", "i", "m", "n", "t", "c", "U", "Uun", "p"],
        By::Root => &["u", "i", "n", "c", "t"],
        By::Network => &["u", "i", "m", "c"],
        By::Host => &[],
    };
    if !letters.is_empty() && dice.once_in(4) {
        of.namespaces = dice.one(letters).to_owned();
    }
    if by == By::Any {
        if of.namespaces.is_empty() && dice.once_in(4) {
            (of.uid, of.capabilities) = (dice.one(&[1000, 65534, 1]), [0; 3]);
        } else if dice.once_in(2) {
            let permitted = dice.bits() & ALL_CAPABILITIES;
            let inheritable = if of.namespaces.contains('U') {
                0
            } else {
                dice.bits() & permitted
            };
            of.capabilities = [permitted & dice.bits(), permitted, inheritable];
        }
    }
    if call
        .raw
        .iter()
        .any(|raw| matches!(raw, Raw::Parent | Raw::Own))
    {
        // Its own number there is not the host's.
        of.namespaces = of.namespaces.replace('p', "");
    }
}

fn argv(dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut argv = vec![dice.one(&["a", "tool", "", "-sh"]).as_bytes().to_vec()];
    for _ in 0..dice.one(&[0, 1, 2, 5]) {
        argv.push(match dice.below(6) {
            0 => Vec::new(),
            1 => b"two words".to_vec(),
            2 => "\u{fc}".as_bytes().to_vec(),
            3 => vec![b'l'; 300],
            _ => dice.one(&["-c", "x", "--flag=value"]).as_bytes().to_vec(),
        });
    }
    argv
}

/// Remarkable numbers of 64 bits.
fn number(dice: &mut Dice) -> u64 {
    match dice.below(6) {
        0 => dice.below(4),
        1 => 0u64.wrapping_sub(1 + dice.below(3)),
        2 => (1u64 << dice.below(64)).wrapping_sub(dice.below(2)),
        3 => dice.one(&[
            0x7f,
            0x80,
            0xff,
            0x7fff,
            0x8000,
            0xffff,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
        ]),
        4 => dice.below(1000),
        _ => dice.bits(),
    }
}

fn n(number: u64) -> Raw {
    Raw::Number(number)
}

fn text(text: impl AsRef<[u8]>) -> Raw {
    Raw::Text(text.as_ref().to_vec())
}

/// A file of the list.
fn any_file(dice: &mut Dice) -> Node {
    let path = match dice.below(8) {
        0 => "/t/bind/passwd",
        1 => "/t/bind/deep/secret.key",
        _ => dice.pick(files::FILES).0,
    };
    files::file(path)
}

fn open(flags: u32, node: Node) -> Descriptor {
    Descriptor::File { flags, node }
}

/// Linux numbers of system calls (arch/x86/entry/syscalls/syscall_64.tbl).
const READ: u32 = 0;
const WRITE: u32 = 1;
const LSEEK: u32 = 8;
const PWRITE64: u32 = 18;
const FCNTL: u32 = 72;
const PRCTL: u32 = 157;

/// `MAY_READ` and `MAY_WRITE` (include/linux/fs.h).
const MAY: [u64; 2] = [4, 2];

const KINDS: &[Kind] = &[
    Kind {
        variants: 30,
        by: By::Any,
        make: prctl,
    },
    Kind {
        variants: 20,
        by: By::Any,
        make: lseek,
    },
    Kind {
        variants: 12,
        by: By::Any,
        make: read,
    },
    Kind {
        variants: 24,
        by: By::Any,
        make: write,
    },
    Kind {
        variants: 12,
        by: By::Any,
        make: pwrite,
    },
    Kind {
        variants: 16,
        by: By::Any,
        make: fcntl,
    },
];

fn prctl(dice: &mut Dice) -> Call {
    // No option of the kernel: the first that are not known to it are above 0x5000.
    let option = (0x5000 + dice.below(6)) | (dice.below(2) << 31) | (dice.bits() << 32);
    let mut raw = vec![n(option)];
    raw.extend((0..4).map(|_| n(number(dice))));
    let mut params: Vec<Param> = raw.iter().cloned().map(Param::Raw).collect();
    params[0] = Param::number(option);
    let mut call = Call::new(PRCTL, "sys_prctl", raw).reach("security_task_prctl", params);
    // ENOSYS: no module knows the option.
    call.reached[1].returned = super::call::Returned::Number(-38);
    call
}

fn lseek(dice: &mut Dice) -> Call {
    let node = any_file(dice);
    let offset = match dice.below(3) {
        0 => number(dice),
        1 => number(dice) >> dice.one(&[1, 2, 20]),
        _ => dice.below(100),
    };
    let raw = vec![n(FIRST_FD), n(offset), n(dice.one(&[0, 0, 1, 2, 9]))];
    Call::new(LSEEK, "sys_lseek", raw).with(open(0, node))
}

fn read(dice: &mut Dice) -> Call {
    let (node, count) = (any_file(dice), dice.one(&[0, 1, 4, 100]));
    let raw = vec![n(FIRST_FD), Raw::Edge(vec![b'-'; 128]), n(count)];
    let files = vec![Param::File(node.clone()), Param::number(MAY[0])];
    let read = vec![
        Param::File(node.clone()),
        Param::Other,
        Param::number(count),
    ];
    Call::new(READ, "sys_read", raw)
        .reach("vfs_read", read)
        .reach("security_file_permission", files)
        .with(open(0, node))
}

/// Texts for buffers.
fn buffer(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice
        .one(&[
            "GET / HTTP/1.1",
            "hello",
            "#!/bin/sh",
            "",
            "\u{7f}ELF\u{2}",
            "a",
            "ab",
            "abcdefgh",
        ])
        .as_bytes()
        .to_vec();
    match dice.below(8) {
        0 => bytes.push(0),
        1 => bytes.resize(dice.one(&[4095, 4096, 4097, 6000]), b'.'),
        2 => bytes.push(dice.below(256) as u8),
        _ => {}
    }
    bytes
}

fn write(dice: &mut Dice) -> Call {
    let (node, bytes) = (any_file(dice), buffer(dice));
    let count = match dice.below(8) {
        0 => bytes.len() as u64 + 1,
        1 => bytes.len() as u64 / 2,
        _ => bytes.len() as u64,
    };
    let from = if dice.once_in(10) {
        Raw::Unmapped
    } else {
        Raw::Edge(bytes)
    };
    let raw = vec![n(FIRST_FD), from.clone(), n(count)];
    let write = vec![
        Param::File(node.clone()),
        Param::Raw(from),
        Param::number(count),
    ];
    let files = vec![Param::File(node.clone()), Param::number(MAY[1])];
    let call = Call::new(WRITE, "sys_write", raw)
        .with(open(2, node))
        .messy();
    // The address is looked at before anything else is.
    call.reach("vfs_write", write)
        .reach("security_file_permission", files)
}

fn pwrite(dice: &mut Dice) -> Call {
    let (node, bytes) = (any_file(dice), buffer(dice));
    let position = dice.one(&[0, 1, 7, 4096, 100_000]);
    let count = bytes.len() as u64;
    let raw = vec![n(FIRST_FD), Raw::Edge(bytes), n(count), n(position)];
    let files = vec![Param::File(node.clone()), Param::number(MAY[1])];
    let call = Call::new(PWRITE64, "sys_pwrite64", raw)
        .with(open(2, node))
        .messy();
    call.reach("security_file_permission", files)
        .also(&["vfs_write"])
}

fn fcntl(dice: &mut Dice) -> Call {
    // F_GETFD, F_GETFL, F_GETLK's neighbours and nonsense: none changes anything.
    let (node, command) = (
        any_file(dice),
        dice.one(&[1, 3, 1025, 1034, 0x7fff_0000, 99]),
    );
    let rest = number(dice);
    let raw = vec![n(FIRST_FD), n(command), n(rest)];
    let params = vec![
        Param::File(node.clone()),
        Param::number(command),
        Param::number(rest),
    ];
    Call::new(FCNTL, "sys_fcntl", raw)
        .reach("security_file_fcntl", params)
        .with(open(0, node))
}

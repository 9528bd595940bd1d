//! Arguments as Tetragon's API shows them: one member of `KprobeArgument` each.
//!
//! Source: `api/v1/tetragon/tetragon.proto` and `pkg/grpc/tracing/tracing.go` of Tetragon 1.8. 64-bit numbers are text, bytes are
//! base64, members that are zero are left out unless they are the value itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::bundle::{ArgKind, Section};
use crate::kernel::{capabilities, families, protocols, tcp_states};

/// The value of an argument, with its label.
pub(super) fn argument(
    kind: ArgKind,
    section: &Section,
    label: Option<&str>,
    secret: u64,
) -> Value {
    let mut out = Map::new();
    let (member, value) = if section.is_unreadable() {
        (
            "error_arg",
            json!({"Message": "the value could not be read"}),
        )
    } else {
        value(kind, section, secret)
    };
    out.insert(member.to_owned(), value);
    if let Some(label) = label {
        out.insert("label".to_owned(), label.into());
    }
    Value::Object(out)
}

fn value(kind: ArgKind, section: &Section, secret: u64) -> (&'static str, Value) {
    let word = section.u64(0);
    match kind {
        ArgKind::Int8 | ArgKind::Int16 | ArgKind::Int32 => ("int_arg", json!(word as i32)),
        ArgKind::Int64 => ("long_arg", json!(word.cast_signed().to_string())),
        ArgKind::Uint8 | ArgKind::Uint16 | ArgKind::Uint32 => ("uint_arg", json!(word as u32)),
        ArgKind::Uint64 => ("size_arg", json!(word.to_string())),
        ArgKind::String | ArgKind::Filename => ("string_arg", json!(section.text(0))),
        ArgKind::CharBuf => buffer(section),
        ArgKind::File | ArgKind::Fd => ("file_arg", path(section)),
        ArgKind::Path | ArgKind::Dentry => ("path_arg", path(section)),
        ArgKind::LinuxBinprm => ("linux_binprm_arg", path(section)),
        ArgKind::Sock => ("sock_arg", socket(section, secret)),
        ArgKind::Sockaddr => ("sockaddr_arg", address(section)),
        ArgKind::Cred => ("process_credentials_arg", credentials(section)),
        ArgKind::Nop => ("error_arg", json!({})),
    }
}

/// Wanted length, then bytes.
fn buffer(section: &Section) -> (&'static str, Value) {
    let bytes = section.bytes.get(8..).unwrap_or_default();
    let text = STANDARD.encode(bytes);
    let wanted = section.u64(0);
    if wanted > bytes.len() as u64 {
        (
            "truncated_bytes_arg",
            json!({"bytes_arg": text, "orig_size": wanted.to_string()}),
        )
    } else {
        ("bytes_arg", json!(text))
    }
}

/// Mode, then path.
fn path(section: &Section) -> Value {
    let mut out = Map::new();
    put(&mut out, "path", section.text(8));
    if section.is_incomplete() {
        put(&mut out, "flags", "unresolvedPathComponents".to_owned());
    }
    put(&mut out, "permission", permission(section.u16(0)));
    Value::Object(out)
}

/// A file's mode as `ls -l` shows it; without the first letter for what is no kind of file, as Tetragon has it.
fn permission(mode: u16) -> String {
    if mode == 0 {
        return String::new();
    }
    // The type's bits, S_IFMT (include/uapi/linux/stat.h).
    let kind = match mode >> 12 {
        1 => "p",
        2 => "c",
        4 => "d",
        6 => "b",
        8 => "-",
        10 => "l",
        12 => "s",
        _ => "",
    };
    let mut out = String::from(kind);
    for (shift, special, (set, unset)) in [
        (6, 0o4000, ('s', 'S')),
        (3, 0o2000, ('s', 'S')),
        (0, 0o1000, ('t', 'T')),
    ] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => unset,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    out
}

fn socket(section: &Section, secret: u64) -> Value {
    let mut out = Map::new();
    let family = section.u16(0);
    put(
        &mut out,
        "family",
        named(families::by_number, family.into()),
    );
    put(&mut out, "type", named(socket_type, section.u16(2).into()));
    put(
        &mut out,
        "protocol",
        named(protocols::by_number, section.u16(4).into()),
    );
    put_number(&mut out, "mark", section.u32(8));
    put_number(&mut out, "priority", section.u32(12));
    put(&mut out, "saddr", ip(family, section, 24));
    put(&mut out, "daddr", ip(family, section, 40));
    put_number(&mut out, "sport", section.u16(16).into());
    put_number(&mut out, "dport", section.u16(18).into());
    put(
        &mut out,
        "cookie",
        blurred(section.u64(64), secret).to_string(),
    );
    put(
        &mut out,
        "state",
        named(tcp_states::by_number, (section.u16(6) & 0xff).into()),
    );
    Value::Object(out)
}

/// A kernel address as a number that identifies it in the events of one boot and tells nothing else.
fn blurred(address: u64, secret: u64) -> u64 {
    // The finaliser of MurmurHash3 around the secret: a permutation, so different sockets stay different.
    let mut x = address ^ secret;
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53_u64] {
        x = (x ^ (x >> 33)).wrapping_mul(factor);
    }
    (x ^ (x >> 33)) ^ secret.rotate_left(32)
}

fn address(section: &Section) -> Value {
    let mut out = Map::new();
    let family = section.u16(0);
    put(
        &mut out,
        "family",
        named(families::by_number, family.into()),
    );
    put(&mut out, "addr", ip(family, section, 8));
    put_number(&mut out, "port", section.u16(2).into());
    Value::Object(out)
}

fn ip(family: u16, section: &Section, at: usize) -> String {
    match family {
        2 => section
            .array::<4>(at)
            .map(|a| Ipv4Addr::from(a).to_string()),
        10 => section
            .array::<16>(at)
            .map(|a| Ipv6Addr::from(a).to_string()),
        _ => None,
    }
    .unwrap_or_default()
}

/// Types of sockets (include/linux/net.h).
fn socket_type(number: u32) -> Option<&'static str> {
    Some(match number {
        1 => "SOCK_STREAM",
        2 => "SOCK_DGRAM",
        3 => "SOCK_RAW",
        4 => "SOCK_RDM",
        5 => "SOCK_SEQPACKET",
        6 => "SOCK_DCCP",
        10 => "SOCK_PACKET",
        _ => return None,
    })
}

fn named(name: impl Fn(u32) -> Option<&'static str>, number: u32) -> String {
    name(number).map_or_else(|| number.to_string(), str::to_owned)
}

/// Bits of `cred.securebits` (include/uapi/linux/securebits.h).
const SECURE_BITS: [&str; 8] = [
    "SecBitNoRoot",
    "SecBitNoRootLocked",
    "SecBitNoSetUidFixup",
    "SecBitNoSetUidFixupLocked",
    "SecBitKeepCaps",
    "SecBitKeepCapsLocked",
    "SecBitNoCapAmbientRaise",
    "SecBitNoCapAmbientRaiseLocked",
];

fn credentials(section: &Section) -> Value {
    let mut out = Map::new();
    let ids = [
        "uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid",
    ];
    for (index, name) in ids.into_iter().enumerate() {
        out.insert(name.to_owned(), section.u32(4 * index).into());
    }
    let bits = section.u32(32);
    let secure: Vec<&str> = SECURE_BITS
        .iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 != 0)
        .map(|(_, name)| *name)
        .collect();
    if !secure.is_empty() {
        out.insert("securebits".to_owned(), json!(secure));
    }
    let mut caps = Map::new();
    for (name, at) in [("permitted", 40), ("effective", 48), ("inheritable", 56)] {
        let names = capability_names(section.u64(at));
        if !names.is_empty() {
            caps.insert(name.to_owned(), json!(names));
        }
    }
    out.insert("caps".to_owned(), Value::Object(caps));
    let level = section.u32(64).cast_signed();
    out.insert(
        "user_ns".to_owned(),
        json!({
            "level": level,
            "uid": section.u32(68),
            "gid": section.u32(72),
            "ns": {"inum": section.u32(76), "is_host": level == 0},
        }),
    );
    Value::Object(out)
}

fn capability_names(set: u64) -> Vec<&'static str> {
    let held = |&&(number, _): &&(u32, &'static str)| set >> number & 1 != 0;
    capabilities::NAMES
        .iter()
        .filter(held)
        .map(|(_, name)| *name)
        .collect()
}

/// Adds a text unless it is empty.
fn put(out: &mut Map<String, Value>, name: &str, text: String) {
    if !text.is_empty() {
        out.insert(name.to_owned(), text.into());
    }
}

/// Adds a number unless it is zero.
fn put_number(out: &mut Map<String, Value>, name: &str, number: u32) {
    if number != 0 {
        out.insert(name.to_owned(), number.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Record, tests::record};

    fn shown(kind: ArgKind, bytes: &[u8], status: u32) -> Value {
        let record = Record::decode(&record(&[(bytes, status)])).expect("a record");
        argument(kind, &record.sections[0], None, 0)
    }

    #[test]
    fn numbers_have_the_member_of_their_type() {
        let minus_one = u64::MAX.to_le_bytes();
        assert_eq!(shown(ArgKind::Int16, &minus_one, 0), json!({"int_arg": -1}));
        assert_eq!(
            shown(ArgKind::Int64, &minus_one, 0),
            json!({"long_arg": "-1"})
        );
        assert_eq!(
            shown(ArgKind::Uint64, &minus_one, 0),
            json!({"size_arg": "18446744073709551615"})
        );
        let unreadable = shown(ArgKind::Uint8, &minus_one, 1);
        assert!(unreadable.get("error_arg").is_some());
    }

    #[test]
    fn paths_have_a_permission_and_say_when_they_are_cut() {
        let mut bytes = 0o104_755_u64.to_le_bytes().to_vec();
        bytes.extend(b"/usr/bin/su");
        let expected = json!({"file_arg": {"path": "/usr/bin/su", "permission": "-rwsr-xr-x"}});
        assert_eq!(shown(ArgKind::File, &bytes, 0), expected);
        let cut = shown(ArgKind::Path, &bytes, 2);
        assert_eq!(cut["path_arg"]["flags"], "unresolvedPathComponents");
    }

    #[test]
    fn modes_are_shown_like_ls_does() {
        let cases = [
            (0o041_777, "drwxrwxrwt"),
            (0o100_644, "-rw-r--r--"),
            (0o102_640, "-rw-r-S---"),
            (0o020_620, "crw--w----"),
            (0o600, "rw-------"),
        ];
        for (mode, expected) in cases {
            assert_eq!(permission(mode), expected);
        }
    }

    #[test]
    fn cut_buffers_say_how_long_they_were() {
        let mut bytes = 5000_u64.to_le_bytes().to_vec();
        bytes.extend(b"ab");
        let expected = json!({"truncated_bytes_arg": {"bytes_arg": "YWI=", "orig_size": "5000"}});
        assert_eq!(shown(ArgKind::CharBuf, &bytes, 2), expected);
    }

    #[test]
    fn addresses_are_in_the_order_of_the_network() {
        let mut bytes = vec![2, 0, 80, 0, 0, 0, 0, 0];
        bytes.extend([127, 0, 0, 1]);
        bytes.resize(24, 0);
        let expected =
            json!({"sockaddr_arg": {"family": "AF_INET", "addr": "127.0.0.1", "port": 80}});
        assert_eq!(shown(ArgKind::Sockaddr, &bytes, 0), expected);
    }
}

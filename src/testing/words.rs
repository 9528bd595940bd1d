//! Names and values as people read them.

use std::net::IpAddr;

use crate::ir::interp::{Address, Credentials, Readable, Sock, Sockaddr, Text, Value};
use crate::ir::{ArgType, IntType, Namespace, Predicate, Subject};
use crate::kernel::{families, protocols, tcp_states};

/// The value that a filter looks at, if it is one of the call's.
pub(super) fn subject(predicate: &Predicate) -> Option<Subject> {
    match predicate {
        Predicate::Int { of, .. }
        | Predicate::Mask { of, .. }
        | Predicate::Text { of, .. }
        | Predicate::Addr { of, .. }
        | Predicate::Port { of, .. }
        | Predicate::Protocol { of, .. }
        | Predicate::Family { of, .. }
        | Predicate::State { of, .. } => Some(*of),
        Predicate::Pid { .. } | Predicate::Namespace { .. } | Predicate::Capability { .. } => None,
    }
}

/// The type as policies write it.
pub(super) fn type_name(ty: ArgType) -> &'static str {
    match ty {
        ArgType::Int(IntType::I8) => "int8",
        ArgType::Int(IntType::I16) => "int16",
        ArgType::Int(IntType::I32) => "int",
        ArgType::Int(IntType::I64) => "int64",
        ArgType::Int(IntType::U8) => "uint8",
        ArgType::Int(IntType::U16) => "uint16",
        ArgType::Int(IntType::U32) => "uint32",
        ArgType::Int(IntType::U64) => "uint64",
        ArgType::String => "string",
        ArgType::CharBuf { .. } => "char_buf",
        ArgType::Filename => "filename",
        ArgType::File => "file",
        ArgType::Path => "path",
        ArgType::Dentry => "dentry",
        ArgType::Fd => "fd",
        ArgType::LinuxBinprm => "linux_binprm",
        ArgType::Sock => "sock",
        ArgType::Sockaddr => "sockaddr",
        ArgType::Cred => "cred",
        ArgType::Nop => "nop",
    }
}

/// A value of a type, as a test writes it.
pub(super) fn example(ty: ArgType) -> &'static str {
    match ty {
        ArgType::Int(_) => "0",
        ArgType::String | ArgType::CharBuf { .. } => "\"text\"",
        ArgType::Sock | ArgType::Sockaddr => "\"8.8.8.8:443\"",
        ArgType::Cred => "{uid: 0}",
        _ => "/etc/passwd",
    }
}

/// A field of a value; a value of one field has it under no name. `None` is what cannot be read.
pub(super) type Field = (&'static str, Option<String>);

/// A value field by field, under the names of test files.
pub(super) fn fields(value: &Value) -> Vec<Field> {
    match value {
        Value::Int(number) => vec![("", Some(number.to_string()))],
        Value::String(text) | Value::Buffer { bytes: text, .. } => vec![("", shown(text))],
        Value::Path { mode, path } => {
            vec![("path", shown(path)), ("mode", Some(format!("0o{mode:o}")))]
        }
        Value::Sock(None) => vec![("", None)],
        Value::Sock(Some(sock)) => socket(sock),
        Value::Sockaddr(Sockaddr {
            family,
            port,
            address,
        }) => vec![
            ("addr", address.map(|address| ip(address).to_string())),
            ("port", port.map(|port| port.to_string())),
            ("family", family.map(family_name)),
        ],
        Value::Cred(None) => vec![("", None)],
        Value::Cred(Some(cred)) => credentials(cred),
        Value::Nop => Vec::new(),
    }
}

fn socket(sock: &Sock) -> Vec<Field> {
    let address = |address: Option<Address>| address.map(|address| ip(address).to_string());
    vec![
        ("saddr", address(sock.source.address)),
        ("sport", Some(sock.source.port.to_string())),
        ("daddr", address(sock.destination.address)),
        ("dport", Some(sock.destination.port.to_string())),
        ("family", Some(family_name(sock.family))),
        ("protocol", Some(protocol(sock.protocol))),
        ("type", Some(sock.kind.to_string())),
        ("state", Some(state(sock.state))),
        ("mark", Some(sock.mark.to_string())),
        ("priority", Some(sock.priority.to_string())),
    ]
}

fn credentials(cred: &Credentials) -> Vec<Field> {
    let names = [
        "uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid",
    ];
    let ids = names.into_iter().zip(cred.ids);
    let mut fields: Vec<Field> = ids.map(|(name, id)| (name, Some(id.to_string()))).collect();
    let sets = &cred.capabilities;
    fields.push(("securebits", Some(cred.securebits.to_string())));
    let caps = format!(
        "{:x}/{:x}/{:x}",
        sets.effective, sets.permitted, sets.inheritable
    );
    fields.push(("capabilities", Some(caps)));
    let user = cred.user_namespace.inode.to_string();
    fields.push(("userNamespace", Some(user)));
    fields
}

pub(super) fn ip(address: Address) -> IpAddr {
    match address {
        Address::V4(address) => address.into(),
        Address::V6(address) => address.into(),
    }
}

pub(super) fn family_name(family: u16) -> String {
    let name = families::by_number(family.into());
    name.map_or_else(|| family.to_string(), str::to_owned)
}

pub(super) fn protocol(protocol: u16) -> String {
    let name = protocols::by_number(protocol.into());
    name.map_or_else(|| protocol.to_string(), str::to_owned)
}

pub(super) fn state(state: u8) -> String {
    let name = tcp_states::by_number(state.into());
    name.map_or_else(|| state.to_string(), str::to_owned)
}

/// What is known of a text.
pub(super) fn shown(text: &Readable<Text>) -> Option<String> {
    text.as_ref().map(|text| match text.complete {
        true => escaped(&text.known),
        false => format!("{}…", escaped(&text.known)),
    })
}

/// Bytes as text on one line.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let escape = |char: char| match char.is_control() {
        true => char.escape_default().to_string(),
        false => char.to_string(),
    };
    text.chars().map(escape).collect()
}

/// A text for a message: not too long.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.chars().count() {
        count if count > LONGEST => text.chars().take(LONGEST - 1).chain(['…']).collect(),
        _ => text.to_owned(),
    }
}

/// A namespace as policies write it.
pub(super) fn namespace(kind: Namespace) -> &'static str {
    match kind {
        Namespace::Uts => "Uts",
        Namespace::Ipc => "Ipc",
        Namespace::Mnt => "Mnt",
        Namespace::Pid => "Pid",
        Namespace::PidForChildren => "PidForChildren",
        Namespace::Net => "Net",
        Namespace::Time => "Time",
        Namespace::TimeForChildren => "TimeForChildren",
        Namespace::Cgroup => "Cgroup",
        Namespace::User => "User",
    }
}

/// `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

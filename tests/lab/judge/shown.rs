//! What an event must show, as members of its JSON.

use serde_json::{Map, Value as Json, json};
use tpc::ir::interp::{Address, Credentials, Process, Report, Sock, Sockaddr, Text, Value};
use tpc::ir::{ArgType, Hook, IntType, Shown};
use tpc::kernel::{capabilities, families, protocols, tcp_states};

use crate::judge::hooks;

/// The event of a report, without times and what follows from them.
pub(super) fn event(policy: &str, hook: &Hook, report: &Report, process: &Process) -> Json {
    let types = hook
        .args
        .iter()
        .map(|arg| arg.ty)
        .filter(|ty| *ty != ArgType::Nop);
    let args: Vec<Json> = types
        .zip(&report.args)
        .map(|(ty, value)| argument(ty, value))
        .collect();
    let mut out = json!({
        "policy_name": policy,
        "function_name": function(&hook.symbol),
        "action": action(report.shown),
        "args": args,
        "process": {
            "pid": process.pid,
            "tid": process.tid,
            "uid": process.uid,
            "auid": process.auid,
            "binary": text(process.exe.as_ref()),
            "cwd": text(process.cwd.as_ref()),
            "arguments": words(process.arguments.as_ref()),
        },
        "parent": {
            "pid": process.ancestors[0].pid,
            "uid": process.ancestors[0].uid,
            "binary": text(process.ancestors[0].exe.as_ref()),
        },
    });
    if let (Some(value), Some(ret)) = (&report.ret, &hook.ret) {
        out["return"] = argument(ret.ty, value);
    }
    out
}

/// The same members of an event that was seen.
pub(super) fn seen(event: &Json) -> Json {
    let some = |of: &Json, names: &[&str]| -> Json {
        let members = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), of.get(name)?.clone())));
        Json::Object(members.collect())
    };
    let mut out = some(event, &["policy_name", "function_name", "action", "return"]);
    let mut args = event["args"].clone();
    for arg in args.as_array_mut().into_iter().flatten() {
        // It identifies the socket, and is no number of the kernel's.
        if let Some(sock) = arg.get_mut("sock_arg").and_then(Json::as_object_mut) {
            sock.remove("cookie");
        }
    }
    out["args"] = if args.is_null() { json!([]) } else { args };
    let mut process = some(
        &event["process"],
        &["pid", "tid", "uid", "auid", "binary", "cwd"],
    );
    process["arguments"] = event["process"]
        .get("arguments")
        .cloned()
        .unwrap_or_else(|| "".into());
    out["process"] = process;
    out["parent"] = some(&event["parent"], &["pid", "uid", "binary"]);
    out
}

/// The kernel's name of a hook's function.
pub(super) fn function(symbol: &str) -> String {
    match hooks::by_symbol(symbol).is_call() {
        true => format!("__x64_{symbol}"),
        false => symbol.to_owned(),
    }
}

fn action(shown: Shown) -> &'static str {
    match shown {
        Shown::Post => "KPROBE_ACTION_POST",
        Shown::Sigkill => "KPROBE_ACTION_SIGKILL",
        Shown::Override => "KPROBE_ACTION_OVERRIDE",
        Shown::NoPost => "KPROBE_ACTION_NOPOST",
        Shown::Signal => "KPROBE_ACTION_SIGNAL",
    }
}

fn text(text: Option<&Text>) -> String {
    text.map_or_else(String::new, |text| {
        String::from_utf8_lossy(&text.known).into_owned()
    })
}

fn words(line: Option<&Text>) -> String {
    let Some(line) = line else {
        return String::new();
    };
    let line = line.known.strip_suffix(&[0]).unwrap_or(&line.known);
    let quoted = |word: &[u8]| {
        let word = String::from_utf8_lossy(word);
        if word.is_empty() || word.contains(' ') {
            format!("\"{word}\"")
        } else {
            word.into_owned()
        }
    };
    line.split(|byte| *byte == 0)
        .skip(1)
        .map(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

fn argument(ty: ArgType, value: &Value) -> Json {
    let unreadable = || json!({"error_arg": {"Message": "the value could not be read"}});
    match value {
        Value::Int(number) => integer(ty, *number),
        Value::String(Some(text)) => json!({"string_arg": String::from_utf8_lossy(&text.known)}),
        Value::Buffer {
            wanted,
            bytes: Some(text),
        } => buffer(*wanted, text),
        Value::Path {
            mode,
            path: Some(path),
        } => of_path(ty, *mode, path),
        Value::Sock(Some(sock)) => json!({"sock_arg": socket(sock)}),
        Value::Sockaddr(of) if is_whole(of) => json!({"sockaddr_arg": address(of)}),
        Value::Cred(Some(cred)) => json!({"process_credentials_arg": credentials(cred)}),
        _ => unreadable(),
    }
}

fn integer(ty: ArgType, number: i128) -> Json {
    match ty {
        ArgType::Int(IntType::I64) => json!({"long_arg": number.to_string()}),
        ArgType::Int(IntType::U64) => json!({"size_arg": number.to_string()}),
        ArgType::Int(ty) if ty.signed() => json!({"int_arg": number as i64}),
        _ => json!({"uint_arg": number as i64}),
    }
}

fn buffer(wanted: u64, text: &Text) -> Json {
    let bytes = base64(&text.known);
    if wanted > text.known.len() as u64 {
        return json!({"truncated_bytes_arg": {"bytes_arg": bytes, "orig_size": wanted.to_string()}});
    }
    json!({"bytes_arg": bytes})
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}

fn of_path(ty: ArgType, mode: u16, path: &Text) -> Json {
    let mut out = Map::new();
    let mut put = |name: &str, text: String| {
        if !text.is_empty() {
            out.insert(name.to_owned(), text.into());
        }
    };
    put("path", String::from_utf8_lossy(&path.known).into_owned());
    if !path.complete {
        put("flags", "unresolvedPathComponents".to_owned());
    }
    if mode != 0 {
        put("permission", permission(mode));
    }
    let member = match ty {
        ArgType::File | ArgType::Fd => "file_arg",
        ArgType::LinuxBinprm => "linux_binprm_arg",
        _ => "path_arg",
    };
    json!({member: out})
}

/// As `ls -l` shows a regular file's or a directory's.
fn permission(mode: u16) -> String {
    let mut out = String::from(if mode >> 12 == 4 { "d" } else { "-" });
    for bit in (0..9).rev() {
        let letter = ['x', 'w', 'r'][bit % 3];
        out.push(if mode >> bit & 1 != 0 { letter } else { '-' });
    }
    for (bit, at, letter) in [(11, 3, 's'), (10, 6, 's'), (9, 9, 't')] {
        if mode >> bit & 1 != 0 {
            let plain = &out[at..=at] == "-";
            let letter = if plain {
                letter.to_ascii_uppercase()
            } else {
                letter
            };
            out.replace_range(at..=at, &letter.to_string());
        }
    }
    out
}

fn is_whole(of: &Sockaddr) -> bool {
    let has_address = matches!(of.family, Some(2 | 10));
    of.family.is_some() && of.port.is_some() && (of.address.is_some() || !has_address)
}

/// Members that are not zero.
fn members(all: &[(&str, Json)]) -> Json {
    let empty = |value: &Json| *value == json!(0) || *value == json!("");
    let some = all.iter().filter(|(_, value)| !empty(value));
    Json::Object(
        some.map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    )
}

fn ip(address: Option<Address>) -> String {
    match address {
        Some(Address::V4(address)) => address.to_string(),
        Some(Address::V6(address)) => address.to_string(),
        None => String::new(),
    }
}

fn named(name: Option<&'static str>, number: u16) -> Json {
    name.map_or_else(|| number.to_string(), str::to_owned)
        .into()
}

fn socket(sock: &Sock) -> Json {
    let kind = match sock.kind {
        1 => "SOCK_STREAM",
        _ => "SOCK_DGRAM",
    };
    members(&[
        (
            "family",
            named(families::by_number(sock.family.into()), sock.family),
        ),
        ("type", kind.into()),
        (
            "protocol",
            named(protocols::by_number(sock.protocol.into()), sock.protocol),
        ),
        ("mark", sock.mark.into()),
        ("priority", sock.priority.into()),
        ("saddr", ip(sock.source.address).into()),
        ("daddr", ip(sock.destination.address).into()),
        ("sport", sock.source.port.into()),
        ("dport", sock.destination.port.into()),
        (
            "state",
            named(tcp_states::by_number(sock.state.into()), sock.state.into()),
        ),
    ])
}

fn address(of: &Sockaddr) -> Json {
    let family = of.family.unwrap_or(0);
    members(&[
        ("family", named(families::by_number(family.into()), family)),
        ("addr", ip(of.address).into()),
        ("port", of.port.unwrap_or(0).into()),
    ])
}

fn credentials(cred: &Credentials) -> Json {
    let names = [
        "uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid",
    ];
    let mut out: Map<String, Json> = names
        .iter()
        .zip(cred.ids)
        .map(|(name, id)| ((*name).to_owned(), id.into()))
        .collect();
    let mut caps = Map::new();
    let of = &cred.capabilities;
    for (name, set) in [
        ("permitted", of.permitted),
        ("effective", of.effective),
        ("inheritable", of.inheritable),
    ] {
        let held = capabilities::NAMES
            .iter()
            .filter(|(number, _)| set >> number & 1 != 0);
        let held: Vec<&str> = held.map(|(_, name)| *name).collect();
        if !held.is_empty() {
            caps.insert(name.to_owned(), json!(held));
        }
    }
    out.insert("caps".to_owned(), caps.into());
    let user = &cred.user_namespace;
    let ns = json!({"inum": user.inode, "is_host": user.level == 0});
    out.insert(
        "user_ns".to_owned(),
        json!({"level": user.level, "uid": user.owner, "gid": user.group, "ns": ns}),
    );
    Json::Object(out)
}

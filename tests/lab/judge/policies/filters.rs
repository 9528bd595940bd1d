//! Random filters, most of which a given call passes.

use serde_json::{Value, json};
use tpc::ir::IntType;
use tpc::ir::interp::Sock;
use tpc::kernel::capabilities;

use super::{Declared, sockets};
use crate::judge::call::{Call, Caller, FIRST_FD, Param, Raw, Reached};
use crate::judge::hooks::Types;
use crate::judge::{DRIVER, files};
use crate::random::dice::Dice;
use crate::random::words;

/// A filter on an argument; `None` for types without operators.
pub(super) fn argument(
    dice: &mut Dice,
    (index, name, types): Declared,
    of: &Reached,
    caller: &Caller,
    samples: &[(&Call, &Reached)],
) -> Option<Value> {
    let param = of.params.get(usize::from(index))?;
    let (operator, values) = match types {
        Types::Word | Types::Half | Types::Quarter => number(dice, name, register(param, caller)),
        Types::Cred => return None,
        Types::Sock => sockets::socket(dice, sock_of(param)?),
        Types::Address => sockets::address(dice, &bytes(param)),
        _ => {
            let others = || {
                let mut all = samples.iter().filter_map(|(call, one)| {
                    of_text(types, one.params.get(usize::from(index))?, call)
                });
                all.find(|text| !text.is_empty())
            };
            let call = samples
                .iter()
                .find(|(_, one)| std::ptr::eq(*one, of))
                .map(|(call, _)| *call)?;
            let text = of_text(types, param, call)
                .filter(|text| !text.is_empty())
                .or_else(others)?;
            texts(dice, &text)
        }
    };
    Some(json!({"index": index, "operator": operator, "values": values}))
}

fn register(param: &Param, caller: &Caller) -> u64 {
    match param {
        Param::Raw(Raw::Number(number)) => *number,
        Param::Raw(Raw::Parent) => caller.parent.into(),
        _ => (caller.parent + 1).into(),
    }
}

fn bytes(param: &Param) -> Vec<u8> {
    match param {
        Param::Raw(Raw::Text(bytes) | Raw::Edge(bytes)) => bytes.clone(),
        _ => Vec::new(),
    }
}

fn sock_of(param: &Param) -> Option<&Sock> {
    match param {
        Param::Sock(sock) => Some(sock),
        _ => None,
    }
}

/// The text that a filter sees; `None` if the policy cannot write it.
fn of_text(types: Types, param: &Param, call: &Call) -> Option<String> {
    let bytes = match (types, param) {
        (Types::Descriptor, Param::Raw(Raw::Number(number))) => match call
            .descriptors
            .get(usize::try_from(*number - FIRST_FD).ok()?)?
        {
            crate::judge::call::Descriptor::File { node, .. } => node.path.clone(),
            crate::judge::call::Descriptor::Socket { .. } => return None,
        },
        (_, Param::File(node)) => node.path.clone(),
        (_, Param::Dentry(node)) => node.inner.clone(),
        (_, param) => bytes(param),
    };
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

fn int_type(name: &str) -> IntType {
    match name {
        "int8" => IntType::I8,
        "uint8" => IntType::U8,
        "int16" => IntType::I16,
        "uint16" => IntType::U16,
        "uint32" => IntType::U32,
        "int64" => IntType::I64,
        "uint64" | "size_t" => IntType::U64,
        _ => IntType::I32,
    }
}

/// The number that a register holds for a type.
fn truncated(bits: u64, ty: IntType) -> i128 {
    let (low, high) = words::limits(ty);
    (i128::from(bits) - low).rem_euclid(high - low + 1) + low
}

fn number(dice: &mut Dice, name: &str, register: u64) -> (&'static str, Vec<String>) {
    let ty = int_type(name);
    let (low, high) = words::limits(ty);
    let own = truncated(register, ty);
    let near = |dice: &mut Dice| (own + dice.one(&[0, 0, 0, 1, -1, 2])).clamp(low, high);
    let other = |dice: &mut Dice| words::number(dice, ty);
    let operator = dice.one(&[
        "Equal",
        "NotEqual",
        "GT",
        "LT",
        "Mask",
        "InMap",
        "NotInMap",
        "InRange",
        "NotInRange",
    ]);
    let count = if matches!(operator, "GT" | "LT") {
        1
    } else {
        dice.one(&[1, 1, 2, 4, 12])
    };
    let mut values = Vec::new();
    for at in 0..count {
        let value = if at == 0 { near(dice) } else { other(dice) };
        values.push(match operator {
            "Mask" => mask(dice, value, high),
            "InRange" | "NotInRange" => {
                let length = 1 << dice.below(20);
                let end = (value + i128::from(dice.below(length))).min(high);
                format!("{value}:{end}")
            }
            // Nothing is above the highest number, or below the lowest.
            "GT" => value.min(high - 1).to_string(),
            "LT" => value.max(low + 1).to_string(),
            "Equal" | "NotEqual" if value >= 0 && dice.once_in(4) => format!("{value:#x}"),
            _ => value.to_string(),
        });
    }
    (operator, values)
}

/// A mask with bits of a number, or with one of its neighbours.
fn mask(dice: &mut Dice, value: i128, high: i128) -> String {
    let bits = value & high;
    let chosen = match dice.below(3) {
        0 => bits,
        1 => 1 << dice.below(16),
        _ => bits & -bits,
    };
    chosen.clamp(1, high).to_string()
}

fn texts(dice: &mut Dice, text: &str) -> (&'static str, Vec<String>) {
    let operator = dice.one(&[
        "Equal",
        "NotEqual",
        "Prefix",
        "NotPrefix",
        "Postfix",
        "NotPostfix",
    ]);
    let mut values = vec![part(dice, operator, text)];
    for _ in 1..dice.one(&[1, 1, 2, 5, 30]) {
        values.push(match dice.below(3) {
            0 => dice.pick(files::FILES).0.to_owned(),
            1 => part(dice, operator, text) + dice.one(&["x", ".", "0"]),
            _ => format!(
                "/{}/{}",
                dice.one(&["etc", "t", "j", "t/dir"]),
                dice.below(40)
            ),
        });
    }
    values.retain(|value| !value.is_empty() && value.len() <= 4000);
    if values.is_empty() {
        values.push("/".to_owned());
    }
    (operator, values)
}

/// What an operator needs of a text, sometimes with a mistake.
fn part(dice: &mut Dice, operator: &str, text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = 1 + dice.index(letters.len());
    let mut chosen: Vec<char> = match operator {
        "Prefix" | "NotPrefix" => letters[..at.min(letters.len())].to_vec(),
        "Postfix" | "NotPostfix" => letters[letters.len() - at.min(letters.len())..].to_vec(),
        _ => letters,
    };
    match dice.below(8) {
        0 => chosen.push('x'),
        1 => chosen.truncate(chosen.len().saturating_sub(1).max(1)),
        _ => {}
    }
    chosen.into_iter().collect()
}

/// What keeps a policy from the processes of the lab: it concerns callers only.
pub(super) fn guard(dice: &mut Dice, call: &Call) -> Vec<(&'static str, Value)> {
    let exe = call.caller.exe;
    let binaries = |operator: &str, values: Value| {
        vec![(
            "matchBinaries",
            json!({"operator": operator, "values": values}),
        )]
    };
    match dice.below(9) {
        0 => binaries("In", json!([exe])),
        1 => binaries("In", json!(files::PROGRAMS)),
        2 => binaries(
            "NotIn",
            json!([
                "/init",
                "/bin/tpc-loader",
                DRIVER,
                files::PROGRAMS[dice.index(5)]
            ]),
        ),
        3 => binaries("NotPrefix", json!(["/init", "/bin/", "/j/deep/"])),
        4 => binaries("Postfix", json!(["/ab", "/a", "tool2", "pp"])),
        5 => binaries("NotPostfix", json!(["-loader", "driver", "init", "/tool"])),
        6 => {
            let first = call.caller.parent + 1;
            let pids: Vec<u32> = (0..dice.one(&[1, 5, 60]))
                .map(|at| first + 2 * at)
                .collect();
            vec![("matchPIDs", json!({"operator": "In", "values": pids}))]
        }
        _ => binaries("Prefix", json!(["/j/"])),
    }
}

const NAMESPACES: &[&str] = &[
    "Uts",
    "Ipc",
    "Mnt",
    "Pid",
    "PidForChildren",
    "Net",
    "Time",
    "TimeForChildren",
    "Cgroup",
    "User",
];

/// Further filters on the process.
pub(super) fn process(dice: &mut Dice, call: &Call) -> Vec<(&'static str, Value)> {
    let mut out = Vec::new();
    let operator = |dice: &mut Dice| dice.one(&["In", "NotIn"]);
    if dice.once_in(5) {
        let values = dice.one(&[
            &["host_ns"][..],
            &["4026531838"],
            &["host_ns", "1"],
            &["4026531839", "4026531835"],
        ]);
        out.push(("matchNamespaces", json!({"namespace": dice.one(NAMESPACES), "operator": operator(dice), "values": values})));
    }
    if dice.once_in(5) {
        let names: Vec<&str> = (0..dice.one(&[1, 2, 6]))
            .map(|_| dice.pick(capabilities::NAMES).1)
            .collect();
        out.push((
            "matchCapabilities",
            json!({
                "type": dice.one(&["Effective", "Permitted", "Inheritable"]), "operator": operator(dice), "values": names,
                "isNamespaceCapability": dice.once_in(3),
            }),
        ));
    }
    if dice.once_in(6) {
        let pids = dice.one(&[0, 1, call.caller.parent, call.caller.parent + 1]);
        let filter = json!({
            "operator": operator(dice), "values": [pids, 77], "followForks": dice.flip(), "isNamespacePID": dice.once_in(3),
        });
        out.push(("matchPIDs", filter));
    }
    out
}

pub(super) fn returned(dice: &mut Dice, ty: &str) -> Value {
    let (operator, values): (&str, &[&str]) = match dice.below(4) {
        0 => ("Equal", &["0"]),
        1 => ("GT", &["2"]),
        _ if ty.starts_with('u') => dice.one(&[
            ("LT", &["3"]),
            ("InMap", &["4294967258", "3:100"]),
            ("NotEqual", &["0"]),
        ]),
        2 => dice.one(&[("LT", &["0"]), ("NotEqual", &["0", "-1"])]),
        _ => ("InMap", &["-38", "-2", "-13", "3:100"]),
    };
    json!({"index": 0, "operator": operator, "values": values})
}

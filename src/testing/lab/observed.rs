//! What a kernel showed of a call, against the case.
//!
//! A case counts only if the kernel, while a policy is loaded that reports every call and does nothing else, calls the function with what the
//! policy's filters look at; that is checked here. What happens with the policy itself is then compared with what the case expects.

use std::collections::BTreeSet;

use base64::Engine;
use serde_json::Value as Json;

use super::super::words::{escaped, fields, subject};
use super::results::CallResult;
use super::trigger::Errors;
use crate::ir::interp::{Event, Outcome, Report, Value};
use crate::ir::{Abi, ArgType, End, Hook, Predicate, Shown, Subject};

/// The events of a hook's function by one process.
pub(super) fn of_process<'j>(events: &'j [Json], pid: u32, hook: &Hook) -> Vec<&'j Json> {
    let function = function(hook);
    let is = |event: &&Json| {
        event["function_name"] == function.as_str() && event["process"]["pid"] == pid
    };
    events.iter().filter(is).collect()
}

/// Other functions of the policy that a process came to, each once.
pub(super) fn others(events: &[Json], pid: u32, hook: &Hook) -> BTreeSet<String> {
    let own = function(hook);
    let by_process = events.iter().filter(|event| event["process"]["pid"] == pid);
    by_process
        .filter_map(|event| event["function_name"].as_str())
        .filter(|name| **name != own)
        .map(str::to_owned)
        .collect()
}

fn function(hook: &Hook) -> String {
    match hook.abi {
        Abi::Syscall => format!("__x64_{}", hook.symbol),
        Abi::Function => hook.symbol.clone(),
    }
}

/// What of a call that the kernel showed differs from the case, if filters look at it.
pub(super) fn difference(hook: &Hook, described: &Event, shown: &Json) -> Option<String> {
    let binary = described.process.exe.as_ref();
    let binary = binary.map(|text| String::from_utf8_lossy(&text.known).into_owned());
    if shown["process"]["binary"].as_str() != binary.as_deref() {
        return Some(format!("the binary is {}", shown["process"]["binary"]));
    }
    let read = hook.args.iter().enumerate();
    let read = read.filter(|(_, arg)| arg.ty != ArgType::Nop);
    for (place, (position, arg)) in read.enumerate() {
        let (name, json) = (format!("argument {}", arg.index), &shown["args"][place]);
        let of = (Subject::Arg(position), arg.ty);
        let value = &described.args[position];
        if let Some(text) = of_value(hook, of, value, json) {
            return Some(format!("{name} {text}"));
        }
    }
    let returned = hook.ret.as_ref().zip(described.ret.as_ref());
    let (ret, value) = returned?;
    let text = of_value(hook, (Subject::Return, ret.ty), value, &shown["return"])?;
    Some(format!("the return value {text}"))
}

fn of_value(
    hook: &Hook,
    (subject, ty): (Subject, ArgType),
    value: &Value,
    json: &Json,
) -> Option<String> {
    let described = fields(value);
    for name in looked_at(hook, subject, ty) {
        let want = described.iter().find(|(field, _)| *field == name);
        let want = want.and_then(|(_, text)| text.clone());
        let got = shown_field(json, name);
        if want != got {
            return Some(match (got, name) {
                (None, _) => "cannot be read".to_owned(),
                (Some(got), "" | "path") => format!("is {got}"),
                (Some(got), _) => format!("has {name} {got}"),
            });
        }
    }
    None
}

/// The fields of a value that filters look at, by the names of test files.
fn looked_at(hook: &Hook, of: Subject, ty: ArgType) -> Vec<&'static str> {
    let rules = hook.rules.iter();
    let tests = rules.flat_map(|rule| rule.tests.iter().chain(&rule.return_tests));
    let own = tests.filter(|test| subject(&test.predicate) == Some(of));
    let is_socket = ty == ArgType::Sock;
    let field = |predicate: &Predicate| match predicate {
        Predicate::Text { .. } => match ty {
            ArgType::String | ArgType::Filename | ArgType::CharBuf { .. } => "",
            _ => "path",
        },
        Predicate::Addr { end, .. } => match (is_socket, end) {
            (false, _) => "addr",
            (true, End::Source) => "saddr",
            (true, End::Destination) => "daddr",
        },
        Predicate::Port { end, .. } => match (is_socket, end) {
            (false, _) => "port",
            (true, End::Source) => "sport",
            (true, End::Destination) => "dport",
        },
        Predicate::Protocol { .. } => "protocol",
        Predicate::Family { .. } => "family",
        Predicate::State { .. } => "state",
        _ => "",
    };
    own.map(|test| field(&test.predicate)).collect()
}

/// A field of a value in an event.
fn shown_field(json: &Json, name: &str) -> Option<String> {
    let members = json.as_object()?.iter();
    let (kind, value) = members.into_iter().find(|(member, _)| *member != "label")?;
    let plain = |value: &Json| match value {
        Json::String(text) => Some(escaped(text.as_bytes())),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match kind.as_str() {
        "error_arg" => None,
        "bytes_arg" => bytes(value),
        "truncated_bytes_arg" => bytes(&value["bytes_arg"]).map(|text| text + "…"),
        "file_arg" | "path_arg" | "linux_binprm_arg" => plain(&value["path"]),
        "sock_arg" | "sockaddr_arg" => plain(&value[name]).or_else(|| {
            // Members that are zero are left out.
            name.ends_with("port").then(|| "0".to_owned())
        }),
        _ => plain(value),
    }
}

fn bytes(value: &Json) -> Option<String> {
    let bytes = base64::prelude::BASE64_STANDARD
        .decode(value.as_str()?)
        .ok()?;
    Some(escaped(&bytes))
}

/// What a policy did to a call, seen beside the same call without it. `expected` decides only what cannot be seen: a process that is
/// killed does not tell what its call returned.
pub(super) fn outcome(
    plain: &CallResult,
    acted: &CallResult,
    events: &[&Json],
    errors: Errors,
    expected: &Outcome,
) -> Outcome {
    let mut signals = acted.signals();
    signals.retain(|number| !plain.signals().contains(number));
    let report = events.first().map(|event| Report {
        hook: 0,
        rule: 0,
        shown: action(event),
        args: Vec::new(),
        ret: None,
        key: None,
    });
    Outcome {
        rule: None,
        signals,
        result: result(plain, acted, errors, expected.result),
        report,
    }
}

fn action(event: &Json) -> Shown {
    match event["action"].as_str() {
        Some("KPROBE_ACTION_SIGKILL") => Shown::Sigkill,
        Some("KPROBE_ACTION_OVERRIDE") => Shown::Override,
        Some("KPROBE_ACTION_NOPOST") => Shown::NoPost,
        Some("KPROBE_ACTION_SIGNAL") => Shown::Signal,
        _ => Shown::Post,
    }
}

/// The value that the call returned instead of running.
fn result(
    plain: &CallResult,
    acted: &CallResult,
    errors: Errors,
    expected: Option<i32>,
) -> Option<i32> {
    if acted.killed.is_some() || errors == Errors::Swallowed {
        return expected;
    }
    let (natural, got) = (plain.returned, acted.returned);
    let changed = natural != got && (got.is_some_and(|got| got < 0) || natural < Some(0));
    match (got, expected) {
        (Some(got), Some(value)) if got == i64::from(value) => Some(value),
        (Some(got), Some(value)) if errors == Errors::Translated && got < 0 && changed => {
            Some(value)
        }
        (Some(got), _) if changed => i32::try_from(got).ok(),
        _ => None,
    }
}

/// What a kernel did, for messages.
pub(super) fn told(acted: &CallResult) -> String {
    match (acted.killed, acted.returned) {
        (Some(9), _) => "the process was killed".to_owned(),
        (Some(number), _) => format!("the process ended by signal {number}"),
        (None, Some(value)) => format!("the call returned {value}"),
        (None, None) if acted.became => "the program was run".to_owned(),
        (None, None) => "the call did not return".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_read_from_events() {
        let text = |json: Json, name: &str| shown_field(&json, name).unwrap_or_default();
        assert_eq!(text(json!({"int_arg": -1, "label": "x"}), ""), "-1");
        assert_eq!(text(json!({"size_arg": "7"}), ""), "7");
        assert_eq!(text(json!({"bytes_arg": "aGk="}), ""), "hi");
        assert_eq!(text(json!({"file_arg": {"path": "/a"}}), "path"), "/a");
        let sock = json!({"sock_arg": {"family": "AF_INET", "daddr": "8.8.8.8"}});
        assert_eq!(text(sock.clone(), "daddr"), "8.8.8.8");
        assert_eq!(text(sock.clone(), "dport"), "0");
        assert_eq!(shown_field(&sock, "saddr"), None);
        assert_eq!(
            shown_field(&json!({"error_arg": {"Message": "x"}}), ""),
            None
        );
    }

    fn returns(value: i64) -> CallResult {
        CallResult {
            begun: true,
            step: 0,
            error: 0,
            returned: Some(value),
            became: false,
            pending: 0,
            killed: None,
            still_running: false,
        }
    }

    #[test]
    fn errors_are_told_from_those_of_the_call_itself() {
        let expected = |value| Outcome {
            result: value,
            ..Outcome::default()
        };
        let cases = [
            // The call without the policy, with it, what is expected, what is seen.
            (3, 3, None, None),
            (3, 4, None, None),
            (-2, -2, None, None),
            (-1, -1, Some(-1), Some(-1)),
            (3, -1, Some(-1), Some(-1)),
            (3, -13, Some(-1), Some(-13)),
            (3, -1, None, Some(-1)),
            (-13, 3, None, Some(3)),
            (3, 3, Some(-1), None),
        ];
        for (plain, acted, wanted, seen) in cases {
            let got = outcome(
                &returns(plain),
                &returns(acted),
                &[],
                Errors::Passed,
                &expected(wanted),
            );
            assert_eq!(got.result, seen, "{plain} {acted} {wanted:?}");
        }
        let killed = CallResult {
            returned: None,
            killed: Some(9),
            ..returns(0)
        };
        let got = outcome(&returns(3), &killed, &[], Errors::Passed, &expected(None));
        assert_eq!((got.signals, got.result), (vec![9], None));
    }
}

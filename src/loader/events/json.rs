//! One event as a line of JSON, in the shape of Tetragon's export (`process_kprobe`).
//!
//! Source: `api/v1/tetragon/events.proto` of Tetragon 1.8: names as in the schema, default values left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use super::args;
use crate::bundle::{ArgKind, Hook, Process, Record, Section};

/// What all events of a node share.
pub(super) struct Context {
    pub(super) node: String,
    /// Nanoseconds that the wall clock is ahead of the time since boot.
    pub(super) offset: i128,
    /// Hides addresses of the kernel.
    pub(super) secret: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    process_kprobe: Event<'a>,
    node_name: &'a str,
    time: String,
}

#[derive(Serialize)]
struct Event<'a> {
    process: ProcessInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<ProcessInfo>,
    function_name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#return: Option<Value>,
    action: &'static str,
    policy_name: &'a str,
    return_action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
}

#[derive(Serialize)]
struct ProcessInfo {
    exec_id: String,
    pid: u32,
    uid: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    cwd: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    binary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    arguments: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    flags: String,
    start_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    auid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_exec_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<u32>,
}

/// A hook as its events name it.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) policy: &'a str,
    /// The kernel function.
    pub(super) function: &'a str,
    pub(super) hook: &'a Hook,
}

/// The event of a record and, if the hook shows it, of its return.
pub(super) fn event(
    source: Source<'_>,
    record: &Record,
    returned: Option<&Section>,
    context: &Context,
) -> Option<String> {
    let shown = source
        .hook
        .args
        .iter()
        .filter(|arg| arg.kind != ArgKind::Nop);
    let args: Vec<Value> = shown
        .clone()
        .zip(&record.sections)
        .map(|(arg, section)| {
            args::argument(arg.kind, section, arg.label.as_deref(), context.secret)
        })
        .collect();
    let process = record.sections.get(shown.count()..)?;
    let [binary, arguments, cwd, parent] = process else {
        return None;
    };
    let returned = source.hook.ret.zip(returned);
    let line = Line {
        process_kprobe: Event {
            process: info(record, (binary, arguments, cwd), context),
            parent: parent_info(record.parent, parent, context),
            function_name: source.function,
            args,
            r#return: returned
                .map(|(kind, section)| args::argument(kind, section, None, context.secret)),
            action: action(record.action),
            policy_name: source.policy,
            return_action: "KPROBE_ACTION_POST",
            message: source.hook.message.as_deref(),
            tags: &source.hook.tags,
        },
        node_name: &context.node,
        time: context.time(record.time),
    };
    serde_json::to_string(&line).ok()
}

/// A line that says how many events of a policy found no room in its ring buffer since the last such line.
pub(super) fn lost(policy: &str, count: u64, context: &Context) -> String {
    serde_json::json!({
        "lost_events": {"policy_name": policy, "count": count.to_string()},
        "node_name": context.node,
        "time": context.now(),
    })
    .to_string()
}

fn info(
    record: &Record,
    (binary, arguments, cwd): (&Section, &Section, &Section),
    context: &Context,
) -> ProcessInfo {
    let mut flags = Vec::new();
    if arguments.is_incomplete() {
        flags.push("truncArgs");
    }
    if arguments.is_unreadable() {
        flags.push("errorArgs");
    }
    if cwd.is_unreadable() {
        flags.push("errorCWD");
    }
    ProcessInfo {
        exec_id: context.exec_id(record.process),
        pid: record.process.pid,
        uid: record.process.uid,
        cwd: cwd.text(0),
        binary: binary.text(0),
        arguments: command_line(&arguments.bytes),
        flags: flags.join(" "),
        start_time: context.time(record.process.start),
        auid: Some(record.auid),
        parent_exec_id: (record.parent.pid != 0).then(|| context.exec_id(record.parent)),
        tid: Some(record.tid),
    }
}

fn parent_info(parent: Process, binary: &Section, context: &Context) -> Option<ProcessInfo> {
    (parent.pid != 0).then(|| ProcessInfo {
        exec_id: context.exec_id(parent),
        pid: parent.pid,
        uid: parent.uid,
        cwd: String::new(),
        binary: binary.text(0),
        arguments: String::new(),
        flags: String::new(),
        start_time: context.time(parent.start),
        auid: None,
        parent_exec_id: None,
        tid: None,
    })
}

/// Arguments without the program's name, in quotes where they have spaces.
fn command_line(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let words = bytes.split(|&byte| byte == 0).skip(1).map(|word| {
        let word = String::from_utf8_lossy(word);
        if word.is_empty() || word.contains(' ') {
            format!("\"{word}\"")
        } else {
            word.into_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Name of an action (`KprobeAction`).
fn action(number: u8) -> &'static str {
    match number {
        1 => "KPROBE_ACTION_POST",
        3 => "KPROBE_ACTION_SIGKILL",
        5 => "KPROBE_ACTION_OVERRIDE",
        9 => "KPROBE_ACTION_NOPOST",
        10 => "KPROBE_ACTION_SIGNAL",
        _ => "KPROBE_ACTION_UNKNOWN",
    }
}

impl Context {
    fn time(&self, since_boot: u64) -> String {
        self.format(self.offset + i128::from(since_boot))
    }

    fn now(&self) -> String {
        let now = std::time::SystemTime::now();
        humantime::format_rfc3339_nanos(now).to_string()
    }

    fn format(&self, nanoseconds: i128) -> String {
        let since = std::time::Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0));
        humantime::format_rfc3339_nanos(std::time::UNIX_EPOCH + since).to_string()
    }

    /// Identifies a process over all events of a node.
    fn exec_id(&self, process: Process) -> String {
        STANDARD.encode(format!("{}:{}:{}", self.node, process.start, process.pid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_leave_out_the_program_and_quote_spaces() {
        assert_eq!(command_line(b"cat\0a.txt\0b c\0"), "a.txt \"b c\"");
        assert_eq!(command_line(b"cat\0"), "");
        assert_eq!(command_line(b"x\0\0-v\0"), "\"\" -v");
        assert_eq!(command_line(b""), "");
    }

    #[test]
    fn times_are_utc_with_nanoseconds() {
        let context = Context {
            node: "n".to_owned(),
            offset: 1_000_000_000_000_000_000,
            secret: 0,
        };
        assert_eq!(context.time(5), "2001-09-09T01:46:40.000000005Z");
        let process = Process {
            pid: 7,
            uid: 0,
            start: 9,
        };
        assert_eq!(context.exec_id(process), STANDARD.encode("n:9:7"));
    }
}

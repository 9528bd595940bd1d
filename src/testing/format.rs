//! The test file: what its author can write.
//!
//! `shape!` makes types, decoder and schema of these tables; `docs/test.md` describes the fields.

use serde_json::{Value as Json, json};

use super::shape::{Many, Raw, Shape, any_of, is_null, shape, text};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::kernel::capabilities;
use crate::policy::{Decode, Named, advice, wrong_type};
use crate::yaml::{Node, Resolved, Value};

shape! {
    /// A test file.
    File "test file" {
        /// Path of the policy from the directory of this file; without it, the file beside it whose name lacks `.test`.
        "policy" policy: Option<Spanned<String>>,
        /// `metadata.name` of the policy, where its file has several.
        "name" name: Option<Spanned<String>>,
        /// What all cases have unless they say otherwise.
        "defaults" defaults: Option<Defaults>,
        /// The cases.
        "tests" [required] tests: Vec<Case>,
    }

    /// What all cases of a file have.
    Defaults "section of defaults" {
        /// The hooked function, as the policy names it.
        "call" call: Option<Spanned<String>>,
        /// The process that makes the call.
        "process" process: Option<Process>,
        /// All that happens.
        "expect" expect: Option<Expect>,
    }

    /// A case: one call, a table of calls, or several calls one after the other.
    Case "case" {
        /// What the case shows; each name once.
        "name" name: Spanned<String>,
        /// The hooked function, as the policy names it; not needed if there is one.
        "call" call: Option<Spanned<String>>,
        /// Values of arguments by index, label or type. A list is a table: one call for each of its values.
        "args" args: Option<Vec<Named<Raw>>>,
        /// What the call returns.
        "return" returned: Option<Raw>,
        /// The process that makes the call.
        "process" process: Option<Process>,
        /// All that happens; what is not listed must not.
        "expect" expect: Option<Expect>,
        /// A table: one call for each row, which says what is different.
        "rows" rows: Vec<Row>,
        /// Calls one after the other, of which rate limits know.
        "steps" steps: Vec<Step>,
    }

    /// A row of a table.
    Row "row" {
        /// What the row shows.
        "name" name: Option<Spanned<String>>,
        /// The hooked function, as the policy names it.
        "call" call: Option<Spanned<String>>,
        /// Values of arguments by index, label or type.
        "args" args: Option<Vec<Named<Raw>>>,
        /// What the call returns.
        "return" returned: Option<Raw>,
        /// The process that makes the call.
        "process" process: Option<Process>,
        /// All that happens.
        "expect" expect: Option<Expect>,
    }

    /// One of several calls.
    Step "step" {
        /// What the step shows.
        "name" name: Option<Spanned<String>>,
        /// Time since the step before: `500ms`, `30s`, `5m`, `1h`.
        "after" after: Option<Duration>,
        /// The hooked function, as the policy names it.
        "call" call: Option<Spanned<String>>,
        /// Values of arguments by index, label or type.
        "args" args: Option<Vec<Named<Raw>>>,
        /// What the call returns.
        "return" returned: Option<Raw>,
        /// The process that makes the call.
        "process" process: Option<Process>,
        /// All that happens.
        "expect" expect: Option<Expect>,
    }

    /// The process that makes the call. Without anything it is an ordinary one of the host.
    #[derive(Default)]
    Process "process" {
        /// It runs in a container: namespaces of its own, and parents that end at the container's process 1.
        "container" container: Option<Spanned<bool>>,
        /// Path of the executable [default: /usr/bin/program]. A list is a table.
        "binary" binary: Option<Many<Spanned<String>>>,
        /// The command line behind the program's name.
        "arguments" arguments: Option<Many<Spanned<String>>>,
        /// The working directory [default: /].
        "cwd" cwd: Option<Spanned<String>>,
        /// [default: 1000]
        "pid" pid: Option<Spanned<u32>>,
        /// The thread [default: the first].
        "tid" tid: Option<Spanned<u32>>,
        /// The process in its own pid namespace [default: 7 in a container].
        "nsPid" ns_pid: Option<Spanned<u32>>,
        /// Real, effective, saved and file system user [default: 1000].
        "uid" uid: Option<Spanned<u32>>,
        /// Effective user, if it is another.
        "euid" euid: Option<Spanned<u32>>,
        /// Real, effective, saved and file system group [default: that of the user].
        "gid" gid: Option<Spanned<u32>>,
        /// User who logged in [default: nobody did].
        "auid" auid: Option<Spanned<u32>>,
        /// `host`, `other`, or by kind.
        "namespaces" namespaces: Option<Namespaces>,
        /// Capabilities, effective and permitted, or by set [default: none].
        "capabilities" capabilities: Option<Capabilities>,
        /// Parents, the nearest first; process 1 of the host follows by itself.
        "parents" parents: Option<Vec<Parent>>,
        /// A thread of the kernel: without executable, command line and working directory.
        "kernelThread" kernel_thread: Option<Spanned<bool>>,
    }

    /// A parent of a process.
    Parent "parent" {
        /// Path of the executable.
        "binary" binary: Option<Spanned<String>>,
        "pid" pid: Option<Spanned<u32>>,
        /// The process in its own pid namespace; 0 on the host.
        "nsPid" ns_pid: Option<Spanned<u32>>,
        /// Effective user.
        "uid" uid: Option<Spanned<u32>>,
    }

    /// Namespaces by kind.
    #[derive(Default)]
    Kinds "namespace mapping" {
        "Uts" uts: Option<Place>,
        "Ipc" ipc: Option<Place>,
        "Mnt" mnt: Option<Place>,
        "Pid" pid: Option<Place>,
        "PidForChildren" pid_for_children: Option<Place>,
        "Net" net: Option<Place>,
        "Time" time: Option<Place>,
        "TimeForChildren" time_for_children: Option<Place>,
        "Cgroup" cgroup: Option<Place>,
        "User" user: Option<Place>,
    }

    /// Capabilities by set.
    #[derive(Default)]
    Sets "capability mapping" {
        "Effective" effective: Option<Many<Capability>>,
        "Permitted" permitted: Option<Many<Capability>>,
        "Inheritable" inheritable: Option<Many<Capability>>,
    }

    /// What happens, in detail.
    Details "expectation" {
        /// Actions and the event.
        "does" does: Many<Spanned<Effect>>,
        /// The selector that decides, counted from 1.
        "selector" selector: Option<Spanned<u32>>,
        /// Values that the event shows.
        "event" event: Option<Shown>,
    }

    /// Values that an event shows; those that are not listed may be any.
    Shown "event" {
        /// The action that the event names.
        "action" action: Option<Spanned<String>>,
        /// Values of arguments by index, label or type.
        "args" args: Option<Vec<Named<Raw>>>,
        /// The return value.
        "return" returned: Option<Raw>,
        /// The process.
        "process" process: Option<ShownProcess>,
    }

    /// What an event shows of the process.
    ShownProcess "process" {
        "binary" binary: Option<Spanned<String>>,
        "arguments" arguments: Option<Many<Spanned<String>>>,
        "cwd" cwd: Option<Spanned<String>>,
        "pid" pid: Option<Spanned<u32>>,
        "tid" tid: Option<Spanned<u32>>,
        /// Effective user.
        "uid" uid: Option<Spanned<u32>>,
    }
}

/// All that happens.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expect {
    pub(super) span: Span,
    pub(super) details: Details,
}

impl Decode for Expect {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let details = match node.value {
            Value::Mapping(_) => Details::decode(node, field, sink)?,
            _ => Details {
                does: Many::decode(node, field, sink)?,
                selector: None,
                event: None,
            },
        };
        Some(Self {
            span: node.span,
            details,
        })
    }
}

impl Shape for Expect {
    fn schema() -> Json {
        any_of([Many::<Spanned<Effect>>::schema(), Details::schema()])
    }
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Event,
    /// An `Override` with any error.
    Denied,
    Signal(u32),
    Override(i32),
}

const EFFECTS: &[&str] = &[
    "nothing",
    "event",
    "denied",
    "Sigkill",
    "Signal 15",
    "Override -1",
];

impl Decode for Spanned<Effect> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let word = text(node, field, sink)?;
        let effect = match word.split_once(' ') {
            None => match word {
                "nothing" => Some(Effect::Nothing),
                "event" => Some(Effect::Event),
                "denied" => Some(Effect::Denied),
                "Sigkill" => Some(Effect::Signal(9)),
                _ => None,
            },
            Some(("Signal", number)) => number_of(number).map(Effect::Signal),
            Some(("Override", number)) => number_of(number).map(Effect::Override),
            Some(_) => None,
        };
        if effect.is_none() {
            let message = format!("`{word}` is nothing that can happen");
            let help = advice(word, EFFECTS);
            let error = Diagnostic::error(code::UNKNOWN_WORD, message).at(node.span);
            sink.push(error.help(help));
        }
        effect.map(|effect| Spanned::new(effect, node.span))
    }
}

/// A decimal number of up to nine digits, without a plus sign.
fn number_of<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl Shape for Spanned<Effect> {
    fn schema() -> Json {
        json!({
            "type": "string",
            "pattern": "^(nothing|event|denied|Sigkill|Signal [0-9]{1,9}|Override -?[0-9]{1,9})$",
        })
    }
}

/// Time between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duration {
    pub(super) nanoseconds: u64,
}

/// Units of durations, in nanoseconds.
const UNITS: &[(&str, u64)] = &[
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Decode for Duration {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let text = text(node, field, sink)?;
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = UNITS
            .iter()
            .find(|(name, _)| *name == &text[digits.len()..]);
        let is_number =
            (1..=6).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit());
        let number = digits.parse::<u64>().ok().filter(|_| is_number);
        let Some((number, (_, unit))) = number.zip(unit) else {
            let message = format!("`{text}` is not a time");
            let error = Diagnostic::error(code::BAD_TEST_VALUE, message).at(node.span);
            sink.push(
                error.help(
                    "write a number of up to six digits and a unit: `500ms`, `30s`, `5m`, `1h`",
                ),
            );
            return None;
        };
        Some(Self {
            nanoseconds: number * unit,
        })
    }
}

impl Shape for Duration {
    fn schema() -> Json {
        json!({"type": "string", "pattern": "^[0-9]{1,6}(ms|s|m|h)$"})
    }
}

/// Namespaces of a process.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Namespaces {
    /// All of them.
    All(Place),
    Each(Kinds),
}

impl Decode for Namespaces {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match node.value {
            Value::Mapping(_) => Kinds::decode(node, field, sink).map(Self::Each),
            _ => Place::decode(node, field, sink).map(Self::All),
        }
    }
}

impl Shape for Namespaces {
    fn schema() -> Json {
        any_of([Place::schema(), Kinds::schema()])
    }
}

/// One namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// That of process 1.
    Host,
    /// Another.
    Other,
    /// The one with this inode number.
    Inode(u32),
}

impl Decode for Place {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        if let Value::Scalar(scalar) = &node.value {
            match scalar.resolved {
                Resolved::Int(number) => {
                    if let Ok(inode) = u32::try_from(number) {
                        return Some(Self::Inode(inode));
                    }
                    let message = format!("`{number}` is no inode number: they have 32 bits");
                    sink.push(Diagnostic::error(code::OUT_OF_RANGE, message).at(node.span));
                    return None;
                }
                Resolved::Text if scalar.text == "host" => return Some(Self::Host),
                Resolved::Text if scalar.text == "other" => return Some(Self::Other),
                _ => {}
            }
        }
        wrong_type(node, field, "`host`, `other` or an inode number", sink);
        None
    }
}

impl Shape for Place {
    fn schema() -> Json {
        any_of([
            json!({"enum": ["host", "other"]}),
            json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        ])
    }
}

/// Capabilities of a process.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Capabilities {
    /// Effective and permitted.
    Usable(Many<Capability>),
    Each(Sets),
}

impl Decode for Capabilities {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match node.value {
            Value::Mapping(_) => Sets::decode(node, field, sink).map(Self::Each),
            _ => Many::decode(node, field, sink).map(Self::Usable),
        }
    }
}

impl Shape for Capabilities {
    fn schema() -> Json {
        any_of([Many::<Capability>::schema(), Sets::schema()])
    }
}

/// The bits of a capability, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capability(pub(super) u64);

/// Every capability that has a name.
const ALL: u64 = (1 << capabilities::NAMES.len()) - 1;

/// The kernel's name of what Tetragon calls `DAC_OVERRIDE`.
const DAC_OVERRIDE: &str = "CAP_DAC_OVERRIDE";

impl Decode for Capability {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let word = text(node, field, sink)?;
        let known = match word {
            "all" => Some(ALL),
            DAC_OVERRIDE => Some(1 << 1),
            _ => capabilities::by_name(word).map(|number| 1 << number),
        };
        if known.is_none() {
            let names: Vec<&str> = names().collect();
            let message = format!("unknown capability `{word}`");
            let error = Diagnostic::error(code::UNKNOWN_WORD, message).at(node.span);
            sink.push(error.help(advice(word, &names)));
        }
        known.map(Self)
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    let named = capabilities::NAMES.iter().map(|(_, name)| *name);
    ["all", DAC_OVERRIDE].into_iter().chain(named)
}

impl Shape for Capability {
    fn schema() -> Json {
        json!({"enum": names().collect::<Vec<_>>()})
    }
}

impl Many<Capability> {
    pub(super) fn bits(&self) -> u64 {
        self.0.iter().fold(0, |bits, one| bits | one.0)
    }
}

/// Whether a list of values makes a table.
pub(super) fn is_table(node: &Node) -> bool {
    matches!(node.value, Value::Sequence(_)) && !is_null(node)
}

/// JSON Schema of test files.
pub fn schema() -> String {
    let mut schema = File::schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["properties"]["tests"]["minItems"] = json!(1);
    schema["title"] = json!("Tests of a TracingPolicy");
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

//! The test file: what its author can write.
//!
//! `shape!` makes types, decoder and schema of these tables; `docs/test.md` describes the fields.

use serde_json::{Value as Json, json};

use super::shape::{Entries, Id, Many, Raw, Shape, any_of, is_null, shape};
use super::terms::{Capabilities, Capability, Duration, Effect, Namespaces, Place};
use crate::diag::{Sink, Span, Spanned};
use crate::policy::{Decode, Named};
use crate::yaml::{Node, Value};

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
        "rows" rows: Entries<Row>,
        /// Calls one after the other, of which rate limits know.
        "steps" steps: Entries<Step>,
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
        /// The process in its own pid namespace [default: 0 in the host's, 7 in another].
        "nsPid" ns_pid: Option<Spanned<u32>>,
        /// Real, effective, saved and file system user [default: 1000].
        "uid" uid: Option<Spanned<Id>>,
        /// Effective user, if it is another.
        "euid" euid: Option<Spanned<Id>>,
        /// Real, effective, saved and file system group [default: that of the user].
        "gid" gid: Option<Spanned<Id>>,
        /// User who logged in [default: nobody did].
        "auid" auid: Option<Spanned<Id>>,
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
        /// The process in its own pid namespace [default: 0 in the host's, the next lower one in another].
        "nsPid" ns_pid: Option<Spanned<u32>>,
        /// Effective user.
        "uid" uid: Option<Spanned<Id>>,
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
        "uid" uid: Option<Spanned<Id>>,
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

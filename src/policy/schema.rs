//! The JSON Schema of a policy, for editors: written from the types that decode it, with a sentence for every field.
//!
//! Holds: a document obeys the schema exactly if decoding it has no error (`tests/schema.rs` compares the two). What a
//! policy means is not in the schema.

use serde_json::{Map, Value, json};

use super::document::{API_VERSION, METADATA};
use super::history::{self, Release};
use super::model;
use super::shape::{Field, Record, Shape};
use super::words::{Kind, Word};

/// The schema (draft 2020-12).
pub fn schema() -> String {
    let records = model::shapes();
    let definitions: Map<String, Value> = records
        .iter()
        .map(|record| (identifier(record.name), of_record(record)))
        .collect();
    let kinds: Vec<&str> = Kind::WORDS.iter().map(|(word, _)| *word).collect();
    let namespaced = Kind::TracingPolicyNamespaced.name();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "TracingPolicy",
        "description": "A policy of Tetragon: which calls are watched, for whom, on what condition, and what happens then.",
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {
                "description": "The version of the language.",
                "type": "string",
                "default": API_VERSION,
                "examples": [API_VERSION],
            },
            "kind": {
                "description": "`TracingPolicy` for every process of a node, `TracingPolicyNamespaced` for the pods of a namespace.",
                "enum": kinds,
            },
            "metadata": metadata(),
            "spec": { "$ref": "#/$defs/spec" },
        },
        "if": { "properties": { "kind": { "const": namespaced } } },
        "then": { "properties": { "metadata": {
            "required": ["namespace"],
            "properties": { "namespace": { "type": ["string", "integer", "boolean"], "minLength": 1 } },
        } } },
        "else": { "properties": { "metadata": { "properties": { "namespace": { "enum": [null, ""] } } } } },
        "$defs": definitions,
    });
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}

/// Letters, digits and `-` within labels of at most 63 (`names::label`).
const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
/// A word of labels (`names::word`).
const WORD: &str = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?";

fn metadata() -> Value {
    // Numbers and truth values count as texts there.
    let text = json!(["string", "number", "boolean"]);
    let subdomain = format!("{LABEL}(\\.{LABEL})*");
    let word = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
    let key = format!("^({subdomain}/)?{word}$");
    let annotation = format!("^({WORD}/)?{word}$");
    let mut properties: Map<String, Value> = METADATA
        .iter()
        .map(|name| ((*name).to_owned(), json!(true)))
        .collect();
    let own = json!({
        "name": {
            "description": "The name of the policy: letters, digits, `-` and `.`.",
            "type": text,
            "pattern": format!("^{subdomain}$"),
            "maxLength": 253,
            "minimum": 0,
        },
        "namespace": {
            "description": "The namespace of a TracingPolicyNamespaced; a TracingPolicy has none.",
            "type": ["string", "integer", "boolean", "null"],
            "pattern": format!("^({LABEL})?$"),
            "maxLength": 63,
            "minimum": 0,
        },
        "labels": {
            "description": "Labels of the object.",
            "type": ["object", "null"],
            "propertyNames": { "pattern": key },
            "additionalProperties": { "type": text, "pattern": format!("^({WORD})?$"), "maxLength": 63, "minimum": 0 },
        },
        "annotations": {
            "description": "Notes on the object.",
            "type": ["object", "null"],
            "propertyNames": { "pattern": annotation },
            "additionalProperties": { "type": text },
        },
    });
    if let Value::Object(own) = own {
        properties.extend(own);
    }
    json!({
        "description": "What Kubernetes knows of the object.",
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": properties,
    })
}

/// The name of a record's definition: `argumentFilter`.
fn identifier(name: &str) -> String {
    let mut out = String::new();
    for (at, word) in name.split(' ').enumerate() {
        let mut chars = word.chars();
        match chars.next().filter(|_| at > 0) {
            Some(first) => {
                out.push(first.to_ascii_uppercase());
                out.push_str(chars.as_str());
            }
            None => out.push_str(word),
        }
    }
    out
}

fn of_record(record: &Record) -> Value {
    let required: Vec<&str> = record
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let properties: Map<String, Value> = record
        .fields
        .iter()
        .map(|field| (field.name.to_owned(), of_field(record, field)))
        .collect();
    json!({
        "description": record.doc.trim(),
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn of_field(record: &Record, field: &Field) -> Value {
    let mut value = of_shape(&field.shape);
    let Value::Object(object) = &mut value else {
        return value;
    };
    if field.nullable {
        if let Some(Value::String(ty)) = object.get("type").cloned() {
            object.insert("type".to_owned(), json!([ty, "null"]));
        }
        if let Some(Value::Array(words)) = object.get_mut("enum") {
            words.push(Value::Null);
        }
    }
    if let Some((_, _, text, examples)) = FIELDS
        .iter()
        .find(|row| (row.0, row.1) == (record.name, field.name))
    {
        let mut text = (*text).to_owned();
        let history = history::field(record.name, field.name);
        if let Some(history) = history.filter(|history| history.since > Release::V1_0) {
            let release = match history.since {
                Release::Main => "1.8".to_owned(),
                since => since.to_string(),
            };
            text.push_str(&format!(" Since Tetragon {release}."));
        }
        object.insert("description".to_owned(), json!(text));
        if !examples.is_empty() {
            let examples: Vec<&str> = examples.split(' ').collect();
            object.insert("examples".to_owned(), json!(examples));
        }
    }
    value
}

fn of_shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Bool => json!({ "type": "boolean" }),
        // All bounds are those of 32 or 64 bits.
        Shape::Whole(least, most) => {
            let bound = |number: &i128| i64::try_from(*number).unwrap_or(i64::MAX);
            json!({ "type": "integer", "minimum": bound(least), "maximum": bound(most) })
        }
        Shape::Word(words) => json!({ "enum": words }),
        Shape::List(of) => json!({ "type": "array", "items": of_shape(of) }),
        Shape::Map(of) => json!({ "type": "object", "additionalProperties": of_shape(of) }),
        Shape::Record(name) => json!({ "$ref": format!("#/$defs/{}", identifier(name)) }),
    }
}

/// Record, field, what it is for, and texts for example, separated by blanks.
#[rustfmt::skip]
const FIELDS: &[(&str, &str, &str, &str)] = &[
    ("spec", "kprobes", "Hooks on functions of the kernel and on system calls.", ""),
    ("spec", "fentries", "Hooks on functions of the kernel by trampolines; they report only.", ""),
    ("spec", "tracepoints", "Hooks on tracepoints of the kernel.", ""),
    ("spec", "uprobes", "Hooks on functions of programs and libraries.", ""),
    ("spec", "usdts", "Hooks on static probes of programs.", ""),
    ("spec", "lsmhooks", "Hooks on the kernel's security decisions.", ""),
    ("spec", "lists", "Named lists of functions or system calls; `list:NAME` refers to one.", ""),
    ("spec", "enforcers", "Calls that `NotifyEnforcer` lets fail.", ""),
    ("spec", "loader", "Whether events about loaded libraries are reported.", ""),
    ("spec", "options", "Settings of the policy.", ""),
    ("spec", "podSelector", "The pods that the policy is for.", ""),
    ("spec", "containerSelector", "The containers that the policy is for, by `name` and `repo`.", ""),
    ("spec", "hostSelector", "`{}`: the policy is for processes of the host.", ""),
    ("spec", "nodeSelector", "The nodes that the policy is for.", ""),
    ("spec", "selectorsMacros", "Parts of selectors by name, which `macros` of a selector adds to it.", ""),
    ("kprobe", "call", "The function, system call or list.", "sys_mount security_file_open list:NAME"),
    ("kprobe", "syscall", "Whether `call` is a system call. True if it is left out.", ""),
    ("kprobe", "return", "Whether the return of the function is observed too.", ""),
    ("kprobe", "args", "The parameters that are read.", ""),
    ("kprobe", "data", "Other values that are read: members of the task, registers.", ""),
    ("kprobe", "returnArg", "How the returned value is read.", ""),
    ("kprobe", "returnArgAction", "What is done with the returned socket.", "TrackSock UntrackSock"),
    ("kprobe", "message", "A sentence for events of this hook.", ""),
    ("kprobe", "tags", "Words for events of this hook.", ""),
    ("kprobe", "selectors", "The first that matches decides; without any, every call is reported.", ""),
    ("kprobe", "ignore", "Problems that do not matter.", ""),
    ("ignore", "callNotFound", "A kernel without the function is no error.", ""),
    ("uprobe ignore", "digestVerificationFailure", "A program with another digest is no error: the hook is left out.", ""),
    ("tracepoint", "subsystem", "The directory of the tracepoint.", "syscalls sched raw_syscalls"),
    ("tracepoint", "event", "The name of the tracepoint.", "sys_enter_mount sched_process_exec"),
    ("tracepoint", "raw", "Whether the arguments are those of the kernel's function, not the fields of the format.", ""),
    ("tracepoint", "args", "The fields that are read, by their number in the format from 0.", ""),
    ("tracepoint", "message", "A sentence for events of this hook.", ""),
    ("tracepoint", "tags", "Words for events of this hook.", ""),
    ("tracepoint", "selectors", "The first that matches decides; without any, every call is reported.", ""),
    ("uprobe", "path", "The program or library.", "/usr/bin/bash"),
    ("uprobe", "symbols", "Functions by name.", "readline"),
    ("uprobe", "offsets", "Places by offset in the file.", ""),
    ("uprobe", "addrs", "Places by address.", ""),
    ("uprobe", "refCtrOffsets", "Places of the counters that enable each symbol or address.", ""),
    ("uprobe", "btfPath", "A file with the types of the program.", ""),
    ("uprobe", "args", "The parameters that are read.", ""),
    ("uprobe", "data", "Other values that are read: members of the task, registers.", ""),
    ("uprobe", "return", "Whether the return of the function is observed too.", ""),
    ("uprobe", "returnArg", "How the returned value is read.", ""),
    ("uprobe", "message", "A sentence for events of this hook.", ""),
    ("uprobe", "tags", "Words for events of this hook.", ""),
    ("uprobe", "selectors", "The first that matches decides; without any, every call is reported.", ""),
    ("uprobe", "binaryDigests", "The program must have one of these digests.", ""),
    ("uprobe", "ignore", "Problems that do not matter.", ""),
    ("usdt", "path", "The program or library.", "/usr/bin/node"),
    ("usdt", "provider", "The provider of the probe.", "node"),
    ("usdt", "name", "The name of the probe.", "http__server__request"),
    ("usdt", "btfPath", "A file with the types of the program.", ""),
    ("usdt", "args", "The arguments that are read.", ""),
    ("usdt", "message", "A sentence for events of this hook.", ""),
    ("usdt", "tags", "Words for events of this hook.", ""),
    ("usdt", "selectors", "The first that matches decides; without any, every call is reported.", ""),
    ("lsmhook", "hook", "The decision, by its name without `security_`.", "file_open bprm_check_security"),
    ("lsmhook", "args", "The parameters that are read.", ""),
    ("lsmhook", "message", "A sentence for events of this hook.", ""),
    ("lsmhook", "tags", "Words for events of this hook.", ""),
    ("lsmhook", "selectors", "The first that matches decides; without any, every call is reported.", ""),
    ("argument", "index", "The number of the parameter or field, from 0.", ""),
    ("argument", "type", "How the value is read and compared.", ""),
    ("argument", "sizeArgIndex", "The parameter with the length of a buffer, counted from 1.", ""),
    ("argument", "returnCopy", "Read the buffer when the function returns.", ""),
    ("argument", "maxData", "Read more than 4,095 bytes of the buffer.", ""),
    ("argument", "label", "A name for the value in events.", ""),
    ("argument", "source", "Where a value of `data` comes from.", "current_task pt_regs"),
    ("argument", "resolve", "The member of the value that is meant, or a register.", "f_path.dentry.d_name.name rdi"),
    ("argument", "btfType", "The structure that the value points to, if the function does not say.", "task_struct"),
    ("argument", "btfTypeModule", "The kernel module that has the structure.", ""),
    ("list", "name", "The name that `list:NAME` refers to.", ""),
    ("list", "type", "What the values are; generated lists are made by the node.", ""),
    ("list", "values", "Functions or system calls.", "sys_mount"),
    ("list", "pattern", "A regular expression for `generated_ftrace`.", "^security_sb_"),
    ("list", "validated", "For Tetragon itself: leave it out.", ""),
    ("enforcer", "calls", "System calls or `security_` functions.", "sys_mount list:NAME"),
    ("option", "name", "The setting.", "policy-mode disable-kprobe-multi disable-uprobe-multi override-method sleepable-preload-size"),
    ("option", "value", "Its value.", "enforce monitor true"),
    ("label selector", "matchLabels", "Labels with these values.", ""),
    ("label selector", "matchExpressions", "Further requirements; all must hold.", ""),
    ("label expression", "key", "The label.", ""),
    ("label expression", "operator", "What is asked of it.", ""),
    ("label expression", "values", "For `In` and `NotIn`.", ""),
    ("selector", "label", "A name for the selector in statistics.", ""),
    ("selector", "matchPIDs", "The process id.", ""),
    ("selector", "matchArgs", "Parameters of the call; all filters must hold.", ""),
    ("selector", "matchData", "Values of `data`; all filters must hold.", ""),
    ("selector", "matchReturnArgs", "The returned value; decides whether the event is shown.", ""),
    ("selector", "matchBinaries", "The program of the process.", ""),
    ("selector", "matchParentBinaries", "The program of its parent.", ""),
    ("selector", "matchNamespaces", "Namespaces of the process.", ""),
    ("selector", "matchNamespaceChanges", "Namespaces that the process has changed since it started.", ""),
    ("selector", "matchCapabilities", "Capabilities of the process.", ""),
    ("selector", "matchCapabilityChanges", "Capabilities that have changed since the process started.", ""),
    ("selector", "matchWorkloads", "Pods, containers or the host.", ""),
    ("selector", "matchActions", "What is done, in this order; without any, an event is reported.", ""),
    ("selector", "matchReturnActions", "What is done when the function returns.", ""),
    ("selector", "macros", "Names of `selectorsMacros` whose parts are added.", ""),
    ("pid filter", "operator", "Whether the process id is one of the values.", ""),
    ("pid filter", "values", "Process ids.", ""),
    ("pid filter", "isNamespacePID", "Count as the process's own namespace does.", ""),
    ("pid filter", "followForks", "Ancestors count too.", ""),
    ("argument filter", "index", "The argument with this `index`.", ""),
    ("argument filter", "args", "Positions in `args`, from 0, instead of `index`.", ""),
    ("argument filter", "operator", "How the value is compared.", ""),
    ("argument filter", "values", "Alternatives, as texts.", ""),
    ("binary filter", "operator", "How the path of the program is compared.", ""),
    ("binary filter", "values", "Paths, as the kernel resolves them.", "/usr/bin/bash"),
    ("binary filter", "followChildren", "Programs that are started by these count too.", ""),
    ("namespace filter", "namespace", "The kind of namespace.", ""),
    ("namespace filter", "operator", "Whether it is one of the values.", ""),
    ("namespace filter", "values", "Numbers of namespaces, or `host_ns`.", "host_ns"),
    ("namespace change filter", "operator", "Whether one of the values has changed.", ""),
    ("namespace change filter", "values", "Kinds of namespaces.", "Mnt Pid Net"),
    ("capability filter", "type", "The set of capabilities.", ""),
    ("capability filter", "operator", "Whether one of the values is in it.", ""),
    ("capability filter", "isNamespaceCapability", "Only in user namespaces other than the host's.", ""),
    ("capability filter", "values", "Capabilities.", "CAP_SYS_ADMIN CAP_NET_ADMIN"),
    ("workload filter", "podSelector", "Pods by labels.", ""),
    ("workload filter", "containerSelector", "Containers by `name` and `repo`.", ""),
    ("workload filter", "hostSelector", "`{}`: processes of the host.", ""),
    ("action", "action", "What is done.", ""),
    ("action", "argUrl", "For `GetUrl`.", ""),
    ("action", "argFqdn", "For `DnsLookup`.", ""),
    ("action", "argError", "For `Override` and `NotifyEnforcer`: what the call returns, a negative error number.", ""),
    ("action", "argSig", "For `Signal` and `NotifyEnforcer`: the signal's number.", ""),
    ("action", "argSock", "For `TrackSock`: the position of the socket in `args`.", ""),
    ("action", "argIndex", "For `Set`: the position of the argument in `args`.", ""),
    ("action", "argValue", "For `Set`: the new value.", ""),
    ("action", "argRegs", "For `Override` of uprobes: assignments to registers.", "rax=1"),
    ("action", "argNewSymbol", "For `Override` of uprobes: the function to go on in.", ""),
    ("action", "argNewAddr", "For `Override` of uprobes: the address to go on at.", ""),
    ("action", "argNewOffset", "For `Override` of uprobes: the offset in the file to go on at.", ""),
    ("action", "rateLimit", "For `Post`: at most one event alike in this time.", "30s 1m 1h"),
    ("action", "rateLimitScope", "For `rateLimit`: what counts as alike.", "thread process global"),
    ("action", "kernelStackTrace", "For `Post`: the kernel's stack.", ""),
    ("action", "userStackTrace", "For `Post`: the program's stack.", ""),
    ("action", "imaHash", "For `Post` of lsmhooks: the file's hash.", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_described_once() {
        let records = model::shapes();
        let fields = || {
            records
                .iter()
                .flat_map(|record| record.fields.iter().map(|field| (record.name, field.name)))
        };
        for (record, field) in fields() {
            let rows = FIELDS
                .iter()
                .filter(|row| (row.0, row.1) == (record, field));
            assert_eq!(rows.count(), 1, "{record} {field}");
        }
        for (record, field, text, _) in FIELDS {
            assert!(
                fields().any(|known| known == (*record, *field)),
                "{record} {field}"
            );
            assert!(
                text.ends_with('.') && !text.contains("  "),
                "{record} {field}"
            );
        }
    }
}

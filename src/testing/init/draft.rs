//! A call under construction, and its YAML.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::ir::{ArgType, CapSet, Namespace, Program};
use crate::testing::call::hook_name;
use crate::testing::words;

/// A call, as far as it differs from an ordinary one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    /// By position: the value, or the fields of a socket or an address.
    args: BTreeMap<usize, BTreeMap<&'static str, String>>,
    binary: Option<String>,
    /// Further fields of the process.
    process: BTreeMap<&'static str, String>,
    namespaces: BTreeMap<Namespace, String>,
    capabilities: BTreeMap<CapSet, Vec<&'static str>>,
    returned: Option<String>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Position and value.
    Arg(usize, String),
    /// Position, field and value.
    Field(usize, &'static str, String),
    Binary(String),
    Process(Vec<(&'static str, String)>),
    /// A field with numbers of the process' pid namespace, which then is not the host's.
    Namespaced(&'static str, String),
    Namespace(Namespace, String),
    /// A set, what is in it, and whether the process is in a user namespace of its own.
    Capabilities(CapSet, Vec<&'static str>, bool),
    Return(String),
}

/// Fields of addresses, which sockets and addresses without one of the internet's families do not have.
const ADDRESSES: [&str; 5] = ["saddr", "daddr", "addr", "sport", "dport"];

/// The field of a process without executable.
pub(super) const KERNEL_THREAD: &str = "kernelThread";

impl Draft {
    pub(super) fn with(&self, change: &Change) -> Self {
        let mut draft = self.clone();
        match change.clone() {
            Change::Arg(position, value) => {
                draft.args.insert(position, BTreeMap::from([("", value)]));
            }
            Change::Field(position, field, value) => {
                let fields = draft.args.entry(position).or_default();
                if field == "family" {
                    fields.retain(|name, _| !ADDRESSES.contains(name));
                } else if ADDRESSES.contains(&field) {
                    fields.remove("family");
                }
                fields.remove("");
                fields.insert(field, value);
            }
            Change::Binary(path) => {
                draft.process.remove(KERNEL_THREAD);
                draft.binary = Some(path);
            }
            Change::Process(fields) => {
                if fields.iter().any(|(name, _)| *name == KERNEL_THREAD) {
                    draft.binary = None;
                }
                draft.process.extend(fields);
            }
            Change::Namespaced(name, value) => {
                draft.process.insert(name, value);
                draft.namespaces.insert(Namespace::Pid, "other".to_owned());
            }
            Change::Namespace(kind, value) => {
                if (kind, value.as_str()) == (Namespace::Pid, "host") {
                    draft.process.retain(|name, value| {
                        *name != "nsPid" && !(*name == "parents" && value.contains("nsPid"))
                    });
                }
                draft.namespaces.insert(kind, value);
            }
            Change::Capabilities(set, names, apart) => {
                draft.capabilities.insert(set, names);
                if apart {
                    draft.namespaces.insert(Namespace::User, "other".to_owned());
                }
            }
            Change::Return(value) => draft.returned = Some(value),
        }
        draft
    }

    /// The lines of a case behind its name.
    pub(super) fn yaml(&self, program: &Program, hook: usize) -> String {
        let mut out = format!("  call: {}\n", hook_name(program, hook));
        let hook = &program.hooks[hook];
        let args: Vec<String> = self
            .args
            .iter()
            .map(|(position, fields)| format!("{}: {}", hook.args[*position].index, value(fields)))
            .collect();
        if !args.is_empty() {
            writeln!(out, "  args: {{{}}}", args.join(", ")).expect("a String grows");
        }
        if let Some(value) = &self.returned {
            writeln!(out, "  return: {value}").expect("a String grows");
        }
        let process = self.process();
        if !process.is_empty() {
            writeln!(out, "  process: {{{}}}", process.join(", ")).expect("a String grows");
        }
        out
    }

    fn process(&self) -> Vec<String> {
        let mut fields = Vec::new();
        if let Some(path) = &self.binary {
            fields.push(format!("binary: {}", quoted(path)));
        }
        fields.extend(
            self.process
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        if !self.namespaces.is_empty() {
            let each = self.namespaces.iter();
            let each: Vec<String> = each
                .map(|(kind, value)| format!("{}: {value}", words::namespace(*kind)))
                .collect();
            fields.push(format!("namespaces: {{{}}}", each.join(", ")));
        }
        if !self.capabilities.is_empty() {
            let each = self.capabilities.iter();
            let each: Vec<String> = each
                .map(|(set, names)| format!("{}: [{}]", set_name(*set), names.join(", ")))
                .collect();
            fields.push(format!("capabilities: {{{}}}", each.join(", ")));
        }
        fields
    }
}

fn set_name(set: CapSet) -> &'static str {
    match set {
        CapSet::Effective => "Effective",
        CapSet::Inheritable => "Inheritable",
        CapSet::Permitted => "Permitted",
    }
}

fn value(fields: &BTreeMap<&'static str, String>) -> String {
    if let Some(value) = fields.get("") {
        return value.clone();
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    format!("{{{}}}", fields.join(", "))
}

/// A text as YAML in braces: plain where that means the same.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/_-.".contains(char);
    let starts = text.starts_with('/') || text.starts_with(|char: char| char.is_ascii_alphabetic());
    let is_word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .contains(&text.to_lowercase().as_str());
    if starts && text.chars().all(is_plain) && !is_word {
        return text.to_owned();
    }
    let mut out = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => {
                write!(out, "\\x{:02x}", u32::from(char)).expect("a String grows")
            }
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

/// The name of a case: words of the policy.
pub(super) fn title(text: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "_ ()/".contains(char);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// A value that no filter has chosen.
pub(super) fn ordinary(position: usize, ty: ArgType) -> Change {
    match ty {
        ArgType::Sock => Change::Field(position, "daddr", "8.8.8.8".to_owned()),
        ArgType::Sockaddr => Change::Field(position, "addr", "8.8.8.8".to_owned()),
        _ => Change::Arg(position, words::example(ty).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn texts_stay_what_they_are() {
        assert_eq!(quoted("/usr/bin/apt-get"), "/usr/bin/apt-get");
        assert_eq!(quoted("no"), "\"no\"");
        assert_eq!(quoted("<?php"), "\"<?php\"");
        assert_eq!(quoted("\u{7f}ELF\"\n"), "\"\\x7fELF\\\"\\x0a\"");
        assert_eq!(quoted("1"), "\"1\"");
    }
}

//! `lists`: names for functions and system calls, and references to them.
//!
//! A generated list has no values of its own: the node makes them. The elements of a list of system calls are read
//! where the list is used. Source: `lists_linux.go` and `syscall_list.go` in `pkg/sensors/tracing`, `pkg/arch/arch.go`.

use super::regexp;
use crate::check::{refuse, shown};
use crate::diag::{Sink, Spanned, code};
use crate::policy::{List, ListKind, Spec, is_set, nearest};

/// Prefix of a text that stands for the elements of a list.
pub(in crate::check) const LIST: &str = "list:";

/// Prefixes of system calls in the kernel, with the interfaces that a list may name with each.
const PREFIXES: &[(&str, &[&str])] = &[
    ("__x64_", &["x64", "i386"]),
    ("__ia32_", &["i386"]),
    ("__arm64_", &["arm64", "arm32"]),
];

/// Binary interfaces that system calls can belong to.
const ABIS: &[&str] = &["x64", "i386", "arm64", "arm32"];

/// How a list is used: what its elements must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// As functions of the kernel, which begin with `sys_`.
    Functions,
    /// As numbers.
    Numbers,
}

pub(super) fn judge(lists: &[List], sink: &mut Sink) {
    for list in lists.iter().filter(|list| !is_set(list.validated)) {
        let kind = list.kind.map(|kind| kind.value);
        let generated = matches!(
            kind,
            Some(ListKind::GeneratedSyscalls | ListKind::GeneratedFtrace)
        );
        if let Some(value) = list.values.first().filter(|_| generated) {
            let message = "a generated list has no values of its own";
            let help = "remove `values`, or write `type: syscalls` for a list of your own";
            refuse(sink, code::BAD_LIST, value.span, message, help);
        }
        if kind == Some(ListKind::GeneratedFtrace) {
            pattern(list, sink);
        }
    }
}

/// The functions of a list by a regular expression.
fn pattern(list: &List, sink: &mut Sink) {
    let Some(pattern) = list
        .pattern
        .as_ref()
        .filter(|pattern| !pattern.value.is_empty())
    else {
        let span = list
            .pattern
            .as_ref()
            .map_or(list.name.span, |pattern| pattern.span);
        let message = format!(
            "the list `{}` does not say which functions",
            shown(&list.name.value)
        );
        let help = "add `pattern:` with a regular expression, such as `^ksys_`";
        return refuse(sink, code::BAD_LIST, span, message, help);
    };
    if let Err(fault) = regexp::check(&pattern.value) {
        let message = format!("`{}` {}", shown(&pattern.value), fault.what);
        refuse(sink, code::BAD_LIST, pattern.span, message, fault.help);
    }
}

/// The name that a reference has.
pub(in crate::check) fn name(text: &str) -> Option<&str> {
    text.strip_prefix(LIST)
}

/// The list that a reference names, the first of that name; `None` means reported.
pub(super) fn find<'a>(
    reference: &Spanned<String>,
    name: &str,
    spec: &'a Spec,
    sink: &mut Sink,
) -> Option<&'a List> {
    let found = spec.lists.iter().find(|list| list.name.value == name);
    if found.is_none() {
        let known: Vec<&str> = spec
            .lists
            .iter()
            .map(|list| list.name.value.as_str())
            .collect();
        let message = format!("there is no list `{}`", shown(name));
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean `{LIST}{near}`?"),
            None => "declare it under `lists` of the spec".to_owned(),
        };
        refuse(sink, code::BAD_LIST, reference.span, message, help);
    }
    found
}

/// Reports the elements of a list of system calls that are none.
pub(super) fn elements(list: &List, of: Use, sink: &mut Sink) {
    for element in &list.values {
        if let Err(help) = system_call(&element.value, of) {
            let message = format!("`{}` names no system call", shown(&element.value));
            refuse(sink, code::BAD_LIST, element.span, message, help);
        }
    }
}

/// The name by which an element's number is found.
pub(in crate::check) fn number_name(text: &str) -> Result<&str, String> {
    let call = system_call(text, Use::Numbers)?;
    Ok(call.strip_prefix("sys_").unwrap_or(call))
}

/// The portable name of an element, or what to write instead.
fn system_call(text: &str, of: Use) -> Result<&str, String> {
    let (abi, call) = match text.split_once('/') {
        Some((abi, call)) => (Some(abi), call),
        None => (None, text),
    };
    let (machines, call) = without_prefix(call);
    if call.contains('/') {
        return Err("write `sys_NAME`, or `ABI/sys_NAME`".to_owned());
    }
    if let Some(abi) = abi.filter(|abi| !machines.contains(abi)) {
        return Err(match nearest(abi, machines) {
            Some(near) => format!("did you mean `{near}/{call}`?"),
            None => format!("write one of {} before the `/`", machines.join(", ")),
        });
    }
    if call.is_empty() {
        return Err("write `sys_NAME`, or remove the element".to_owned());
    }
    if of == Use::Functions && !call.starts_with("sys_") {
        let bare = call.trim().to_ascii_lowercase();
        return Err(format!(
            "write `sys_{}`",
            bare.strip_prefix("sys_").unwrap_or(&bare)
        ));
    }
    Ok(call)
}

/// The interfaces that a call can belong to by its prefix, and the call without it.
fn without_prefix(call: &str) -> (&'static [&'static str], &str) {
    let known = PREFIXES
        .iter()
        .find_map(|(prefix, abis)| Some((*abis, call.strip_prefix(prefix)?)));
    known.unwrap_or((ABIS, call))
}

/// Whether a name has the prefix of a system call on any machine.
pub(super) fn has_prefix(name: &str) -> bool {
    PREFIXES.iter().any(|(prefix, _)| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_lists() {
        let good = |text| system_call(text, Use::Functions).is_ok();
        for text in [
            "sys_openat",
            "__x64_sys_openat",
            "i386/sys_read",
            "x64/__x64_sys_read",
            "i386/__x64_sys_read",
        ] {
            assert!(good(text), "{text}");
        }
        for text in [
            "",
            "openat",
            "a/b/c",
            "x32/sys_read",
            "arm64/__x64_sys_read",
            "x64/",
            "SYS_OPENAT",
        ] {
            assert!(!good(text), "{text}");
        }
        assert_eq!(system_call("x64/openat", Use::Numbers), Ok("openat"));
        assert_eq!(
            system_call("openat", Use::Functions),
            Err("write `sys_openat`".to_owned())
        );
        let near = system_call("x46/sys_read", Use::Numbers);
        assert_eq!(near, Err("did you mean `x64/sys_read`?".to_owned()));
    }
}

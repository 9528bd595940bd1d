//! `call`: the function that a kprobe or fentry hooks. Which functions a kernel has is for a node to say; here are
//! names that no kernel has. Source: `preValidateKprobe` in `pkg/sensors/tracing/generickprobe.go`.

use super::lists::{self, Use};
use crate::check::shown;
use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::kernel::syscalls;
use crate::policy::{Kprobe, ListKind, Spec};

/// Longest name of a kernel symbol, KSYM_NAME_LEN without its end (include/linux/kallsyms.h, 6.1 and later).
const MAX_NAME: usize = 511;
/// Prefix of system calls on this machine.
const PREFIX: &str = "__x64_";

pub(super) fn judge(kprobe: &Kprobe, spec: &Spec, sink: &mut Sink) {
    let optional = kprobe.ignores_missing_call();
    if let Some(name) = lists::name(&kprobe.call.value) {
        let Some(list) = lists::find(&kprobe.call, name, spec, sink) else {
            return;
        };
        if list
            .kind
            .is_some_and(|kind| kind.value == ListKind::Syscalls)
        {
            lists::elements(list, Use::Functions, sink);
        } else if !optional {
            plain_elements(&list.values, kprobe.is_syscall(), sink);
        }
    } else if let Some(error) = is_impossible(kprobe).filter(|_| !optional) {
        sink.push(error);
    }
}

/// The elements of a list that are functions as they stand. Where the hook is one on system calls, those are found
/// by their portable name too.
fn plain_elements(elements: &[Spanned<String>], of_calls: bool, sink: &mut Sink) {
    for element in elements {
        if !is_name(&element.value) {
            sink.push(no_name(element));
        } else if let Some(error) = impossible_function(element).filter(|_| !of_calls) {
            sink.push(error.help("write `type: syscalls` for the list"));
        }
    }
}

/// What to say of a function that no kernel has. With `callNotFound` the language allows it.
pub(in crate::check) fn is_impossible(kprobe: &Kprobe) -> Option<Diagnostic> {
    let call = kprobe.call.value.as_str();
    if !is_name(call) {
        return Some(no_name(&kprobe.call));
    }
    if !kprobe.is_syscall() {
        let flag = kprobe.syscall.map(|flag| flag.span);
        let error = impossible_function(&kprobe.call)?;
        let error = match flag {
            Some(flag) => error.related(flag, "hooked as a function"),
            None => error,
        };
        return Some(error.help("write `syscall: true`"));
    }
    // Names with the prefix of another machine are for that machine to find.
    let portable = call.strip_prefix(PREFIX).unwrap_or(call);
    let known = ["sys_", "compat_sys_"]
        .iter()
        .any(|start| portable.starts_with(start));
    (!known && of_other_machine(call).is_none()).then(|| no_system_call(kprobe))
}

/// What to say of a name that is no function's; of a system call without help, which depends on what names it.
fn impossible_function(name: &Spanned<String>) -> Option<Diagnostic> {
    if !is_name(&name.value) {
        return Some(no_name(name));
    }
    let bare = name
        .value
        .strip_prefix("sys_")
        .filter(|name| syscalls::is_known(name))?;
    let message = format!("no kernel function is called `sys_{bare}`: it is a system call");
    Some(Diagnostic::error(code::BAD_CALL, message).at(name.span))
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.len() <= MAX_NAME && name.chars().all(good)
}

fn no_name(name: &Spanned<String>) -> Diagnostic {
    let call = name.value.as_str();
    let message = match call {
        "" => "the name of the function is empty".to_owned(),
        _ => format!("`{}` cannot be the name of a kernel function", shown(call)),
    };
    let help = match call.trim() {
        trimmed if is_name(trimmed) => format!("write `{trimmed}`"),
        _ => "write the name of one function, such as `security_file_open`".to_owned(),
    };
    Diagnostic::error(code::BAD_CALL, message)
        .at(name.span)
        .help(help)
}

/// A system call without the prefix that this machine's kernel gives it.
pub(in crate::check) fn portable(call: &str) -> &str {
    call.strip_prefix("x64/")
        .unwrap_or(call)
        .trim_start_matches(PREFIX)
}

/// A prefix of another machine's system calls, and the name without it: `__arm64_sys_openat`.
pub(in crate::check) fn of_other_machine(call: &str) -> Option<(&str, &str)> {
    let at = call.find("_sys_").filter(|_| call.starts_with("__"))?;
    let (machine, portable) = call.split_at(at + 1);
    (machine != PREFIX).then_some((machine, portable))
}

fn no_system_call(kprobe: &Kprobe) -> Diagnostic {
    let call = kprobe.call.value.as_str();
    let message = format!("`{}` is not a system call", shown(call));
    let error = Diagnostic::error(code::BAD_CALL, message).at(kprobe.call.span);
    let error = match kprobe.syscall {
        Some(flag) => error.related(flag.span, "hooked as a system call"),
        None => error.label("without `syscall`, a call is taken for a system call"),
    };
    let lower = call.to_ascii_lowercase();
    let name = lower.strip_prefix("sys_").unwrap_or(&lower);
    error.help(if syscalls::is_known(name) {
        format!("write `sys_{name}` for the system call")
    } else {
        match kprobe.syscall {
            Some(_) => "write `syscall: false` for a kernel function".to_owned(),
            None => "add `syscall: false` for a kernel function".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_functions() {
        for good in ["a", "_x", "__x64_sys_read", "foo.isra.0"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", " a", "a*", "0xffffffff81000000", "ü", "a b", ".a"] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_name(&"a".repeat(MAX_NAME)) && !is_name(&"a".repeat(MAX_NAME + 1)));
    }

    #[test]
    fn prefixes_of_other_machines() {
        let found = of_other_machine("__arm64_sys_openat");
        assert_eq!(found, Some(("__arm64_", "sys_openat")));
        assert_eq!(
            of_other_machine("__ia32_sys_read"),
            Some(("__ia32_", "sys_read"))
        );
        assert_eq!(of_other_machine("__x64_sys_read"), None);
        assert_eq!(of_other_machine("sys_read"), None);
    }
}

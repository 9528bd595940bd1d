//! The hooked function.

use super::{refuse, shown, unsupported};
use crate::diag::{Diagnostic, Sink, code};
use crate::ir::Abi;
use crate::kernel::syscalls;
use crate::policy::{ArgType, Kprobe, Spec, nearest};

/// Longest name of a kernel symbol, KSYM_NAME_LEN without its end (include/linux/kallsyms.h, 6.1 and later).
const MAX_NAME: usize = 511;
/// Prefix of a call that stands for the functions of a list.
const LIST: &str = "list:";
/// Prefix of system calls in the kernel for this machine.
const PREFIX: &str = "__x64_";

/// The list that a call names.
pub(super) fn list_name(kprobe: &Kprobe) -> Option<&str> {
    kprobe.call.value.strip_prefix(LIST)
}

/// Name and kind of the function; `None` means reported. System calls get their portable name, `sys_openat`.
pub(super) fn function(kprobe: &Kprobe, spec: &Spec, sink: &mut Sink) -> Option<(String, Abi)> {
    let (call, span) = (kprobe.call.value.as_str(), kprobe.call.span);
    if let Some(name) = list_name(kprobe) {
        list(kprobe, name, spec, sink);
        return None;
    }
    if !is_name(call) {
        let message = match call {
            "" => "the name of the function is empty".to_owned(),
            _ => format!("`{}` cannot be the name of a kernel function", shown(call)),
        };
        let help = match call.trim() {
            trimmed if is_name(trimmed) => format!("write `{trimmed}`"),
            _ => "write the name of one function, such as `security_file_open`".to_owned(),
        };
        refuse(sink, code::BAD_CALL, span, message, help);
        return None;
    }
    if kprobe.is_syscall() {
        system_call(kprobe, sink).map(|name| (name, Abi::Syscall))
    } else {
        plain_function(kprobe, sink).then(|| (call.to_owned(), Abi::Function))
    }
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.len() <= MAX_NAME && name.chars().all(good)
}

fn list(kprobe: &Kprobe, name: &str, spec: &Spec, sink: &mut Sink) {
    let message = "a list of functions is not supported yet";
    let error = Diagnostic::error(code::NOT_SUPPORTED, message)
        .at(kprobe.call.span)
        .help("write one `kprobes` entry for each function of the list");
    let declared = spec.lists.iter().find(|list| list.name.value == name);
    sink.push(match declared {
        Some(list) => error.related(list.name.span, "the list"),
        None => error,
    });
}

/// The portable name of a system call; `None` means reported.
fn system_call(kprobe: &Kprobe, sink: &mut Sink) -> Option<String> {
    let (call, span) = (kprobe.call.value.as_str(), kprobe.call.span);
    if let Some((machine, portable)) = of_other_machine(call) {
        let what = format!("a system call for one machine only (`{machine}`)");
        let help = if machine.starts_with("__ia32_") {
            format!("write `{portable}` for the calls of 64-bit programs")
        } else {
            format!("write `{portable}`, which names the call on every machine")
        };
        unsupported(sink, span, &what, &help);
        return None;
    }
    let portable = call.strip_prefix(PREFIX).unwrap_or(call);
    let Some(name) = portable.strip_prefix("sys_") else {
        sink.push(no_system_call(kprobe));
        return None;
    };
    unusual_name(kprobe, name, sink);
    Some(portable.to_owned())
}

/// A prefix of another architecture's system calls, and the name without it: `__arm64_sys_openat`.
fn of_other_machine(call: &str) -> Option<(&str, &str)> {
    let at = call.find("_sys_").filter(|_| call.starts_with("__"))?;
    let (machine, portable) = call.split_at(at + 1);
    (machine != PREFIX).then_some((machine, portable))
}

fn no_system_call(kprobe: &Kprobe) -> Diagnostic {
    let call = kprobe.call.value.as_str();
    let message = format!("`{call}` is not a system call");
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

/// Warns of names that no program's call goes to. Kernels differ, so this is no error.
fn unusual_name(kprobe: &Kprobe, name: &str, sink: &mut Sink) {
    let span = kprobe.call.span;
    if let Some(other) = syscalls::behind(name) {
        let message =
            format!("programs that call `{name}` do not reach `sys_{name}` in the kernel");
        let help = format!("write `sys_{other}`");
        super::warn(sink, code::NEVER_MATCHES, span, message, help);
    } else if !syscalls::is_known(name) {
        let known: Vec<&str> = syscalls::names().collect();
        let message = format!("there is no system call `{name}` in Linux 6.18");
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean `sys_{near}`?"),
            None => "the hook does not load on kernels without it; write `syscall: false` and no `sys_` for a kernel function".to_owned(),
        };
        super::warn(sink, code::BAD_CALL, span, message, help);
    }
}

/// Whether a hook on a kernel function makes sense; if not, that has been reported.
fn plain_function(kprobe: &Kprobe, sink: &mut Sink) -> bool {
    let (call, span) = (kprobe.call.value.as_str(), kprobe.call.span);
    let reads =
        |ty: Option<crate::diag::Spanned<ArgType>>| ty.is_none_or(|ty| ty.value != ArgType::Nop);
    let message = if call.strip_prefix("sys_").is_some_and(syscalls::is_known) {
        format!("no kernel function is called `{call}`: it is a system call")
    } else if call.starts_with(PREFIX) && kprobe.args.iter().any(|arg| reads(arg.ty)) {
        format!("the arguments of `{call}` are not where functions have them: it is a system call")
    } else {
        return true;
    };
    let error = Diagnostic::error(code::BAD_CALL, message)
        .at(span)
        .help("write `syscall: true`");
    sink.push(match kprobe.syscall {
        Some(flag) => error.related(flag.span, "hooked as a function"),
        None => error,
    });
    false
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

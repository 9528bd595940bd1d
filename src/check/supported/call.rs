//! The hooked function.

use super::{shown, unsupported, warn};
use crate::check::language::{is_impossible, list_name, of_other_machine};
use crate::diag::{Diagnostic, Sink, code};
use crate::ir::Abi;
use crate::kernel::syscalls;
use crate::policy::{ArgType, Kprobe, Spec, nearest};

/// Prefix of system calls in the kernel for this machine.
const PREFIX: &str = "__x64_";

/// Name and kind of the function; `None` means reported. System calls get their portable name, `sys_openat`.
pub(super) fn function(kprobe: &Kprobe, spec: &Spec, sink: &mut Sink) -> Option<(String, Abi)> {
    if let Some(name) = list_name(&kprobe.call.value) {
        list(kprobe, name, spec, sink);
        return None;
    }
    if let Some(error) = is_impossible(kprobe) {
        // The hook would be left out without a word.
        if kprobe.ignores_missing_call() {
            sink.push(error);
        }
        return None;
    }
    if kprobe.is_syscall() {
        system_call(kprobe, sink).map(|name| (name, Abi::Syscall))
    } else {
        plain_function(kprobe, sink).then(|| (kprobe.call.value.clone(), Abi::Function))
    }
}

fn list(kprobe: &Kprobe, name: &str, spec: &Spec, sink: &mut Sink) {
    let declared = spec.lists.iter().find(|list| list.name.value == name);
    // A list that is not there has been reported.
    if let Some(list) = declared {
        let message = "a list of functions is not supported yet";
        let error = Diagnostic::error(code::NOT_SUPPORTED, message).at(kprobe.call.span);
        let error = error.related(list.name.span, "the list");
        sink.push(error.help("write one `kprobes` entry for each function of the list"));
    }
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
        let what = "a system call of 32-bit programs";
        let help = "write the call's name as 64-bit programs have it, `sys_NAME`";
        unsupported(sink, span, what, help);
        return None;
    };
    unusual_name(kprobe, name, sink);
    Some(portable.to_owned())
}

/// Warns of names that no program's call goes to. Kernels differ, so this is no error.
fn unusual_name(kprobe: &Kprobe, name: &str, sink: &mut Sink) {
    let span = kprobe.call.span;
    if let Some(other) = syscalls::behind(name) {
        let message =
            format!("programs that call `{name}` do not reach `sys_{name}` in the kernel");
        let help = format!("write `sys_{other}`");
        warn(sink, code::NEVER_MATCHES, span, message, help);
    } else if !syscalls::is_known(name) {
        let known: Vec<&str> = syscalls::names().collect();
        let message = format!("there is no system call `{}` in Linux 6.18", shown(name));
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean `sys_{near}`?"),
            None => "the hook does not load on kernels without it; write `syscall: false` and no `sys_` for a kernel function".to_owned(),
        };
        warn(sink, code::BAD_CALL, span, message, help);
    }
}

/// Whether a hook on a kernel function makes sense; if not, that has been reported.
fn plain_function(kprobe: &Kprobe, sink: &mut Sink) -> bool {
    let (call, span) = (kprobe.call.value.as_str(), kprobe.call.span);
    let reads =
        |ty: Option<crate::diag::Spanned<ArgType>>| ty.is_none_or(|ty| ty.value != ArgType::Nop);
    if !(call.starts_with(PREFIX) && kprobe.args.iter().any(|arg| reads(arg.ty))) {
        return true;
    }
    let message =
        format!("the arguments of `{call}` are not where functions have them: it is a system call");
    let error = Diagnostic::error(code::BAD_CALL, message).at(span);
    let error = match kprobe.syscall {
        Some(flag) => error.related(flag.span, "hooked as a function"),
        None => error,
    };
    sink.push(error.help("write `syscall: true`"));
    false
}

//! The hooked function.

use crate::diag::{Diagnostic, Sink, code};
use crate::ir::Abi;
use crate::policy::Kprobe;

/// Longest name of a kernel symbol, KSYM_NAME_LEN without its end (include/linux/kallsyms.h, 6.1 and later).
const MAX_NAME: usize = 511;
/// Prefix of system calls in the kernel for this machine.
const PREFIX: &str = "__x64_";

/// Name and kind of the function. System calls get their portable name, `sys_openat`.
pub(super) fn symbol(kprobe: &Kprobe, sink: &mut Sink) -> (String, Abi) {
    let (call, span) = (kprobe.call.value.as_str(), kprobe.call.span);
    let abi = if kprobe.is_syscall() {
        Abi::Syscall
    } else {
        Abi::Function
    };
    let portable = match abi {
        Abi::Syscall => call.strip_prefix(PREFIX).unwrap_or(call),
        Abi::Function => call,
    };
    if call.starts_with("list:") {
        let help = "write one `kprobes` entry for each function of the list";
        super::unsupported(sink, span, "a list of functions", help);
    } else if !is_name(portable) {
        let message = format!("`{call}` cannot be the name of a kernel function");
        sink.push(Diagnostic::error(code::BAD_CALL, message).at(span));
    } else if abi == Abi::Syscall && !portable.starts_with("sys_") {
        let message = format!("`{call}` is not a system call");
        let help =
            "add `syscall: false` for a kernel function; a system call is written `sys_NAME`";
        let error = Diagnostic::error(code::BAD_CALL, message)
            .at(span)
            .help(help);
        sink.push(error.label("without `syscall`, a call is taken for a system call"));
    } else if abi == Abi::Function && (call.starts_with("sys_") || call.starts_with(PREFIX)) {
        let message = format!("`{call}` is a system call, hooked as a function");
        let help =
            "set `syscall: true` so that its arguments are read where system calls have them";
        sink.push(
            Diagnostic::warning(code::BAD_CALL, message)
                .at(span)
                .help(help),
        );
    }
    (portable.to_owned(), abi)
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(good)
}

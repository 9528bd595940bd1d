//! What no kernel has, as far as kernels are known: a misspelt name is wrong on every node.
//!
//! In: a question of `check::facts`. Out: a problem if none of the kernels whose facts are part of the program has what it
//! is about. [`Kind::Name`] is certain: tables of the kernel proper. [`Kind::Symbol`] may be in a module, or in a
//! distribution's kernel.

use super::values::{self, Lack, did_you_mean};
use super::{Kind, Problem, hooks, near};
use crate::attach;
use crate::check::facts::{About, Question, Root};
use crate::check::{Judged, Step};
use crate::diag::Span;
use crate::facts::known;
use crate::kernel::syscalls;
use crate::policy::is_set;

/// Prefixes of system calls in kernels for x86-64.
const PREFIXES: &[&str] = &["__x64_sys_", "__ia32_sys_", "__ia32_compat_sys_"];
/// System calls that kernels had before those that are known (Linux 4.19 to 6.0).
const GONE: &[&str] = &["bdflush", "sysctl"];
/// Security hooks that kernels had before those that are known (Linux 5.7 to 6.0).
const GONE_HOOKS: &[&str] = &["sb_add_mnt_opt", "task_getsecid", "task_getsecid_subj"];
/// Members of `task_struct`, `mm_struct`, `file`, `kiocb` and `linux_binprm` that kernels had before those that are known (Linux 4.19 to 6.0).
const GONE_MEMBERS: &[&str] = &[
    "called_set_creds",
    "cap_elevated",
    "cpu",
    "ki_hint",
    "mm_rb",
    "mmap",
    "mmap_sem",
    "state",
    "vmacache",
    "vmacache_seqnum",
];

pub(super) fn answer(judged: &Judged<'_>, question: &Question<'_>) -> Option<Problem> {
    let Lack {
        kind,
        message,
        help,
    } = match &question.about {
        About::Function(name) if !hooks::is_name(name) => None,
        About::Function(name) => match hooks::is_system_call(name) {
            true => hooked_call(name),
            // `check` says that it is no name of a call.
            false if is_call(judged, question.span) => None,
            false => function(name),
        },
        About::SystemCall(name) => numbered_call(name),
        About::SecurityHook(hook) if !hooks::is_name(hook) => None,
        About::SecurityHook(hook) => security_hook(hook),
        About::Tracepoint {
            subsystem,
            event,
            raw,
        } => tracepoint(subsystem, event, *raw),
        About::Field {
            event,
            index,
            gives_type,
        } => field(judged, event, *index, *gives_type),
        About::Member { of, path, .. } => member(*of, path),
        // What processors, programs and agents have is no matter of the kernel.
        _ => None,
    }?;
    Some(Problem {
        kind,
        span: question.span,
        message,
        help,
        kernel: String::new(),
    })
}

fn lack(kind: Kind, message: String, help: String) -> Option<Lack> {
    Some(Lack {
        kind,
        message,
        help,
    })
}

/// Whether a place names the function of a hook on a system call.
fn is_call(judged: &Judged<'_>, span: Span) -> bool {
    let spec = &judged.policy.spec;
    let mut hooks = spec.kprobes.iter().chain(&spec.fentries);
    hooks.any(|hook| hook.call.span == span && hook.is_syscall())
}

/// A system call as a function: `sys_openat`, or with the prefix of a machine.
fn hooked_call(function: &str) -> Option<Lack> {
    let mut prefixes = PREFIXES.iter().chain(&["sys_"]);
    // Of other machines too little is known.
    let name = prefixes.find_map(|prefix| function.strip_prefix(prefix))?;
    call(name, function)
}

/// The name of a system call in a list of numbers, which is not always that of a function.
fn numbered_call(name: &str) -> Option<Lack> {
    let known = syscalls::behind(name).is_some();
    if known { None } else { call(name, name) }
}

fn call(name: &str, written: &str) -> Option<Lack> {
    let in_kernels = || {
        PREFIXES
            .iter()
            .any(|prefix| known::has_function(&format!("{prefix}{name}")))
    };
    if syscalls::is_known(name) || GONE.contains(&name) || in_kernels() {
        return None;
    }
    let stem = written.strip_suffix(name).unwrap_or("");
    let other = syscalls::behind(name).or_else(|| near(name, syscalls::names()));
    let other = other.map(|other| format!("{stem}{other}"));
    let help = did_you_mean(
        other.as_deref(),
        "name another system call, or hook a function",
    );
    lack(
        Kind::Name,
        format!("no kernel that tpc knows has a system call `{written}`"),
        help,
    )
}

fn function(name: &str) -> Option<Lack> {
    if known::has_function(name) {
        return None;
    }
    let lower = name.to_lowercase();
    let other = attach::similar(name, known::functions())
        .or_else(|| known::functions().find(|known| *known == lower))
        .or_else(|| near(name, known::functions()));
    let otherwise = "if a module or another kernel has it, name that with `--kernel`";
    let message = format!("no kernel that tpc knows has a function `{name}`");
    lack(Kind::Symbol, message, did_you_mean(other, otherwise))
}

fn security_hook(hook: &str) -> Option<Lack> {
    const PREFIX: &str = "bpf_lsm_";
    if known::has_function(&format!("{PREFIX}{hook}")) || GONE_HOOKS.contains(&hook) {
        return None;
    }
    let all = || known::functions().filter_map(|name| name.strip_prefix(PREFIX));
    let stem = hook
        .trim_start_matches("security_")
        .trim_start_matches(PREFIX)
        .to_lowercase();
    let other = all()
        .find(|known| *known == stem)
        .or_else(|| near(hook, all()));
    let message = format!("no kernel that tpc knows has a security hook `{hook}`");
    lack(
        Kind::Name,
        message,
        did_you_mean(other, "hook another decision"),
    )
}

/// Of subsystems that are not known, nothing is: they may be those of modules.
fn tracepoint(subsystem: &str, event: &str, raw: bool) -> Option<Lack> {
    let all = || known::tracepoints().filter_map(|name| name.split_once('/'));
    let of = |name: &str| known::fields(&format!("{name}/{event}")).is_some();
    let elsewhere = || all().find(|(_, name)| *name == event);
    if of(subsystem) || raw && elsewhere().is_some() {
        return None;
    }
    let same = || {
        all()
            .filter(|(other, _)| raw || *other == subsystem)
            .map(|(_, name)| name)
    };
    let other = near(event, same());
    let help = match elsewhere() {
        Some((other, _)) => format!("write `subsystem: {other}`"),
        None if other.is_some() || !raw && same().next().is_some() => {
            did_you_mean(other, "if another kernel has it, name that with `--kernel`")
        }
        None => return None,
    };
    let name = if raw {
        event.to_owned()
    } else {
        format!("{subsystem}/{event}")
    };
    let message = format!("no kernel that tpc knows has a tracepoint `{name}`");
    lack(Kind::Symbol, message, help)
}

fn field(judged: &Judged<'_>, event: &str, index: u32, gives_type: bool) -> Option<Lack> {
    let mut all = judged.policy.spec.tracepoints.iter();
    let one = all.find(|one| one.event.value == event && !is_set(one.raw))?;
    let name = format!("{}/{event}", one.subsystem.value);
    let (message, help) = values::field_lack(&name, known::fields(&name)?, index, gives_type)?;
    lack(Kind::Name, everywhere(&message), help)
}

/// A member that one kernel has is none of these.
fn member(of: Root<'_>, path: &[Step<'_>]) -> Option<Lack> {
    let is_gone =
        |step: &Step<'_>| matches!(step, Step::Member(name) if GONE_MEMBERS.contains(name));
    if path.iter().any(is_gone) {
        return None;
    }
    let mut first = None;
    for kernel in known::kernels() {
        let lack = values::member(kernel, of, path)?;
        first.get_or_insert(lack);
    }
    let Lack { message, help, .. } = first?;
    let structure = |name| known::kernels().any(|kernel| values::structure(kernel, name).is_some());
    let kind = match of {
        // It may be one of a module, or of another kernel.
        Root::Structure { name, .. } if !structure(name) => Kind::Symbol,
        _ => Kind::Name,
    };
    lack(kind, everywhere(&message), help)
}

fn everywhere(message: &str) -> String {
    format!("on every kernel that tpc knows, {message}")
}

//! Questions about the places that hooks are attached to.

use std::borrow::Cow;

use super::{About, Asked, Feature, Place};
use crate::check::form::{Hook, Written};
use crate::check::language;
use crate::check::registers::Machine;
use crate::diag::Spanned;
use crate::policy::{
    Kprobe, LabelSelector, List, ListKind, LsmHook, Policy, Tracepoint, Uprobe, Usdt, is_set,
};

/// Prefixes of system calls, and the machines whose kernels have them.
const MACHINES: &[(&str, Machine)] = &[
    ("__x64_", Machine::X86_64),
    ("__ia32_", Machine::X86_64),
    ("__arm64_", Machine::Aarch64),
];

/// Interfaces that elements of lists name, with the prefix of their functions.
const INTERFACES: &[(&str, &str)] = &[
    ("x64/", "__x64_"),
    ("i386/", "__ia32_"),
    ("arm64/", "__arm64_"),
    ("arm32/", "__arm64_"),
];

/// Whether the policy loads without the hook.
pub(super) fn is_optional(hook: &Hook<'_>) -> bool {
    match hook.written {
        Written::Kprobe(kprobe) | Written::Fentry(kprobe) => kprobe.ignores_missing_call(),
        _ => false,
    }
}

pub(super) fn policy<'a>(policy: &'a Policy, asked: &mut Asked<'a>) {
    let spec = &policy.spec;
    if let Some(loader) = spec.loader.filter(|flag| flag.value) {
        asked.feature(Feature::MappedFiles, loader.span);
    }
    let scope = [&spec.pod_selector, &spec.container_selector];
    let scope: Vec<&LabelSelector> = scope.into_iter().flatten().collect();
    for selector in scope {
        asked.feature(Feature::Workloads, selector.span);
    }
    if let Some(namespace) = &policy.namespace {
        asked.feature(Feature::Workloads, namespace.span);
    }
    for list in spec.lists.iter().filter(|list| !is_set(list.validated)) {
        let kind = list.kind.map(|kind| kind.value);
        if let (Some(ListKind::GeneratedFtrace), Some(pattern)) = (kind, &list.pattern) {
            asked.ask(About::Functions(&pattern.value), pattern.span);
        }
    }
}

/// What a hook is attached to.
pub(super) fn one<'a>(policy: &'a Policy, hook: &Hook<'a>, asked: &mut Asked<'a>) {
    match hook.written {
        Written::Kprobe(kprobe) | Written::Fentry(kprobe) => function(policy, kprobe, asked),
        Written::Tracepoint(tracepoint) => of_tracepoint(tracepoint, asked),
        Written::Uprobe(uprobe) => of_uprobe(uprobe, asked),
        Written::Usdt(usdt) => of_usdt(usdt, asked),
        Written::LsmHook(hook) => of_decision(hook, asked),
    }
}

fn function<'a>(policy: &'a Policy, kprobe: &'a Kprobe, asked: &mut Asked<'a>) {
    let call = &kprobe.call;
    let Some(name) = language::list_name(&call.value) else {
        if kprobe.is_syscall() {
            return system_call(call, asked);
        }
        return asked.ask(About::Function(Cow::Borrowed(&call.value)), call.span);
    };
    let mut lists = policy.spec.lists.iter();
    let Some(list) = lists.find(|list| list.name.value == name) else {
        return;
    };
    let of_calls = list
        .kind
        .is_some_and(|kind| kind.value == ListKind::Syscalls);
    for element in &list.values {
        match of_calls {
            true => system_call(element, asked),
            false => {
                asked.ask(About::Function(Cow::Borrowed(&element.value)), element.span);
            }
        }
    }
}

/// A system call as a function, and the machine that its name is for.
fn system_call<'a>(name: &'a Spanned<String>, asked: &mut Asked<'a>) {
    let mut interfaces = INTERFACES.iter();
    let by_interface = interfaces
        .find_map(|(interface, prefix)| Some((*prefix, name.value.strip_prefix(interface)?)));
    let function = match by_interface {
        Some((prefix, call)) if !call.starts_with("__") => Cow::Owned(format!("{prefix}{call}")),
        Some((_, call)) => Cow::Borrowed(call),
        None => Cow::Borrowed(name.value.as_str()),
    };
    let mut machines = MACHINES.iter();
    if let Some((_, machine)) = machines.find(|(prefix, _)| function.starts_with(prefix)) {
        // Not hidden by `callNotFound`: the name itself is wrong elsewhere.
        let optional = std::mem::replace(&mut asked.optional, false);
        asked.ask(About::Machine(*machine), name.span);
        asked.optional = optional;
    }
    asked.ask(About::Function(function), name.span);
}

/// The numbers of a list's system calls.
pub(super) fn numbers<'a>(list: &'a List, asked: &mut Asked<'a>) {
    for element in &list.values {
        if let Ok(call) = language::number_name(&element.value) {
            asked.ask(About::SystemCall(call), element.span);
        }
    }
}

fn of_tracepoint<'a>(tracepoint: &'a Tracepoint, asked: &mut Asked<'a>) {
    let (subsystem, event) = (&tracepoint.subsystem, &tracepoint.event);
    let raw = is_set(tracepoint.raw);
    let about = About::Tracepoint {
        subsystem: &subsystem.value,
        event: &event.value,
        raw,
    };
    asked.ask(about, event.span);
}

fn of_uprobe<'a>(uprobe: &'a Uprobe, asked: &mut Asked<'a>) {
    let program = uprobe.path.value.as_str();
    asked.ask(About::Program(program), uprobe.path.span);
    for symbol in &uprobe.symbols {
        let place = Place::Symbol(&symbol.value);
        asked.ask(About::Place { program, place }, symbol.span);
    }
    for address in &uprobe.addrs {
        let place = Place::Address(address.value);
        asked.ask(About::Place { program, place }, address.span);
    }
    for offset in &uprobe.offsets {
        let place = Place::Offset(offset.value);
        asked.ask(About::Place { program, place }, offset.span);
    }
    if let Some(digest) = uprobe.binary_digests.first() {
        let ignored = uprobe
            .ignore
            .as_ref()
            .map(|ignore| ignore.digest_verification_failure);
        let optional = ignored.is_some_and(is_set);
        let optional = std::mem::replace(&mut asked.optional, optional);
        asked.ask(About::Digest { program }, digest.span);
        asked.optional = optional;
    }
}

fn of_usdt<'a>(usdt: &'a Usdt, asked: &mut Asked<'a>) {
    let program = usdt.path.value.as_str();
    asked.ask(About::Program(program), usdt.path.span);
    let about = About::Probe {
        program,
        provider: &usdt.provider.value,
        name: &usdt.name.value,
    };
    asked.ask(about, usdt.name.span);
}

fn of_decision<'a>(hook: &'a LsmHook, asked: &mut Asked<'a>) {
    asked.feature(Feature::SecurityPrograms, hook.hook.span);
    asked.ask(About::SecurityHook(&hook.hook.value), hook.hook.span);
}

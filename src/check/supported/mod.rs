//! Whether tpc compiles a policy as it is meant.
//!
//! In: a policy of the language, taken apart ([`Judged`]). Out: a [`CheckedPolicy`], or errors. Refused is what tpc does
//! not compile (`NOT_SUPPORTED`), and what loads in Tetragon but does nothing or something else than it says: a
//! bundle that is made does what its policy says. What the language refuses is not in the judged policy, so
//! nothing here says it again.

mod actions;
mod args;
mod call;
mod filters;
mod hook;
pub(super) mod paths;
mod process;
mod scope;
mod sockets;
mod texts;
mod types;

use std::collections::{HashMap, HashSet};

use super::form::{Judged, Section};
use super::language;
use super::{bad_value, options, refuse, shown};
use crate::diag::{Code, Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{self, Abi};
use crate::policy::{Kprobe, Spec};

pub use actions::Action;

/// Hooks of a policy, and selectors of a hook: events carry their numbers in 16 bits.
const MAX_NUMBERED: usize = 1 << 16;

/// A policy that can be compiled. Made by [`check`](super::check()) only.
#[derive(Debug)]
pub struct CheckedPolicy {
    name: String,
    hooks: Vec<Hook>,
}

impl CheckedPolicy {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }
}

/// A hook whose names, types and values have been checked.
#[derive(Debug)]
pub struct Hook {
    pub symbol: String,
    pub abi: Abi,
    pub optional: bool,
    pub message: Option<String>,
    pub tags: Vec<String>,
    pub args: Vec<ir::Arg>,
    pub ret: Option<ir::Arg>,
    pub selectors: Vec<CheckedSelector>,
    pub span: Span,
}

/// A selector with parsed filters and actions.
#[derive(Debug, Default)]
pub struct CheckedSelector {
    pub tests: Vec<ir::Test>,
    pub return_tests: Vec<ir::Test>,
    pub actions: Vec<Action>,
    pub span: Span,
}

/// The policy in the form that is compiled; `None` means that something was reported, here or before.
pub(super) fn check(judged: &Judged<'_>, sink: &mut Sink) -> Option<CheckedPolicy> {
    let errors = sink.errors();
    let policy = judged.policy;
    let spec = &policy.spec;
    scope::check(policy, sink);
    options::supported(&spec.options, sink);
    refuse_sections(spec, sink);
    if spec.kprobes.is_empty() && sink.errors() == errors && !policy.incomplete {
        let message = format!("policy `{}` hooks nothing", policy.name.value);
        let help = "add a `kprobes` entry: `- call: security_file_open` with `syscall: false`";
        refuse(sink, code::NO_HOOKS, policy.name.span, message, help);
    }
    if let Some(one) = spec.kprobes.get(MAX_NUMBERED) {
        let message = format!("the policy has more than {MAX_NUMBERED} hooks");
        let help = "split it into several policies";
        refuse(sink, code::TOO_COMPLEX, one.span, message, help);
    }
    let kprobes = judged
        .hooks
        .iter()
        .filter(|hook| hook.parts.section == Section::Kprobes);
    let hooks: Vec<Option<Hook>> = kprobes.map(|hook| hook::check(hook, spec, sink)).collect();
    let hooks = hooks.into_iter().collect::<Option<Vec<Hook>>>()?;
    if !one_overrides(&hooks, sink) {
        return None;
    }
    Some(CheckedPolicy {
        name: policy.name.value.clone(),
        hooks,
    })
}

/// Refuses a second hook of a function that overrides it: once a program has replaced a call, the kernel asks no other one that
/// could (`invoke_bpf_mod_ret`, arch/x86/net/bpf_jit_comp.c), and the second hook would neither act nor report.
fn one_overrides(hooks: &[Hook], sink: &mut Sink) -> bool {
    let errors = sink.errors();
    let mut first: HashMap<&str, Span> = HashMap::new();
    for hook in hooks {
        let overrides = |action: &Action| match action {
            Action::Override(_, span) => Some(*span),
            _ => None,
        };
        let actions = hook.selectors.iter().flat_map(|one| &one.actions);
        let Some(span) = actions.filter_map(overrides).next() else {
            continue;
        };
        match first.get(hook.symbol.as_str()) {
            None => {
                first.insert(&hook.symbol, hook.span);
            }
            Some(other) => {
                let message = format!(
                    "two hooks override `{}`: of a call that one has replaced, the kernel does not tell the other",
                    hook.symbol
                );
                let error = Diagnostic::error(code::BAD_ACTION, message).at(span);
                let help = "move the selectors into one hook; the first that matches decides";
                sink.push(error.related(*other, "overrides it too").help(help));
            }
        }
    }
    sink.errors() == errors
}

/// Reports something that may not be what its author meant.
fn warn(
    sink: &mut Sink,
    code: Code,
    span: Span,
    message: impl Into<String>,
    help: impl Into<String>,
) {
    sink.push(Diagnostic::warning(code, message).at(span).help(help));
}

/// Refuses a part of the language that is not compiled yet.
pub(super) fn unsupported(sink: &mut Sink, span: Span, what: &str, help: &str) {
    let message = format!("{what} is not supported yet");
    refuse(sink, code::NOT_SUPPORTED, span, message, help);
}

/// Something that is not compiled: where it stands, if it does, its name, and what to write instead.
type Missing = (Option<Span>, &'static str, &'static str);

fn refuse_all(parts: &[Missing], sink: &mut Sink) {
    for (span, what, help) in parts {
        if let Some(span) = span {
            unsupported(sink, *span, what, help);
        }
    }
}

/// Refuses the sections of a policy that are not compiled yet.
fn refuse_sections(spec: &Spec, sink: &mut Sink) {
    let Spec {
        span: _,
        kprobes: _,
        fentries,
        tracepoints,
        uprobes,
        usdts,
        lsmhooks,
        lists: _,
        enforcers,
        loader,
        options: _,
        pod_selector: _,
        container_selector: _,
        host_selector: _,
        node_selector: _,
        selectors_macros: _,
    } = spec;
    let hooks: [Missing; 5] = [
        (first(fentries, |one| one.span), "`fentries`", FENTRY),
        (first(tracepoints, |one| one.span), "`tracepoints`", KERNEL),
        (first(uprobes, |one| one.span), "`uprobes`", USER),
        (first(usdts, |one| one.span), "`usdts`", USER),
        (first(lsmhooks, |one| one.span), "`lsmhooks`", SECURITY),
    ];
    let loader = loader.filter(|flag| flag.value).map(|flag| flag.span);
    let others: [Missing; 4] = [
        (first(enforcers, |one| one.span), "`enforcers`", ENFORCER),
        (loader, "`loader`", MMAP),
        (unused_list(spec), "`lists`", LIST),
        (unused_macro(spec), "`selectorsMacros`", MACRO),
    ];
    refuse_all(&hooks, sink);
    refuse_all(&others, sink);
}

/// Where the first entry of a section stands.
fn first<T>(entries: &[T], span: impl Fn(&T) -> Span) -> Option<Span> {
    entries.first().map(span)
}

const FENTRY: &str = "write `kprobes:` instead: tpc attaches by fentry where the node can";
const KERNEL: &str = "hook the kernel function behind it with `kprobes`";
const USER: &str =
    "hook what the program asks of the kernel with `kprobes`, and name it in `matchBinaries`";
const SECURITY: &str = "write `kprobes:` with `call: security_NAME` and `syscall: false`";
const ENFORCER: &str = "write the action `Override` in the hook of each call";
const MMAP: &str = "hook `security_mmap_file` with `kprobes` to see what is mapped";
const LIST: &str = "write one `kprobes` entry for each function";
const MACRO: &str = "write the filters in each selector";

/// A list that no call names; the others are refused there. Where something else that may use it is refused,
/// that is enough.
fn unused_list(spec: &Spec) -> Option<Span> {
    if !(spec.fentries.is_empty() && spec.tracepoints.is_empty() && spec.enforcers.is_empty()) {
        return None;
    }
    let called: HashSet<&str> = spec.kprobes.iter().filter_map(list_name).collect();
    let mut lists = spec.lists.iter();
    lists
        .find(|list| !called.contains(list.name.value.as_str()))
        .map(|list| list.span)
}

/// A macro that no selector of a kprobe names; the others are refused there.
fn unused_macro(spec: &Spec) -> Option<Span> {
    let selectors = spec.kprobes.iter().flat_map(|hook| &hook.selectors);
    let names = selectors.flat_map(|selector| &selector.macros);
    let used: HashSet<&str> = names.map(|name| name.value.as_str()).collect();
    let mut macros = spec.selectors_macros.iter();
    macros
        .find(|one| !used.contains(one.name.value.as_str()))
        .map(|one| one.name.span)
}

/// Reports a filter without values.
fn require_values<T>(values: &[Spanned<T>], span: Span, sink: &mut Sink) -> bool {
    if values.is_empty() {
        let message = "the filter has no values to compare with";
        let help = "list at least one under `values`, or remove the filter";
        refuse(sink, code::NO_VALUES, span, message, help);
    }
    !values.is_empty()
}

/// The list that a call names.
fn list_name(kprobe: &Kprobe) -> Option<&str> {
    language::list_name(&kprobe.call.value)
}

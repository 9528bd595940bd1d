//! Whether a policy makes sense, and whether tpc can compile it.
//!
//! In: a decoded [`Policy`]. Out: a [`CheckedPolicy`], the only thing `lower` accepts, or at least one error
//! in the sink. Holds: nothing of a policy is ignored without a word. What tpc does not compile is refused
//! here, at its place; every filter's values are parsed and fit its argument's type. The records of the model
//! are taken apart field by field, so that a new field does not compile until it is honoured or refused here.
//!
//! One mistake is one error: what depends on a declaration that was refused is `None` and stays silent.
//!
//! Rules: the load-time checks of Tetragon (`pkg/sensors/tracing/generickprobe.go`,
//! `pkg/selectors/kernel.go`), without the limits that come from its interpreter.

mod actions;
mod args;
mod call;
mod filters;
mod hook;
mod numbers;
mod options;
mod paths;
mod process;
mod scope;
mod sockets;
mod texts;
mod types;

use crate::diag::{Code, Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{self, Abi};
use crate::policy::{Policy, Spec};

pub use actions::Action;

/// Hooks of a policy, and selectors of a hook: events carry their numbers in 16 bits.
const MAX_NUMBERED: usize = 1 << 16;

/// A policy that can be compiled. Made by [`check`] only.
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

/// Checks a policy; `None` means that the sink has errors.
pub fn check(policy: &Policy, sink: &mut Sink) -> Option<CheckedPolicy> {
    let errors = sink.errors();
    let spec = &policy.spec;
    scope::check(policy, sink);
    options::check(&spec.options, sink);
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
    let hooks: Vec<Option<Hook>> = spec
        .kprobes
        .iter()
        .map(|kprobe| hook::check(kprobe, spec, sink))
        .collect();
    let sound = sink.errors() == errors && !policy.incomplete;
    Some(CheckedPolicy {
        name: policy.name.value.clone(),
        hooks: hooks
            .into_iter()
            .collect::<Option<Vec<Hook>>>()
            .filter(|_| sound)?,
    })
}

/// Reports an error with its way out.
fn refuse(
    sink: &mut Sink,
    code: Code,
    span: Span,
    message: impl Into<String>,
    help: impl Into<String>,
) {
    sink.push(Diagnostic::error(code, message).at(span).help(help));
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
fn unsupported(sink: &mut Sink, span: Span, what: &str, help: &str) {
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
        (fentries.first().map(|one| one.span), "`fentries`", FENTRY),
        (
            tracepoints.first().map(|one| one.span),
            "`tracepoints`",
            KERNEL,
        ),
        (uprobes.first().map(|one| one.span), "`uprobes`", USER),
        (usdts.first().map(|one| one.span), "`usdts`", USER),
        (lsmhooks.first().map(|one| one.span), "`lsmhooks`", SECURITY),
    ];
    let enforcer = enforcers.first().map(|one| one.span);
    let loader = loader.filter(|flag| flag.value).map(|flag| flag.span);
    let others: [Missing; 4] = [
        (enforcer, "`enforcers`", ENFORCER),
        (loader, "`loader`", MMAP),
        (unused_list(spec), "`lists`", LIST),
        (unused_macro(spec), "`selectorsMacros`", MACRO),
    ];
    refuse_all(&hooks, sink);
    refuse_all(&others, sink);
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
    let called = |name| {
        spec.kprobes
            .iter()
            .any(|hook| call::list_name(hook) == Some(name))
    };
    let mut lists = spec.lists.iter();
    lists
        .find(|list| !called(list.name.value.as_str()))
        .map(|list| list.span)
}

/// A macro that no selector of a kprobe names; the others are refused there.
fn unused_macro(spec: &Spec) -> Option<Span> {
    let selectors = || spec.kprobes.iter().flat_map(|hook| &hook.selectors);
    let used = |name: &str| {
        let mut names = selectors().flat_map(|selector| &selector.macros);
        names.any(|used| used.value == name)
    };
    let mut macros = spec.selectors_macros.iter();
    macros
        .find(|one| !used(&one.name.value))
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

/// Reports a value that is not one of its kind.
fn bad_value(text: &Spanned<String>, what: &str, help: impl Into<String>, sink: &mut Sink) {
    let message = format!("`{}` is not {what}", shown(&text.value));
    let help = unless_placeholder(text, help.into());
    refuse(sink, code::BAD_VALUE, text.span, message, help);
}

/// Advice on a text, or on filling it in.
fn unless_placeholder(text: &Spanned<String>, help: String) -> String {
    if text.value.contains("${") || text.value.contains("{{") {
        return "fill in the placeholder: render the file first (helm template, envsubst)"
            .to_owned();
    }
    help
}

/// A text for a message: on one line, and not too long.
fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out = String::new();
    for (position, char) in text.chars().enumerate() {
        match char {
            _ if position == LONGEST => {
                out.push('…');
                break;
            }
            '\0' => out.push_str("\\0"),
            _ if char.is_control() => out.extend(char.escape_default()),
            _ => out.push(char),
        }
    }
    out
}

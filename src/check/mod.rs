//! Whether a policy makes sense, and whether tpc can compile it.
//!
//! In: a decoded [`Policy`]. Out: a [`CheckedPolicy`], the only thing `lower` accepts, or at least one error
//! in the sink. Holds: nothing of a policy is ignored. What tpc does not compile is refused here, at its
//! place; every filter's values are parsed and fit its argument's type.
//!
//! Rules: the load-time checks of Tetragon (`pkg/sensors/tracing/generickprobe.go`,
//! `pkg/selectors/kernel.go`), without the limits that come from its interpreter.

mod actions;
mod args;
mod call;
mod filters;
mod process;
mod sockets;
mod texts;
mod values;

use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{self, Abi};
use crate::policy::{Kprobe, Policy, Selector, Spec};

pub use actions::Action;

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
    refuse_sections(&policy.spec, sink);
    if policy.spec.kprobes.is_empty() && sink.errors() == errors && !policy.incomplete {
        let message = format!("policy `{}` hooks nothing", policy.name.value);
        let help = "add a `kprobes` entry: `- call: security_file_open` with `syscall: false`";
        sink.push(
            Diagnostic::error(code::NO_HOOKS, message)
                .at(policy.name.span)
                .help(help),
        );
    }
    let hooks = policy
        .spec
        .kprobes
        .iter()
        .map(|kprobe| hook(kprobe, sink))
        .collect();
    let sound = sink.errors() == errors && !policy.incomplete;
    sound.then(|| CheckedPolicy {
        name: policy.name.value.clone(),
        hooks,
    })
}

/// Refuses a part of the language that is not compiled yet.
fn unsupported(sink: &mut Sink, span: Span, what: &str, help: &str) {
    let message = format!("{what} is not supported yet");
    sink.push(
        Diagnostic::error(code::NOT_SUPPORTED, message)
            .at(span)
            .help(help),
    );
}

/// Refuses the sections of a policy that are not compiled yet.
fn refuse_sections(spec: &Spec, sink: &mut Sink) {
    let kprobes = "hook the kernel function with `kprobes`; tpc attaches by fentry where it can";
    let security = "hook `security_NAME` with `kprobes` and `syscall: false`";
    let remove = "remove it";
    let sections: [(Option<Span>, &str, &str); 13] = [
        (
            spec.fentries.first().map(|hook| hook.span),
            "`fentries`",
            kprobes,
        ),
        (
            spec.tracepoints.first().map(|hook| hook.span),
            "`tracepoints`",
            kprobes,
        ),
        (
            spec.uprobes.first().map(|hook| hook.span),
            "`uprobes`",
            kprobes,
        ),
        (spec.usdts.first().map(|hook| hook.span), "`usdts`", kprobes),
        (
            spec.lsmhooks.first().map(|hook| hook.span),
            "`lsmhooks`",
            security,
        ),
        (
            spec.lists.first().map(|list| list.span),
            "`lists`",
            "write one hook for each function",
        ),
        (
            spec.enforcers.first().map(|e| e.span),
            "`enforcers`",
            "use the action `Override`",
        ),
        (spec.loader.map(|flag| flag.span), "`loader`", remove),
        (
            spec.options.first().map(|option| option.span),
            "`options`",
            remove,
        ),
        (
            spec.pod_selector.as_ref().map(|s| s.span),
            "`podSelector`",
            remove,
        ),
        (
            spec.container_selector.as_ref().map(|s| s.span),
            "`containerSelector`",
            remove,
        ),
        (
            spec.host_selector.as_ref().map(|s| s.span),
            "`hostSelector`",
            remove,
        ),
        (
            spec.node_selector.as_ref().map(|s| s.span),
            "`nodeSelector`",
            remove,
        ),
    ];
    for (span, what, help) in sections {
        if let Some(span) = span {
            unsupported(sink, span, what, help);
        }
    }
    if let Some(named) = spec.selectors_macros.first() {
        unsupported(
            sink,
            named.name.span,
            "`selectorsMacros`",
            "write the filters in each selector",
        );
    }
}

fn hook(kprobe: &Kprobe, sink: &mut Sink) -> Hook {
    let (symbol, abi) = call::symbol(kprobe, sink);
    let args = args::arguments(kprobe, sink);
    let ret = args::returned(kprobe, sink);
    let mut hook = Hook {
        symbol,
        abi,
        optional: kprobe.ignores_missing_call(),
        message: kprobe.message.as_ref().map(|message| message.value.clone()),
        tags: kprobe.tags.iter().map(|tag| tag.value.clone()).collect(),
        args,
        ret,
        selectors: Vec::new(),
        span: kprobe.call.span,
    };
    for selector in &kprobe.selectors {
        let checked = check_selector(&hook, kprobe, selector, sink);
        hook.selectors.push(checked);
    }
    hook
}

fn check_selector(
    hook: &Hook,
    kprobe: &Kprobe,
    selector: &Selector,
    sink: &mut Sink,
) -> CheckedSelector {
    refuse_filters(selector, sink);
    let mut checked = CheckedSelector {
        span: selector.span,
        ..CheckedSelector::default()
    };
    for filter in &selector.match_args {
        checked
            .tests
            .extend(filters::argument(hook, kprobe, filter, sink));
    }
    for filter in &selector.match_return_args {
        checked
            .return_tests
            .extend(filters::returned(hook, kprobe, filter, sink));
    }
    process::filters(selector, &mut checked.tests, sink);
    checked.actions = actions::actions(&selector.match_actions, sink);
    checked
}

/// Refuses the filters that are not compiled yet.
fn refuse_filters(selector: &Selector, sink: &mut Sink) {
    let filters: [(Option<Span>, &str); 7] = [
        (
            selector.match_data.first().map(|filter| filter.span),
            "`matchData`",
        ),
        (
            selector.match_parent_binaries.first().map(|f| f.span),
            "`matchParentBinaries`",
        ),
        (
            selector.match_namespace_changes.first().map(|f| f.span),
            "`matchNamespaceChanges`",
        ),
        (
            selector.match_capability_changes.first().map(|f| f.span),
            "`matchCapabilityChanges`",
        ),
        (
            selector.match_workloads.as_ref().map(|filter| filter.span),
            "`matchWorkloads`",
        ),
        (
            selector.match_return_actions.first().map(|a| a.span),
            "`matchReturnActions`",
        ),
        (selector.macros.first().map(|name| name.span), "`macros`"),
    ];
    for (span, what) in filters {
        if let Some(span) = span {
            unsupported(
                sink,
                span,
                what,
                "remove it, or write the condition with `matchArgs`",
            );
        }
    }
}

/// Reports a filter without values.
fn require_values<T>(values: &[Spanned<T>], span: Span, sink: &mut Sink) -> bool {
    if values.is_empty() {
        let message = "the filter has no values to compare with";
        let help = "list at least one under `values`, or remove the filter";
        sink.push(
            Diagnostic::error(code::NO_VALUES, message)
                .at(span)
                .help(help),
        );
    }
    !values.is_empty()
}

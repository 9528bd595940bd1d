//! One hook: its function, what it reads, its selectors.

use super::{
    Action, CheckedSelector, Hook, MAX_NUMBERED, Missing, actions, args, call, filters, process,
    refuse,
};
use crate::check::form::{self, Written};
use crate::check::language::{RETURN_ACTIONS, SECURITY};
use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::ir::{Abi, Arg, ArgType};
use crate::policy::{Kprobe, Selector, Spec};

/// What the selectors of a hook can refer to. `None` stands for a declaration with an error
/// that has been reported: what depends on it is not judged.
pub(super) struct Declared {
    /// In the order of the policy.
    pub(super) args: Vec<Option<Arg>>,
    /// Of a hook that observes the return.
    pub(super) ret: Option<Arg>,
}

/// A hook of the section `kprobes`; `None` means reported.
pub(super) fn check(hook: &form::Hook<'_>, spec: &Spec, sink: &mut Sink) -> Option<Hook> {
    let Written::Kprobe(kprobe) = hook.written else {
        return None;
    };
    let function = call::function(kprobe, spec, sink);
    refuse_fields(kprobe, sink);
    let abi = function.as_ref().map(|(_, abi)| *abi);
    let declared = Declared {
        args: args::arguments(kprobe, &hook.args, abi, sink),
        ret: args::returned(kprobe, hook.returned, sink),
    };
    let check = |one| selector(&declared, one, spec, sink);
    let selectors: Vec<CheckedSelector> = hook.selectors.iter().map(check).collect();
    if abi == Some(Abi::Function) && kprobe.call.value.starts_with(SECURITY) {
        allows_nothing(&selectors, sink);
    }
    if declared
        .ret
        .as_ref()
        .is_some_and(|ret| ret.ty == ArgType::Fd)
    {
        opens_nothing(&selectors, sink);
    }
    let message = kprobe.message.as_ref().map(|message| message.value.clone());
    let (symbol, abi) = function?;
    Some(Hook {
        symbol,
        abi,
        optional: kprobe.ignores_missing_call(),
        message: message.filter(|message| !message.is_empty()),
        tags: kprobe.tags.iter().map(|tag| tag.value.clone()).collect(),
        args: declared.args.into_iter().collect::<Option<_>>()?,
        ret: declared.ret,
        selectors,
        span: kprobe.call.span,
    })
}

/// Refuses what is not compiled, and what makes no sense wherever it stands.
fn refuse_fields(kprobe: &Kprobe, sink: &mut Sink) {
    let Kprobe {
        span: _,
        call: _,
        syscall: _,
        returns: _,
        args: _,
        data,
        return_arg: _,
        return_arg_action,
        message: _,
        tags: _,
        selectors,
        ignore: _,
    } = kprobe;
    if let Some(data) = data.first() {
        let help = "remove it, and compare the process with `matchBinaries`, `matchPIDs` or `matchNamespaces`";
        super::unsupported(sink, data.span, "`data`", help);
    }
    let known = |action: &&Spanned<String>| {
        RETURN_ACTIONS
            .iter()
            .any(|word| word.eq_ignore_ascii_case(&action.value))
    };
    if let Some(action) = return_arg_action.as_ref().filter(known) {
        let what = format!("`returnArgAction` with `{}`", action.value);
        let help = "remove it; the process that runs the function is in the event";
        super::unsupported(sink, action.span, &what, help);
    }
    if let Some(one) = selectors.get(MAX_NUMBERED) {
        let message = format!("the hook has more than {MAX_NUMBERED} selectors");
        let help = "split them over several hooks";
        refuse(sink, code::TOO_COMPLEX, one.span, message, help);
    }
}

fn selector(
    declared: &Declared,
    selector: &form::Selector<'_>,
    spec: &Spec,
    sink: &mut Sink,
) -> CheckedSelector {
    refuse_filters(selector.written, spec, sink);
    let mut checked = CheckedSelector {
        span: selector.written.span,
        ..CheckedSelector::default()
    };
    for filter in &selector.filters {
        checked.tests.extend(filters::test(declared, filter, sink));
    }
    for filter in &selector.return_filters {
        checked
            .return_tests
            .extend(filters::test(declared, filter, sink));
    }
    process::filters(selector, &mut checked.tests, sink);
    checked.actions = actions::actions(selector.actions, sink);
    acts_before_return(&checked, sink);
    checked
}

/// Warns of actions whose author may think that they wait for the return value.
fn acts_before_return(selector: &CheckedSelector, sink: &mut Sink) {
    let acts = |action: &Action| match *action {
        Action::Sigkill(span) | Action::Signal(_, span) | Action::Override(_, span) => Some(span),
        Action::Post(_) | Action::NoPost => None,
    };
    if let Some(filter) = selector.return_tests.first()
        && let Some(span) = selector.actions.iter().find_map(acts)
    {
        let message = "the action does not wait for the return value";
        let help = "remove the filter if the action shall happen on every call; acting on the returned value is not supported yet";
        let warning = Diagnostic::warning(code::NO_EFFECT, message).at(span);
        sink.push(
            warning
                .related(filter.span, "decides about the event only")
                .help(help),
        );
    }
}

/// Refuses to let a security check succeed: to a program on its way, 0 means that it runs.
fn allows_nothing(selectors: &[CheckedSelector], sink: &mut Sink) {
    for action in selectors.iter().flat_map(|one| &one.actions) {
        if let Action::Override(0, span) = *action {
            let message = "programs can make a security check fail, not succeed";
            let help = "write an error as a negative number, for example `argError: -1` (EPERM)";
            refuse(sink, code::BAD_ACTION, span, message, help);
        }
    }
}

/// Refuses to let a call that never runs seem to open the file of an unrelated descriptor.
fn opens_nothing(selectors: &[CheckedSelector], sink: &mut Sink) {
    for action in selectors.iter().flat_map(|one| &one.actions) {
        if let Action::Override(value @ 0.., span) = *action {
            let message = format!(
                "the event would show the file of descriptor {value} as the one that the call has opened"
            );
            let help = "write an error as a negative number, for example `argError: -1` (EPERM), or give `returnArg` the type `int`";
            refuse(sink, code::BAD_ACTION, span, message, help);
        }
    }
}

/// Refuses the filters that are not compiled yet.
fn refuse_filters(selector: &Selector, spec: &Spec, sink: &mut Sink) {
    let Selector {
        span: _,
        // Shows up in Tetragon's statistics only.
        label: _,
        match_pids: _,
        match_args: _,
        match_data,
        match_return_args: _,
        match_binaries: _,
        match_parent_binaries,
        match_namespaces: _,
        match_namespace_changes,
        match_capabilities: _,
        match_capability_changes,
        match_workloads,
        match_actions: _,
        match_return_actions,
        macros,
    } = selector;
    let parents = match_parent_binaries.first().map(|one| one.span);
    let namespaces = match_namespace_changes.first().map(|one| one.span);
    let capabilities = match_capability_changes.first().map(|one| one.span);
    let workloads = match_workloads.as_ref().map(|one| one.span);
    let actions = match_return_actions.first().map(|one| one.span);
    let filters: [Missing; 6] = [
        (match_data.first().map(|one| one.span), "`matchData`", ARGS),
        (parents, "`matchParentBinaries`", BINARIES),
        (namespaces, "`matchNamespaceChanges`", NAMESPACES),
        (capabilities, "`matchCapabilityChanges`", CAPABILITIES),
        (workloads, "`matchWorkloads`", NODE),
        (actions, "`matchReturnActions`", ENTRY),
    ];
    super::refuse_all(&filters, sink);
    if let Some(name) = macros.first() {
        uses_macro(name, spec, sink);
    }
}

const ARGS: &str = "filter a parameter of the function with `matchArgs`";
const BINARIES: &str = "filter the process itself with `matchBinaries`";
const NAMESPACES: &str =
    "compare with the host's: `matchNamespaces` with `operator: NotIn` and `values: [host_ns]`";
const CAPABILITIES: &str = "look at what the process has with `matchCapabilities`";
const NODE: &str = "remove it if the selector may apply to every process of the node";
const ENTRY: &str = "act when the function is called, with `matchActions`";

/// Refuses a macro; one that is not there has been reported.
fn uses_macro(name: &Spanned<String>, spec: &Spec, sink: &mut Sink) {
    let mut macros = spec.selectors_macros.iter();
    if let Some(one) = macros.find(|one| one.name.value == name.value) {
        let message = format!(
            "the macro `{}` is not supported yet",
            super::shown(&name.value)
        );
        let error = Diagnostic::error(code::NOT_SUPPORTED, message).at(name.span);
        let error = error.related(one.name.span, "its filters");
        sink.push(error.help("write the macro's filters in the selector"));
    }
}

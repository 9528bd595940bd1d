//! `selectorsMacros`: filters and actions that selectors share.
//!
//! A selector takes over each list of a macro that it does not have itself; two who have the same one are an error. A
//! macro that no selector names is not looked at. Source: `appendMacrosSelectors` in `pkg/sensors/tracing/generic.go`.

use crate::check::form::Selector;
use crate::check::{refuse, shown};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::policy::{self, Spec, nearest};

/// A macro and where a selector names it.
type Used<'a> = (&'a policy::Selector, Span);

/// The selector with its macros, without filters yet.
pub(super) fn expanded<'a>(
    written: &'a policy::Selector,
    spec: &'a Spec,
    sink: &mut Sink,
) -> Selector<'a> {
    let find = |name| found(name, spec, sink);
    let macros: Vec<Used<'a>> = written.macros.iter().filter_map(find).collect();
    // All lists but `macros`; `matchWorkloads` of a macro is not taken over.
    macro_rules! list {
        ($field:ident, $name:literal) => {
            joined(
                &written.$field,
                &macros,
                $name,
                |one| &one.$field,
                |item| item.span,
                sink,
            )
        };
    }
    Selector {
        written,
        pids: list!(match_pids, "matchPIDs"),
        binaries: list!(match_binaries, "matchBinaries"),
        parent_binaries: list!(match_parent_binaries, "matchParentBinaries"),
        namespaces: list!(match_namespaces, "matchNamespaces"),
        namespace_changes: list!(match_namespace_changes, "matchNamespaceChanges"),
        capabilities: list!(match_capabilities, "matchCapabilities"),
        capability_changes: list!(match_capability_changes, "matchCapabilityChanges"),
        workloads: written.match_workloads.as_ref(),
        match_args: list!(match_args, "matchArgs"),
        match_data: list!(match_data, "matchData"),
        match_return_args: list!(match_return_args, "matchReturnArgs"),
        actions: list!(match_actions, "matchActions"),
        return_actions: list!(match_return_actions, "matchReturnActions"),
        filters: Vec::new(),
        return_filters: Vec::new(),
    }
}

/// A macro by its name; `None` means reported.
fn found<'a>(name: &'a Spanned<String>, spec: &'a Spec, sink: &mut Sink) -> Option<Used<'a>> {
    let named = |name: &str| {
        spec.selectors_macros
            .iter()
            .find(|one| one.name.value == name)
    };
    let Some(one) = named(&name.value) else {
        let known: Vec<&str> = spec
            .selectors_macros
            .iter()
            .map(|one| one.name.value.as_str())
            .collect();
        let message = format!("there is no macro `{}`", shown(&name.value));
        let help = match nearest(&name.value, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "declare it under `selectorsMacros` of the spec".to_owned(),
        };
        refuse(sink, code::BAD_MACRO, name.span, message, help);
        return None;
    };
    if let Some(inner) = one.value.macros.first() {
        let message = format!("the macro `{}` uses another macro", shown(&name.value));
        let error = Diagnostic::error(code::BAD_MACRO, message).at(name.span);
        let error = error.related(inner.span, "used here");
        sink.push(error.help("name both macros in the selector"));
        return None;
    }
    Some((&one.value, name.span))
}

/// The list of the selector or of its macros; of several that have it, the first.
fn joined<'a, T>(
    own: &'a [T],
    macros: &[Used<'a>],
    field: &str,
    list: impl Fn(&'a policy::Selector) -> &'a Vec<T>,
    place: impl Fn(&T) -> Span,
    sink: &mut Sink,
) -> &'a [T] {
    let mut chosen = own;
    for (one, used) in macros {
        let (Some(first), theirs) = (chosen.first(), list(one)) else {
            chosen = list(one);
            continue;
        };
        if let Some(second) = theirs.first() {
            let message = format!("the selector gets `{field}` twice");
            let error = Diagnostic::error(code::BAD_MACRO, message).at(*used);
            let error = error.related(place(second), "by this macro");
            let error = error.related(place(first), "and here");
            sink.push(error.help(format!("remove one `{field}`, or split the macro")));
        }
    }
    chosen
}

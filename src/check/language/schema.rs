//! What the schema says about fields that exclude one another or have a form. It holds wherever they stand, also in
//! macros that nothing uses. Source: the CEL rules and patterns of the CRD (`pkg/k8s/apis/cilium.io/v1alpha1`).

use crate::check::{refuse, shown};
use crate::diag::{Diagnostic, Sink, Span, code};
use crate::policy::{self, Action, LabelSelector, Spec};

use super::Written;

pub(super) fn judge(spec: &Spec, sink: &mut Sink) {
    let scopes = [
        &spec.pod_selector,
        &spec.container_selector,
        &spec.node_selector,
    ];
    for selector in scopes.into_iter().flatten() {
        labels(selector, sink);
    }
    if let Some(selector) = &spec.host_selector {
        host(selector, sink);
    }
    for one in &spec.selectors_macros {
        selector(&one.value, sink);
    }
    for hook in Written::all(spec).map(Written::parts) {
        for one in hook.selectors {
            selector(one, sink);
        }
    }
}

fn selector(selector: &policy::Selector, sink: &mut Sink) {
    for action in selector
        .match_actions
        .iter()
        .chain(&selector.match_return_actions)
    {
        one_target(action, sink);
    }
    let Some(workloads) = &selector.match_workloads else {
        return;
    };
    for one in [&workloads.pod_selector, &workloads.container_selector]
        .into_iter()
        .flatten()
    {
        labels(one, sink);
    }
    if let Some(one) = &workloads.host_selector {
        host(one, sink);
    }
}

/// An action jumps to one place.
fn one_target(action: &Action, sink: &mut Sink) {
    let targets: [(Option<Span>, &str); 3] = [
        (
            action.arg_new_symbol.as_ref().map(|one| one.span),
            "argNewSymbol",
        ),
        (action.arg_new_addr.map(|one| one.span), "argNewAddr"),
        (action.arg_new_offset.map(|one| one.span), "argNewOffset"),
    ];
    let mut given = targets
        .iter()
        .filter_map(|(span, name)| Some(((*span)?, *name)));
    if let (Some((first, name)), Some((second, other))) = (given.next(), given.next()) {
        let message = format!("an action has either `{name}` or `{other}`");
        let error = Diagnostic::error(code::BAD_ACTION, message).at(second);
        sink.push(
            error
                .related(first, "the first")
                .help("remove one of the two"),
        );
    }
}

/// Values that pods and nodes can have as labels.
fn labels(selector: &LabelSelector, sink: &mut Sink) {
    for label in &selector.match_labels {
        if let Err(why) = policy::label_value(&label.value.value) {
            let message = format!("`{}` is no value of a label", shown(&label.value.value));
            let error = Diagnostic::error(code::BAD_SCOPE, message)
                .at(label.value.span)
                .label(why);
            let help = "write a value that labels can have; images with `/` go into `matchExpressions` with `key: repo`";
            sink.push(error.help(help));
        }
    }
}

/// The host has no labels.
fn host(selector: &LabelSelector, sink: &mut Sink) {
    let labels = selector.match_labels.first().map(|label| label.name.span);
    let expressions = selector.match_expressions.first().map(|one| one.span);
    if let Some(span) = labels.or(expressions) {
        let message = "`hostSelector` selects by no labels: the host has none";
        refuse(
            sink,
            code::BAD_SCOPE,
            span,
            message,
            "write `hostSelector: {}`",
        );
    }
}

//! Which processes and nodes a policy applies to. tpc compiles policies for every process of a node.

use super::unsupported;
use crate::diag::{Diagnostic, Sink, code};
use crate::policy::{Kind, LabelSelector, Policy, Spec};

pub(super) fn check(policy: &Policy, sink: &mut Sink) {
    kind(policy, sink);
    workloads(&policy.spec, sink);
    let node = policy.spec.node_selector.as_ref();
    if let Some(selector) = node.filter(|selector| !selector.selects_all()) {
        let help = "remove it, and load the bundle on the nodes that it names";
        unsupported(sink, selector.span, "`nodeSelector`", help);
    }
}

fn kind(policy: &Policy, sink: &mut Sink) {
    if policy.kind.value != Kind::TracingPolicyNamespaced {
        return;
    }
    let message = "a policy for the pods of one namespace is not supported yet";
    let mut error = Diagnostic::error(code::NOT_SUPPORTED, message).at(policy.kind.span);
    if let Some(namespace) = &policy.namespace {
        error = error.related(namespace.span, "the namespace");
    }
    let help = "write `kind: TracingPolicy` and delete `namespace:` if the policy may apply to every process of the node";
    sink.push(error.help(help));
}

/// The selectors of pods, containers and the host. All three empty select everything, as all
/// three absent do; any other combination leaves some processes out.
fn workloads(spec: &Spec, sink: &mut Sink) {
    let selectors = [
        (&spec.pod_selector, "`podSelector`"),
        (&spec.container_selector, "`containerSelector`"),
        (&spec.host_selector, "`hostSelector`"),
    ];
    let everything = |(selector, _): &(&Option<LabelSelector>, &str)| {
        selector.as_ref().is_some_and(LabelSelector::selects_all)
    };
    if selectors.iter().all(everything) {
        return;
    }
    let written = selectors
        .into_iter()
        .filter_map(|(selector, what)| Some((selector.as_ref()?, what)));
    let mut written = written.map(|(selector, what)| (selector.span, what));
    let Some((span, what)) = written.next() else {
        return;
    };
    let message = format!("{what} is not supported yet");
    let error = Diagnostic::error(code::NOT_SUPPORTED, message).at(span);
    let error = written.fold(error, |error, (span, _)| {
        error.related(span, format!("with {what}"))
    });
    sink.push(error.help("remove it if the policy may apply to every process of the node"));
}

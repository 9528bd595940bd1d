//! Which processes a policy applies to, and what its kind allows.
//!
//! Source: `validateNamespacedProbes` and `updatePolicyFilter` in `pkg/sensors/k8s.go`, `PolicyHandler` in
//! `pkg/sensors/tracing/loader_linux.go`, the CEL rule of TracingPolicyNamespaced.

use crate::diag::{Diagnostic, Sink, code};
use crate::policy::{Kind, LabelSelector, Policy, Spec};

use super::Written;

pub(super) fn judge(policy: &Policy, sink: &mut Sink) {
    let spec = &policy.spec;
    if policy.kind.value == Kind::TracingPolicyNamespaced {
        probes_of_programs(policy, sink);
        if let Some(host) = &spec.host_selector {
            let message = "a policy of one namespace cannot select the host";
            let error = Diagnostic::error(code::BAD_SCOPE, message).at(host.span);
            let error = error.related(policy.kind.span, "this kind applies to one namespace");
            sink.push(error.help("remove it, or write `kind: TracingPolicy`"));
        }
    }
    loads_everywhere(policy, sink);
}

/// Programs are found on the host, which those who may write to one namespace only shall not reach.
fn probes_of_programs(policy: &Policy, sink: &mut Sink) {
    let hooks = Written::all(&policy.spec);
    let mut probes = hooks.filter(|hook| matches!(hook, Written::Uprobe(_) | Written::Usdt(_)));
    if let Some(first) = probes.next().map(Written::parts) {
        let message = format!(
            "a policy of one namespace has no `{}`",
            first.section.field()
        );
        let error = Diagnostic::error(code::BAD_SCOPE, message).at(first.place);
        let error = error.related(policy.kind.span, "this kind applies to one namespace");
        sink.push(error.help("write `kind: TracingPolicy`, with a `podSelector` if need be"));
    }
}

/// Events of `loader` cannot be limited to some processes.
fn loads_everywhere(policy: &Policy, sink: &mut Sink) {
    let Some(loader) = policy.spec.loader.filter(|flag| flag.value) else {
        return;
    };
    let selector = narrowing(&policy.spec).map(|selector| selector.span);
    let namespaced = policy.kind.value == Kind::TracingPolicyNamespaced;
    let Some(by) = selector.or(namespaced.then_some(policy.kind.span)) else {
        return;
    };
    let message = "`loader` sees every process, but the policy selects some";
    let error = Diagnostic::error(code::BAD_SCOPE, message).at(loader.span);
    let error = error.related(by, "selects some");
    sink.push(error.help("write `loader` into a policy of its own, without selectors"));
}

/// A selector that leaves processes out. All three of pods, containers and host `{}` select everything, as all three
/// absent do.
pub(super) fn narrowing(spec: &Spec) -> Option<&LabelSelector> {
    let selectors = [
        &spec.pod_selector,
        &spec.container_selector,
        &spec.host_selector,
    ];
    let selects_all = |selector: &&Option<LabelSelector>| {
        selector.as_ref().is_some_and(LabelSelector::selects_all)
    };
    match selectors.iter().all(selects_all) {
        true => None,
        false => selectors.into_iter().flatten().next(),
    }
}

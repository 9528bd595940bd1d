//! `enforcers`: the calls that `NotifyEnforcer` acts on. Source: `createEnforcerSensor` in
//! `pkg/sensors/tracing/enforcer.go`.

use super::lists::{self, Use};
use crate::check::{refuse, shown};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::kernel::{security, syscalls};
use crate::policy::{ListKind, Spec};

const SECURITY: &str = "security_";

pub(super) fn judge(spec: &Spec, sink: &mut Sink) {
    if let [first, second, ..] = spec.enforcers.as_slice() {
        let message = "a policy has one entry under `enforcers`";
        let error = Diagnostic::error(code::BAD_ENFORCER, message).at(second.span);
        sink.push(
            error
                .related(first.span, "the first")
                .help("put all `calls` into it"),
        );
    }
    let mut decision = None;
    for call in spec.enforcers.iter().flat_map(|enforcer| &enforcer.calls) {
        let found = decision_of(call, spec, sink);
        decision = decision.or(found);
    }
    if let Some(span) = decision {
        method(span, spec, sink);
    }
}

/// Judges a call. Place of a security decision, if it is one or stands for one.
fn decision_of(call: &Spanned<String>, spec: &Spec, sink: &mut Sink) -> Option<Span> {
    let Some(name) = lists::name(&call.value) else {
        return one(call, sink).then_some(call.span);
    };
    let list = lists::find(call, name, spec, sink)?;
    if list
        .kind
        .is_some_and(|kind| kind.value == ListKind::Syscalls)
    {
        lists::elements(list, Use::Functions, sink);
        return None;
    }
    let decisions = list.values.iter().filter(|element| one(element, sink));
    decisions.last().map(|element| element.span)
}

/// Reports what can be no call; whether it is a security decision.
fn one(call: &Spanned<String>, sink: &mut Sink) -> bool {
    let name = call.value.as_str();
    let known = lists::has_prefix(name) || name.starts_with("sys_") || name.starts_with(SECURITY);
    if !known {
        let message = format!(
            "`{}` cannot be enforced: it is neither a system call nor a `{SECURITY}` function",
            shown(name)
        );
        refuse(sink, code::BAD_ENFORCER, call.span, message, help(name));
    }
    name.starts_with(SECURITY)
}

fn help(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let bare = lower.strip_prefix("sys_").unwrap_or(&lower);
    if syscalls::is_known(bare) {
        return format!("write `sys_{bare}`");
    }
    match security::decision_behind(name) {
        Some(hook) => format!(
            "name `{hook}`, which can refuse what `{}` does",
            shown(name)
        ),
        None => format!("name the system call, or the `{SECURITY}` function that is asked before"),
    }
}

/// What security decisions return cannot be replaced by `override-return`.
fn method(decision: Span, spec: &Spec, sink: &mut Sink) {
    let mut methods = spec
        .options
        .iter()
        .filter(|one| one.name.value == "override-method");
    let method = methods.next_back().and_then(|option| option.value.as_ref());
    if let Some(method) = method.filter(|method| method.value == "override-return") {
        let message = "`override-return` does not work on `security_` functions";
        let error = Diagnostic::error(code::BAD_ENFORCER, message).at(method.span);
        let error = error.related(decision, "one of them");
        sink.push(error.help("write `value: fmod-ret`, or remove the option"));
    }
}

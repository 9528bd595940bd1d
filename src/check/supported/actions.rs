//! `matchActions`.

use super::{refuse, unsupported, warn};
use crate::check::language::milliseconds;
use crate::check::written;
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{Rate, RateScope};
use crate::policy::{self, ActionKind};

/// What a selector asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Post(Option<Rate>),
    NoPost,
    Sigkill(Span),
    Signal(u32, Span),
    Override(i32, Span),
}

/// Highest signal number, _NSIG (arch/x86/include/asm/signal.h).
const MAX_SIGNAL: u32 = 64;
/// Lowest value that the kernel takes for an error, -MAX_ERRNO (include/linux/err.h).
const MIN_ERROR: i32 = -4095;

pub(super) fn actions(actions: &[policy::Action], sink: &mut Sink) -> Vec<Action> {
    let one = |action: &policy::Action| Some((one(action, sink)?, action.action.span));
    let checked: Vec<(Action, Span)> = actions.iter().filter_map(one).collect();
    one_event(&checked, sink);
    one_result(&checked, sink);
    checked.into_iter().map(|(action, _)| action).collect()
}

/// `None` means reported.
fn one(action: &policy::Action, sink: &mut Sink) -> Option<Action> {
    let (kind, span) = (action.action.value, action.action.span);
    let is_compiled = refuse_action(kind, span, sink);
    if !is_compiled {
        return None;
    }
    refuse_fields(action, sink);
    foreign_parameters(action, sink);
    if kind != ActionKind::Post {
        rate_elsewhere(action, sink);
    }
    match kind {
        ActionKind::Post => post(action, sink),
        ActionKind::NoPost => Some(Action::NoPost),
        ActionKind::Sigkill => Some(Action::Sigkill(span)),
        ActionKind::Signal => signal(action, sink).map(|number| Action::Signal(number, span)),
        ActionKind::Override => {
            returned_value(action, sink).map(|value| Action::Override(value, span))
        }
        _ => None,
    }
}

/// Refuses the actions that are not compiled yet.
fn refuse_action(kind: ActionKind, span: Span, sink: &mut Sink) -> bool {
    let help = match kind {
        ActionKind::Post
        | ActionKind::NoPost
        | ActionKind::Sigkill
        | ActionKind::Signal
        | ActionKind::Override => return true,
        ActionKind::GetUrl | ActionKind::DnsLookup => {
            "write `Post`, and act on the event where it arrives"
        }
        ActionKind::TrackSock | ActionKind::UntrackSock => {
            "remove it: the process that calls the function is in the event"
        }
        ActionKind::NotifyEnforcer => {
            "write `Override` with `argError: -1` in the hook of the call to refuse"
        }
        ActionKind::CleanupEnforcerNotification => "remove it",
        ActionKind::Set => "remove it; it works on `usdts` only",
    };
    unsupported(sink, span, &format!("the action `{kind}`"), help);
    false
}

fn refuse_fields(action: &policy::Action, sink: &mut Sink) {
    let flags = [
        (action.kernel_stack_trace, "`kernelStackTrace`"),
        (action.user_stack_trace, "`userStackTrace`"),
        (action.ima_hash, "`imaHash`"),
    ];
    for (flag, what) in flags {
        if let Some(flag) = flag.filter(|flag| flag.value) {
            unsupported(
                sink,
                flag.span,
                what,
                "remove it: the event is reported without",
            );
        }
    }
}

/// A parameter that is given: its place, name and the action that takes it, if that is one of kprobes.
type Parameter = (Option<Span>, &'static str, Option<ActionKind>);

/// Reports parameters of other actions, which Tetragon ignores. Where the action only reports, its author may
/// count on the signal or error that the parameter names: that is an error.
fn foreign_parameters(action: &policy::Action, sink: &mut Sink) {
    let kind = action.action.value;
    let enforces = !matches!(kind, ActionKind::Post | ActionKind::NoPost);
    for (span, what, owner) in parameters(action) {
        let Some(span) = span.filter(|_| owner != Some(kind)) else {
            continue;
        };
        let message = format!("`{what}` has no effect on `{kind}`");
        match owner {
            None => {
                let help = "remove it: it works on uprobes only";
                refuse(sink, code::BAD_ACTION, span, message, help);
            }
            Some(owner @ (ActionKind::Override | ActionKind::Signal)) if !enforces => {
                let help = format!("add an action `{owner}` with it, or remove it");
                refuse(sink, code::BAD_ACTION, span, message, help);
            }
            Some(_) => warn(sink, code::NO_EFFECT, span, message, "remove it"),
        }
    }
}

fn parameters(action: &policy::Action) -> [Parameter; 11] {
    use ActionKind as A;
    let policy::Action {
        span: _,
        action: _,
        arg_url,
        arg_fqdn,
        arg_error,
        arg_sig,
        arg_sock,
        arg_index,
        arg_value,
        arg_regs,
        arg_new_symbol: symbol,
        arg_new_addr,
        arg_new_offset,
        rate_limit: _,
        rate_limit_scope: _,
        kernel_stack_trace: _,
        user_stack_trace: _,
        ima_hash: _,
    } = action;
    let text = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.span);
    [
        (text(arg_url), "argUrl", Some(A::GetUrl)),
        (text(arg_fqdn), "argFqdn", Some(A::DnsLookup)),
        (arg_error.map(|one| one.span), "argError", Some(A::Override)),
        (arg_sig.map(|one| one.span), "argSig", Some(A::Signal)),
        (arg_sock.map(|one| one.span), "argSock", Some(A::TrackSock)),
        (arg_index.map(|one| one.span), "argIndex", Some(A::Set)),
        (arg_value.map(|one| one.span), "argValue", Some(A::Set)),
        (arg_regs.first().map(|one| one.span), "argRegs", None),
        (text(symbol), "argNewSymbol", None),
        (arg_new_addr.map(|one| one.span), "argNewAddr", None),
        (arg_new_offset.map(|one| one.span), "argNewOffset", None),
    ]
}

fn signal(action: &policy::Action, sink: &mut Sink) -> Option<u32> {
    let help =
        format!("write `argSig:` with a number from 1 to {MAX_SIGNAL}, for example 15 (SIGTERM)");
    match action.arg_sig {
        Some(number) if (1..=MAX_SIGNAL).contains(&number.value) => Some(number.value),
        Some(number) => {
            let message = format!("there is no signal {}: nothing would be sent", number.value);
            refuse(sink, code::BAD_ACTION, number.span, message, help);
            None
        }
        None => {
            let message = "`Signal` does not say which signal: nothing would be sent";
            refuse(sink, code::BAD_ACTION, action.action.span, message, help);
            None
        }
    }
}

/// The value that the function returns instead of running.
fn returned_value(action: &policy::Action, sink: &mut Sink) -> Option<i32> {
    let help = "write `argError:` with an error as a negative number, for example -1 (EPERM)";
    match action.arg_error {
        Some(Spanned {
            value: MIN_ERROR..=0,
            ..
        }) => {}
        Some(Spanned { value: 1.., span }) => {
            let message = "the value that `Override` returns is not negative: callers may take it for success";
            warn(sink, code::BAD_ACTION, span, message, help);
        }
        Some(Spanned { span, .. }) => {
            let message = format!(
                "the value that `Override` returns is not an error: those are {MIN_ERROR} to -1"
            );
            refuse(sink, code::BAD_ACTION, span, message, help);
            return None;
        }
        None => {
            let message = "`Override` has no error to return: the call would seem to succeed";
            refuse(sink, code::BAD_ACTION, action.action.span, message, help);
        }
    }
    action.arg_error.map(|error| error.value)
}

fn post(action: &policy::Action, sink: &mut Sink) -> Option<Action> {
    let scope = written(&action.rate_limit_scope);
    let limit = action
        .rate_limit
        .as_ref()
        .filter(|text| !text.value.is_empty());
    let Some(limit) = limit else {
        if let Some(scope) = scope {
            let message = "`rateLimitScope` has no effect without `rateLimit`";
            let help = "add `rateLimit:`, for example `rateLimit: 1m`, or remove it";
            warn(sink, code::NO_EFFECT, scope, message, help);
        }
        return Some(Action::Post(None));
    };
    let scope = match action
        .rate_limit_scope
        .as_ref()
        .map(|scope| scope.value.as_str())
    {
        Some("process") => RateScope::Process,
        Some("global") => RateScope::Global,
        _ => RateScope::Thread,
    };
    let interval_ms = milliseconds(&limit.value)?;
    let rate = (interval_ms > 0).then_some(Rate { interval_ms, scope });
    Some(Action::Post(rate))
}

/// Reports the scope of a limit for an action that has none.
fn rate_elsewhere(action: &policy::Action, sink: &mut Sink) {
    let kind = action.action.value;
    let limited = written(&action.rate_limit).is_some();
    if let Some(scope) = written(&action.rate_limit_scope).filter(|_| !limited) {
        let message = format!("`rateLimitScope` has no effect on `{kind}`");
        warn(sink, code::NO_EFFECT, scope, message, "remove it");
    }
}

/// Reports what contradicts a `Post`.
fn one_event(actions: &[(Action, Span)], sink: &mut Sink) {
    let silent = actions.iter().find(|(action, _)| *action == Action::NoPost);
    let mut posts = actions.iter().filter_map(|&(action, span)| match action {
        Action::Post(rate) => Some((rate, span)),
        _ => None,
    });
    let Some((first, span)) = posts.next() else {
        return;
    };
    if let Some((_, no_post)) = silent {
        let message = "`Post` has no effect beside `NoPost`";
        let warning = Diagnostic::warning(code::NO_EFFECT, message).at(span);
        let warning = warning.related(*no_post, "no event");
        sink.push(warning.help("remove one of the two"));
    }
    if let Some((_, second)) = posts.find(|(rate, _)| *rate != first) {
        let message = "the selector has two limits for the same event";
        let error = Diagnostic::error(code::BAD_ACTION, message).at(second);
        sink.push(error.related(span, "the first").help("write one `Post`"));
    }
}

/// Reports an `Override` that a later one replaces.
fn one_result(actions: &[(Action, Span)], sink: &mut Sink) {
    let mut overrides = actions.iter().filter_map(|&(action, span)| match action {
        Action::Override(value, _) => Some((value, span)),
        _ => None,
    });
    if let Some((last, by)) = overrides.next_back()
        && let Some((_, span)) = overrides.find(|(value, _)| *value != last)
    {
        let message = "this `Override` has no effect: a later one returns another value";
        let warning = Diagnostic::warning(code::NO_EFFECT, message).at(span);
        let warning = warning.related(by, "the value that is returned");
        sink.push(warning.help("remove one of the two"));
    }
}

//! `matchActions`.

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
    actions
        .iter()
        .filter_map(|action| one(action, sink))
        .collect()
}

fn one(action: &policy::Action, sink: &mut Sink) -> Option<Action> {
    refuse_fields(action, sink);
    let (kind, span) = (action.action.value, action.action.span);
    let limit = action
        .rate_limit
        .as_ref()
        .filter(|limit| !limit.value.is_empty());
    if let Some(limit) = limit.filter(|_| kind != ActionKind::Post) {
        let message = format!("`rateLimit` limits `Post`, not `{kind}`");
        let help = "add an action `Post` of its own with the limit";
        sink.push(
            Diagnostic::error(code::BAD_ACTION, message)
                .at(limit.span)
                .help(help),
        );
    }
    match kind {
        ActionKind::Post => Some(Action::Post(rate(action, sink))),
        ActionKind::NoPost => Some(Action::NoPost),
        ActionKind::Sigkill => Some(Action::Sigkill(span)),
        ActionKind::Signal => signal(action, sink).map(|number| Action::Signal(number, span)),
        ActionKind::Override => error(action, sink).map(|value| Action::Override(value, span)),
        other => {
            let help = "use Post, NoPost, Sigkill, Signal or Override";
            super::unsupported(sink, span, &format!("the action `{other}`"), help);
            None
        }
    }
}

fn refuse_fields(action: &policy::Action, sink: &mut Sink) {
    let flags = [
        (action.kernel_stack_trace, "`kernelStackTrace`"),
        (action.user_stack_trace, "`userStackTrace`"),
        (action.ima_hash, "`imaHash`"),
    ];
    for (flag, what) in flags {
        if let Some(flag) = flag.filter(|flag| flag.value) {
            super::unsupported(sink, flag.span, what, "remove it");
        }
    }
}

fn signal(action: &policy::Action, sink: &mut Sink) -> Option<u32> {
    let number = action
        .arg_sig
        .filter(|number| (1..=MAX_SIGNAL).contains(&number.value));
    if number.is_none() {
        let span = action
            .arg_sig
            .map_or(action.action.span, |number| number.span);
        let message = "`Signal` needs the number of a signal, or nothing would be sent";
        let help = format!("add `argSig:` with a number from 1 to {MAX_SIGNAL}, for example 15");
        sink.push(
            Diagnostic::error(code::BAD_ACTION, message)
                .at(span)
                .help(help),
        );
    }
    number.map(|number| number.value)
}

fn error(action: &policy::Action, sink: &mut Sink) -> Option<i32> {
    let (message, span) = match action.arg_error {
        Some(Spanned {
            value: MIN_ERROR..=0,
            ..
        }) => return action.arg_error.map(|e| e.value),
        Some(error) => (
            "the value that `Override` returns is not an error",
            error.span,
        ),
        None => (
            "`Override` has no error to return: the call would seem to succeed",
            action.action.span,
        ),
    };
    let help = "add `argError:` with a negative error number, for example -1 (EPERM)";
    sink.push(
        Diagnostic::error(code::BAD_ACTION, message)
            .at(span)
            .help(help),
    );
    None
}

fn rate(action: &policy::Action, sink: &mut Sink) -> Option<Rate> {
    let limit = action
        .rate_limit
        .as_ref()
        .filter(|limit| !limit.value.is_empty())?;
    let scope = scope(action, sink);
    match milliseconds(&limit.value) {
        Some(0) => None,
        Some(interval_ms) => Some(Rate { interval_ms, scope }),
        None => {
            let message = format!("`{}` is not a time", limit.value);
            let help = "write seconds, minutes or hours: `30`, `30s`, `5m`, `1h`";
            sink.push(
                Diagnostic::error(code::BAD_ACTION, message)
                    .at(limit.span)
                    .help(help),
            );
            None
        }
    }
}

fn scope(action: &policy::Action, sink: &mut Sink) -> RateScope {
    let Some(scope) = action
        .rate_limit_scope
        .as_ref()
        .filter(|s| !s.value.is_empty())
    else {
        return RateScope::Thread;
    };
    match scope.value.as_str() {
        "thread" => RateScope::Thread,
        "process" => RateScope::Process,
        "global" => RateScope::Global,
        other => {
            let message = format!("`{other}` is not the scope of a rate limit");
            let help = "write `thread`, `process` or `global`";
            sink.push(
                Diagnostic::error(code::BAD_ACTION, message)
                    .at(scope.span)
                    .help(help),
            );
            RateScope::Thread
        }
    }
}

/// A time as milliseconds, at most `u32::MAX`.
fn milliseconds(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.strip_suffix(['s', 'm', 'h']) {
        Some(digits) if lower.ends_with('m') => (digits, 60),
        Some(digits) if lower.ends_with('h') => (digits, 3600),
        Some(digits) => (digits, 1),
        None => (lower.as_str(), 1),
    };
    if !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let seconds: u32 = digits.parse().ok()?;
    Some(u32::try_from(u64::from(seconds) * unit * 1000).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_have_units_and_saturate() {
        let cases = [
            ("5", Some(5_000)),
            ("5s", Some(5_000)),
            ("1M", Some(60_000)),
            ("1h", Some(3_600_000)),
            ("4294967295h", Some(u32::MAX)),
            ("m", None),
            ("-1", None),
            ("1d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}

//! `matchActions` and `matchReturnActions`.
//!
//! Source: `ParseMatchAction` and `parseRateLimit` in `pkg/selectors/kernel.go`, and what each section allows:
//! `validateOverride`, `preValidateKprobe`, `genericfentry.go`, `validateUprobeSpec`, `addUsdt`, `isValidLsmSelectors`
//! in `pkg/sensors/tracing`.

use super::{Declared, assignment, lists};
use crate::check::form::{Section, Selector, Written};
use crate::check::{refuse, set_at, shown};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::kernel::security;
use crate::policy::{Action, ActionKind, Kprobe, ListKind, nearest};

/// Functions whose result fmod_ret can replace.
pub(in crate::check) const SECURITY: &str = "security_";

pub(super) fn judge(declared: &Declared<'_>, selector: &Selector<'_>, sink: &mut Sink) {
    for action in selector.actions {
        rate(action, sink);
    }
    if declared.parts.returns.is_some() {
        for action in selector.return_actions {
            rate(action, sink);
        }
    }
    match declared.written {
        Written::Kprobe(kprobe) => {
            traces(selector, sink);
            notifies(declared, selector, sink);
            for action in of_kind(selector.actions, ActionKind::Override) {
                can_override(declared, kprobe, action, sink);
            }
        }
        Written::Fentry(_) => {
            traces(selector, sink);
            no_enforcement(selector, sink);
        }
        Written::Tracepoint(_) => notifies(declared, selector, sink),
        Written::Uprobe(_) => {
            no_requests(declared, selector, sink);
            registers(selector, sink);
        }
        Written::Usdt(_) => no_requests(declared, selector, sink),
        Written::LsmHook(_) => of_decision(selector, sink),
    }
}

fn of_kind(actions: &[Action], kind: ActionKind) -> impl Iterator<Item = &Action> {
    actions
        .iter()
        .filter(move |action| action.action.value == kind)
}

/// Stack traces belong to events. What macros add is not looked at.
fn traces(selector: &Selector<'_>, sink: &mut Sink) {
    for action in &selector.written.match_actions {
        let traces = set_at(action.kernel_stack_trace).map(|span| (span, "kernelStackTrace"));
        let traces =
            traces.or(set_at(action.user_stack_trace).map(|span| (span, "userStackTrace")));
        if let Some((span, what)) = traces.filter(|_| action.action.value != ActionKind::Post) {
            let kind = action.action.value;
            let message = format!("`{what}` belongs to `Post`, not `{kind}`");
            let help = "add an action `Post` with it: a selector can have both";
            refuse(sink, code::BAD_ACTION, span, message, help);
        }
    }
}

/// `NotifyEnforcer` needs an enforcer to notify. What macros add is not looked at.
fn notifies(declared: &Declared<'_>, selector: &Selector<'_>, sink: &mut Sink) {
    // A field that is not read, such as `killers`, may stand for them.
    if declared.policy.incomplete || !declared.policy.spec.enforcers.is_empty() {
        return;
    }
    for action in of_kind(&selector.written.match_actions, ActionKind::NotifyEnforcer) {
        let message = "there is no enforcer to notify";
        let help = "add `enforcers:` to the spec, with the `calls` to refuse";
        refuse(sink, code::BAD_ENFORCER, action.action.span, message, help);
    }
}

/// Whether Tetragon takes the action for enforcement.
pub(in crate::check) fn enforces(kind: ActionKind) -> bool {
    use ActionKind as A;
    matches!(
        kind,
        A::Sigkill | A::Signal | A::Override | A::NotifyEnforcer | A::Set
    )
}

/// Fentries report only. What macros add is not looked at.
fn no_enforcement(selector: &Selector<'_>, sink: &mut Sink) {
    let actions = selector.written.match_actions.iter();
    for action in actions.filter(|action| enforces(action.action.value)) {
        let kind = action.action;
        let message = format!("a fentry does not act: `{}` is not possible", kind.value);
        let help = "move the hook to `kprobes`, or remove the action";
        refuse(sink, code::BAD_ACTION, kind.span, message, help);
    }
}

/// Whether the kernel lets the function's result be replaced: security decisions and system calls.
fn can_override(declared: &Declared<'_>, kprobe: &Kprobe, action: &Action, sink: &mut Sink) {
    let allowed = |name: &str| name.starts_with(SECURITY) || kprobe.is_syscall();
    let call = &kprobe.call;
    let Some(name) = lists::name(&call.value) else {
        if !allowed(&call.value) {
            no_override(call, action.action.span, sink);
        }
        return;
    };
    let list = declared
        .policy
        .spec
        .lists
        .iter()
        .find(|list| list.name.value == name);
    let of_functions = list.filter(|list| {
        let kind = list.kind.map(|kind| kind.value);
        !matches!(kind, Some(ListKind::Syscalls | ListKind::GeneratedSyscalls))
    });
    let mut others = of_functions.iter().flat_map(|list| &list.values);
    if let Some(other) = others.find(|value| !allowed(&value.value)) {
        no_override(other, action.action.span, sink);
    }
}

fn no_override(function: &Spanned<String>, span: Span, sink: &mut Sink) {
    let name = function.value.as_str();
    let message = "`Override` works on system calls and `security_` functions only";
    let help = match security::decision_behind(name) {
        Some(hook) => format!("hook `{hook}`, which can refuse what `{}` does", shown(name)),
        None if name.starts_with("__x64_sys_") => "write `syscall: true`".to_owned(),
        None => "hook the `security_` function that is asked before, or the system call; or use `Sigkill`".to_owned(),
    };
    let error = Diagnostic::error(code::BAD_ACTION, message).at(span);
    sink.push(
        error
            .related(function.span, "neither of the two")
            .help(help),
    );
}

/// Probes of programs make the agent fetch nothing.
fn no_requests(declared: &Declared<'_>, selector: &Selector<'_>, sink: &mut Sink) {
    let section = declared.parts.section;
    let returns = match declared.parts.returns {
        Some(_) => selector.return_actions,
        None => &[],
    };
    let requests = |action: &&Action| {
        matches!(
            action.action.value,
            ActionKind::GetUrl | ActionKind::DnsLookup
        )
    };
    for action in selector.actions.iter().chain(returns).filter(requests) {
        let kind = action.action;
        let message = format!(
            "{} does not have the action `{}`",
            section.hook(),
            kind.value
        );
        let help = "write `Post`, and act on the event where it arrives";
        refuse(sink, code::BAD_ACTION, kind.span, message, help);
    }
}

/// What a uprobe's `Override` writes.
fn registers(selector: &Selector<'_>, sink: &mut Sink) {
    let mut overrides = of_kind(selector.actions, ActionKind::Override);
    let Some(first) = overrides.next() else {
        return;
    };
    if let Some(second) = overrides.next() {
        let message = "the selector has two `Override` for the same call";
        let error = Diagnostic::error(code::BAD_ACTION, message).at(second.action.span);
        let help = "write all assignments into one: `argRegs: [rax=1, rdi=2]`";
        sink.push(error.related(first.action.span, "the first").help(help));
    }
    for action in of_kind(selector.actions, ActionKind::Override) {
        for text in &action.arg_regs {
            if let Err((why, help)) = assignment::check(&text.value) {
                let message = format!("`{}` assigns nothing: {why}", shown(&text.value));
                refuse(sink, code::BAD_ACTION, text.span, message, help);
            }
        }
        target(action, sink);
    }
}

/// Where a uprobe's `Override` jumps.
fn target(action: &Action, sink: &mut Sink) {
    if let Some(symbol) = action
        .arg_new_symbol
        .as_ref()
        .filter(|one| one.value.contains('+'))
    {
        let message = format!("`{}` is no symbol of a program", shown(&symbol.value));
        let help = "write a symbol without an offset, or `argNewAddr` with an address";
        refuse(sink, code::BAD_ACTION, symbol.span, message, help);
    }
    if let Some(offset) = action.arg_new_offset.filter(|offset| offset.value < 0) {
        let message = "an offset in a file is not negative";
        let help = "write the place in the file, or `argNewSymbol` with a name";
        refuse(sink, code::BAD_ACTION, offset.span, message, help);
    }
}

/// The argument that `Set` writes to. Tetragon looks at the first `Set` of a hook.
pub(super) fn set(selectors: &[Selector<'_>], arguments: usize, sink: &mut Sink) {
    let mut sets = selectors
        .iter()
        .flat_map(|one| of_kind(one.actions, ActionKind::Set));
    let Some(action) = sets.next() else {
        return;
    };
    let position = action.arg_index.map_or(0, |index| index.value);
    if usize::try_from(position).is_ok_and(|position| position < arguments) {
        return;
    }
    let span = action
        .arg_index
        .map_or(action.action.span, |index| index.span);
    let message = format!("there is no argument at position {position} to set");
    let help = match arguments {
        0 => "declare the argument under `args` of the hook".to_owned(),
        _ => format!(
            "`argIndex` is a position in `args`: write 0 to {}",
            arguments - 1
        ),
    };
    refuse(sink, code::NO_SUCH_ARG, span, message, help);
}

/// What a hook of a security decision can do.
fn of_decision(selector: &Selector<'_>, sink: &mut Sink) {
    use ActionKind as A;
    for action in selector.actions {
        let kind = action.action;
        if !matches!(
            kind.value,
            A::Post | A::NoPost | A::Sigkill | A::Signal | A::Override
        ) {
            let message = format!(
                "{} does not have the action `{}`",
                Section::LsmHooks.hook(),
                kind.value
            );
            let help = "write one of Post, NoPost, Sigkill, Signal, Override";
            refuse(sink, code::BAD_ACTION, kind.span, message, help);
            continue;
        }
        let traces = set_at(action.kernel_stack_trace);
        let traces = traces.or(set_at(action.user_stack_trace));
        if let Some(span) = traces.filter(|_| kind.value == A::Post) {
            let message = "an lsmhook reports no stack traces";
            let help = "remove it, or hook the `security_` function with `kprobes`";
            refuse(sink, code::BAD_ACTION, span, message, help);
        }
    }
}

/// The limit of a `Post`. Its scope is looked at with a limit only.
fn rate(action: &Action, sink: &mut Sink) {
    let limit = action
        .rate_limit
        .as_ref()
        .filter(|text| !text.value.is_empty());
    let Some(limit) = limit else { return };
    let kind = action.action.value;
    if kind != ActionKind::Post {
        let message = format!("`rateLimit` limits `Post`, not `{kind}`");
        let help = match kind {
            ActionKind::NoPost => "remove it, or write `Post` instead",
            _ => "add an action `Post` of its own with the limit; what enforces is not limited",
        };
        return refuse(sink, code::BAD_ACTION, limit.span, message, help);
    }
    if milliseconds(&limit.value).is_none() {
        let message = format!("`{}` is not a time", shown(&limit.value));
        let help = "write seconds, minutes or hours: `30`, `30s`, `5m`, `1h`";
        refuse(sink, code::BAD_ACTION, limit.span, message, help);
    }
    let scope = action
        .rate_limit_scope
        .as_ref()
        .filter(|text| !text.value.is_empty());
    if let Some(scope) = scope.filter(|scope| !RATE_SCOPES.contains(&scope.value.as_str())) {
        let message = format!("`{}` is not the scope of a rate limit", shown(&scope.value));
        let help = match nearest(&scope.value, &RATE_SCOPES) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write `thread`, `process` or `global`".to_owned(),
        };
        refuse(sink, code::BAD_ACTION, scope.span, message, help);
    }
}

const RATE_SCOPES: [&str; 3] = ["thread", "process", "global"];

/// A time as milliseconds, at most `u32::MAX`.
pub(in crate::check) fn milliseconds(text: &str) -> Option<u32> {
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

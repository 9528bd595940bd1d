//! What is done, and what that achieves.

use super::{Effect, and};
use crate::check::form::{Hook, Section, Selector};
use crate::kernel::security;
use crate::policy::{Action, ActionKind, Policy};

/// SIGKILL (include/uapi/asm-generic/signal.h).
const SIGKILL: u32 = 9;

/// The actions of a selector at the entry of its hook: what they achieve, and a sentence.
pub(super) fn entry(
    selector: &Selector<'_>,
    hook: &Hook<'_>,
    names: &[String],
    policy: &Policy,
) -> (Effect, String) {
    let section = hook.parts.section;
    let mut parts: Vec<String> = Vec::new();
    for action in selector.actions {
        parts.extend(does(action, section, names, policy));
    }
    parts.push(event(selector.actions));
    (effect(selector, hook, names), sentence(&parts))
}

/// What the actions of a selector achieve.
pub(super) fn effect(selector: &Selector<'_>, hook: &Hook<'_>, names: &[String]) -> Effect {
    let section = hook.parts.section;
    let silent = is_silent(selector.actions);
    let least = if silent {
        Effect::Ignores
    } else {
        Effect::Observes
    };
    let each = selector
        .actions
        .iter()
        .map(|action| of_action(action, section, names));
    each.flatten().max().unwrap_or(least).max(least)
}

fn of_action(action: &Action, section: Section, names: &[String]) -> Option<Effect> {
    use ActionKind as A;
    let kills = match action.action.value {
        A::Sigkill => true,
        A::Signal => action.arg_sig.is_some_and(|signal| signal.value == SIGKILL),
        _ => false,
    };
    if kills {
        let starts = !names.is_empty() && names.iter().all(|name| security::starts_program(name));
        return Some(if starts {
            Effect::Prevents
        } else {
            Effect::KillsAfter
        });
    }
    match action.action.value {
        A::Override if section == Section::Uprobes && goes_elsewhere(action) => {
            Some(Effect::Changes)
        }
        A::Override if has_override(section) => Some(Effect::Prevents),
        A::NotifyEnforcer if notifies(section) => Some(Effect::Prevents),
        A::Signal if action.arg_sig.is_some_and(|signal| signal.value != 0) => {
            Some(Effect::Changes)
        }
        A::Set if section == Section::Usdts => Some(Effect::Changes),
        _ => None,
    }
}

/// Whether a uprobe's `Override` sets registers or jumps, instead of returning.
fn goes_elsewhere(action: &Action) -> bool {
    let jumps = action.arg_new_symbol.is_some() || action.arg_new_addr.is_some();
    jumps || action.arg_new_offset.is_some() || !action.arg_regs.is_empty()
}

fn has_override(section: Section) -> bool {
    matches!(
        section,
        Section::Kprobes | Section::LsmHooks | Section::Uprobes
    )
}

fn notifies(section: Section) -> bool {
    matches!(section, Section::Kprobes | Section::Tracepoints)
}

fn is_silent(actions: &[Action]) -> bool {
    actions
        .iter()
        .any(|action| action.action.value == ActionKind::NoPost)
}

/// What an action does; events are said apart.
fn does(action: &Action, section: Section, names: &[String], policy: &Policy) -> Option<String> {
    use ActionKind as A;
    let kind = action.action.value;
    let starts = !names.is_empty() && names.iter().all(|name| security::starts_program(name));
    let killed = match starts {
        true => "the process is killed before the new program runs",
        false => "the call goes on, and the process is killed when it returns from it",
    };
    let text = match kind {
        A::Post | A::NoPost => return None,
        A::Sigkill => killed.to_owned(),
        A::Signal => match action.arg_sig.map(|signal| signal.value) {
            Some(SIGKILL) => killed.to_owned(),
            None | Some(0) => "no signal is sent, for none is named".to_owned(),
            Some(signal) => format!("the process gets {}", signal_name(signal)),
        },
        A::Override if section == Section::Uprobes => of_program(action),
        A::Override if has_override(section) => {
            refused("the call", action.arg_error.map(|error| error.value))
        }
        A::NotifyEnforcer if notifies(section) => {
            let calls = policy.spec.enforcers.iter().flat_map(|one| &one.calls);
            let calls: Vec<String> = calls.map(|call| format!("`{}`", call.value)).collect();
            let signal = action.arg_sig.filter(|signal| signal.value != 0);
            let mut text = refused(
                &format!("the next of {} in this thread", super::some(&calls)),
                action.arg_error.map(|error| error.value),
            );
            if let Some(signal) = signal {
                text.push_str(&format!(
                    ", and the process gets {}",
                    signal_name(signal.value)
                ));
            }
            text
        }
        A::Set if section == Section::Usdts => {
            let value = action.arg_value.map_or(0, |value| value.value);
            let index = action.arg_index.map_or(0, |index| index.value);
            format!("the argument at position {index} is set to {value}")
        }
        A::GetUrl => format!("the agent fetches `{}`", text(&action.arg_url)),
        A::DnsLookup => format!("the agent looks up `{}`", text(&action.arg_fqdn)),
        A::TrackSock => "later events on the socket are attributed to this process".to_owned(),
        A::UntrackSock => {
            "later events on the socket are no longer attributed to a process".to_owned()
        }
        A::CleanupEnforcerNotification => "what an enforcer was to refuse is forgotten".to_owned(),
        A::Override | A::NotifyEnforcer | A::Set => format!("`{kind}` has no effect here"),
    };
    Some(text)
}

fn text(text: &Option<crate::diag::Spanned<String>>) -> &str {
    text.as_ref().map_or("", |text| text.value.as_str())
}

fn refused(what: &str, error: Option<i32>) -> String {
    match error {
        None | Some(0) => format!("{what} does nothing and returns 0, as if it had succeeded"),
        Some(error) if error > 0 => format!("{what} does nothing and returns {error}"),
        Some(error) => format!("{what} fails with {}", error_name(error)),
    }
}

fn of_program(action: &Action) -> String {
    if let Some(symbol) = &action.arg_new_symbol {
        return format!("the program goes on in `{}` instead", symbol.value);
    }
    if let Some(place) = action.arg_new_addr.map(|one| one.value) {
        return format!("the program goes on at the address {place:#x} instead");
    }
    if let Some(place) = action.arg_new_offset.map(|one| one.value) {
        return format!("the program goes on at the offset {place:#x} instead");
    }
    let registers: Vec<String> = action
        .arg_regs
        .iter()
        .map(|one| format!("`{}`", one.value))
        .collect();
    match registers.as_slice() {
        [] => format!(
            "the function does not run and returns {}",
            action.arg_error.map_or(0, |error| error.value)
        ),
        registers => format!("registers are set: {}", and(registers)),
    }
}

/// What is said of events.
fn event(actions: &[Action]) -> String {
    if is_silent(actions) {
        return "no event is reported".to_owned();
    }
    let mut posts = actions
        .iter()
        .filter(|action| action.action.value == ActionKind::Post);
    let limited = posts.find_map(|post| {
        let limit = post
            .rate_limit
            .as_ref()
            .filter(|limit| !limit.value.is_empty())?;
        let scope = post
            .rate_limit_scope
            .as_ref()
            .map_or("thread", |scope| scope.value.as_str());
        Some((limit.value.as_str(), scope))
    });
    let with: Vec<String> = [
        (
            actions
                .iter()
                .any(|one| crate::policy::is_set(one.kernel_stack_trace)),
            "the kernel's stack",
        ),
        (
            actions
                .iter()
                .any(|one| crate::policy::is_set(one.user_stack_trace)),
            "the program's stack",
        ),
        (
            actions
                .iter()
                .any(|one| crate::policy::is_set(one.ima_hash)),
            "the file's hash",
        ),
    ]
    .iter()
    .filter(|(wanted, _)| *wanted)
    .map(|(_, what)| (*what).to_owned())
    .collect();
    let mut text = "an event is reported".to_owned();
    if !with.is_empty() {
        text.push_str(&format!(" with {}", and(&with)));
    }
    match limited {
        Some((limit, "global")) => text.push_str(&format!(", at most one alike in {limit}")),
        Some((limit, scope)) => {
            text.push_str(&format!(", at most one alike in {limit} for each {scope}"))
        }
        None => {}
    }
    text
}

/// What is done when the function returns.
pub(super) fn at_return(selector: &Selector<'_>, hook: &Hook<'_>) -> Option<String> {
    let actions = hook.returned.map_or(&[][..], |_| selector.return_actions);
    if actions.is_empty() {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    for action in actions {
        let text = match action.action.value {
            ActionKind::Sigkill => "the process is killed".to_owned(),
            ActionKind::Signal => match action.arg_sig.map_or(0, |signal| signal.value) {
                0 => "no signal is sent, for none is named".to_owned(),
                signal => format!("the process gets {}", signal_name(signal)),
            },
            ActionKind::Post => "an event is reported".to_owned(),
            ActionKind::NoPost => "no event is reported".to_owned(),
            ActionKind::GetUrl => format!("the agent fetches `{}`", text(&action.arg_url)),
            ActionKind::DnsLookup => format!("the agent looks up `{}`", text(&action.arg_fqdn)),
            other => format!("`{other}` is done"),
        };
        parts.push(text);
    }
    Some(format!("{}.", and(&parts)))
}

fn sentence(parts: &[String]) -> String {
    let text = parts.join("; ");
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

/// Errors that policies return (include/uapi/asm-generic/errno-base.h, errno.h).
const ERRORS: &[(i32, &str)] = &[
    (-1, "EPERM"),
    (-2, "ENOENT"),
    (-3, "ESRCH"),
    (-4, "EINTR"),
    (-5, "EIO"),
    (-9, "EBADF"),
    (-11, "EAGAIN"),
    (-12, "ENOMEM"),
    (-13, "EACCES"),
    (-14, "EFAULT"),
    (-16, "EBUSY"),
    (-17, "EEXIST"),
    (-19, "ENODEV"),
    (-22, "EINVAL"),
    (-28, "ENOSPC"),
    (-30, "EROFS"),
    (-38, "ENOSYS"),
    (-95, "EOPNOTSUPP"),
    (-101, "ENETUNREACH"),
    (-104, "ECONNRESET"),
    (-110, "ETIMEDOUT"),
    (-111, "ECONNREFUSED"),
    (-113, "EHOSTUNREACH"),
];

fn error_name(error: i32) -> String {
    let row = ERRORS.iter().find(|(known, _)| *known == error);
    row.map_or_else(|| format!("error {error}"), |(_, name)| (*name).to_owned())
}

/// Signals of x86-64 and arm64 (include/uapi/asm-generic/signal.h).
const SIGNALS: &[(u32, &str)] = &[
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (6, "SIGABRT"),
    (9, "SIGKILL"),
    (10, "SIGUSR1"),
    (12, "SIGUSR2"),
    (15, "SIGTERM"),
    (18, "SIGCONT"),
    (19, "SIGSTOP"),
];

fn signal_name(signal: u32) -> String {
    let row = SIGNALS.iter().find(|(known, _)| *known == signal);
    row.map_or_else(
        || format!("signal {signal}"),
        |(_, name)| (*name).to_owned(),
    )
}

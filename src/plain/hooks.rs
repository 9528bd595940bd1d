//! What a hook is on, and its selectors.

use std::fmt::Write;

use super::{Effect, actions, and, filters, or};
use crate::check::form::{Hook, Section, Selector, Value, Written};
use crate::policy::{Kprobe, ListKind, Policy, is_set};

/// The text about a hook.
pub(super) fn hook(hook: &Hook<'_>, policy: &Policy) -> String {
    let mut text = format!("## {}\n\n", title(hook, policy));
    let names = functions(hook, policy);
    if let Written::Kprobe(kprobe) | Written::Fentry(kprobe) = hook.written
        && kprobe.ignores_missing_call()
    {
        text.push_str("Kernels without it are no error.\n\n");
    }
    match hook.selectors.as_slice() {
        [] => text.push_str("Every call: *observes*. An event is reported.\n"),
        [only] => {
            selector(only, hook, &names, "", policy, &mut text);
            if !filters::conditions(only, hook).is_empty() {
                text.push_str("\nOther calls: nothing happens.\n");
            }
        }
        all => {
            text.push_str("The first that holds decides:\n\n");
            for (at, one) in all.iter().enumerate() {
                selector(
                    one,
                    hook,
                    &names,
                    &format!("{}. ", at + 1),
                    policy,
                    &mut text,
                );
            }
            let open = all
                .iter()
                .any(|one| filters::conditions(one, hook).is_empty());
            if !open {
                text.push_str("\nOther calls: nothing happens.\n");
            }
        }
    }
    if let Some(reads) = reads(hook) {
        let _ = write!(text, "\nEvents have {reads}.\n");
    }
    text
}

fn selector(
    one: &Selector<'_>,
    hook: &Hook<'_>,
    names: &[String],
    number: &str,
    policy: &Policy,
    text: &mut String,
) {
    let indent = " ".repeat(number.len());
    let conditions = filters::conditions(one, hook);
    let (effect, does) = actions::entry(one, hook, names, policy);
    match conditions.as_slice() {
        [] => {
            let _ = writeln!(
                text,
                "{number}Every {}call: *{}*. {does}",
                if number.is_empty() { "" } else { "other " },
                effect.words()
            );
        }
        [only] => {
            let _ = writeln!(text, "{number}If {only}: *{}*. {does}", effect.words());
        }
        many => {
            let _ = writeln!(
                text,
                "{number}If all of this holds: *{}*. {does}",
                effect.words()
            );
            for condition in many {
                let _ = writeln!(text, "{indent}- {condition}");
            }
        }
    }
    let at_return = filters::at_return(one, hook);
    if !at_return.is_empty() {
        let _ = writeln!(
            text,
            "{indent}The event is shown if {} when the function returns.",
            and(&at_return)
        );
    }
    if let Some(does) = actions::at_return(one, hook) {
        let _ = writeln!(text, "{indent}When the function returns: {does}");
    }
}

/// What the selectors of a hook achieve.
pub(super) fn effects(hook: &Hook<'_>) -> Vec<Effect> {
    if hook.selectors.is_empty() {
        return vec![Effect::Observes];
    }
    // The names matter for one word: programs that start.
    let names = match hook.written {
        Written::Kprobe(one) | Written::Fentry(one) => vec![portable(&one.call.value)],
        Written::LsmHook(one) => vec![format!("security_{}", one.hook.value)],
        _ => Vec::new(),
    };
    hook.selectors
        .iter()
        .map(|one| actions::effect(one, hook, &names))
        .collect()
}

/// The call that a hook is on.
fn title(hook: &Hook<'_>, policy: &Policy) -> String {
    let returns = match hook.returned {
        Some(_) => ", and when it returns",
        None => "",
    };
    match hook.written {
        Written::Kprobe(kprobe) | Written::Fentry(kprobe) => {
            format!("{}{returns}", of_function(kprobe, policy))
        }
        Written::Tracepoint(one) => {
            let raw = if is_set(one.raw) { "raw " } else { "" };
            let name = format!("{}:{}", one.subsystem.value, one.event.value);
            match (
                one.subsystem.value.as_str(),
                one.event.value.strip_prefix("sys_enter_"),
            ) {
                ("syscalls", Some(call)) => {
                    format!("When a process calls {call}(2) ({raw}tracepoint `{name}`)")
                }
                _ => format!("At the {raw}tracepoint `{name}`"),
            }
        }
        Written::Uprobe(one) => {
            let symbols = one
                .symbols
                .iter()
                .map(|symbol| format!("`{}`", symbol.value));
            let offsets = one
                .offsets
                .iter()
                .map(|offset| format!("offset {:#x}", offset.value));
            let addrs = one
                .addrs
                .iter()
                .map(|addr| format!("address {:#x}", addr.value));
            let places: Vec<String> = symbols.chain(offsets).chain(addrs).collect();
            format!(
                "When a process enters {} of `{}`{returns}",
                or(&places),
                one.path.value
            )
        }
        Written::Usdt(one) => {
            let (provider, name) = (&one.provider.value, &one.name.value);
            format!("At the probe `{provider}:{name}` of `{}`", one.path.value)
        }
        Written::LsmHook(one) => format!("When the kernel decides about `{}`", one.hook.value),
    }
}

fn of_function(kprobe: &Kprobe, policy: &Policy) -> String {
    let call = kprobe.call.value.as_str();
    if let Some(name) = call.strip_prefix("list:") {
        let list = policy
            .spec
            .lists
            .iter()
            .find(|list| list.name.value == name);
        let kind = list.and_then(|list| list.kind).map(|kind| kind.value);
        let values = list.map_or(&[][..], |list| &list.values);
        let of_calls = kprobe.is_syscall() || kind == Some(ListKind::Syscalls);
        let shown: Vec<String> = values
            .iter()
            .map(|value| shown(&value.value, of_calls))
            .collect();
        return match kind {
            Some(ListKind::GeneratedSyscalls) => "When a process makes any system call".to_owned(),
            Some(ListKind::GeneratedFtrace) => {
                let pattern = list.and_then(|list| list.pattern.as_ref());
                let pattern = pattern.map_or("", |pattern| pattern.value.as_str());
                format!("When the kernel enters a function whose name matches `{pattern}`")
            }
            _ if of_calls => format!("When a process calls {}", super::some(&shown)),
            _ => format!("When the kernel enters {}", super::some(&shown)),
        };
    }
    match kprobe.is_syscall() {
        true => format!("When a process calls {}", shown(call, true)),
        false => match call.strip_prefix("security_") {
            Some(_) => format!("When the kernel asks `{call}` for permission"),
            None => format!("When the kernel enters `{call}`"),
        },
    }
}

fn shown(call: &str, of_calls: bool) -> String {
    let name = portable(call);
    match name.strip_prefix("sys_").filter(|_| of_calls) {
        Some(name) => format!("{name}(2)"),
        None => format!("`{name}`"),
    }
}

/// A system call's name without the prefix of one machine.
fn portable(name: &str) -> String {
    let at = name.find("_sys_").filter(|_| name.starts_with("__"));
    at.and_then(|at| name.get(at + 1..))
        .unwrap_or(name)
        .to_owned()
}

/// The functions or calls that a hook is on, in their portable names.
fn functions(hook: &Hook<'_>, policy: &Policy) -> Vec<String> {
    match hook.written {
        Written::Kprobe(one) | Written::Fentry(one) => match one.call.value.strip_prefix("list:") {
            Some(name) => {
                let list = policy
                    .spec
                    .lists
                    .iter()
                    .find(|list| list.name.value == name);
                let values = list.map_or(&[][..], |list| &list.values);
                values.iter().map(|value| portable(&value.value)).collect()
            }
            None => vec![portable(&one.call.value)],
        },
        Written::LsmHook(one) => vec![format!("security_{}", one.hook.value)],
        Written::Tracepoint(one) if one.subsystem.value == "syscalls" => {
            let call = one.event.value.strip_prefix("sys_enter_");
            call.map(|call| format!("sys_{call}")).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What events show of the call.
fn reads(hook: &Hook<'_>) -> Option<String> {
    let names = |values: &[Value<'_>], section: Section, data: bool| -> Vec<String> {
        values
            .iter()
            .map(|value| filters::name(value, section, data))
            .collect()
    };
    let section = hook.parts.section;
    let mut all = names(&hook.args, section, false);
    all.extend(names(&hook.data, section, true));
    if hook.returned.is_some() {
        all.push("the return value".to_owned());
    }
    (!all.is_empty()).then(|| and(&all))
}

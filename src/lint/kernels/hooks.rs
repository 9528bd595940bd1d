//! Hooks on functions, tracepoints and security decisions: whether and how they get into a kernel.

use super::{Kind, Look, Placement, Target, near, parameters};
use crate::attach::{self, Kernel, Kind as Lack, Means, Reason, Wanted};
use crate::check::facts::About;
use crate::check::form::{Hook, Section, Written};
use crate::diag::{Span, render::Hooking};
use crate::facts::Facts;
use crate::kernel::{security, syscalls};
use crate::policy::{ActionKind, Kprobe};

/// Prefix of functions that decide.
const SECURITY: &str = "security_";

/// Whether a target says how hooks are attached.
pub(super) fn runs(target: Target) -> bool {
    matches!(target, Target::Tetragon | Target::Tpc)
}

/// Judges a hook, and adds its row.
pub(super) fn one(look: &Look<'_>, hook: &Hook<'_>, placement: &mut Placement) {
    let (works, how) = match hook.written {
        Written::Kprobe(kprobe) | Written::Fentry(kprobe) => {
            functions(look, hook, kprobe, placement)
        }
        Written::LsmHook(lsm) => match look.node.facts.security_hook(&lsm.hook.value) {
            Ok(()) => (true, "lsm".to_owned()),
            Err(_) => (false, "does not run".to_owned()),
        },
        Written::Tracepoint(one) => {
            let known = super::values::tracepoint(&look.node.facts, one);
            let word = if hook.parts.section == Section::RawTracepoints {
                "raw tracepoint"
            } else {
                "tracepoint"
            };
            match known {
                true => (true, word.to_owned()),
                false => (false, "missing".to_owned()),
            }
        }
        Written::Uprobe(_) => (true, "uprobe".to_owned()),
        Written::Usdt(_) => (true, "usdt".to_owned()),
    };
    placement.hookings.push(Hooking {
        policy: look.judged.policy.name.value.clone(),
        hook: name(hook).to_owned(),
        place: hook.parts.place,
        kernel: look.node.name.clone(),
        runs: word(look.target),
        works,
        how,
    });
}

fn word(target: Target) -> &'static str {
    let row = Target::WORDS.iter().find(|(_, known)| *known == target);
    row.map_or("", |(word, _)| *word)
}

fn name<'a>(hook: &Hook<'a>) -> &'a str {
    match hook.written {
        Written::Kprobe(one) | Written::Fentry(one) => &one.call.value,
        Written::Tracepoint(one) => &one.event.value,
        Written::Uprobe(one) => &one.path.value,
        Written::Usdt(one) => &one.name.value,
        Written::LsmHook(one) => &one.hook.value,
    }
}

/// A function of a hook: its portable name, where that is written, and whether it may be missing.
pub(super) struct Called<'a> {
    pub(super) name: &'a str,
    pub(super) span: Span,
    optional: bool,
    pub(super) syscall: bool,
}

fn functions(
    look: &Look<'_>,
    hook: &Hook<'_>,
    kprobe: &Kprobe,
    placement: &mut Placement,
) -> (bool, String) {
    let all = called(look, kprobe);
    let mut outcomes: Vec<(bool, String)> = Vec::new();
    for one in &all {
        let outcome = match attach(look, hook, one) {
            Ok(how) => (true, how),
            Err(Refused::Multi) => (false, "refused with kprobe.multi".to_owned()),
            Err(Refused::Kernel(reason)) if one.optional && reason.kind == Lack::Missing => {
                (false, "left out".to_owned())
            }
            Err(Refused::Kernel(reason)) => {
                let short = short(look, one, &reason);
                explain(look, hook, one, &reason, placement);
                (false, short)
            }
        };
        outcomes.push(match parameters::report(look, hook, one, placement) {
            true => outcome,
            false => (false, "wrong type".to_owned()),
        });
    }
    summary(outcomes)
}

/// One text for all functions of a hook.
fn summary(outcomes: Vec<(bool, String)>) -> (bool, String) {
    let works = outcomes.iter().filter(|(works, _)| *works).count();
    match outcomes.first() {
        None => (false, "no function".to_owned()),
        Some(first) if outcomes.iter().all(|one| one == first) => first.clone(),
        Some(_) => {
            let how = outcomes.iter().find(|(works, _)| *works);
            let how = how.map_or("", |(_, how)| how);
            (works > 0, format!("{how} ({works} of {})", outcomes.len()))
        }
    }
}

/// The functions that a hook names, itself or by a list, as `check::facts` finds them.
fn called<'a>(look: &'a Look<'_>, kprobe: &Kprobe) -> Vec<Called<'a>> {
    let list = kprobe.call.value.strip_prefix("list:");
    let mut lists = look.judged.policy.spec.lists.iter();
    let list = list.and_then(|name| lists.find(|list| list.name.value == name));
    let spans: Vec<Span> = match list {
        Some(list) => list.values.iter().map(|value| value.span).collect(),
        None => vec![kprobe.call.span],
    };
    let mut all: Vec<Called<'a>> = Vec::new();
    for question in look.questions {
        let About::Function(name) = &question.about else {
            continue;
        };
        if !spans.contains(&question.span) || all.iter().any(|one| one.span == question.span) {
            continue;
        }
        all.push(Called {
            name,
            span: question.span,
            optional: question.optional,
            syscall: is_system_call(name),
        });
    }
    all
}

pub(super) fn is_system_call(name: &str) -> bool {
    let portable = match name.strip_prefix("__") {
        Some(rest) => rest.split_once('_').map_or(name, |(_, rest)| rest),
        None => name,
    };
    portable.starts_with("sys_")
}

/// Why a hook is not attached.
enum Refused {
    Kernel(Reason),
    /// By Tetragon, which does not override `security_` functions where it attaches all hooks with one link
    /// (`createMultiKprobeSensor`); the rule `refused-with-multi` says so whatever the kernel.
    Multi,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::Kernel(reason)
    }
}

/// How a hook on a function is attached, or why not.
fn attach(look: &Look<'_>, hook: &Hook<'_>, one: &Called<'_>) -> Result<String, Refused> {
    let facts = &look.node.facts;
    let target = target(look, one);
    let wanted = |means, with_arguments| Wanted {
        call: one.name,
        target: &target,
        means,
        syscall: one.syscall,
        arguments: match with_arguments {
            true => hook
                .parts
                .args
                .iter()
                .filter_map(parameters::argument)
                .collect(),
            false => Vec::new(),
        },
        returned: parameters::returned(hook).filter(|_| with_arguments),
        helpers: match means {
            Means::KprobeOverride => vec![attach::OVERRIDE],
            _ => Vec::new(),
        },
    };
    let check = |means, with_arguments| attach::check(facts, &wanted(means, with_arguments));
    let overrides = overrides(hook);
    if look.target == Target::Tpc {
        let ladder = match overrides {
            true => [Means::FmodRet, Means::KprobeOverride],
            false => [Means::Fentry, Means::Kprobe],
        };
        return check(ladder[0], true)
            .map(|()| ladder[0])
            .or_else(|_| check(ladder[1], true).map(|()| ladder[1]))
            .map(|means| means.name().to_owned())
            .map_err(Refused::Kernel);
    }
    let multi = multi(look);
    let (means, word) = match hook.parts.section {
        Section::Fentries => (Means::Fentry, "fentry"),
        _ if multi => (Means::Kprobe, "kprobe.multi"),
        _ => (Means::Kprobe, "kprobe"),
    };
    check(means, false)?;
    if facts.prototype(&target).is_none() && !facts.typedefs.is_empty() {
        return Err(Refused::Kernel(Reason {
            kind: Lack::Unreachable,
            what: format!(
                "`{target}`: the kernel's BTF does not describe it, and Tetragon asks for that"
            ),
            remedy: "hook another function".to_owned(),
        }));
    }
    if !overrides {
        return Ok(word.to_owned());
    }
    if multi && one.name.starts_with(SECURITY) {
        return Err(Refused::Multi);
    }
    let replaces = match one.name.starts_with(SECURITY) {
        true => Means::FmodRet,
        false => Means::KprobeOverride,
    };
    check(replaces, false)?;
    let word = match replaces {
        Means::FmodRet => format!("{word} + fmod_ret"),
        _ => format!("{word} + override"),
    };
    Ok(word)
}

/// Whether Tetragon attaches all functions of a policy with one link.
fn multi(look: &Look<'_>) -> bool {
    let facts = &look.node.facts;
    let options = &look.judged.policy.spec.options;
    let disabled = options
        .iter()
        .any(|option| option.name.value == "disable-kprobe-multi");
    let has = facts.option("FPROBE") == Some(true) && facts.release_numbers() >= (5, 18);
    has && !disabled
}

fn overrides(hook: &Hook<'_>) -> bool {
    let actions = hook.selectors.iter().flat_map(|selector| selector.actions);
    let mut kinds = actions.map(|action| action.action.value);
    kinds.any(|kind| kind == ActionKind::Override)
}

/// The kernel's function.
fn target(look: &Look<'_>, one: &Called<'_>) -> String {
    match one.syscall {
        true => look.node.facts.system_call(one.name),
        false => one.name.to_owned(),
    }
}

/// A few words for the table.
fn short(look: &Look<'_>, one: &Called<'_>, reason: &Reason) -> String {
    match reason.kind {
        Lack::Missing => match look.node.facts.similar(&target(look, one)) {
            Some(similar) => format!("missing; has {similar}"),
            None => "missing".to_owned(),
        },
        Lack::Helper => "no helper".to_owned(),
        Lack::Override => "no override".to_owned(),
        Lack::Argument(_) | Lack::Return => "wrong type".to_owned(),
        Lack::Unreachable => "not traceable".to_owned(),
    }
}

fn explain(
    look: &Look<'_>,
    hook: &Hook<'_>,
    one: &Called<'_>,
    reason: &Reason,
    placement: &mut Placement,
) {
    let (facts, name) = (&look.node.facts, one.name);
    if !is_name(name) {
        return;
    }
    let why = reason.what.split_once(": ").map_or("", |(_, why)| why);
    match reason.kind {
        Lack::Missing if one.syscall => {
            let message = format!("there is no system call `{name}`");
            let help = other_call(facts, name);
            placement.push(Kind::SystemCall, one.span, look.node, message, help);
        }
        Lack::Missing => {
            let known = facts.names();
            let help = match facts.similar(name).is_none().then(|| near(name, known)) {
                Some(Some(near)) => format!("did you mean `{near}`?"),
                _ => reason.remedy.clone(),
            };
            let message = format!("there is no function `{name}`");
            placement.push(Kind::Function, one.span, look.node, message, help);
        }
        // Anything else cannot be overridden on any kernel, which `check` says.
        Lack::Override if one.syscall || name.starts_with(SECURITY) => {
            let message = format!("`{name}` cannot be overridden: {why}");
            let help = match security::decision_behind(portable(name).unwrap_or(name)) {
                Some(function) => format!(
                    "hook `{function}` with `syscall: false` instead: it can be overridden everywhere"
                ),
                None => reason.remedy.clone(),
            };
            let span = override_span(hook).unwrap_or(one.span);
            placement.push(Kind::Override, span, look.node, message, help);
        }
        Lack::Unreachable => {
            let message = format!("nothing can be attached to `{name}`: {why}");
            let help = reason.remedy.clone();
            placement.push(Kind::Unreachable, one.span, look.node, message, help);
        }
        // `parameters` says it.
        Lack::Argument(_) | Lack::Return | Lack::Helper | Lack::Override => {}
    }
}

/// What to write instead of a system call that is missing.
fn other_call(facts: &Facts, name: &str) -> String {
    if let Some(portable) = portable(name) {
        return format!("write `{portable}`, which every machine has under a name of its own");
    }
    // A name that is right stands for no other.
    let is_known = name.strip_prefix("sys_").is_some_and(syscalls::is_known);
    match near(name, facts.names().filter_map(portable)).filter(|_| !is_known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "it came with a later kernel, or is not built in: \
                 `ignore: {callNotFound: true}` loads the rest"
            .to_owned(),
    }
}

/// Whether a text can be the name of a function; of others `check` says that they cannot.
pub(super) fn is_name(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    !text.is_empty() && text.bytes().all(part)
}

/// The portable name of a system call's function.
fn portable(function: &str) -> Option<&str> {
    let mut prefixes = ["__x64_", "__arm64_", "__ia32_"].iter();
    let rest = prefixes.find_map(|prefix| function.strip_prefix(prefix));
    rest.filter(|rest| rest.starts_with("sys_"))
}

fn override_span(hook: &Hook<'_>) -> Option<Span> {
    let mut actions = hook.selectors.iter().flat_map(|selector| selector.actions);
    let first = actions.find(|action| action.action.value == ActionKind::Override);
    first.map(|action| action.action.span)
}

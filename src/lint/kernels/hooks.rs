//! Hooks on functions, tracepoints and security decisions: whether and how they get into a kernel.

use super::{Kind, Look, Placement, Target, near};
use crate::attach::{self, Argument, Expected, Kernel, Kind as Lack, Means, Reason, Wanted};
use crate::check::facts::About;
use crate::check::form::{Hook, Section, Written};
use crate::diag::{Span, render::Hooking};
use crate::kernel::{security, syscalls};
use crate::policy::{ActionKind, Arg, ArgType, Kprobe, Word};

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
struct Called<'a> {
    name: &'a str,
    span: Span,
    optional: bool,
    syscall: bool,
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
        outcomes.push(match parameters(look, hook, one, placement) {
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

fn is_system_call(name: &str) -> bool {
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
            true => hook.parts.args.iter().filter_map(argument).collect(),
            false => Vec::new(),
        },
        reads_return: with_arguments && hook.parts.return_arg.is_some(),
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
    let why = reason.what.split_once(": ").map_or("", |(_, why)| why);
    match reason.kind {
        Lack::Missing if one.syscall => {
            let known = facts.functions.keys().filter_map(|known| portable(known));
            // A name that is right stands for no other.
            let is_known = name.strip_prefix("sys_").is_some_and(syscalls::is_known);
            let help = match near(name, known).filter(|_| !is_known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "it came with a later kernel, is not built in, or is for another machine: \
                         `ignore: {callNotFound: true}` loads the rest"
                    .to_owned(),
            };
            let message = format!("there is no system call `{name}`");
            placement.push(Kind::SystemCall, one.span, look.node, message, help);
        }
        Lack::Missing => {
            let known = facts.functions.keys().map(String::as_str);
            let help = match facts.similar(name).is_none().then(|| near(name, known)) {
                Some(Some(near)) => format!("did you mean `{near}`?"),
                _ => reason.remedy.clone(),
            };
            let message = format!("there is no function `{name}`");
            placement.push(Kind::Function, one.span, look.node, message, help);
        }
        Lack::Override => {
            let message = format!("`{name}` cannot be overridden: {why}");
            let help = match security::decision_behind(name) {
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
        // `parameters` says more.
        Lack::Argument(_) | Lack::Return | Lack::Helper => {}
    }
}

/// The portable name of a system call's function.
fn portable(function: &str) -> Option<&str> {
    let rest = function
        .strip_prefix("__x64_")
        .or_else(|| function.strip_prefix("__arm64_"));
    rest.filter(|rest| rest.starts_with("sys_"))
}

fn override_span(hook: &Hook<'_>) -> Option<Span> {
    let mut actions = hook.selectors.iter().flat_map(|selector| selector.actions);
    let first = actions.find(|action| action.action.value == ActionKind::Override);
    first.map(|action| action.action.span)
}

/// Reports every parameter that is not what the policy reads, and a return value that is not there. Whether all are.
fn parameters(
    look: &Look<'_>,
    hook: &Hook<'_>,
    one: &Called<'_>,
    placement: &mut Placement,
) -> bool {
    let facts = &look.node.facts;
    let (false, Some(prototype)) = (one.syscall, facts.prototype(one.name)) else {
        return true;
    };
    let mut fit = true;
    let probe = |arguments, reads_return| {
        let wanted = Wanted {
            call: one.name,
            target: one.name,
            means: Means::Kprobe,
            syscall: false,
            arguments,
            reads_return,
            helpers: Vec::new(),
        };
        let reason = attach::check(facts, &wanted).err();
        reason.filter(|reason| matches!(reason.kind, Lack::Argument(_) | Lack::Return))
    };
    let help = || format!("its prototype is `{prototype}`");
    for arg in hook.parts.args {
        let Some(reason) = argument(arg).and_then(|wanted| probe(vec![wanted], false)) else {
            continue;
        };
        let is_there = facts.parameter(prototype, index(arg)).is_some();
        let span = match arg.ty.filter(|_| is_there) {
            Some(ty) => ty.span,
            None => arg.index.span,
        };
        let what = reason.what.strip_prefix("a ").unwrap_or(&reason.what);
        let message = format!("there is no {what}");
        fit = false;
        placement.push(Kind::Parameter, span, look.node, message, help());
    }
    let returns = hook
        .parts
        .returns
        .filter(|_| hook.parts.return_arg.is_some());
    if let Some((span, _)) = returns.zip(probe(Vec::new(), true)) {
        let message = format!("`{}` returns nothing", one.name);
        fit = false;
        placement.push(Kind::Parameter, span, look.node, message, help());
    }
    fit
}

fn index(arg: &Arg) -> usize {
    usize::try_from(arg.index.value).unwrap_or(usize::MAX)
}

/// A parameter that is read as a type. What is resolved further or comes from elsewhere is none.
fn argument(arg: &Arg) -> Option<Argument> {
    let elsewhere = [&arg.source, &arg.resolve];
    if elsewhere
        .iter()
        .any(|one| one.as_ref().is_some_and(|text| !text.value.is_empty()))
    {
        return None;
    }
    let ty = arg.declared_type();
    Some(Argument {
        index: index(arg),
        expected: expected(ty),
        ty: ty.name().to_owned(),
    })
}

/// What a parameter of a type must be.
fn expected(ty: ArgType) -> Expected {
    use ArgType as T;
    match ty {
        T::Nop | T::Auto | T::DataLoc | T::Syscall64 => Expected::Nothing,
        T::Int
        | T::Int8
        | T::Uint8
        | T::Int16
        | T::Uint16
        | T::Int32
        | T::Uint32
        | T::Int64
        | T::Uint64
        | T::SizeT
        | T::Fd
        | T::Capability
        | T::BpfCmd => Expected::Number,
        T::String | T::CharBuf | T::ConstBuf => Expected::Text,
        T::CharIovec => Expected::Structure(&["iovec"]),
        T::Skb => Expected::Structure(&["sk_buff"]),
        T::Sock => Expected::Structure(&["sock"]),
        T::Socket => Expected::Structure(&["socket"]),
        T::Sockaddr | T::SockaddrUn => Expected::SOCKET_ADDRESS,
        T::File => Expected::Structure(&["file"]),
        T::Filename => Expected::Structure(&["filename"]),
        T::Path => Expected::Structure(&["path"]),
        T::Dentry => Expected::Structure(&["dentry"]),
        T::BpfAttr => Expected::Structure(&["bpf_attr"]),
        T::BpfMap => Expected::Structure(&["bpf_map"]),
        T::BpfProg => Expected::Structure(&["bpf_prog"]),
        T::PerfEvent => Expected::Structure(&["perf_event"]),
        T::UserNamespace => Expected::Structure(&["user_namespace"]),
        T::Kiocb => Expected::Structure(&["kiocb"]),
        T::IovIter => Expected::Structure(&["iov_iter"]),
        T::Cred => Expected::Structure(&["cred"]),
        T::LoadInfo => Expected::Structure(&["load_info"]),
        T::Module => Expected::Structure(&["module"]),
        T::LinuxBinprm => Expected::Structure(&["linux_binprm"]),
        T::NetDevice => Expected::Structure(&["net_device"]),
        // A structure without a name, up to 6.2 with the name of the type.
        T::KernelCap | T::CapInheritable | T::CapPermitted | T::CapEffective => {
            Expected::Structure(&["", "kernel_cap_struct"])
        }
    }
}

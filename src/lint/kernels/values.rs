//! Answers to the other questions: tracepoints and their fields, members, security hooks, features.

use super::{Kind, Node, Placement, hooks, near};
use crate::attach::Kernel;
use crate::check::facts::{About, Feature, Question, Root};
use crate::check::{Judged, Machine, Step};
use crate::diag::Span;
use crate::facts::{Facts, SecurityLack};
use crate::kernel::syscalls;
use crate::policy::{Tracepoint, is_set};

/// What a feature needs: functions that programs can call (one of them), options of the configuration (all).
struct Needs {
    feature: Feature,
    name: &'static str,
    functions: &'static [&'static str],
    options: &'static [&'static str],
}

const NEEDS: &[Needs] = &[
    Needs {
        feature: Feature::UserStrings,
        name: "type `string` in a hook on a program",
        functions: &["bpf_copy_from_user_str"],
        options: &[],
    },
    Needs {
        feature: Feature::SubString,
        name: "`SubString`",
        functions: &["bpf_strnstr"],
        options: &[],
    },
    Needs {
        feature: Feature::SubStringIgnCase,
        name: "`SubStringIgnCase`",
        functions: &["bpf_strncasestr"],
        options: &[],
    },
    Needs {
        feature: Feature::FileDigests,
        name: "digests of files",
        functions: &["bpf_ima_file_hash", "bpf_ima_inode_hash"],
        options: &["IMA", "BPF_LSM"],
    },
];

/// Adds a problem if the kernel lacks what a question asks for.
pub(super) fn answer(
    judged: &Judged<'_>,
    questions: &[Question<'_>],
    question: &Question<'_>,
    node: &Node,
    placement: &mut Placement,
) {
    let of_function = |other: &Question<'_>| {
        other.span == question.span && matches!(other.about, About::Function(_))
    };
    // A function of another machine is missing, which is said of its hook.
    let is_said = matches!(question.about, About::Machine(_)) && questions.iter().any(of_function);
    if question.optional || is_said {
        return;
    }
    let facts = &node.facts;
    let lack = match &question.about {
        About::SystemCall(name) => system_call(facts, name),
        About::Machine(machine) => of_machine(facts, *machine),
        About::Tracepoint { .. } => event(judged, facts, question.span),
        About::Field { event, index, .. } => field(judged, facts, event, *index),
        About::SecurityHook(hook) if !hooks::is_name(hook) => None,
        About::SecurityHook(hook) => security_hook(facts, hook),
        About::Member { of, path, .. } => member(facts, *of, path),
        About::Feature(one) => feature(facts, *one),
        // Functions are judged with their hooks; programs, agents and patterns are no matter of the kernel.
        _ => None,
    };
    if let Some(Lack {
        kind,
        message,
        help,
    }) = lack
    {
        placement.push(kind, question.span, node, message, help);
    }
}

/// What is missing.
struct Lack {
    kind: Kind,
    message: String,
    help: String,
}

fn lack(kind: Kind, message: impl Into<String>, help: impl Into<String>) -> Option<Lack> {
    Some(Lack {
        kind,
        message: message.into(),
        help: help.into(),
    })
}

fn did_you_mean(near: Option<&str>, otherwise: &str) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}

fn system_call(facts: &Facts, name: &str) -> Option<Lack> {
    let names = [Some(name), syscalls::behind(name)];
    let mut functions = names
        .into_iter()
        .flatten()
        .map(|name| facts.system_call(&format!("sys_{name}")));
    if functions.any(|function| facts.has_function(&function)) {
        return None;
    }
    let message = format!("there is no system call `{name}`");
    lack(
        Kind::SystemCall,
        message,
        "remove it from the list, or give these kernels a policy of their own",
    )
}

fn of_machine(facts: &Facts, machine: Machine) -> Option<Lack> {
    let known = ["x86_64", "aarch64"].contains(&facts.machine.as_str());
    if !known || facts.machine == machine.name() {
        return None;
    }
    let message = format!("the machine is {}, not {}", facts.machine, machine.name());
    lack(
        Kind::Feature,
        message,
        "write the name without the prefix of one machine, or the register of the other",
    )
}

/// Whether the kernel has what a tracepoint hooks.
pub(super) fn tracepoint(facts: &Facts, one: &Tracepoint) -> bool {
    let event = &one.event.value;
    if is_set(one.raw) {
        return facts.raw_tracepoints.is_empty() || facts.raw_tracepoints.contains_key(event);
    }
    let name = format!("{}/{event}", one.subsystem.value);
    facts
        .tracepoints
        .as_ref()
        .is_none_or(|all| all.contains_key(&name))
}

fn event(judged: &Judged<'_>, facts: &Facts, span: Span) -> Option<Lack> {
    let all = &judged.policy.spec.tracepoints;
    let one = all.iter().find(|one| one.event.span == span)?;
    if tracepoint(facts, one) {
        return None;
    }
    let (subsystem, event) = (&one.subsystem.value, &one.event.value);
    if is_set(one.raw) {
        let known = facts.raw_tracepoints.keys().map(String::as_str);
        let help = did_you_mean(near(event, known), "hook another tracepoint, or a function");
        return lack(
            Kind::Tracepoint,
            format!("there is no raw tracepoint `{event}`"),
            help,
        );
    }
    let known = || {
        facts
            .tracepoints
            .iter()
            .flat_map(|all| all.keys())
            .filter_map(|name| name.split_once('/'))
    };
    let elsewhere = known().find(|(_, name)| name == event);
    let help = match elsewhere {
        Some((other, _)) => format!("write `subsystem: {other}`"),
        None => {
            let names = known()
                .filter(|(other, _)| other == subsystem)
                .map(|(_, name)| name);
            did_you_mean(near(event, names), "hook another tracepoint, or a function")
        }
    };
    lack(
        Kind::Tracepoint,
        format!("there is no tracepoint `{subsystem}/{event}`"),
        help,
    )
}

fn field(judged: &Judged<'_>, facts: &Facts, event: &str, index: u32) -> Option<Lack> {
    let all = &judged.policy.spec.tracepoints;
    let one = all
        .iter()
        .find(|one| one.event.value == event && !is_set(one.raw))?;
    let name = format!("{}/{event}", one.subsystem.value);
    let fields = facts.tracepoints.as_ref()?.get(&name)?;
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    if index < fields.len() {
        return None;
    }
    let message = format!("`{name}` has no field {index}: it has {}", fields.len());
    let numbered: Vec<String> = fields
        .iter()
        .enumerate()
        .skip(4)
        .map(|(number, field)| format!("{number} `{field}`"))
        .collect();
    lack(
        Kind::Tracepoint,
        message,
        format!("its own fields are {}", numbered.join(", ")),
    )
}

fn security_hook(facts: &Facts, hook: &str) -> Option<Lack> {
    let (message, help) = match facts.security_hook(hook).err()? {
        SecurityLack::NotBuilt => (
            "LSM programs do not run: the kernel is built without CONFIG_BPF_LSM".to_owned(),
            format!("hook the function `security_{hook}` with a kprobe"),
        ),
        SecurityLack::NotActive => (
            "LSM programs do not run: `bpf` is not among the active security modules".to_owned(),
            "add it to the kernel's parameter `lsm=`, for example lsm=landlock,lockdown,yama,integrity,bpf".to_owned(),
        ),
        SecurityLack::NoSuchHook => {
            let known = facts.names().filter_map(|name| name.strip_prefix("bpf_lsm_"));
            let help = did_you_mean(near(hook, known), "hook another decision");
            (format!("there is no security hook `{hook}`"), help)
        }
    };
    lack(Kind::SecurityHook, message, help)
}

/// Follows a path to a member as far as it goes.
fn member(facts: &Facts, of: Root<'_>, path: &[Step<'_>]) -> Option<Lack> {
    let mut at = root(facts, of)?;
    for step in path {
        let Step::Member(name) = step else {
            at = element(&at)?;
            continue;
        };
        match facts.member(&at, name) {
            Some(ty) => ty.clone_into(&mut at),
            None => {
                let members = facts.members(&at);
                let near = near(name, members.iter().copied());
                let help = did_you_mean(near, "name another member");
                return lack(Kind::Member, format!("`{at}` has no member `{name}`"), help);
            }
        }
    }
    None
}

/// The type that a path begins with; `None` if it is not known, or no structure.
fn root(facts: &Facts, of: Root<'_>) -> Option<String> {
    let parameter = |prototype: &str, index: u32| {
        let ty = facts.parameter(prototype, usize::try_from(index).ok()?)?;
        Some(ty.to_owned()).filter(|ty| !facts.members(ty).is_empty())
    };
    match of {
        Root::Parameter { function, index } => parameter(facts.prototype(function)?, index),
        Root::Argument { event, index } => parameter(facts.raw_tracepoints.get(event)?, index),
        Root::HookParameter { hook, index } => {
            parameter(facts.prototype(&format!("bpf_lsm_{hook}"))?, index)
        }
        Root::Task => known(facts, "task_struct"),
        Root::Structure { name, module: None } => known(facts, name),
        // Types of modules and programs.
        Root::Structure { .. } | Root::OfProgram { .. } => None,
    }
}

fn known(facts: &Facts, structure: &str) -> Option<String> {
    let names = [format!("struct {structure}"), format!("union {structure}")];
    names
        .into_iter()
        .find(|name| facts.structures.contains_key(name))
}

/// The type of an element of an array, or of what a pointer points to.
fn element(ty: &str) -> Option<String> {
    if let Some((base, rest)) = ty.split_once('[') {
        let rest = rest.split_once(']').map_or("", |(_, rest)| rest);
        return Some(format!("{}{rest}", base.trim_end()));
    }
    ty.strip_suffix('*').map(|ty| ty.trim_end().to_owned())
}

fn feature(facts: &Facts, feature: Feature) -> Option<Lack> {
    let needs = NEEDS.iter().find(|needs| needs.feature == feature)?;
    let has = |name: &&str| {
        let helper = name
            .strip_prefix("bpf_")
            .is_some_and(|name| facts.helpers.contains(name));
        helper || facts.has_function(name)
    };
    let option = needs
        .options
        .iter()
        .find(|name| facts.option(name) == Some(false));
    let why = match option {
        Some(option) => format!("it is built without CONFIG_{option}"),
        None if facts.helpers.is_empty() || needs.functions.iter().any(has) => {
            return None;
        }
        None => format!("there is no `{}`", needs.functions.join("` or `")),
    };
    lack(
        Kind::Feature,
        format!("{} does not work: {why}", needs.name),
        "use a newer kernel, or do without",
    )
}

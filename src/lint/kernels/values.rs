//! Answers to the other questions: tracepoints and their fields, members, security hooks, features.

use super::{Kind, Node, Placement, hooks, near};
use crate::attach::{Described, Kernel};
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
        About::Field {
            event,
            index,
            gives_type,
        } => field(judged, facts, event, *index, *gives_type),
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
pub(super) struct Lack {
    pub(super) kind: Kind,
    pub(super) message: String,
    pub(super) help: String,
}

fn lack(kind: Kind, message: impl Into<String>, help: impl Into<String>) -> Option<Lack> {
    Some(Lack {
        kind,
        message: message.into(),
        help: help.into(),
    })
}

pub(super) fn did_you_mean(near: Option<&str>, otherwise: &str) -> String {
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

fn field(
    judged: &Judged<'_>,
    facts: &Facts,
    event: &str,
    index: u32,
    gives_type: bool,
) -> Option<Lack> {
    let all = &judged.policy.spec.tracepoints;
    let one = all
        .iter()
        .find(|one| one.event.value == event && !is_set(one.raw))?;
    let name = format!("{}/{event}", one.subsystem.value);
    let fields = facts.tracepoints.as_ref()?.get(&name)?;
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let (message, help) = field_lack(&name, &fields, index, gives_type)?;
    lack(Kind::Tracepoint, message, help)
}

/// Types of fields that a policy must name, for Tetragon does not take them for one of its own (`getGenericTypeId`).
const UNTYPED: &[&str] = &[
    "bool",
    "pid_t",
    "short",
    "umode_t",
    "unsigned char",
    "unsigned short",
];

/// What a tracepoint lacks of a field, and what to write instead. Declarations may be empty, where they are not known.
pub(super) fn field_lack(
    tracepoint: &str,
    fields: &[&str],
    index: u32,
    gives_type: bool,
) -> Option<(String, String)> {
    let at = usize::try_from(index).unwrap_or(usize::MAX);
    let Some(field) = fields.get(at) else {
        let message = format!(
            "`{tracepoint}` has no field {index}: it has {}",
            fields.len()
        );
        let numbered = fields.iter().enumerate().skip(4);
        let numbered = numbered.filter(|(_, field)| !field.is_empty());
        let numbered: Vec<String> = numbered
            .map(|(number, field)| format!("{number} `{field}`"))
            .collect();
        return Some((
            message,
            format!("its own fields are {}", numbered.join(", ")),
        ));
    };
    let (ty, name) = field.rsplit_once(' ')?;
    let is_pointer = ty.ends_with('*') && !ty.contains("char");
    let starts = |prefix| ty.starts_with(prefix);
    let untyped = is_pointer || UNTYPED.contains(&ty) || starts("enum ") || starts("__data_loc ");
    let message =
        format!("field {index} of `{tracepoint}` has the type `{ty}`, which `auto` does not know");
    (gives_type && untyped && !name.ends_with(']'))
        .then(|| (message, "declare the field with a `type`".to_owned()))
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
pub(super) fn member(facts: &Facts, of: Root<'_>, path: &[Step<'_>]) -> Option<Lack> {
    let missing = |message: String, help: &str| lack(Kind::Member, message, help);
    let mut at = match root(facts, of)? {
        Ok(ty) => ty,
        Err(message) => return missing(message, "name another value"),
    };
    for step in path {
        match step {
            Step::Element(number) => match element(facts, &at, *number)? {
                Ok(ty) => at = ty,
                Err(message) => return missing(message, "name another element, or a member"),
            },
            Step::Member(name) => match facts.member(&at, name) {
                Some(ty) => ty.clone_into(&mut at),
                None => {
                    let members = facts.members(&at);
                    let near = near(name, members.iter().copied());
                    let help = did_you_mean(near, "name another member");
                    return missing(format!("`{at}` has no member `{name}`"), &help);
                }
            },
        }
    }
    None
}

/// The type that a path begins with; an error if there is none. `None` if it is not known.
fn root(facts: &Facts, of: Root<'_>) -> Option<Result<String, String>> {
    let parameter = |prototype: &str, of: &str, index: u32| {
        let at = usize::try_from(index).ok()?;
        // A prototype without parameters may be one that is not known.
        facts.parameter(prototype, 0)?;
        let Some(ty) = facts.parameter(prototype, at) else {
            return Some(Err(format!("`{of}` has no argument {index}")));
        };
        let known = !facts.members(ty).is_empty() || facts.describe(ty) == Described::Number;
        known.then(|| Ok(ty.to_owned()))
    };
    match of {
        Root::Parameter { function, index } => {
            parameter(facts.prototype(function)?, function, index)
        }
        Root::Argument { event, index } => {
            parameter(facts.raw_tracepoints.get(event)?, event, index)
        }
        Root::HookParameter { hook, index } => {
            parameter(facts.prototype(&format!("bpf_lsm_{hook}"))?, hook, index)
        }
        Root::Task => structure(facts, "task_struct").map(Ok),
        Root::Structure { name, module: None } => {
            let missing = || Err(format!("there is no structure `{name}`"));
            let known = !facts.structures.is_empty() && !facts.typedefs.contains_key(name);
            let found = structure(facts, name).map(Ok);
            found.or_else(|| known.then(missing))
        }
        // Types of modules and programs.
        Root::Structure { .. } | Root::OfProgram { .. } => None,
    }
}

/// A structure by its name.
pub(super) fn structure(facts: &Facts, name: &str) -> Option<String> {
    let names = [format!("struct {name}"), format!("union {name}")];
    names
        .into_iter()
        .find(|name| facts.structures.contains_key(name))
}

/// The type of an element of an array, or of what a pointer points to; an error if there is none. `None` if that is not
/// known.
fn element(facts: &Facts, ty: &str, number: u32) -> Option<Result<String, String>> {
    if let Some((base, rest)) = ty.split_once('[') {
        let (count, rest) = rest.split_once(']')?;
        let count = count.parse().unwrap_or(0);
        return Some(match count == 0 || number < count {
            true => Ok(format!("{}{rest}", base.trim_end())),
            false => Err(format!("`{ty}` has no element {number}")),
        });
    }
    if let Some(ty) = ty.strip_suffix('*') {
        return Some(Ok(ty.trim_end().to_owned()));
    }
    let single = ty.starts_with("struct ") || facts.describe(ty) == Described::Number;
    single.then(|| Err(format!("`{ty}` has no elements")))
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

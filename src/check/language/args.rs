//! Declarations of values: `args`, `data`, `returnArg`, `returnArgAction`.
//!
//! Which types, fields and numbers an argument can have depends on the section. Source: `addKprobe`,
//! `getUprobeArgConfig`, `addUsdt`, `validateLsmArg`, `buildArgs`, `buildArgsRaw` and `getMetaValue` in
//! `pkg/sensors/tracing`.

use super::{lists, resolve};
use crate::check::form::{Parts, Section, Type, Value, Written};
use crate::check::{is_written, refuse, registers, shown, unless_placeholder};
use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::policy::{Arg, ArgType, Kprobe, nearest};

/// Parameters that a function takes in registers.
pub(in crate::check) const REGISTERS: u32 = 6;
/// Most parameters of what has types in BTF, MAX_BPF_FUNC_ARGS (include/linux/bpf.h).
const TYPED: u32 = 12;
/// Above this, Tetragon refuses `sizeArgIndex`.
pub(in crate::check) const MAX_SIZE_INDEX: u32 = 15;

/// Sources of `data`.
const CURRENT_TASK: &str = "current_task";
pub(in crate::check) const PT_REGS: &str = "pt_regs";

/// The arguments, in the order of the policy.
pub(super) fn arguments<'a>(written: Written<'a>, sink: &mut Sink) -> Vec<Value<'a>> {
    let parts = written.parts();
    if let Written::Kprobe(kprobe) | Written::Fentry(kprobe) = written {
        return_action(kprobe, sink);
    }
    let one = |arg: &'a Arg| {
        index(arg, parts.section, sink);
        size_index(arg, parts.section, sink);
        source(arg, parts.section, sink);
        member(arg, written, sink);
        let ty = argument_type(arg, parts.section, sink);
        Value { written: arg, ty }
    };
    parts.args.iter().map(one).collect()
}

/// The values that are no arguments, in the order of the policy.
pub(super) fn data<'a>(parts: &Parts<'a>, sink: &mut Sink) -> Vec<Value<'a>> {
    let one = |arg: &'a Arg| {
        size_index(arg, parts.section, sink);
        let ty = data_type(arg, parts.section, sink);
        Value { written: arg, ty }
    };
    parts.data.iter().map(one).collect()
}

/// The return value of a hook that observes it.
pub(super) fn returned<'a>(parts: &Parts<'a>, sink: &mut Sink) -> Option<Value<'a>> {
    let flag = parts.returns?;
    let Some(written) = parts.return_arg else {
        let message = "the return value has no type";
        let help = "add `returnArg:` with `index: 0` and `type: int`";
        refuse(sink, code::BAD_ARGUMENT, flag, message, help);
        return None;
    };
    let ty = match written.declared_type() {
        ArgType::Auto => no_type(written, "return value", sink),
        ArgType::BpfCmd => {
            let message = "a return value cannot have the type `bpf_cmd`";
            refuse(
                sink,
                code::BAD_ARGUMENT,
                place_of_type(written),
                message,
                "write `type: int`",
            );
            Type::Refused
        }
        ty => Type::Known(ty),
    };
    Some(Value { written, ty })
}

fn place_of_type(arg: &Arg) -> crate::diag::Span {
    arg.ty.map_or(arg.span, |ty| ty.span)
}

/// Reports a value without a type.
fn no_type(arg: &Arg, what: &str, sink: &mut Sink) -> Type {
    let help = match what {
        "return value" => "write `type: int`, or the type of the returned value",
        _ => "write its type, for example `type: string` or `type: file`",
    };
    let (span, message) = match arg.ty {
        Some(ty) => (
            ty.span,
            "type `auto` does not say how to read the value".to_owned(),
        ),
        None => (arg.span, format!("the {what} has no type")),
    };
    refuse(sink, code::BAD_ARGUMENT, span, message, help);
    Type::Refused
}

fn argument_type(arg: &Arg, section: Section, sink: &mut Sink) -> Type {
    use Section as S;
    let resolves = is_written(&arg.resolve);
    match (section, arg.declared_type()) {
        (S::Tracepoints, ArgType::Auto) => Type::OfNode,
        (S::Kprobes | S::Fentries | S::RawTracepoints, ArgType::Auto) => {
            no_type(arg, "argument", sink)
        }
        (S::Uprobes | S::LsmHooks, ArgType::Auto) if !resolves => no_type(arg, "argument", sink),
        (S::Uprobes | S::LsmHooks, ty @ ArgType::BpfCmd) if !resolves => {
            foreign_type(arg, ty, section, "write `type: int` for its number", sink)
        }
        (S::Kprobes | S::Fentries, ty @ ArgType::Syscall64) => foreign_type(
            arg,
            ty,
            section,
            "write `type: uint64` for its number",
            sink,
        ),
        (S::Tracepoints | S::RawTracepoints, ty @ ArgType::ConstBuf) => {
            let help = "leave `type` out: the format of the tracepoint says that it is an array";
            foreign_type(arg, ty, section, help, sink)
        }
        // Where a path leads, the member's type counts.
        (S::RawTracepoints, _) if resolves => Type::OfNode,
        (_, ty) => Type::Known(ty),
    }
}

/// Reports a type that arguments of a section cannot have.
fn foreign_type(arg: &Arg, ty: ArgType, section: Section, help: &str, sink: &mut Sink) -> Type {
    let message = format!(
        "an argument of {} cannot have the type `{ty}`",
        section.hook()
    );
    refuse(sink, code::BAD_ARGUMENT, place_of_type(arg), message, help);
    Type::Refused
}

fn index(arg: &Arg, section: Section, sink: &mut Sink) {
    let most = match section {
        Section::Kprobes | Section::Fentries | Section::Uprobes => REGISTERS,
        Section::RawTracepoints | Section::LsmHooks => TYPED,
        // Numbers of fields, and of arguments that the program names.
        Section::Tracepoints | Section::Usdts => return,
    };
    if arg.index.value >= most {
        let message = match most {
            REGISTERS => format!("`index` is beyond the {REGISTERS} parameters in registers"),
            _ => format!("`index` is beyond the {TYPED} parameters that there can be"),
        };
        let help = format!("parameters count from 0: write 0 to {}", most - 1);
        refuse(sink, code::BAD_ARGUMENT, arg.index.span, message, help);
    }
}

fn size_index(arg: &Arg, section: Section, sink: &mut Sink) {
    let judged = match section {
        Section::Kprobes | Section::Fentries | Section::Uprobes | Section::LsmHooks => true,
        Section::Usdts => arg.declared_type() == ArgType::String,
        // Numbers of fields, and not looked at.
        Section::Tracepoints | Section::RawTracepoints => false,
    };
    let beyond = |size: &Spanned<u32>| judged && size.value > MAX_SIZE_INDEX;
    if let Some(size) = arg.size_arg_index.filter(beyond) {
        size_beyond(size, sink);
    }
}

/// Reports a `sizeArgIndex` that is no parameter.
pub(in crate::check) fn size_beyond(size: Spanned<u32>, sink: &mut Sink) {
    let message = format!("`sizeArgIndex` is beyond the {REGISTERS} parameters in registers");
    let help = "parameters count from 1 here: write 1 to 6";
    refuse(sink, code::BAD_ARGUMENT, size.span, message, help);
}

/// Arguments have no source: they are parameters.
fn source(arg: &Arg, section: Section, sink: &mut Sink) {
    let Some(source) = arg
        .source
        .as_ref()
        .filter(|source| !source.value.is_empty())
    else {
        return;
    };
    let message = match section {
        Section::Kprobes | Section::Fentries | Section::Uprobes => {
            "`source` belongs to `data`: an argument is a parameter of the function"
        }
        Section::LsmHooks if source.value == PT_REGS && is_written(&arg.resolve) => {
            "hooks of security decisions have no registers to read"
        }
        _ => return,
    };
    refuse(sink, code::BAD_ARGUMENT, source.span, message, "remove it");
}

/// `resolve`, and where it starts.
fn member(arg: &Arg, written: Written<'_>, sink: &mut Sink) {
    let Some(path) = arg.resolve.as_ref().filter(|path| !path.value.is_empty()) else {
        return;
    };
    match written {
        Written::Tracepoint(tracepoint) if !crate::policy::is_set(tracepoint.raw) => return,
        Written::Kprobe(kprobe) | Written::Fentry(kprobe) => root_of_function(arg, kprobe, sink),
        Written::Uprobe(uprobe) => root_of_program(arg, is_written(&uprobe.btf_path), sink),
        Written::Usdt(usdt) => root_of_program(arg, is_written(&usdt.btf_path), sink),
        Written::Tracepoint(_) | Written::LsmHook(_) => {}
    }
    structure(arg, sink);
    // A register, which was reported above.
    let is_register = arg
        .source
        .as_ref()
        .is_some_and(|source| source.value == PT_REGS);
    if !is_register {
        resolve::path(path, sink);
    }
}

/// Where the parameters have no types, the path needs a structure to start from.
fn root_of_function(arg: &Arg, kprobe: &Kprobe, sink: &mut Sink) {
    let call = kprobe.call.value.as_str();
    let untyped = lists::name(call).is_some() || kprobe.is_syscall() && !lists::has_prefix(call);
    let (Some(path), true, false) = (&arg.resolve, untyped, is_written(&arg.btf_type)) else {
        return;
    };
    let message = match lists::name(call) {
        Some(_) => "the functions of a list have no parameter in common to look into",
        None => "the parameters of system calls are numbers and addresses, without members",
    };
    let error = Diagnostic::error(code::BAD_RESOLVE, message).at(path.span);
    let error = error.related(kprobe.call.span, "hooked here");
    sink.push(
        error.help("add `btfType:` with the structure that the value is, or remove `resolve`"),
    );
}

/// Types of programs come from a file.
fn root_of_program(arg: &Arg, has_file: bool, sink: &mut Sink) {
    let Some(path) = &arg.resolve else { return };
    let missing = match (has_file, is_written(&arg.btf_type)) {
        (true, true) => return,
        (false, _) => (
            "`btfPath`",
            "add `btfPath:` to the hook, with a file that has the program's BTF",
        ),
        (true, false) => (
            "`btfType`",
            "add `btfType:` with the structure that the argument points to",
        ),
    };
    let message = format!("`resolve` needs {} to find the member", missing.0);
    refuse(sink, code::BAD_RESOLVE, path.span, message, missing.1);
}

/// `btfType` is the bare name of a structure.
fn structure(arg: &Arg, sink: &mut Sink) {
    let Some(name) = arg.btf_type.as_ref().filter(|name| !name.value.is_empty()) else {
        return;
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !is_name(&name.value) {
        let message = format!("`{}` cannot be the name of a structure", shown(&name.value));
        let bare = name
            .value
            .trim()
            .trim_start_matches("struct ")
            .trim_end_matches('*')
            .trim();
        let help = match is_name(bare) {
            true => format!("write `{bare}`"),
            false => "write the name that stands behind `struct` in C".to_owned(),
        };
        refuse(sink, code::BAD_RESOLVE, name.span, message, help);
    }
}

fn data_type(arg: &Arg, section: Section, sink: &mut Sink) -> Type {
    let source = arg
        .source
        .as_ref()
        .map_or("", |source| source.value.as_str());
    if source != CURRENT_TASK && source != PT_REGS {
        bad_source(arg, sink);
        return Type::Refused;
    }
    let Some(path) = arg.resolve.as_ref().filter(|path| !path.value.is_empty()) else {
        let message = format!("the value does not say what of `{source}` it is");
        let help = match source {
            PT_REGS => "add `resolve:` with a register, for example `resolve: rdi`",
            _ => "add `resolve:` with a member of task_struct, for example `resolve: pid`",
        };
        refuse(sink, code::BAD_ARGUMENT, arg.span, message, help);
        return Type::Refused;
    };
    if source == CURRENT_TASK {
        // The member's type makes up for a type that says nothing.
        return match resolve::path(path, sink) {
            Some(_) => Type::Known(arg.declared_type()),
            None => Type::Refused,
        };
    }
    if !registers::is_known(&path.value) {
        let message = format!("there is no register `{}`", shown(&path.value));
        let help = unless_placeholder(path, registers::advice(&path.value));
        refuse(sink, code::BAD_RESOLVE, path.span, message, help);
    }
    match arg.declared_type() {
        ArgType::Auto => no_type(arg, "value", sink),
        ty @ ArgType::BpfCmd if section == Section::Uprobes => {
            foreign_type(arg, ty, section, "write `type: int` for its number", sink)
        }
        ty => Type::Known(ty),
    }
}

fn bad_source(arg: &Arg, sink: &mut Sink) {
    let help = "write `source: current_task` for a member of task_struct, or `source: pt_regs` for a register";
    let Some(source) = arg
        .source
        .as_ref()
        .filter(|source| !source.value.is_empty())
    else {
        let message = "the value does not say where it comes from";
        return refuse(sink, code::BAD_ARGUMENT, arg.span, message, help);
    };
    let message = format!("`{}` is no source of values", shown(&source.value));
    let help = match nearest(&source.value, &[CURRENT_TASK, PT_REGS]) {
        Some(near) => format!("did you mean `{near}`?"),
        None => help.to_owned(),
    };
    refuse(sink, code::BAD_ARGUMENT, source.span, message, help);
}

/// Words of `returnArgAction`, in any case.
pub(in crate::check) const RETURN_ACTIONS: [&str; 2] = ["TrackSock", "UntrackSock"];

/// `returnArgAction`; empty counts as absent.
fn return_action(kprobe: &Kprobe, sink: &mut Sink) {
    let Some(action) = &kprobe.return_arg_action else {
        return;
    };
    let text = action.value.as_str();
    if text.is_empty()
        || RETURN_ACTIONS
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text))
    {
        return;
    }
    let message = format!("`{}` is no action on a return value", shown(text));
    let help = match nearest(text, &RETURN_ACTIONS) {
        Some(near) => format!("did you mean `{near}`?"),
        // Tetragon took it until 1.7.
        None if text.eq_ignore_ascii_case("Post") => {
            "remove the line: `return: true` already reports the return value".to_owned()
        }
        None => "remove the line".to_owned(),
    };
    refuse(sink, code::BAD_ACTION, action.span, message, help);
}

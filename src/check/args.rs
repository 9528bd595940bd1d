//! Declarations of arguments and return values.

use super::{refuse, types, unsupported, warn};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{Abi, Arg, ArgType};
use crate::policy::{self, Kprobe, is_set, nearest};

/// Parameters that a function takes in registers.
const REGISTERS: u32 = 6;

/// The declared arguments in the order of the policy; `None` means reported.
pub(super) fn arguments(kprobe: &Kprobe, abi: Option<Abi>, sink: &mut Sink) -> Vec<Option<Arg>> {
    let one = |arg| argument(kprobe, arg, abi, sink);
    kprobe.args.iter().map(one).collect()
}

fn argument(kprobe: &Kprobe, arg: &policy::Arg, abi: Option<Abi>, sink: &mut Sink) -> Option<Arg> {
    let errors = sink.errors();
    let mut ty = arg_type(arg, "argument", sink);
    fields(arg, sink);
    let index = register(arg.index, "index", sink);
    match &mut ty {
        Some(ArgType::CharBuf { size_from }) => *size_from = size_argument(arg, sink),
        Some(_) => unused_size(arg, sink),
        None => {}
    }
    if let (Some(ty), Some(Abi::Syscall)) = (ty, abi) {
        of_system_call(kprobe, arg, ty, sink);
    }
    let declared = Arg {
        index: index?,
        ty: ty?,
        label: arg.label.as_ref().map(|label| label.value.clone()),
        span: arg.span,
    };
    Some(declared).filter(|_| sink.errors() == errors)
}

fn arg_type(arg: &policy::Arg, what: &str, sink: &mut Sink) -> Option<ArgType> {
    let Some(ty) = arg.ty else {
        let message = format!("the {what} has no type");
        let help = match what {
            "argument" => "add `type:`, for example `type: string` or `type: file`",
            _ => "add `type: int`",
        };
        refuse(sink, code::BAD_ARGUMENT, arg.span, message, help);
        return None;
    };
    match types::compiled(ty.value) {
        Ok(compiled) => return Some(compiled),
        Err(help) if ty.value == policy::ArgType::Auto => {
            let message = "type `auto` does not say how to read the value";
            refuse(sink, code::BAD_ARGUMENT, ty.span, message, help);
        }
        Err(help) => unsupported(sink, ty.span, &format!("type `{}`", ty.value), help),
    }
    None
}

/// Kernel structures are not among the parameters of system calls: what Tetragon reads there is rubbish.
fn of_system_call(kprobe: &Kprobe, arg: &policy::Arg, ty: ArgType, sink: &mut Sink) {
    let (Some(help), Some(declared)) = (types::behind_system_call(ty), arg.ty) else {
        return;
    };
    let message = format!(
        "a system call has no parameter of type `{}`",
        declared.value
    );
    let error = Diagnostic::error(code::BAD_ARGUMENT, message)
        .at(declared.span)
        .label("a structure of the kernel")
        .related(kprobe.call.span, "hooked as a system call");
    sink.push(error.help(help));
}

/// The parameter that holds a buffer's length; `sizeArgIndex` counts from 1.
fn size_argument(arg: &policy::Arg, sink: &mut Sink) -> Option<u8> {
    if let Some(size) = arg.size_arg_index.filter(|size| size.value != 0) {
        let from_zero = Spanned::new(size.value - 1, size.span);
        return register(from_zero, "sizeArgIndex", sink);
    }
    if !is_set(arg.return_copy) {
        let message = "the buffer has no length: nothing of it would be read";
        let help =
            "add `sizeArgIndex:` with the number, from 1, of the parameter that holds its length";
        refuse(sink, code::BAD_ARGUMENT, arg.span, message, help);
    }
    None
}

fn unused_size(arg: &policy::Arg, sink: &mut Sink) {
    if let Some(size) = arg.size_arg_index.filter(|size| size.value != 0)
        && size_argument(arg, sink).is_some()
    {
        let message = "`sizeArgIndex` has an effect on `char_buf` arguments only";
        warn(
            sink,
            code::NO_EFFECT,
            size.span,
            message,
            "remove it, or write `type: char_buf`",
        );
    }
}

/// A parameter's number from 0.
fn register(index: Spanned<u32>, field: &str, sink: &mut Sink) -> Option<u8> {
    let found = u8::try_from(index.value)
        .ok()
        .filter(|_| index.value < REGISTERS);
    if found.is_none() {
        let message = format!("`{field}` is beyond the {REGISTERS} parameters in registers");
        let help = match field {
            "index" => "parameters count from 0: write 0 to 5",
            _ => "parameters count from 1 here: write 1 to 6",
        };
        refuse(sink, code::BAD_ARGUMENT, index.span, message, help);
    }
    found
}

/// Refuses the fields that are not compiled.
fn fields(arg: &policy::Arg, sink: &mut Sink) {
    let policy::Arg {
        span: _,
        index: _,
        ty: _,
        size_arg_index: _,
        return_copy,
        max_data: large,
        label: _,
        source,
        resolve,
        btf_type,
        btf_type_module,
    } = arg;
    let flag = |flag: &Option<Spanned<bool>>| flag.filter(|flag| flag.value).map(|flag| flag.span);
    if let Some(span) = flag(return_copy) {
        let help = "remove it; give the length at the entry with `sizeArgIndex`";
        unsupported(sink, span, "`returnCopy`", help);
    }
    if let Some(span) = flag(large) {
        max_data(arg, span, sink);
    }
    if let Some(source) = written(source) {
        let message = "`source` belongs to `data`: an argument is a parameter of the function";
        refuse(sink, code::BAD_ARGUMENT, source, message, "remove it");
    }
    // The three work together: one error for all.
    let members = [
        (resolve, "`resolve`"),
        (btf_type, "`btfType`"),
        (btf_type_module, "`btfTypeModule`"),
    ];
    let mut members = members
        .iter()
        .filter_map(|(text, what)| Some((written(text)?, *what)));
    if let Some((span, what)) = members.next() {
        let help = "remove it, and hook a function that has the value as a parameter";
        unsupported(sink, span, what, help);
    }
}

/// `maxData` concerns buffers only.
fn max_data(arg: &policy::Arg, span: Span, sink: &mut Sink) {
    if arg
        .ty
        .is_some_and(|ty| ty.value == policy::ArgType::CharBuf)
    {
        let help = "remove it: up to 4096 bytes are read without it";
        unsupported(sink, span, "`maxData`", help);
    } else {
        let message = "`maxData` has an effect on `char_buf` arguments only";
        warn(sink, code::NO_EFFECT, span, message, "remove it");
    }
}

/// Place of a text that is not empty.
fn written(text: &Option<Spanned<String>>) -> Option<Span> {
    text.as_ref()
        .filter(|text| !text.value.is_empty())
        .map(|text| text.span)
}

/// The return value of a hook that observes it; `None` also where its declaration was reported.
pub(super) fn returned(kprobe: &Kprobe, sink: &mut Sink) -> Option<Arg> {
    let Some(flag) = kprobe.returns.filter(|flag| flag.value) else {
        unobserved(kprobe, sink);
        return None;
    };
    let Some(arg) = &kprobe.return_arg else {
        let message = "the return value has no type";
        let help = "add `returnArg:` with `index: 0` and `type: int`";
        refuse(sink, code::BAD_ARGUMENT, flag.span, message, help);
        return None;
    };
    let errors = sink.errors();
    let ty = arg_type(arg, "return value", sink);
    fields(arg, sink);
    if let Some(ty) = ty.filter(|ty| !matches!(ty, ArgType::Int(_))) {
        let what = format!("a return value of type `{}`", arg.declared_type());
        let help = match ty {
            ArgType::Fd => "write `type: int` for its number",
            _ => "write an integer type: `type: int`, or `type: int64` for a pointer",
        };
        unsupported(sink, arg.ty.map_or(arg.span, |ty| ty.span), &what, help);
        return None;
    }
    if let Some(label) = &arg.label {
        let message = "`label` has no effect on return values";
        warn(sink, code::NO_EFFECT, label.span, message, "remove it");
    }
    if ty.is_some() {
        unused_size(arg, sink);
    }
    let declared = Arg {
        // Without meaning: a function returns one value.
        index: 0,
        ty: ty?,
        label: None,
        span: arg.span,
    };
    Some(declared).filter(|_| sink.errors() == errors)
}

/// Reports what a hook that does not observe the return says about it, once.
fn unobserved(kprobe: &Kprobe, sink: &mut Sink) {
    let mut filters = kprobe
        .selectors
        .iter()
        .flat_map(|selector| &selector.match_return_args);
    if let Some(filter) = filters.next() {
        let message = "the hook does not see return values, so this filter would be ignored";
        let help = match &kprobe.return_arg {
            Some(_) => "add `return: true` to the hook",
            None => "add `return: true` and `returnArg:` to the hook",
        };
        refuse(sink, code::NO_EFFECT, filter.span, message, help);
    } else if let Some(arg) = &kprobe.return_arg {
        let message = "`returnArg` has no effect without `return: true`";
        warn(
            sink,
            code::NO_EFFECT,
            arg.span,
            message,
            "add `return: true`, or remove it",
        );
    }
}

/// `returnArgAction`, in any case; empty counts as absent.
pub(super) fn return_action(action: &Spanned<String>, sink: &mut Sink) {
    const WORDS: [&str; 2] = ["TrackSock", "UntrackSock"];
    let text = action.value.as_str();
    let known = WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    if known {
        let what = format!("`returnArgAction` with `{text}`");
        let help = "remove it; the process that runs the function is in the event";
        unsupported(sink, action.span, &what, help);
    } else if !text.is_empty() {
        let message = format!("`{}` is no action on a return value", super::shown(text));
        let help = match nearest(text, &WORDS) {
            Some(near) => format!("did you mean `{near}`?"),
            // Tetragon took it until 1.7.
            None if text.eq_ignore_ascii_case("Post") => {
                "remove the line: `return: true` already reports the return value".to_owned()
            }
            None => "remove the line".to_owned(),
        };
        refuse(sink, code::BAD_ACTION, action.span, message, help);
    }
}

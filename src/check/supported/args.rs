//! Declarations of arguments and return values.

use super::{refuse, types, unsupported, warn};
use crate::check::form::{Type, Value};
use crate::check::language::{self, REGISTERS, size_beyond};
use crate::check::{set_at, written};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{Abi, Arg, ArgType};
use crate::policy::{self, Kprobe, is_set};

/// The declared arguments in the order of the policy; `None` means reported.
pub(super) fn arguments(
    kprobe: &Kprobe,
    args: &[Value<'_>],
    abi: Option<Abi>,
    sink: &mut Sink,
) -> Vec<Option<Arg>> {
    let one = |value: &Value<'_>| argument(kprobe, value, abi, sink);
    args.iter().map(one).collect()
}

fn argument(kprobe: &Kprobe, value: &Value<'_>, abi: Option<Abi>, sink: &mut Sink) -> Option<Arg> {
    let errors = sink.errors();
    let arg = value.written;
    let mut ty = compiled(value, sink);
    fields(arg, sink);
    let index = u8::try_from(arg.index.value).ok();
    let index = index.filter(|_| arg.index.value < REGISTERS);
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

/// The type as it is compiled; `None` means reported.
fn compiled(value: &Value<'_>, sink: &mut Sink) -> Option<ArgType> {
    let (Type::Known(ty), Some(declared)) = (value.ty, value.written.ty) else {
        return None;
    };
    match types::compiled(ty) {
        Ok(compiled) => Some(compiled),
        Err(help) => {
            unsupported(sink, declared.span, &format!("type `{ty}`"), help);
            None
        }
    }
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
        return size_register(size, sink);
    }
    if !is_set(arg.return_copy) {
        let message = "the buffer has no length: nothing of it would be read";
        let help =
            "add `sizeArgIndex:` with the number, from 1, of the parameter that holds its length";
        refuse(sink, code::BAD_ARGUMENT, arg.span, message, help);
    }
    None
}

/// A parameter's number from 0. The language takes numbers without a parameter up to a limit.
fn size_register(size: Spanned<u32>, sink: &mut Sink) -> Option<u8> {
    let most = language::MAX_SIZE_INDEX;
    if (REGISTERS + 1..=most).contains(&size.value) {
        size_beyond(size, sink);
    }
    let index = u8::try_from(size.value - 1).ok();
    index.filter(|_| size.value <= REGISTERS)
}

fn unused_size(arg: &policy::Arg, sink: &mut Sink) {
    if let Some(size) = arg.size_arg_index.filter(|size| size.value != 0)
        && size_register(size, sink).is_some()
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
        source: _,
        resolve,
        btf_type,
        btf_type_module,
    } = arg;
    if let Some(span) = set_at(*return_copy) {
        let help = "remove it; give the length at the entry with `sizeArgIndex`";
        unsupported(sink, span, "`returnCopy`", help);
    }
    if let Some(span) = set_at(*large) {
        max_data(arg, span, sink);
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

/// The return value of a hook that observes it; `None` also where its declaration was reported.
pub(super) fn returned(kprobe: &Kprobe, value: Option<Value<'_>>, sink: &mut Sink) -> Option<Arg> {
    if !kprobe.observes_return() {
        unobserved(kprobe, sink);
        return None;
    }
    let value = value?;
    let errors = sink.errors();
    let arg = value.written;
    let ty = compiled(&value, sink);
    fields(arg, sink);
    let ty = ty.filter(|ty| can_return(kprobe, arg, *ty, sink));
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

/// Whether a function can return such a value, and a program know where it ends.
fn can_return(kprobe: &Kprobe, arg: &policy::Arg, ty: ArgType, sink: &mut Sink) -> bool {
    let Some(declared) = arg.ty else {
        return false;
    };
    let is_syscall = kprobe.is_syscall();
    match ty {
        ArgType::Int(_) => true,
        ArgType::Nop => {
            let message = "`nop` shows nothing of the return value";
            let help = "remove `return` and `returnArg`, or write the type of the returned value";
            warn(sink, code::NO_EFFECT, declared.span, message, help);
            false
        }
        ArgType::Fd if is_syscall => true,
        ArgType::CharBuf { .. } => {
            let help = "write `type: string`, or `type: uint64` for the address";
            let what = format!("a return value of type `{}`", declared.value);
            unsupported(sink, declared.span, &what, help);
            false
        }
        _ if is_syscall => {
            let message = format!("a system call returns a number, not a `{}`", declared.value);
            let help = "write `type: int64`, or `type: fd` for the file behind a new descriptor";
            refuse(sink, code::BAD_ARGUMENT, declared.span, message, help);
            false
        }
        _ => true,
    }
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

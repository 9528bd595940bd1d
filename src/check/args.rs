//! Declarations of arguments and return values.

use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{Arg, ArgType, IntType};
use crate::policy::{self, Kprobe, is_set};

/// Parameters that a function takes in registers.
const REGISTERS: u32 = 6;

pub(super) fn arguments(kprobe: &Kprobe, sink: &mut Sink) -> Vec<Arg> {
    if let Some(data) = kprobe.data.first() {
        super::unsupported(sink, data.span, "`data`", "remove it");
    }
    kprobe.args.iter().map(|arg| argument(arg, sink)).collect()
}

fn argument(arg: &policy::Arg, sink: &mut Sink) -> Arg {
    refuse_fields(arg, sink);
    let index = register(arg.index, "index", sink);
    let mut ty = match arg.ty {
        Some(ty) => arg_type(ty, sink),
        None => {
            let message = "the argument has no type";
            let help = "add `type:`, for example `type: string` or `type: file`";
            sink.push(
                Diagnostic::error(code::BAD_ARGUMENT, message)
                    .at(arg.span)
                    .help(help),
            );
            ArgType::Nop
        }
    };
    if let ArgType::CharBuf { size_from } = &mut ty {
        *size_from = size_argument(arg, sink);
    } else if let Some(size) = arg.size_arg_index.filter(|size| size.value != 0) {
        let message = "`sizeArgIndex` has an effect on `char_buf` arguments only";
        sink.push(
            Diagnostic::warning(code::NO_EFFECT, message)
                .at(size.span)
                .help("remove it"),
        );
    }
    let label = arg.label.as_ref().map(|label| label.value.clone());
    Arg {
        index,
        ty,
        label,
        span: arg.span,
    }
}

/// The parameter that holds a buffer's length; `sizeArgIndex` counts from 1.
fn size_argument(arg: &policy::Arg, sink: &mut Sink) -> Option<u8> {
    match arg.size_arg_index.filter(|size| size.value != 0) {
        Some(size) => {
            let from_zero = Spanned::new(size.value - 1, size.span);
            Some(register(from_zero, "sizeArgIndex", sink))
        }
        None => {
            let message = "the buffer has no length: nothing of it would be read";
            let help =
                "add `sizeArgIndex:` with the number, from 1, of the parameter that holds it";
            sink.push(
                Diagnostic::error(code::BAD_ARGUMENT, message)
                    .at(arg.span)
                    .help(help),
            );
            Some(0)
        }
    }
}

/// A parameter's number from 0.
fn register(index: Spanned<u32>, field: &str, sink: &mut Sink) -> u8 {
    if index.value >= REGISTERS {
        let message = format!("`{field}` is beyond the {REGISTERS} parameters in registers");
        sink.push(Diagnostic::error(code::BAD_ARGUMENT, message).at(index.span));
        return 0;
    }
    index.value as u8
}

fn refuse_fields(arg: &policy::Arg, sink: &mut Sink) {
    let text = |field: &Option<Spanned<String>>| {
        field
            .as_ref()
            .filter(|text| !text.value.is_empty())
            .map(|text| text.span)
    };
    let flag = |field: Option<Spanned<bool>>| field.filter(|flag| flag.value).map(|flag| flag.span);
    let fields: [(Option<Span>, &str); 6] = [
        (flag(arg.return_copy), "`returnCopy`"),
        (flag(arg.max_data), "`maxData`"),
        (text(&arg.source), "`source`"),
        (text(&arg.resolve), "`resolve`"),
        (text(&arg.btf_type), "`btfType`"),
        (text(&arg.btf_type_module), "`btfTypeModule`"),
    ];
    for (span, what) in fields {
        if let Some(span) = span {
            super::unsupported(sink, span, what, "remove it");
        }
    }
}

/// The return value of a hook that reports it.
pub(super) fn returned(kprobe: &Kprobe, sink: &mut Sink) -> Option<Arg> {
    if let Some(action) = &kprobe.return_arg_action {
        super::unsupported(sink, action.span, "`returnArgAction`", "remove it");
    }
    if !is_set(kprobe.returns) {
        let unused = kprobe.return_arg.as_ref().map(|arg| arg.span);
        if let Some(span) = unused {
            let message = "`returnArg` has no effect without `return: true`";
            sink.push(Diagnostic::warning(code::NO_EFFECT, message).at(span));
        }
        return None;
    }
    let Some(arg) = &kprobe.return_arg else {
        let span = kprobe.returns.map_or(kprobe.span, |flag| flag.span);
        let message = "the return value has no type";
        let help = "add `returnArg:` with `index: 0` and `type: int`";
        sink.push(
            Diagnostic::error(code::BAD_ARGUMENT, message)
                .at(span)
                .help(help),
        );
        return None;
    };
    let checked = argument(arg, sink);
    if !matches!(checked.ty, ArgType::Int(_)) {
        let help = "declare an integer type: `type: int` or `type: int64`";
        super::unsupported(
            sink,
            arg.span,
            "a return value that is not an integer",
            help,
        );
    }
    Some(checked)
}

fn arg_type(ty: Spanned<policy::ArgType>, sink: &mut Sink) -> ArgType {
    use policy::ArgType as T;
    match ty.value {
        T::Int | T::Int32 => ArgType::Int(IntType::I32),
        T::Int8 => ArgType::Int(IntType::I8),
        T::Uint8 => ArgType::Int(IntType::U8),
        T::Int16 => ArgType::Int(IntType::I16),
        T::Uint16 => ArgType::Int(IntType::U16),
        T::Uint32 => ArgType::Int(IntType::U32),
        T::Int64 => ArgType::Int(IntType::I64),
        T::Uint64 | T::SizeT => ArgType::Int(IntType::U64),
        T::String => ArgType::String,
        T::CharBuf => ArgType::CharBuf { size_from: None },
        T::Filename => ArgType::Filename,
        T::File => ArgType::File,
        T::Path => ArgType::Path,
        T::Dentry => ArgType::Dentry,
        T::Fd => ArgType::Fd,
        T::LinuxBinprm => ArgType::LinuxBinprm,
        T::Sock => ArgType::Sock,
        T::Sockaddr => ArgType::Sockaddr,
        T::Cred => ArgType::Cred,
        T::Nop => ArgType::Nop,
        T::Auto => {
            let message = "the argument needs a type of its own";
            let help =
                "write its type, for example `type: string`; `auto` does not work on kprobes";
            sink.push(
                Diagnostic::error(code::BAD_ARGUMENT, message)
                    .at(ty.span)
                    .help(help),
            );
            ArgType::Nop
        }
        other => {
            let what = format!("the type `{other}`");
            let help = "use an integer type for its value, or `nop` to leave it out";
            super::unsupported(sink, ty.span, &what, help);
            ArgType::Nop
        }
    }
}

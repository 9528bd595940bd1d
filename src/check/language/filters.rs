//! `matchArgs`, `matchData` and `matchReturnArgs`: which value a filter looks at.
//!
//! Source: `argIndexType`, `dataIndexType` and `parseMatchCelExpr` in `pkg/selectors`, `InitKernelSelectors` in
//! `pkg/sensors/tracing/generictracepoint.go`.

use std::collections::BTreeSet;

use super::Declared;
use super::operands::Judge;
use crate::check::expression::{self, Argument};
use crate::check::form::{Filter, Operand, Parts, Section, Selector, Subject, Type, Value};
use crate::check::{refuse, shown, unless_placeholder};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::policy::{Arg, ArgFilter, Operator};

/// The sound filters on arguments and data.
pub(super) fn on_entry<'a>(
    declared: &Declared<'a>,
    selector: &Selector<'a>,
    sink: &mut Sink,
) -> Vec<Filter<'a>> {
    let mut filters = Vec::new();
    for filter in selector.match_args {
        filters.extend(argument(declared, filter, sink));
    }
    for filter in selector.match_data {
        filters.extend(datum(declared, filter, sink));
    }
    filters
}

/// The sound filters on the return value. Hooks that do not observe it ignore them, but security decisions.
pub(super) fn on_return<'a>(
    declared: &Declared<'a>,
    selector: &Selector<'a>,
    sink: &mut Sink,
) -> Vec<Filter<'a>> {
    if declared.parts.section == Section::LsmHooks {
        if let Some(filter) = selector.match_return_args.first() {
            let message = "hooks of security decisions see no return value";
            let help = "remove `matchReturnArgs`, or hook the `security_` function with `kprobes`";
            refuse(sink, code::NO_SUCH_ARG, filter.span, message, help);
        }
        return Vec::new();
    }
    let Some(returned) = declared.returned else {
        return Vec::new();
    };
    let one = |filter| return_value(declared, returned, filter, sink);
    selector.match_return_args.iter().filter_map(one).collect()
}

/// A filter on an argument; `None` means reported.
fn argument<'a>(
    declared: &Declared<'a>,
    filter: &'a ArgFilter,
    sink: &mut Sink,
) -> Option<Filter<'a>> {
    if filter.operator.value == Operator::CelExpr {
        return condition(filter, &declared.args, sink);
    }
    let found = match declared.parts.section {
        Section::Tracepoints | Section::RawTracepoints => field(declared, filter, sink),
        _ => parameter(&declared.args, filter, sink),
    };
    let (position, value) = found?;
    let subject = Subject::Arg(position);
    Judge {
        declared,
        filter,
        value,
        siblings: &declared.args,
    }
    .filter(subject, sink)
}

/// The argument that a filter names: `args: [POSITION]`, or `index` as the argument declares it.
fn parameter<'a>(
    args: &[Value<'a>],
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<(usize, Option<Value<'a>>)> {
    if let Some(first) = filter.args.first() {
        return at_position(args, first, sink);
    }
    let (index, span) = filter
        .index
        .map_or((0, filter.span), |index| (index.value, index.span));
    let found = args.iter().position(|arg| arg.written.index.value == index);
    let Some(position) = found else {
        no_index(args, index, span, sink);
        return None;
    };
    Some((position, args.get(position).copied()))
}

pub(super) fn at_position<'a>(
    args: &[Value<'a>],
    first: &Spanned<u32>,
    sink: &mut Sink,
) -> Option<(usize, Option<Value<'a>>)> {
    let position = usize::try_from(first.value).ok();
    let Some(position) = position.filter(|position| *position < args.len()) else {
        let message = format!("there is no argument at position {}", first.value);
        refuse(
            sink,
            code::NO_SUCH_ARG,
            first.span,
            message,
            positions_help(args.len()),
        );
        return None;
    };
    Some((position, args.get(position).copied()))
}

fn positions_help(declared: usize) -> String {
    match declared {
        0 => "declare it under `args` of the hook".to_owned(),
        1 => "write `args: [0]`: positions count from 0, and the hook declares one argument"
            .to_owned(),
        _ => {
            let last = declared - 1;
            format!(
                "positions count from 0, and the hook declares {declared} arguments: write 0 to {last}"
            )
        }
    }
}

fn no_index(args: &[Value<'_>], index: u32, span: Span, sink: &mut Sink) {
    let message = format!("no argument has index {index}");
    let error = Diagnostic::error(code::NO_SUCH_ARG, message).at(span);
    sink.push(match args {
        [only] => {
            let declared = only.written.index;
            let help = format!(
                "write `index: {}`, or declare `- index: {index}` under `args`",
                declared.value
            );
            error
                .related(declared.span, "the only one that is declared")
                .help(help)
        }
        _ => error.help(format!(
            "declare it under `args`: `- index: {index}` with its `type`"
        )),
    });
}

/// The argument of a tracepoint that a filter names: `index` is the number of a field that is declared, or else a
/// position. The fields of sizes can be named without being declared; what they are only a node knows.
fn field<'a>(
    declared: &Declared<'a>,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<(usize, Option<Value<'a>>)> {
    let args = &declared.args;
    let (named, span, is_position) = match (filter.args.first(), filter.index) {
        (Some(first), _) => (first.value, first.span, true),
        (None, Some(index)) => (index.value, index.span, false),
        (None, None) => (0, filter.span, false),
    };
    let fields = args.iter().map(|arg| arg.written.index.value);
    let mut fields = fields.chain(declared.hidden_sizes.iter().copied());
    let by_number = match is_position {
        true => None,
        false => fields.position(|field| field == named),
    };
    let count = args.len() + declared.hidden_sizes.len();
    let position = usize::try_from(named)
        .ok()
        .filter(|position| *position < count);
    if let Some(position) = by_number.or(position) {
        return Some((position, args.get(position).copied()));
    }
    match is_position {
        true => {
            let message = format!("there is no argument at position {named}");
            refuse(
                sink,
                code::NO_SUCH_ARG,
                span,
                message,
                positions_help(args.len()),
            );
        }
        false => no_index(args, named, span, sink),
    }
    None
}

/// Fields that hold sizes of arguments and are not arguments themselves.
pub(in crate::check) fn hidden_sizes(parts: &Parts<'_>) -> Vec<u32> {
    if parts.section != Section::Tracepoints {
        return Vec::new();
    }
    let fields: BTreeSet<u32> = parts.args.iter().map(|arg| arg.index.value).collect();
    let mut seen = BTreeSet::new();
    let sizes = parts.args.iter().filter_map(|arg| arg.size_arg_index);
    let sizes = sizes.filter_map(|size| size.value.checked_sub(1));
    sizes
        .filter(|field| !fields.contains(field) && seen.insert(*field))
        .collect()
}

/// A filter on a value under `data`, by its position there; `None` means reported.
fn datum<'a>(
    declared: &Declared<'a>,
    filter: &'a ArgFilter,
    sink: &mut Sink,
) -> Option<Filter<'a>> {
    let data = &declared.data;
    let named = filter.args.first().copied().or(filter.index);
    let (position, span) = named.map_or((0, filter.span), |named| (named.value, named.span));
    let value = usize::try_from(position)
        .ok()
        .and_then(|position| data.get(position));
    let Some(value) = value else {
        let message = format!("there is no `data` at position {position}");
        let help = match (data.len(), declared.parts.section) {
            (0, Section::Kprobes | Section::Fentries | Section::Uprobes) => {
                "declare it under `data` of the hook".to_owned()
            }
            (0, section) => format!("use `matchArgs`: {} has no `data`", section.hook()),
            (count, _) => format!("positions count from 0: write 0 to {}", count - 1),
        };
        refuse(sink, code::NO_SUCH_ARG, span, message, help);
        return None;
    };
    let subject = Subject::Data(usize::try_from(position).unwrap_or_default());
    Judge {
        declared,
        filter,
        value: Some(*value),
        siblings: data,
    }
    .filter(subject, sink)
}

/// A filter on the return value; `None` means reported.
fn return_value<'a>(
    declared: &Declared<'a>,
    returned: Value<'a>,
    filter: &'a ArgFilter,
    sink: &mut Sink,
) -> Option<Filter<'a>> {
    if filter.operator.value == Operator::CelExpr {
        return condition(filter, &[returned], sink);
    }
    if !names_return(returned.written, filter, sink) {
        return None;
    }
    let siblings = &[returned];
    Judge {
        declared,
        filter,
        value: Some(returned),
        siblings,
    }
    .filter(Subject::Return, sink)
}

/// Whether the filter means the return value, which is the one with the index of `returnArg`.
fn names_return(ret: &Arg, filter: &ArgFilter, sink: &mut Sink) -> bool {
    if let Some(position) = filter.args.first() {
        if position.value != 0 {
            let message = format!("there is no return value at position {}", position.value);
            let help = "remove `args`: a function returns one value";
            refuse(sink, code::NO_SUCH_ARG, position.span, message, help);
        }
        return position.value == 0;
    }
    let (index, span) = filter
        .index
        .map_or((0, filter.span), |index| (index.value, index.span));
    let declared = ret.index;
    if index != declared.value {
        let message = format!("the return value has index {}, not {index}", declared.value);
        let error = Diagnostic::error(code::NO_SUCH_ARG, message).at(span);
        let help = format!("write `index: {}`", declared.value);
        sink.push(error.related(declared.span, "declared here").help(help));
    }
    index == declared.value
}

/// An expression over values, which it names itself; `None` means reported.
fn condition<'a>(
    filter: &'a ArgFilter,
    values: &[Value<'a>],
    sink: &mut Sink,
) -> Option<Filter<'a>> {
    let [text] = filter.values.as_slice() else {
        let (span, message) = match filter.values.get(1) {
            Some(second) => (second.span, "`CelExpr` takes one expression"),
            None => (filter.span, "`CelExpr` has no expression"),
        };
        let help = "write one expression, with `&&` and `||` between its parts";
        refuse(sink, code::BAD_EXPRESSION, span, message, help);
        return None;
    };
    let argument = |value: &Value<'_>| match value.ty {
        Type::Known(ty) => expression::Type::of(ty).map_or(Argument::Other(ty), Argument::Of),
        Type::OfNode | Type::Refused => Argument::Of(expression::Type::Any),
    };
    let arguments: Vec<Argument> = values.iter().map(argument).collect();
    match expression::condition(&text.value, &arguments) {
        Ok(expression) => Some(Filter {
            written: filter,
            of: Subject::Expression,
            value: None,
            operand: Operand::Expression(expression),
        }),
        Err(fault) => {
            let message = format!("`{}` is no condition: {}", shown(&text.value), fault.what);
            let help = unless_placeholder(text, fault.help);
            refuse(sink, code::BAD_EXPRESSION, text.span, message, help);
            None
        }
    }
}

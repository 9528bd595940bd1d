//! `matchArgs` and `matchReturnArgs`.

use super::{Hook, sockets, texts, values};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{ArgType, IntSet, IntType, Predicate, Subject, Test};
use crate::policy::{ArgFilter, Kprobe, Operator};

/// A filter on an argument.
pub(super) fn argument(
    hook: &Hook,
    kprobe: &Kprobe,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<Test> {
    let position = position(kprobe, filter, sink)?;
    let ty = hook.args.get(position)?.ty;
    test(Subject::Arg(position), ty, filter, sink)
}

/// Place of the argument in `args`: `args: [POSITION]`, or `index` as the argument declares it.
fn position(kprobe: &Kprobe, filter: &ArgFilter, sink: &mut Sink) -> Option<usize> {
    let declared = kprobe.args.len();
    if let Some(position) = filter.args.first() {
        if (position.value as usize) < declared {
            return Some(position.value as usize);
        }
        let message = format!("there is no argument at position {}", position.value);
        let help = format!("the hook declares {declared}; positions count from 0");
        let error = Diagnostic::error(code::NO_SUCH_ARG, message).at(position.span);
        sink.push(error.help(help));
        return None;
    }
    let (index, span) = match filter.index {
        Some(index) => (index.value, index.span),
        None => (0, filter.span),
    };
    let found = kprobe.args.iter().position(|arg| arg.index.value == index);
    if found.is_none() {
        let message = format!("no argument has index {index}");
        let help = format!("declare it under `args`: `- index: {index}` with its `type`");
        sink.push(
            Diagnostic::error(code::NO_SUCH_ARG, message)
                .at(span)
                .help(help),
        );
    }
    found
}

/// A filter on the return value.
pub(super) fn returned(
    hook: &Hook,
    kprobe: &Kprobe,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<Test> {
    let Some(ret) = &hook.ret else {
        if !kprobe.observes_return() {
            let message = "the hook does not see return values, so this filter would be ignored";
            let help = "add `return: true` and `returnArg:` to the hook";
            sink.push(
                Diagnostic::error(code::NO_EFFECT, message)
                    .at(filter.span)
                    .help(help),
            );
        }
        return None;
    };
    let wanted = filter.args.first().map_or(filter.index, |_| None);
    let (index, span) = wanted.map_or((u32::from(ret.index), filter.span), |i| (i.value, i.span));
    if filter.index.is_some() && index != u32::from(ret.index) {
        let message = format!("the return value has index {}, not {index}", ret.index);
        sink.push(Diagnostic::error(code::NO_SUCH_ARG, message).at(span));
        return None;
    }
    test(Subject::Return, ret.ty, filter, sink)
}

fn test(of: Subject, ty: ArgType, filter: &ArgFilter, sink: &mut Sink) -> Option<Test> {
    let (negate, predicate) = match ty {
        ArgType::Int(int) => ints(of, int, filter, sink)?,
        ArgType::Sock | ArgType::Sockaddr => sockets::predicate(of, ty, filter, sink)?,
        ArgType::Cred | ArgType::Nop => {
            wrong_operator(filter, "values of this type", "no operator", sink);
            return None;
        }
        _ => texts::predicate(of, filter, sink)?,
    };
    Some(Test {
        negate,
        predicate,
        span: filter.span,
    })
}

/// Reports an operator that does not fit.
pub(super) fn wrong_operator(filter: &ArgFilter, what: &str, fitting: &str, sink: &mut Sink) {
    let Spanned { value, span } = filter.operator;
    if matches!(
        value,
        Operator::SubString
            | Operator::SubStringIgnCase
            | Operator::CelExpr
            | Operator::FileType
            | Operator::NotFileType
            | Operator::CapabilitiesGained
    ) {
        let help = format!("{what} can be filtered with {fitting}");
        return super::unsupported(sink, span, &format!("the operator `{value}`"), &help);
    }
    let message = format!("`{value}` does not work on {what}");
    let help = format!("use {fitting}");
    sink.push(
        Diagnostic::error(code::BAD_OPERATOR, message)
            .at(span)
            .help(help),
    );
}

fn ints(
    of: Subject,
    ty: IntType,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<(bool, Predicate)> {
    use Operator as O;
    let operator = filter.operator.value;
    let fitting = "Equal, NotEqual, GT, LT, Mask, InMap, NotInMap, InRange or NotInRange";
    let range = match operator {
        O::Equal | O::NotEqual | O::GreaterThan | O::LessThan | O::Mask => false,
        O::InMap | O::NotInMap | O::InRange | O::NotInRange => true,
        _ => {
            wrong_operator(filter, "integers", fitting, sink);
            return None;
        }
    };
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let parse = |text: &Spanned<String>, sink: &mut Sink| {
        if range {
            values::range(text, ty, sink)
        } else {
            values::single(text, ty, sink)
        }
    };
    let ranges: Vec<(i128, i128)> = filter
        .values
        .iter()
        .filter_map(|text| parse(text, sink))
        .collect();
    let (lowest, highest) = values::limits(ty);
    let predicate = match operator {
        O::GreaterThan => {
            let least = ranges.iter().map(|(lo, _)| *lo).min()?;
            Predicate::Int {
                of,
                set: IntSet::from_ranges([(least + 1, highest)]),
            }
        }
        O::LessThan => {
            let most = ranges.iter().map(|(lo, _)| *lo).max()?;
            Predicate::Int {
                of,
                set: IntSet::from_ranges([(lowest, most - 1)]),
            }
        }
        O::Mask => {
            let mask = ranges
                .iter()
                .fold(0, |mask, (lo, _)| mask | values::bits(*lo, ty));
            Predicate::Mask { of, mask }
        }
        _ => Predicate::Int {
            of,
            set: IntSet::from_ranges(ranges),
        },
    };
    let negate = matches!(operator, O::NotEqual | O::NotInMap | O::NotInRange);
    Some((negate, predicate))
}

/// A value that is not one of its kind.
pub(super) fn bad_value(text: &str, span: Span, what: &str, help: &str, sink: &mut Sink) {
    let message = format!("`{text}` is not {what}");
    sink.push(
        Diagnostic::error(code::BAD_VALUE, message)
            .at(span)
            .help(help),
    );
}

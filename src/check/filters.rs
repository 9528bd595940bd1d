//! `matchArgs` and `matchReturnArgs`.

use super::hook::Declared;
use super::numbers::{self, Grammar, Range};
use super::{refuse, sockets, texts, types, unsupported, warn};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{ArgType, IntSet, IntType, Predicate, Subject, Test};
use crate::policy::{self, ArgFilter, Operator, is_set};

/// A filter and the value that it looks at.
pub(super) struct Filter<'a> {
    pub(super) written: &'a ArgFilter,
    /// Declaration of the value.
    pub(super) declared: &'a policy::Arg,
    pub(super) of: Subject,
    pub(super) ty: ArgType,
}

impl Filter<'_> {
    pub(super) fn operator(&self) -> Operator {
        self.written.operator.value
    }

    pub(super) fn values(&self) -> &[Spanned<String>] {
        &self.written.values
    }

    /// The set of the numbers in the values; bad ones are reported and left out.
    pub(super) fn numbers(&self, grammar: Grammar, ty: IntType, sink: &mut Sink) -> Vec<Range> {
        let one = |text| self.number(text, grammar, ty, sink);
        self.values().iter().filter_map(one).collect()
    }

    pub(super) fn number(
        &self,
        text: &Spanned<String>,
        grammar: Grammar,
        ty: IntType,
        sink: &mut Sink,
    ) -> Option<Range> {
        let wrong = match numbers::parse(&text.value, grammar, ty, self.is_signed(ty)) {
            Ok(range) => return Some(range),
            Err(wrong) => wrong,
        };
        let message = format!("`{}` {}", super::shown(&text.value), wrong.what);
        let mut error = Diagnostic::error(code::BAD_VALUE, message).at(text.span);
        let mut help = wrong.help;
        if wrong.by_type {
            match self.declared.ty {
                Some(declared) if self.is_int() => {
                    error = error.related(declared.span, "the argument's type");
                }
                _ => help = "write a number in this range, or remove this one".to_owned(),
            }
        }
        sink.push(error.help(super::unless_placeholder(text, help)));
        None
    }

    /// Whether numbers may have a sign.
    fn is_signed(&self, ty: IntType) -> bool {
        let size = |ty: Spanned<policy::ArgType>| ty.value == policy::ArgType::SizeT;
        ty.signed() || self.declared.ty.is_some_and(size)
    }

    fn is_int(&self) -> bool {
        matches!(self.ty, ArgType::Int(_))
    }
}

/// A filter on an argument; `None` means reported.
pub(super) fn argument(
    declared: &Declared<'_>,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<Test> {
    if is_expression(filter, sink) {
        return None;
    }
    let position = position(&declared.kprobe.args, filter, sink)?;
    let arg = declared.args.get(position)?.as_ref()?;
    let filter = Filter {
        written: filter,
        declared: declared.kprobe.args.get(position)?,
        of: Subject::Arg(position),
        ty: arg.ty,
    };
    test(&filter, sink)
}

/// Refuses expressions, which name their arguments themselves.
fn is_expression(filter: &ArgFilter, sink: &mut Sink) -> bool {
    let Spanned { value, span } = filter.operator;
    if value == Operator::CelExpr {
        let help = "write the condition with Equal, GT, LT, Mask or InRange: all filters of a selector must hold";
        unsupported(sink, span, "the operator `CelExpr`", help);
    }
    value == Operator::CelExpr
}

/// Place of the argument in `args`: `args: [POSITION]`, or `index` as the argument declares it.
fn position(args: &[policy::Arg], filter: &ArgFilter, sink: &mut Sink) -> Option<usize> {
    let ArgFilter {
        span,
        index,
        args: positions,
        operator: _,
        values: _,
    } = filter;
    let Some(first) = positions.first() else {
        let (index, span) = index.map_or((0, *span), |index| (index.value, index.span));
        return by_index(args, index, span, sink);
    };
    if let (Some(second), false) = (positions.get(1), takes_two(filter)) {
        let message = "a filter looks at one argument: the further positions would be ignored";
        let help = "write one filter for each argument";
        refuse(sink, code::NO_EFFECT, second.span, message, help);
    }
    let found = usize::try_from(first.value).ok();
    let Some((found, arg)) = found.and_then(|at| Some((at, args.get(at)?))) else {
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
    if let Some(index) = index.filter(|index| index.value != arg.index.value) {
        let message = "`index` and `args` name two different arguments";
        let error = Diagnostic::error(code::NO_SUCH_ARG, message).at(index.span);
        let error = error.related(first.span, "this one would count");
        sink.push(error.help("remove one of the two"));
        return None;
    }
    Some(found)
}

fn takes_two(filter: &ArgFilter) -> bool {
    filter.operator.value == Operator::CapabilitiesGained
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

fn by_index(args: &[policy::Arg], index: u32, span: Span, sink: &mut Sink) -> Option<usize> {
    let found = args.iter().position(|arg| arg.index.value == index);
    if found.is_none() {
        let message = format!("no argument has index {index}");
        let error = Diagnostic::error(code::NO_SUCH_ARG, message).at(span);
        sink.push(match args {
            [only] => {
                let declared = only.index;
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
    found
}

/// A filter on the return value, which it need not name; `None` means reported.
pub(super) fn returned(
    declared: &Declared<'_>,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<Test> {
    if !is_set(declared.kprobe.returns) || is_expression(filter, sink) {
        return None;
    }
    let written = declared.kprobe.return_arg.as_ref()?;
    if !names_return(written, filter, sink) {
        return None;
    }
    let filter = Filter {
        written: filter,
        declared: written,
        of: Subject::Return,
        ty: declared.ret.as_ref()?.ty,
    };
    test(&filter, sink)
}

/// Whether the filter means the return value, if it says what it means.
fn names_return(ret: &policy::Arg, filter: &ArgFilter, sink: &mut Sink) -> bool {
    if let Some(position) = filter.args.iter().find(|position| position.value != 0) {
        let message = format!("there is no return value at position {}", position.value);
        let help = "remove `args`: a function returns one value";
        refuse(sink, code::NO_SUCH_ARG, position.span, message, help);
        return false;
    }
    let other = |index: &Spanned<u32>| index.value != ret.index.value;
    if let Some(index) = filter.index.filter(other) {
        let declared = ret.index;
        let message = format!(
            "the return value has index {}, not {}",
            declared.value, index.value
        );
        let error = Diagnostic::error(code::NO_SUCH_ARG, message).at(index.span);
        let help = format!("write `index: {}`, or leave it out", declared.value);
        sink.push(error.related(declared.span, "declared here").help(help));
        return false;
    }
    true
}

fn test(filter: &Filter<'_>, sink: &mut Sink) -> Option<Test> {
    if !types::family(filter.ty)
        .operators
        .contains(&filter.operator())
    {
        wrong_operator(filter, sink);
        return None;
    }
    let (negate, predicate) = match filter.ty {
        ArgType::Int(int) => ints(filter, int, sink)?,
        ArgType::Sock | ArgType::Sockaddr => sockets::predicate(filter, sink)?,
        _ => texts::predicate(filter, sink)?,
    };
    Some(Test {
        negate,
        predicate,
        span: filter.written.span,
    })
}

/// Reports an operator that does not fit.
fn wrong_operator(filter: &Filter<'_>, sink: &mut Sink) {
    let Spanned { value, span } = filter.written.operator;
    let family = types::family(filter.ty);
    let fitting: Vec<&str> = family
        .operators
        .iter()
        .map(|operator| policy::Word::name(*operator))
        .collect();
    let help = match fitting.as_slice() {
        [] => "remove the filter: no operator works on them".to_owned(),
        _ => format!("use one of {}", fitting.join(", ")),
    };
    if family.missing.contains(&value) {
        return unsupported(sink, span, &format!("the operator `{value}`"), &help);
    }
    let message = format!("`{value}` does not work on {}", family.what);
    let error = Diagnostic::error(code::BAD_OPERATOR, message).at(span);
    let declared = filter
        .declared
        .ty
        .map_or(filter.declared.span, |ty| ty.span);
    sink.push(error.related(declared, "the argument's type").help(help));
}

fn ints(filter: &Filter<'_>, ty: IntType, sink: &mut Sink) -> Option<(bool, Predicate)> {
    use Operator as O;
    let (operator, of) = (filter.operator(), filter.of);
    if !super::require_values(filter.values(), filter.written.span, sink) {
        return None;
    }
    let grammar = match operator {
        O::InMap | O::NotInMap => Grammar::DecimalRange,
        O::InRange | O::NotInRange => Grammar::LiteralRange,
        _ => Grammar::Literal,
    };
    let ranges = filter.numbers(grammar, ty, sink);
    if ranges.len() < filter.values().len() {
        return None;
    }
    let (lowest, highest) = numbers::limits(ty);
    let set = match operator {
        O::Mask => return Some((false, mask(filter, &ranges, ty, sink))),
        // Greater or less than one of the values is enough.
        O::GreaterThan => ranges
            .iter()
            .map(|(value, _)| (value + 1, highest))
            .collect(),
        O::LessThan => ranges
            .iter()
            .map(|(value, _)| (lowest, value - 1))
            .collect(),
        _ => ranges,
    };
    let set = IntSet::from_ranges(set);
    if set.is_empty() {
        nothing_beyond(filter, ty, sink);
    }
    let negate = matches!(operator, O::NotEqual | O::NotInMap | O::NotInRange);
    Some((negate, Predicate::Int { of, set }))
}

/// Warns of a comparison with the end of the type.
fn nothing_beyond(filter: &Filter<'_>, ty: IntType, sink: &mut Sink) {
    let (lowest, highest) = numbers::limits(ty);
    let (how, end) = match filter.operator() {
        Operator::GreaterThan => ("greater", highest),
        _ => ("less", lowest),
    };
    let message = format!("the filter never matches: nothing is {how} than {end}");
    let mut warning = Diagnostic::warning(code::NEVER_MATCHES, message).at(filter.written.span);
    if let Some(declared) = filter.declared.ty {
        warning = warning.related(declared.span, "by the argument's type");
    }
    sink.push(warning.help(format!("write another number, or use `Equal` with `{end}`")));
}

fn mask(filter: &Filter<'_>, values: &[Range], ty: IntType, sink: &mut Sink) -> Predicate {
    for (text, _) in filter
        .values()
        .iter()
        .zip(values)
        .filter(|(_, value)| value.0 == 0)
    {
        let message = format!(
            "`{}` has no bits: no number matches it",
            super::shown(&text.value)
        );
        let help = "write a number with the bits to look for, or use `Equal` for 0";
        warn(sink, code::NEVER_MATCHES, text.span, message, help);
    }
    let join = |mask, value: &Range| mask | numbers::bits(value.0, ty);
    Predicate::Mask {
        of: filter.of,
        mask: values.iter().fold(0, join),
    }
}

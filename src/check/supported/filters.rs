//! `matchArgs` and `matchReturnArgs`.

use super::hook::Declared;
use super::{refuse, require_values, sockets, texts, types, unsupported, warn};
use crate::check::form::{self, Operand, Subject};
use crate::check::language;
use crate::check::numbers::{self, Range};
use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::ir::{self, ArgType, IntSet, IntType, Predicate, Test};
use crate::policy::{self, Operator};

/// A filter and the value that it looks at.
pub(super) struct Filter<'a> {
    pub(super) judged: &'a form::Filter<'a>,
    /// Declaration of the value.
    pub(super) declared: &'a policy::Arg,
    pub(super) of: ir::Subject,
    pub(super) ty: ArgType,
}

impl Filter<'_> {
    pub(super) fn operator(&self) -> Operator {
        self.judged.operator()
    }

    pub(super) fn values(&self) -> &[Spanned<String>] {
        &self.judged.written.values
    }

    /// The numbers in the values that the type has; the others are reported.
    pub(super) fn numbers(&self, ty: IntType, sink: &mut Sink) -> Vec<Range> {
        let Operand::Numbers(ranges) = &self.judged.operand else {
            return Vec::new();
        };
        let one = |(text, range): (&Spanned<String>, &Option<Range>)| {
            numbers::cut((*range)?, ty)
                .map_err(|wrong| language::report(Some(self.declared), text, wrong, sink))
                .ok()
        };
        self.values().iter().zip(ranges).filter_map(one).collect()
    }
}

/// A filter as a test; `None` means reported.
pub(super) fn test(
    declared: &Declared,
    judged: &form::Filter<'_>,
    sink: &mut Sink,
) -> Option<Test> {
    let (of, arg) = match judged.of {
        Subject::Arg(position) => {
            other_positions(judged, sink)?;
            let arg = declared.args.get(position)?.as_ref()?;
            (ir::Subject::Arg(position), arg)
        }
        Subject::Return => (ir::Subject::Return, declared.ret.as_ref()?),
        Subject::Expression => {
            let help = "write the condition with Equal, GT, LT, Mask or InRange: all filters of a selector must hold";
            let span = judged.written.operator.span;
            unsupported(sink, span, "the operator `CelExpr`", help);
            return None;
        }
        // Refused with `matchData` as a whole.
        Subject::Data(_) => return None,
    };
    let filter = Filter {
        judged,
        declared: judged.value?.written,
        of,
        ty: arg.ty,
    };
    predicate(&filter, sink)
}

/// Positions that would be ignored, and an index that contradicts; `None` means reported.
fn other_positions(judged: &form::Filter<'_>, sink: &mut Sink) -> Option<()> {
    let written = judged.written;
    let Some(first) = written.args.first() else {
        return Some(());
    };
    let takes_two = written.operator.value == Operator::CapabilitiesGained;
    if let (Some(second), false) = (written.args.get(1), takes_two) {
        let message = "a filter looks at one argument: the further positions would be ignored";
        let help = "write one filter for each argument";
        refuse(sink, code::NO_EFFECT, second.span, message, help);
    }
    let declared = judged.value?.written.index.value;
    if let Some(index) = written.index.filter(|index| index.value != declared) {
        let message = "`index` and `args` name two different arguments";
        let error = Diagnostic::error(code::NO_SUCH_ARG, message).at(index.span);
        let error = error.related(first.span, "this one would count");
        sink.push(error.help("remove one of the two"));
        return None;
    }
    Some(())
}

fn predicate(filter: &Filter<'_>, sink: &mut Sink) -> Option<Test> {
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
        span: filter.judged.written.span,
    })
}

/// Reports an operator that does not fit.
fn wrong_operator(filter: &Filter<'_>, sink: &mut Sink) {
    let Spanned { value, span } = filter.judged.written.operator;
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
    if !require_values(filter.values(), filter.judged.written.span, sink) {
        return None;
    }
    let ranges = filter.numbers(ty, sink);
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
    let span = filter.judged.written.span;
    let mut warning = Diagnostic::warning(code::NEVER_MATCHES, message).at(span);
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

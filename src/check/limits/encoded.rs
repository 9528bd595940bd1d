//! The size of a hook's selectors as Tetragon encodes them: 32-bit words in one buffer, which the kernel side walks.
//! Texts, addresses and sets lie in maps of their own; their numbers do not.
//!
//! Source: `InitKernelSelectorState` and `InitKernelReturnSelectorState` in `pkg/selectors/kernel.go`.

use super::selectors::encodes_substrings;
use super::{BUFFER, Found, LOW_BYTES, SUBSTRINGS};
use crate::check::expression::Expression;
use crate::check::form::{Filter, Hook, Operand, Selector};
use crate::check::numbers::{Grammar, Integer};
use crate::policy::{Action, ActionKind, ArgType, Operator};

/// A word.
const WORD: usize = 4;
/// What a selector has before its filters: lengths of its sections, and the places of five filters.
const FRAME: usize = WORD * 13;
/// The same of a selector on return values.
const RETURN_FRAME: usize = WORD * 8;
/// Index, operator, length and type.
const FILTER: usize = WORD * 4;
/// A word for each size of texts.
const TEXT_SETS: usize = WORD * 11;

pub(super) fn sizes(hook: &Hook<'_>, found: &mut Found) {
    let mut size = WORD;
    let mut over = None;
    for selector in &hook.selectors {
        size += entry(selector);
        over = over.or((size > limit(&LOW_BYTES)).then_some(selector.written.span));
    }
    if let Some(span) = over {
        let crashes = size > limit(&BUFFER);
        found.push(if crashes { &BUFFER } else { &LOW_BYTES }, span, size);
    }
    if hook.returned.is_some() {
        let returns = |selector: &Selector<'_>| {
            let filters = selector.return_filters.iter().map(filter);
            let actions = selector.return_actions.iter().map(action);
            RETURN_FRAME + filters.sum::<usize>() + actions.sum::<usize>()
        };
        let size = WORD + hook.selectors.iter().map(returns).sum::<usize>();
        if size > limit(&BUFFER) {
            found.push(&BUFFER, hook.parts.place, size);
        }
    }
    substrings(hook, found);
}

fn limit(limit: &super::Limit) -> usize {
    limit
        .bound
        .and_then(|bound| usize::try_from(bound).ok())
        .unwrap_or(usize::MAX)
}

fn entry(selector: &Selector<'_>) -> usize {
    let pids = selector
        .pids
        .iter()
        .map(|filter| WORD * (3 + filter.values.len()));
    let namespaces = selector
        .namespaces
        .iter()
        .map(|filter| WORD * (3 + filter.values.len()));
    let changes = selector.namespace_changes.len() * WORD * 2;
    let capabilities = (selector.capabilities.len() + selector.capability_changes.len()) * WORD * 5;
    let filters = selector.filters.iter().map(filter);
    let actions = selector.actions.iter().map(action);
    let lists = pids.sum::<usize>() + namespaces.sum::<usize>() + changes + capabilities;
    FRAME + lists + filters.sum::<usize>() + actions.sum::<usize>()
}

fn filter(filter: &Filter<'_>) -> usize {
    use Operator as O;
    let count = filter.written.values.len();
    let payload = match &filter.operand {
        Operand::Nothing => match filter.operator() {
            O::CapabilitiesGained => WORD,
            _ => 0,
        },
        Operand::Networks(_) => WORD * 2,
        Operand::Masks(_) => WORD * 2 * count,
        Operand::Numbers(_) => numbers(filter, count),
        Operand::Expression(expression) => WORD * arguments(expression),
        Operand::Texts => match filter.operator() {
            O::Equal | O::NotEqual => TEXT_SETS,
            O::Prefix | O::NotPrefix | O::Postfix | O::NotPostfix => WORD,
            O::FileType | O::NotFileType => WORD * count,
            _ if filter.ty().is_some_and(encodes_substrings) => WORD * count,
            _ => 0,
        },
        Operand::Unjudged => WORD,
    };
    FILTER + payload
}

fn numbers(filter: &Filter<'_>, count: usize) -> usize {
    let Some(integer) = filter.ty().and_then(Integer::of) else {
        // Ports and what has names are sets.
        return WORD;
    };
    let width = match integer.ty.bytes() {
        8 if filter.ty() != Some(ArgType::SizeT) => WORD * 2,
        _ => WORD,
    };
    match Grammar::of(filter.operator()) {
        Grammar::Literal => width * count,
        Grammar::LiteralRange => width * 2 * count,
        Grammar::DecimalRange => WORD,
    }
}

/// Arguments that an expression names.
fn arguments(expression: &Expression) -> usize {
    expression.arguments().len()
}

fn action(action: &Action) -> usize {
    use ActionKind as A;
    let parameters = match action.action.value {
        A::Post => 5,
        A::NotifyEnforcer => 3,
        A::Set => 2,
        A::Override | A::GetUrl | A::DnsLookup | A::Signal | A::TrackSock | A::UntrackSock => 1,
        A::NoPost | A::Sigkill | A::CleanupEnforcerNotification => 0,
    };
    WORD * (1 + parameters)
}

/// Substrings of a hook have one table.
fn substrings(hook: &Hook<'_>, found: &mut Found) {
    let filters = hook.selectors.iter().flat_map(|selector| &selector.filters);
    let searches = |filter: &&Filter<'_>| {
        let operator = filter.operator();
        matches!(operator, Operator::SubString | Operator::SubStringIgnCase)
            && filter.ty().is_some_and(encodes_substrings)
    };
    let values: Vec<_> = filters
        .filter(searches)
        .flat_map(|filter| &filter.written.values)
        .collect();
    found.count(&SUBSTRINGS, &values, |value| value.span);
}

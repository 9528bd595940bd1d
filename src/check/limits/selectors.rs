//! Limits of selectors, filters and actions.

use super::{
    ACTIONS, BINARIES, BINARY_LENGTH, CAPABILITY_FILTERS, DAC_OVERRIDE, EQUAL_LENGTH, FILENAME,
    FILENAME_TEXTS, FILTERS, Found, HOST_NAMESPACE, NAMESPACE_CHANGES, NAMESPACE_VALUES,
    NAMESPACES, NUMBER_RANGE, PID_FILTERS, PIDS, POSTFIX_LENGTH, PREFIX_LENGTH, REGISTERS,
    SUBSTRING_LENGTH, VALUES,
};
use crate::check::form::{Filter, Hook, Operand, Section, Selector};
use crate::check::language::{HOST, OTHER_NAME};
use crate::check::numbers::{Grammar, Integer};
use crate::check::operators;
use crate::policy::{
    ActionKind, ArgFilter, ArgType, BinaryFilter, BinaryOperator, CapabilityFilter, Namespace,
    NamespaceFilter, Operator, Policy,
};

/// Limits of the schema, which hold wherever a selector stands.
pub(super) fn written(policy: &Policy, found: &mut Found) {
    let spec = &policy.spec;
    let macros = spec.selectors_macros.iter().map(|one| &one.value);
    let hooks = crate::check::form::Written::all(spec).map(|hook| hook.parts());
    let selectors = hooks.flat_map(|hook| hook.selectors).chain(macros);
    for selector in selectors {
        found.count(&BINARIES, &selector.match_binaries, |one| one.span);
        found.count(&BINARIES, &selector.match_parent_binaries, |one| one.span);
    }
}

/// A selector with its macros.
pub(super) fn one(hook: &Hook<'_>, selector: &Selector<'_>, found: &mut Found) {
    process(selector, found);
    let entry: Vec<&ArgFilter> = selector
        .match_args
        .iter()
        .chain(selector.match_data)
        .collect();
    found.count(&FILTERS, &entry, |filter| filter.span);
    found.count(&ACTIONS, selector.actions, |action| action.span);
    if hook.returned.is_some() {
        found.count(&FILTERS, selector.match_return_args, |filter| filter.span);
        found.count(&ACTIONS, selector.return_actions, |action| action.span);
    }
    if hook.parts.section == Section::Uprobes {
        let overrides = selector
            .actions
            .iter()
            .filter(|one| one.action.value == ActionKind::Override);
        for action in overrides {
            found.count(&REGISTERS, &action.arg_regs, |one| one.span);
        }
    }
    for filter in selector.filters.iter().chain(&selector.return_filters) {
        values(filter, found);
    }
}

fn process(selector: &Selector<'_>, found: &mut Found) {
    found.count(&PID_FILTERS, selector.pids, |filter| filter.span);
    for filter in selector.pids {
        found.count(&PIDS, &filter.values, |value| value.span);
    }
    for filter in selector.binaries.iter().chain(selector.parent_binaries) {
        binary(filter, found);
    }
    found.count(&NAMESPACES, selector.namespaces, |filter| filter.span);
    for filter in selector.namespaces {
        namespace(filter, found);
    }
    found.count(&NAMESPACE_CHANGES, selector.namespace_changes, |filter| {
        filter.span
    });
    for filters in [selector.capabilities, selector.capability_changes] {
        found.count(&CAPABILITY_FILTERS, filters, |filter| filter.span);
        capabilities(filters, found);
    }
}

fn binary(filter: &BinaryFilter, found: &mut Found) {
    use BinaryOperator as O;
    let limit = match filter.operator.value {
        O::In | O::NotIn => &BINARY_LENGTH,
        O::Prefix | O::NotPrefix => &PREFIX_LENGTH,
        O::Postfix | O::NotPostfix => &POSTFIX_LENGTH,
    };
    for text in &filter.values {
        found.length(limit, &text.value, text.span);
    }
}

fn namespace(filter: &NamespaceFilter, found: &mut Found) {
    found.count(&NAMESPACE_VALUES, &filter.values, |value| value.span);
    let of_children = matches!(
        filter.namespace.value,
        Namespace::PidForChildren | Namespace::TimeForChildren
    );
    for text in filter
        .values
        .iter()
        .filter(|text| of_children && text.value == HOST)
    {
        found.push(&HOST_NAMESPACE, text.span, 0);
    }
}

fn capabilities(filters: &[CapabilityFilter], found: &mut Found) {
    for text in filters.iter().flat_map(|filter| &filter.values) {
        if is_other_name(&text.value) {
            found.push(&DAC_OVERRIDE, text.span, 0);
        }
    }
}

/// Whether a name is the kernel's where the language has another.
fn is_other_name(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case(OTHER_NAME.0)
}

fn values(filter: &Filter<'_>, found: &mut Found) {
    let written = filter.written;
    match &filter.operand {
        Operand::Numbers(_) => numbers(filter, found),
        Operand::Masks(_) => {
            found.count(&VALUES, &written.values, |value| value.span);
            for text in &written.values {
                if text.value.split(',').any(is_other_name) {
                    found.push(&DAC_OVERRIDE, text.span, 0);
                }
            }
        }
        Operand::Texts => texts(filter, found),
        Operand::Nothing | Operand::Networks(_) | Operand::Expression(_) | Operand::Unjudged => {}
    }
}

fn numbers(filter: &Filter<'_>, found: &mut Found) {
    let values = &filter.written.values;
    let Some(integer) = filter.ty().and_then(Integer::of) else {
        return;
    };
    let grammar = Grammar::of(filter.operator());
    if grammar != Grammar::DecimalRange {
        found.count(&VALUES, values, |value| value.span);
    }
    let Operand::Numbers(ranges) = &filter.operand else {
        return;
    };
    let (lowest, highest) = integer.read_by_tetragon(grammar);
    for (text, range) in values.iter().zip(ranges) {
        let beyond =
            range.is_some_and(|(from, to)| from.min(to) < lowest || from.max(to) > highest);
        if beyond {
            found.push(&NUMBER_RANGE, text.span, 0);
        }
    }
}

fn texts(filter: &Filter<'_>, found: &mut Found) {
    use Operator as O;
    let values = &filter.written.values;
    let Some(ty) = filter.ty() else { return };
    if ty == ArgType::Filename {
        filename(filter, found);
    }
    let (limit, trims) = match filter.operator() {
        O::FileType | O::NotFileType => {
            return found.count(&VALUES, values, |value| value.span);
        }
        O::Equal | O::NotEqual if ty != ArgType::Filename => (&EQUAL_LENGTH, ty == ArgType::String),
        O::Prefix | O::NotPrefix => (&PREFIX_LENGTH, false),
        O::Postfix | O::NotPostfix => (&POSTFIX_LENGTH, ty != ArgType::CharBuf),
        O::SubString | O::SubStringIgnCase if encodes_substrings(ty) => (&SUBSTRING_LENGTH, false),
        _ => return,
    };
    for text in values {
        let compared = match trims {
            true => text.value.trim_end_matches('\0'),
            false => &text.value,
        };
        found.length(limit, compared, text.span);
    }
}

/// Tetragon has no filters on `filename`, and refuses some of them.
fn filename(filter: &Filter<'_>, found: &mut Found) {
    let is_equal = matches!(filter.operator(), Operator::Equal | Operator::NotEqual);
    match (is_equal, filter.written.values.first()) {
        (true, None) => {}
        (true, Some(first)) => found.push(&FILENAME, first.span, 0),
        (false, _) => found.push(&FILENAME_TEXTS, filter.written.operator.span, 0),
    }
}

/// Types whose substrings Tetragon encodes at all.
pub(super) fn encodes_substrings(ty: ArgType) -> bool {
    ty != ArgType::Filename && operators::family(ty).works.contains(&Operator::SubString)
}

//! Filters that have nothing to compare with.

use crate::diag::{Span, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{BinaryOperator, Operator, Selector, SetOperator};

pub(in crate::lint) static RULE: Rule = Rule::new(
    2010,
    "filter-without-values",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a filter has no values",
        why: "Tetragon loads it. Filters on pids, namespaces and capabilities then match never with `In` and always with \
              `NotIn`; `matchBinaries` matches always, also with `NotIn`; filters on values match never, and always if they \
              are negated. None of that is what a list was meant for.",
        bad: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - «operator: In
        values: []»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/mount]
"#,
        fix: "List the values, or remove the filter.",
    },
    check,
)
.covering(&[code::NO_VALUES]);

fn check(context: &Context<'_>, found: &mut Found) {
    for (_, selector) in context.selectors() {
        process(selector, found);
        let filters = selector.match_args.iter().chain(&selector.match_data);
        for filter in filters.chain(&selector.match_return_args) {
            let operator = filter.operator.value;
            if filter.values.is_empty() && compares(operator) {
                report(filter.span, is_negated(operator), found);
            }
        }
    }
}

fn process(selector: &Selector, found: &mut Found) {
    let binaries = selector.match_binaries.iter();
    for filter in binaries.chain(&selector.match_parent_binaries) {
        if filter.values.is_empty() {
            report(filter.span, true, found);
        }
    }
    let sets = selector
        .match_pids
        .iter()
        .map(|one| (one.span, one.operator, one.values.len()));
    let namespaces = selector.match_namespaces.iter();
    let sets = sets.chain(namespaces.map(|one| (one.span, one.operator, one.values.len())));
    let changes = selector.match_namespace_changes.iter();
    let sets = sets.chain(changes.map(|one| (one.span, one.operator, one.values.len())));
    let capabilities = selector
        .match_capabilities
        .iter()
        .chain(&selector.match_capability_changes);
    let sets = sets.chain(capabilities.map(|one| (one.span, one.operator, one.values.len())));
    for (span, operator, _) in sets.filter(|(_, _, count)| *count == 0) {
        report(span, operator.value == SetOperator::NotIn, found);
    }
}

fn report(span: Span, always: bool, found: &mut Found) {
    let how = if always { "always" } else { "never" };
    let message = format!("the filter has no values to compare with: it {how} matches");
    found.push(finding(span, message).help("list the values, or remove the filter"));
}

/// Whether an operator takes values. That an expression is missing is an error of the language.
fn compares(operator: Operator) -> bool {
    use Operator as O;
    !matches!(
        operator,
        O::SPortPriv
            | O::NotSPortPriv
            | O::DPortPriv
            | O::NotDPortPriv
            | O::CapabilitiesGained
            | O::CelExpr
    )
}

/// Whether an operator says what a value is not.
pub(super) fn is_negated(operator: Operator) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::NotEqual
            | O::NotPrefix
            | O::NotPostfix
            | O::NotInMap
            | O::NotInRange
            | O::NotSPort
            | O::NotSPortPriv
            | O::NotDPort
            | O::NotDPortPriv
            | O::NotSAddr
            | O::NotDAddr
            | O::NotFileType
    )
}

/// Whether an operator of a binary filter says what the binary is not.
pub(super) fn excludes(operator: BinaryOperator) -> bool {
    use BinaryOperator as O;
    matches!(operator, O::NotIn | O::NotPrefix | O::NotPostfix)
}

//! Filters as they are written.
//!
//! The meaning of a policy has sets; its author wrote values. This module finds the words of each filter by its place, and asks of each
//! of its values alone: the policy is checked again with one selector for every value, which has a filter with that value only.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::check;
use crate::diag::{Sink, Sources, Span, Spanned};
use crate::ir::{Predicate, Program};
use crate::lower::lower;
use crate::policy::{ArgFilter, Kprobe, Policy, Selector, Word};

/// The words of a policy's filters.
pub(super) struct Written {
    /// The place of its name.
    pub(super) policy: Span,
    filters: BTreeMap<Span, Filter>,
    /// For each hook: values by the filter's place.
    probes: Vec<BTreeMap<Span, Vec<Probe>>>,
}

/// A filter's words.
pub(super) struct Filter {
    /// `matchArgs`.
    pub(super) section: &'static str,
    /// `index 0`.
    pub(super) subject: String,
    /// `NotDAddr`.
    pub(super) operator: String,
}

/// A value of a filter, as a question of its own.
pub(super) struct Probe {
    pub(super) value: Spanned<String>,
    pub(super) predicate: Predicate,
}

impl Written {
    pub(super) fn of(policy: &Policy, program: &Program, sources: &Sources) -> Self {
        let mut taken = policy.clone();
        let mut values = BTreeMap::new();
        let mut filters = BTreeMap::new();
        let macros = policy.spec.selectors_macros.clone();
        let spec = &mut taken.spec;
        for kprobe in spec.kprobes.iter_mut().chain(&mut spec.fentries) {
            let singles = singles(kprobe, &macros, (&mut filters, sources));
            kprobe.selectors = singles
                .iter()
                .map(|single| single.selector.clone())
                .collect();
            values.insert(kprobe.call.span, singles);
        }
        let checked = check(&taken, &mut Sink::new());
        let alone = lower(&checked.expect("a filter with one of its values is a filter"));
        let hooks = program.hooks.iter().zip(alone.hooks);
        let probes = hooks.map(|(hook, alone)| {
            let singles = values.remove(&hook.span).unwrap_or_default();
            let mut probes: BTreeMap<Span, Vec<Probe>> = BTreeMap::new();
            for (single, rule) in singles.into_iter().zip(alone.rules) {
                let mut tests = rule.tests.into_iter().chain(rule.return_tests);
                let test = tests
                    .next()
                    .expect("a selector with one filter has one test");
                probes.entry(single.filter).or_default().push(Probe {
                    value: single.value,
                    predicate: test.predicate,
                });
            }
            probes
        });
        Self {
            policy: policy.name.span,
            probes: probes.collect(),
            filters,
        }
    }

    pub(super) fn filter(&self, span: Span) -> Option<&Filter> {
        self.filters.get(&span)
    }

    /// The values of a filter of a hook; empty for one that takes none.
    pub(super) fn values(&self, hook: usize, filter: Span) -> &[Probe] {
        let of_hook = self.probes.get(hook);
        of_hook
            .and_then(|probes| probes.get(&filter))
            .map_or(&[], Vec::as_slice)
    }

    /// The words of those values.
    pub(super) fn values_of(&self, hook: usize, filter: Span) -> Vec<Spanned<String>> {
        let values = self.values(hook, filter).iter();
        values.map(|probe| probe.value.clone()).collect()
    }
}

/// A selector with one filter, which has one value.
struct Single {
    filter: Span,
    value: Spanned<String>,
    selector: Selector,
}

fn singles(
    kprobe: &Kprobe,
    macros: &[crate::policy::Named<Selector>],
    (filters, sources): (&mut BTreeMap<Span, Filter>, &Sources),
) -> Vec<Single> {
    let named = kprobe
        .selectors
        .iter()
        .flat_map(|selector| &selector.macros);
    let used = macros
        .iter()
        .filter(|one| named.clone().any(|name| name.value == one.name.value));
    let mut out = Vec::new();
    // What stands behind an alias has the place of its anchor, and is one filter wherever it is used.
    let mut seen = BTreeSet::new();
    for selector in kprobe.selectors.iter().chain(used.map(|one| &one.value)) {
        of_selector(selector, (filters, sources), &mut seen, &mut out);
    }
    out
}

/// A selector that has nothing.
fn empty(of: &Selector) -> Selector {
    Selector {
        span: of.span,
        label: None,
        match_pids: Vec::new(),
        match_args: Vec::new(),
        match_data: Vec::new(),
        match_return_args: Vec::new(),
        match_binaries: Vec::new(),
        match_parent_binaries: Vec::new(),
        match_namespaces: Vec::new(),
        match_namespace_changes: Vec::new(),
        match_capabilities: Vec::new(),
        match_capability_changes: Vec::new(),
        match_workloads: None,
        match_actions: Vec::new(),
        match_return_actions: Vec::new(),
        macros: Vec::new(),
    }
}

fn of_selector(
    selector: &Selector,
    (filters, sources): (&mut BTreeMap<Span, Filter>, &Sources),
    seen: &mut BTreeSet<Span>,
    out: &mut Vec<Single>,
) {
    // One list of filters: their words, and a single for each value.
    macro_rules! list {
        ($field:ident, $section:literal, $subject:expr) => {
            for filter in &selector.$field {
                if !seen.insert(filter.span) {
                    continue;
                }
                let subject: String = $subject(filter);
                filters.insert(
                    filter.span,
                    Filter {
                        section: $section,
                        subject,
                        operator: sources
                            .slice(filter.operator.span)
                            .trim_matches(['"', '\''])
                            .to_owned(),
                    },
                );
                // Lists may have thousands of values: they are not copied for each.
                let mut bare = filter.clone();
                bare.values.clear();
                for value in &filter.values {
                    let mut one = bare.clone();
                    one.values.push(value.clone());
                    out.push(Single {
                        filter: filter.span,
                        value: Spanned::new(value.value.to_string(), value.span),
                        selector: Selector {
                            $field: vec![one],
                            ..empty(selector)
                        },
                    });
                }
            }
        };
    }
    list!(match_binaries, "matchBinaries", |_| String::new());
    list!(match_pids, "matchPIDs", |_| String::new());
    list!(
        match_namespaces,
        "matchNamespaces",
        |filter: &crate::policy::NamespaceFilter| { filter.namespace.value.name().to_owned() }
    );
    list!(
        match_capabilities,
        "matchCapabilities",
        |filter: &crate::policy::CapabilityFilter| {
            filter
                .set
                .map_or("Effective", |set| set.value.name())
                .to_owned()
        }
    );
    list!(match_args, "matchArgs", index);
    list!(match_return_args, "matchReturnArgs", |_| String::new());
}

fn index(filter: &ArgFilter) -> String {
    match (filter.index, filter.args.first()) {
        (Some(index), _) => format!("index {}", index.value),
        (None, Some(position)) => format!("args {}", position.value),
        (None, None) => String::new(),
    }
}

//! What the cases of a policy have exercised.
//!
//! A selector is covered when it decides a call. A filter is covered when it holds in one call, and in another it alone keeps its selector
//! from matching: it does not hold, and all others of the selector do. Without it, such a call would end otherwise, and a case would say so;
//! where two filters fail at once, either could be missing. Only calls count that the selectors in front do not match. A value is covered
//! when a call has it there.

use std::collections::BTreeSet;

use super::call::hook_name;
use super::machines::Judged;
use super::run::FileResult;
use super::value::namespaces;
use super::why::{holds, name};
use super::words::listed;
use super::written::Written;
use crate::diag::{Diagnostic, Span, Spanned, code};
use crate::ir::interp::answer;
use crate::ir::{Program, Rule, Test};

/// Covered things, and all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub covered: usize,
    pub all: usize,
}

impl Share {
    pub(super) fn add(&mut self, other: Self) {
        self.covered += other.covered;
        self.all += other.all;
    }

    fn count(&mut self, covered: bool) {
        self.covered += usize::from(covered);
        self.all += 1;
    }

    /// Whole percent, rounded down; nothing at all is covered as a whole.
    pub fn percent(self) -> usize {
        (self.covered * 100).checked_div(self.all).unwrap_or(100)
    }
}

/// How much of a policy the cases exercise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    pub selectors: Share,
    pub filters: Share,
    pub values: Share,
}

impl Shares {
    /// Adds the counts of another file.
    pub fn add(&mut self, other: &Self) {
        self.selectors.add(other.selectors);
        self.filters.add(other.filters);
        self.values.add(other.values);
    }

    /// Selectors and filters; of lists of values one may stand for many.
    pub fn percent(&self) -> usize {
        self.selectors.percent().min(self.filters.percent())
    }
}

/// What the cases of a test file, or of several of one policy, have exercised.
#[derive(Clone, Debug)]
pub struct Cover {
    /// The place of the policy's name, which no other policy has.
    policy: Span,
    /// By hook.
    selectors: Vec<Vec<Selector>>,
    /// Values that a call had: hook and place. A list behind an alias has one place.
    values: BTreeSet<(usize, Span)>,
}

#[derive(Clone, Debug)]
struct Selector {
    span: Span,
    /// The name of its hook.
    hook: String,
    decided: bool,
    filters: Vec<Filter>,
}

#[derive(Clone, Debug)]
struct Filter {
    span: Span,
    name: String,
    values: Vec<Spanned<String>>,
    seen: Seen,
}

/// What a filter has done in the calls that its selector was tried on.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    held: bool,
    failed: bool,
    /// It failed, and all others of the selector held.
    failed_alone: bool,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.held |= other.held;
        self.failed |= other.failed;
        self.failed_alone |= other.failed_alone;
    }

    fn is_covered(self) -> bool {
        self.held && self.failed_alone
    }
}

impl Cover {
    /// Nothing is covered yet.
    pub(super) fn new(program: &Program, written: &Written) -> Self {
        let filter = |hook: usize, test: &Test| Filter {
            span: test.span,
            name: name(test, written),
            values: written.values_of(hook, test.span),
            seen: Seen::default(),
        };
        let selector = |hook: usize, rule: &Rule| Selector {
            span: rule.span,
            hook: hook_name(program, hook),
            decided: false,
            filters: all(rule).map(|test| filter(hook, test)).collect(),
        };
        let hooks = program.hooks.iter().enumerate();
        let of_hook = |(hook, of): (usize, &crate::ir::Hook)| {
            of.rules.iter().map(|rule| selector(hook, rule)).collect()
        };
        Self {
            policy: written.policy,
            selectors: hooks.map(of_hook).collect(),
            values: BTreeSet::new(),
        }
    }

    /// Counts a call of a hook with these rules.
    pub(super) fn count(
        &mut self,
        hook: usize,
        rules: &[Rule],
        written: &Written,
        judged: &Judged,
    ) {
        let decided = judged.outcome.rule;
        let tried = decided.map_or(rules.len(), |rule| rule + 1);
        for (number, rule) in rules.iter().enumerate().take(tried) {
            self.tests((hook, number), 0, &rule.tests, (written, judged));
        }
        let Some(number) = decided else {
            return;
        };
        self.selectors[hook][number].decided = true;
        let rule = &rules[number];
        if judged.event.ret.is_some() {
            let first = rule.tests.len();
            self.tests((hook, number), first, &rule.return_tests, (written, judged));
        }
    }

    /// Counts filters that are asked together, the first of which has a number.
    fn tests(
        &mut self,
        (hook, rule): (usize, usize),
        first: usize,
        tests: &[Test],
        (written, judged): (&Written, &Judged),
    ) {
        let host = namespaces::of_host();
        let held: Vec<bool> = tests
            .iter()
            .map(|test| holds(test, &judged.event, &host))
            .collect();
        let is_alone = held.iter().filter(|held| !**held).count() == 1;
        let filters = &mut self.selectors[hook][rule].filters[first..];
        for ((test, held), filter) in tests.iter().zip(held).zip(filters) {
            filter.seen.add(Seen {
                held,
                failed: !held,
                failed_alone: !held && is_alone,
            });
            for probe in written.values(hook, test.span) {
                if answer(&probe.predicate, &judged.event, &host) == Some(true) {
                    self.values.insert((hook, probe.value.span));
                }
            }
        }
    }

    /// Adds what other cases of the same policy exercise.
    fn add(&mut self, other: &Self) {
        let own = self.selectors.iter_mut().flatten();
        for (own, other) in own.zip(other.selectors.iter().flatten()) {
            own.decided |= other.decided;
            for (own, other) in own.filters.iter_mut().zip(&other.filters) {
                own.seen.add(other.seen);
            }
        }
        self.values.extend(&other.values);
    }

    pub fn shares(&self) -> Shares {
        let mut shares = Shares::default();
        for (hook, selectors) in self.selectors.iter().enumerate() {
            for selector in selectors {
                shares.selectors.count(selector.decided);
                for filter in &selector.filters {
                    shares.filters.count(filter.seen.is_covered());
                    for value in &filter.values {
                        shares.values.count(self.has(hook, value));
                    }
                }
            }
        }
        shares
    }

    fn has(&self, hook: usize, value: &Spanned<String>) -> bool {
        self.values.contains(&(hook, value.span))
    }

    /// What is not covered, each with its place in the policy.
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (hook, selectors) in self.selectors.iter().enumerate() {
            for (number, selector) in selectors.iter().enumerate() {
                if !selector.decided {
                    gaps.push(undecided(selector, number));
                }
                for filter in &selector.filters {
                    gaps.extend(unasked(filter, number));
                    gaps.extend(self.without(hook, filter));
                }
            }
        }
        gaps
    }

    /// Values of a filter that no call has.
    fn without(&self, hook: usize, filter: &Filter) -> Option<Gap> {
        const NAMED: usize = 5;
        let values = filter.values.iter();
        let missing: Vec<_> = values.filter(|value| !self.has(hook, value)).collect();
        let first = missing.first()?;
        let named = missing.iter().take(NAMED);
        let mut names: Vec<String> = named.map(|value| format!("`{}`", value.value)).collect();
        if missing.len() > NAMED {
            names.push(format!("{} more", missing.len() - NAMED));
        }
        let message = format!("no case has {} of `{}`", listed(&names), filter.name);
        Some(Gap {
            of_values: true,
            ..gap(first.span, message, "add rows with these values")
        })
    }
}

/// What the files exercise of each policy that they test; those of one policy count together.
pub fn of_policies(files: &[FileResult]) -> Vec<Cover> {
    let mut all: Vec<Cover> = Vec::new();
    for file in files {
        match all.iter_mut().find(|one| one.policy == file.cover.policy) {
            Some(known) => known.add(&file.cover),
            None => all.push(file.cover.clone()),
        }
    }
    all
}

fn undecided(selector: &Selector, number: usize) -> Gap {
    let message = format!(
        "no case is decided by selector {} of `{}`",
        number + 1,
        selector.hook
    );
    let help = "add a case that it matches, and that no selector in front of it does";
    gap(selector.span, message, help)
}

/// What no call has asked of a filter.
fn unasked(filter: &Filter, number: usize) -> Option<Gap> {
    let (name, selector) = (&filter.name, number + 1);
    let differ = "add a case that differs from one that matches in this value only";
    let (message, help) = match filter.seen {
        seen if seen.is_covered() => return None,
        Seen {
            held: true,
            failed: true,
            ..
        } => (
            format!("in no case does `{name}` alone keep selector {selector} from matching"),
            differ,
        ),
        Seen { held: true, .. } => (
            format!("in no case does `{name}` keep selector {selector} from matching"),
            differ,
        ),
        Seen { failed: true, .. } => (
            format!("in no case does `{name}` hold"),
            "add a case that it lets through",
        ),
        _ => (
            format!("no case asks `{name}`"),
            "add a case that the selectors in front of it do not match",
        ),
    };
    Some(gap(filter.span, message, help))
}

fn all(rule: &Rule) -> impl Iterator<Item = &Test> {
    rule.tests.iter().chain(&rule.return_tests)
}

/// Something that no case exercises.
#[derive(Clone, Debug)]
pub struct Gap {
    /// A note with its place in the policy.
    pub diagnostic: Diagnostic,
    of_values: bool,
}

impl Gap {
    /// Whether only some values of a filter are missing: of a long list one may stand for many.
    pub fn is_about_values(&self) -> bool {
        self.of_values
    }
}

fn gap(span: Span, message: String, help: &str) -> Gap {
    Gap {
        diagnostic: Diagnostic::note(code::NOT_COVERED, message)
            .at(span)
            .help(help),
        of_values: false,
    }
}

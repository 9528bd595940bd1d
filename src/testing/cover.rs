//! What the cases of a policy have exercised.
//!
//! A selector is covered when it decides a call. A filter is covered when it holds in one call and does not in another, both of which its
//! selector was tried on: the selectors in front of it did not match. A value is covered when a call has it there.

use std::collections::BTreeSet;

use super::call::hook_name;
use super::machines::Judged;
use super::value::namespaces;
use super::why::{holds, name};
use super::words::listed;
use super::written::Written;
use crate::diag::{Diagnostic, Span, code};
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

/// What was seen so far.
pub(super) struct Cover<'a> {
    program: &'a Program,
    written: &'a Written,
    /// Hook and selector.
    decided: BTreeSet<(usize, usize)>,
    /// Hook, selector, number of the filter, whether it held.
    seen: BTreeSet<(usize, usize, usize, bool)>,
    /// Hook, place of the value.
    values: BTreeSet<(usize, Span)>,
}

impl<'a> Cover<'a> {
    pub(super) fn new(program: &'a Program, written: &'a Written) -> Self {
        Self {
            program,
            written,
            decided: BTreeSet::new(),
            seen: BTreeSet::new(),
            values: BTreeSet::new(),
        }
    }

    /// Counts a call.
    pub(super) fn count(&mut self, hook: usize, judged: &Judged) {
        let rules = &self.program.hooks[hook].rules;
        let decided = judged.outcome.rule;
        let tried = decided.map_or(rules.len(), |rule| rule + 1);
        for (number, rule) in rules.iter().enumerate().take(tried) {
            self.tests((hook, number), 0, &rule.tests, judged);
        }
        let Some(number) = decided else {
            return;
        };
        self.decided.insert((hook, number));
        let rule = &rules[number];
        if judged.event.ret.is_some() {
            self.tests((hook, number), rule.tests.len(), &rule.return_tests, judged);
        }
    }

    fn tests(
        &mut self,
        (hook, rule): (usize, usize),
        first: usize,
        tests: &[Test],
        judged: &Judged,
    ) {
        let host = namespaces::of_host();
        for (number, test) in tests.iter().enumerate() {
            let holds = holds(test, &judged.event, &host);
            self.seen.insert((hook, rule, first + number, holds));
            for probe in self.written.values(hook, test.span) {
                if answer(&probe.predicate, &judged.event, &host) == Some(true) {
                    self.values.insert((hook, probe.value.span));
                }
            }
        }
    }

    pub(super) fn shares(&self) -> Shares {
        let mut shares = Shares::default();
        for (hook, number, rule) in self.rules() {
            shares
                .selectors
                .count(self.decided.contains(&(hook, number)));
            for (index, test) in all(rule).enumerate() {
                let saw = |held| self.seen.contains(&(hook, number, index, held));
                shares.filters.count(saw(true) && saw(false));
                for probe in self.written.values(hook, test.span) {
                    shares
                        .values
                        .count(self.values.contains(&(hook, probe.value.span)));
                }
            }
        }
        shares
    }

    fn rules(&self) -> impl Iterator<Item = (usize, usize, &'a Rule)> {
        let hooks = self.program.hooks.iter().enumerate();
        hooks.flat_map(|(hook, of)| {
            of.rules
                .iter()
                .enumerate()
                .map(move |(number, rule)| (hook, number, rule))
        })
    }

    /// What is not covered, each with its place in the policy.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (hook, number, rule) in self.rules() {
            if !self.decided.contains(&(hook, number)) {
                let message = format!(
                    "no case is decided by selector {} of `{}`",
                    number + 1,
                    hook_name(self.program, hook)
                );
                gaps.push(gap(
                    rule.span,
                    message,
                    "add a case that it matches, and that no selector in front of it does",
                ));
            }
            for (index, test) in all(rule).enumerate() {
                self.filter((hook, number, index), test, &mut gaps);
            }
        }
        gaps
    }

    fn filter(
        &self,
        (hook, number, index): (usize, usize, usize),
        test: &Test,
        gaps: &mut Vec<Gap>,
    ) {
        let saw = |held| self.seen.contains(&(hook, number, index, held));
        let name = name(test, self.written);
        let missing = match (saw(true), saw(false)) {
            (true, true) => None,
            (true, false) => Some((
                format!(
                    "in no case does `{name}` keep selector {} from matching",
                    number + 1
                ),
                "add a case that differs from one that matches in this value only",
            )),
            (false, true) => Some((
                format!("in no case does `{name}` hold"),
                "add a case that it lets through",
            )),
            (false, false) => Some((
                format!("no case asks `{name}`"),
                "add a case that the selectors in front of it do not match",
            )),
        };
        if let Some((message, help)) = missing {
            gaps.push(gap(test.span, message, help));
        }
        let values = self.written.values(hook, test.span);
        let missing: Vec<_> = values
            .iter()
            .filter(|probe| !self.values.contains(&(hook, probe.value.span)))
            .collect();
        let Some(first) = missing.first() else {
            return;
        };
        const NAMED: usize = 5;
        let mut names: Vec<String> = missing
            .iter()
            .take(NAMED)
            .map(|probe| format!("`{}`", probe.value.value))
            .collect();
        if missing.len() > NAMED {
            names.push(format!("{} more", missing.len() - NAMED));
        }
        let message = format!("no case has {} of `{name}`", listed(&names));
        gaps.push(Gap {
            of_values: true,
            ..gap(first.value.span, message, "add rows with these values")
        });
    }
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

//! What becomes of a policy on the kernels that it will run on.
//!
//! In: a judged policy, [`Node`]s, and who runs the policies. Out: [`Problem`]s, which rules report, and a [`Hooking`] for each hook and
//! kernel. Functions are judged as the loader does it on a node (`attach`); everything else is an answer to one of
//! `check::facts::questions`. What the facts do not know is no problem.

mod any;
mod hooks;
mod parameters;
mod values;

use std::sync::Arc;

use super::context::Context;
use super::rule::{Found, Target, finding};
use crate::check::Judged;
use crate::check::facts::{Question, questions};
use crate::diag::Span;
use crate::diag::render::Hooking;
use crate::facts::Facts;
use crate::policy::nearest;

/// A kernel, by the name that the user gives it.
#[derive(Debug)]
pub struct Node {
    pub name: String,
    pub facts: Facts,
}

/// What rules are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Function,
    SystemCall,
    Unreachable,
    Parameter,
    Override,
    SecurityHook,
    Tracepoint,
    Member,
    Feature,
    /// Of no kernel that is known, where none is named.
    Name,
    /// The same, where modules and other kernels may have it.
    Symbol,
}

/// Something that a kernel lacks.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    kind: Kind,
    span: Span,
    /// A fact, which begins after the name of the kernel.
    message: String,
    help: String,
    /// Empty for all that are known.
    kernel: String,
}

/// What becomes of a policy.
#[derive(Debug, Default)]
pub(super) struct Placement {
    problems: Vec<Problem>,
    pub(super) hookings: Vec<Hooking>,
}

/// Judges a policy on every kernel.
pub(super) fn place(judged: &Judged<'_>, nodes: &[Arc<Node>], targets: &[Target]) -> Placement {
    let mut placement = Placement::default();
    if nodes.is_empty() {
        return placement;
    }
    let questions = questions(judged);
    for hook in &judged.hooks {
        for node in nodes {
            for &target in targets.iter().filter(|target| hooks::runs(**target)) {
                let look = Look {
                    judged,
                    questions: &questions,
                    node,
                    target,
                };
                hooks::one(&look, hook, &mut placement);
            }
        }
    }
    for node in nodes {
        for question in &questions {
            values::answer(judged, &questions, question, node, &mut placement);
        }
    }
    placement
}

/// Judges a policy whose kernels are not known: what no kernel has that is.
pub(super) fn place_anywhere(judged: &Judged<'_>) -> Placement {
    let mut placement = Placement::default();
    for question in questions(judged).iter().filter(|one| !one.optional) {
        placement.problems.extend(any::answer(judged, question));
    }
    placement
}

/// One view of a policy: on a kernel, run by a system.
struct Look<'a> {
    judged: &'a Judged<'a>,
    questions: &'a [Question<'a>],
    node: &'a Node,
    target: Target,
}

impl Placement {
    /// Whether no known kernel has what a place names, which a rule of its own says.
    pub(super) fn is_unknown(&self, span: Span) -> bool {
        let mut problems = self.problems.iter();
        problems.any(|problem| problem.kind == Kind::Name && problem.span == span)
    }

    fn push(&mut self, kind: Kind, span: Span, node: &Node, message: String, help: String) {
        let problem = Problem {
            kind,
            span,
            message,
            help,
            kernel: node.name.clone(),
        };
        let same = |other: &Problem| {
            (other.kind, other.span, &other.kernel, &other.message)
                == (kind, span, &problem.kernel, &problem.message)
        };
        if !self.problems.iter().any(same) {
            self.problems.push(problem);
        }
    }
}

/// Reports the problems of a kind: one finding for each place and fact, whatever the number of kernels.
pub(super) fn report(context: &Context<'_>, kind: Kind, found: &mut Found) {
    let problems = context.placement.problems.iter();
    let mine: Vec<&Problem> = problems.filter(|problem| problem.kind == kind).collect();
    for (at, first) in mine.iter().enumerate() {
        let same = |other: &&&Problem| (other.span, &other.message) == (first.span, &first.message);
        if mine[..at].iter().any(|other| same(&other)) {
            continue;
        }
        let kernels: Vec<&str> = mine
            .iter()
            .filter(same)
            .map(|one| one.kernel.as_str())
            .collect();
        let message = match first.kernel.as_str() {
            "" => first.message.clone(),
            _ => format!("on {}, {}", kernels.join(", "), first.message),
        };
        found.push(finding(first.span, message).help(first.help.clone()));
    }
}

/// Longest difference of a name to one that may be meant.
const FAR: usize = 3;

/// The name that a missing one may stand for: one that begins alike and has few other letters.
fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let begins =
        |one: &&str| one.get(..FAR) == name.get(..FAR) && one.len().abs_diff(name.len()) <= FAR;
    let close: Vec<&str> = known.filter(begins).collect();
    nearest(name, &close)
}

//! A checked policy to its meaning.
//!
//! In: a [`CheckedPolicy`]. Out: an [`ir::Program`] whose sets are canonical: equal policies
//! have equal programs, however their values are ordered or repeated.

use crate::check::{self, CheckedPolicy, CheckedSelector};
use crate::ir::{Action, Hook, Post, Predicate, Program, Rule, Shown, Test};

/// Signal number of SIGKILL.
const SIGKILL: u32 = 9;

/// The meaning of a policy.
pub fn lower(policy: &CheckedPolicy) -> Program {
    Program {
        policy: policy.name().to_owned(),
        hooks: policy.hooks().iter().map(hook).collect(),
    }
}

fn hook(hook: &check::Hook) -> Hook {
    // Without selectors every call is reported.
    let everything = [CheckedSelector {
        span: hook.span,
        ..CheckedSelector::default()
    }];
    let selectors = if hook.selectors.is_empty() {
        &everything[..]
    } else {
        &hook.selectors
    };
    Hook {
        symbol: hook.symbol.clone(),
        abi: hook.abi,
        optional: hook.optional,
        message: hook.message.clone(),
        tags: hook.tags.clone(),
        args: hook.args.clone(),
        ret: hook.ret.clone(),
        rules: selectors.iter().map(rule).collect(),
        span: hook.span,
    }
}

fn rule(selector: &CheckedSelector) -> Rule {
    Rule {
        tests: selector.tests.iter().cloned().map(canonical).collect(),
        return_tests: selector
            .return_tests
            .iter()
            .cloned()
            .map(canonical)
            .collect(),
        actions: selector.actions.iter().filter_map(effect).collect(),
        post: post(selector),
        shown: selector.actions.last().map_or(Shown::Post, shown),
        span: selector.span,
    }
}

fn effect(action: &check::Action) -> Option<Action> {
    match *action {
        check::Action::Sigkill(span) => Some(Action::Signal {
            number: SIGKILL,
            span,
        }),
        check::Action::Signal(number, span) => Some(Action::Signal { number, span }),
        check::Action::Override(value, span) => Some(Action::Override { value, span }),
        check::Action::Post(_) | check::Action::NoPost => None,
    }
}

/// Events are reported unless the selector says NoPost.
fn post(selector: &CheckedSelector) -> Option<Post> {
    if selector.actions.contains(&check::Action::NoPost) {
        return None;
    }
    let rate = selector.actions.iter().find_map(|action| match action {
        check::Action::Post(rate) => *rate,
        _ => None,
    });
    Some(Post { rate })
}

fn shown(action: &check::Action) -> Shown {
    match action {
        check::Action::Post(_) => Shown::Post,
        check::Action::NoPost => Shown::NoPost,
        check::Action::Sigkill(_) => Shown::Sigkill,
        check::Action::Signal(..) => Shown::Signal,
        check::Action::Override(..) => Shown::Override,
    }
}

fn canonical(mut test: Test) -> Test {
    if let Predicate::Text { how, values, .. } = &mut test.predicate {
        *values = how.reduce(std::mem::take(values));
    }
    test
}

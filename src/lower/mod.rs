//! A checked policy to its meaning.
//!
//! In: a [`CheckedPolicy`]. Out: an [`ir::Program`] whose sets are canonical: equal policies
//! have equal programs, however their values are ordered or repeated.

use crate::check::{self, CheckedPolicy, CheckedSelector};
use crate::diag::Span;
use crate::ir::{Action, Hook, Post, Predicate, Program, Rule, Shown, Test, TextMatch, TextValue};

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
        *values = texts(*how, std::mem::take(values));
    }
    test
}

/// Sorts values and drops those that another one makes superfluous.
fn texts(how: TextMatch, mut values: Vec<TextValue>) -> Vec<TextValue> {
    let key = |value: &TextValue| match how {
        TextMatch::Postfix => value.bytes.iter().rev().copied().collect::<Vec<u8>>(),
        TextMatch::Equal | TextMatch::Prefix => value.bytes.clone(),
    };
    let first = |value: &TextValue| -> (Vec<u8>, Span) { (key(value), value.span) };
    values.sort_by_cached_key(first);
    values.dedup_by(|later, kept| match how {
        TextMatch::Equal => later.bytes == kept.bytes,
        TextMatch::Prefix => later.bytes.starts_with(&kept.bytes),
        TextMatch::Postfix => later.bytes.ends_with(&kept.bytes),
    });
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(how: TextMatch, values: &[&str]) -> Vec<String> {
        let values = values.iter().map(|value| TextValue {
            bytes: value.as_bytes().to_vec(),
            span: Span::default(),
        });
        let kept = texts(how, values.collect());
        kept.into_iter()
            .map(|value| String::from_utf8_lossy(&value.bytes).into_owned())
            .collect()
    }

    #[test]
    fn values_that_others_include_are_dropped() {
        assert_eq!(reduced(TextMatch::Equal, &["/b", "/a", "/b"]), ["/a", "/b"]);
        assert_eq!(
            reduced(TextMatch::Prefix, &["/etc/ssh", "/etc", "/e", "/x"]),
            ["/e", "/x"]
        );
        assert_eq!(
            reduced(TextMatch::Postfix, &["b.so", ".so", ".conf"]),
            [".conf", ".so"]
        );
    }
}

//! A policy in plain words: on which calls, for whom, on what condition, what happens, and what that achieves.
//!
//! In: a judged policy. Out: text for people, in Markdown. What an action achieves is one of a few words:
//!
//! * *prevents*: the call does not happen;
//! * *kills after*: the process dies when it returns from the call, which has happened;
//! * *observes*: an event is reported, and nothing else happens;
//! * *ignores*: not even that.
//!
//! Holds: what the text says is what the policy's language means, not what a defect makes of it; those are for the linter.

mod actions;
mod filters;
mod hooks;

use std::fmt::Write;

use crate::check::form::Judged;
use crate::policy::{Kind, LabelSelector, Policy, Word};

/// What a selector achieves, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    Ignores,
    Observes,
    Changes,
    KillsAfter,
    Prevents,
}

impl Effect {
    fn words(self) -> &'static str {
        match self {
            Self::Ignores => "ignores",
            Self::Observes => "observes",
            Self::Changes => "interferes",
            Self::KillsAfter => "kills after",
            Self::Prevents => "prevents",
        }
    }
}

/// The policy in plain words.
pub fn describe(judged: &Judged<'_>) -> String {
    let policy = judged.policy;
    let mut text = format!("# {}\n\n", policy.name.value);
    let monitors = monitors(policy);
    text.push_str(&summary(judged, monitors));
    let _ = writeln!(text, "\nIt applies to {}.", scope(policy));
    if monitors {
        text.push_str("\nIts mode is `monitor`: nothing is enforced, events show what would be.\n");
    }
    for hook in &judged.hooks {
        text.push('\n');
        text.push_str(&hooks::hook(hook, policy));
    }
    if judged.hooks.is_empty() {
        text.push_str("\nIt hooks nothing: nothing happens.\n");
    }
    text
}

/// Whether the policy says that nothing is enforced.
fn monitors(policy: &Policy) -> bool {
    let mut modes = policy
        .spec
        .options
        .iter()
        .filter(|one| one.name.value == "policy-mode");
    let last = modes.next_back().and_then(|one| one.value.as_ref());
    last.is_some_and(|value| value.value == "monitor")
}

/// One sentence on what the policy does to processes.
fn summary(judged: &Judged<'_>, monitors: bool) -> String {
    let mut effects: Vec<Effect> = judged
        .hooks
        .iter()
        .flat_map(|hook| hooks::effects(hook))
        .collect();
    effects.sort_unstable();
    effects.dedup();
    if monitors {
        effects.retain(|effect| *effect < Effect::Changes);
        effects.push(Effect::Observes);
        effects.dedup();
    }
    let words: Vec<String> = effects
        .iter()
        .rev()
        .map(|effect| format!("*{}*", effect.words()))
        .collect();
    match words.len() {
        0 => "This policy does nothing.\n".to_owned(),
        _ => format!("This policy {}.\n", and(&words)),
    }
}

/// For whom the policy is.
fn scope(policy: &Policy) -> String {
    let spec = &policy.spec;
    let mut parts = Vec::new();
    if let Some(selector) = &spec.container_selector {
        parts.push(labelled("containers", selector));
    }
    if let Some(selector) = &spec.pod_selector {
        parts.push(labelled("pods", selector));
    }
    let namespaced = policy.kind.value == Kind::TracingPolicyNamespaced;
    if let Some(namespace) = policy.namespace.as_ref().filter(|_| namespaced) {
        if parts.is_empty() {
            parts.push("pods".to_owned());
        }
        parts.push(format!("the namespace `{}`", namespace.value));
    }
    let host = spec.host_selector.is_some();
    let mut text = match parts.as_slice() {
        [] if host => "processes of the host, not of pods".to_owned(),
        [] => "every process of the node".to_owned(),
        parts => parts.join(" in "),
    };
    if host && !parts.is_empty() {
        text.push_str(", and to processes of the host");
    }
    if let Some(selector) = spec.node_selector.as_ref().filter(|one| !one.selects_all()) {
        let _ = write!(text, ", on {}", labelled("nodes", selector));
    }
    text
}

/// Things that a label selector selects.
fn labelled(what: &str, selector: &LabelSelector) -> String {
    if selector.selects_all() {
        return format!("all {what}");
    }
    let equal = selector.match_labels.iter();
    let mut parts: Vec<String> = equal
        .map(|one| format!("`{}={}`", one.name.value, one.value.value))
        .collect();
    parts.extend(selector.match_expressions.iter().map(|one| {
        let values: Vec<String> = one
            .values
            .iter()
            .map(|value| format!("`{}`", value.value))
            .collect();
        let key = &one.key.value;
        match (one.operator.value.name(), values.as_slice()) {
            ("Exists", _) => format!("a label `{key}`"),
            ("DoesNotExist", _) => format!("no label `{key}`"),
            ("NotIn", _) => format!("`{key}` none of {}", or(&values)),
            _ => format!("`{key}` one of {}", or(&values)),
        }
    }));
    format!("{what} with {}", and(&parts))
}

/// "a, b and c".
fn and(parts: &[String]) -> String {
    joined(parts, "and")
}

/// "a, b or c".
fn or(parts: &[String]) -> String {
    joined(parts, "or")
}

fn joined(parts: &[String], word: &str) -> String {
    match parts {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

/// Values for a list of alternatives: those beyond some are counted.
fn some(values: &[String]) -> String {
    const SHOWN: usize = 8;
    if values.len() <= SHOWN + 1 {
        return or(values);
    }
    let shown: Vec<&str> = values.iter().take(SHOWN).map(String::as_str).collect();
    format!("{} or {} more", shown.join(", "), values.len() - SHOWN)
}

//! Random policies on functions that calls reach, as people write them. Their values are those of some call, or close to them.

mod filters;
mod sockets;

use serde_json::{Value, json};
use tpc::compile::Compiled;

use super::call::{Call, Reached};
use super::hooks::{HOOKS, Hook, Types};
use crate::bundles;
use crate::random::dice::Dice;

/// A policy that was compiled.
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) compiled: Compiled,
    /// Whether it does more than report.
    pub(super) acts: bool,
    pub(super) overrides: bool,
}

/// What a hook declares: index, type in the policy, what it is.
pub(super) type Declared = (u8, &'static str, Types);

/// A policy of a number; it observes or acts.
///
/// # Panics
/// If it does not compile.
pub(super) fn policy(number: usize, acts: bool, calls: &[Call]) -> Policy {
    let dice = &mut Dice::new(0x1d6e + number as u64);
    let name = format!("p{number}");
    let first = hook(dice, acts, None, calls);
    let second = dice
        .once_in(4)
        .then(|| hook(dice, acts, Some(first), calls));
    let hooks: Vec<Value> = [Some(first), second]
        .into_iter()
        .flatten()
        .map(|of| written(dice, of, acts, calls))
        .collect();
    let document = json!({
        "apiVersion": "cilium.io/v1alpha1",
        "kind": "TracingPolicy",
        "metadata": {"name": name},
        "spec": {"kprobes": hooks},
    });
    // JSON is YAML, apart from this letter.
    let text = format!("{document:#}").replace('\u{7f}', "\\u007f");
    let compiled = bundles::compiled(&text).unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    let mut actions = compiled
        .ir
        .hooks
        .iter()
        .flat_map(|hook| &hook.rules)
        .flat_map(|rule| &rule.actions);
    let overrides = actions.any(|action| matches!(action, tpc::ir::Action::Override { .. }));
    Policy {
        name,
        text,
        compiled,
        acts,
        overrides,
    }
}

/// A function that no call reaches together with another one.
fn hook(dice: &mut Dice, acts: bool, beside: Option<&Hook>, calls: &[Call]) -> &'static Hook {
    loop {
        let one = dice.pick(HOOKS);
        let apart = beside.is_none_or(|other| !together(one.symbol, other.symbol, calls));
        if apart && (one.acts || !acts) {
            return one;
        }
    }
}

/// Whether a call reaches both functions, or they are the same.
pub(super) fn together(one: &str, other: &str, calls: &[Call]) -> bool {
    one == other
        || calls
            .iter()
            .any(|call| call.reaches(one) && call.reaches(other))
}

/// The calls of a function.
fn reaching<'a>(calls: &'a [Call], symbol: &str) -> Vec<(&'a Call, &'a Reached)> {
    let of = |call: &'a Call| {
        call.reached
            .iter()
            .filter(move |one| one.symbol == symbol)
            .map(move |one| (call, one))
    };
    calls.iter().flat_map(of).collect()
}

fn written(dice: &mut Dice, hook: &Hook, acts: bool, calls: &[Call]) -> Value {
    let declared = declared(dice, hook);
    let returns =
        (hook.returns && dice.once_in(3)).then(|| dice.one(&["int", "int64", "uint32", "int8"]));
    let samples = reaching(calls, hook.symbol);
    let selectors = dice.one(&[1, 1, 2, 2, 3, 5]);
    let selectors: Vec<Value> = (0..selectors)
        .map(|_| selector(dice, hook, (&declared, returns), acts, &samples))
        .collect();
    let args: Vec<Value> = declared
        .iter()
        .map(|(index, name, types)| match types {
            Types::Buffer(size) => json!({"index": index, "type": name, "sizeArgIndex": size + 1}),
            _ => json!({"index": index, "type": name}),
        })
        .collect();
    let mut out = json!({
        "call": hook.symbol,
        "syscall": hook.is_call(),
        "args": args,
        "selectors": selectors,
    });
    if let Some(ty) = returns {
        out["return"] = true.into();
        out["returnArg"] = json!({"index": 0, "type": ty});
    }
    out
}

/// Some of the parameters in some order, now and then one under two types.
fn declared(dice: &mut Dice, hook: &Hook) -> Vec<Declared> {
    let mut all: Vec<(u8, Types)> = hook.params.to_vec();
    let mut some = Vec::new();
    while !all.is_empty() && (some.is_empty() || !dice.once_in(5)) {
        let (index, types) = all.swap_remove(dice.index(all.len()));
        some.push((index, dice.one(types.names()), types));
        if dice.once_in(8) && types.names().len() > 1 {
            some.push((index, dice.one(types.names()), types));
        }
    }
    some.truncate(5);
    some
}

fn selector(
    dice: &mut Dice,
    hook: &Hook,
    (declared, returns): (&[Declared], Option<&str>),
    acts: bool,
    samples: &[(&Call, &Reached)],
) -> Value {
    let (call, reached) = dice.one(samples);
    let mut args = Vec::new();
    for _ in 0..dice.one(&[0, 1, 1, 2, 2, 3]) {
        let index = dice.one(declared).0;
        // Filters look at the first declaration of a parameter.
        let one = *declared
            .iter()
            .find(|one| one.0 == index)
            .expect("it is declared");
        let other = dice.one(samples).1;
        let of = if dice.once_in(5) { other } else { reached };
        args.extend(filters::argument(dice, one, of, &call.caller, samples));
    }
    let mut out = json!({});
    let mut put = |name: &str, filters: Vec<Value>| {
        if !filters.is_empty() {
            out[name] = filters.into();
        }
    };
    put("matchArgs", args);
    let mut process = filters::guard(dice, call);
    process.extend(filters::process(dice, call));
    for name in [
        "matchBinaries",
        "matchPIDs",
        "matchNamespaces",
        "matchCapabilities",
    ] {
        let of = |(kind, filter): &(&str, Value)| (*kind == name).then(|| filter.clone());
        put(name, process.iter().filter_map(of).collect());
    }
    if let Some(ty) = returns.filter(|_| dice.flip()) {
        put("matchReturnArgs", vec![filters::returned(dice, ty)]);
    }
    put("matchActions", actions(dice, hook, acts));
    out
}

/// Signals that a process can handle and that mean nothing else to it.
const SIGNALS: &[u32] = &[1, 2, 3, 10, 12, 15, 23, 28, 34, 63, 64];
/// Errors that the kernel hands on from its decisions as they are.
const ERRORS: &[i32] = &[-1, -2, -13, -22, -28, -95, -1000, -4095];

fn actions(dice: &mut Dice, hook: &Hook, acts: bool) -> Vec<Value> {
    // Calls that are not foreseen use up rate limits, too.
    let post = |dice: &mut Dice| match dice.below(4) {
        _ if !hook.acts => json!({"action": "Post"}),
        0 => {
            json!({"action": "Post", "rateLimit": "600m", "rateLimitScope": dice.one(&["thread", "process", "global"])})
        }
        1 => json!({"action": "Post", "rateLimit": "600m"}),
        _ => json!({"action": "Post"}),
    };
    if !acts {
        return match dice.below(8) {
            0..=2 => vec![],
            3 => vec![json!({"action": "NoPost"})],
            _ => vec![post(dice)],
        };
    }
    let signal = |dice: &mut Dice| json!({"action": "Signal", "argSig": dice.one(SIGNALS)});
    let kill = json!({"action": "Sigkill"});
    let prevent = |dice: &mut Dice| json!({"action": "Override", "argError": dice.one(ERRORS)});
    if hook.can_override() && dice.flip() {
        return match dice.below(5) {
            0 => vec![prevent(dice), signal(dice)],
            1 => vec![prevent(dice), json!({"action": "NoPost"})],
            2 => vec![signal(dice), prevent(dice), post(dice)],
            3 => vec![prevent(dice), kill],
            _ => vec![prevent(dice)],
        };
    }
    match dice.below(8) {
        0 => vec![signal(dice)],
        1 => vec![signal(dice), signal(dice), post(dice)],
        2 => vec![kill, json!({"action": "NoPost"})],
        3 => vec![kill, post(dice)],
        4 => vec![post(dice)],
        5 => vec![signal(dice), kill],
        _ => vec![kill],
    }
}

//! What was seen of a group's calls, against what the interpreter says.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tpc::ir::interp::Interpreter;

use super::call::Call;
use super::groups::Group;
use super::policies::Policy;
use super::script::{self, Answer};
use super::{hooks, predict, shown};
use crate::harness::job::Outcome;
use crate::script::{Seen, events, field};

const SIGKILL: u32 = 9;
/// Signals that end no process that does not handle them: SIGURG and SIGWINCH.
const HARMLESS: u64 = 1 << 22 | 1 << 27;

/// What a comparison came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Decisions: a policy, a call that reaches one of its functions.
    decisions: usize,
    /// Those in which a selector held.
    matched: usize,
    events: usize,
    kills: usize,
    signals: usize,
    errors: usize,
}

impl Count {
    /// Whether everything that can happen has.
    pub(super) fn is_telling(&self) -> bool {
        let least = [
            self.matched / 1000,
            self.events / 1000,
            self.kills / 50,
            self.signals / 50,
            self.errors / 50,
        ];
        self.decisions > 2 * self.matched && least.iter().all(|count| *count > 0)
    }
}

/// Compares the outcomes of a group's jobs.
pub(super) fn judge(
    group: &Group<'_>,
    outcomes: &[Outcome],
    calls: &[Call],
    plain: &[Answer],
    count: &mut Count,
    wrong: &mut Vec<String>,
) -> Result<(), String> {
    let (mut answers, mut seen) = (Vec::new(), Vec::new());
    for pair in outcomes[1..outcomes.len() - 1].chunks(2) {
        answers.extend(script::answers(&pair[0].stdout)?);
        seen.extend(events(&pair[1])?);
    }
    if answers.len() != group.calls.len() {
        return Err(format!(
            "{} answers to {} calls",
            answers.len(),
            group.calls.len()
        ));
    }
    let host = predict::namespaces(&host(plain, calls)?);
    let mut judges: Vec<(&Policy, Interpreter<'_>)> = group
        .policies
        .iter()
        .map(|policy| (*policy, Interpreter::new(&policy.compiled.ir, host.clone())))
        .collect();
    let mut by_caller = by_caller(seen);
    for answer in &answers {
        let call = &calls[answer.id];
        let expected = expect(call, answer, &plain[answer.id], &mut judges, count);
        let own = by_caller.remove(&answer.caller).unwrap_or_default();
        wrong.extend(
            expected
                .check(call, answer, &plain[answer.id], &own)
                .err()
                .map(|error| report(group, call, &error)),
        );
        count.events += expected.events.len();
    }
    Ok(())
}

/// The answer of a call that was made in the namespaces of process 1.
fn host(plain: &[Answer], calls: &[Call]) -> Result<Answer, String> {
    let at_home = |answer: &&Answer| calls[answer.id].caller.namespaces.is_empty();
    plain
        .iter()
        .find(at_home)
        .cloned()
        .ok_or_else(|| "no call in the host's namespaces".to_owned())
}

fn by_caller(seen: Vec<Seen>) -> BTreeMap<u32, Vec<Json>> {
    let mut by_caller: BTreeMap<u32, Vec<Json>> = BTreeMap::new();
    // The parent of another caller may get a caller's number later; the driver is the parent of parents only.
    let of_parent = |one: &Seen| {
        field(&one.event, "parent.binary").and_then(Json::as_str) == Some(super::DRIVER)
    };
    for one in seen.into_iter().filter(|one| !of_parent(one)) {
        let pid = field(&one.event, "process.pid")
            .and_then(Json::as_u64)
            .and_then(|pid| u32::try_from(pid).ok());
        by_caller
            .entry(pid.unwrap_or(0))
            .or_default()
            .push(one.event);
    }
    by_caller
}

/// What becomes of a call.
#[derive(Default)]
struct Expected {
    killed: bool,
    signals: u64,
    result: Option<i32>,
    events: Vec<Json>,
}

fn expect(
    call: &Call,
    answer: &Answer,
    plain: &Answer,
    judges: &mut [(&Policy, Interpreter<'_>)],
    count: &mut Count,
) -> Expected {
    let mut expected = Expected::default();
    for reached in &call.reached {
        for (policy, interpreter) in judges.iter_mut() {
            let hooks = policy.compiled.ir.hooks.iter().enumerate();
            for (number, hook) in hooks.filter(|(_, hook)| hook.symbol == reached.symbol) {
                let event = predict::event(hook, call, reached, answer, plain.returned);
                let outcome = interpreter.judge(number, &event);
                count.decisions += 1;
                count.matched += usize::from(outcome.rule.is_some());
                count.errors += usize::from(outcome.result.is_some());
                for signal in &outcome.signals {
                    expected.killed |= *signal == SIGKILL;
                    expected.signals |= 1 << (signal - 1);
                }
                expected.result = expected.result.or(outcome.result);
                if let Some(report) = &outcome.report {
                    expected
                        .events
                        .push(shown::event(&policy.name, hook, report, &event.process));
                }
            }
        }
        if expected.result.is_some() {
            // The call goes no further.
            break;
        }
    }
    count.kills += usize::from(expected.killed);
    count.signals += usize::from(expected.signals & !(1 << (SIGKILL - 1)) != 0);
    expected
}

impl Expected {
    fn check(
        &self,
        call: &Call,
        answer: &Answer,
        plain: &Answer,
        seen: &[Json],
    ) -> Result<(), String> {
        // A program that has just begun handles no signals.
        let becomes = call.becomes_another() && plain.returned == 0 && self.result.is_none();
        let deadly = if becomes { self.signals & !HARMLESS } else { 0 };
        if self.killed {
            same("status", &answer.status, &SIGKILL)?;
        } else if deadly != 0 {
            same("status", &answer.status, &(deadly.trailing_zeros() + 1))?;
        } else {
            same("status", &answer.status, &plain.status)?;
            let returned = self.result.map_or(plain.returned, i64::from);
            same("return value", &answer.returned, &returned)?;
            let own = if becomes { 0 } else { self.signals };
            same("signals", &answer.signals, &(plain.signals | own))?;
        }
        let foreseen = |event: &&Json| {
            let name = event["function_name"].as_str().unwrap_or_default();
            call.also
                .iter()
                .all(|symbol| name != shown::function(symbol))
        };
        let mut found: Vec<String> = seen
            .iter()
            .filter(foreseen)
            .map(|event| shown::seen(event).to_string())
            .collect();
        let mut wanted: Vec<String> = self.events.iter().map(Json::to_string).collect();
        found.sort();
        wanted.sort();
        let surplus: Vec<&String> = found.iter().filter(|one| !wanted.contains(one)).collect();
        let missing: Vec<&String> = wanted.iter().filter(|one| !found.contains(one)).collect();
        if found == wanted {
            return Ok(());
        }
        Err(format!(
            "{} events instead of {}\n  not expected: {surplus:#?}\n  missing: {missing:#?}",
            found.len(),
            wanted.len()
        ))
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{what}: {found:?} instead of {wanted:?}"))
}

fn report(group: &Group<'_>, call: &Call, error: &str) -> String {
    let concerned = group.policies.iter().filter(|policy| {
        policy
            .compiled
            .ir
            .hooks
            .iter()
            .any(|hook| call.reaches(&hook.symbol))
    });
    // Of policies that act there is at most one.
    let policies: String = concerned
        .filter(|policy| policy.acts)
        .map(|policy| policy.text.clone())
        .collect();
    let symbols: Vec<String> = call
        .reached
        .iter()
        .map(|one| hooks::by_symbol(one.symbol).symbol.to_owned())
        .collect();
    format!(
        "call {} by {:?}: {:?}\n  reaches {symbols:?}\n{error}\n{policies}",
        call.id, call.caller, call.raw
    )
}

//! What a case expects of a call, against what happened.

use std::collections::BTreeSet;

use super::call::position;
use super::format::{Details, Expect, Shown, ShownProcess};
use super::shape::Many;
use super::shown::{WantedValue, compare_process, wanted_value};
use super::terms::Effect;
use super::value::Ground;
use super::words::listed;
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::interp::{Event, Outcome, Report};
use crate::ir::{self, Hook};
use crate::policy::advice;
use crate::sim::scene::Scene;

/// What is expected of one call.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) span: Span,
    effects: Vec<Effect>,
    /// Index in the hook's rules.
    selector: Option<Spanned<usize>>,
    action: Option<Spanned<String>>,
    args: Vec<WantedValue>,
    returned: Option<WantedValue>,
    process: Option<ShownProcess>,
}

/// Actions that events name, with their numbers in Tetragon's API.
const ACTIONS: &[(&str, ir::Shown)] = &[
    ("Post", ir::Shown::Post),
    ("Sigkill", ir::Shown::Sigkill),
    ("Signal", ir::Shown::Signal),
    ("Override", ir::Shown::Override),
    ("NoPost", ir::Shown::NoPost),
];

impl Wanted {
    /// Judges an expectation; `None` means reported.
    pub(super) fn of(
        expect: &Expect,
        hook: &Hook,
        ground: &mut Ground<'_>,
        sink: &mut Sink,
    ) -> Option<Self> {
        let Details {
            does: Many(does),
            selector,
            event,
        } = &expect.details;
        consistent(does, event.is_some(), expect.span, sink)?;
        let mut effects: Vec<Effect> = does.iter().map(|effect| effect.value).collect();
        effects.retain(|effect| *effect != Effect::Nothing);
        let mut wanted = Self {
            span: expect.span,
            effects,
            selector: None,
            action: None,
            args: Vec::new(),
            returned: None,
            process: None,
        };
        if let Some(number) = selector {
            wanted.selector = Some(number_of_selector(*number, hook, sink)?);
        }
        if let Some(shown) = event {
            wanted.shown(shown, hook, ground, sink)?;
        }
        Some(wanted)
    }

    fn shown(
        &mut self,
        shown: &Shown,
        hook: &Hook,
        ground: &mut Ground<'_>,
        sink: &mut Sink,
    ) -> Option<()> {
        if let Some(action) = &shown.action {
            let words: Vec<&str> = ACTIONS.iter().map(|(word, _)| *word).collect();
            if !words.contains(&action.value.as_str()) {
                let message = format!("no event has the action `{}`", action.value);
                let help = advice(&action.value, &words);
                sink.push(
                    Diagnostic::error(code::UNKNOWN_WORD, message)
                        .at(action.span)
                        .help(help),
                );
                return None;
            }
            self.action = Some(action.clone());
        }
        for named in shown.args.iter().flatten() {
            let position = position(hook, &named.name, sink)?;
            let arg = &hook.args[position];
            let name = format!("argument {}", arg.index);
            let value = wanted_value((position, arg), &name, hook, &named.value.0, ground, sink)?;
            self.args.push(value);
        }
        if let Some(raw) = &shown.returned {
            let Some(arg) = &hook.ret else {
                let message = format!(
                    "events of `{}` have no return value in this policy",
                    hook.symbol
                );
                let error = Diagnostic::error(code::BAD_TEST, message).at(raw.0.span);
                sink.push(error.help("remove the line, or observe the return: `return: true`"));
                return None;
            };
            let value = wanted_value((0, arg), "the return value", hook, &raw.0, ground, sink)?;
            self.returned = Some(value);
        }
        self.process = shown.process.clone();
        Some(())
    }

    /// What is different, if anything is; if something else happens, that alone.
    pub(super) fn differences(
        &self,
        outcome: &Outcome,
        event: &Event,
        (hook, scene): (&Hook, &Scene),
    ) -> Vec<(Span, String)> {
        if !self.same_effects(outcome, <[u32]>::to_vec) {
            let text = format!(
                "expected {}, got {}",
                effects_text(&self.effects),
                outcome_text(outcome)
            );
            return vec![(self.span, text)];
        }
        let mut out = Vec::new();
        if let Some(wanted) = self
            .selector
            .filter(|wanted| outcome.rule != Some(wanted.value))
        {
            let got = match outcome.rule {
                Some(rule) => format!("selector {} decides", rule + 1),
                None => "no selector matches".to_owned(),
            };
            let text = format!(
                "expected selector {} to decide, but {got}",
                wanted.value + 1
            );
            out.push((wanted.span, text));
        }
        if let Some(report) = &outcome.report {
            self.compare_event(report, event, (hook, scene), &mut out);
        }
        out
    }

    /// What is different of what a real kernel did, event contents aside.
    pub(super) fn other_effects(&self, outcome: &Outcome) -> Option<String> {
        let text = || {
            let (wanted, got) = (effects_text(&self.effects), outcome_text(outcome));
            format!("expected {wanted}, got {got}")
        };
        (!self.same_effects(outcome, on_kernels)).then(text)
    }

    /// The action of a real event, where the case says another.
    pub(super) fn other_action(&self, outcome: &Outcome) -> Option<String> {
        let (wanted, report) = (self.action.as_ref()?, outcome.report.as_ref()?);
        let got = action_word(report.shown);
        let text = || format!("the event names the action {got}, not {}", wanted.value);
        (got != wanted.value).then(text)
    }

    /// Whether what happens is expected, so that only the event can be another.
    pub(super) fn is_decided_right(&self, outcome: &Outcome) -> bool {
        let right = |wanted: Spanned<usize>| outcome.rule == Some(wanted.value);
        self.same_effects(outcome, <[u32]>::to_vec) && self.selector.is_none_or(right)
    }

    /// `told` is what of the signals can be told.
    fn same_effects(&self, outcome: &Outcome, told: fn(&[u32]) -> Vec<u32>) -> bool {
        let (mut signals, mut result, mut event) = (Vec::new(), None, false);
        for effect in &self.effects {
            match effect {
                Effect::Signal(number) => signals.push(*number),
                Effect::Event => event = true,
                other => result = Some(*other),
            }
        }
        let same_result = match (result, outcome.result) {
            (Some(Effect::Override(wanted)), Some(got)) => wanted == got,
            (Some(Effect::Denied), Some(got)) => got < 0,
            (None, None) => true,
            _ => false,
        };
        told(&signals) == told(&outcome.signals) && same_result && event == outcome.report.is_some()
    }

    fn compare_event(
        &self,
        report: &Report,
        event: &Event,
        (hook, scene): (&Hook, &Scene),
        out: &mut Vec<(Span, String)>,
    ) {
        if let Some(wanted) = &self.action {
            let got = action_word(report.shown);
            if got != wanted.value {
                let text = format!("the event names the action {got}, not {}", wanted.value);
                out.push((wanted.span, text));
            }
        }
        for wanted in &self.args {
            let arg = &hook.args[wanted.position];
            let got = &event.args[wanted.position];
            let name = format!("argument {}", arg.index);
            wanted.compare(&name, arg, got, (hook, scene), out);
        }
        if let (Some(wanted), Some(arg)) = (&self.returned, &hook.ret) {
            match &report.ret {
                Some(got) => wanted.compare("the return value", arg, got, (hook, scene), out),
                None => out.push((wanted.span, "the event has no return value".to_owned())),
            }
        }
        if let Some(wanted) = &self.process {
            compare_process(wanted, event, out);
        }
    }
}

fn action_word(shown: ir::Shown) -> &'static str {
    let row = ACTIONS.iter().find(|(_, known)| *known == shown);
    row.map_or("", |(word, _)| word)
}

/// The index of a selector that a test counts from 1.
fn number_of_selector(
    number: Spanned<u32>,
    hook: &Hook,
    sink: &mut Sink,
) -> Option<Spanned<usize>> {
    let count = hook.rules.len();
    let index = (number.value as usize)
        .checked_sub(1)
        .filter(|index| *index < count);
    if index.is_none() {
        let message = format!("`{}` has no selector {}", hook.symbol, number.value);
        let error = Diagnostic::error(code::BAD_TEST, message).at(number.span);
        sink.push(error.help(format!("selectors count from 1 to {count}")));
    }
    index.map(|index| Spanned::new(index, number.span))
}

/// Effects that can happen together; `None` means reported.
fn consistent(does: &[Spanned<Effect>], shows: bool, span: Span, sink: &mut Sink) -> Option<()> {
    let count = |is: fn(&Effect) -> bool| does.iter().filter(|effect| is(&effect.value)).count();
    let nothing = count(|effect| *effect == Effect::Nothing);
    let results = count(|effect| matches!(effect, Effect::Override(_) | Effect::Denied));
    let events = count(|effect| *effect == Effect::Event);
    let (message, help) = if does.is_empty() {
        (
            "the expectation is empty",
            "write `nothing`, if nothing happens",
        )
    } else if nothing > 0 && (does.len() > 1 || shows) {
        ("`nothing` stands alone", "remove it, or everything else")
    } else if results > 1 {
        ("a call has one result", "write `Override` or `denied` once")
    } else if events > 1 {
        ("a call makes one event", "write `event` once")
    } else if shows && events == 0 {
        (
            "`event` says what an event shows, and no event is expected",
            "add `event` to `does`",
        )
    } else {
        return Some(());
    };
    sink.push(
        Diagnostic::error(code::BAD_TEST, message)
            .at(span)
            .help(help),
    );
    None
}

fn effects_text(effects: &[Effect]) -> String {
    let text = |effect: &Effect| match effect {
        Effect::Nothing => "nothing".to_owned(),
        Effect::Event => "an event".to_owned(),
        Effect::Denied => "a refusal".to_owned(),
        Effect::Signal(9) => "Sigkill".to_owned(),
        Effect::Signal(number) => format!("Signal {number}"),
        Effect::Override(value) => format!("Override {value}"),
    };
    match effects {
        [] => "nothing".to_owned(),
        _ => listed(&effects.iter().map(text).collect::<Vec<_>>()),
    }
}

/// What happened.
pub(super) fn effects(outcome: &Outcome) -> Vec<Effect> {
    let signals = outcome.signals.iter().map(|number| Effect::Signal(*number));
    let result = outcome.result.map(Effect::Override);
    let event = outcome.report.is_some().then_some(Effect::Event);
    signals.chain(result).chain(event).collect()
}

pub(super) fn outcome_text(outcome: &Outcome) -> String {
    effects_text(&effects(outcome))
}

/// What a real process shows of the signals that it got: those that wait, without order or number, or that it was killed.
fn on_kernels(signals: &[u32]) -> Vec<u32> {
    const SIGKILL: u32 = 9;
    if signals.contains(&SIGKILL) {
        return vec![SIGKILL];
    }
    let different: BTreeSet<u32> = signals.iter().copied().collect();
    different.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_does_not_show_in_what_order_signals_came() {
        assert_eq!(on_kernels(&[15, 10, 15]), [10, 15]);
        assert_eq!(on_kernels(&[15, 9]), [9]);
        assert!(on_kernels(&[]).is_empty());
    }
}

//! A first test file from a policy.
//!
//! In: a policy's meaning. Out: the text of a test file: for each selector a call that it decides, and for each of its filters the nearest
//! call that this filter alone keeps out. A selector with a rate limit has calls that show it as well. Calls are found by trying: values of the filters and values beside them, one after the other, until the
//! reference interpreter says what was looked for. What happens then is written as what is expected.

mod changes;
mod draft;

use super::call::hook_name;
use super::expect::effects;
use super::format::File;
use super::machines::{Judged, Kernels, Machines};
use super::plan::plan;
use super::terms::Effect;
use super::value::namespaces;
use super::why::{holds, name};
use super::words;
use super::written::Written;
use crate::compile::compile;
use crate::diag::{Diagnostic, Sink, Sources, code};
use crate::ir::{Arg, ArgType, Hook, Program, Rule, Subject, Test};
use crate::policy::{Decode, Policy};
use crate::sim::scene::Scene;
use crate::yaml;
use changes::{Most, changes};
use draft::{Change, Draft, ordinary};

/// Calls that are tried for one selector.
const MAX_TRIES: usize = 5_000;

/// The text of a test file; `None` means that the sink has errors. A policy that is one of several in a file is named in it, with the
/// file.
pub fn init(
    policy: &Policy,
    file: Option<&str>,
    sources: &Sources,
    kernels: &Kernels,
    sink: &mut Sink,
) -> Option<String> {
    let compiled = compile(policy, sources, sink)?;
    let program = &compiled.ir;
    let written = Written::of(policy, program, sources);
    let machines = Machines::new(&compiled, kernels).ok()?;
    let mut writer = Writer {
        program,
        written: &written,
        machines,
        tries: 0,
        cases: 0,
        out: format!(
            "# Tests of the policy {}: what each selector matches, and what it just does not.\n{}tests:\n",
            program.policy,
            file.map_or_else(String::new, |file| {
                let [file, name] = [file, &policy.name.value].map(draft::quoted);
                format!("policy: {file}\nname: {name}\n")
            })
        ),
    };
    for hook in 0..program.hooks.len() {
        for rule in 0..program.hooks[hook].rules.len() {
            writer.rule(hook, rule);
        }
    }
    if writer.cases == 0 {
        let error = Diagnostic::error(
            code::NO_TEST,
            "no call was found that a selector of the policy decides",
        );
        sink.push(
            error
                .at(policy.name.span)
                .help("write the first case by hand, see `docs/test.md`"),
        );
        return None;
    }
    Some(writer.out)
}

struct Writer<'a> {
    program: &'a Program,
    written: &'a Written,
    machines: Machines<'a>,
    /// For the selector at work.
    tries: usize,
    cases: usize,
    out: String,
}

impl Writer<'_> {
    fn rule(&mut self, hook: usize, number: usize) {
        self.tries = 0;
        let of = &self.program.hooks[hook];
        let title = match of.rules.len() {
            1 => hook_name(self.program, hook),
            _ => format!("{} selector {}", hook_name(self.program, hook), number + 1),
        };
        let Some(found) = self.matching(hook, number) else {
            self.out
                .push_str(&format!("# {title}: no call was found that it decides\n"));
            return;
        };
        self.case(&title, hook, &found);
        let post = of.rules[number].post;
        if let Some(rate) = post.and_then(|post| post.rate) {
            self.limited(&title, (hook, rate.interval_ms), &found);
        }
        let mut kept_out = Vec::new();
        for (index, test) in tests(&of.rules[number]).enumerate() {
            let name = name(test, self.written);
            let Some(miss) = self.missing((hook, number, index), &found) else {
                self.out.push_str(&format!(
                    "# {title}: no call was found that only `{name}` keeps out\n"
                ));
                continue;
            };
            let again = kept_out.iter().filter(|known| **known == name).count();
            kept_out.push(name.clone());
            let times = if again > 0 {
                format!(" ({})", again + 1)
            } else {
                String::new()
            };
            self.case(&format!("{title} without {name}{times}"), hook, &miss);
        }
    }

    /// A call that a selector decides, with an event if it reports.
    fn matching(&mut self, hook: usize, number: usize) -> Option<Draft> {
        let of = &self.program.hooks[hook];
        let rule = &of.rules[number];
        let mut matches = None;
        for most in [Most::Few, Most::Many] {
            self.tries = 0;
            let found = self.extended((hook, number, most), 0, &base(of), &mut matches);
            if found.is_some() {
                return found;
            }
        }
        // A selector in front of it matches as well: one or two changes let that one go.
        let draft = matches?;
        let others = of.rules[..number].iter().chain([rule]);
        let all: Vec<Change> = others
            .flat_map(|rule| tests(rule).flat_map(move |test| changes(of, rule, test, Most::Few)))
            .collect();
        self.tries = 0;
        let one = all.iter().map(|change| draft.with(change));
        let pairs = all
            .iter()
            .flat_map(|first| all.iter().map(move |second| (first, second)));
        let two = pairs.map(|(first, second)| draft.with(first).with(second));
        let mut tried = one.chain(two).take(MAX_TRIES);
        tried.find(|next| self.decides(hook, number, next))
    }

    /// Makes the filters hold one after the other, from one of them on, in all ways until the selector decides. `matches` is the first
    /// call that all of them let through.
    fn extended(
        &mut self,
        (hook, number, most): (usize, usize, Most),
        from: usize,
        draft: &Draft,
        matches: &mut Option<Draft>,
    ) -> Option<Draft> {
        let of = &self.program.hooks[hook];
        let rule = &of.rules[number];
        let Some(test) = tests(rule).nth(from) else {
            matches.get_or_insert_with(|| draft.clone());
            return self.decides(hook, number, draft).then(|| draft.clone());
        };
        let changed = changes(of, rule, test, most);
        let options =
            std::iter::once(draft.clone()).chain(changed.iter().map(|change| draft.with(change)));
        for next in options {
            if self.tries > MAX_TRIES {
                return None;
            }
            let host = namespaces::of_host();
            let fits = |judged: Judged| {
                tests(rule)
                    .take(from + 1)
                    .all(|test| holds(test, &judged.event, &host))
            };
            if !self.judge(hook, &next).is_some_and(fits) {
                continue;
            }
            let found = self.extended((hook, number, most), from + 1, &next, matches);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn decides(&mut self, hook: usize, number: usize, draft: &Draft) -> bool {
        let rule = &self.program.hooks[hook].rules[number];
        let host = namespaces::of_host();
        self.judge(hook, draft).is_some_and(|judged| {
            judged.outcome.rule == Some(number)
                && rule
                    .return_tests
                    .iter()
                    .all(|test| holds(test, &judged.event, &host))
        })
    }

    /// The nearest call that a filter alone keeps out: it differs from one that matches in the value that the filter looks at, and if that
    /// is not enough, in another that its selector looks at.
    fn missing(&mut self, of: (usize, usize, usize), found: &Draft) -> Option<Draft> {
        let (hook, number, index) = of;
        let hook = &self.program.hooks[hook];
        let rule = &hook.rules[number];
        let own = changes(hook, rule, tests(rule).nth(index)?, Most::Many);
        let mut one = own.iter().map(|change| found.with(change));
        if let Some(next) = one.find(|next| self.is_kept_out(of, next)) {
            return Some(next);
        }
        let others = tests(rule).enumerate().filter(|(other, _)| *other != index);
        let others: Vec<Change> = others
            .flat_map(|(_, test)| changes(hook, rule, test, Most::Few))
            .collect();
        let pairs = own
            .iter()
            .flat_map(|first| others.iter().map(move |second| (first, second)));
        let mut two = pairs
            .map(|(first, second)| found.with(first).with(second))
            .take(MAX_TRIES / 5);
        two.find(|next| self.is_kept_out(of, next))
    }

    /// Whether a filter alone keeps a call out that no selector in front decides.
    fn is_kept_out(&mut self, (hook, number, index): (usize, usize, usize), draft: &Draft) -> bool {
        let rule = &self.program.hooks[hook].rules[number];
        let host = namespaces::of_host();
        self.judge(hook, draft).is_some_and(|judged| {
            let is_tried = judged.outcome.rule.is_none_or(|decided| decided >= number);
            let mut tests = tests(rule).enumerate();
            is_tried
                && tests.all(|(other, test)| holds(test, &judged.event, &host) != (other == index))
        })
    }

    /// What happens in a call; `None` for one that cannot be.
    fn judge(&mut self, hook: usize, draft: &Draft) -> Option<Judged> {
        self.tries += 1;
        let call = self.call(hook, draft)?;
        self.machines.judge_by_meaning(hook, &call)
    }

    fn call(&self, hook: usize, draft: &Draft) -> Option<Scene> {
        let lines = format!("{}  expect: nothing\n", draft.yaml(self.program, hook));
        self.calls(&lines)?.into_iter().next()
    }

    /// The calls of a case of these lines.
    fn calls(&self, lines: &str) -> Option<Vec<Scene>> {
        let text = format!("tests:\n- name: x\n{lines}");
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let file = sources.add("", text);
        let documents = yaml::parse(file, sources.text(file), &mut sink);
        let root = documents.first()?.root.as_ref()?;
        let form = File::decode(root, "", &mut sink)?;
        let planned = plan(&form, self.program, &mut sink);
        let calls = planned.into_iter().next()?.calls.into_iter();
        (!sink.has_errors()).then(|| calls.map(|call| call.scene).collect())
    }

    /// Writes a case that expects what happens.
    fn case(&mut self, title: &str, hook: usize, draft: &Draft) {
        let Some(judged) = self.judge(hook, draft) else {
            return;
        };
        self.cases += 1;
        let title = draft::title(title);
        self.out.push_str(&format!(
            "- name: {title}\n{}  expect: {}\n",
            draft.yaml(self.program, hook),
            expected(&judged)
        ));
    }

    /// Writes a case that shows a rate limit: a call that reports, the same at once, and the same when the time has passed.
    fn limited(&mut self, title: &str, (hook, interval): (usize, u32), draft: &Draft) {
        let lines = draft.yaml(self.program, hook);
        let behind = [None, None, Some(time(interval))]
            .map(|after| after.map_or_else(String::new, |time| format!("after: {time}, ")));
        let steps = |expected: [&str; 3]| -> String {
            let steps = behind.iter().zip(expected);
            let step =
                |(after, expected): (&String, &str)| format!("  - {{{after}expect: {expected}}}\n");
            format!("{lines}  steps:\n{}", steps.map(step).collect::<String>())
        };
        let Some(calls) = self.calls(&steps(["nothing"; 3])) else {
            return;
        };
        // One call after the other on machines that remember.
        let mut machines = self.machines.clone();
        let judged: Result<Vec<_>, _> = calls
            .iter()
            .map(|scene| machines.judge(hook, scene).map(|judged| expected(&judged)))
            .collect();
        let Ok([first, second, third]) = judged.as_deref() else {
            return;
        };
        let title = draft::title(&format!("{title} within its rate limit"));
        let steps = steps([first, second, third]);
        self.out.push_str(&format!("- name: {title}\n{steps}"));
        self.cases += 1;
    }
}

/// What happens, as a case expects it.
fn expected(judged: &Judged) -> String {
    let words: Vec<String> = effects(&judged.outcome).iter().map(word).collect();
    match &words[..] {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        _ => format!("[{}]", words.join(", ")),
    }
}

/// Milliseconds as a time between steps, whose numbers have six digits at most.
fn time(milliseconds: u32) -> String {
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let fits = |(_, length): &(&str, u32)| {
        milliseconds.is_multiple_of(*length) && milliseconds / length <= 999_999
    };
    match units.into_iter().find(fits) {
        Some((unit, length)) => format!("{}{unit}", milliseconds / length),
        // A minute too long at most: the limit is over then as well.
        None => format!("{}m", milliseconds.div_ceil(60_000)),
    }
}

fn tests(rule: &Rule) -> impl Iterator<Item = &Test> {
    rule.tests.iter().chain(&rule.return_tests)
}

/// A call with values for everything that filters look at.
fn base(hook: &Hook) -> Draft {
    let all = || hook.rules.iter().flat_map(tests);
    let asks = |subject| all().any(|test| words::subject(&test.predicate) == Some(subject));
    let mut draft = Draft::default();
    for (position, arg) in hook.args.iter().enumerate() {
        // A buffer is as long as its bytes.
        let is_size = |other: &Arg| matches!(other.ty, ArgType::CharBuf { size_from: Some(size) } if size == arg.index);
        if asks(Subject::Arg(position)) && !hook.args.iter().any(is_size) {
            draft = draft.with(&ordinary(position, arg.ty));
        }
    }
    if asks(Subject::Return) {
        draft = draft.with(&Change::Return("0".to_owned()));
    }
    draft
}

/// An effect as test files write it.
fn word(effect: &Effect) -> String {
    match effect {
        Effect::Nothing => "nothing".to_owned(),
        Effect::Event => "event".to_owned(),
        Effect::Denied => "denied".to_owned(),
        Effect::Signal(9) => "Sigkill".to_owned(),
        Effect::Signal(number) => format!("Signal {number}"),
        Effect::Override(value) => format!("Override {value}"),
    }
}

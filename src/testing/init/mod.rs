//! A first test file from a policy.
//!
//! In: a policy's meaning. Out: the text of a test file: for each selector a call that it decides, and for each of its filters the nearest
//! call that this filter keeps out. Calls are found by trying: values of the filters and values beside them, one after the other, until the
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
use crate::yaml;
use changes::changes;
use draft::{Change, Draft, ordinary};

/// Calls that are tried for one selector.
const MAX_TRIES: usize = 5_000;

/// The text of a test file; `None` means that the sink has errors.
pub fn init(
    policy: &Policy,
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
            "# Tests of the policy {}: what each selector matches, and what it just does not.\ntests:\n",
            program.policy
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
        if let Some(found) = self.extended(hook, number, 0, &base(of), &mut matches) {
            return Some(found);
        }
        // A selector in front of it matches as well: one or two changes let that one go.
        let draft = matches?;
        let others = of.rules[..number].iter().chain([rule]);
        let all: Vec<Change> = others
            .flat_map(|rule| tests(rule).flat_map(move |test| changes(of, rule, test)))
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
        hook: usize,
        number: usize,
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
        let changed = changes(of, rule, test);
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
            let found = self.extended(hook, number, from + 1, &next, matches);
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

    /// The nearest call that a filter keeps out: others of the selector hold, if there is such a call.
    fn missing(
        &mut self,
        (hook, number, index): (usize, usize, usize),
        found: &Draft,
    ) -> Option<Draft> {
        let of = &self.program.hooks[hook];
        let rule = &of.rules[number];
        let host = namespaces::of_host();
        let test = tests(rule).nth(index)?;
        let mut second = None;
        for change in changes(of, rule, test) {
            let next = found.with(&change);
            let Some(judged) = self.judge(hook, &next) else {
                continue;
            };
            let holds = |test: &Test| holds(test, &judged.event, &host);
            let is_tried = judged.outcome.rule.is_none_or(|decided| decided >= number);
            if holds(test) || !is_tried {
                continue;
            }
            let others = tests(rule).enumerate().filter(|(other, _)| *other != index);
            if others.into_iter().all(|(_, other)| holds(other)) {
                return Some(next);
            }
            second.get_or_insert(next);
        }
        second
    }

    /// What happens in a call; `None` for one that cannot be.
    fn judge(&mut self, hook: usize, draft: &Draft) -> Option<Judged> {
        self.tries += 1;
        let call = self.call(hook, draft)?;
        self.machines.judge_by_meaning(hook, &call)
    }

    fn call(&self, hook: usize, draft: &Draft) -> Option<crate::sim::scene::Scene> {
        let text = format!(
            "tests:\n- name: x\n{}  expect: nothing\n",
            draft.yaml(self.program, hook)
        );
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let file = sources.add("", text);
        let documents = yaml::parse(file, sources.text(file), &mut sink);
        let root = documents.first()?.root.as_ref()?;
        let form = File::decode(root, "", &mut sink)?;
        let planned = plan(&form, self.program, &mut sink);
        let call = planned.into_iter().next()?.calls.into_iter().next()?;
        (!sink.has_errors()).then_some(call.scene)
    }

    /// Writes a case that expects what happens.
    fn case(&mut self, title: &str, hook: usize, draft: &Draft) {
        let Some(judged) = self.judge(hook, draft) else {
            return;
        };
        self.cases += 1;
        let words: Vec<String> = effects(&judged.outcome).iter().map(word).collect();
        let expect = match &words[..] {
            [] => "nothing".to_owned(),
            [one] => one.clone(),
            _ => format!("[{}]", words.join(", ")),
        };
        let title = draft::title(title);
        self.out.push_str(&format!(
            "- name: {title}\n{}  expect: {expect}\n",
            draft.yaml(self.program, hook)
        ));
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

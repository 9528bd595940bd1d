//! From the cases of test files to passes of the guest.

use std::collections::BTreeMap;

use super::super::call;
use super::super::plan::{Planned, plan};
use super::super::run::{Performed, Tests};
use super::super::value::namespaces;
use super::context::{Context, Exe, looks};
use super::trigger::{File, Trigger};
use super::{Call, Pass};
use crate::compile::{Compiled, compile};
use crate::diag::{Sink, Sources};
use crate::ir::interp::{Event, Interpreter, Outcome};
use crate::ir::{Hook, Predicate, RateScope};
use crate::policy::Policy;

/// A policy with its cases.
pub(super) struct Subject {
    /// Index of its results.
    pub(super) file: usize,
    compiled: Compiled,
    /// A policy of the same hooks that reports every call and does nothing.
    observer: Compiled,
    names: [String; 2],
    cases: Vec<Planned>,
}

impl Subject {
    /// `None` for a policy that does not compile, which was reported before.
    pub(super) fn of(
        file: usize,
        (tests, policy): (&Tests, &Policy),
        filter: &str,
        sources: &Sources,
    ) -> Option<Self> {
        let sink = &mut Sink::new();
        let compiled = compile(policy, sources, sink)?;
        let mut observer = policy.clone();
        for kprobe in observer
            .spec
            .kprobes
            .iter_mut()
            .chain(&mut observer.spec.fentries)
        {
            kprobe.selectors.clear();
        }
        for hook in &mut observer.spec.lsmhooks {
            hook.selectors.clear();
        }
        let mut cases = plan(&tests.form, &compiled.ir, sink);
        cases.retain(|case| case.name.contains(filter));
        Some(Self {
            file,
            observer: compile(&observer, sources, sink)?,
            compiled,
            names: [format!("{file}-observer"), format!("{file}-policy")],
            cases,
        })
    }
}

/// A case that can be performed.
pub(super) struct Job<'a> {
    pub(super) subject: &'a Subject,
    /// Index of the case in its results.
    pub(super) case: usize,
    pub(super) hook: &'a Hook,
    /// What the policy sees of the call, and what it means.
    pub(super) event: Event,
    pub(super) expected: Outcome,
    context: Context,
    pub(super) trigger: Trigger,
}

/// A case that was not performed: its place in the results, and why.
pub(super) type Rest = (usize, usize, Performed);

/// The cases that can be performed, and the others.
pub(super) fn jobs(subjects: &[Subject]) -> (Vec<Job<'_>>, Vec<Rest>) {
    let (mut jobs, mut rest) = (Vec::new(), Vec::new());
    for subject in subjects {
        for case in 0..subject.cases.len() {
            match Job::of(subject, case) {
                Ok(job) => jobs.push(job),
                Err(reason) => rest.push((subject.file, case, Performed::NoTrigger(reason))),
            }
        }
    }
    (jobs, rest)
}

impl<'a> Job<'a> {
    fn of(subject: &'a Subject, case: usize) -> Result<Self, String> {
        let [call] = &subject.cases[case].calls[..] else {
            return Err("its calls follow each other in time".to_owned());
        };
        let program = &subject.compiled.ir;
        let hook = &program.hooks[call.hook];
        let same = program.hooks.iter().filter(|of| of.symbol == hook.symbol);
        if same.count() > 1 {
            return Err("events do not tell hooks of the same function apart".to_owned());
        }
        let trigger = Trigger::of(&call.scene, hook)?;
        let context = Context::of(&call.scene, hook)?;
        let event = call.scene.event(hook);
        let judge = |event: &Event| {
            Interpreter::new(program, namespaces::of_host()).judge(call.hook, event)
        };
        let expected = judge(&event);
        if context.is_pid_looked_at && judge(&with_numbers(&event, &context)).rule != expected.rule
        {
            return Err("filters look at the numbers of its parents".to_owned());
        }
        Ok(Self {
            subject,
            case,
            hook,
            event,
            expected,
            context,
            trigger,
        })
    }

    pub(super) fn planned(&self) -> &call::Call {
        &self.subject.cases[self.case].calls[0]
    }

    pub(super) fn name(&self) -> &str {
        &self.subject.cases[self.case].name
    }

    /// The rule whose rate limit all processes share, if it decides the case.
    fn shared_limit(&self) -> Option<(usize, usize)> {
        let rule = self.expected.rule?;
        let rate = self.hook.rules[rule].post?.rate?;
        (rate.scope == RateScope::Global).then_some((self.planned().hook, rule))
    }

    fn paths(&self) -> BTreeMap<&str, File> {
        let files = self.trigger.files.iter();
        let mut paths: BTreeMap<&str, File> =
            files.map(|(path, file)| (path.as_str(), *file)).collect();
        if let Exe::Named(path) | Exe::Removed(path) = &self.context.exe {
            let file = File::Regular {
                mode: 0o755,
                is_callers: false,
            };
            paths.entry(path).or_insert(file);
        }
        paths
    }
}

/// The call as the guest makes it, as far as numbers of processes go.
fn with_numbers(event: &Event, context: &Context) -> Event {
    let mut event = event.clone();
    let chain = context.chain();
    let process = &mut event.process;
    (process.pid, process.ns_pid) = chain[0];
    process.tid = process.pid;
    let blank = process.ancestors.last().cloned().unwrap_or_default();
    let above = chain[1..].iter().map(|(pid, ns_pid)| {
        let mut one = blank.clone();
        (one.pid, one.ns_pid) = (*pid, *ns_pid);
        one
    });
    process.ancestors = above.collect();
    event.process.ancestors.push(blank);
    event
}

/// Cases that can share a load of their policy: none sees what another leaves behind.
pub(super) fn batches(jobs: Vec<Job<'_>>) -> Vec<Vec<Job<'_>>> {
    let mut batches: Vec<Vec<Job<'_>>> = Vec::new();
    for job in jobs {
        let fits = |batch: &&mut Vec<Job<'_>>| {
            batch[0].subject.file == job.subject.file
                && batch.iter().all(|other| apart(&job, other))
        };
        match batches.iter_mut().find(fits) {
            Some(batch) => batch.push(job),
            None => batches.push(vec![job]),
        }
    }
    batches
}

fn apart(one: &Job<'_>, other: &Job<'_>) -> bool {
    let limits = one.shared_limit().zip(other.shared_limit());
    if limits.is_some_and(|(one, other)| one == other) {
        return false;
    }
    let claims = |end: &([u8; 16], u16)| other.trigger.claims.contains(end);
    if one.trigger.claims.iter().any(claims) {
        return false;
    }
    let same_pid = |of: &Job<'_>| (of.context.pid != 0).then_some(of.context.pid);
    if same_pid(one).is_some_and(|pid| same_pid(other) == Some(pid)) {
        return false;
    }
    let below = |path: &str, of: &BTreeMap<&str, File>| {
        of.keys().any(|other| {
            let rest = other.strip_prefix(path);
            rest.is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let consumes = one.trigger.consumes || other.trigger.consumes;
    let (own, others) = (one.paths(), other.paths());
    let owner = |of: &Job<'_>| of.context.users[0];
    let is_directory =
        own.keys().any(|path| below(path, &others)) || others.keys().any(|path| below(path, &own));
    !is_directory
        && own.iter().all(|(path, file)| match others.get(path) {
            None => true,
            Some(same) => {
                let is_same_owner = owner(one) == owner(other)
                    || matches!(
                        file,
                        File::Regular {
                            is_callers: false,
                            ..
                        } | File::Directory
                    );
                same == file && is_same_owner && !(consumes && is_consumed(one, other, path))
            }
        })
}

/// Whether one of two calls removes or renames what it shares with the other.
fn is_consumed(one: &Job<'_>, other: &Job<'_>, path: &str) -> bool {
    [one, other]
        .iter()
        .any(|job| job.trigger.consumes && job.trigger.files.contains_key(path))
}

/// Two passes for each batch: with the observer, and with the policy.
pub(super) fn passes<'a>(batches: &[Vec<Job<'a>>]) -> Vec<Pass<'a>> {
    let mut passes = Vec::new();
    let mut slot = 0;
    for batch in batches {
        let Some(first) = batch.first() else {
            continue;
        };
        let subject = first.subject;
        for (name, compiled) in subject
            .names
            .iter()
            .zip([&subject.observer, &subject.compiled])
        {
            let calls = batch.iter().map(|job| job.call(next(&mut slot))).collect();
            passes.push(Pass {
                bundle: (name, &compiled.files),
                calls,
                slot: next(&mut slot),
            });
        }
    }
    passes
}

fn next(slot: &mut usize) -> usize {
    *slot += 1;
    *slot - 1
}

/// Numbers of processes that the guest gives out itself begin here.
const FIRST_PID: u32 = 10_000;

impl Job<'_> {
    fn call(&self, slot: usize) -> Call {
        let mut context = self.context.clone();
        if context.pid == 0 {
            context.pid = FIRST_PID + slot as u32;
        }
        let is_looked_at = looks(self.hook, |one| matches!(one, Predicate::Capability { .. }));
        Call {
            slot,
            context,
            trigger: self.trigger.clone(),
            needs: if is_looked_at { 0 } else { self.trigger.needs },
        }
    }
}

//! Policies that are loaded together, with the calls that are made under them.

use tpc::ir::interp::Interpreter;

use super::call::Call;
use super::policies::{Policy, together};
use super::{BETWEEN_READS, driver, files, foreseen, loader, predict, script};
use crate::bundles::{place, with_kprobes_only};
use crate::harness::cpio::Archive;
use crate::harness::job::Job;

pub(super) struct Group<'a> {
    pub(super) policies: Vec<&'a Policy>,
    /// Ascending.
    pub(super) calls: Vec<&'a Call>,
}

/// Programs that one function's trampoline takes, less a few (BPF_MAX_TRAMP_LINKS, include/linux/bpf.h).
const MAX_PROGRAMS: usize = 36;
/// Calls that a policy which acts is tried with: so many that it concerns, and so many that it does not.
const OF_EACH: usize = 5;

pub(super) fn all<'a>(policies: &'a [Policy], calls: &'a [Call]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for policy in policies {
        match groups.iter_mut().find(|group| group.fits(policy, calls)) {
            Some(group) => group.policies.push(policy),
            None => groups.push(Group {
                policies: vec![policy],
                calls: Vec::new(),
            }),
        }
    }
    for group in &mut groups {
        group.choose(calls);
    }
    groups
}

impl<'a> Group<'a> {
    fn fits(&self, policy: &Policy, calls: &[Call]) -> bool {
        if self.policies[0].acts != policy.acts {
            return false;
        }
        let symbols = |policy: &Policy| -> Vec<String> {
            policy
                .compiled
                .ir
                .hooks
                .iter()
                .map(|hook| hook.symbol.clone())
                .collect()
        };
        let own: Vec<String> = self.policies.iter().flat_map(|one| symbols(one)).collect();
        if policy.acts {
            return symbols(policy)
                .iter()
                .all(|one| own.iter().all(|other| !together(one, other, calls)));
        }
        // An entry and a return.
        symbols(policy)
            .iter()
            .all(|one| 2 * own.iter().filter(|other| *other == one).count() < MAX_PROGRAMS)
    }

    fn choose(&mut self, calls: &'a [Call]) {
        if !self.policies[0].acts {
            self.calls = calls.iter().collect();
            return;
        }
        for policy in &self.policies {
            self.calls.extend(telling(policy, calls));
        }
        self.calls.sort_by_key(|call| call.id);
        self.calls.dedup_by_key(|call| call.id);
        // What is not foreseen might be acted upon.
        let hooked = |symbol: &str| {
            let hooks = self
                .policies
                .iter()
                .flat_map(|policy| &policy.compiled.ir.hooks);
            hooks.into_iter().any(|hook| hook.symbol == symbol)
        };
        self.calls
            .retain(|call| !call.also.iter().any(|symbol| hooked(symbol)));
    }

    /// The jobs of the group, and the files they need.
    pub(super) fn jobs(&self, at: usize, kernel: usize, files: &mut Archive) -> Vec<Job> {
        let directory = format!("/lab/judge/{at}");
        for (number, policy) in self.policies.iter().enumerate() {
            let whole = &policy.compiled.files;
            // What overrides cannot do with kprobes; of the others half is loaded in each way on each kernel.
            let kprobes = !policy.overrides && (number + at + kernel) % 2 == 1;
            let bundle = if kprobes {
                with_kprobes_only(whole)
            } else {
                whole.clone()
            };
            place(files, &format!("{directory}/{}", policy.name), &bundle);
        }
        let lines: String = self.calls.iter().map(|call| script::line(call)).collect();
        let path = format!("/lab/judge/{at}.script");
        files.file(&path, 0o644, (files::lines() + &lines).into_bytes());
        let mut jobs = vec![loader(&["load", &directory])];
        for chunk in self.calls.chunks(BETWEEN_READS) {
            let (first, last) = (chunk[0].id, chunk[chunk.len() - 1].id + 1);
            jobs.push(driver(&[
                &path,
                "run",
                &first.to_string(),
                &last.to_string(),
            ]));
            jobs.push(loader(&["events", "--once"]));
        }
        jobs.push(loader(&["unload", "--all"]));
        jobs
    }

    pub(super) fn job_count(&self) -> usize {
        2 + 2 * self.calls.len().div_ceil(BETWEEN_READS)
    }
}

/// Calls that a policy concerns and calls that reach its functions all the same.
fn telling<'a>(policy: &Policy, calls: &'a [Call]) -> Vec<&'a Call> {
    let (mut concerned, mut others) = (Vec::new(), Vec::new());
    for call in calls {
        let answer = foreseen(call);
        let mut interpreter = Interpreter::new(&policy.compiled.ir, predict::namespaces(&answer));
        let mut reached = false;
        let mut matched = false;
        for (number, hook) in policy.compiled.ir.hooks.iter().enumerate() {
            for one in call.reached.iter().filter(|one| one.symbol == hook.symbol) {
                let event = predict::event(hook, call, one, &answer, 0);
                reached = true;
                matched |= interpreter.judge(number, &event).rule.is_some();
            }
        }
        if matched {
            concerned.push(call);
        } else if reached {
            others.push(call);
        }
    }
    concerned.truncate(OF_EACH);
    others.truncate(OF_EACH);
    concerned.into_iter().chain(others).collect()
}

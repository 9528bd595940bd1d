//! The programs of a hook: rules in order, actions, report.

use super::attach::{Attach, Role};
use super::frame::{Frame, Target};
use super::gives_back;
use super::layout::{AWAITED_HEAD, HEADER};
use super::mir::{AluOp, Cond, Function, Reg, Size};
use super::module::{Module, Purpose};
use super::report::info;
use super::routine::Routine;
use crate::ir::{Abi, Action, Hook, Post, Predicate, Rule, Subject, Test};
use crate::kernel::helpers;

/// A hook and its place in the policy.
#[derive(Clone, Copy)]
pub(super) struct Numbered<'a> {
    pub(super) number: usize,
    /// Scratch value of the entry's program; that of the return's follows it.
    pub(super) slot: u32,
    pub(super) hook: &'a Hook,
}

/// What the entry of a call has left for its return.
struct Awaited {
    /// First word of the header of the entry's event.
    info: Reg,
    enter: Reg,
    /// Pointer to all of it.
    value: Reg,
}

/// Code that several rules share: their reports.
struct Tail {
    target: Target,
    post: Post,
}

impl Numbered<'_> {
    fn frame<'m>(&'m self, module: &'m mut Module, attach: Attach, role: Role) -> Frame<'m> {
        let suffix = if role == Role::Return { "_return" } else { "" };
        let name = format!("h{}_{}{suffix}", self.number, attach.name());
        let slot = self.slot + u32::from(role == Role::Return);
        Frame::new(name, module, self.hook, attach, role, slot)
    }

    /// The program that runs when the function is entered.
    pub(super) fn entry(&self, module: &mut Module, attach: Attach) -> Function {
        let mut frame = self.frame(module, attach, Role::Entry);
        let (info, result) = (frame.b.reg(), frame.b.reg());
        frame.b.assign(result, 0);
        frame.read_user_text_once();
        let mut tails: Vec<Tail> = Vec::new();
        let mut done = frame.target();
        for (number, rule) in self.hook.rules.iter().enumerate() {
            let mut next = frame.target();
            frame.filters(&rule.tests, &mut next);
            frame.b.set_span(Some(rule.span));
            frame.act(rule, result);
            match rule.post {
                None => {
                    let label = frame.to(&mut done);
                    frame.b.jump(label);
                }
                Some(post) => {
                    let word = frame.entry_info(self.number, number, rule);
                    let word = frame.b.constant(word);
                    frame.b.assign(info, word);
                    frame.enter_tail(&mut tails, post);
                }
            }
            if !Frame::is_used(&next) {
                // Nothing gets past a rule without filters.
                break;
            }
            frame.bind(next);
        }
        self.finish_entry(frame, tails, (info, result), done)
    }

    fn finish_entry(
        &self,
        mut frame: Frame<'_>,
        tails: Vec<Tail>,
        (info, result): (Reg, Reg),
        mut done: Target,
    ) -> Function {
        frame.b.set_span(Some(self.hook.span));
        let label = frame.to(&mut done);
        frame.b.jump(label);
        for tail in tails {
            frame.bind(tail.target);
            frame.report(self.number, info, tail.post);
            let label = frame.to(&mut done);
            frame.b.jump(label);
        }
        frame.bind(done);
        if frame.attach == Attach::FmodRet {
            frame.b.exit(result);
        } else {
            frame.b.exit(0);
        }
        frame.b.finish()
    }

    /// The program that runs when the function returns: completes the report of the entry.
    pub(super) fn exit(&self, module: &mut Module, attach: Attach) -> Function {
        let mut frame = self.frame(module, attach, Role::Return);
        let Awaited { info, enter, value } = frame.awaited(self.number);
        if !gives_back(self.hook) {
            frame.forget(self.number);
        }
        let mut tails = frame.target();
        let rule = frame.b.mov(info);
        frame.b.alu(AluOp::Rsh, rule, 16);
        frame.b.alu(AluOp::And, rule, 0xffff);
        for (number, of) in self.hook.rules.iter().enumerate() {
            if of.post.is_none() || of.return_tests.is_empty() {
                continue;
            }
            let mut other = frame.target();
            let label = frame.to(&mut other);
            frame.b.branch(Cond::Ne, rule, number as i32, label);
            let mut drop = frame.target();
            frame.filters(&of.return_tests, &mut drop);
            let label = frame.to(&mut tails);
            frame.b.jump(label);
            if Frame::is_used(&drop) {
                frame.bind(drop);
                if of.post.is_some_and(|post| post.rate.is_some()) {
                    frame.give_back(value);
                }
                if gives_back(self.hook) {
                    frame.forget(self.number);
                }
                frame.b.exit(0);
            }
            frame.bind(other);
        }
        frame.land(tails);
        if gives_back(self.hook) {
            frame.forget(self.number);
        }
        frame.report_return(self.number, rule, enter);
        frame.b.exit(0);
        frame.b.finish()
    }
}

impl Frame<'_> {
    /// Jumps to the report of this kind, which rules share.
    fn enter_tail(&mut self, tails: &mut Vec<Tail>, post: Post) {
        let index = match tails.iter().position(|tail| tail.post == post) {
            Some(index) => index,
            None => {
                let target = self.target();
                tails.push(Tail { target, post });
                tails.len() - 1
            }
        };
        let label = self.to(&mut tails[index].target);
        self.b.jump(label);
    }

    /// Reads strings and buffers at the start when several rules could look at them: a
    /// process may change its memory between two reads, and must not show one rule a
    /// text and the next, or the report, another.
    fn read_user_text_once(&mut self) {
        if self.hook.rules.len() < 2 {
            return;
        }
        let tests = self.hook.rules.iter().flat_map(|rule| &rule.tests);
        let mut subjects: Vec<Subject> = tests.filter_map(text_subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects.retain(|subject| !self.is_path(*subject));
        for subject in subjects {
            self.read_ahead(subject);
        }
    }

    fn act(&mut self, rule: &Rule, result: Reg) {
        for action in &rule.actions {
            match *action {
                Action::Signal { number, span } => {
                    self.b.set_span(Some(span));
                    let signal = self.b.mov(number as i32);
                    self.b.call(helpers::SEND_SIGNAL, &[signal]);
                }
                Action::Override { value, span } => {
                    self.b.set_span(Some(span));
                    match self.attach {
                        Attach::KprobeOverride => {
                            let value = self.b.mov(value);
                            self.b.call(helpers::OVERRIDE_RETURN, &[self.ctx, value]);
                        }
                        _ => self.b.assign(result, value),
                    }
                }
            }
        }
    }

    /// What the entry has left for the return of this call; exits when the call was not reported.
    fn awaited(&mut self, hook: usize) -> Awaited {
        let map = self.module.map(Purpose::Pending);
        let key = self.pending_key(hook);
        let pointer = self.b.map(map);
        let value = self.b.call(helpers::MAP_LOOKUP_ELEM, &[pointer, key]);
        let found = self.b.label();
        self.b.branch(Cond::Ne, value, 0, found);
        self.b.exit(0);
        self.b.bind(found);
        let enter = self.b.load(Size::B8, value, 0);
        let info = self.b.load(Size::B8, value, 8);
        Awaited { info, enter, value }
    }

    /// Forgets what the entry has left.
    fn forget(&mut self, hook: usize) {
        let map = self.module.map(Purpose::Pending);
        let key = self.pending_key(hook);
        let pointer = self.b.map(map);
        self.b.call(helpers::MAP_DELETE_ELEM, &[pointer, key]);
    }

    /// Ends the interval that a call has started which is not reported: there was none before it.
    fn give_back(&mut self, awaited: Reg) {
        let map = self.module.map(Purpose::Rate);
        let key = self.b.mov(awaited);
        self.b.alu(AluOp::Add, key, AWAITED_HEAD as i32);
        let pointer = self.b.map(map);
        self.b.call(helpers::MAP_DELETE_ELEM, &[pointer, key]);
    }

    fn report_return(&mut self, hook: usize, rule: Reg, enter: Reg) {
        let off = self.b.mov(HEADER as i32);
        let off = self.put(Subject::Return, off);
        let word = self.b.constant(info(hook, 0, 1, 0, 1));
        self.b.alu(AluOp::Lsh, rule, 16);
        self.b.alu(AluOp::Or, word, rule);
        self.routine(Routine::Emit, &[off, word, enter]);
    }
}

/// The text that a filter looks at.
pub(super) fn text_subject(test: &Test) -> Option<Subject> {
    match test.predicate {
        Predicate::Text { of, .. } => Some(of),
        _ => None,
    }
}

/// The ways to attach a hook, best first.
pub(super) fn ladder(hook: &Hook) -> Vec<Attach> {
    let overrides: Vec<i32> = hook
        .rules
        .iter()
        .flat_map(|rule| &rule.actions)
        .filter_map(|action| match action {
            Action::Override { value, .. } => Some(*value),
            Action::Signal { .. } => None,
        })
        .collect();
    if overrides.is_empty() {
        return vec![Attach::Fentry, Attach::Kprobe];
    }
    if hook.symbol.starts_with("security_") {
        // Kernels have no bpf_override_return for these.
        return vec![Attach::FmodRet];
    }
    // To fmod_ret, 0 means that the function runs.
    if hook.abi == Abi::Syscall && !overrides.contains(&0) {
        vec![Attach::FmodRet, Attach::KprobeOverride]
    } else {
        vec![Attach::KprobeOverride]
    }
}

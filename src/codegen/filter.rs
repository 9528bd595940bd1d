//! Filters to code.
//!
//! A filter either falls through, when it holds, or jumps to `next`. A value that cannot
//! be read leads to `next`, negated or not.

use super::frame::{Frame, Target};
use super::matchers::{self, Exits, ints};
use super::mir::{AluOp, Reg};
use super::module::TooLarge;
use crate::ir::{ArgType, IntSet, IntType, Predicate, Subject, Test};

/// Expected instructions of a filter, to judge cheap ones first.
fn cost(test: &Test) -> u32 {
    match &test.predicate {
        Predicate::Int { .. } | Predicate::Mask { .. } => 1,
        Predicate::Family { .. } | Predicate::State { .. } | Predicate::Protocol { .. } => 10,
        Predicate::Pid {
            namespaced: false,
            follow_forks: false,
            ..
        } => 12,
        Predicate::Port { .. } => 20,
        Predicate::Addr { .. } => 30,
        Predicate::Namespace { .. } => 40,
        Predicate::Capability { .. } => 100,
        Predicate::Pid { .. } => 200,
        Predicate::Text {
            of: Subject::Exe, ..
        } => 400,
        Predicate::Text { .. } => 300,
    }
}

/// Sets of so many ranges teach the verifier little.
const FEW: usize = 2;

impl Frame<'_> {
    /// All filters of a rule, the cheap ones first.
    pub(super) fn filters(&mut self, tests: &[Test], next: &mut Target) {
        let mut order: Vec<&Test> = tests.iter().collect();
        order.sort_by_key(|test| cost(test));
        for test in order {
            self.b.set_span(Some(test.span));
            self.filter(test, next);
        }
    }

    fn filter(&mut self, test: &Test, next: &mut Target) {
        match &test.predicate {
            Predicate::Int { of, set } => {
                let value = self.int(*of);
                let ty = self.int_type(*of);
                self.decide_int(value, ty, set, test.negate, next);
            }
            Predicate::Mask { of, mask } => {
                let value = self.int(*of);
                self.decide(test.negate, next, |frame, exits| {
                    ints::emit_mask(&mut frame.b, value, *mask, exits);
                });
            }
            Predicate::Text { of, how, values } => {
                self.text_filter(*of, (*how, values), test.negate, next);
            }
            Predicate::Addr { .. }
            | Predicate::Port { .. }
            | Predicate::Protocol { .. }
            | Predicate::Family { .. }
            | Predicate::State { .. } => self.socket_filter(test, next),
            Predicate::Pid { .. } | Predicate::Namespace { .. } | Predicate::Capability { .. } => {
                self.process_filter(test, next)
            }
        }
    }

    fn int_type(&self, of: Subject) -> IntType {
        match self.declared(of).ty {
            ArgType::Int(ty) => ty,
            _ => IntType::U64,
        }
    }

    /// Lets `emit` jump to the right exits, and goes on where the filter holds.
    pub(super) fn decide(
        &mut self,
        negate: bool,
        next: &mut Target,
        emit: impl FnOnce(&mut Self, Exits),
    ) {
        let holds = self.b.label();
        let fails = self.to(next);
        let (hit, miss) = if negate {
            (fails, holds)
        } else {
            (holds, fails)
        };
        emit(self, Exits { hit, miss });
        self.b.bind(holds);
    }

    /// A number that has no declared type.
    pub(super) fn decide_int(
        &mut self,
        value: Reg,
        ty: IntType,
        set: &IntSet,
        negate: bool,
        next: &mut Target,
    ) {
        self.decide(negate, next, |frame, exits| {
            frame.ints(value, ty, set, exits)
        });
    }

    /// Decides on a number.
    pub(super) fn ints(&mut self, value: Reg, ty: IntType, set: &IntSet, exits: Exits) {
        let value = if set.ranges().len() > FEW {
            self.unlinked(value)
        } else {
            value
        };
        let fits = ints::emit(&mut self.b, self.module, (value, ty), set, exits);
        self.note(fits);
    }

    /// A copy that the verifier does not follow. What comparisons teach it of a copy it believes of the original too, and it
    /// judges all that comes later once for each of the ranges that it tells apart: a million instructions are soon used up.
    fn unlinked(&mut self, value: Reg) -> Reg {
        let copy = self.b.mov(value);
        self.b.alu(AluOp::Or, copy, 0);
        copy
    }

    /// Keeps a set that needs too much code for the end of the compilation.
    pub(super) fn note(&mut self, fits: Result<(), matchers::TooLarge>) {
        if let Err(matchers::TooLarge { slots }) = fits {
            let filter = self.b.span().unwrap_or(self.hook.span);
            self.module.too_large.push(TooLarge::Set { filter, slots });
        }
    }
}

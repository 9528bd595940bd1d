//! Decisions in functions of their own.
//!
//! A jump reaches 32,767 slots and the verifier walks at most a million instructions of a
//! program, so a long decision is not put where it is needed but into global functions,
//! which the verifier checks once each. Such a function takes numbers only and returns
//! 1 for a hit and 0 for a miss.

use std::fmt;

use super::Exits;
use crate::codegen::mir::{Builder, Cond, FunctionId, Reg};

/// Writes the code of a function whose parameters are in the registers; the unit takes functions that it calls.
pub(in crate::codegen) type Body<'a> = dyn FnMut(&mut Builder, &[Reg], &mut dyn Outline) + 'a;

/// Writes a decision into a function, with the ways out.
type Decision<'a> = dyn FnMut(&mut Builder, &[Reg], &mut dyn Outline, Exits) + 'a;

/// The unit under construction, as a place for more functions.
pub(in crate::codegen) trait Outline {
    /// Adds a global function of up to five numbers; `stem` is a hint for its name.
    /// `body` is called once.
    fn function(&mut self, stem: &str, params: u8, body: &mut Body<'_>) -> FunctionId;
}

/// The set needs more code than the kernel's verifier would walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codegen) struct TooLarge {
    /// Slots that the decision would take.
    pub(in crate::codegen) slots: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots;
        write!(f, "needs about {slots} instructions; {MAX_TOTAL} fit")
    }
}

impl std::error::Error for TooLarge {}

/// Longest decision left in the function that needs it.
pub(super) const MAX_INLINE: usize = 1_500;
/// Longest decision in one function, well below the reach of a jump.
pub(super) const MAX_FUNCTION: usize = 20_000;
/// Longest decision at all: the verifier walks a million instructions of a program
/// (`BPF_COMPLEXITY_LIMIT_INSNS`, include/linux/bpf.h), about one for each of these slots.
pub(super) const MAX_TOTAL: usize = 500_000;

pub(super) fn check_total(slots: usize) -> Result<(), TooLarge> {
    match slots {
        ..=MAX_TOTAL => Ok(()),
        _ => Err(TooLarge { slots }),
    }
}

/// Puts the decision that `body` emits into a function, and calls it.
pub(super) fn call(
    b: &mut Builder,
    outline: &mut dyn Outline,
    (stem, args): (&str, &[Reg]),
    exits: Exits,
    body: &mut Decision<'_>,
) {
    let span = b.span();
    let function = outline.function(stem, args.len() as u8, &mut |b, params, outline| {
        b.set_span(span);
        let exits = Exits {
            hit: b.label(),
            miss: b.label(),
        };
        body(b, params, outline, exits);
        b.bind(exits.hit);
        b.exit(1);
        b.bind(exits.miss);
        b.exit(0);
    });
    let answer = b.call_function(function, args);
    b.branch(Cond::Ne, answer, 0, exits.hit);
    b.jump(exits.miss);
}

/// Cuts `weights` into the fewest consecutive runs whose sums stay within `limit` each;
/// a weight above it is a run of its own. Returns the runs' ends.
pub(super) fn runs(weights: impl IntoIterator<Item = usize>, limit: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut sum = 0;
    let mut count = 0;
    for weight in weights {
        if sum > 0 && sum + weight > limit {
            ends.push(count);
            sum = 0;
        }
        sum += weight;
        count += 1;
    }
    if count > 0 {
        ends.push(count);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_fill_up_to_the_limit() {
        assert_eq!(runs([4, 4, 4, 9, 1, 2], 8), [2, 3, 4, 6]);
        assert_eq!(runs([1, 2], 8), [2]);
        assert!(runs([], 8).is_empty());
    }
}

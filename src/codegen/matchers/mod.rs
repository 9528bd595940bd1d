//! Questions about values, compiled to decisions.
//!
//! In: a set known at compile time and the registers that hold, or point to, a value.
//! Out: instructions that jump to [`Exits::hit`] when the value is in the set, else to
//! [`Exits::miss`].
//!
//! * [`ints`]: numbers against intervals.
//! * [`addrs`]: IPv4 and IPv6 addresses against ranges, on the bytes as they lie in memory.
//! * [`text`]: bytes against strings, prefixes and endings.
//!
//! Holds for everything emitted here:
//! * It never falls through, writes no memory and changes no register of the caller.
//! * It has no loop.
//! * Decisions too long for the caller's function go to functions of their own ([`Outline`]).

pub(super) mod addrs;
pub(super) mod ints;
mod outline;
pub(super) mod text;
mod tree;

pub(super) use outline::{Body, Outline, TooLarge};

use crate::codegen::mir::Label;

/// Where a decision goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exits {
    pub(super) hit: Label,
    pub(super) miss: Label,
}

impl Exits {
    /// The labels by outcome: see [`MISS`] and [`HIT`].
    fn targets(self) -> [Label; 2] {
        [self.miss, self.hit]
    }
}

/// Outcome number of a value outside the set.
const MISS: usize = 0;
/// Outcome number of a value in the set.
const HIT: usize = 1;

//! Machine code over virtual registers to BPF instructions.
//!
//! In: a [`Function`]. Out: an [`Assembled`] function: instructions, what must be relocated, and the
//! policy's places. [`assemble`] is the list of passes: jumps get simpler, reused names are told apart, constants
//! fold, then registers are given out by graph colouring, and what does not fit goes to the stack.
//!
//! BPF's conventions: r0 is the result, r1 to r5 carry arguments and are lost in a call like r0, r6 to r9 survive it, r10 is
//! the frame. Each pass keeps the contract of [`mir`](super::mir).

mod alloc;
mod blocks;
mod coalesce;
mod color;
mod constants;
mod emit;
mod flow;
mod fold;
mod graph;
mod live;
mod moves;
mod ops;
mod spill;
mod webs;

use super::mir::{Field, Function, FunctionId, MapId, Reg};
use crate::asm::Insn;
use crate::diag::Span;

/// What an instruction's immediate stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Map(MapId),
    /// Byte of the read-only data.
    Rodata(u32),
    Function(FunctionId),
}

/// What the loader asks the running kernel about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldInfo {
    ByteOffset,
    Exists,
}

/// A field access for CO-RE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldReloc {
    /// Index of the instruction.
    pub insn: usize,
    pub field: Field,
    pub info: FieldInfo,
}

/// A function as BPF instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    pub insns: Vec<Insn>,
    /// Index of the instruction (the first half of a 64-bit load), and what it refers to.
    pub relocs: Vec<(usize, Target)>,
    pub fields: Vec<FieldReloc>,
    /// Index of the first instruction that belongs to each place of the policy.
    pub lines: Vec<(usize, Span)>,
    /// Bytes of stack.
    pub stack: u32,
}

/// Why a function cannot become BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssembleError {
    /// More than 512 bytes of stack.
    Stack(u32),
    /// A jump over more than 32,767 instructions.
    Distance(usize),
}

/// Bytes of stack that a BPF program can use (MAX_BPF_STACK, include/linux/filter.h).
const MAX_STACK: u32 = 512;

/// Turns a function into instructions.
pub fn assemble(function: &Function) -> Result<Assembled, AssembleError> {
    let mut function = function.clone();
    flow::simplify(&mut function);
    debug_assert_eq!(read_before_written(&function), [], "{}", function.name);
    webs::split(&mut function);
    fold::fold(&mut function);
    flow::share_exits(&mut function);
    flow::simplify(&mut function);
    let homes = alloc::allocate(&mut function);
    emit::emit(&function, &homes)
}

/// Registers that some way through the function reads before it writes them.
fn read_before_written(function: &Function) -> Vec<Reg> {
    let liveness = live::analyse(function, &constants::Constants::collect(function));
    match liveness.blocks.is_empty() {
        true => Vec::new(),
        false => liveness.live_in(0).collect(),
    }
}

#[cfg(test)]
mod tests;

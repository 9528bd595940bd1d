//! Which registers hold values that are still needed.

use super::blocks::{self, Block};
use super::constants::Constants;
use crate::codegen::mir::{Function, Op, Reg};

/// A set of the registers that more than one block names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set(Vec<u64>);

impl Set {
    fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    fn insert(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }

    fn remove(&mut self, index: usize) {
        self.0[index / 64] &= !(1 << (index % 64));
    }

    fn unite(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            changed |= *theirs & !*mine != 0;
            *mine |= theirs;
        }
        changed
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            let mut rest = *bits;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.checked_sub(1)?;
                Some(64 * word + bit)
            })
        })
    }
}

/// Blocks of a function in order, with what is live between them.
#[derive(Debug)]
pub(super) struct Liveness {
    pub(super) blocks: Vec<Block>,
    live_in: Vec<Set>,
    live_out: Vec<Set>,
    /// Registers that blocks share; the sets hold indices into this.
    shared: Vec<Reg>,
}

impl Liveness {
    /// Registers whose values are needed at the start of a block, in a fixed order.
    pub(super) fn live_in(&self, block: usize) -> impl Iterator<Item = Reg> + '_ {
        self.live_in[block].iter().map(|index| self.shared[index])
    }

    /// Registers whose values are needed after a block.
    pub(super) fn live_out(&self, block: usize) -> impl Iterator<Item = Reg> + '_ {
        self.live_out[block].iter().map(|index| self.shared[index])
    }
}

pub(super) fn analyse(function: &Function, constants: &Constants) -> Liveness {
    let blocks = blocks::blocks(function);
    let (shared, index) = shared_registers(function, &blocks);
    let effects: Vec<(Set, Set)> = blocks
        .iter()
        .map(|block| effect(function, constants, block, &index, shared.len()))
        .collect();
    let empty = vec![Set::new(shared.len()); blocks.len()];
    let (mut live_in, mut live_out) = (empty.clone(), empty);
    let mut changed = true;
    while changed {
        changed = false;
        for number in (0..blocks.len()).rev() {
            for successor in &blocks[number].successors {
                changed |= live_out[number].unite(&live_in[*successor]);
            }
            let (used, defined) = &effects[number];
            let words = live_in[number].0.iter_mut().zip(&live_out[number].0);
            for ((word, out), (used, defined)) in words.zip(used.0.iter().zip(&defined.0)) {
                let new = used | out & !defined;
                changed |= new != *word;
                *word = new;
            }
        }
    }
    Liveness {
        blocks,
        live_in,
        live_out,
        shared,
    }
}

/// Registers read before they are written in a block, and registers written in it.
fn effect(
    function: &Function,
    constants: &Constants,
    block: &Block,
    index: &[usize],
    size: usize,
) -> (Set, Set) {
    let (mut used, mut defined) = (Set::new(size), Set::new(size));
    for insn in function.insns[block.insns.clone()].iter().rev() {
        if let Some(shared) = insn.op.def().map(|reg| index[reg.0 as usize])
            && shared != usize::MAX
        {
            used.remove(shared);
            defined.insert(shared);
        }
        constants.for_needs(&insn.op, |reg| {
            let shared = index[reg.0 as usize];
            if shared != usize::MAX {
                used.insert(shared);
            }
        });
    }
    (used, defined)
}

/// Registers that more than one block names, and the place of each register among them.
fn shared_registers(function: &Function, blocks: &[Block]) -> (Vec<Reg>, Vec<usize>) {
    let mut first_block = vec![usize::MAX; function.regs as usize];
    let mut index = vec![usize::MAX; function.regs as usize];
    let mut shared = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let mut note = |reg: Reg| {
            let slot = reg.0 as usize;
            if first_block[slot] == usize::MAX {
                first_block[slot] = number;
            } else if first_block[slot] != number && index[slot] == usize::MAX {
                index[slot] = shared.len();
                shared.push(reg);
            }
        };
        for insn in &function.insns[block.insns.clone()] {
            insn.op.for_uses(&mut note);
            insn.op.def().into_iter().for_each(&mut note);
        }
    }
    (shared, index)
}

/// Removes instructions whose only effect is a value that nobody needs, and unused results of calls.
pub(super) fn remove_dead(function: &mut Function, constants: &Constants) {
    loop {
        let dead = dead(function, constants);
        if !dead.contains(&true) {
            return;
        }
        let mut dead = dead.into_iter();
        function
            .insns
            .retain_mut(|insn| match (dead.next(), &mut insn.op) {
                (Some(true), Op::Call { result, .. }) => {
                    *result = None;
                    true
                }
                (is_dead, _) => is_dead != Some(true),
            });
    }
}

/// Instructions that write a value nobody needs.
fn dead(function: &Function, constants: &Constants) -> Vec<bool> {
    let liveness = analyse(function, constants);
    let mut dead = vec![false; function.insns.len()];
    let mut live = vec![false; function.regs as usize];
    for (number, block) in liveness.blocks.iter().enumerate() {
        liveness
            .live_out(number)
            .for_each(|reg| live[reg.0 as usize] = true);
        for index in block.insns.clone().rev() {
            let op = &function.insns[index].op;
            dead[index] = op.def().is_some_and(|reg| !live[reg.0 as usize]);
            if dead[index] && op.is_pure() {
                continue;
            }
            if let Some(reg) = op.def() {
                live[reg.0 as usize] = false;
            }
            constants.for_needs(op, |reg| live[reg.0 as usize] = true);
        }
        // Leave nothing behind for the next block.
        liveness
            .live_in(number)
            .chain(liveness.live_out(number))
            .for_each(|reg| live[reg.0 as usize] = false);
    }
    dead
}

//! Which registers hold values that are still needed.

use std::ops::Range;

use super::flow;
use crate::codegen::mir::{Function, Op, Reg};

/// Instructions that run one after the other.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) insns: Range<usize>,
    successors: Vec<usize>,
    /// Registers that blocks share and that are needed at the block's start.
    live_in: Set,
    /// The same at its end.
    pub(super) live_out: Set,
}

/// A set of the registers that more than one block names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(Vec<u64>);

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
            (0..64)
                .filter(move |bit| bits >> bit & 1 == 1)
                .map(move |bit| 64 * word + bit)
        })
    }
}

/// Blocks of a function in order, with what is live between them.
#[derive(Debug)]
pub(super) struct Liveness {
    pub(super) blocks: Vec<Block>,
    /// Registers that blocks share; the sets hold indices into this.
    shared: Vec<Reg>,
}

impl Liveness {
    pub(super) fn live_in(&self, block: &Block) -> impl Iterator<Item = Reg> + '_ {
        let regs: Vec<Reg> = block
            .live_in
            .iter()
            .map(|index| self.shared[index])
            .collect();
        regs.into_iter()
    }

    pub(super) fn live_out(&self, block: &Block) -> impl Iterator<Item = Reg> + '_ {
        let regs: Vec<Reg> = block
            .live_out
            .iter()
            .map(|index| self.shared[index])
            .collect();
        regs.into_iter()
    }
}

pub(super) fn analyse(function: &Function) -> Liveness {
    let mut blocks = blocks(function);
    let (shared, index) = shared_registers(function, &blocks);
    for block in &mut blocks {
        block.live_in = Set::new(shared.len());
        block.live_out = Set::new(shared.len());
    }
    let effects: Vec<(Set, Set)> = blocks
        .iter()
        .map(|block| effect(function, block, &index, shared.len()))
        .collect();
    loop {
        let mut changed = false;
        for number in (0..blocks.len()).rev() {
            let mut out = std::mem::take(&mut blocks[number].live_out);
            for successor in blocks[number].successors.clone() {
                changed |= out.unite(&blocks[successor].live_in);
            }
            let (used, defined) = &effects[number];
            let mut live_in = out.clone();
            for (live, defined) in live_in.0.iter_mut().zip(&defined.0) {
                *live &= !defined;
            }
            live_in.unite(used);
            blocks[number].live_out = out;
            changed |= blocks[number].live_in.unite(&live_in);
        }
        if !changed {
            return Liveness { blocks, shared };
        }
    }
}

/// Registers read before they are written in a block, and registers written in it.
fn effect(function: &Function, block: &Block, index: &[usize], size: usize) -> (Set, Set) {
    let (mut used, mut defined) = (Set::new(size), Set::new(size));
    for insn in function.insns[block.insns.clone()].iter().rev() {
        if let Some(shared) = insn.op.def().map(|reg| index[reg.0 as usize]) {
            if shared != usize::MAX {
                used.remove(shared);
                defined.insert(shared);
            }
        }
        insn.op.for_uses(|reg| {
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

fn blocks(function: &Function) -> Vec<Block> {
    let insns = &function.insns;
    let mut starts = vec![0];
    for (index, insn) in insns.iter().enumerate() {
        let splits_before = matches!(insn.op, Op::Bind(_));
        if splits_before && starts.last() != Some(&index) {
            starts.push(index);
        }
        let splits_after = insn.op.target().is_some() || insn.op.is_end();
        if splits_after && index + 1 < insns.len() {
            starts.push(index + 1);
        }
    }
    let positions = flow::positions(function);
    let ends = starts.iter().skip(1).copied().chain([insns.len()]);
    let ranges: Vec<Range<usize>> = starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(a, b)| a..b)
        .collect();
    ranges
        .iter()
        .enumerate()
        .map(|(number, range)| {
            let last = &insns[range.end - 1].op;
            let jump = last.target().map(|label| {
                let position = positions[label.0 as usize];
                starts.partition_point(|start| *start <= position) - 1
            });
            let next = (!last.is_end() && number + 1 < ranges.len()).then_some(number + 1);
            Block {
                insns: range.clone(),
                successors: jump.into_iter().chain(next).collect(),
                live_in: Set::default(),
                live_out: Set::default(),
            }
        })
        .collect()
}

/// Removes instructions whose only effect is a value that nobody needs.
pub(super) fn remove_dead(function: &mut Function) {
    loop {
        let dead = dead(function);
        if !dead.contains(&true) {
            return;
        }
        let mut dead = dead.into_iter();
        function.insns.retain(|_| !dead.next().unwrap_or(false));
    }
}

fn dead(function: &Function) -> Vec<bool> {
    let liveness = analyse(function);
    let mut dead = vec![false; function.insns.len()];
    let mut live = vec![false; function.regs as usize];
    for block in &liveness.blocks {
        let out: Vec<Reg> = liveness.live_out(block).collect();
        out.iter().for_each(|reg| live[reg.0 as usize] = true);
        for index in block.insns.clone().rev() {
            let op = &function.insns[index].op;
            if op.is_pure() && op.def().is_some_and(|reg| !live[reg.0 as usize]) {
                dead[index] = true;
                continue;
            }
            if let Some(reg) = op.def() {
                live[reg.0 as usize] = false;
            }
            op.for_uses(|reg| live[reg.0 as usize] = true);
        }
        // Leave nothing behind for the next block.
        for insn in &function.insns[block.insns.clone()] {
            insn.op.for_uses(|reg| live[reg.0 as usize] = false);
            if let Some(reg) = insn.op.def() {
                live[reg.0 as usize] = false;
            }
        }
        out.iter().for_each(|reg| live[reg.0 as usize] = false);
    }
    dead
}

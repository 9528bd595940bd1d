//! Blocks: instructions that run one after the other.

use std::ops::Range;

use super::flow;
use crate::codegen::mir::{Function, Op};

/// Instructions that run one after the other, and the blocks that can follow.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) insns: Range<usize>,
    pub(super) successors: Vec<usize>,
}

/// Blocks of a function, in its order.
pub(super) fn blocks(function: &Function) -> Vec<Block> {
    let insns = &function.insns;
    let starts = starts(function);
    let positions = flow::positions(function);
    let ends = starts.iter().skip(1).copied().chain([insns.len()]);
    let ranges = starts.iter().copied().zip(ends);
    ranges
        .enumerate()
        .map(|(number, (start, end))| {
            let last = &insns[end - 1].op;
            let jump = last.target().map(|label| {
                let position = positions[label.0 as usize];
                starts.partition_point(|start| *start <= position) - 1
            });
            let next = (!last.is_end() && end < insns.len()).then_some(number + 1);
            Block {
                insns: start..end,
                successors: jump.into_iter().chain(next).collect(),
            }
        })
        .collect()
}

fn starts(function: &Function) -> Vec<usize> {
    let mut starts = vec![0];
    for (index, insn) in function.insns.iter().enumerate() {
        if matches!(insn.op, Op::Bind(_)) && starts.last() != Some(&index) {
            starts.push(index);
        }
        let splits_after = insn.op.target().is_some() || insn.op.is_end();
        if splits_after && index + 1 < function.insns.len() {
            starts.push(index + 1);
        }
    }
    starts
}

/// The only block from which each block is entered, if there is only one.
pub(super) fn sole_predecessors(blocks: &[Block]) -> Vec<Option<usize>> {
    let mut entries = vec![0; blocks.len()];
    let mut from = vec![None; blocks.len()];
    if let Some(first) = entries.first_mut() {
        *first = 1;
    }
    for (number, block) in blocks.iter().enumerate() {
        for successor in &block.successors {
            entries[*successor] += 1;
            from[*successor] = Some(number);
        }
    }
    let sole = entries.into_iter().zip(from);
    sole.map(|(entries, from)| from.filter(|_| entries == 1))
        .collect()
}

/// How often each instruction runs, as far as loops tell: 1 outside of them.
pub(super) fn weights(function: &Function) -> Vec<u64> {
    const DEEPEST: i32 = 4;
    let positions = flow::positions(function);
    // Each target of backward jumps is one loop, up to its last jump.
    let mut last = vec![0; function.insns.len()];
    for (index, insn) in function.insns.iter().enumerate() {
        if let Some(target) = insn.op.target() {
            let start = positions[target.0 as usize];
            if start <= index {
                last[start] = index + 1;
            }
        }
    }
    let mut change = vec![0; function.insns.len() + 1];
    for (start, end) in last.iter().enumerate().filter(|(_, end)| **end > 0) {
        change[start] += 1;
        change[*end] -= 1;
    }
    let mut depth = 0;
    let insns = change.iter().take(function.insns.len());
    insns
        .map(|change| {
            depth += change;
            8u64.pow(depth.clamp(0, DEEPEST) as u32)
        })
        .collect()
}

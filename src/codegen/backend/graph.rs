//! Which registers must not share a place, and which would like to.
//!
//! Two virtual registers interfere when one is written while the other's value is still needed; a copy does not count as
//! a write against its source. A register whose value is needed after a call cannot live in r0 to r5, and
//! while a parameter is not yet taken, nobody else can have its register.

use super::blocks;
use super::constants::Constants;
use super::live::{self, Liveness};
use crate::codegen::mir::{Cond, Function, Op, Operand, Reg};

/// General registers; r10 is the frame.
pub(super) const REGISTERS: usize = 10;
/// Registers that a call overwrites, as bits.
const CLOBBERED: u16 = 0b11_1111;

/// A copy or something like it, that costs nothing if both are in one register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) dst: Reg,
    pub(super) src: Reg,
    pub(super) weight: u64,
    /// A plain copy: both may become one virtual register.
    pub(super) copy: bool,
}

/// Interference, by register.
#[derive(Debug)]
pub(super) struct Graph {
    /// Neighbours, sorted.
    pub(super) edges: Vec<Vec<u32>>,
    /// Registers that this one cannot have, as bits.
    pub(super) forbidden: Vec<u16>,
    /// What each register would save.
    pub(super) wanted: Vec<[u64; REGISTERS]>,
    /// What it costs to keep the value on the stack.
    pub(super) cost: Vec<u64>,
    /// Whether the function names the register.
    pub(super) named: Vec<bool>,
    pub(super) pairs: Vec<Pair>,
}

/// The graph of a function. Registers of `memory` live on the stack and interfere only with each other.
pub(super) fn build(function: &Function, constants: &Constants, memory: &[bool]) -> Graph {
    let liveness = live::analyse(function, constants);
    let size = function.regs as usize;
    let mut scan = Scan {
        function,
        constants,
        memory,
        live: Sparse::new(size),
        weights: blocks::weights(function),
        untaken: 0,
        graph: Graph {
            edges: vec![Vec::new(); size],
            forbidden: vec![0; size],
            wanted: vec![[0; REGISTERS]; size],
            cost: vec![0; size],
            named: vec![false; size],
            pairs: Vec::new(),
        },
    };
    for block in 0..liveness.blocks.len() {
        scan.block(&liveness, block);
    }
    for edges in &mut scan.graph.edges {
        edges.sort_unstable();
        edges.dedup();
    }
    scan.graph
}

struct Scan<'a> {
    function: &'a Function,
    constants: &'a Constants,
    memory: &'a [bool],
    live: Sparse,
    weights: Vec<u64>,
    /// Registers of parameters that are taken further down, as bits.
    untaken: u16,
    graph: Graph,
}

impl Scan<'_> {
    fn block(&mut self, liveness: &Liveness, number: usize) {
        self.live.clear();
        self.untaken = 0;
        for reg in liveness.live_out(number) {
            self.live.insert(reg);
        }
        for index in liveness.blocks[number].insns.clone().rev() {
            let (op, weight) = (&self.function.insns[index].op, self.weights[index]);
            if let Some(reg) = op.def() {
                self.write(op, reg, weight);
            }
            if let Op::Call { .. } = op {
                for reg in self.live.iter() {
                    self.graph.forbidden[reg.0 as usize] |= CLOBBERED;
                }
            }
            if let Op::Param { index, .. } = op {
                self.untaken |= 2 << index;
            }
            let (live, graph) = (&mut self.live, &mut self.graph);
            self.constants.for_needs(op, |reg| {
                live.insert(reg);
                graph.named[reg.0 as usize] = true;
                graph.cost[reg.0 as usize] += weight;
            });
            self.wishes(op, weight);
        }
    }

    fn write(&mut self, op: &Op, reg: Reg, weight: u64) {
        let source = op.copy().map(|(_, src)| src);
        let in_memory = self.memory[reg.0 as usize];
        let graph = &mut self.graph;
        for other in self.live.iter() {
            let apart = other != reg && Some(other) != source;
            if apart && self.memory[other.0 as usize] == in_memory {
                graph.edges[reg.0 as usize].push(other.0);
                graph.edges[other.0 as usize].push(reg.0);
            }
        }
        graph.named[reg.0 as usize] = true;
        graph.cost[reg.0 as usize] += weight;
        graph.forbidden[reg.0 as usize] |= self.untaken;
        self.live.remove(reg);
    }

    /// What would make the instruction free, or keeps the verifier's knowledge of a value.
    fn wishes(&mut self, op: &Op, weight: u64) {
        let graph = &mut self.graph;
        let mut want = |reg: Reg, register: usize| {
            graph.wanted[reg.0 as usize][register] += weight;
        };
        match op {
            Op::Param { dst, index } => want(*dst, usize::from(*index) + 1),
            Op::Exit(Operand::Reg(value)) => want(*value, 0),
            Op::Call { args, result, .. } => {
                let needed = args.iter().zip(1..);
                needed
                    .filter(|(arg, _)| self.constants.get(**arg).is_none())
                    .for_each(|(arg, register)| want(*arg, register));
                if let Some(result) = result {
                    want(*result, 0);
                }
            }
            Op::Mov {
                dst,
                src: Operand::Reg(src),
                ..
            }
            | Op::FieldAddr { dst, base: src, .. }
                if self.constants.get(*src).is_none() =>
            {
                graph.pairs.push(Pair {
                    dst: *dst,
                    src: *src,
                    weight,
                    copy: op.copy().is_some(),
                });
            }
            // Linux 5.10 forgets the bounds of numbers that go to the stack.
            Op::Branch { cond, left, .. } if !matches!(cond, Cond::Eq | Cond::Ne | Cond::Set) => {
                graph.cost[left.0 as usize] += 8 * weight;
            }
            Op::Alu {
                dst,
                src: Operand::Imm(_),
                ..
            } => graph.cost[dst.0 as usize] += weight,
            _ => {}
        }
    }
}

/// A set of registers that is quick to walk through and to clear.
struct Sparse {
    items: Vec<Reg>,
    /// Where each register would be in `items`.
    places: Vec<u32>,
}

impl Sparse {
    fn new(size: usize) -> Self {
        Self {
            items: Vec::new(),
            places: vec![0; size],
        }
    }

    fn contains(&self, reg: Reg) -> bool {
        self.items.get(self.places[reg.0 as usize] as usize) == Some(&reg)
    }

    fn insert(&mut self, reg: Reg) {
        if !self.contains(reg) {
            self.places[reg.0 as usize] = self.items.len() as u32;
            self.items.push(reg);
        }
    }

    fn remove(&mut self, reg: Reg) {
        if self.contains(reg) {
            let place = self.places[reg.0 as usize];
            self.items.swap_remove(place as usize);
            if let Some(moved) = self.items.get(place as usize) {
                self.places[moved.0 as usize] = place;
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = Reg> + '_ {
        self.items.iter().copied()
    }

    fn clear(&mut self) {
        self.items.clear();
    }
}

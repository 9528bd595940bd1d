//! Registers for values: interference graph, coalescing, colouring, and the stack for what is left.

use super::coalesce::{self, Aliases};
use super::color::{self, Task};
use super::constants::Constants;
use super::graph::{self, Graph};
use super::{live, spill};
use crate::codegen::mir::{Function, Reg};

/// Where a value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Register(u8),
    /// Eight bytes of the frame, by number.
    Stack(u32),
}

/// Where the values of a function live.
#[derive(Debug)]
pub(super) struct Homes {
    pub(super) of: Vec<Home>,
    /// Number of eight-byte pieces of stack.
    pub(super) stack: u32,
    /// Registers that calls take without a home.
    pub(super) constants: Constants,
}

/// What is known about the registers of a function while homes are sought.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) constants: Constants,
    /// Lives on the stack; only copies name it.
    pub(super) memory: Vec<bool>,
    /// The spilled register whose value this one holds for a while.
    loaded_from: Vec<Option<Reg>>,
    brief: Vec<bool>,
    /// Not to be merged with others: the merged register found no place.
    apart: Vec<bool>,
}

impl Values {
    fn new(function: &Function) -> Self {
        let size = function.regs as usize;
        Self {
            constants: Constants::collect(function),
            memory: vec![false; size],
            loaded_from: vec![None; size],
            brief: vec![false; size],
            apart: vec![false; size],
        }
    }

    /// The next new register: it holds the value of a spilled one.
    pub(super) fn add(&mut self, home: Reg, brief: bool) {
        self.memory.push(false);
        self.loaded_from.push(Some(home));
        self.brief.push(brief);
        self.apart.push(false);
    }

    pub(super) fn loaded_from(&self, reg: Reg) -> Option<Reg> {
        self.loaded_from[reg.0 as usize]
    }

    /// From now on the register lives on the stack, unless its value is made again.
    pub(super) fn spilled(&mut self, reg: Reg) {
        self.memory[reg.0 as usize] = self.constants.get(reg).is_none();
    }
}

/// Finds a home for every register, rewriting the function where the stack is needed.
pub(super) fn allocate(function: &mut Function) -> Homes {
    let mut values = Values::new(function);
    loop {
        live::remove_dead(function, &values.constants);
        let mut graph = graph::build(function, &values.constants, &values.memory);
        let aliases = coalesce::coalesce(&mut graph, &values.memory, &values.apart);
        let task = Task {
            graph: &graph,
            aliases: &aliases,
            memory: &values.memory,
            brief: &values.brief,
        };
        match color::color(&task) {
            Ok(registers) => return homes(&graph, &aliases, values, &registers),
            Err(failed) => make_room(function, &mut values, &aliases, &failed),
        }
    }
}

/// Takes merged registers apart again, and sends others to the stack.
fn make_room(function: &mut Function, values: &mut Values, aliases: &Aliases, failed: &[u32]) {
    let mut members: Vec<Vec<Reg>> = vec![Vec::new(); function.regs as usize];
    for reg in 0..function.regs {
        members[aliases.find(reg) as usize].push(Reg(reg));
    }
    let mut spilled = Vec::new();
    for node in failed {
        match members[*node as usize].as_slice() {
            [reg] => spilled.push(*reg),
            merged => {
                for reg in merged {
                    values.apart[reg.0 as usize] = true;
                }
            }
        }
    }
    if !spilled.is_empty() {
        spill::spill(function, values, &spilled);
    }
}

fn homes(graph: &Graph, aliases: &Aliases, values: Values, registers: &[u8]) -> Homes {
    let mut stack = 0;
    let mut of = Vec::with_capacity(registers.len());
    let mut pieces: Vec<Option<u32>> = vec![None; registers.len()];
    for reg in 0..registers.len() {
        if values.memory[reg] && graph.named[reg] {
            let piece = free_piece(&graph.edges[reg], &pieces);
            pieces[reg] = Some(piece);
            stack = stack.max(piece + 1);
            of.push(Home::Stack(piece));
        } else {
            of.push(Home::Register(registers[aliases.find(reg as u32) as usize]));
        }
    }
    Homes {
        of,
        stack,
        constants: values.constants,
    }
}

/// The first piece of stack that no neighbour has.
fn free_piece(neighbours: &[u32], pieces: &[Option<u32>]) -> u32 {
    let mut taken: Vec<u32> = neighbours
        .iter()
        .filter_map(|other| pieces[*other as usize])
        .collect();
    taken.sort_unstable();
    taken.dedup();
    let gap = (0..).zip(&taken).find(|(index, piece)| index != *piece);
    gap.map_or(taken.len() as u32, |(index, _)| index)
}

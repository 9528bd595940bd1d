//! A register for each node of the graph, after Chaitin and Briggs.
//!
//! Nodes that are easy to place are set aside, then the one that is cheapest to keep on the stack, and so on; then they are
//! placed in the opposite order. Only nodes that find no register then go to the stack.

use super::coalesce::Aliases;
use super::graph::{Graph, REGISTERS};

/// Registers by how little anybody else wants them: r0 to r5 before those that survive calls.
const ORDER: [u8; REGISTERS] = [0, 5, 4, 3, 2, 1, 6, 7, 8, 9];
const NONE: u8 = u8::MAX;

/// Nodes to place: the virtual registers that stand for themselves.
pub(super) struct Task<'a> {
    pub(super) graph: &'a Graph,
    pub(super) aliases: &'a Aliases,
    pub(super) memory: &'a [bool],
    /// Values that are needed in a register for one instruction: they cannot go to the stack.
    pub(super) brief: &'a [bool],
}

/// The register of each node, or the nodes that do not get one.
pub(super) fn color(task: &Task<'_>) -> Result<Vec<u8>, Vec<u32>> {
    let mut coloring = Coloring {
        task,
        registers: vec![NONE; task.graph.edges.len()],
        partners: task.partners(),
        failed: Vec::new(),
    };
    for node in task.simplify().into_iter().rev() {
        coloring.place(node);
    }
    if coloring.failed.is_empty() {
        Ok(coloring.registers)
    } else {
        coloring.failed.sort_unstable();
        coloring.failed.dedup();
        Err(coloring.failed)
    }
}

impl Task<'_> {
    fn nodes(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.graph.edges.len() as u32).filter(|reg| {
            let index = *reg as usize;
            self.graph.named[index] && !self.memory[index] && self.aliases.find(*reg) == *reg
        })
    }

    fn edges(&self, node: u32) -> &[u32] {
        &self.graph.edges[node as usize]
    }

    fn forbidden(&self, node: u32) -> u16 {
        self.graph.forbidden[node as usize]
    }

    /// What a node would save in the register of another one.
    fn partners(&self) -> Vec<Vec<(u32, u64)>> {
        let mut partners = vec![Vec::new(); self.graph.edges.len()];
        for pair in &self.graph.pairs {
            let (a, b) = (self.aliases.find(pair.dst.0), self.aliases.find(pair.src.0));
            if a != b {
                partners[a as usize].push((b, pair.weight));
                partners[b as usize].push((a, pair.weight));
            }
        }
        partners
    }

    /// The order in which nodes are set aside.
    fn simplify(&self) -> Vec<u32> {
        let size = self.graph.edges.len();
        let mut degree: Vec<usize> = (0..size as u32)
            .map(|node| self.edges(node).len())
            .collect();
        let room = |node: u32| REGISTERS - self.forbidden(node).count_ones() as usize;
        let nodes: Vec<u32> = self.nodes().collect();
        let mut easy: Vec<u32> = nodes
            .iter()
            .copied()
            .filter(|node| degree[*node as usize] < room(*node))
            .collect();
        let mut aside = vec![false; size];
        let mut order = Vec::with_capacity(nodes.len());
        let mut hard = self.by_cost(nodes).into_iter();
        loop {
            let next = match easy.pop() {
                Some(node) => node,
                None => match hard.find(|node| !aside[*node as usize]) {
                    Some(node) => node,
                    None => return order,
                },
            };
            if std::mem::replace(&mut aside[next as usize], true) {
                continue;
            }
            order.push(next);
            for neighbour in self.edges(next) {
                degree[*neighbour as usize] -= 1;
                if degree[*neighbour as usize] + 1 == room(*neighbour) {
                    easy.push(*neighbour);
                }
            }
        }
    }

    /// Nodes, those first that cost little on the stack and make room for many.
    fn by_cost(&self, mut nodes: Vec<u32>) -> Vec<u32> {
        let crosses = |node: u32| self.forbidden(node).count_ones() >= 6;
        nodes.sort_by_cached_key(|node| {
            let edges = self.edges(*node).iter();
            let rivals = edges.filter(|edge| crosses(**edge) == crosses(*node));
            let cost = self.graph.cost[*node as usize] * 1000 / (1 + rivals.count() as u64);
            (self.brief[*node as usize], cost, *node)
        });
        nodes
    }
}

struct Coloring<'a> {
    task: &'a Task<'a>,
    registers: Vec<u8>,
    partners: Vec<Vec<(u32, u64)>>,
    failed: Vec<u32>,
}

impl Coloring<'_> {
    fn place(&mut self, node: u32) {
        let taken = self
            .task
            .edges(node)
            .iter()
            .fold(self.task.forbidden(node), |taken, other| {
                match self.registers[*other as usize] {
                    NONE => taken,
                    register => taken | 1 << register,
                }
            });
        let gains = self.gains(node);
        let free = ORDER
            .into_iter()
            .filter(|register| taken >> register & 1 == 0);
        // The first of the best: `max_by_key` would take the last.
        let best = free
            .rev()
            .max_by_key(|register| gains[usize::from(*register)]);
        match best {
            Some(register) => self.registers[node as usize] = register,
            None => self.fail(node),
        }
    }

    /// What each register would save, less what neighbours without a register would lose.
    fn gains(&self, node: u32) -> [i64; REGISTERS] {
        const FAR: usize = 64;
        let graph = self.task.graph;
        let mut gains = graph.wanted[node as usize].map(|gain| 4 * gain as i64);
        for (partner, weight) in &self.partners[node as usize] {
            match self.registers[*partner as usize] {
                NONE => {
                    let wanted = &graph.wanted[*partner as usize];
                    let also = gains.iter_mut().zip(wanted);
                    also.for_each(|(gain, wanted)| *gain += (*wanted.min(weight)) as i64);
                }
                register => gains[usize::from(register)] += 4 * *weight as i64,
            }
        }
        for other in self.task.edges(node).iter().take(FAR) {
            if self.registers[*other as usize] == NONE {
                let lost = gains.iter_mut().zip(&graph.wanted[*other as usize]);
                lost.for_each(|(gain, wanted)| *gain -= *wanted as i64);
            }
        }
        gains
    }

    /// Sends the node to the stack, or the cheapest neighbour of one that cannot go there.
    fn fail(&mut self, node: u32) {
        let brief = self.task.brief;
        if !brief[node as usize] {
            self.failed.push(node);
            return;
        }
        let allowed = !self.task.forbidden(node);
        let neighbours = self.task.edges(node).iter().filter(|other| {
            let register = self.registers[**other as usize];
            !brief[**other as usize] && register != NONE && allowed >> register & 1 == 1
        });
        let cheapest = neighbours.min_by_key(|other| self.task.graph.cost[**other as usize]);
        // One instruction needs five registers at most, so some other node is in the way.
        self.failed
            .push(*cheapest.expect("brief values are fewer than registers"));
    }
}

//! Copies whose two sides become one register.
//!
//! Conservative after Briggs and George: a merge never makes a graph uncolourable that was colourable before.

use super::graph::{Graph, Pair, REGISTERS};

/// Neighbours that are looked through for one merge; beyond that the copy stays.
const EFFORT: usize = 256;

/// Registers that were merged into others.
#[derive(Debug)]
pub(super) struct Aliases(Vec<u32>);

impl Aliases {
    /// The register that stands for this one.
    pub(super) fn find(&self, mut reg: u32) -> u32 {
        while self.0[reg as usize] != reg {
            reg = self.0[reg as usize];
        }
        reg
    }
}

/// Merges what can be merged, heavy copies first. Registers of `apart` stay by themselves.
pub(super) fn coalesce(graph: &mut Graph, memory: &[bool], apart: &[bool]) -> Aliases {
    let mut aliases = Aliases((0..graph.edges.len() as u32).collect());
    let stays = |reg: u32| memory[reg as usize] || apart[reg as usize];
    let mut copies: Vec<Pair> = graph
        .pairs
        .iter()
        .copied()
        .filter(|pair| pair.copy && !stays(pair.dst.0) && !stays(pair.src.0))
        .collect();
    copies.sort_by_key(|pair| std::cmp::Reverse(pair.weight));
    for pair in copies {
        let mut merge = Merge {
            graph,
            aliases: &mut aliases,
        };
        merge.consider(pair.dst.0, pair.src.0);
    }
    for reg in 0..graph.edges.len() as u32 {
        let mut edges = std::mem::take(&mut graph.edges[reg as usize]);
        if aliases.find(reg) == reg {
            edges
                .iter_mut()
                .for_each(|edge| *edge = aliases.find(*edge));
            edges.sort_unstable();
            edges.dedup();
            graph.edges[reg as usize] = edges;
        }
    }
    aliases
}

struct Merge<'a> {
    graph: &'a mut Graph,
    aliases: &'a mut Aliases,
}

impl Merge<'_> {
    fn consider(&mut self, a: u32, b: u32) {
        let (a, b) = (self.aliases.find(a), self.aliases.find(b));
        let (big, small) = if self.degree(a) < self.degree(b) {
            (b, a)
        } else {
            (a, b)
        };
        if big != small
            && !self.interfere(big, small)
            && (self.is_absorbed(small, big) || self.stays_colourable(big, small))
        {
            self.merge(big, small);
        }
    }

    /// At least the number of neighbours.
    fn degree(&self, reg: u32) -> usize {
        self.graph.edges[reg as usize].len()
    }

    fn interfere(&self, a: u32, b: u32) -> bool {
        let (few, other) = if self.degree(a) < self.degree(b) {
            (a, b)
        } else {
            (b, a)
        };
        let mut neighbours = self.graph.edges[few as usize].iter();
        neighbours.any(|neighbour| self.aliases.find(*neighbour) == other)
    }

    /// Whether the register may be hard to place.
    fn is_significant(&self, reg: u32) -> bool {
        let forbidden = self.graph.forbidden[reg as usize].count_ones() as usize;
        self.degree(reg) + forbidden >= REGISTERS
    }

    /// George: every hard neighbour of `small` is a neighbour of `big` already.
    fn is_absorbed(&self, small: u32, big: u32) -> bool {
        let (of_small, of_big) = (
            self.graph.forbidden[small as usize],
            self.graph.forbidden[big as usize],
        );
        of_small & !of_big == 0
            && self.degree(small) <= EFFORT
            && self.graph.edges[small as usize].iter().all(|neighbour| {
                let neighbour = self.aliases.find(*neighbour);
                !self.is_significant(neighbour) || self.interfere(neighbour, big)
            })
    }

    /// Briggs: together they have fewer hard neighbours than there are registers for them.
    fn stays_colourable(&self, a: u32, b: u32) -> bool {
        if self.degree(a) + self.degree(b) > EFFORT {
            return false;
        }
        let edges = &self.graph.edges;
        let both = edges[a as usize].iter().chain(&edges[b as usize]);
        let mut hard: Vec<u32> = both
            .map(|neighbour| self.aliases.find(*neighbour))
            .filter(|neighbour| self.is_significant(*neighbour))
            .collect();
        hard.sort_unstable();
        hard.dedup();
        let forbidden = self.graph.forbidden[a as usize] | self.graph.forbidden[b as usize];
        hard.len() + (forbidden.count_ones() as usize) < REGISTERS
    }

    fn merge(&mut self, into: u32, from: u32) {
        let (graph, into, from) = (&mut *self.graph, into as usize, from as usize);
        let edges = graph.edges[from].clone();
        graph.edges[into].extend(edges);
        graph.forbidden[into] |= graph.forbidden[from];
        graph.cost[into] += graph.cost[from];
        for register in 0..REGISTERS {
            graph.wanted[into][register] += graph.wanted[from][register];
        }
        self.aliases.0[from] = into as u32;
    }
}

//! Registers that are used again for another value get another name.
//!
//! A web is a set of writes that reach common reads. Values that only share a name then do not have to share a register,
//! and most registers are written once, which `fold` and `constants` look for.

use super::constants::Constants;
use super::live::{self, Liveness};
use crate::codegen::mir::{Function, Reg};

/// Gives each web of a function its own register, numbered in order of appearance.
pub(super) fn split(function: &mut Function) {
    let liveness = live::analyse(function, &Constants::default());
    let mut webs = Webs::default();
    let entering: Vec<Vec<(Reg, usize)>> = (0..liveness.blocks.len())
        .map(|block| {
            let regs = liveness.live_in(block);
            regs.map(|reg| (reg, webs.add())).collect()
        })
        .collect();
    let written = webs.join(function, &liveness, &entering);
    rename(
        function,
        &liveness,
        &entering,
        |web| webs.find(web),
        &written,
    );
}

/// Disjoint sets of writes.
#[derive(Default)]
struct Webs(Vec<usize>);

impl Webs {
    fn add(&mut self) -> usize {
        self.0.push(self.0.len());
        self.0.len() - 1
    }

    fn find(&self, mut web: usize) -> usize {
        while self.0[web] != web {
            web = self.0[web];
        }
        web
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        // The older one stays root, so that chains stay short: edges mostly lead to new webs.
        self.0[a.max(b)] = a.min(b);
    }

    /// The web that each instruction writes; webs that meet at a block's start become one.
    fn join(
        &mut self,
        function: &Function,
        liveness: &Liveness,
        entering: &[Vec<(Reg, usize)>],
    ) -> Vec<usize> {
        let mut written = vec![usize::MAX; function.insns.len()];
        let mut current = vec![usize::MAX; function.regs as usize];
        for (number, block) in liveness.blocks.iter().enumerate() {
            for (reg, web) in &entering[number] {
                current[reg.0 as usize] = *web;
            }
            for index in block.insns.clone() {
                let op = &function.insns[index].op;
                if let Some(reg) = op.def() {
                    if !op.is_update() {
                        current[reg.0 as usize] = self.add();
                    }
                    written[index] = current[reg.0 as usize];
                }
            }
            for successor in &block.successors {
                for (reg, web) in &entering[*successor] {
                    self.unite(current[reg.0 as usize], *web);
                }
            }
        }
        written
    }
}

fn rename(
    function: &mut Function,
    liveness: &Liveness,
    entering: &[Vec<(Reg, usize)>],
    find: impl Fn(usize) -> usize,
    written: &[usize],
) {
    let mut names: Vec<Option<Reg>> = Vec::new();
    let mut regs = 0;
    let mut current = vec![Reg(0); function.regs as usize];
    let mut name = |web: usize| {
        let web = find(web);
        if names.len() <= web {
            names.resize(web + 1, None);
        }
        *names[web].get_or_insert_with(|| {
            regs += 1;
            Reg(regs - 1)
        })
    };
    for (number, block) in liveness.blocks.iter().enumerate() {
        for (reg, web) in &entering[number] {
            current[reg.0 as usize] = name(*web);
        }
        for index in block.insns.clone() {
            let op = &mut function.insns[index].op;
            let def = op.def();
            let new = def.map(|_| name(written[index]));
            op.rename(|reg| current[reg.0 as usize], |reg| new.unwrap_or(reg));
            if let (Some(reg), Some(new)) = (def, new) {
                current[reg.0 as usize] = new;
            }
        }
    }
    function.regs = regs;
}

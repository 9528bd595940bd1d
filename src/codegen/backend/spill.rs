//! Values that live on the stack.
//!
//! A spilled register stays in the function as a *home*: copies from and to it are loads and stores. Constants have no
//! home, they are made again. A loaded value is used again until the next call or write, also in
//! blocks that are entered from its block only: what the verifier learns from a comparison would be lost with
//! a second load. Where that takes too many registers, the value is loaded for each instruction.

use super::alloc::Values;
use super::blocks;
use crate::codegen::mir::{Function, Insn, Op, Reg, Width};

/// How long a loaded value stays in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stay {
    /// Until the next call.
    Long,
    /// For one instruction.
    Brief,
}

/// Moves registers to the stack. A register that holds a loaded value makes that value brief.
pub(super) fn spill(function: &mut Function, values: &mut Values, spilled: &[Reg]) {
    let mut stay: Vec<Option<Stay>> = vec![None; function.regs as usize];
    for reg in spilled {
        match values.loaded_from(*reg) {
            Some(home) => stay[home.0 as usize] = Some(Stay::Brief),
            None => {
                stay[reg.0 as usize] = Some(Stay::Long);
                values.spilled(*reg);
            }
        }
    }
    let home = |reg: Reg| match values.loaded_from(reg) {
        Some(home) if spilled.contains(&reg) => home,
        _ => reg,
    };
    for insn in &mut function.insns {
        insn.op.rename(home, home);
    }
    let mut rewrite = Rewrite {
        values,
        stay,
        regs: function.regs,
        out: Vec::with_capacity(function.insns.len()),
        loaded: Vec::new(),
    };
    rewrite.function(function);
    (function.insns, function.regs) = (rewrite.out, rewrite.regs);
}

struct Rewrite<'a> {
    values: &'a mut Values,
    stay: Vec<Option<Stay>>,
    regs: u32,
    out: Vec<Insn>,
    /// Homes, and the registers that hold the same value now.
    loaded: Vec<(Reg, Reg)>,
}

impl Rewrite<'_> {
    fn function(&mut self, function: &Function) {
        let blocks = blocks::blocks(function);
        let before = blocks::sole_predecessors(&blocks);
        let mut after: Vec<Vec<(Reg, Reg)>> = Vec::with_capacity(blocks.len());
        for (number, block) in blocks.iter().enumerate() {
            self.loaded = match before[number] {
                Some(block) if block < number => after[block].clone(),
                _ => Vec::new(),
            };
            for insn in &function.insns[block.insns.clone()] {
                self.insn(insn.clone());
            }
            after.push(std::mem::take(&mut self.loaded));
        }
    }

    fn stay(&self, reg: Reg) -> Option<Stay> {
        self.stay[reg.0 as usize]
    }

    fn insn(&mut self, insn: Insn) {
        if self.copies(&insn) {
            return;
        }
        let mut reads: Vec<Reg> = Vec::new();
        self.values.constants.for_needs(&insn.op, |reg| {
            if self.stay[reg.0 as usize].is_some() && !reads.contains(&reg) {
                reads.push(reg);
            }
        });
        let mut names: Vec<(Reg, Reg)> = reads
            .into_iter()
            .map(|reg| (reg, self.load(reg, &insn)))
            .collect();
        if let Op::Call { .. } = insn.op {
            self.loaded.clear();
        }
        self.overwritten(insn.op.def());
        let written = insn.op.def().filter(|reg| self.stay(*reg).is_some());
        let written = written.map(|home| {
            let updated = names.iter_mut().find(|(old, _)| *old == home);
            match updated.filter(|_| insn.op.is_update()) {
                Some((_, name)) => {
                    *name = self.own(home, *name, &insn);
                    (home, *name)
                }
                None => (home, self.fresh(home)),
            }
        });
        self.finish(insn, &names, written);
    }

    /// A register for the value of `home` that may be changed: `name`, unless it is somebody else's.
    fn own(&mut self, home: Reg, name: Reg, insn: &Insn) -> Reg {
        if self.values.loaded_from(name) == Some(home) {
            return name;
        }
        let own = self.fresh(home);
        self.out.push(Insn {
            op: copy(own, name),
            span: insn.span,
        });
        own
    }

    /// Writes the instruction with its new names, and a store of what it writes.
    fn finish(&mut self, mut insn: Insn, names: &[(Reg, Reg)], written: Option<(Reg, Reg)>) {
        let name = |reg: Reg| {
            let found = names.iter().find(|(old, _)| *old == reg);
            found.map_or(reg, |(_, new)| *new)
        };
        let span = insn.span;
        insn.op
            .rename(name, |reg| written.map_or(reg, |(_, new)| new));
        self.out.push(insn);
        if let Some((home, new)) = written {
            self.out.push(Insn {
                op: copy(home, new),
                span,
            });
            if self.stay(home) == Some(Stay::Long) {
                self.loaded.push((home, new));
            }
        }
    }

    /// Handles what is a load or store already. Returns whether the instruction is done.
    fn copies(&mut self, insn: &Insn) -> bool {
        let made_again = |reg: Reg| self.values.constants.get(reg).is_some();
        let made = insn.op.def().filter(|_| insn.op.is_constant());
        if made.is_some_and(|reg| made_again(reg) && self.stay(reg).is_some()) {
            return true;
        }
        let Some((dst, src)) = insn.op.copy() else {
            return false;
        };
        let in_memory = |reg: Reg| self.values.memory[reg.0 as usize];
        if dst == src {
            return true;
        }
        if self.stay(dst).is_none() && !in_memory(dst) && self.stay(src).is_some() {
            let span = insn.span;
            let op = match self.loaded.iter().find(|(home, _)| *home == src) {
                Some((_, loaded)) => copy(dst, *loaded),
                None => self.values.reload(src, dst),
            };
            self.overwritten(Some(dst));
            self.out.push(Insn { op, span });
            return true;
        }
        if in_memory(dst) && self.stay(src).is_none() && !in_memory(src) {
            self.overwritten(Some(dst));
            if self.stay(dst) == Some(Stay::Long) {
                self.loaded.push((dst, src));
            }
            self.out.push(insn.clone());
            return true;
        }
        false
    }

    /// Forgets what held together with the register's old value.
    fn overwritten(&mut self, reg: Option<Reg>) {
        self.loaded
            .retain(|(home, loaded)| reg != Some(*home) && reg != Some(*loaded));
    }

    /// A register that holds the value of a spilled one.
    fn load(&mut self, reg: Reg, insn: &Insn) -> Reg {
        let found = self.loaded.iter().find(|(home, _)| *home == reg);
        if let Some((_, loaded)) = found {
            return *loaded;
        }
        let loaded = self.fresh(reg);
        self.out.push(Insn {
            op: self.values.reload(reg, loaded),
            span: insn.span,
        });
        if self.stay(reg) == Some(Stay::Long) {
            self.loaded.push((reg, loaded));
        }
        loaded
    }

    fn fresh(&mut self, home: Reg) -> Reg {
        self.values.add(home, self.stay(home) == Some(Stay::Brief));
        self.regs += 1;
        Reg(self.regs - 1)
    }
}

fn copy(dst: Reg, src: Reg) -> Op {
    Op::Mov {
        width: Width::W64,
        dst,
        src: src.into(),
    }
}

impl Values {
    /// The instruction that brings a spilled value into a register.
    fn reload(&self, reg: Reg, into: Reg) -> Op {
        match self.constants.get(reg) {
            Some(op) => {
                let mut op = op.clone();
                op.rename(|reg| reg, |_| into);
                op
            }
            None => copy(into, reg),
        }
    }
}

//! One program with the functions it calls.
//!
//! The functions follow the program in the order in which the calls are met, each once, as libbpf does it
//! (`bpf_object__reloc_code`, Linux 6.12); offsets of calls and addresses of callbacks are set.

use std::collections::HashMap;

use super::read::{CoreUse, LineUse, MapUse};
use super::{Object, ReadError};
use crate::asm::{Insn, op};
use crate::btf::TypeId;

/// A program to load. Slots count from its first instruction, also inside the functions that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    /// ELF section with a leading `?` if it has one.
    pub section: String,
    pub insns: Vec<Insn>,
    /// Ascending by instruction, like all that follow.
    pub maps: Vec<MapUse>,
    pub core: Vec<CoreUse>,
    /// (first slot, type) of each function; empty if one of them has no type.
    pub functions: Vec<(usize, TypeId)>,
    /// Empty if a function does not begin with a line: the kernel wants all or none.
    pub lines: Vec<LineUse>,
}

/// The kernel takes at most a million instructions (`BPF_COMPLEXITY_LIMIT_INSNS`, include/linux/bpf_verifier.h).
const MAX_INSNS: usize = 1_000_000;

impl Object {
    /// Links the program with this name.
    pub fn link(&self, name: &str) -> Result<Program, ReadError> {
        let wrong = |what| ReadError::Function {
            name: name.to_owned(),
            what,
        };
        let root = self
            .functions
            .iter()
            .position(|f| f.name == name && f.is_program())
            .ok_or_else(|| wrong("no such program"))?;
        let placed = self.place(root).ok_or_else(|| wrong("too long"))?;
        let starts: HashMap<usize, usize> = placed.iter().copied().collect();
        let mut program = Program {
            name: name.to_owned(),
            section: self.functions[root].section.clone(),
            insns: Vec::new(),
            maps: Vec::new(),
            core: Vec::new(),
            functions: Vec::new(),
            lines: Vec::new(),
        };
        for &(f, start) in &placed {
            self.append(&mut program, f, start);
            for &(at, to) in &self.functions[f].refs {
                patch(&mut program.insns, start + at, starts[&to])
                    .ok_or_else(|| wrong("a call over too great a distance"))?;
            }
        }
        self.drop_partial(&mut program, &placed);
        Ok(program)
    }

    /// (function, first slot) in order; `None` if they are too long together.
    fn place(&self, root: usize) -> Option<Vec<(usize, usize)>> {
        let mut placed = vec![(root, 0)];
        let mut seen = vec![false; self.functions.len()];
        seen[root] = true;
        let mut end = self.functions[root].insns.len();
        let mut next = 0;
        while let Some(&(f, _)) = placed.get(next) {
            next += 1;
            for &(_, to) in &self.functions[f].refs {
                if !std::mem::replace(&mut seen[to], true) {
                    placed.push((to, end));
                    end += self.functions[to].insns.len();
                }
            }
        }
        (end <= MAX_INSNS).then_some(placed)
    }

    fn append(&self, program: &mut Program, f: usize, start: usize) {
        let f = &self.functions[f];
        program.insns.extend_from_slice(&f.insns);
        program.maps.extend(f.maps.iter().map(|m| MapUse {
            insn: m.insn + start,
            ..*m
        }));
        program.core.extend(f.core.iter().map(|c| CoreUse {
            insn: c.insn + start,
            ..c.clone()
        }));
        program.functions.extend(f.ty.map(|ty| (start, ty)));
        program.lines.extend(f.lines.iter().map(|l| LineUse {
            insn: l.insn + start,
            ..*l
        }));
    }

    fn drop_partial(&self, program: &mut Program, placed: &[(usize, usize)]) {
        let all = |has: fn(&super::ReadFunction) -> bool| {
            placed.iter().all(|&(f, _)| has(&self.functions[f]))
        };
        if !all(|f| f.ty.is_some()) {
            program.functions.clear();
        }
        if !all(|f| f.lines.first().is_some_and(|l| l.insn == 0)) {
            program.lines.clear();
        }
    }
}

/// Points the call, or the load of an address, in slot `at` to slot `to`.
fn patch(insns: &mut [Insn], at: usize, to: usize) -> Option<()> {
    let distance = i64::try_from(to).ok()? - i64::try_from(at).ok()? - 1;
    let insn = insns.get_mut(at)?;
    insn.imm = i32::try_from(distance).ok()?;
    if insn.is_wide() {
        insn.src = op::PSEUDO_FUNC;
    }
    Some(())
}

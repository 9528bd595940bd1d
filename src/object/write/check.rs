//! What must hold for a unit before any byte is written.

use std::collections::HashSet;

use super::super::{CoreKind, CoreReloc, Function, Reloc, TEXT, Target, Unit, WriteError};
use crate::asm::{Insn, op};
use crate::kernel::structs;

/// Most slots of one object: the kernel takes a million in one program, and offsets must fit 32 bits.
const MAX_SLOTS: usize = 64 << 20;

/// Every index leads somewhere, names are names, and instructions hold the local values that loaders expect.
pub(super) fn check(unit: &Unit) -> Result<(), WriteError> {
    let mut names = HashSet::new();
    let wrong = |name: &str, what| {
        Err(WriteError::Function {
            name: name.to_owned(),
            what,
        })
    };
    let functions = unit.functions.iter().map(|f| &f.name);
    for name in functions.chain(unit.maps.iter().map(|m| &m.name)) {
        if !is_identifier(name) {
            return wrong(name, "not a C identifier");
        }
        if !names.insert(name) {
            return wrong(name, "the name is used twice");
        }
    }
    if unit.functions.iter().map(|f| f.insns.len()).sum::<usize>() > MAX_SLOTS {
        return wrong("", "more code than an object can hold");
    }
    for f in &unit.functions {
        if let Some(what) = defect(unit, f) {
            return wrong(&f.name, what);
        }
        for core in &f.core {
            check_core(f, core)?;
        }
    }
    Ok(())
}

fn defect(unit: &Unit, f: &Function) -> Option<&'static str> {
    if f.insns.is_empty() {
        return Some("it has no instructions");
    }
    if f.section != TEXT && !f.global {
        return Some("a program must be global");
    }
    let mut seen = HashSet::new();
    if !f.relocs.iter().all(|r| seen.insert(r.insn)) {
        return Some("an instruction with two relocations");
    }
    if !f.relocs.iter().all(|r| reloc_fits(unit, f, r)) {
        return Some("a relocation that does not fit its instruction");
    }
    let ascending = f.lines.is_sorted_by_key(|l| l.insn);
    if !ascending || !f.lines.iter().all(|l| begins(f, l.insn)) {
        return Some("a line outside its instructions");
    }
    None
}

/// Whether an instruction begins in this slot.
fn begins(f: &Function, slot: usize) -> bool {
    let wide_before = slot
        .checked_sub(1)
        .and_then(|i| f.insns.get(i))
        .is_some_and(|i| i.is_wide());
    slot < f.insns.len() && !wide_before
}

fn reloc_fits(unit: &Unit, f: &Function, reloc: &Reloc) -> bool {
    let Some(insn) = f.insns.get(reloc.insn) else {
        return false;
    };
    let wide = insn.is_wide() && reloc.insn + 1 < f.insns.len();
    let call = insn.code == op::JMP | op::CALL;
    match reloc.target {
        Target::Map(map) => wide && map < unit.maps.len(),
        Target::Rodata(offset) => wide && (offset as usize) < unit.rodata.len(),
        Target::Function(to) => unit
            .functions
            .get(to)
            .is_some_and(|to| to.section == TEXT && (call || wide && !to.global)),
    }
}

fn check_core(f: &Function, core: &CoreReloc) -> Result<(), WriteError> {
    let wrong = |what| WriteError::Function {
        name: f.name.clone(),
        what,
    };
    let insn = f
        .insns
        .get(core.insn)
        .ok_or_else(|| wrong("a CO-RE relocation outside its instructions"))?;
    let access = structs::access(core.root, core.path).ok_or_else(|| WriteError::Member {
        root: core.root.to_owned(),
        path: core.path.to_owned(),
    })?;
    let expected = match core.kind {
        CoreKind::FieldByteOffset => access.offset,
        CoreKind::FieldByteSize | CoreKind::TypeSize => access.size,
        CoreKind::FieldSigned => access.ty.signed().into(),
        CoreKind::FieldExists | CoreKind::TypeExists => 1,
        _ => return Err(wrong("a CO-RE relocation of a kind that is not written")),
    };
    if held(*insn) == Some(expected.into()) {
        Ok(())
    } else {
        Err(wrong("an instruction that does not hold the local value"))
    }
}

/// The value of an instruction that relocating replaces.
fn held(insn: Insn) -> Option<i64> {
    match insn.code & op::CLASS_MASK {
        op::LDX | op::ST | op::STX => Some(insn.off.into()),
        op::ALU | op::ALU64 if insn.code & op::SRC_MASK == op::K => Some(insn.imm.into()),
        op::LD if insn.is_wide() => Some(insn.imm.into()),
        _ => None,
    }
}

/// The kernel refuses other names of functions and variables (`btf_name_valid_identifier`, kernel/bpf/btf.c).
fn is_identifier(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(word) && name.starts_with(|c: char| !c.is_ascii_digit())
}

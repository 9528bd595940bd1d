//! A linked program for the running kernel: CO-RE relocations applied.
//!
//! In: a program of an object, and the kernel's types. Out: its instructions, where loads have the kernel's offsets.
//! An instruction that needs a member which the kernel lacks becomes a call that the verifier refuses, unless it is never
//! reached: the convention of libbpf (`bpf_core_patch_insn`, tools/lib/bpf/relo_core.c, Linux 6.12).

use super::{CoreUse, Program};
use crate::asm::{Insn, op};
use crate::btf::Btf;
use crate::btf::core::{self, RelocKind, Resolution};

/// The helper that stands for "not on this kernel".
pub const POISON: i32 = 0x0bad_2310;

/// Applies all relocations; the error says what cannot be applied.
pub fn relocate(program: &mut Program, object: &Btf, kernel: &Btf) -> Result<(), String> {
    for relocation in &program.core {
        let resolved = resolve(relocation, object, kernel)?;
        match resolved.target {
            Some(value) => apply(&mut program.insns, relocation.insn, value, &resolved)?,
            None => poison(&mut program.insns, relocation.insn)?,
        }
    }
    Ok(())
}

fn resolve(relocation: &CoreUse, object: &Btf, kernel: &Btf) -> Result<Resolution, String> {
    let kind = RelocKind::from_raw(relocation.kind)
        .ok_or_else(|| format!("relocation kind {} is not known", relocation.kind))?;
    core::resolve(object, relocation.root, &relocation.access, kind, kernel)
        .map_err(|error| error.to_string())
}

fn apply(insns: &mut [Insn], at: usize, value: u64, resolved: &Resolution) -> Result<(), String> {
    let outside = || format!("relocation of instruction {at}, which does not exist");
    let insn = *insns.get(at).ok_or_else(outside)?;
    let differs = |found: u64| resolved.check_local && found != resolved.local;
    match insn.code & op::CLASS_MASK {
        op::LDX | op::ST | op::STX => {
            if differs(insn.off as u64) {
                return Err(format!(
                    "instruction {at} does not hold the offset that it should"
                ));
            }
            let offset = i16::try_from(value)
                .map_err(|_| format!("offset {value} is too large for a load"))?;
            insns[at] = Insn {
                off: offset,
                code: resized(insn, resolved)?,
                ..insn
            };
        }
        op::ALU | op::ALU64 => {
            if differs(insn.imm as u64) {
                return Err(format!(
                    "instruction {at} does not hold the value that it should"
                ));
            }
            let imm = i32::try_from(value)
                .map_err(|_| format!("value {value} is too large for an operand"))?;
            insns[at] = Insn { imm, ..insn };
        }
        _ if insn.is_wide() => {
            let high = insns.get_mut(at + 1).ok_or_else(outside)?;
            high.imm = ((value >> 32) as u32).cast_signed();
            insns[at] = Insn {
                imm: (value as u32).cast_signed(),
                ..insn
            };
        }
        _ => return Err(format!("instruction {at} cannot be relocated")),
    }
    Ok(())
}

/// The opcode for a member that is wider or narrower here than the program thinks.
fn resized(insn: Insn, resolved: &Resolution) -> Result<u8, String> {
    let (local, target) = (resolved.local_size, resolved.target_size);
    if local == target || local == 0 || target == 0 {
        return Ok(insn.code);
    }
    let size = match target {
        1 => op::B,
        2 => op::H,
        4 => op::W,
        8 => op::DW,
        _ => return Err(format!("a member of {target} bytes cannot be read at once")),
    };
    if !resolved.resizable {
        return Err(format!("a member has {target} bytes instead of {local}"));
    }
    Ok(insn.code & !op::SIZE_MASK | size)
}

fn poison(insns: &mut [Insn], at: usize) -> Result<(), String> {
    let insn = insns
        .get_mut(at)
        .ok_or_else(|| format!("relocation of instruction {at}, which does not exist"))?;
    let wide = insn.is_wide();
    let call = Insn::new(op::JMP | op::CALL, 0, 0, 0, POISON);
    *insn = call;
    if let Some(second) = insns.get_mut(at + 1).filter(|_| wide) {
        *second = call;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolution(local: u64, sizes: (u32, u32), resizable: bool) -> Resolution {
        Resolution {
            local,
            check_local: true,
            target: None,
            local_size: sizes.0,
            target_size: sizes.1,
            resizable,
        }
    }

    fn load(off: i16) -> Insn {
        Insn::new(op::LDX | op::MEM | op::W, 1, 2, off, 0)
    }

    #[test]
    fn loads_get_the_offset_and_width_of_the_kernel() {
        let mut insns = [load(8)];
        apply(&mut insns, 0, 300, &resolution(8, (4, 8), true)).expect("a load");
        assert_eq!(
            insns[0],
            Insn {
                code: op::LDX | op::MEM | op::DW,
                ..load(300)
            }
        );
        apply(&mut insns, 0, 1, &resolution(300, (4, 2), false)).expect_err("a signed member");
    }

    #[test]
    fn an_instruction_that_holds_something_else_is_refused() {
        apply(&mut [load(8)], 0, 300, &resolution(16, (4, 4), true)).expect_err("another offset");
        apply(&mut [load(8)], 0, 40_000, &resolution(8, (4, 4), true)).expect_err("too far");
        apply(&mut [], 0, 0, &resolution(8, (4, 4), true)).expect_err("nothing there");
    }

    #[test]
    fn both_halves_of_a_wide_load_are_poisoned() {
        let wide = Insn::new(op::LD | op::IMM | op::DW, 1, 0, 0, 0);
        let mut insns = [wide, Insn::default()];
        poison(&mut insns, 0).expect("it exists");
        assert!(insns.iter().all(|insn| insn.imm == POISON));
    }
}

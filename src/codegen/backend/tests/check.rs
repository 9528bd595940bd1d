//! What the verifier wants of registers, on every path.

use super::super::Assembled;
use crate::asm::op;

/// Registers that a call overwrites.
const CLOBBERED: u16 = 0b11_1111;

/// An error names an instruction that reads a register which is not written on every path, that nothing reaches, or
/// from which control runs out of the function.
pub(super) fn registers(code: &Assembled) -> Result<(), String> {
    let count = code.insns.len();
    let mut written: Vec<Option<u16>> = vec![None; count];
    let mut open = vec![(0, 0b100_0011_1110)];
    while let Some((at, regs)) = open.pop() {
        let before = *written
            .get(at)
            .ok_or_else(|| format!("control leaves at {at}"))?;
        let regs = before.map_or(regs, |before| before & regs);
        if before == Some(regs) {
            continue;
        }
        written[at] = Some(regs);
        let (reads, regs, next) = effect(code, at, regs);
        if reads & !written[at].unwrap_or(0) != 0 {
            return Err(format!(
                "insn {at} reads {reads:#b} of {:#b}",
                written[at].unwrap_or(0)
            ));
        }
        open.extend(next.into_iter().flatten().map(|next| (next, regs)));
    }
    for (at, written) in written.iter().enumerate() {
        let second = at > 0 && code.insns[at - 1].is_wide();
        if written.is_none() && !second {
            return Err(format!("unreachable insn {at}"));
        }
    }
    Ok(())
}

/// Registers read, registers written afterwards, and where control goes.
fn effect(code: &Assembled, at: usize, written: u16) -> (u16, u16, [Option<usize>; 2]) {
    let insn = code.insns[at];
    let (dst, src) = (1u16 << insn.dst, 1u16 << insn.src);
    let by_register = insn.code & op::SRC_MASK == op::X;
    let operand = if by_register { src } else { 0 };
    let next = [Some(at + 1), None];
    let jump = Some((at as i64 + 1 + i64::from(insn.off)) as usize);
    match (insn.code & op::CLASS_MASK, insn.code & op::OP_MASK) {
        (op::LD, _) => (0, written | dst, [Some(at + 2), None]),
        (op::LDX, _) => (src, written | dst, next),
        (op::ST, _) => (dst, written, next),
        (op::STX, _) => (dst | src, written, next),
        (op::ALU | op::ALU64, op::MOV) => (operand, written | dst, next),
        (op::ALU | op::ALU64, op::NEG | op::END) => (dst, written, next),
        (op::ALU | op::ALU64, _) => (dst | operand, written, next),
        (op::JMP, op::JA) => (0, written, [jump, None]),
        (op::JMP, op::EXIT) => (1, written, [None, None]),
        (op::JMP, op::CALL) => {
            let args = ((1u16 << super::machine::arity(code, at)) - 1) << 1;
            (args, written & !CLOBBERED | 1, next)
        }
        _ => (dst | operand, written, [next[0], jump]),
    }
}

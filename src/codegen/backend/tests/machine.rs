//! BPF instructions at work, as the kernel's interpreter runs them, and as strict as its verifier about registers.

use super::super::{Assembled, Target};
use super::world::{self, World};
use crate::asm::{Insn, op};
use crate::codegen::mir::{AluOp, Callee, Cond, Size, Width};

/// The frame pointer's value.
const TOP: u64 = 0x20_0000;

struct Machine<'a> {
    code: &'a Assembled,
    world: &'a mut World,
    /// `None` where nothing was written, or a call overwrote it.
    regs: [Option<u64>; 11],
}

/// The function's result; an error names what the verifier would refuse.
pub(super) fn run(code: &Assembled, params: [u64; 5], world: &mut World) -> Result<u64, String> {
    let mut regs = [None; 11];
    for (index, param) in params.into_iter().enumerate() {
        regs[index + 1] = Some(param);
    }
    regs[10] = Some(TOP);
    let mut machine = Machine { code, world, regs };
    let mut at = 0;
    for _ in 0..100_000 {
        let insn = *code.insns.get(at).ok_or("ran off the end")?;
        if insn.code == op::JMP | op::EXIT {
            return machine.get(0);
        }
        let next = machine
            .step(at, insn)
            .map_err(|error| format!("insn {at}: {error}"))?;
        at = usize::try_from(next).map_err(|_| "jumped before the start")?;
    }
    Err("endless".to_owned())
}

impl Machine<'_> {
    fn step(&mut self, at: usize, insn: Insn) -> Result<i64, String> {
        let mut next = at as i64 + 1;
        match insn.code & op::CLASS_MASK {
            op::LD => {
                let value = self.wide(at, insn);
                self.set(insn.dst, value);
                next += 1;
            }
            op::LDX => {
                let address = self.address(insn.src, insn.off)?;
                let value = self.world.load(address, size(insn))?;
                self.set(insn.dst, value);
            }
            op::ST | op::STX => {
                let address = self.address(insn.dst, insn.off)?;
                let value = match insn.code & op::CLASS_MASK {
                    op::ST => i64::from(insn.imm) as u64,
                    _ => self.get(insn.src)?,
                };
                self.check_frame(address, size(insn))?;
                self.world.store(address, size(insn), value);
            }
            op::ALU => self.alu(insn, Width::W32)?,
            op::ALU64 => self.alu(insn, Width::W64)?,
            op::JMP if insn.code & op::OP_MASK == op::CALL => self.call(at)?,
            op::JMP if insn.code & op::OP_MASK == op::JA => next += i64::from(insn.off),
            class => {
                let width = if class == op::JMP {
                    Width::W64
                } else {
                    Width::W32
                };
                let (left, right) = (self.get(insn.dst)?, self.operand(insn)?);
                if world::holds(cond(insn), width, left, right) {
                    next += i64::from(insn.off);
                }
            }
        }
        Ok(next)
    }

    fn alu(&mut self, insn: Insn, width: Width) -> Result<(), String> {
        let value = match insn.code & op::OP_MASK {
            op::MOV => match width {
                Width::W32 => self.operand(insn)? & u64::from(u32::MAX),
                Width::W64 => self.operand(insn)?,
            },
            op::NEG => self.get(insn.dst)?.wrapping_neg(),
            op::END => world::to_be(self.get(insn.dst)?, insn.imm),
            _ => {
                let (left, right) = (self.get(insn.dst)?, self.operand(insn)?);
                world::arithmetic(alu_op(insn), width, left, right)
            }
        };
        self.set(insn.dst, value);
        Ok(())
    }

    fn call(&mut self, at: usize) -> Result<(), String> {
        let callee = callee(self.code, at);
        let args: Result<Vec<u64>, String> = (1..=world::arity(callee) as u8)
            .map(|reg| self.get(reg))
            .collect();
        let result = self.world.call(callee, &args?);
        self.regs[1..6].fill(None);
        self.set(0, result);
        Ok(())
    }

    fn wide(&self, at: usize, insn: Insn) -> u64 {
        match target(self.code, at) {
            Some(Target::Map(map)) => world::map_address(map),
            Some(Target::Rodata(offset)) => world::rodata_address(offset),
            _ => u64::from(insn.imm as u32) | (self.code.insns[at + 1].imm as u64) << 32,
        }
    }

    fn check_frame(&self, address: u64, size: Size) -> Result<(), String> {
        let below = TOP - u64::from(self.code.stack);
        let inside = address >= below && address + u64::from(size.bytes()) <= TOP;
        if inside || address < TOP / 2 {
            Ok(())
        } else {
            Err(format!("{address:#x} is outside the frame"))
        }
    }

    fn get(&self, reg: u8) -> Result<u64, String> {
        self.regs[usize::from(reg)].ok_or_else(|| format!("R{reg} !read_ok"))
    }

    fn set(&mut self, reg: u8, value: u64) {
        self.regs[usize::from(reg)] = Some(value);
    }

    fn operand(&self, insn: Insn) -> Result<u64, String> {
        match insn.code & op::SRC_MASK {
            op::X => self.get(insn.src),
            _ => Ok(i64::from(insn.imm) as u64),
        }
    }

    fn address(&self, base: u8, offset: i16) -> Result<u64, String> {
        Ok(self.get(base)?.wrapping_add_signed(i64::from(offset)))
    }
}

fn target(code: &Assembled, at: usize) -> Option<Target> {
    let found = code.relocs.iter().find(|(insn, _)| *insn == at);
    found.map(|(_, target)| *target)
}

fn callee(code: &Assembled, at: usize) -> Callee {
    match target(code, at) {
        Some(Target::Function(function)) => Callee::Function(function),
        _ => Callee::Helper(code.insns[at].imm as u32),
    }
}

/// Number of arguments of the call at an instruction.
pub(super) fn arity(code: &Assembled, at: usize) -> usize {
    world::arity(callee(code, at))
}

fn size(insn: Insn) -> Size {
    match insn.code & op::SIZE_MASK {
        op::B => Size::B1,
        op::H => Size::B2,
        op::W => Size::B4,
        _ => Size::B8,
    }
}

fn alu_op(insn: Insn) -> AluOp {
    match insn.code & op::OP_MASK {
        op::ADD => AluOp::Add,
        op::SUB => AluOp::Sub,
        op::MUL => AluOp::Mul,
        op::DIV => AluOp::Div,
        op::OR => AluOp::Or,
        op::AND => AluOp::And,
        op::LSH => AluOp::Lsh,
        op::RSH => AluOp::Rsh,
        op::MOD => AluOp::Mod,
        op::XOR => AluOp::Xor,
        op::ARSH => AluOp::Arsh,
        other => panic!("no arithmetic {other:#x}"),
    }
}

fn cond(insn: Insn) -> Cond {
    match insn.code & op::OP_MASK {
        op::JEQ => Cond::Eq,
        op::JGT => Cond::Gt,
        op::JGE => Cond::Ge,
        op::JSET => Cond::Set,
        op::JNE => Cond::Ne,
        op::JSGT => Cond::Sgt,
        op::JSGE => Cond::Sge,
        op::JLT => Cond::Lt,
        op::JLE => Cond::Le,
        op::JSLT => Cond::Slt,
        op::JSLE => Cond::Sle,
        other => panic!("no condition {other:#x}"),
    }
}

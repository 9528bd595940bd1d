//! What a function over virtual registers means: one step for each instruction.

use super::world::{self, World};
use crate::codegen::mir::{Base, Field, Function, Label, Offset, Op, Operand, Reg, Width};
use crate::kernel::structs;

const SLOTS: u64 = 0x10_0000;

struct Run<'a> {
    function: &'a Function,
    world: &'a mut World,
    params: [u64; 5],
    regs: Vec<Option<u64>>,
}

/// The function's result; an error names what it did wrong.
pub(super) fn run(function: &Function, params: [u64; 5], world: &mut World) -> Result<u64, String> {
    let mut run = Run {
        function,
        world,
        params,
        regs: vec![None; function.regs as usize],
    };
    let mut at = 0;
    for _ in 0..100_000 {
        let insn = function.insns.get(at).ok_or("ran off the end")?;
        if let Op::Exit(value) = insn.op {
            return run.operand(value);
        }
        at = match run.step(&insn.op)? {
            Some(label) => run.position(label),
            None => at + 1,
        };
    }
    Err("endless".to_owned())
}

impl Run<'_> {
    fn step(&mut self, op: &Op) -> Result<Option<Label>, String> {
        match op {
            Op::Bind(_) | Op::Exit(_) => {}
            Op::Param { dst, index } => self.set(*dst, self.params[usize::from(*index)]),
            Op::Mov { width, dst, src } => {
                let value = self.operand(*src)?;
                let mask = if *width == Width::W32 {
                    u64::from(u32::MAX)
                } else {
                    u64::MAX
                };
                self.set(*dst, value & mask);
            }
            Op::Imm64 { dst, value } => self.set(*dst, *value),
            Op::Alu {
                op,
                width,
                dst,
                src,
            } => {
                let (left, right) = (self.get(*dst)?, self.operand(*src)?);
                self.set(*dst, world::arithmetic(*op, *width, left, right));
            }
            Op::Neg { dst } => {
                let value = self.get(*dst)?;
                self.set(*dst, value.wrapping_neg());
            }
            Op::ToBe { dst, bits } => {
                let value = self.get(*dst)?;
                self.set(*dst, world::to_be(value, i32::from(*bits)));
            }
            Op::Load {
                size,
                dst,
                base,
                offset,
            } => {
                let address = self.address(*base, offset)?;
                let value = self.world.load(address, *size)?;
                self.set(*dst, value);
            }
            Op::Store {
                size,
                base,
                offset,
                src,
            } => {
                let (address, value) = (self.address(*base, offset)?, self.operand(*src)?);
                self.world.store(address, *size, value);
            }
            Op::FieldAddr { dst, base, field } => {
                let address = self.get(*base)? + offset_of(field);
                self.set(*dst, address);
            }
            Op::FieldExists { dst, .. } => self.set(*dst, 1),
            Op::Map { dst, map } => self.set(*dst, world::map_address(*map)),
            Op::Rodata { dst, offset } => self.set(*dst, world::rodata_address(*offset)),
            Op::SlotAddr { dst, slot } => self.set(*dst, slot_address(slot.0)),
            Op::Call {
                callee,
                args,
                result,
            } => {
                let args: Result<Vec<u64>, String> =
                    args.iter().map(|arg| self.get(*arg)).collect();
                let value = self.world.call(*callee, &args?);
                if let Some(result) = result {
                    self.set(*result, value);
                }
            }
            Op::Jump(target) => return Ok(Some(*target)),
            Op::Branch {
                cond,
                width,
                left,
                right,
                target,
            } => {
                let (left, right) = (self.get(*left)?, self.operand(*right)?);
                return Ok(world::holds(*cond, *width, left, right).then_some(*target));
            }
        }
        Ok(None)
    }

    fn get(&self, reg: Reg) -> Result<u64, String> {
        self.regs[reg.0 as usize].ok_or_else(|| format!("{reg:?} is not written yet"))
    }

    fn set(&mut self, reg: Reg, value: u64) {
        self.regs[reg.0 as usize] = Some(value);
    }

    fn operand(&self, operand: Operand) -> Result<u64, String> {
        match operand {
            Operand::Reg(reg) => self.get(reg),
            Operand::Imm(value) => Ok(i64::from(value) as u64),
        }
    }

    fn address(&self, base: Base, offset: &Offset) -> Result<u64, String> {
        let base = match base {
            Base::Reg(reg) => self.get(reg)?,
            Base::Slot(slot) => slot_address(slot.0),
        };
        Ok(match offset {
            Offset::Const(offset) => base.wrapping_add_signed(i64::from(*offset)),
            Offset::Field(field) => base + offset_of(field),
        })
    }

    fn position(&self, label: Label) -> usize {
        let mut insns = self.function.insns.iter();
        insns
            .position(|insn| insn.op == Op::Bind(label))
            .expect("labels are bound")
    }
}

fn slot_address(slot: u32) -> u64 {
    SLOTS + 0x100 * u64::from(slot)
}

fn offset_of(field: &Field) -> u64 {
    let access = structs::access(field.root, field.path).expect("tests name known fields");
    u64::from(access.offset)
}

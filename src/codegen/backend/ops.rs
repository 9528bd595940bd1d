//! What each instruction reads and writes.

use crate::codegen::mir::{Base, Label, Op, Operand, Reg, Slot, Width};

impl Op {
    /// Calls `f` for every register that the instruction reads.
    pub(super) fn for_uses(&self, mut f: impl FnMut(Reg)) {
        let operand = |operand: &Operand, f: &mut dyn FnMut(Reg)| {
            if let Operand::Reg(reg) = operand {
                f(*reg);
            }
        };
        match self {
            Self::Mov { src, .. } => operand(src, &mut f),
            Self::Alu { dst, src, .. } => {
                f(*dst);
                operand(src, &mut f);
            }
            Self::Neg { dst } | Self::ToBe { dst, .. } => f(*dst),
            Self::Load {
                base: Base::Reg(base),
                ..
            }
            | Self::FieldAddr { base, .. } => f(*base),
            Self::Store { base, src, .. } => {
                if let Base::Reg(base) = base {
                    f(*base);
                }
                operand(src, &mut f);
            }
            Self::Call { args, .. } => args.iter().for_each(|arg| f(*arg)),
            Self::Branch { left, right, .. } => {
                f(*left);
                operand(right, &mut f);
            }
            Self::Exit(value) => operand(value, &mut f),
            Self::Bind(_)
            | Self::Param { .. }
            | Self::Imm64 { .. }
            | Self::Load {
                base: Base::Slot(_),
                ..
            }
            | Self::FieldExists { .. }
            | Self::Map { .. }
            | Self::Rodata { .. }
            | Self::SlotAddr { .. }
            | Self::Jump(_) => {}
        }
    }

    /// The register that the instruction writes.
    pub(super) fn def(&self) -> Option<Reg> {
        match self {
            Self::Param { dst, .. }
            | Self::Mov { dst, .. }
            | Self::Imm64 { dst, .. }
            | Self::Alu { dst, .. }
            | Self::Neg { dst }
            | Self::ToBe { dst, .. }
            | Self::Load { dst, .. }
            | Self::FieldAddr { dst, .. }
            | Self::FieldExists { dst, .. }
            | Self::Map { dst, .. }
            | Self::Rodata { dst, .. }
            | Self::SlotAddr { dst, .. } => Some(*dst),
            Self::Call { result, .. } => *result,
            Self::Bind(_)
            | Self::Store { .. }
            | Self::Jump(_)
            | Self::Branch { .. }
            | Self::Exit(_) => None,
        }
    }

    /// Whether the instruction does nothing but write its register.
    pub(super) fn is_pure(&self) -> bool {
        self.def().is_some() && !matches!(self, Self::Call { .. })
    }

    /// Whether the value can be made again anywhere at the same cost.
    pub(super) fn is_constant(&self) -> bool {
        matches!(
            self,
            Self::Mov {
                src: Operand::Imm(_),
                ..
            } | Self::Imm64 { .. }
                | Self::Map { .. }
                | Self::Rodata { .. }
                | Self::SlotAddr { .. }
                | Self::FieldExists { .. }
        )
    }

    /// Whether the instruction reads the register that it writes.
    pub(super) fn is_update(&self) -> bool {
        matches!(
            self,
            Self::Alu { .. } | Self::Neg { .. } | Self::ToBe { .. }
        )
    }

    /// A copy of a whole register: to, from.
    pub(super) fn copy(&self) -> Option<(Reg, Reg)> {
        match *self {
            Self::Mov {
                width: Width::W64,
                dst,
                src: Operand::Reg(src),
            } => Some((dst, src)),
            _ => None,
        }
    }

    /// Replaces registers: `uses` for what is read, `def` for what is written. A register that
    /// is both (two-address arithmetic) follows `def`.
    pub(super) fn rename(
        &mut self,
        mut uses: impl FnMut(Reg) -> Reg,
        mut def: impl FnMut(Reg) -> Reg,
    ) {
        let operand = |operand: &mut Operand, uses: &mut dyn FnMut(Reg) -> Reg| {
            if let Operand::Reg(reg) = operand {
                *reg = uses(*reg);
            }
        };
        match self {
            Self::Mov { dst, src, .. } => {
                operand(src, &mut uses);
                *dst = def(*dst);
            }
            Self::Alu { dst, src, .. } => {
                operand(src, &mut uses);
                *dst = def(*dst);
            }
            Self::Load { dst, base, .. } => {
                if let Base::Reg(base) = base {
                    *base = uses(*base);
                }
                *dst = def(*dst);
            }
            Self::FieldAddr { dst, base, .. } => {
                *base = uses(*base);
                *dst = def(*dst);
            }
            Self::Store { base, src, .. } => {
                if let Base::Reg(base) = base {
                    *base = uses(*base);
                }
                operand(src, &mut uses);
            }
            Self::Call { args, result, .. } => {
                args.iter_mut().for_each(|arg| *arg = uses(*arg));
                if let Some(result) = result {
                    *result = def(*result);
                }
            }
            Self::Branch { left, right, .. } => {
                *left = uses(*left);
                operand(right, &mut uses);
            }
            Self::Exit(value) => operand(value, &mut uses),
            Self::Neg { dst }
            | Self::ToBe { dst, .. }
            | Self::Param { dst, .. }
            | Self::Imm64 { dst, .. }
            | Self::FieldExists { dst, .. }
            | Self::Map { dst, .. }
            | Self::Rodata { dst, .. }
            | Self::SlotAddr { dst, .. } => *dst = def(*dst),
            Self::Bind(_) | Self::Jump(_) => {}
        }
    }

    /// The stack slot that the instruction names.
    pub(super) fn slot(&self) -> Option<Slot> {
        match self {
            Self::SlotAddr { slot, .. }
            | Self::Load {
                base: Base::Slot(slot),
                ..
            }
            | Self::Store {
                base: Base::Slot(slot),
                ..
            } => Some(*slot),
            _ => None,
        }
    }

    /// Where the instruction can jump to.
    pub(super) fn target(&self) -> Option<Label> {
        match self {
            Self::Jump(target) | Self::Branch { target, .. } => Some(*target),
            _ => None,
        }
    }

    pub(super) fn target_mut(&mut self) -> Option<&mut Label> {
        match self {
            Self::Jump(target) | Self::Branch { target, .. } => Some(target),
            _ => None,
        }
    }

    /// Whether the next instruction in order is never reached from this one.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Jump(_) | Self::Exit(_))
    }
}

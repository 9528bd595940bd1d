//! Registers that hold one constant wherever they are read.
//!
//! A call takes such an argument without a register: the value is made in r1 to r5 right before the call. On the
//! way to the stack it is made again instead of loaded.

use crate::codegen::mir::{Function, Op, Operand, Reg};

/// For each register with a single write of a constant, that write.
#[derive(Clone, Debug, Default)]
pub(super) struct Constants(Vec<Option<Op>>);

impl Constants {
    pub(super) fn collect(function: &Function) -> Self {
        let mut writes = vec![0; function.regs as usize];
        let mut constants = vec![None; function.regs as usize];
        for insn in &function.insns {
            if let Some(reg) = insn.op.def() {
                writes[reg.0 as usize] += 1;
                let first = writes[reg.0 as usize] == 1 && insn.op.is_constant();
                constants[reg.0 as usize] = first.then(|| insn.op.clone());
            }
        }
        Self(constants)
    }

    /// The instruction that makes the register's value anywhere.
    pub(super) fn get(&self, reg: Reg) -> Option<&Op> {
        self.0.get(reg.0 as usize)?.as_ref()
    }

    /// Whether the register holds 0: the offset of a field is its address at base 0, and needs no base.
    pub(super) fn is_zero(&self, reg: Reg) -> bool {
        let zero = Operand::Imm(0);
        matches!(self.get(reg), Some(Op::Mov { src, .. }) if *src == zero)
    }

    /// Calls `f` for every register that the instruction needs to find in a register.
    pub(super) fn for_needs(&self, op: &Op, mut f: impl FnMut(Reg)) {
        match op {
            Op::Call { args, .. } => {
                let needed = args.iter().filter(|arg| self.get(**arg).is_none());
                needed.for_each(|arg| f(*arg));
            }
            Op::FieldAddr { base, .. } if self.is_zero(*base) => {}
            _ => op.for_uses(f),
        }
    }
}

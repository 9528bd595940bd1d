//! Constants into operands, and arithmetic that needs no instruction.
//!
//! Holds: what the verifier knows about a value does not get less. So a byte-swapped value keeps its 32-bit
//! move, and eight-byte stores of constants to the stack keep their register: Linux 5.10 forgets the value otherwise.

use super::blocks;
use crate::codegen::mir::{AluOp, Base, Cond, Function, Offset, Op, Operand, Reg, Size, Width};

/// Folds what can be folded. Jumps may become superfluous, and code unreachable.
pub(super) fn fold(function: &mut Function) {
    let mut facts = Facts::collect(function);
    let mut keep = vec![true; function.insns.len()];
    for block in blocks::blocks(function) {
        facts.block += 1;
        for index in block.insns {
            let op = &mut function.insns[index].op;
            keep[index] = facts.fold(op);
            facts.learn(op);
        }
    }
    let mut keep = keep.into_iter();
    function.insns.retain(|_| keep.next() != Some(false));
}

/// What is known about registers.
struct Facts {
    /// Value of registers with a single write.
    constant: Vec<Option<u64>>,
    /// Upper 32 bits are zero after every write.
    narrow: Vec<bool>,
    /// The constant that a register with a single write gets, if it is not a number: an address, a map.
    made: Vec<Option<Op>>,
    /// Values inside a block: its number and the value, if known.
    local: Vec<(usize, Option<u64>)>,
    block: usize,
}

impl Facts {
    fn collect(function: &Function) -> Self {
        let size = function.regs as usize;
        let mut facts = Self {
            constant: vec![None; size],
            narrow: vec![true; size],
            made: vec![None; size],
            local: vec![(0, None); size],
            block: 0,
        };
        let mut writes = vec![0; size];
        for insn in &function.insns {
            let Some(reg) = insn.op.def().map(|reg| reg.0 as usize) else {
                continue;
            };
            writes[reg] += 1;
            let sole = writes[reg] == 1;
            facts.constant[reg] = value(&insn.op).filter(|_| sole);
            let made = sole && insn.op.is_constant();
            facts.made[reg] = made.then(|| insn.op.clone());
            facts.narrow[reg] &= is_narrow(&insn.op);
        }
        facts
    }

    fn constant(&self, reg: Reg) -> Option<u64> {
        match self.local[reg.0 as usize] {
            (block, value) if block == self.block => value,
            _ => self.constant[reg.0 as usize],
        }
    }

    fn learn(&mut self, op: &Op) {
        if let Some(reg) = op.def() {
            self.local[reg.0 as usize] = (self.block, value(op));
        }
    }

    /// Makes an instruction simpler. Returns whether it has to stay.
    fn fold(&self, op: &mut Op) -> bool {
        match op {
            Op::Mov {
                width,
                dst,
                src: Operand::Reg(src),
            } => {
                let (width, dst, src) = (*width, *dst, *src);
                if let Some(value) = self.constant(src) {
                    *op = constant(dst, truncate(width, value));
                } else if let (Width::W64, Some(made)) = (width, &self.made[src.0 as usize]) {
                    *op = made.clone();
                    op.rename(|reg| reg, |_| dst);
                } else if self.narrow[src.0 as usize] {
                    *op = Op::Mov {
                        width: Width::W64,
                        dst,
                        src: src.into(),
                    };
                }
            }
            Op::Alu {
                op: alu,
                width,
                dst,
                src,
            } => {
                self.operand(src, *width, |imm| is_encodable(*alu, *width, imm));
                let known = self.constant(*dst);
                return simplify(op, known);
            }
            Op::Load {
                base,
                offset: Offset::Const(_),
                ..
            } => self.base(base),
            Op::Store {
                size,
                base,
                offset,
                src,
            } => {
                if matches!(offset, Offset::Const(_)) {
                    self.base(base);
                }
                self.stored(*size, *base, src);
            }
            Op::Exit(value) => self.operand(value, Width::W64, |_| true),
            Op::Branch { .. } => return self.branch(op),
            _ => {}
        }
        true
    }

    /// A register with a known value becomes that value, where an instruction has room for it.
    fn operand(&self, operand: &mut Operand, width: Width, fits: impl Fn(i32) -> bool) {
        let Operand::Reg(reg) = *operand else { return };
        let value = self.constant(reg).and_then(|value| immediate(width, value));
        if let Some(value) = value.filter(|value| fits(*value)) {
            *operand = Operand::Imm(value);
        }
    }

    fn base(&self, base: &mut Base) {
        if let Base::Reg(reg) = *base
            && let Some(Op::SlotAddr { slot, .. }) = self.made[reg.0 as usize]
        {
            *base = Base::Slot(slot);
        }
    }

    fn stored(&self, size: Size, base: Base, src: &mut Operand) {
        match (size, base) {
            (Size::B8, Base::Slot(_)) => {}
            (Size::B8, Base::Reg(_)) => self.operand(src, Width::W64, |_| true),
            _ => self.operand(src, Width::W32, |_| true),
        }
    }

    fn branch(&self, op: &mut Op) -> bool {
        let Op::Branch {
            cond,
            width,
            left,
            right,
            target,
        } = op
        else {
            return true;
        };
        self.operand(right, *width, |_| true);
        let Some(known) = self.constant(*left) else {
            return true;
        };
        match *right {
            Operand::Imm(right) => {
                let holds = holds(*cond, *width, known, i64::from(right) as u64);
                *op = Op::Jump(*target);
                holds
            }
            Operand::Reg(other) => {
                if let Some(value) = immediate(*width, known) {
                    (*left, *right) = (other, value.into());
                    *cond = swapped(*cond);
                }
                true
            }
        }
    }
}

/// The value that an instruction writes whatever happens.
fn value(op: &Op) -> Option<u64> {
    match *op {
        Op::Mov {
            width,
            src: Operand::Imm(value),
            ..
        } => Some(truncate(width, i64::from(value) as u64)),
        Op::Imm64 { value, .. } => Some(value),
        _ => None,
    }
}

fn is_narrow(op: &Op) -> bool {
    match op {
        Op::Load { size, .. } => *size != Size::B8,
        Op::Mov {
            width: Width::W32, ..
        }
        | Op::Alu {
            width: Width::W32, ..
        } => true,
        Op::Alu {
            op: AluOp::And,
            src: Operand::Imm(mask),
            ..
        } => *mask >= 0,
        Op::FieldExists { .. } => true,
        _ => value(op).is_some_and(|value| value <= u64::from(u32::MAX)),
    }
}

/// The shortest instruction for a constant.
fn constant(dst: Reg, value: u64) -> Op {
    if let Some(src) = immediate(Width::W64, value) {
        Op::Mov {
            width: Width::W64,
            dst,
            src: src.into(),
        }
    } else if value <= u64::from(u32::MAX) {
        Op::Mov {
            width: Width::W32,
            dst,
            src: Operand::Imm(value as i32),
        }
    } else {
        Op::Imm64 { dst, value }
    }
}

fn truncate(width: Width, value: u64) -> u64 {
    match width {
        Width::W64 => value,
        Width::W32 => value & u64::from(u32::MAX),
    }
}

/// The immediate that means the value in an operation of this width.
fn immediate(width: Width, value: u64) -> Option<i32> {
    match width {
        Width::W64 => i32::try_from(value as i64).ok(),
        Width::W32 => Some(value as i32),
    }
}

/// The verifier refuses division by 0 and shifts by more than the width.
fn is_encodable(op: AluOp, width: Width, imm: i32) -> bool {
    let bits = if width == Width::W64 { 64 } else { 32 };
    match op {
        AluOp::Div | AluOp::Mod => imm != 0,
        AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => (0..bits).contains(&imm),
        _ => true,
    }
}

/// Makes arithmetic with a constant simpler. Returns whether it has to stay.
fn simplify(insn: &mut Op, left: Option<u64>) -> bool {
    let Op::Alu {
        op,
        width,
        dst,
        src,
    } = *insn
    else {
        return true;
    };
    let Operand::Imm(imm) = src else {
        if left == Some(0) && matches!(op, AluOp::Add | AluOp::Or | AluOp::Xor) {
            *insn = Op::Mov { width, dst, src };
        }
        return true;
    };
    if let Some(left) = left {
        *insn = constant(dst, arithmetic(op, width, left, i64::from(imm) as u64));
        return true;
    }
    let power = (imm > 0 && imm.count_ones() == 1).then(|| imm.trailing_zeros() as i32);
    match (op, imm) {
        // `|= 0` stays: it is written to make the verifier forget where a value comes from.
        (AluOp::Add | AluOp::Sub | AluOp::Xor, 0)
        | (AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, 0)
        | (AluOp::Mul | AluOp::Div, 1)
        | (AluOp::And, -1)
            if width == Width::W64 =>
        {
            return false;
        }
        (AluOp::Mul | AluOp::And, 0) => *insn = constant(dst, 0),
        _ => {}
    }
    if let (Op::Alu { op, src, .. }, Some(power)) = (insn, power) {
        match op {
            AluOp::Mul => (*op, *src) = (AluOp::Lsh, power.into()),
            AluOp::Div => (*op, *src) = (AluOp::Rsh, power.into()),
            AluOp::Mod => (*op, *src) = (AluOp::And, (imm - 1).into()),
            _ => {}
        }
    }
    true
}

/// Arithmetic as BPF defines it (Documentation/bpf/standardization/instruction-set.rst, Linux 6.12).
fn arithmetic(op: AluOp, width: Width, left: u64, right: u64) -> u64 {
    let (left, right) = (truncate(width, left), truncate(width, right));
    let bits = if width == Width::W64 { 64 } else { 32 };
    let shift = right as u32 % bits;
    let result = match op {
        AluOp::Add => left.wrapping_add(right),
        AluOp::Sub => left.wrapping_sub(right),
        AluOp::Mul => left.wrapping_mul(right),
        AluOp::Div => left.checked_div(right).unwrap_or(0),
        AluOp::Mod => left.checked_rem(right).unwrap_or(left),
        AluOp::Or => left | right,
        AluOp::And => left & right,
        AluOp::Xor => left ^ right,
        AluOp::Lsh => left << shift,
        AluOp::Rsh => left >> shift,
        AluOp::Arsh => (signed(width, left) >> shift) as u64,
    };
    truncate(width, result)
}

fn signed(width: Width, value: u64) -> i64 {
    match width {
        Width::W64 => value as i64,
        Width::W32 => i64::from(value as i32),
    }
}

fn holds(cond: Cond, width: Width, left: u64, right: u64) -> bool {
    let (left, right) = (truncate(width, left), truncate(width, right));
    let (sleft, sright) = (signed(width, left), signed(width, right));
    match cond {
        Cond::Eq => left == right,
        Cond::Ne => left != right,
        Cond::Gt => left > right,
        Cond::Ge => left >= right,
        Cond::Lt => left < right,
        Cond::Le => left <= right,
        Cond::Sgt => sleft > sright,
        Cond::Sge => sleft >= sright,
        Cond::Slt => sleft < sright,
        Cond::Sle => sleft <= sright,
        Cond::Set => left & right != 0,
    }
}

/// The condition with its sides exchanged.
fn swapped(cond: Cond) -> Cond {
    match cond {
        Cond::Gt => Cond::Lt,
        Cond::Lt => Cond::Gt,
        Cond::Ge => Cond::Le,
        Cond::Le => Cond::Ge,
        Cond::Sgt => Cond::Slt,
        Cond::Slt => Cond::Sgt,
        Cond::Sge => Cond::Sle,
        Cond::Sle => Cond::Sge,
        Cond::Eq | Cond::Ne | Cond::Set => cond,
    }
}

//! Random functions that keep the contract of [`mir`](crate::codegen::mir).

use super::world::{WRITES, mix};
use crate::codegen::mir::{
    AluOp, Builder, Callee, Cond, Field, Function, FunctionId, Label, MapId, Op, Operand, Reg,
    Size, Slot, Width,
};

const ALU: [AluOp; 11] = [
    AluOp::Add,
    AluOp::Sub,
    AluOp::Mul,
    AluOp::Div,
    AluOp::Or,
    AluOp::And,
    AluOp::Lsh,
    AluOp::Rsh,
    AluOp::Mod,
    AluOp::Xor,
    AluOp::Arsh,
];
const CONDS: [Cond; 11] = [
    Cond::Eq,
    Cond::Ne,
    Cond::Gt,
    Cond::Ge,
    Cond::Lt,
    Cond::Le,
    Cond::Sgt,
    Cond::Sge,
    Cond::Slt,
    Cond::Sle,
    Cond::Set,
];
const SIZES: [Size; 4] = [Size::B1, Size::B2, Size::B4, Size::B8];
const FIELDS: [(&str, &str, Size); 3] = [
    ("path", "dentry", Size::B8),
    ("file", "f_path.mnt", Size::B8),
    ("fdtable", "max_fds", Size::B4),
];

/// The function of a seed. `size` is about the number of statements.
pub(super) fn function(seed: u64, size: u32) -> Function {
    let mut b = Builder::new("random");
    let context = b.param(0);
    let params = mix(seed) as u8 % 5;
    let numbers = (1..=params).map(|index| b.param(index)).collect();
    let slots: Vec<Slot> = (0..3).map(|_| b.slot(8)).collect();
    for slot in &slots {
        b.store_slot(Size::B8, *slot, 0, 0);
    }
    let mut random = Random {
        b,
        state: seed,
        context,
        slots,
        numbers,
        depth: 0,
        left: size,
    };
    if random.numbers.is_empty() {
        let zero = random.b.mov(0);
        random.numbers.push(zero);
    }
    while random.left > 0 {
        random.statement();
    }
    let sum = random.b.mov(1);
    for number in random.numbers.clone() {
        random.b.alu(AluOp::Mul, sum, 31);
        random.b.alu(AluOp::Add, sum, number);
    }
    random.b.exit(sum);
    random.b.finish()
}

struct Random {
    b: Builder,
    state: u64,
    context: Reg,
    slots: Vec<Slot>,
    /// Written on every path to here.
    numbers: Vec<Reg>,
    depth: u32,
    left: u32,
}

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.state = mix(self.state);
        (self.state >> 16) as usize % bound
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn number(&mut self) -> Reg {
        let index = self.below(self.numbers.len());
        self.numbers[index]
    }

    /// Old numbers more often than new ones: their lives are long.
    fn old_number(&mut self) -> Reg {
        let bound = self.below(self.numbers.len()) + 1;
        let index = self.below(bound);
        self.numbers[index]
    }

    fn operand(&mut self) -> Operand {
        match self.below(3) {
            0 => Operand::Imm(self.below(70) as i32 - 3),
            _ => Operand::Reg(self.number()),
        }
    }

    /// Where a value goes: a new register, or one that is overwritten.
    fn keep(&mut self, value: Reg) {
        if self.numbers.len() > 24 || self.below(3) == 0 {
            let old = self.number();
            self.b.assign(old, value);
        } else {
            self.numbers.push(value);
        }
    }

    fn statement(&mut self) {
        self.left = self.left.saturating_sub(1);
        match self.below(16) {
            0..=2 => self.arithmetic(),
            3 => self.constant(),
            4 => self.memory(),
            5 => self.field(),
            6..=8 => self.call(),
            9 => self.call_with_pointer(),
            10..=12 => self.branch(),
            13 => self.repeat(),
            14 => self.leave(),
            _ => self.unary(),
        }
    }

    fn arithmetic(&mut self) {
        let (op, width) = (self.pick(&ALU), self.pick(&[Width::W32, Width::W64]));
        let src = match (op, self.operand()) {
            // The verifier refuses these.
            (AluOp::Div | AluOp::Mod, Operand::Imm(0)) => Operand::Imm(8),
            (AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, Operand::Imm(value)) => {
                Operand::Imm(value & 31)
            }
            (_, src) => src,
        };
        let value = self.number();
        let dst = if self.below(2) == 0 {
            value
        } else {
            self.b.mov(value)
        };
        self.b.push(Op::Alu {
            op,
            width,
            dst,
            src,
        });
        if dst != value {
            self.keep(dst);
        }
    }

    fn unary(&mut self) {
        let value = self.number();
        let copy = match self.below(3) {
            0 => self.b.mov(value),
            1 => self.b.mov32(value),
            _ => value,
        };
        match self.below(4) {
            0 => self.b.push(Op::Neg { dst: copy }),
            3 => self.b.push(Op::Mov {
                width: Width::W32,
                dst: copy,
                src: copy.into(),
            }),
            1 => {
                let bits = self.pick(&[16, 32, 64]);
                self.b.to_be(copy, bits);
            }
            _ => {}
        }
        if copy != value {
            self.keep(copy);
        }
    }

    fn constant(&mut self) {
        let value = match self.below(6) {
            0 => self.b.map(MapId(3)),
            1 => self.b.rodata(8),
            2 => self.b.constant(0x1_2345_6789_abcd),
            3 => self.b.constant(0xffff_fff0),
            _ => {
                let value = self.below(40) as i32 - 5;
                self.b.mov(value)
            }
        };
        self.keep(value);
    }

    fn memory(&mut self) {
        let (slot, size) = (self.pick(&self.slots.clone()), self.pick(&SIZES));
        if self.below(2) == 0 {
            let src = self.operand();
            self.b.store_slot(size, slot, 0, src);
        } else {
            let value = match self.below(3) {
                0 => self.b.load_slot(size, slot, 0),
                1 => {
                    let address = self.b.slot_addr(slot);
                    self.b.load(size, address, 0)
                }
                _ => {
                    let offset = self.below(60) as i16;
                    self.b.load(size, self.context, offset)
                }
            };
            self.keep(value);
        }
    }

    fn field(&mut self) {
        let (root, path, size) = self.pick(&FIELDS);
        let field = Field { root, path };
        let value = match self.below(3) {
            0 => self.b.load_field(size, self.context, field),
            1 => self.b.field_exists(field),
            _ => {
                let address = self.b.field_addr(self.context, field);
                self.b.load(size, address, 0)
            }
        };
        self.keep(value);
    }

    fn call(&mut self) {
        let count = self.below(6);
        let args: Vec<Reg> = (0..count)
            .map(|_| match self.below(4) {
                0 => {
                    let value = self.below(9) as i32;
                    self.b.mov(value)
                }
                1 => self.number(),
                _ => self.old_number(),
            })
            .collect();
        let number = 8 * self.below(3) + count;
        let callee = match self.below(2) {
            0 => Callee::Helper(number as u32),
            _ => Callee::Function(FunctionId(number)),
        };
        let result = match self.below(6) {
            0 => None,
            1 => Some(self.number()),
            _ => Some(self.b.reg()),
        };
        self.b.push(Op::Call {
            callee,
            args,
            result,
        });
        if let Some(result) = result.filter(|result| !self.numbers.contains(result)) {
            self.keep(result);
        }
    }

    fn call_with_pointer(&mut self) {
        let slot = self.pick(&self.slots.clone());
        let number = self.number();
        let pointer = self.b.slot_addr(slot);
        let result = self.b.call(WRITES + 2, &[pointer, number]);
        self.keep(result);
        let written = self.b.load_slot(Size::B8, slot, 0);
        self.keep(written);
    }

    fn condition(&mut self, target: Label) {
        let (cond, width) = (self.pick(&CONDS), self.pick(&[Width::W32, Width::W64]));
        let (left, right) = (self.number(), self.operand());
        self.b.push(Op::Branch {
            cond,
            width,
            left,
            right,
            target,
        });
    }

    fn branch(&mut self) {
        let (other, end) = (self.b.label(), self.b.label());
        let known = self.numbers.len();
        self.condition(other);
        self.block();
        self.numbers.truncate(known);
        // Both arms may be empty, and jumps may lead to jumps.
        self.b.jump(end);
        self.b.bind(other);
        self.block();
        self.numbers.truncate(known);
        self.b.bind(end);
    }

    fn repeat(&mut self) {
        let rounds = self.below(4) as i32 + 1;
        let counter = self.b.mov(0);
        let (head, end) = (self.b.label(), self.b.label());
        self.b.bind(head);
        let known = self.numbers.len();
        if self.below(2) == 0 {
            self.condition(end);
        }
        self.block();
        self.numbers.truncate(known);
        self.b.alu(AluOp::Add, counter, 1);
        self.b.branch(Cond::Lt, counter, rounds, head);
        self.b.bind(end);
    }

    fn block(&mut self) {
        if self.depth == 4 {
            return;
        }
        self.depth += 1;
        for _ in 0..self.below(6) {
            if self.left > 0 {
                self.statement();
            }
        }
        self.depth -= 1;
    }

    fn leave(&mut self) {
        let go_on = self.b.label();
        self.condition(go_on);
        let value = match self.below(2) {
            0 => Operand::Imm(self.below(3) as i32),
            _ => Operand::Reg(self.number()),
        };
        self.b.exit(value);
        self.b.bind(go_on);
    }
}

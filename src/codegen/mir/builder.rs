//! Writing machine code.

use super::{
    AluOp, Base, Callee, Cond, Field, Function, FunctionId, Insn, Label, MapId, Offset, Op,
    Operand, Reg, Size, Slot, Width,
};
use crate::diag::Span;

/// Collects the instructions of one function.
#[derive(Debug)]
pub struct Builder {
    function: Function,
    span: Option<Span>,
    /// Slots of [`Builder::temp`], by size.
    temps: Vec<(u32, Slot)>,
}

impl Builder {
    pub fn new(name: impl Into<String>) -> Self {
        let function = Function {
            name: name.into(),
            insns: Vec::new(),
            regs: 0,
            labels: 0,
            slots: Vec::new(),
        };
        Self {
            function,
            span: None,
            temps: Vec::new(),
        }
    }

    pub fn finish(self) -> Function {
        self.function
    }

    /// The instructions that follow exist because of this place in the policy.
    pub fn set_span(&mut self, span: Option<Span>) {
        self.span = span;
    }

    pub fn span(&self) -> Option<Span> {
        self.span
    }

    pub fn reg(&mut self) -> Reg {
        self.function.regs += 1;
        Reg(self.function.regs - 1)
    }

    pub fn label(&mut self) -> Label {
        self.function.labels += 1;
        Label(self.function.labels - 1)
    }

    /// A piece of the stack frame of at least `bytes`.
    pub fn slot(&mut self, bytes: u32) -> Slot {
        self.function.slots.push(bytes);
        Slot(self.function.slots.len() as u32 - 1)
    }

    /// The piece of the stack frame for what is used up at once: the key of a look-up, the result of a read. All such values of one
    /// size share it, so that the frame does not grow with the number of filters.
    pub fn temp(&mut self, bytes: u32) -> Slot {
        if let Some((_, slot)) = self.temps.iter().find(|(size, _)| *size == bytes) {
            return *slot;
        }
        let slot = self.slot(bytes);
        self.temps.push((bytes, slot));
        slot
    }

    pub fn push(&mut self, op: Op) {
        self.function.insns.push(Insn {
            op,
            span: self.span,
        });
    }

    pub fn bind(&mut self, label: Label) {
        self.push(Op::Bind(label));
    }

    pub fn param(&mut self, index: u8) -> Reg {
        let dst = self.reg();
        self.push(Op::Param { dst, index });
        dst
    }

    /// A new register that holds `src`.
    pub fn mov(&mut self, src: impl Into<Operand>) -> Reg {
        let dst = self.reg();
        self.assign(dst, src);
        dst
    }

    pub fn assign(&mut self, dst: Reg, src: impl Into<Operand>) {
        self.push(Op::Mov {
            width: Width::W64,
            dst,
            src: src.into(),
        });
    }

    /// A new register that holds the low 32 bits of `src`.
    pub fn mov32(&mut self, src: impl Into<Operand>) -> Reg {
        let dst = self.reg();
        self.push(Op::Mov {
            width: Width::W32,
            dst,
            src: src.into(),
        });
        dst
    }

    /// A new register that holds a 64-bit constant, in the shortest form.
    pub fn constant(&mut self, value: u64) -> Reg {
        match i32::try_from(value as i64) {
            Ok(small) => self.mov(small),
            Err(_) => {
                let dst = self.reg();
                self.push(Op::Imm64 { dst, value });
                dst
            }
        }
    }

    pub fn alu(&mut self, op: AluOp, dst: Reg, src: impl Into<Operand>) {
        self.push(Op::Alu {
            op,
            width: Width::W64,
            dst,
            src: src.into(),
        });
    }

    pub fn alu32(&mut self, op: AluOp, dst: Reg, src: impl Into<Operand>) {
        self.push(Op::Alu {
            op,
            width: Width::W32,
            dst,
            src: src.into(),
        });
    }

    pub fn to_be(&mut self, dst: Reg, bits: u8) {
        self.push(Op::ToBe { dst, bits });
    }

    pub fn load(&mut self, size: Size, base: Reg, offset: i16) -> Reg {
        let dst = self.reg();
        let offset = Offset::Const(offset);
        self.push(Op::Load {
            size,
            dst,
            base: Base::Reg(base),
            offset,
        });
        dst
    }

    pub fn load_slot(&mut self, size: Size, slot: Slot, offset: i16) -> Reg {
        let dst = self.reg();
        let offset = Offset::Const(offset);
        self.push(Op::Load {
            size,
            dst,
            base: Base::Slot(slot),
            offset,
        });
        dst
    }

    pub fn store(&mut self, size: Size, base: Reg, offset: i16, src: impl Into<Operand>) {
        let offset = Offset::Const(offset);
        self.push(Op::Store {
            size,
            base: Base::Reg(base),
            offset,
            src: src.into(),
        });
    }

    pub fn store_slot(&mut self, size: Size, slot: Slot, offset: i16, src: impl Into<Operand>) {
        let offset = Offset::Const(offset);
        self.push(Op::Store {
            size,
            base: Base::Slot(slot),
            offset,
            src: src.into(),
        });
    }

    /// Reads a field of one, two, four or eight bytes through a pointer that the verifier tracks.
    pub fn load_field(&mut self, size: Size, base: Reg, field: Field) -> Reg {
        let dst = self.reg();
        let offset = Offset::Field(field);
        self.push(Op::Load {
            size,
            dst,
            base: Base::Reg(base),
            offset,
        });
        dst
    }

    pub fn field_addr(&mut self, base: Reg, field: Field) -> Reg {
        let dst = self.reg();
        self.push(Op::FieldAddr { dst, base, field });
        dst
    }

    pub fn field_exists(&mut self, field: Field) -> Reg {
        let dst = self.reg();
        self.push(Op::FieldExists { dst, field });
        dst
    }

    pub fn map(&mut self, map: MapId) -> Reg {
        let dst = self.reg();
        self.push(Op::Map { dst, map });
        dst
    }

    pub fn rodata(&mut self, offset: u32) -> Reg {
        let dst = self.reg();
        self.push(Op::Rodata { dst, offset });
        dst
    }

    pub fn slot_addr(&mut self, slot: Slot) -> Reg {
        let dst = self.reg();
        self.push(Op::SlotAddr { dst, slot });
        dst
    }

    pub fn call(&mut self, helper: u32, args: &[Reg]) -> Reg {
        let result = self.reg();
        let callee = Callee::Helper(helper);
        self.push(Op::Call {
            callee,
            args: args.to_vec(),
            result: Some(result),
        });
        result
    }

    pub fn call_function(&mut self, function: FunctionId, args: &[Reg]) -> Reg {
        let result = self.reg();
        let callee = Callee::Function(function);
        self.push(Op::Call {
            callee,
            args: args.to_vec(),
            result: Some(result),
        });
        result
    }

    pub fn jump(&mut self, target: Label) {
        self.push(Op::Jump(target));
    }

    pub fn branch(&mut self, cond: Cond, left: Reg, right: impl Into<Operand>, target: Label) {
        let right = right.into();
        self.push(Op::Branch {
            cond,
            width: Width::W64,
            left,
            right,
            target,
        });
    }

    pub fn branch32(&mut self, cond: Cond, left: Reg, right: impl Into<Operand>, target: Label) {
        let right = right.into();
        self.push(Op::Branch {
            cond,
            width: Width::W32,
            left,
            right,
            target,
        });
    }

    pub fn exit(&mut self, value: impl Into<Operand>) {
        self.push(Op::Exit(value.into()));
    }
}

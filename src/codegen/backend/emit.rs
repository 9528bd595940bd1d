//! Instructions with their registers to BPF.

use super::alloc::{Home, Homes};
use super::moves;
use super::{AssembleError, Assembled, FieldInfo, FieldReloc, MAX_STACK, Target};
use crate::asm::{Insn, op};
use crate::codegen::mir::{
    AluOp, Base, Callee, Cond, Field, Function, Label, Offset, Op, Operand, Reg, Size, Width,
};
use crate::kernel::structs;

/// The frame pointer.
const FRAME: u8 = 10;
/// Holds no argument at a call, so cycles of moves go through it.
const SPARE: u8 = 0;

struct Emitter<'a> {
    homes: &'a Homes,
    /// Offset of each stack slot from the frame pointer.
    slots: Vec<i16>,
    out: Assembled,
    /// Index of the instruction at each label.
    labels: Vec<usize>,
    jumps: Vec<(usize, Label)>,
}

pub(super) fn emit(function: &Function, homes: &Homes) -> Result<Assembled, AssembleError> {
    let (slots, stack) = frame(function, homes)?;
    let out = Assembled {
        insns: Vec::with_capacity(function.insns.len()),
        relocs: Vec::new(),
        fields: Vec::new(),
        lines: Vec::new(),
        stack,
    };
    let labels = vec![0; function.labels as usize];
    let mut emitter = Emitter {
        homes,
        slots,
        out,
        labels,
        jumps: Vec::new(),
    };
    let mut place = None;
    for insn in &function.insns {
        let before = emitter.out.insns.len();
        emitter.op(&insn.op);
        if insn.span != place && emitter.out.insns.len() > before {
            place = insn.span;
            emitter.out.lines.extend(place.map(|span| (before, span)));
        }
    }
    emitter.resolve_jumps()?;
    Ok(emitter.out)
}

/// Lays out the stack downwards from the frame pointer: the slots that are used, then spilled values.
fn frame(function: &Function, homes: &Homes) -> Result<(Vec<i16>, u32), AssembleError> {
    let mut used = vec![false; function.slots.len()];
    for insn in &function.insns {
        let args: &[Reg] = match &insn.op {
            Op::Call { args, .. } => args,
            _ => &[],
        };
        let constants = args.iter().filter_map(|arg| homes.constants.get(*arg));
        for slot in constants.chain([&insn.op]).filter_map(Op::slot) {
            used[slot.0 as usize] = true;
        }
    }
    let mut depth = 0;
    let mut offsets = Vec::new();
    let slots = function.slots.iter().zip(used);
    let bytes = slots.map(|(bytes, used)| if used { *bytes } else { 0 });
    for bytes in bytes.chain((0..homes.stack).map(|_| 8)) {
        depth += bytes.next_multiple_of(8);
        offsets.push(-(depth.min(MAX_STACK) as i16));
    }
    if depth > MAX_STACK {
        Err(AssembleError::Stack(depth))
    } else {
        Ok((offsets, depth))
    }
}

impl Emitter<'_> {
    fn op(&mut self, op: &Op) {
        match op {
            Op::Bind(label) => self.labels[label.0 as usize] = self.out.insns.len(),
            Op::Param { dst, index } => {
                let dst = self.register(*dst);
                self.copy(dst, index + 1);
            }
            Op::Mov {
                width: Width::W64,
                dst,
                src: Operand::Reg(src),
            } => self.transfer(*dst, *src),
            Op::Mov {
                width,
                dst,
                src: src @ Operand::Reg(_),
            } => self.alu(op::MOV, *width, *dst, *src),
            Op::Mov { dst, .. }
            | Op::Imm64 { dst, .. }
            | Op::FieldExists { dst, .. }
            | Op::Map { dst, .. }
            | Op::Rodata { dst, .. }
            | Op::SlotAddr { dst, .. } => {
                let dst = self.register(*dst);
                self.constant(op, dst);
            }
            Op::Alu {
                op,
                width,
                dst,
                src,
            } => self.alu(alu_code(*op), *width, *dst, *src),
            Op::Neg { dst } => {
                let dst = self.register(*dst);
                self.push(op::ALU64 | op::NEG, dst, 0, 0, 0);
            }
            Op::ToBe { dst, bits } => {
                let dst = self.register(*dst);
                self.push(op::ALU | op::END | op::X, dst, 0, 0, i32::from(*bits));
            }
            Op::Load {
                size,
                dst,
                base,
                offset,
            } => {
                let (base, offset) = self.place(*base, offset);
                let dst = self.register(*dst);
                self.push(op::LDX | op::MEM | size_code(*size), dst, base, offset, 0);
            }
            Op::Store {
                size,
                base,
                offset,
                src,
            } => self.store(*size, *base, offset, *src),
            Op::FieldAddr { dst, base, field } => self.field_addr(*dst, *base, field),
            Op::Call {
                callee,
                args,
                result,
            } => self.call(*callee, args, *result),
            Op::Jump(label) => {
                self.jumps.push((self.out.insns.len(), *label));
                self.push(op::JMP | op::JA, 0, 0, 0, 0);
            }
            Op::Branch {
                cond,
                width,
                left,
                right,
                target,
            } => {
                self.jumps.push((self.out.insns.len(), *target));
                let class = if *width == Width::W64 {
                    op::JMP
                } else {
                    op::JMP32
                };
                self.two(class | cond_code(*cond), *left, *right);
            }
            Op::Exit(value) => {
                match value {
                    Operand::Reg(reg) => {
                        let reg = self.register(*reg);
                        self.copy(0, reg);
                    }
                    Operand::Imm(value) => self.push(op::ALU64 | op::MOV | op::K, 0, 0, 0, *value),
                }
                self.push(op::JMP | op::EXIT, 0, 0, 0, 0);
            }
        }
    }

    /// Makes the value of an instruction that is the same everywhere.
    fn constant(&mut self, op: &Op, dst: u8) {
        match op {
            Op::Mov {
                width,
                src: Operand::Imm(value),
                ..
            } => self.push(class(*width) | op::MOV | op::K, dst, 0, 0, *value),
            Op::Imm64 { value, .. } => self.wide(dst, 0, *value),
            Op::FieldExists { field, .. } => {
                self.record(field, FieldInfo::Exists);
                self.push(op::ALU64 | op::MOV | op::K, dst, 0, 0, 1);
            }
            Op::Map { map, .. } => {
                self.relocate(Target::Map(*map));
                self.wide(dst, op::PSEUDO_MAP_FD, 0);
            }
            Op::Rodata { offset, .. } => {
                self.relocate(Target::Rodata(*offset));
                self.wide(dst, op::PSEUDO_MAP_VALUE, u64::from(*offset) << 32);
            }
            Op::SlotAddr { slot, .. } => {
                let offset = self.slot(slot.0);
                self.copy(dst, FRAME);
                self.push(op::ALU64 | op::ADD | op::K, dst, 0, 0, i32::from(offset));
            }
            _ => unreachable!("{op:?} is no constant"),
        }
    }

    /// A copy, a load of a spilled value, or its store.
    fn transfer(&mut self, dst: Reg, src: Reg) {
        let double = op::MEM | op::DW;
        match (self.home(dst), self.home(src)) {
            (Home::Register(dst), Home::Register(src)) => self.copy(dst, src),
            (Home::Register(dst), Home::Stack(_)) => {
                let offset = self.spilled(src);
                self.push(op::LDX | double, dst, FRAME, offset, 0);
            }
            (Home::Stack(_), _) => {
                let (src, offset) = (self.register(src), self.spilled(dst));
                self.push(op::STX | double, FRAME, src, offset, 0);
            }
        }
    }

    fn push(&mut self, code: u8, dst: u8, src: u8, off: i16, imm: i32) {
        self.out.insns.push(Insn::new(code, dst, src, off, imm));
    }

    /// A 64-bit immediate load, in two slots.
    fn wide(&mut self, dst: u8, kind: u8, value: u64) {
        self.push(op::LD | op::IMM | op::DW, dst, kind, 0, value as i32);
        self.push(0, 0, 0, 0, (value >> 32) as i32);
    }

    fn copy(&mut self, dst: u8, src: u8) {
        if dst != src {
            self.push(op::ALU64 | op::MOV | op::X, dst, src, 0, 0);
        }
    }

    fn alu(&mut self, code: u8, width: Width, dst: Reg, src: Operand) {
        self.two(class(width) | code, dst, src);
    }

    /// An instruction of a register and a register or constant.
    fn two(&mut self, code: u8, dst: Reg, src: Operand) {
        let dst = self.register(dst);
        match src {
            Operand::Reg(src) => {
                let src = self.register(src);
                self.push(code | op::X, dst, src, 0, 0);
            }
            Operand::Imm(value) => self.push(code | op::K, dst, 0, 0, value),
        }
    }

    fn store(&mut self, size: Size, base: Base, offset: &Offset, src: Operand) {
        let (base, offset) = self.place(base, offset);
        match src {
            Operand::Reg(src) => {
                let src = self.register(src);
                self.push(op::STX | op::MEM | size_code(size), base, src, offset, 0);
            }
            Operand::Imm(value) => {
                self.push(op::ST | op::MEM | size_code(size), base, 0, offset, value);
            }
        }
    }

    fn field_addr(&mut self, dst: Reg, base: Reg, field: &Field) {
        let dst = self.register(dst);
        let operation = if self.homes.constants.is_zero(base) {
            op::MOV
        } else {
            self.copy(dst, self.register(base));
            op::ADD
        };
        self.record(field, FieldInfo::ByteOffset);
        let offset = local_offset(field);
        self.push(op::ALU64 | operation | op::K, dst, 0, 0, offset);
    }

    fn call(&mut self, callee: Callee, args: &[Reg], result: Option<Reg>) {
        let constant = |reg: Reg| self.homes.constants.get(reg).cloned();
        let mut moved: Vec<(u8, u8)> = Vec::new();
        let mut made: Vec<(u8, Op)> = Vec::new();
        for (arg, to) in args.iter().zip(1..) {
            match constant(*arg) {
                Some(op) => made.push((to, op)),
                None => moved.push((to, self.register(*arg))),
            }
        }
        for (to, from) in moves::sequence(&moved, SPARE) {
            self.copy(to, from);
        }
        for (to, op) in made {
            self.constant(&op, to);
        }
        match callee {
            Callee::Helper(number) => self.push(op::JMP | op::CALL, 0, 0, 0, number as i32),
            Callee::Function(function) => {
                self.relocate(Target::Function(function));
                self.push(op::JMP | op::CALL, 0, op::PSEUDO_CALL, 0, -1);
            }
        }
        if let Some(result) = result {
            let result = self.register(result);
            self.copy(result, 0);
        }
    }

    fn place(&mut self, base: Base, offset: &Offset) -> (u8, i16) {
        let offset = match offset {
            Offset::Const(offset) => *offset,
            Offset::Field(field) => {
                self.record(field, FieldInfo::ByteOffset);
                local_offset(field) as i16
            }
        };
        match base {
            Base::Reg(reg) => (self.register(reg), offset),
            Base::Slot(slot) => (FRAME, self.slot(slot.0) + offset),
        }
    }

    fn home(&self, reg: Reg) -> Home {
        self.homes.of[reg.0 as usize]
    }

    fn register(&self, reg: Reg) -> u8 {
        match self.home(reg) {
            Home::Register(register) => register,
            Home::Stack(_) => unreachable!("only copies name {reg:?}, which lives on the stack"),
        }
    }

    /// Offset of a slot from the frame pointer.
    fn slot(&self, slot: u32) -> i16 {
        self.slots[slot as usize]
    }

    fn spilled(&self, reg: Reg) -> i16 {
        match self.home(reg) {
            Home::Stack(piece) => {
                self.slots[self.slots.len() - self.homes.stack as usize + piece as usize]
            }
            Home::Register(_) => unreachable!("{reg:?} lives in a register"),
        }
    }

    fn relocate(&mut self, target: Target) {
        self.out.relocs.push((self.out.insns.len(), target));
    }

    fn record(&mut self, field: &Field, info: FieldInfo) {
        let insn = self.out.insns.len();
        self.out.fields.push(FieldReloc {
            insn,
            field: field.clone(),
            info,
        });
    }

    fn resolve_jumps(&mut self) -> Result<(), AssembleError> {
        for (index, label) in &self.jumps {
            let target = self.labels[label.0 as usize];
            let distance = target as i64 - *index as i64 - 1;
            self.out.insns[*index].off = i16::try_from(distance)
                .map_err(|_| AssembleError::Distance(distance.unsigned_abs() as usize))?;
        }
        Ok(())
    }
}

/// Offset in the local definitions; the loader puts the kernel's in its place.
fn local_offset(field: &Field) -> i32 {
    let access = structs::access(field.root, field.path);
    access.expect("codegen names fields of the table").offset as i32
}

fn class(width: Width) -> u8 {
    match width {
        Width::W64 => op::ALU64,
        Width::W32 => op::ALU,
    }
}

fn alu_code(op: AluOp) -> u8 {
    match op {
        AluOp::Add => op::ADD,
        AluOp::Sub => op::SUB,
        AluOp::Mul => op::MUL,
        AluOp::Div => op::DIV,
        AluOp::Or => op::OR,
        AluOp::And => op::AND,
        AluOp::Lsh => op::LSH,
        AluOp::Rsh => op::RSH,
        AluOp::Mod => op::MOD,
        AluOp::Xor => op::XOR,
        AluOp::Arsh => op::ARSH,
    }
}

fn cond_code(cond: Cond) -> u8 {
    match cond {
        Cond::Eq => op::JEQ,
        Cond::Ne => op::JNE,
        Cond::Gt => op::JGT,
        Cond::Ge => op::JGE,
        Cond::Lt => op::JLT,
        Cond::Le => op::JLE,
        Cond::Sgt => op::JSGT,
        Cond::Sge => op::JSGE,
        Cond::Slt => op::JSLT,
        Cond::Sle => op::JSLE,
        Cond::Set => op::JSET,
    }
}

fn size_code(size: Size) -> u8 {
    match size {
        Size::B1 => op::B,
        Size::B2 => op::H,
        Size::B4 => op::W,
        Size::B8 => op::DW,
    }
}

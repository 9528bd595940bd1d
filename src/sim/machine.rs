//! The BPF machine: registers, stack, calls.
//!
//! In: an [`Image`] and the world that it runs in. Out: the program's result. It computes what the kernel's interpreter does, and
//! refuses what its verifier would, as far as one run shows it: reads of registers and stack that nobody wrote, accesses outside of the
//! stack, of a map's value or of the context, through numbers instead of pointers; parts of pointers; constants that no operation takes;
//! pointers as arguments of global functions.

use crate::asm::{Insn, op};
use crate::object::POISON;

use super::image::{self, Image, MAX_FRAMES, MAX_STACK};
use super::world::World;

/// What the verifier knows of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Nobody wrote it.
    Unset,
    Number,
    /// Into the stack of a call.
    Stack,
    /// Into a value of a map.
    Value,
    Context,
    /// To a structure of the kernel; reads of bad memory give 0.
    Kernel,
    /// A map itself; the value is its index.
    Map,
}

/// A register's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) tag: Tag,
    pub(super) bits: u64,
}

impl Word {
    pub(super) const UNSET: Self = Self {
        tag: Tag::Unset,
        bits: 0,
    };

    pub(super) fn number(bits: u64) -> Self {
        Self {
            tag: Tag::Number,
            bits,
        }
    }

    pub(super) fn new(tag: Tag, bits: u64) -> Self {
        Self { tag, bits }
    }
}

/// Instructions of one run, against loops without end. The verifier has no such limit: it walks a global function once, however often it is
/// called. A program that reads six paths of 2,047 components twice takes a few millions.
const MAX_STEPS: u64 = 50_000_000;
/// Bytes that a call's stack has room for. How many of them its function may use is less: see [`Image`].
const STACK: usize = MAX_STACK;
/// Address of the lowest byte of the first call's stack.
const STACKS: u64 = 0xffff_c900_0000_0000;
/// Distance of the stacks of two calls.
const STACK_STRIDE: u64 = 4096;

/// The stack of a call.
#[derive(Clone, Debug)]
struct Frame {
    bytes: [u8; STACK],
    written: [bool; STACK],
    /// Of pointers that were stored whole, by eight bytes.
    tags: [Tag; STACK / 8],
    /// First byte that the function's code names.
    first: usize,
    /// Where the call returns to, and the caller's r6 to r9.
    back: usize,
    saved: [Word; 4],
}

impl Frame {
    fn new(stack: usize, back: usize, saved: [Word; 4]) -> Self {
        Self {
            first: STACK.saturating_sub(stack),
            bytes: [0; STACK],
            written: [false; STACK],
            tags: [Tag::Number; STACK / 8],
            back,
            saved,
        }
    }
}

/// A running program.
pub(super) struct Machine<'a, 'w> {
    image: &'a Image,
    pub(super) world: &'a mut World<'w>,
    pub(super) regs: [Word; 11],
    frames: Vec<Frame>,
    at: usize,
    pub(super) steps: u64,
    pub(super) calls: u64,
}

/// Runs a program with the context in r1; the error names the instruction and what is wrong with it.
pub(super) fn run<'a, 'w>(image: &'a Image, world: &'a mut World<'w>) -> Result<Finished, String> {
    let mut machine = Machine {
        image,
        world,
        regs: [Word::UNSET; 11],
        frames: vec![Frame::new(image.program().stack, 0, [Word::UNSET; 4])],
        at: 0,
        steps: 0,
        calls: 0,
    };
    machine.regs[1] = Word::new(Tag::Context, machine.world.context.address());
    machine.regs[10] = Word::new(Tag::Stack, top(0));
    loop {
        let at = machine.at;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(result)) => {
                return Ok(Finished {
                    result,
                    steps: machine.steps,
                    calls: machine.calls,
                });
            }
            Err(error) => {
                let insn = image
                    .insns
                    .get(at)
                    .map_or_else(String::new, ToString::to_string);
                return Err(format!("instruction {at} `{insn}`: {error}"));
            }
        }
    }
}

/// A program that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    pub(super) result: u64,
    pub(super) steps: u64,
    /// Calls of helpers.
    pub(super) calls: u64,
}

/// The frame pointer of a call.
fn top(depth: usize) -> u64 {
    STACKS + depth as u64 * STACK_STRIDE + STACK as u64
}

impl Machine<'_, '_> {
    /// One instruction; the program's result when it ends.
    fn step(&mut self) -> Result<Option<u64>, String> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err("too many instructions".to_owned());
        }
        let insn = *self.image.insns.get(self.at).ok_or("nothing there")?;
        let next = self.at + 1;
        self.at = match insn.code & op::CLASS_MASK {
            op::LD => self.wide(insn)?,
            op::LDX => self.load(insn).map(|()| next)?,
            op::ST | op::STX => self.store(insn).map(|()| next)?,
            op::ALU | op::ALU64 => self.alu(insn).map(|()| next)?,
            op::JMP if insn.code & op::OP_MASK == op::EXIT => return self.exit(),
            op::JMP if insn.code & op::OP_MASK == op::CALL => self.call(insn)?,
            _ => self.jump(insn)?,
        };
        Ok(None)
    }

    pub(super) fn get(&self, reg: u8) -> Result<Word, String> {
        match self.regs.get(usize::from(reg)) {
            Some(word) if word.tag != Tag::Unset => Ok(*word),
            _ => Err(format!("R{reg} !read_ok")),
        }
    }

    fn set(&mut self, reg: u8, word: Word) -> Result<(), String> {
        match self.regs.get_mut(usize::from(reg)) {
            Some(place) if reg < 10 => {
                *place = word;
                Ok(())
            }
            _ => Err(format!("R{reg} is read only")),
        }
    }

    fn wide(&mut self, insn: Insn) -> Result<usize, String> {
        let high = self
            .image
            .insns
            .get(self.at + 1)
            .filter(|_| insn.is_wide())
            .ok_or("half a load")?;
        let word = match self.image.maps[self.at] {
            Some(image::MapRef { map, offset: None }) => Word::new(Tag::Map, map as u64),
            Some(image::MapRef {
                map,
                offset: Some(offset),
            }) => {
                let address = self.world.maps.value(map, offset);
                Word::new(Tag::Value, address.ok_or("the address of no value")?)
            }
            None => Word::number(
                u64::from(insn.imm.cast_unsigned()) | u64::from(high.imm.cast_unsigned()) << 32,
            ),
        };
        self.set(insn.dst, word)?;
        Ok(self.at + 2)
    }

    fn load(&mut self, insn: Insn) -> Result<(), String> {
        if insn.code & op::MODE_MASK != op::MEM {
            return Err("a load of an unknown mode".to_owned());
        }
        let base = self.get(insn.src)?;
        let (address, len) = (offset(base.bits, insn.off), size(insn));
        let mut bytes = [0; 8];
        let tag = match base.tag {
            Tag::Kernel => {
                if let Some(found) = self.world.memory.kernel(address, len) {
                    bytes[..len].copy_from_slice(found);
                }
                if self.image.pointers[self.at] {
                    Tag::Kernel
                } else {
                    Tag::Number
                }
            }
            Tag::Context => {
                let word = self.world.context.load(address, len)?;
                bytes = word.bits.to_le_bytes();
                word.tag
            }
            Tag::Stack => self.load_stack(address, &mut bytes[..len])?,
            Tag::Value => {
                let spot = self
                    .world
                    .maps
                    .spot(address, len)
                    .ok_or("outside of the map's value")?;
                bytes[..len].copy_from_slice(self.world.maps.read(spot, len));
                Tag::Number
            }
            tag => return Err(format!("a load through {tag:?}")),
        };
        self.set(insn.dst, Word::new(tag, u64::from_le_bytes(bytes)))
    }

    fn store(&mut self, insn: Insn) -> Result<(), String> {
        if insn.code & op::MODE_MASK != op::MEM {
            return Err("a store of an unknown mode".to_owned());
        }
        let value = match insn.code & op::CLASS_MASK {
            op::ST => Word::number(i64::from(insn.imm).cast_unsigned()),
            _ => self.get(insn.src)?,
        };
        let base = self.get(insn.dst)?;
        let (address, len) = (offset(base.bits, insn.off), size(insn));
        let bytes = value.bits.to_le_bytes();
        match base.tag {
            Tag::Stack => {
                if !address.is_multiple_of(len as u64) {
                    return Err("misaligned stack access".to_owned());
                }
                if len < 8 && value.tag != Tag::Number {
                    return Err("invalid size of register spill".to_owned());
                }
                self.write_stack(address, &bytes[..len])?;
                if len == 8 {
                    let (depth, at) = self.stack_place(address, 8)?;
                    self.frames[depth].tags[at / 8] = value.tag;
                }
                Ok(())
            }
            Tag::Value => {
                let spot = self
                    .world
                    .maps
                    .spot(address, len)
                    .ok_or("outside of the map's value")?;
                self.world.maps.write(spot, &bytes[..len])
            }
            tag => Err(format!("a store through {tag:?}")),
        }
    }

    fn load_stack(&mut self, address: u64, bytes: &mut [u8]) -> Result<Tag, String> {
        if !address.is_multiple_of(bytes.len() as u64) {
            return Err("misaligned stack access".to_owned());
        }
        let (depth, at) = self.stack_place(address, bytes.len())?;
        let tag = self.frames[depth].tags[at / 8];
        if tag != Tag::Number && bytes.len() < 8 {
            return Err("invalid size of register fill".to_owned());
        }
        bytes.copy_from_slice(self.written(depth, at, bytes.len())?);
        Ok(tag)
    }

    /// Bytes of the stack for a helper: all of them written before, none of them a pointer's (`check_stack_boundary`, Linux 5.10).
    pub(super) fn read_stack(&self, address: u64, len: usize) -> Result<&[u8], String> {
        let (depth, at) = self.stack_place(address, len)?;
        let tags = &self.frames[depth].tags[at / 8..(at + len).div_ceil(8)];
        if tags.iter().any(|tag| *tag != Tag::Number) {
            return Err("a pointer on the stack as bytes".to_owned());
        }
        self.written(depth, at, len)
    }

    fn written(&self, depth: usize, at: usize, len: usize) -> Result<&[u8], String> {
        let frame = &self.frames[depth];
        if !frame.written[at..at + len].iter().all(|written| *written) {
            return Err("a read of stack that nobody wrote".to_owned());
        }
        Ok(&frame.bytes[at..at + len])
    }

    /// Depth of the call and byte of its stack.
    pub(super) fn stack_place(&self, address: u64, len: usize) -> Result<(usize, usize), String> {
        let from = address.checked_sub(STACKS).ok_or("outside of the stack")?;
        let (depth, at) = (
            (from / STACK_STRIDE) as usize,
            (from % STACK_STRIDE) as usize,
        );
        let frame = self.frames.get(depth).ok_or("a stack that is gone")?;
        match at >= frame.first && at + len <= STACK {
            true => Ok((depth, at)),
            false => Err("outside of the stack".to_owned()),
        }
    }

    pub(super) fn write_stack(&mut self, address: u64, bytes: &[u8]) -> Result<(), String> {
        let (depth, at) = self.stack_place(address, bytes.len())?;
        let frame = &mut self.frames[depth];
        let range = at..at + bytes.len();
        frame.bytes[range.clone()].copy_from_slice(bytes);
        frame.written[range.clone()].fill(true);
        if !bytes.is_empty() {
            frame.tags[range.start / 8..=(range.end - 1) / 8].fill(Tag::Number);
        }
        Ok(())
    }

    fn operand(&self, insn: Insn) -> Result<Word, String> {
        match insn.code & op::SRC_MASK {
            op::X => self.get(insn.src),
            _ => Ok(Word::number(i64::from(insn.imm).cast_unsigned())),
        }
    }

    fn alu(&mut self, insn: Insn) -> Result<(), String> {
        let wide = insn.code & op::CLASS_MASK == op::ALU64;
        let operation = insn.code & op::OP_MASK;
        // Signed division, moves with sign extension, swaps without condition: Linux 6.6.
        if insn.off != 0 || (operation == op::END && wide) {
            return Err("an operation of a newer instruction set".to_owned());
        }
        if insn.code & op::SRC_MASK == op::K {
            takes(operation, wide, insn.imm)?;
        }
        let word = match operation {
            op::MOV if wide => self.operand(insn)?,
            op::MOV => Word::number(cut(false, self.operand(insn)?.bits)),
            op::NEG => Word::number(cut(wide, plain(self.get(insn.dst)?)?.wrapping_neg())),
            op::END => Word::number(swapped(insn, plain(self.get(insn.dst)?)?)?),
            op::ADD | op::SUB if wide => add(operation, self.get(insn.dst)?, self.operand(insn)?)?,
            _ => {
                let (left, right) = (plain(self.get(insn.dst)?)?, plain(self.operand(insn)?)?);
                Word::number(arithmetic(operation, wide, left, right)?)
            }
        };
        self.set(insn.dst, word)
    }

    fn jump(&mut self, insn: Insn) -> Result<usize, String> {
        let wide = insn.code & op::CLASS_MASK == op::JMP;
        let taken = match insn.code & op::OP_MASK {
            op::JA if wide => true,
            operation => {
                let (left, right) = (self.get(insn.dst)?.bits, self.operand(insn)?.bits);
                holds(operation, wide, left, right)?
            }
        };
        let next = self.at as i64 + 1 + if taken { i64::from(insn.off) } else { 0 };
        usize::try_from(next).map_err(|_| "a jump in front of the program".to_owned())
    }

    fn call(&mut self, insn: Insn) -> Result<usize, String> {
        match insn.src {
            0 if insn.imm == POISON => Err("a member that this kernel lacks".to_owned()),
            0 => {
                self.calls += 1;
                let result = self.helper(insn.imm.cast_unsigned())?;
                self.regs[1..6].fill(Word::UNSET);
                self.regs[0] = result;
                Ok(self.at + 1)
            }
            op::PSEUDO_CALL => self.enter(insn),
            _ => Err("a call of an unknown kind".to_owned()),
        }
    }

    /// Enters a global function, which takes numbers only.
    fn enter(&mut self, insn: Insn) -> Result<usize, String> {
        let target = image::target(self.at, insn).ok_or("a call to nowhere")?;
        let function = self.image.function(target);
        let function = function.ok_or("a call into the middle of a function")?;
        for reg in 1..=function.params {
            if self.get(reg)?.tag != Tag::Number {
                return Err(format!("R{reg} is not a number"));
            }
        }
        let depth = self.frames.len();
        if depth == MAX_FRAMES {
            return Err("too many calls inside each other".to_owned());
        }
        let saved = [self.regs[6], self.regs[7], self.regs[8], self.regs[9]];
        self.frames
            .push(Frame::new(function.stack, self.at + 1, saved));
        self.regs[usize::from(function.params) + 1..10].fill(Word::UNSET);
        self.regs[0] = Word::UNSET;
        self.regs[10] = Word::new(Tag::Stack, top(depth));
        Ok(target)
    }

    fn exit(&mut self) -> Result<Option<u64>, String> {
        let result = self.get(0)?;
        if result.tag != Tag::Number {
            return Err("R0 is not a number".to_owned());
        }
        let frame = self.frames.pop().ok_or("no call to return from")?;
        if self.frames.is_empty() {
            return Ok(Some(result.bits));
        }
        self.regs[1..6].fill(Word::UNSET);
        self.regs[6..10].copy_from_slice(&frame.saved);
        self.regs[10] = Word::new(Tag::Stack, top(self.frames.len() - 1));
        self.at = frame.back;
        Ok(None)
    }
}

fn offset(base: u64, off: i16) -> u64 {
    base.wrapping_add_signed(off.into())
}

fn size(insn: Insn) -> usize {
    match insn.code & op::SIZE_MASK {
        op::B => 1,
        op::H => 2,
        op::W => 4,
        _ => 8,
    }
}

/// What is left of a number in an operation of this width.
fn cut(wide: bool, value: u64) -> u64 {
    if wide { value } else { u64::from(value as u32) }
}

/// Refuses constants as the verifier does: divisors of 0, shifts by the whole width (`check_alu_op`, kernel/bpf/verifier.c).
fn takes(operation: u8, wide: bool, imm: i32) -> Result<(), String> {
    let width = if wide { 64 } else { 32 };
    match operation {
        op::DIV | op::MOD if imm == 0 => Err("div by zero".to_owned()),
        op::LSH | op::RSH | op::ARSH if !(0..width).contains(&imm) => {
            Err(format!("invalid shift {imm}"))
        }
        _ => Ok(()),
    }
}

/// A number for an operation that pointers do not take.
fn plain(word: Word) -> Result<u64, String> {
    match word.tag {
        Tag::Number => Ok(word.bits),
        tag => Err(format!("arithmetic on {tag:?}")),
    }
}

/// Sums may have one pointer, differences one on the left.
fn add(operation: u8, left: Word, right: Word) -> Result<Word, String> {
    let bits = match operation {
        op::ADD => left.bits.wrapping_add(right.bits),
        _ => left.bits.wrapping_sub(right.bits),
    };
    match (left.tag, right.tag) {
        (tag, Tag::Number) if tag != Tag::Map => Ok(Word::new(tag, bits)),
        (Tag::Number, tag) if operation == op::ADD && tag != Tag::Map => Ok(Word::new(tag, bits)),
        (left, right) => Err(format!("a sum of {left:?} and {right:?}")),
    }
}

/// Documentation/bpf/standardization/instruction-set.rst, Linux 6.12.
fn arithmetic(operation: u8, wide: bool, left: u64, right: u64) -> Result<u64, String> {
    if !wide {
        let (left, right) = (cut(false, left), cut(false, right));
        let shift = right as u32 & 31;
        return Ok(u64::from(match operation {
            op::LSH => (left as u32) << shift,
            op::RSH => (left as u32) >> shift,
            op::ARSH => ((left as u32).cast_signed() >> shift).cast_unsigned(),
            _ => arithmetic(operation, true, left, right)? as u32,
        }));
    }
    let shift = right as u32 & 63;
    Ok(match operation {
        op::ADD => left.wrapping_add(right),
        op::SUB => left.wrapping_sub(right),
        op::MUL => left.wrapping_mul(right),
        op::DIV => left.checked_div(right).unwrap_or(0),
        op::MOD => left.checked_rem(right).unwrap_or(left),
        op::OR => left | right,
        op::AND => left & right,
        op::XOR => left ^ right,
        op::LSH => left << shift,
        op::RSH => left >> shift,
        op::ARSH => (left.cast_signed() >> shift).cast_unsigned(),
        _ => return Err("an unknown operation".to_owned()),
    })
}

/// `be16` to `be64`; `le` changes nothing but the width on a little-endian machine.
fn swapped(insn: Insn, value: u64) -> Result<u64, String> {
    let to_big = insn.code & op::SRC_MASK == op::X;
    Ok(match (insn.imm, to_big) {
        (16, true) => (value as u16).swap_bytes().into(),
        (32, true) => (value as u32).swap_bytes().into(),
        (64, true) => value.swap_bytes(),
        (16, false) => u64::from(value as u16),
        (32, false) => u64::from(value as u32),
        (64, false) => value,
        _ => return Err("a swap of an unknown width".to_owned()),
    })
}

fn holds(operation: u8, wide: bool, left: u64, right: u64) -> Result<bool, String> {
    let (left, right) = (cut(wide, left), cut(wide, right));
    let signed = |value: u64| {
        if wide {
            value.cast_signed()
        } else {
            i64::from((value as u32).cast_signed())
        }
    };
    Ok(match operation {
        op::JEQ => left == right,
        op::JNE => left != right,
        op::JGT => left > right,
        op::JGE => left >= right,
        op::JLT => left < right,
        op::JLE => left <= right,
        op::JSGT => signed(left) > signed(right),
        op::JSGE => signed(left) >= signed(right),
        op::JSLT => signed(left) < signed(right),
        op::JSLE => signed(left) <= signed(right),
        op::JSET => left & right != 0,
        _ => return Err("an unknown jump".to_owned()),
    })
}

#[cfg(test)]
mod tests;

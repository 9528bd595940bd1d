//! Short words for programs in unit tests, and a world that they run in.

use super::image::Image;
use super::machine;
use super::maps::Maps;
use super::memory::Memory;
use super::world::{Context, Effect, World};
use crate::asm::{Insn, op};
use crate::object;

/// What programs run in.
pub(super) struct Bench {
    pub(super) memory: Memory,
    pub(super) maps: Maps,
    pub(super) may_override: bool,
    pub(super) effects: Vec<Effect>,
}

impl Bench {
    pub(super) fn new(maps: &[object::Map]) -> Self {
        Self {
            memory: Memory::default(),
            maps: Maps::new(maps).expect("maps that the kernel takes"),
            may_override: false,
            effects: Vec::new(),
        }
    }

    /// Runs a program, which ends with what `parts` leave in r0.
    pub(super) fn run(&mut self, parts: &[Vec<Insn>]) -> Result<u64, String> {
        let code = [parts.concat(), exit()].concat();
        self.image(&Image::of(code, &[])?)
    }

    pub(super) fn image(&mut self, image: &Image) -> Result<u64, String> {
        let mut world = World {
            memory: &self.memory,
            maps: &mut self.maps,
            context: Context::Registers([7; 21]),
            task: 0,
            ids: (1, 2),
            takes_signals: true,
            time: 3,
            ring_is_full: false,
            may_override: self.may_override,
            effects: Vec::new(),
        };
        let finished = machine::run(image, &mut world)?;
        self.effects.append(&mut world.effects);
        Ok(finished.result)
    }
}

/// A map of this type, key size, value size and number of entries.
pub(super) fn map(kind: u32, key_size: u32, value_size: u32, max_entries: u32) -> object::Map {
    object::Map {
        kind,
        key_size,
        value_size,
        max_entries,
        ..object::Map::default()
    }
}

/// Any instruction of one slot.
pub(super) fn one(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Vec<Insn> {
    vec![Insn::new(code, dst, src, off, imm)]
}

pub(super) fn mov(dst: u8, imm: i32) -> Vec<Insn> {
    one(op::ALU64 | op::MOV | op::K, dst, 0, 0, imm)
}

pub(super) fn copy(dst: u8, src: u8) -> Vec<Insn> {
    one(op::ALU64 | op::MOV | op::X, dst, src, 0, 0)
}

/// The address of a place in the stack.
pub(super) fn stack(dst: u8, off: i32) -> Vec<Insn> {
    let add = one(op::ALU64 | op::ADD | op::K, dst, 0, 0, off);
    [copy(dst, 10), add].concat()
}

/// 64 bits.
pub(super) fn wide(dst: u8, bits: u64) -> Vec<Insn> {
    halves(dst, 0, bits as i32, (bits >> 32) as i32)
}

/// A map.
pub(super) fn the_map(dst: u8, map: i32) -> Vec<Insn> {
    halves(dst, op::PSEUDO_MAP_FD, map, 0)
}

/// The address of a byte of a map's only value.
pub(super) fn value(dst: u8, map: i32, offset: i32) -> Vec<Insn> {
    halves(dst, op::PSEUDO_MAP_VALUE, map, offset)
}

fn halves(dst: u8, kind: u8, low: i32, high: i32) -> Vec<Insn> {
    let code = op::LD | op::IMM | op::DW;
    let first = one(code, dst, kind, 0, low);
    [first, one(0, 0, 0, 0, high)].concat()
}

pub(super) fn load(size: u8, dst: u8, base: u8, off: i16) -> Vec<Insn> {
    one(op::LDX | op::MEM | size, dst, base, off, 0)
}

pub(super) fn store(size: u8, base: u8, off: i16, src: u8) -> Vec<Insn> {
    one(op::STX | op::MEM | size, base, src, off, 0)
}

/// A constant, as eight bytes.
pub(super) fn put(base: u8, off: i16, imm: i32) -> Vec<Insn> {
    one(op::ST | op::MEM | op::DW, base, 0, off, imm)
}

/// A helper function.
pub(super) fn call(helper: u32) -> Vec<Insn> {
    one(op::JMP | op::CALL, 0, 0, 0, helper.cast_signed())
}

/// A function so many slots behind the next.
pub(super) fn enter(distance: i32) -> Vec<Insn> {
    one(op::JMP | op::CALL, 0, op::PSEUDO_CALL, 0, distance)
}

pub(super) fn exit() -> Vec<Insn> {
    one(op::JMP | op::EXIT, 0, 0, 0, 0)
}

/// Checks that a program is refused, and why.
#[track_caller]
pub(super) fn refused(result: Result<u64, String>, why: &str) {
    let error = result.expect_err(why);
    assert!(error.contains(why), "`{error}` instead of `{why}`");
}

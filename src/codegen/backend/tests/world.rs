//! What both interpreters see outside the function: memory, helpers, addresses.

use std::collections::BTreeMap;

use crate::codegen::mir::{AluOp, Callee, Cond, MapId, Size, Width};

/// Address of the context, the function's first parameter.
pub(super) const CONTEXT: u64 = 0x1000;
pub(super) const CONTEXT_BYTES: u64 = 512;
/// A callee with this bit takes a pointer first, and writes eight bytes there.
pub(super) const WRITES: u32 = 64;

/// A callee of the tests: the low three bits are the number of arguments.
pub(super) fn arity(callee: Callee) -> usize {
    (number(callee) & 7) as usize
}

fn number(callee: Callee) -> u32 {
    match callee {
        Callee::Helper(number) => number,
        Callee::Function(function) => function.0 as u32,
    }
}

pub(super) fn map_address(map: MapId) -> u64 {
    0x4d41_5000_0000 + map.0 as u64
}

pub(super) fn rodata_address(offset: u32) -> u64 {
    0x524f_0000_0000 + u64::from(offset)
}

/// Memory by byte, and the calls so far.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    memory: BTreeMap<u64, u8>,
    /// Each callee with the numbers that it was given.
    pub(super) calls: Vec<(Callee, Vec<u64>)>,
}

impl World {
    /// A world whose context holds bytes that depend on the seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut world = Self::default();
        for at in 0..CONTEXT_BYTES {
            let byte = (mix(seed ^ at) >> 32) as u8;
            world.memory.insert(CONTEXT + at, byte);
        }
        world
    }

    pub(super) fn load(&self, address: u64, size: Size) -> Result<u64, String> {
        let mut value = 0;
        for at in (0..u64::from(size.bytes())).rev() {
            let byte = self.memory.get(&(address + at));
            let byte = byte.ok_or_else(|| format!("nothing at {address:#x} + {at}"))?;
            value = value << 8 | u64::from(*byte);
        }
        Ok(value)
    }

    pub(super) fn store(&mut self, address: u64, size: Size, value: u64) {
        for at in 0..u64::from(size.bytes()) {
            self.memory.insert(address + at, (value >> (8 * at)) as u8);
        }
    }

    pub(super) fn call(&mut self, callee: Callee, args: &[u64]) -> u64 {
        let numbers = if number(callee) & WRITES != 0 {
            &args[1..]
        } else {
            args
        };
        let result = numbers
            .iter()
            .fold(u64::from(number(callee)), |sum, arg| mix(sum ^ arg));
        if number(callee) & WRITES != 0 {
            self.store(args[0], Size::B8, result);
        }
        self.calls.push((callee, numbers.to_vec()));
        mix(result)
    }
}

/// SplitMix64's finaliser.
pub(super) fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Arithmetic as `Documentation/bpf/standardization/instruction-set.rst` (Linux 6.12) defines it.
pub(super) fn arithmetic(op: AluOp, width: Width, left: u64, right: u64) -> u64 {
    match width {
        Width::W64 => wide(op, left, right),
        Width::W32 => u64::from(narrow(op, left as u32, right as u32)),
    }
}

fn wide(op: AluOp, left: u64, right: u64) -> u64 {
    let shift = right as u32 & 63;
    match op {
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
        AluOp::Arsh => ((left as i64) >> shift) as u64,
    }
}

fn narrow(op: AluOp, left: u32, right: u32) -> u32 {
    match op {
        AluOp::Lsh => left << (right & 31),
        AluOp::Rsh => left >> (right & 31),
        AluOp::Arsh => ((left as i32) >> (right & 31)) as u32,
        _ => wide(op, u64::from(left), u64::from(right)) as u32,
    }
}

pub(super) fn holds(cond: Cond, width: Width, left: u64, right: u64) -> bool {
    let (left, right, signed) = match width {
        Width::W64 => (left, right, (left as i64, right as i64)),
        Width::W32 => (
            u64::from(left as u32),
            u64::from(right as u32),
            (i64::from(left as i32), i64::from(right as i32)),
        ),
    };
    match cond {
        Cond::Eq => left == right,
        Cond::Ne => left != right,
        Cond::Gt => left > right,
        Cond::Ge => left >= right,
        Cond::Lt => left < right,
        Cond::Le => left <= right,
        Cond::Sgt => signed.0 > signed.1,
        Cond::Sge => signed.0 >= signed.1,
        Cond::Slt => signed.0 < signed.1,
        Cond::Sle => signed.0 <= signed.1,
        Cond::Set => left & right != 0,
    }
}

/// Big-endian bytes in the low bits to a number.
pub(super) fn to_be(value: u64, bits: i32) -> u64 {
    match bits {
        16 => u64::from((value as u16).swap_bytes()),
        32 => u64::from((value as u32).swap_bytes()),
        _ => value.swap_bytes(),
    }
}

//! Instructions as the kernel's verifier log prints them.
//!
//! Not an assembler's input: what has no meaning is printed as `unknown` with its bytes.

use std::fmt;

use super::{Insn, op};
use crate::kernel::helpers;

impl fmt::Display for Insn {
    /// One slot. A 64-bit immediate load shows its low half; [`listing`] shows both.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code & op::CLASS_MASK {
            op::ALU | op::ALU64 => self.alu(f),
            op::LDX | op::ST | op::STX => self.memory(f),
            op::JMP | op::JMP32 => self.jump(f),
            _ if self.is_wide() => self.wide(f, i64::from(self.imm)),
            _ => self.unknown(f),
        }
    }
}

/// (slot, text) of each instruction; the two slots of a 64-bit immediate load are one.
pub fn listing(insns: &[Insn]) -> Vec<(usize, String)> {
    let mut out = Vec::with_capacity(insns.len());
    let mut at = 0;
    while let Some(insn) = insns.get(at) {
        let pair = insn.is_wide().then(|| insns.get(at + 1)).flatten();
        match pair {
            Some(high) => {
                let low = u64::from(insn.imm.cast_unsigned());
                let value = low | (u64::from(high.imm.cast_unsigned()) << 32);
                out.push((at, Wide(*insn, value.cast_signed()).to_string()));
                at += 2;
            }
            None => {
                out.push((at, insn.to_string()));
                at += 1;
            }
        }
    }
    out
}

/// A 64-bit immediate load with both halves.
struct Wide(Insn, i64);

impl fmt::Display for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.wide(f, self.1)
    }
}

impl Insn {
    fn wide(&self, f: &mut fmt::Formatter<'_>, value: i64) -> fmt::Result {
        let (low, high) = (value & 0xffff_ffff, value >> 32);
        write!(f, "r{} = ", self.dst)?;
        match self.src {
            0 => write!(f, "{value:#x} ll"),
            op::PSEUDO_MAP_FD => write!(f, "map[fd:{low}]"),
            op::PSEUDO_MAP_VALUE => write!(f, "map[fd:{low}]+{high}"),
            op::PSEUDO_FUNC => write!(f, "func[pc{:+}]", self.imm),
            src => write!(f, "{value:#x} ll (pseudo {src})"),
        }
    }

    fn unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown")?;
        self.encode().iter().try_for_each(|b| write!(f, " {b:02x}"))
    }

    fn alu(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.code & op::CLASS_MASK == op::ALU64;
        let r = if wide { 'r' } else { 'w' };
        let (dst, operation) = (self.dst, self.code & op::OP_MASK);
        if operation == op::NEG {
            return write!(f, "{r}{dst} = -{r}{dst}");
        }
        if operation == op::END {
            return self.swap(f, wide);
        }
        // An offset marks signed division (1) and moves with sign extension (8, 16, 32).
        let sign = match (operation, self.off) {
            (op::DIV | op::MOD, 1) => "s",
            (_, 0) => "",
            (op::MOV, 8 | 16 | 32) if self.is_register() => {
                return write!(f, "{r}{dst} = (s{}){r}{}", self.off, self.src);
            }
            _ => return self.unknown(f),
        };
        let symbol = match operation {
            op::ADD => "+=",
            op::SUB => "-=",
            op::MUL => "*=",
            op::DIV => "/=",
            op::OR => "|=",
            op::AND => "&=",
            op::LSH => "<<=",
            op::RSH => ">>=",
            op::MOD => "%=",
            op::XOR => "^=",
            op::MOV => "=",
            op::ARSH => "s>>=",
            _ => return self.unknown(f),
        };
        write!(f, "{r}{dst} {sign}{symbol} ")?;
        match self.is_register() {
            true => write!(f, "{r}{}", self.src),
            false => write!(f, "{}", self.imm),
        }
    }

    fn swap(&self, f: &mut fmt::Formatter<'_>, unconditional: bool) -> fmt::Result {
        let order = match (unconditional, self.is_register()) {
            (true, _) => "bswap",
            (false, true) => "be",
            (false, false) => "le",
        };
        write!(f, "r{0} = {order}{1} r{0}", self.dst, self.imm)
    }

    fn is_register(&self) -> bool {
        self.code & op::SRC_MASK == op::X
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = match self.code & op::SIZE_MASK {
            op::B => 8,
            op::H => 16,
            op::W => 32,
            _ => 64,
        };
        let (class, mode) = (self.code & op::CLASS_MASK, self.code & op::MODE_MASK);
        let base = if class == op::LDX { self.src } else { self.dst };
        let sign = if self.off < 0 { '-' } else { '+' };
        let at = format!("*(u{size} *)(r{base} {sign} {})", self.off.unsigned_abs());
        match (class, mode) {
            (op::LDX, op::MEM) => write!(f, "r{} = {at}", self.dst),
            (op::LDX, op::MEMSX) => write!(f, "r{} = {}", self.dst, at.replace('u', "s")),
            (op::ST, op::MEM) => write!(f, "{at} = {}", self.imm),
            (op::STX, op::MEM) => write!(f, "{at} = r{}", self.src),
            (op::STX, op::ATOMIC) => self.atomic(f, &at),
            _ => self.unknown(f),
        }
    }

    fn atomic(&self, f: &mut fmt::Formatter<'_>, at: &str) -> fmt::Result {
        let src = self.src;
        let symbol = match self.imm.cast_unsigned() as u8 & !op::FETCH {
            op::ADD => "+=",
            op::OR => "|=",
            op::AND => "&=",
            op::XOR => "^=",
            // XCHG and CMPXCHG always fetch.
            0xe0 => return write!(f, "r{src} = xchg({at}, r{src})"),
            0xf0 => return write!(f, "r0 = cmpxchg({at}, r0, r{src})"),
            _ => return self.unknown(f),
        };
        match self.imm.cast_unsigned() as u8 & op::FETCH {
            0 => write!(f, "lock {at} {symbol} r{src}"),
            _ => write!(f, "r{src} = fetch({at} {symbol} r{src})"),
        }
    }

    fn jump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.code & op::CLASS_MASK == op::JMP;
        let compare = match (self.code & op::OP_MASK, wide) {
            (op::JA, true) => return write!(f, "goto pc{:+}", self.off),
            (op::JA, false) => return write!(f, "gotol pc{:+}", self.imm),
            (op::CALL, true) => return self.call(f),
            (op::EXIT, true) => return write!(f, "exit"),
            (op::JEQ, _) => "==",
            (op::JGT, _) => ">",
            (op::JGE, _) => ">=",
            (op::JSET, _) => "&",
            (op::JNE, _) => "!=",
            (op::JSGT, _) => "s>",
            (op::JSGE, _) => "s>=",
            (op::JLT, _) => "<",
            (op::JLE, _) => "<=",
            (op::JSLT, _) => "s<",
            (op::JSLE, _) => "s<=",
            _ => return self.unknown(f),
        };
        let r = if wide { 'r' } else { 'w' };
        write!(f, "if {r}{} {compare} ", self.dst)?;
        match self.is_register() {
            true => write!(f, "{r}{}", self.src)?,
            false => write!(f, "{:#x}", self.imm)?,
        }
        write!(f, " goto pc{:+}", self.off)
    }

    fn call(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.src {
            0 => {
                let id = self.imm.cast_unsigned();
                let name = helpers::by_id(id).map_or("unknown", |helper| helper.name);
                write!(f, "r0 = call bpf_{name}#{id}")
            }
            op::PSEUDO_CALL => write!(f, "r0 = call pc{:+}", self.imm),
            op::PSEUDO_KFUNC_CALL => write!(f, "r0 = call kernel-function#{}", self.imm),
            _ => self.unknown(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_that_of_the_verifier() {
        let rows: &[([u8; 8], &str)] = &[
            ([0xbf, 0xa1, 0, 0, 0, 0, 0, 0], "r1 = r10"),
            ([0xbc, 0x21, 0, 0, 0, 0, 0, 0], "w1 = w2"),
            ([0xbf, 0x21, 32, 0, 0, 0, 0, 0], "r1 = (s32)r2"),
            ([0x07, 0x01, 0, 0, 0xf8, 0xff, 0xff, 0xff], "r1 += -8"),
            ([0x87, 0x03, 0, 0, 0, 0, 0, 0], "r3 = -r3"),
            ([0x37, 0x03, 1, 0, 5, 0, 0, 0], "r3 s/= 5"),
            ([0xdc, 0x02, 0, 0, 16, 0, 0, 0], "r2 = be16 r2"),
            ([0xd7, 0x02, 0, 0, 64, 0, 0, 0], "r2 = bswap64 r2"),
            ([0x79, 0x11, 8, 0, 0, 0, 0, 0], "r1 = *(u64 *)(r1 + 8)"),
            ([0x91, 0x11, 8, 0, 0, 0, 0, 0], "r1 = *(s8 *)(r1 + 8)"),
            (
                [0x63, 0x1a, 0xfc, 0xff, 0, 0, 0, 0],
                "*(u32 *)(r10 - 4) = r1",
            ),
            (
                [0x72, 0x0a, 0, 0x80, 7, 0, 0, 0],
                "*(u8 *)(r10 - 32768) = 7",
            ),
            (
                [0xdb, 0x10, 0, 0, 0, 0, 0, 0],
                "lock *(u64 *)(r0 + 0) += r1",
            ),
            (
                [0xdb, 0x10, 0, 0, 1, 0, 0, 0],
                "r1 = fetch(*(u64 *)(r0 + 0) += r1)",
            ),
            ([0x55, 0x01, 3, 0, 5, 0, 0, 0], "if r1 != 0x5 goto pc+3"),
            (
                [0x1e, 0x21, 0xfe, 0xff, 0, 0, 0, 0],
                "if w1 == w2 goto pc-2",
            ),
            ([0x05, 0, 2, 0, 0, 0, 0, 0], "goto pc+2"),
            (
                [0x85, 0, 0, 0, 113, 0, 0, 0],
                "r0 = call bpf_probe_read_kernel#113",
            ),
            (
                [0x85, 0, 0, 0, 0xff, 0xff, 0, 0],
                "r0 = call bpf_unknown#65535",
            ),
            ([0x85, 0x10, 0, 0, 7, 0, 0, 0], "r0 = call pc+7"),
            ([0x95, 0, 0, 0, 0, 0, 0, 0], "exit"),
            (
                [0xf7, 1, 2, 3, 4, 5, 6, 7],
                "unknown f7 01 02 03 04 05 06 07",
            ),
        ];
        for (bytes, text) in rows {
            assert_eq!(Insn::decode(*bytes).to_string(), *text);
        }
    }

    #[test]
    fn wide_loads_take_two_slots() {
        let wide = |src, low, high| {
            let code = op::LD | op::IMM | op::DW;
            [Insn::new(code, 1, src, 0, low), Insn::new(0, 0, 0, 0, high)]
        };
        let insns = [
            wide(0, -1, 1),
            wide(op::PSEUDO_MAP_FD, 4, 0),
            wide(op::PSEUDO_MAP_VALUE, 4, 12),
            wide(op::PSEUDO_FUNC, 20, 0),
        ]
        .concat();
        let expected = [
            (0, "r1 = 0x1ffffffff ll".to_owned()),
            (2, "r1 = map[fd:4]".to_owned()),
            (4, "r1 = map[fd:4]+12".to_owned()),
            (6, "r1 = func[pc+20]".to_owned()),
        ];
        assert_eq!(listing(&insns), expected);
        assert_eq!(
            listing(&insns[..1]),
            [(0, "r1 = 0xffffffffffffffff ll".to_owned())]
        );
    }

    proptest! {
        #[test]
        fn every_slot_survives_a_round_trip_and_has_a_text(bytes: [u8; 8]) {
            let insn = Insn::decode(bytes);
            prop_assert_eq!(insn.encode(), bytes);
            prop_assert!(!insn.to_string().is_empty());
        }
    }
}

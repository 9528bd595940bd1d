//! One instruction slot.

/// One eight-byte slot. A 64-bit immediate load takes two, the second with opcode 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Insn {
    pub code: u8,
    pub dst: u8,
    pub src: u8,
    pub off: i16,
    pub imm: i32,
}

impl Insn {
    /// Bytes of one slot.
    pub const SIZE: usize = 8;

    pub fn new(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Self {
        Self {
            code,
            dst,
            src,
            off,
            imm,
        }
    }

    /// The slot in little-endian byte order.
    pub fn encode(self) -> [u8; Self::SIZE] {
        let off = self.off.to_le_bytes();
        let imm = self.imm.to_le_bytes();
        let regs = (self.src << 4) | (self.dst & 0x0f);
        [
            self.code, regs, off[0], off[1], imm[0], imm[1], imm[2], imm[3],
        ]
    }

    pub fn decode(b: [u8; Self::SIZE]) -> Self {
        Self {
            code: b[0],
            dst: b[1] & 0x0f,
            src: b[1] >> 4,
            off: i16::from_le_bytes([b[2], b[3]]),
            imm: i32::from_le_bytes([b[4], b[5], b[6], b[7]]),
        }
    }

    /// Whether this slot is the first half of a 64-bit immediate load.
    pub fn is_wide(self) -> bool {
        self.code == (super::op::LD | super::op::IMM | super::op::DW)
    }
}

//! Machine code before register allocation.
//!
//! A [`Function`] is a list of instructions over any number of virtual registers of 64 bits
//! and labels. Registers may be assigned more than once. Arithmetic is two-address, as
//! in BPF. Fields of kernel structures are named, not numbered; the backend records
//! their CO-RE relocations.
//!
//! Holds for every function the backend accepts: each used label is bound once, every
//! path ends in [`Op::Exit`], and no register is read before it is written.

mod builder;

pub use builder::Builder;

use crate::diag::Span;

/// A virtual register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reg(pub u32);

/// A place to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(pub u32);

/// A piece of the stack frame, eight-byte aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// Index of a map in the unit's list of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId(pub usize);

/// Index of a function in the unit's list of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub usize);

/// Second operand of arithmetic, moves, stores and branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    Reg(Reg),
    /// Sign-extended to the operation's width.
    Imm(i32),
}

impl From<Reg> for Operand {
    fn from(reg: Reg) -> Self {
        Self::Reg(reg)
    }
}

impl From<i32> for Operand {
    fn from(value: i32) -> Self {
        Self::Imm(value)
    }
}

/// Width of an arithmetic operation or comparison. 32-bit results are zero-extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    W32,
    W64,
}

/// Bytes of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    B1,
    B2,
    B4,
    B8,
}

impl Size {
    pub fn bytes(self) -> u32 {
        match self {
            Self::B1 => 1,
            Self::B2 => 2,
            Self::B4 => 4,
            Self::B8 => 8,
        }
    }

    /// The size for a number of bytes that one access can move.
    pub fn of(bytes: u32) -> Option<Self> {
        match bytes {
            1 => Some(Self::B1),
            2 => Some(Self::B2),
            4 => Some(Self::B4),
            8 => Some(Self::B8),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AluOp {
    Add,
    Sub,
    Mul,
    Div,
    Or,
    And,
    Lsh,
    Rsh,
    Mod,
    Xor,
    /// Arithmetic shift right.
    Arsh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cond {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Sgt,
    Sge,
    Slt,
    Sle,
    /// `left & right != 0`.
    Set,
}

/// A field of a kernel structure: `file`, `f_path.dentry`
/// (see [`kernel::structs`](crate::kernel::structs)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub root: &'static str,
    pub path: &'static str,
}

/// Base of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Reg(Reg),
    Slot(Slot),
}

/// Displacement of a memory access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offset {
    Const(i16),
    /// The field's offset in the running kernel.
    Field(Field),
}

/// What a call calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A kernel helper, by number.
    Helper(u32),
    Function(FunctionId),
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Bind(Label),
    /// `dst` = the function's parameter (from 0). Only at a function's start.
    Param {
        dst: Reg,
        index: u8,
    },
    Mov {
        width: Width,
        dst: Reg,
        src: Operand,
    },
    Imm64 {
        dst: Reg,
        value: u64,
    },
    /// `dst = dst op src`.
    Alu {
        op: AluOp,
        width: Width,
        dst: Reg,
        src: Operand,
    },
    /// `dst = -dst`.
    Neg {
        dst: Reg,
    },
    /// Big-endian bytes in the low `bits` (16, 32, 64) of `dst` to a number, or back.
    /// The upper bits become zero.
    ToBe {
        dst: Reg,
        bits: u8,
    },
    Load {
        size: Size,
        dst: Reg,
        base: Base,
        offset: Offset,
    },
    Store {
        size: Size,
        base: Base,
        offset: Offset,
        src: Operand,
    },
    /// `dst = base + offset of the field`.
    FieldAddr {
        dst: Reg,
        base: Reg,
        field: Field,
    },
    /// `dst` = 1 if the running kernel's structure has the field, else 0.
    FieldExists {
        dst: Reg,
        field: Field,
    },
    /// `dst` = the map, as helpers take it.
    Map {
        dst: Reg,
        map: MapId,
    },
    /// `dst` = an address in the read-only data.
    Rodata {
        dst: Reg,
        offset: u32,
    },
    SlotAddr {
        dst: Reg,
        slot: Slot,
    },
    Call {
        callee: Callee,
        args: Vec<Reg>,
        result: Option<Reg>,
    },
    Jump(Label),
    /// Falls through when the condition does not hold.
    Branch {
        cond: Cond,
        width: Width,
        left: Reg,
        right: Operand,
        target: Label,
    },
    /// Returns the value.
    Exit(Operand),
}

/// An instruction and the place in the policy that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insn {
    pub op: Op,
    pub span: Option<Span>,
}

/// A function before register allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub insns: Vec<Insn>,
    /// Number of virtual registers.
    pub regs: u32,
    pub labels: u32,
    /// Bytes of each stack slot.
    pub slots: Vec<u32>,
}

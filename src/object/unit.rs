//! What the writer takes.

use super::CoreKind;
use crate::asm::Insn;
use crate::diag::Span;

/// The content of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// License string that the kernel checks, e.g. `Dual BSD/GPL`.
    pub license: &'static str,
    /// Name of the policy in the lines of functions: the same wherever it was compiled.
    pub source: &'static str,
    pub maps: Vec<MapDef>,
    /// Constants; if empty there is no `.rodata`.
    pub rodata: Vec<u8>,
    pub functions: Vec<Function>,
}

/// A map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapDef {
    pub name: String,
    /// `enum bpf_map_type`.
    pub kind: u32,
    /// Bytes; 0 where the kind has no keys (ring buffer).
    pub key_size: u32,
    /// Bytes; 0 where the kind has no values.
    pub value_size: u32,
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub flags: u32,
}

/// A program, or a function that programs call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Symbol; unique in the unit.
    pub name: String,
    /// ELF section: `fentry/tcp_connect`, `?kprobe/x`, or `.text` for functions that programs call.
    pub section: String,
    /// Whether the verifier checks the function on its own. Programs are always global; the callback of a helper
    /// must not be.
    pub global: bool,
    pub params: Params,
    /// At least one slot.
    pub insns: Vec<Insn>,
    /// In any order.
    pub relocs: Vec<Reloc>,
    /// In any order.
    pub core: Vec<CoreReloc>,
    /// Ascending by instruction.
    pub lines: Vec<Line>,
}

/// Parameters of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Params {
    /// A program: one pointer to its context; returns `int`.
    Context,
    /// So many 64-bit numbers; returns one.
    Scalars(u8),
}

/// An instruction that refers to something of the object. Its immediate is set by the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloc {
    /// Slot of a 64-bit immediate load or of a call.
    pub insn: usize,
    pub target: Target,
}

/// What an instruction refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Index in [`Unit::maps`]; a 64-bit immediate load gets the map.
    Map(usize),
    /// Offset in [`Unit::rodata`]; a 64-bit immediate load gets the address.
    Rodata(u32),
    /// Index in [`Unit::functions`]; a call, or a 64-bit immediate load that gets the address of a callback.
    Function(usize),
}

/// An instruction that holds a fact about a kernel structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreReloc {
    /// Slot that holds the local value: `off` of a load or store, `imm` of an ALU instruction or of a 64-bit load.
    pub insn: usize,
    /// Structure and path in `kernel::structs`.
    pub root: &'static str,
    pub path: &'static str,
    pub kind: CoreKind,
}

/// From this instruction on the code belongs to a place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub insn: usize,
    pub span: Span,
}

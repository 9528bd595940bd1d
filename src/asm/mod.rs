//! BPF instructions: encoding, decoding and text.
//!
//! In: fields of an instruction. Out: the eight bytes of
//! `Documentation/bpf/standardization/instruction-set.rst` (Linux 6.12), and the
//! text that `--emit asm` and error messages print. Holds: `decode(encode(i)) == i`
//! for every instruction.

mod insn;
pub mod op;
mod text;

pub use insn::Insn;
pub use text::listing;

//! BPF objects by libbpf's conventions.
//!
//! Out of the compiler: a [`Unit`] (functions, maps, constants, places in the source) becomes one relocatable ELF file
//! with `.maps`, `.rodata`, `license`, `.BTF` and `.BTF.ext` ([`write`]). Into the loader: such a file becomes an
//! [`Object`], from which [`Object::link`] makes one program with the functions it calls; [`relocate`] fits it to a kernel. Conventions: "BPF ELF
//! file format" in `Documentation/bpf/libbpf/`, and what clang 14 to 19 emits. Holds: `write` gives the same bytes for the same
//! unit; `read` takes objects of clang as well, checks every bound and never panics. Not here: CO-RE
//! matching (`btf::core`), creating maps and loading (`loader`).

mod dump;
mod error;
mod link;
mod read;
mod relocate;
mod unit;
mod write;

pub use dump::dump;
pub use error::{ReadError, WriteError};
pub use link::Program;
pub use read::{CoreUse, Function as ReadFunction, LineUse, Map, MapUse, Object};
pub use relocate::{POISON, relocate};
pub use unit::{CoreReloc, Function, Line, MapDef, Params, Reloc, Target, Unit};
pub use write::write;

pub use crate::btf::core::RelocKind as CoreKind;

const EM_BPF: u16 = 247;
/// A 64-bit immediate load refers to a symbol.
const R_BPF_64_64: u32 = 1;
/// A call refers to a function.
const R_BPF_64_32: u32 = 10;

/// Functions that programs call.
const TEXT: &str = ".text";
const MAPS: &str = ".maps";
const RODATA: &str = ".rodata";
const LICENSE: &str = "license";

/// `BPF_MAP_TYPE_ARRAY` and `BPF_F_RDONLY_PROG` (include/uapi/linux/bpf.h): what constants become.
const MAP_ARRAY: u32 = 2;
const RDONLY_PROG: u32 = 1 << 7;

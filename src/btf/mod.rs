//! BPF Type Format: types, `.BTF.ext` records and CO-RE matching.
//!
//! In: types to describe, or bytes from an object or a kernel. Out: bytes, or a type table with lookups by name.
//! Format: `Documentation/bpf/btf.rst` and `include/uapi/linux/btf.h` (Linux 6.12). Holds: `decode(encode(t)) == t`;
//! decoding checks every bound and never panics; ids and string offsets depend only on the order of insertion.
//! Not here: patching instructions (the loader's relocation step).

mod build;
pub mod core;
mod decode;
mod encode;
mod error;
pub mod ext;
mod reader;
mod strings;
mod types;

pub use build::Builder;
pub use decode::Btf;
pub use error::Error;
pub use types::{EnumValue, Kind, Linkage, Member, Param, SecVar, StrOff, Type, TypeId, encoding};

//! Relocatable ELF64 files, little endian.
//!
//! In: sections, symbols and relocations, or the bytes of a file. Out: the other. Format: the System V gABI, chapter 4
//! ("Object Files"). Holds: the same input gives the same bytes; decoding checks every bound and never panics.
//! Not here: anything about BPF.

mod decode;
mod encode;

pub use decode::{Elf, Error, Rel, Section, Symbol};
pub use encode::{NewSection, NewSymbol, SectionId, SymbolId, Writer};

/// `e_type` of a relocatable file.
pub const ET_REL: u16 = 1;

pub const SHT_PROGBITS: u32 = 1;
pub const SHT_SYMTAB: u32 = 2;
pub const SHT_STRTAB: u32 = 3;
pub const SHT_NOBITS: u32 = 8;
pub const SHT_REL: u32 = 9;

pub const SHF_WRITE: u64 = 1;
pub const SHF_ALLOC: u64 = 2;
pub const SHF_EXECINSTR: u64 = 4;
/// `sh_info` names a section.
pub const SHF_INFO_LINK: u64 = 0x40;

pub const STB_LOCAL: u8 = 0;
pub const STB_GLOBAL: u8 = 1;

pub const STT_OBJECT: u8 = 1;
pub const STT_FUNC: u8 = 2;
pub const STT_SECTION: u8 = 3;

const MAGIC: [u8; 7] = [0x7f, b'E', b'L', b'F', CLASS_64, DATA_LITTLE, VERSION];
const CLASS_64: u8 = 2;
const DATA_LITTLE: u8 = 1;
const VERSION: u8 = 1;

const HEADER_LEN: u16 = 64;
const SECTION_LEN: u16 = 64;
const SYMBOL_LEN: usize = 24;
const REL_LEN: usize = 16;

/// Section indices from here on have special meanings.
const SHN_LORESERVE: u16 = 0xff00;

#[cfg(test)]
mod tests;

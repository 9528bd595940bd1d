//! Why an object cannot be written or read.

use std::fmt;

use crate::{btf, elf};

/// A unit that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A function without instructions, or with a record outside them.
    Function { name: String, what: &'static str },
    /// A structure member that `kernel::structs` lacks.
    Member { root: String, path: String },
    /// More sections than the file format can count.
    TooManySections,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Function { name, what } => write!(f, "function {name}: {what}"),
            WriteError::Member { root, path } => {
                write!(f, "no member {path} of struct {root} is known")
            }
            WriteError::TooManySections => write!(f, "more sections than ELF can count"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Bytes that are not an object this loader can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    Elf(elf::Error),
    Btf(btf::Error),
    /// An ELF file for another machine (`EM_*`).
    Machine(u16),
    /// A section that every object must have.
    Missing(&'static str),
    Function {
        name: String,
        what: &'static str,
    },
    Map {
        name: String,
        what: &'static str,
    },
    /// A relocation at a byte offset of a section.
    Reloc {
        section: String,
        offset: u64,
        what: &'static str,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Elf(e) => write!(f, "{e}"),
            ReadError::Btf(e) => write!(f, "{e}"),
            ReadError::Machine(m) => write!(f, "an object for machine {m}, not for BPF"),
            ReadError::Missing(section) => write!(f, "the object has no section {section}"),
            ReadError::Function { name, what } => write!(f, "function {name}: {what}"),
            ReadError::Map { name, what } => write!(f, "map {name}: {what}"),
            ReadError::Reloc {
                section,
                offset,
                what,
            } => write!(f, "relocation at {section}+{offset}: {what}"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Elf(e) => Some(e),
            ReadError::Btf(e) => Some(e),
            _ => None,
        }
    }
}

impl From<elf::Error> for ReadError {
    fn from(e: elf::Error) -> Self {
        ReadError::Elf(e)
    }
}

impl From<btf::Error> for ReadError {
    fn from(e: btf::Error) -> Self {
        ReadError::Btf(e)
    }
}

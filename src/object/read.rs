//! An object's bytes to functions and maps.

mod code;
mod ext;
mod maps;

use super::{EM_BPF, LICENSE, ReadError};
use crate::asm::Insn;
use crate::btf::{Btf, TypeId};
use crate::elf::Elf;

pub use maps::Map;

/// A decoded object.
#[derive(Clone, Debug)]
pub struct Object {
    /// License string of the `license` section, without its NUL.
    pub license: String,
    /// Types, with the sizes and offsets of sections filled in as the kernel wants them.
    pub btf: Btf,
    /// Maps of `.maps` in order of offset, then one for each section of constants.
    pub maps: Vec<Map>,
    /// Programs and the functions they call, in order of section and offset.
    pub functions: Vec<Function>,
}

/// A program, or a function that programs call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// ELF section with a leading `?` if it has one.
    pub section: String,
    pub insns: Vec<Insn>,
    /// Its type in the object's BTF.
    pub ty: Option<TypeId>,
    pub maps: Vec<MapUse>,
    pub core: Vec<CoreUse>,
    pub lines: Vec<LineUse>,
    /// (slot of a call or of a load of an address, function), ascending.
    pub(super) refs: Vec<(usize, usize)>,
}

/// A 64-bit immediate load that must get a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapUse {
    pub insn: usize,
    /// Index in [`Object::maps`].
    pub map: usize,
    /// For an address inside the map's only value: the offset. `None` for the map itself.
    pub offset: Option<u32>,
}

/// An instruction with a CO-RE relocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreUse {
    pub insn: usize,
    /// Root type in the object's BTF.
    pub root: TypeId,
    pub access: String,
    /// `enum bpf_core_relo_kind` as stored; it may be one that is not supported.
    pub kind: u32,
}

/// Where the source line of the instructions from `insn` on is; strings are in the object's BTF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineUse {
    pub insn: usize,
    pub file: crate::btf::StrOff,
    pub text: crate::btf::StrOff,
    pub line: u32,
    pub column: u32,
}

impl Object {
    /// Decodes a whole object file.
    pub fn read(bytes: &[u8]) -> Result<Object, ReadError> {
        let elf = Elf::decode(bytes)?;
        if elf.machine != EM_BPF {
            return Err(ReadError::Machine(elf.machine));
        }
        let mut btf = Btf::decode(section(&elf, ".BTF")?)?;
        maps::fix_sections(&elf, &mut btf);
        let maps = maps::Maps::read(&elf, &btf)?;
        let mut functions = code::read(&elf, &maps)?;
        if let Some(ext) = elf.section_named(".BTF.ext") {
            ext::read(elf.sections[ext].bytes, &btf, &mut functions)?;
        }
        Ok(Object {
            license: license(&elf)?,
            btf,
            maps: maps.list,
            functions: functions.into_iter().map(|f| f.function).collect(),
        })
    }

    /// Programs, without the functions they call.
    pub fn programs(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter().filter(|f| f.is_program())
    }
}

impl Function {
    pub fn is_program(&self) -> bool {
        self.section != super::TEXT
    }

    /// (slot, index in [`Object::functions`]) of calls and of loads of addresses, ascending.
    pub fn calls(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.refs.iter().copied()
    }
}

fn section<'a>(elf: &Elf<'a>, name: &'static str) -> Result<&'a [u8], ReadError> {
    let index = elf.section_named(name).ok_or(ReadError::Missing(name))?;
    Ok(elf.sections[index].bytes)
}

fn license(elf: &Elf<'_>) -> Result<String, ReadError> {
    let bytes = section(elf, LICENSE)?;
    let text = bytes.split(|&b| b == 0).next().unwrap_or(&[]);
    Ok(String::from_utf8_lossy(text).into_owned())
}

//! Maps that are defined by types, and sections of constants.
//!
//! `.maps` holds one variable for each map; the members of its structure are the attributes. A number is written as
//! the length of an array that the member points to (libbpf's `__uint`), a key or value as a pointer to its type.

use std::collections::HashMap;

use super::super::{MAP_ARRAY, MAPS, RDONLY_PROG, RODATA, ReadError};
use crate::btf::{Btf, Kind, Member, SecVar, TypeId};
use crate::elf::{Elf, SHT_PROGBITS, STT_SECTION, Symbol};

/// A map to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// Variable, or section for constants.
    pub name: String,
    /// `enum bpf_map_type`.
    pub kind: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub flags: u32,
    /// Types of key and value in the object's BTF, if it names them.
    pub key: Option<TypeId>,
    pub value: Option<TypeId>,
    /// The value of constants, to be written before the map is frozen.
    pub contents: Option<Vec<u8>>,
}

/// The maps with what relocations need to find them.
pub(super) struct Maps {
    pub(super) list: Vec<Map>,
    /// Section index of `.maps`, and offset in it by map.
    section: Option<usize>,
    offsets: Vec<u32>,
    /// Section index of constants → index in `list`.
    data: Vec<(usize, usize)>,
}

impl Maps {
    pub(super) fn read(elf: &Elf<'_>, btf: &Btf) -> Result<Self, ReadError> {
        let mut maps = Maps {
            list: Vec::new(),
            section: elf.section_named(MAPS),
            offsets: Vec::new(),
            data: Vec::new(),
        };
        if maps.section.is_some() {
            for var in variables(btf, MAPS) {
                maps.list.push(map(btf, var.ty)?);
                maps.offsets.push(var.offset);
            }
        }
        for (index, section) in elf.sections.iter().enumerate() {
            if section.ty == SHT_PROGBITS && section.name.starts_with(RODATA) && section.size > 0 {
                maps.data.push((index, maps.list.len()));
                maps.list.push(constants(section.name, section.bytes)?);
            }
        }
        Ok(maps)
    }

    /// The map that a symbol of `.maps` stands for; `addend` counts only for the section's own symbol.
    pub(super) fn by_symbol(&self, symbol: &Symbol<'_>, addend: i32) -> Option<usize> {
        if symbol.section != self.section {
            return None;
        }
        let addend = if symbol.kind == STT_SECTION {
            addend
        } else {
            0
        };
        let offset = symbol.value.checked_add_signed(addend.into())?;
        self.offsets.iter().position(|&o| u64::from(o) == offset)
    }

    /// The map of a section of constants.
    pub(super) fn by_section(&self, section: usize) -> Option<usize> {
        let found = self.data.iter().find(|&&(s, _)| s == section);
        found.map(|&(_, map)| map)
    }
}

/// Variables of a section by the object's types, ascending by offset.
fn variables<'a>(btf: &'a Btf, section: &str) -> &'a [SecVar] {
    let id = btf.find(section, |kind| matches!(kind, Kind::Datasec { .. }));
    match id.and_then(|id| btf.ty(id)).map(|ty| &ty.kind) {
        Some(Kind::Datasec { vars, .. }) => vars,
        _ => &[],
    }
}

/// clang leaves sizes of sections and offsets of their variables 0: fill them from the ELF sections and symbols.
pub(super) fn fix_sections(elf: &Elf<'_>, btf: &mut Btf) {
    let sizes: HashMap<String, u32> = elf
        .sections
        .iter()
        .filter_map(|s| Some((s.name.to_owned(), u32::try_from(s.size).ok()?)))
        .collect();
    let values: HashMap<&str, u32> = elf
        .symbols
        .iter()
        .filter_map(|s| Some((s.name, u32::try_from(s.value).ok()?)))
        .collect();
    let names: Vec<String> = btf.types().map(|(id, _)| btf.name(id).to_owned()).collect();
    let first = btf.types().next().map_or(1, |(id, _)| id.0);
    let by_id = |id: TypeId| id.0.checked_sub(first).and_then(|i| names.get(i as usize));
    for (ty, name) in btf.types_mut().zip(&names) {
        let Kind::Datasec {
            size: size @ 0,
            vars,
        } = &mut ty.kind
        else {
            continue;
        };
        *size = sizes.get(name.as_str()).copied().unwrap_or(0);
        for var in vars.iter_mut() {
            let value = by_id(var.ty).and_then(|name| values.get(name.as_str()));
            var.offset = value.copied().unwrap_or(var.offset);
        }
        vars.sort_by_key(|var| var.offset);
    }
}

fn constants(name: &str, bytes: &[u8]) -> Result<Map, ReadError> {
    let value_size = u32::try_from(bytes.len()).map_err(|_| ReadError::Map {
        name: name.to_owned(),
        what: "more than 4 GiB of constants",
    })?;
    Ok(Map {
        name: name.to_owned(),
        kind: MAP_ARRAY,
        key_size: 4,
        value_size,
        max_entries: 1,
        flags: RDONLY_PROG,
        contents: Some(bytes.to_vec()),
        ..Map::default()
    })
}

fn map(btf: &Btf, var: TypeId) -> Result<Map, ReadError> {
    let name = btf.name(var);
    let wrong = |what| ReadError::Map {
        name: name.to_owned(),
        what,
    };
    let Some(Kind::Var { ty, .. }) = btf.ty(var).map(|ty| &ty.kind) else {
        return Err(wrong("not a variable"));
    };
    let Some(Kind::Struct { members, .. }) = btf.resolve(*ty).map(|(_, ty)| &ty.kind) else {
        return Err(wrong("not a structure"));
    };
    let mut map = Map {
        name: name.to_owned(),
        ..Map::default()
    };
    for member in members {
        attribute(btf, member, &mut map).ok_or_else(|| wrong("an attribute that is not known"))?;
    }
    Ok(map)
}

fn attribute(btf: &Btf, member: &Member, map: &mut Map) -> Option<()> {
    let slot = match btf.str(member.name) {
        "type" => &mut map.kind,
        "key_size" => &mut map.key_size,
        "value_size" => &mut map.value_size,
        "max_entries" => &mut map.max_entries,
        "map_flags" => &mut map.flags,
        "key" => {
            let ty = pointee(btf, member.ty)?;
            map.key = Some(ty);
            map.key_size = btf.size_of(ty)?;
            return Some(());
        }
        "value" => {
            let ty = pointee(btf, member.ty)?;
            map.value = Some(ty);
            map.value_size = btf.size_of(ty)?;
            return Some(());
        }
        _ => return None,
    };
    *slot = number(btf, member.ty)?;
    Some(())
}

fn pointee(btf: &Btf, ty: TypeId) -> Option<TypeId> {
    match btf.resolve(ty)?.1.kind {
        Kind::Ptr(to) => Some(to),
        _ => None,
    }
}

fn number(btf: &Btf, ty: TypeId) -> Option<u32> {
    match btf.resolve(pointee(btf, ty)?)?.1.kind {
        Kind::Array { len, .. } => Some(len),
        _ => None,
    }
}

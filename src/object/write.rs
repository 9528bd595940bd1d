//! A unit to the bytes of an object.
//!
//! Sections: `.text` if there are functions to call, one for each program section in order of first use (several
//! programs may share one), then `license`, `.maps`, `.rodata`, `.BTF`, `.BTF.ext`. Everything is global but functions
//! marked otherwise.

mod check;
mod ext;
mod fields;
mod types;

use super::{
    EM_BPF, Function, LICENSE, MAPS, R_BPF_64_32, R_BPF_64_64, RODATA, Reloc, TEXT, Target, Unit,
    WriteError,
};
use crate::asm::{Insn, op};
use crate::diag::Sources;
use crate::elf::{
    NewSection, NewSymbol, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_PROGBITS, STT_FUNC, STT_OBJECT,
    SectionId, SymbolId, Writer,
};
use types::Types;

/// Writes the object of a unit. `sources` holds the files that the lines of its functions point into.
pub fn write(unit: &Unit, sources: &Sources) -> Result<Vec<u8>, WriteError> {
    check::check(unit)?;
    let layout = Layout::new(unit);
    let types = Types::new(unit, sources)?;
    let ext = ext::ext(unit, &layout, &types);
    let mut file = File::new(unit, &layout, &types);
    let license = [unit.license.as_bytes(), b"\0"].concat();
    file.data(LICENSE, SHF_WRITE, 1, license);
    if !unit.maps.is_empty() {
        let size = types.maps_size as usize;
        let section = file.data(MAPS, SHF_WRITE, 8, vec![0; size]);
        file.define_maps(section);
    }
    if !unit.rodata.is_empty() {
        let section = file.data(RODATA, 0, 8, unit.rodata.clone());
        file.define_rodata(section);
    }
    file.relocate();
    file.plain(".BTF", types.btf.encode());
    file.plain(".BTF.ext", ext.encode());
    file.elf.finish().ok_or(WriteError::TooManySections)
}

/// Where each function is.
struct Layout<'a> {
    /// Names with the functions in them, in order of offset; `.text` first.
    sections: Vec<(&'a str, Vec<usize>)>,
    /// (index in `sections`, first slot) by function.
    places: Vec<(usize, usize)>,
}

impl<'a> Layout<'a> {
    fn new(unit: &'a Unit) -> Self {
        let text = unit.functions.iter().filter(|f| f.section == TEXT);
        let others = unit.functions.iter().filter(|f| f.section != TEXT);
        let mut sections: Vec<(&str, Vec<usize>)> = Vec::new();
        for f in text.chain(others) {
            if !sections.iter().any(|(name, _)| *name == f.section) {
                sections.push((&f.section, Vec::new()));
            }
        }
        let mut ends = vec![0; sections.len()];
        let mut places = Vec::with_capacity(unit.functions.len());
        for (i, f) in unit.functions.iter().enumerate() {
            let section = sections
                .iter()
                .position(|(name, _)| *name == f.section)
                .expect("every function's section was added above");
            sections[section].1.push(i);
            places.push((section, ends[section]));
            ends[section] += f.insns.len();
        }
        Self { sections, places }
    }

    /// Bytes from the start of the section to slot `insn` of a function.
    fn offset(&self, function: usize, insn: usize) -> u64 {
        let (_, start) = self.places[function];
        ((start + insn) * Insn::SIZE) as u64
    }
}

/// The ELF file under construction.
struct File<'a> {
    unit: &'a Unit,
    layout: &'a Layout<'a>,
    types: &'a Types,
    elf: Writer,
    /// By index in the layout, with the symbol that stands for the section.
    code: Vec<(SectionId, SymbolId)>,
    functions: Vec<SymbolId>,
    maps: Vec<SymbolId>,
    rodata: Option<SymbolId>,
}

impl<'a> File<'a> {
    /// A file with the code and its symbols.
    fn new(unit: &'a Unit, layout: &'a Layout<'a>, types: &'a Types) -> Self {
        let mut file = File {
            unit,
            layout,
            types,
            elf: Writer::new(EM_BPF),
            code: Vec::new(),
            functions: Vec::new(),
            maps: Vec::new(),
            rodata: None,
        };
        for (name, functions) in &layout.sections {
            let mut bytes = Vec::new();
            for &f in functions {
                bytes.extend(file.code_of(f));
            }
            let id = file.section(name, SHF_ALLOC | SHF_EXECINSTR, 8, bytes);
            let symbol = file.elf.section_symbol(id);
            file.code.push((id, symbol));
        }
        for (i, f) in unit.functions.iter().enumerate() {
            let symbol = NewSymbol {
                name: &f.name,
                section: file.code[layout.places[i].0].0,
                value: layout.offset(i, 0),
                size: (f.insns.len() * Insn::SIZE) as u64,
                kind: STT_FUNC,
                global: f.global,
            };
            file.functions.push(file.elf.symbol(symbol));
        }
        file
    }

    fn section(&mut self, name: &str, flags: u64, align: u64, bytes: Vec<u8>) -> SectionId {
        self.elf.section(NewSection {
            name,
            ty: SHT_PROGBITS,
            flags,
            align,
            bytes,
        })
    }

    fn data(&mut self, name: &str, flags: u64, align: u64, bytes: Vec<u8>) -> SectionId {
        self.section(name, SHF_ALLOC | flags, align, bytes)
    }

    fn plain(&mut self, name: &str, bytes: Vec<u8>) {
        self.section(name, 0, 4, bytes);
    }

    fn define_maps(&mut self, section: SectionId) {
        for (map, &(offset, size)) in self.unit.maps.iter().zip(&self.types.map_places) {
            self.maps.push(self.elf.symbol(NewSymbol {
                name: &map.name,
                section,
                value: offset.into(),
                size: size.into(),
                kind: STT_OBJECT,
                global: true,
            }));
        }
    }

    fn define_rodata(&mut self, section: SectionId) {
        self.rodata = Some(self.elf.section_symbol(section));
        self.elf.symbol(NewSymbol {
            name: types::RODATA_VARIABLE,
            section,
            value: 0,
            size: self.unit.rodata.len() as u64,
            kind: STT_OBJECT,
            global: true,
        });
    }

    /// Bytes of a function, with the addends of its relocations in the immediates.
    fn code_of(&self, function: usize) -> Vec<u8> {
        let f = &self.unit.functions[function];
        let mut insns = f.insns.clone();
        for reloc in &f.relocs {
            let insn = &mut insns[reloc.insn];
            insn.imm = self.addend(*insn, reloc.target);
            insn.src = if insn.is_wide() { 0 } else { op::PSEUDO_CALL };
        }
        insns.into_iter().flat_map(Insn::encode).collect()
    }

    /// What clang leaves in the immediate: nothing for maps, an offset in bytes for addresses by section symbol, and
    /// for calls the distance in slots as if the call stood before the symbol.
    fn addend(&self, insn: Insn, target: Target) -> i32 {
        let narrow = |n: u64| i32::try_from(n).expect("check() bounds the size of sections");
        match target {
            Target::Map(_) => 0,
            Target::Rodata(offset) => narrow(offset.into()),
            Target::Function(to) if insn.is_wide() => narrow(self.layout.offset(to, 0)),
            Target::Function(to) if self.unit.functions[to].global => -1,
            Target::Function(to) => narrow(self.layout.offset(to, 0) / Insn::SIZE as u64) - 1,
        }
    }

    fn relocate(&mut self) {
        for (i, f) in self.unit.functions.iter().enumerate() {
            let mut relocs: Vec<&Reloc> = f.relocs.iter().collect();
            relocs.sort_by_key(|r| r.insn);
            let (section, _) = self.code[self.layout.places[i].0];
            for reloc in relocs {
                let (ty, symbol) = self.symbol_of(f, reloc);
                let offset = self.layout.offset(i, reloc.insn);
                self.elf.rel(section, offset, ty, symbol);
            }
        }
    }

    fn symbol_of(&self, f: &Function, reloc: &Reloc) -> (u32, SymbolId) {
        let wide = f.insns[reloc.insn].is_wide();
        let ty = if wide { R_BPF_64_64 } else { R_BPF_64_32 };
        let symbol = match reloc.target {
            Target::Map(map) => self.maps[map],
            Target::Rodata(_) => self.rodata.expect("check() wants constants for this"),
            Target::Function(to) if self.unit.functions[to].global && !wide => self.functions[to],
            Target::Function(to) => self.code[self.layout.places[to].0].1,
        };
        (ty, symbol)
    }
}

#[cfg(test)]
mod tests;

//! Functions and the relocations of their instructions.

use std::collections::HashSet;

use super::super::{R_BPF_64_32, R_BPF_64_64, ReadError};
use super::maps::Maps;
use super::{Function, MapUse};
use crate::asm::{Insn, op};
use crate::elf::{Elf, Rel, SHF_EXECINSTR, SHT_PROGBITS, STT_FUNC, Section, Symbol};

const SLOT: u64 = Insn::SIZE as u64;

/// A function with its place in the file.
pub(super) struct Placed {
    section: usize,
    /// First slot in the section.
    start: u64,
    pub(super) function: Function,
}

impl Placed {
    fn end(&self) -> u64 {
        self.start + self.function.insns.len() as u64
    }
}

/// Functions in order of section and offset, with their references resolved.
pub(super) fn read(elf: &Elf<'_>, maps: &Maps) -> Result<Vec<Placed>, ReadError> {
    let mut functions = split(elf)?;
    let mut seen = HashSet::new();
    for (section, rel) in elf.rels() {
        if !elf.sections.get(section).is_some_and(is_code) {
            continue;
        }
        let (f, insn) = locate(&functions, section, rel.offset)
            .ok_or_else(|| wrong(elf, section, rel, "not at an instruction of a function"))?;
        let target = resolve(elf, maps, &functions, (f, insn), rel)
            .map_err(|what| wrong(elf, section, rel, what))?;
        if !seen.insert((f, insn)) {
            return Err(wrong(
                elf,
                section,
                rel,
                "a second one for this instruction",
            ));
        }
        match target {
            Resolved::Map(map) => functions[f].function.maps.push(map),
            Resolved::Function(to) => functions[f].function.refs.push((insn, to)),
        }
    }
    local_calls(&mut functions, &seen)?;
    for f in &mut functions {
        f.function.maps.sort_by_key(|m| m.insn);
        f.function.refs.sort_unstable();
    }
    Ok(functions)
}

/// The function and its instruction at a byte offset of a section.
pub(super) fn locate(functions: &[Placed], section: usize, offset: u64) -> Option<(usize, usize)> {
    let slot = offset / SLOT;
    if !offset.is_multiple_of(SLOT) {
        return None;
    }
    let after = functions.partition_point(|f| (f.section, f.start) <= (section, slot));
    let i = after.checked_sub(1)?;
    let f = functions.get(i)?;
    let inside = f.section == section && slot < f.end();
    inside.then(|| (i, (slot - f.start) as usize))
}

fn wrong(elf: &Elf<'_>, section: usize, rel: Rel, what: &'static str) -> ReadError {
    ReadError::Reloc {
        section: elf.sections.get(section).map_or("", |s| s.name).to_owned(),
        offset: rel.offset,
        what,
    }
}

fn is_code(section: &Section<'_>) -> bool {
    section.ty == SHT_PROGBITS && section.flags & SHF_EXECINSTR != 0
}

/// Cuts the code sections at their function symbols.
fn split(elf: &Elf<'_>) -> Result<Vec<Placed>, ReadError> {
    let mut functions = Vec::new();
    for symbol in elf.symbols.iter().filter(|s| s.kind == STT_FUNC) {
        let Some(index) = symbol.section else {
            continue;
        };
        if let Some(section) = elf.sections.get(index).filter(|s| is_code(s)) {
            let wrong = |what| ReadError::Function {
                name: symbol.name.to_owned(),
                what,
            };
            let insns = insns(section, symbol).ok_or_else(|| wrong("not within its section"))?;
            functions.push(Placed {
                section: index,
                start: symbol.value / SLOT,
                function: Function {
                    name: symbol.name.to_owned(),
                    section: section.name.to_owned(),
                    insns,
                    ty: None,
                    maps: Vec::new(),
                    core: Vec::new(),
                    lines: Vec::new(),
                    refs: Vec::new(),
                },
            });
        }
    }
    functions.sort_by_key(|f| (f.section, f.start));
    let overlap = functions
        .windows(2)
        .find(|w| w[0].section == w[1].section && w[0].end() > w[1].start);
    match overlap {
        Some(w) => Err(ReadError::Function {
            name: w[1].function.name.clone(),
            what: "overlaps another function",
        }),
        None => Ok(functions),
    }
}

/// Slots of a function; at least one.
fn insns(section: &Section<'_>, symbol: &Symbol<'_>) -> Option<Vec<Insn>> {
    let start = usize::try_from(symbol.value).ok()?;
    let size = usize::try_from(symbol.size).ok()?;
    let bytes = section.bytes.get(start..start.checked_add(size)?)?;
    let (slots, rest) = bytes.as_chunks::<{ Insn::SIZE }>();
    let whole = start.is_multiple_of(Insn::SIZE) && rest.is_empty() && !slots.is_empty();
    whole.then(|| slots.iter().copied().map(Insn::decode).collect())
}

enum Resolved {
    Map(MapUse),
    Function(usize),
}

fn resolve(
    elf: &Elf<'_>,
    maps: &Maps,
    functions: &[Placed],
    at: (usize, usize),
    rel: Rel,
) -> Result<Resolved, &'static str> {
    let insns = &functions[at.0].function.insns;
    let insn = insns[at.1];
    let symbol = elf.symbols.get(rel.symbol).ok_or("no such symbol")?;
    let section = symbol.section.ok_or("a symbol that is not defined")?;
    let function = |offset: Option<u64>| {
        offset
            .and_then(|offset| locate(functions, section, offset))
            .filter(|&(_, insn)| insn == 0)
            .map(|(f, _)| Resolved::Function(f))
            .ok_or("no function begins there")
    };
    let bytes = i64::from(insn.imm);
    match rel.ty {
        R_BPF_64_32 if is_call(insn) => {
            function(symbol.value.checked_add_signed((bytes + 1) * SLOT as i64))
        }
        R_BPF_64_64 if insn.is_wide() && at.1 + 1 < insns.len() => {
            let offset = symbol.value.checked_add_signed(bytes);
            if elf.sections.get(section).is_some_and(is_code) {
                return function(offset);
            }
            let map = match maps.by_symbol(symbol, insn.imm) {
                Some(map) => (map, None),
                None => {
                    let map = maps
                        .by_section(section)
                        .ok_or("neither map nor constants")?;
                    let size = u64::from(maps.list[map].value_size);
                    let offset = offset.filter(|&o| o < size).ok_or("outside its section")?;
                    (map, Some(offset as u32))
                }
            };
            Ok(Resolved::Map(MapUse {
                insn: at.1,
                map: map.0,
                offset: map.1,
            }))
        }
        _ => Err("of an unknown type for this instruction"),
    }
}

fn is_call(insn: Insn) -> bool {
    insn.code == op::JMP | op::CALL && insn.src == op::PSEUDO_CALL
}

/// Calls without relocation: to functions of the same section.
fn local_calls(functions: &mut [Placed], seen: &HashSet<(usize, usize)>) -> Result<(), ReadError> {
    for f in 0..functions.len() {
        let mut found = Vec::new();
        let from = &functions[f];
        for (i, insn) in from.function.insns.iter().enumerate() {
            if !is_call(*insn) || seen.contains(&(f, i)) {
                continue;
            }
            let slot = (from.start + i as u64 + 1).checked_add_signed(insn.imm.into());
            let to = slot
                .and_then(|slot| locate(functions, from.section, slot.checked_mul(SLOT)?))
                .filter(|&(_, insn)| insn == 0)
                .ok_or_else(|| ReadError::Function {
                    name: from.function.name.clone(),
                    what: "a call that leads to no function",
                })?;
            found.push((i, to.0));
        }
        functions[f].function.refs.extend(found);
    }
    Ok(())
}

impl Placed {
    pub(super) fn section(&self) -> usize {
        self.section
    }
}

//! `.BTF.ext` records to the functions they belong to.

use std::collections::HashMap;

use super::code::{Placed, locate};
use super::{CoreUse, LineUse, ReadError};
use crate::btf::Btf;
use crate::btf::ext::{Ext, Section};

/// Adds types, lines and CO-RE relocations. Records of sections that hold no function are ignored.
pub(super) fn read(bytes: &[u8], btf: &Btf, functions: &mut [Placed]) -> Result<(), ReadError> {
    let ext = Ext::decode(bytes)?;
    let sections: HashMap<String, usize> = functions
        .iter()
        .map(|f| (f.function.section.clone(), f.section()))
        .collect();
    each(&ext.funcs, btf, &sections, |section, record| {
        if let Some((f, 0)) = locate(functions, section, record.insn_off.into()) {
            functions[f].function.ty = Some(record.ty);
        }
    });
    each(&ext.lines, btf, &sections, |section, record| {
        if let Some((f, insn)) = locate(functions, section, record.insn_off.into()) {
            functions[f].function.lines.push(LineUse {
                insn,
                file: record.file,
                text: record.text,
                line: record.line,
                column: record.column,
            });
        }
    });
    let mut lost = None;
    each(&ext.core, btf, &sections, |section, record| {
        match locate(functions, section, record.insn_off.into()) {
            Some((f, insn)) => functions[f].function.core.push(CoreUse {
                insn,
                root: record.root,
                access: btf.str(record.access).to_owned(),
                kind: record.kind,
            }),
            None => lost = Some(record.insn_off),
        }
    });
    for f in functions.iter_mut() {
        f.function.lines.sort_by_key(|l| l.insn);
        f.function.core.sort_by_key(|c| c.insn);
    }
    // A program without its CO-RE relocation would read at offsets of no kernel.
    match lost {
        Some(offset) => Err(ReadError::Reloc {
            section: ".BTF.ext".to_owned(),
            offset: offset.into(),
            what: "a CO-RE relocation outside every function",
        }),
        None => Ok(()),
    }
}

fn each<T: Copy>(
    parts: &[Section<T>],
    btf: &Btf,
    sections: &HashMap<String, usize>,
    mut visit: impl FnMut(usize, T),
) {
    for part in parts {
        if let Some(&section) = sections.get(btf.str(part.name)) {
            for &record in &part.records {
                visit(section, record);
            }
        }
    }
}

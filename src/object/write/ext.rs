//! `.BTF.ext` of a unit.

use super::super::Unit;
use super::{Layout, types::Types};
use crate::btf::ext::{CoreRelo, Ext, FuncInfo, LineInfo, Section};

/// Records in order of offset, one part for each code section.
pub(super) fn ext(unit: &Unit, layout: &Layout<'_>, types: &Types) -> Ext {
    let mut ext = Ext::default();
    for (_, functions) in &layout.sections {
        let mut funcs = Vec::new();
        let mut lines = Vec::new();
        let mut core = Vec::new();
        for &f in functions {
            let at = |insn: usize| {
                u32::try_from(layout.offset(f, insn)).expect("check() bounds the code")
            };
            funcs.push(FuncInfo {
                insn_off: at(0),
                ty: types.functions[f],
            });
            lines.extend(types.lines[f].iter().map(|l| LineInfo {
                insn_off: at(l.insn_off as usize),
                ..*l
            }));
            let relocs = unit.functions[f].core.iter().zip(&types.core[f]);
            let mut relocs: Vec<CoreRelo> = relocs
                .map(|(c, &(root, access))| CoreRelo {
                    insn_off: at(c.insn),
                    root,
                    access,
                    kind: c.kind.raw(),
                })
                .collect();
            relocs.sort_by_key(|r| r.insn_off);
            core.extend(relocs);
        }
        let name = functions
            .first()
            .map(|&f| types.sections[f])
            .unwrap_or_default();
        ext.funcs.push(Section {
            name,
            records: funcs,
        });
        ext.lines.push(Section {
            name,
            records: lines,
        });
        ext.core.push(Section {
            name,
            records: core,
        });
    }
    ext
}

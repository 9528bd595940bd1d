//! Generated code as the input of the object writer.

use super::Output;
use super::backend::{self, AssembleError, Assembled, FieldInfo};
use super::mir::FunctionId;
use super::module::{Map, Routed};
use crate::object::{self, CoreKind, CoreReloc, Line, MapDef, Params, Reloc, Target, Unit};

/// GPL-compatible, which tracing helpers need.
const LICENSE: &str = "Dual BSD/GPL";

impl Output {
    /// Registers, addresses and lines for every function; the error tells which one does not fit.
    /// `source` is the name that line records give to the policy.
    pub fn assemble(&self, source: &'static str) -> Result<Unit, (FunctionId, AssembleError)> {
        let functions = self
            .functions
            .iter()
            .enumerate()
            .map(|(index, routed)| function(routed).map_err(|error| (FunctionId(index), error)))
            .collect::<Result<_, _>>()?;
        Ok(Unit {
            license: LICENSE,
            source,
            maps: self.maps.iter().map(map).collect(),
            rodata: vec![0; 4 * self.host_namespaces.len()],
            functions,
        })
    }
}

fn map(map: &Map) -> MapDef {
    MapDef {
        name: map.name.to_owned(),
        kind: map.kind as u32,
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
        flags: 0,
    }
}

fn function(routed: &Routed) -> Result<object::Function, AssembleError> {
    let Assembled {
        insns,
        relocs,
        fields,
        lines,
        stack: _,
    } = backend::assemble(&routed.code)?;
    let relocs = relocs.into_iter().map(|(insn, target)| Reloc {
        insn,
        target: aim(target),
    });
    let core = fields.into_iter().map(|reloc| CoreReloc {
        insn: reloc.insn,
        root: reloc.field.root,
        path: reloc.field.path,
        kind: match reloc.info {
            FieldInfo::ByteOffset => CoreKind::FieldByteOffset,
            FieldInfo::Exists => CoreKind::FieldExists,
        },
    });
    Ok(object::Function {
        name: routed.code.name.clone(),
        section: routed.section.clone(),
        global: true,
        params: routed.params.map_or(Params::Context, Params::Scalars),
        insns,
        relocs: relocs.collect(),
        core: core.collect(),
        lines: lines
            .into_iter()
            .map(|(insn, span)| Line { insn, span })
            .collect(),
    })
}

fn aim(target: backend::Target) -> Target {
    match target {
        backend::Target::Map(map) => Target::Map(map.0),
        backend::Target::Rodata(offset) => Target::Rodata(offset),
        backend::Target::Function(function) => Target::Function(function.0),
    }
}

//! The object's types and strings: maps, constants, functions, kernel structures, source lines.

use super::super::{Function, MAPS, MapDef, Params, RODATA, TEXT, Unit, WriteError};
use super::fields::Fields;
use crate::btf::{
    Btf, Builder, Kind, Linkage, Member, Param, SecVar, StrOff, TypeId, encoding, ext::LineInfo,
};
use crate::diag::{Sources, Span};

/// Name of the variable that covers `.rodata`.
pub(super) const RODATA_VARIABLE: &str = "constants";

/// Program sections whose context is an array of 64-bit arguments; others have a structure of their own.
const ARGUMENT_CONTEXTS: &[&str] = &["fentry", "fexit", "fmod_ret", "lsm", "raw_tp", "tp_btf"];

/// Local storage (`BPF_MAP_TYPE_SK_STORAGE`, `INODE`, `TASK`, `CGRP`): the kernel wants types of key and value.
const TYPED_MAPS: &[u32] = &[24, 28, 29, 32];

/// `.BTF`, with the ids and strings that `.BTF.ext` and the symbols need.
pub(super) struct Types {
    pub(super) btf: Btf,
    /// (offset in `.maps`, size) by map.
    pub(super) map_places: Vec<(u32, u32)>,
    pub(super) maps_size: u32,
    /// Function types by function.
    pub(super) functions: Vec<TypeId>,
    /// Name of the function's section by function.
    pub(super) sections: Vec<StrOff>,
    /// (root type, access string) by function and relocation.
    pub(super) core: Vec<Vec<(TypeId, StrOff)>>,
    /// Lines by function; `insn_off` counts slots from the start of the function.
    pub(super) lines: Vec<Vec<LineInfo>>,
}

impl Types {
    pub(super) fn new(unit: &Unit, sources: &Sources) -> Result<Self, WriteError> {
        let mut b = Builder::new();
        let (map_places, maps_size) = add_maps(&mut b, &unit.maps);
        add_rodata(&mut b, &unit.rodata);
        let functions = unit.functions.iter().map(|f| function(&mut b, f)).collect();
        let fields = Fields::new(unit)?.add(&mut b);
        let mut core = Vec::new();
        let mut sections = Vec::new();
        let mut lines = Vec::new();
        let fallback = unit.functions.iter().find_map(|f| f.lines.first());
        for f in &unit.functions {
            sections.push(b.string(&f.section));
            let accesses = f.core.iter().map(|c| {
                let (root, access) = fields.access(c)?;
                Ok((root, b.string(&access)))
            });
            core.push(accesses.collect::<Result<_, _>>()?);
            lines.push(places(f, fallback.map(|l| l.span), |insn, span| {
                line(&mut b, (unit.source, sources), insn, span)
            }));
        }
        Ok(Self {
            btf: b.finish(),
            map_places,
            maps_size,
            functions,
            sections,
            core,
            lines,
        })
    }
}

/// The integer types that the writer needs.
pub(super) fn int(b: &mut Builder, name: &str, size: u8, encoding: u8) -> TypeId {
    let kind = Kind::Int {
        size: size.into(),
        encoding,
        offset: 0,
        bits: size * 8,
    };
    b.add(name, kind)
}

pub(super) fn unsigned_int(b: &mut Builder) -> TypeId {
    int(b, "unsigned int", 4, 0)
}

fn unsigned_long_long(b: &mut Builder) -> TypeId {
    int(b, "unsigned long long", 8, 0)
}

pub(super) fn array(b: &mut Builder, elem: TypeId, len: u32) -> TypeId {
    let index = unsigned_int(b);
    b.add("", Kind::Array { elem, index, len })
}

/// A variable for each map, and the section that holds them.
fn add_maps(b: &mut Builder, maps: &[MapDef]) -> (Vec<(u32, u32)>, u32) {
    let mut places = Vec::with_capacity(maps.len());
    let mut vars = Vec::with_capacity(maps.len());
    let mut offset = 0;
    for map in maps {
        let (ty, size) = map_type(b, map);
        let linkage = Linkage::Global;
        let ty = b.add(&map.name, Kind::Var { ty, linkage });
        vars.push(SecVar { ty, offset, size });
        places.push((offset, size));
        offset += size;
    }
    if !maps.is_empty() {
        b.add(MAPS, Kind::Datasec { size: offset, vars });
    }
    (places, offset)
}

/// The structure that describes a map, and its size: a pointer for each attribute.
fn map_type(b: &mut Builder, map: &MapDef) -> (TypeId, u32) {
    let typed = TYPED_MAPS.contains(&map.kind);
    let mut attributes = vec![("type", number(b, map.kind))];
    if typed {
        let key = int(b, "int", 4, encoding::SIGNED);
        let byte = int(b, "unsigned char", 1, 0);
        let value = array(b, byte, map.value_size);
        attributes.push(("key", b.add("", Kind::Ptr(key))));
        attributes.push(("value", b.add("", Kind::Ptr(value))));
    }
    for (name, value) in [
        ("key_size", if typed { 0 } else { map.key_size }),
        ("value_size", if typed { 0 } else { map.value_size }),
        ("max_entries", map.max_entries),
        ("map_flags", map.flags),
    ] {
        if value != 0 {
            attributes.push((name, number(b, value)));
        }
    }
    let mut members = Vec::with_capacity(attributes.len());
    let mut size = 0;
    for (name, ty) in attributes {
        members.push(Member {
            name: b.string(name),
            ty,
            bit_offset: size * 8,
            bits: 0,
        });
        size += 8;
    }
    (b.add("", Kind::Struct { size, members }), size)
}

/// `int (*)[value]`: how a map's attribute holds a number.
fn number(b: &mut Builder, value: u32) -> TypeId {
    let elem = int(b, "int", 4, encoding::SIGNED);
    let array = array(b, elem, value);
    b.add("", Kind::Ptr(array))
}

fn add_rodata(b: &mut Builder, rodata: &[u8]) {
    let size = u32::try_from(rodata.len()).unwrap_or(u32::MAX);
    if size == 0 {
        return;
    }
    let byte = int(b, "unsigned char", 1, 0);
    let array = array(b, byte, size);
    let ty = b.add("", Kind::Const(array));
    let linkage = Linkage::Global;
    let var = b.add(RODATA_VARIABLE, Kind::Var { ty, linkage });
    let vars = vec![SecVar {
        ty: var,
        offset: 0,
        size,
    }];
    b.add(RODATA, Kind::Datasec { size, vars });
}

fn function(b: &mut Builder, f: &Function) -> TypeId {
    let proto = match f.params {
        Params::Context => {
            let prefix = f.section.trim_start_matches('?');
            let kind = prefix.split(['/', '.']).next().unwrap_or("");
            let context = if ARGUMENT_CONTEXTS.contains(&kind) {
                unsigned_long_long(b)
            } else {
                TypeId::VOID
            };
            let params = vec![Param {
                name: b.string("ctx"),
                ty: b.add("", Kind::Ptr(context)),
            }];
            let ret = int(b, "int", 4, encoding::SIGNED);
            Kind::FuncProto { ret, params }
        }
        Params::Scalars(n) => {
            let ret = unsigned_long_long(b);
            let params = ('a'..).take(n.into()).map(|name| Param {
                name: b.string(&name.to_string()),
                ty: ret,
            });
            let params = params.collect();
            Kind::FuncProto { ret, params }
        }
    };
    let proto = b.add("", proto);
    let linkage = match f.global || f.section != TEXT {
        true => Linkage::Global,
        false => Linkage::Static,
    };
    b.add(&f.name, Kind::Func { proto, linkage })
}

/// The lines of a function as the kernel wants them: one at the first instruction, none twice in a row, at most one
/// at an instruction. A function without lines is given `fallback`, for the kernel wants lines for all or none.
fn places(
    f: &Function,
    fallback: Option<Span>,
    mut info: impl FnMut(usize, Span) -> LineInfo,
) -> Vec<LineInfo> {
    let first = f.lines.first().map(|l| l.span).or(fallback);
    let mut out: Vec<LineInfo> = first.map(|span| info(0, span)).into_iter().collect();
    for l in &f.lines {
        let next = info(l.insn, l.span);
        let Some(last) = out.last_mut() else {
            continue;
        };
        if last.insn_off == next.insn_off {
            *last = next;
        } else if (last.file, last.line, last.column) != (next.file, next.line, next.column) {
            out.push(next);
        }
    }
    out
}

fn line(b: &mut Builder, (name, sources): (&str, &Sources), insn: usize, span: Span) -> LineInfo {
    let at = sources.line_col(span);
    LineInfo {
        insn_off: u32::try_from(insn).expect("check() bounds the code"),
        file: b.string(name),
        text: b.string(sources.line(span.file, at.line).trim()),
        line: at.line,
        column: at.column,
    }
}

//! An object as text, for people and for golden files.

use std::fmt::Write as _;

use super::CoreKind;
use super::read::{CoreUse, Function, LineUse, Map, MapUse, Object};
use crate::asm;
use crate::btf::{Btf, Kind, TypeId};

/// Maps, then functions with each instruction, what it refers to, and the source lines in between.
pub fn dump(object: &Object) -> String {
    let mut out = format!("license {:?}\n", object.license);
    for (i, map) in object.maps.iter().enumerate() {
        out += &describe_map(i, map);
    }
    for f in &object.functions {
        dump_function(&mut out, object, f);
    }
    out
}

fn describe_map(index: usize, map: &Map) -> String {
    let mut out = format!(
        "map {index} {}: kind {} key {} value {} entries {} flags {:#x}",
        map.name, map.kind, map.key_size, map.value_size, map.max_entries, map.flags
    );
    if let Some(contents) = &map.contents {
        out += " contents ";
        out.extend(contents.iter().map(|b| format!("{b:02x}")));
    }
    out + "\n"
}

fn dump_function(out: &mut String, object: &Object, f: &Function) {
    let prototype =
        f.ty.map_or_else(String::new, |ty| prototype(&object.btf, ty));
    *out += &format!("\n{} [{}] {prototype}\n", f.name, f.section);
    for (at, text) in asm::listing(&f.insns) {
        for line in f.lines.iter().filter(|l| l.insn == at) {
            *out += &describe_line(&object.btf, line);
        }
        let mut notes = Vec::new();
        notes.extend(
            f.maps
                .iter()
                .filter(|m| m.insn == at)
                .map(|m| use_of(object, m)),
        );
        notes.extend(f.calls().filter(|&(i, _)| i == at).map(|(_, to)| {
            object
                .functions
                .get(to)
                .map_or_else(String::new, |f| f.name.clone())
        }));
        notes.extend(
            f.core
                .iter()
                .filter(|c| c.insn == at)
                .map(|c| core(&object.btf, c)),
        );
        let note = notes.join(", ");
        let line = match note.is_empty() {
            true => format!("{at:6}: {text}"),
            false => format!("{at:6}: {text:40} ; {note}"),
        };
        writeln!(out, "{line}").expect("a string takes everything");
    }
}

fn describe_line(btf: &Btf, l: &LineUse) -> String {
    let (file, text) = (btf.str(l.file), btf.str(l.text));
    format!("        ; {file}:{}:{}: {text}\n", l.line, l.column)
}

fn use_of(object: &Object, m: &MapUse) -> String {
    let name = object.maps.get(m.map).map_or("", |map| &map.name);
    match m.offset {
        Some(offset) => format!("{name}+{offset}"),
        None => name.to_owned(),
    }
}

fn core(btf: &Btf, c: &CoreUse) -> String {
    let kind = match CoreKind::from_raw(c.kind) {
        Some(kind) => format!("{kind:?}"),
        None => format!("kind {}", c.kind),
    };
    format!("{kind} of {} {}", btf.name(c.root), path(btf, c))
}

/// The access string with the members' names.
fn path(btf: &Btf, c: &CoreUse) -> String {
    let mut at = c.root;
    let mut names = Vec::new();
    for index in c.access.split(':').skip(1) {
        let index: usize = index.parse().unwrap_or(usize::MAX);
        let Some((_, ty)) = btf.resolve(at) else {
            break;
        };
        if let Some(member) = ty.kind.members().and_then(|m| m.get(index)) {
            names.push(btf.str(member.name).to_owned());
            at = member.ty;
        } else {
            names.push(format!("[{index}]"));
            at = element(btf, at);
        }
    }
    format!("{} ({})", names.join("."), c.access)
}

fn element(btf: &Btf, array: TypeId) -> TypeId {
    match btf.resolve(array).map(|(_, ty)| &ty.kind) {
        Some(Kind::Array { elem, .. }) => *elem,
        _ => TypeId::VOID,
    }
}

fn prototype(btf: &Btf, function: TypeId) -> String {
    let Some((ret, params)) = btf.signature(function) else {
        return String::new();
    };
    let params: Vec<String> = params
        .iter()
        .map(|p| format!("{}: {}", btf.str(p.name), type_name(btf, p.ty)))
        .collect();
    format!("({}) -> {}", params.join(", "), type_name(btf, ret))
}

fn type_name(btf: &Btf, id: TypeId) -> String {
    match btf.ty(id).map(|ty| &ty.kind) {
        None => "void".to_owned(),
        Some(Kind::Ptr(TypeId::VOID)) => "void *".to_owned(),
        Some(Kind::Ptr(to)) => format!("{} *", btf.name(*to)),
        Some(_) => btf.name(id).to_owned(),
    }
}

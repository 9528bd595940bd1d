//! Kernel structures with only the members that the unit's CO-RE relocations name.
//!
//! Members keep the offsets of `kernel::structs`, so that instructions hold what loaders expect; their indices count
//! only the members that are there. A structure that is only pointed to becomes a forward declaration.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{CoreReloc, Unit, WriteError};
use super::types::{array, int};
use crate::btf::{Builder, Kind, Member, TypeId, encoding};
use crate::kernel::structs::{self, StructDef, Ty};

/// Members in use, by structure.
pub(super) struct Fields(BTreeMap<&'static str, BTreeSet<usize>>);

/// The structures as types of the object.
pub(super) struct Structs {
    fields: Fields,
    ids: BTreeMap<&'static str, TypeId>,
}

fn missing(c: &CoreReloc) -> WriteError {
    WriteError::Member {
        root: c.root.to_owned(),
        path: c.path.to_owned(),
    }
}

/// The steps of an access: each structure entered with the index of its member, and elements with `None`.
fn steps(c: &CoreReloc) -> Option<Vec<(Option<&'static StructDef>, usize)>> {
    let access = structs::access(c.root, c.path)?;
    let mut ty = Ty::Struct(structs::lookup(c.root)?.name);
    let mut steps = Vec::new();
    for &index in &access.indices[1..] {
        let index = index as usize;
        match ty {
            Ty::Struct(name) => {
                let def = structs::lookup(name)?;
                steps.push((Some(def), index));
                ty = def.fields.get(index)?.ty;
            }
            Ty::Array(elem, _) => {
                steps.push((None, index));
                ty = *elem;
            }
            _ => return None,
        }
    }
    Some(steps)
}

impl Fields {
    pub(super) fn new(unit: &Unit) -> Result<Self, WriteError> {
        let mut fields = Fields(BTreeMap::new());
        for c in unit.functions.iter().flat_map(|f| &f.core) {
            let root = structs::lookup(c.root).ok_or_else(|| missing(c))?;
            fields.0.entry(root.name).or_default();
            for (def, index) in steps(c).ok_or_else(|| missing(c))? {
                if let Some(def) = def {
                    fields.0.entry(def.name).or_default().insert(index);
                    fields.include(def.fields[index].ty);
                }
            }
        }
        Ok(fields)
    }

    /// A structure held by value must be defined, if only with its size.
    fn include(&mut self, ty: Ty) {
        match ty {
            Ty::Struct(name) => {
                self.0.entry(name).or_default();
            }
            Ty::Array(elem, _) => self.include(*elem),
            _ => {}
        }
    }

    pub(super) fn add(self, b: &mut Builder) -> Structs {
        let defs: Vec<&StructDef> = self.0.keys().filter_map(|n| structs::lookup(n)).collect();
        let ids = defs
            .iter()
            .map(|def| (def.name, b.declare(def.name, def.union)))
            .collect();
        let structs = Structs { fields: self, ids };
        for def in defs {
            let members = structs.members(b, def);
            let size = def.size();
            let kind = match def.union {
                true => Kind::Union { size, members },
                false => Kind::Struct { size, members },
            };
            b.define(structs.ids[def.name], kind);
        }
        structs
    }
}

impl Structs {
    /// Root type and access string of a relocation.
    pub(super) fn access(&self, c: &CoreReloc) -> Result<(TypeId, String), WriteError> {
        let root = *self.ids.get(c.root).ok_or_else(|| missing(c))?;
        let mut access = "0".to_owned();
        for (def, index) in steps(c).ok_or_else(|| missing(c))? {
            let index = match def {
                Some(def) => self.fields.0[def.name].range(..index).count(),
                None => index,
            };
            access += &format!(":{index}");
        }
        Ok((root, access))
    }

    fn members(&self, b: &mut Builder, def: &StructDef) -> Vec<Member> {
        let indices = self.fields.0[def.name].iter();
        indices
            .map(|&i| Member {
                name: b.string(def.fields[i].name),
                ty: self.ty(b, def.fields[i].ty),
                bit_offset: def.offset(i) * 8,
                bits: 0,
            })
            .collect()
    }

    fn ty(&self, b: &mut Builder, ty: Ty) -> TypeId {
        let signed = encoding::SIGNED;
        match ty {
            Ty::U8 => int(b, "unsigned char", 1, 0),
            Ty::U16 => int(b, "unsigned short", 2, 0),
            Ty::U32 => int(b, "unsigned int", 4, 0),
            Ty::U64 => int(b, "unsigned long long", 8, 0),
            Ty::I8 => int(b, "signed char", 1, signed),
            Ty::I16 => int(b, "short", 2, signed),
            Ty::I32 => int(b, "int", 4, signed),
            Ty::I64 => int(b, "long long", 8, signed),
            Ty::Bool => int(b, "_Bool", 1, encoding::BOOL),
            Ty::Ptr(name) => {
                let to = self.pointee(b, name);
                b.add("", Kind::Ptr(to))
            }
            // `include` has declared every structure that is held by value.
            Ty::Struct(name) => self.ids[name],
            Ty::Array(elem, len) => {
                let elem = self.ty(b, *elem);
                array(b, elem, len)
            }
        }
    }

    fn pointee(&self, b: &mut Builder, name: &'static str) -> TypeId {
        match (name, self.ids.get(name)) {
            ("", _) => TypeId::VOID,
            (_, Some(&id)) => id,
            (_, None) => {
                let union = structs::lookup(name).is_some_and(|def| def.union);
                b.add(name, Kind::Fwd { union })
            }
        }
    }
}

//! Building a type table.

use std::collections::HashMap;

use super::strings::Strings;
use super::{Btf, Kind, StrOff, Type, TypeId};

/// Collects types and strings; equal types get one id. Ids count from 1 in order of insertion.
#[derive(Clone, Debug)]
pub struct Builder {
    types: Vec<Type>,
    strings: Strings,
    seen: HashMap<Type, TypeId>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    pub fn new() -> Self {
        Self {
            types: Vec::new(),
            strings: Strings::new(),
            seen: HashMap::new(),
        }
    }

    /// Offset of a string, stored once.
    pub fn string(&mut self, text: &str) -> StrOff {
        self.strings.add(text)
    }

    /// Adds a type, or finds the equal one.
    pub fn add(&mut self, name: &str, kind: Kind) -> TypeId {
        let ty = Type {
            name: self.string(name),
            kind,
        };
        if let Some(&id) = self.seen.get(&ty) {
            return id;
        }
        let id = self.push(ty.clone());
        self.seen.insert(ty, id);
        id
    }

    /// Reserves an id for a type that refers to itself; [`define`](Self::define) fills it. Until then it is a
    /// forward declaration.
    pub fn declare(&mut self, name: &str, union: bool) -> TypeId {
        let name = self.string(name);
        self.push(Type {
            name,
            kind: Kind::Fwd { union },
        })
    }

    /// Gives a declared type its kind. An id that was never declared is ignored.
    pub fn define(&mut self, id: TypeId, kind: Kind) {
        let slot = id.0.checked_sub(1).map(|i| i as usize);
        if let Some(ty) = slot.and_then(|i| self.types.get_mut(i)) {
            ty.kind = kind;
        }
    }

    fn push(&mut self, ty: Type) -> TypeId {
        self.types.push(ty);
        TypeId(u32::try_from(self.types.len()).expect("types stay below 2^32"))
    }

    pub fn finish(self) -> Btf {
        Btf::from_parts(self.types, self.strings.into_bytes())
    }
}

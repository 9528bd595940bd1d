//! Minimal local definitions of the kernel structures that programs read.
//!
//! In: the rows of [`table`]. Out: C layout (offset, size, alignment) and CO-RE access paths. A definition names only
//! the members that tpc reads, so its offsets are *local*: the object carries them with a relocation each, and the
//! loader replaces them by those of the running kernel. Holds (tests): rows are sorted and unique, every structure
//! that a row contains or points to exists, and no structure contains itself.

mod table;

/// Type of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    Bool,
    /// Pointer to the named structure; the empty name is `void`.
    Ptr(&'static str),
    /// The named structure or union, by value.
    Struct(&'static str),
    /// So many elements; 0 is a flexible array at the end.
    Array(&'static Ty, u32),
}

impl Ty {
    /// Size in bytes on 64-bit machines. A structure that the table lacks counts 0.
    pub fn size(self) -> u32 {
        match self {
            Ty::U8 | Ty::I8 | Ty::Bool => 1,
            Ty::U16 | Ty::I16 => 2,
            Ty::U32 | Ty::I32 => 4,
            Ty::U64 | Ty::I64 | Ty::Ptr(_) => 8,
            Ty::Struct(name) => lookup(name).map_or(0, StructDef::size),
            Ty::Array(elem, n) => elem.size() * n,
        }
    }

    /// Alignment in bytes, at least 1.
    pub fn align(self) -> u32 {
        match self {
            Ty::Struct(name) => lookup(name).map_or(1, StructDef::align),
            Ty::Array(elem, _) => elem.align(),
            scalar => scalar.size(),
        }
    }

    /// Whether a load of this type needs sign extension.
    pub fn signed(self) -> bool {
        matches!(self, Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64)
    }
}

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub ty: Ty,
}

/// A structure or union, with the members that tpc reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructDef {
    /// Kernel name, with an optional `___flavour` that CO-RE ignores.
    pub name: &'static str,
    pub fields: &'static [Field],
    pub union: bool,
}

impl StructDef {
    /// Size in bytes with tail padding.
    pub fn size(&self) -> u32 {
        let end = (0..self.fields.len()).map(|i| self.offset(i) + self.fields[i].ty.size());
        end.max().unwrap_or(0).next_multiple_of(self.align())
    }

    /// Alignment in bytes, at least 1.
    pub fn align(&self) -> u32 {
        self.fields
            .iter()
            .map(|f| f.ty.align())
            .max()
            .unwrap_or(1)
            .max(1)
    }

    /// Byte offset of the member with this index (which must exist).
    pub fn offset(&self, index: usize) -> u32 {
        if self.union {
            return 0;
        }
        let mut at = 0u32;
        for field in &self.fields[..index] {
            at = at.next_multiple_of(field.ty.align()) + field.ty.size();
        }
        at.next_multiple_of(self.fields[index].ty.align())
    }
}

/// A resolved path of members, as CO-RE records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// CO-RE access string: 0 for the root itself, then a member or element index for each step.
    pub indices: Vec<u32>,
    /// Local offset from the root in bytes.
    pub offset: u32,
    /// Local size of the last member in bytes.
    pub size: u32,
    pub ty: Ty,
}

/// The definition of a structure, by kernel name (with flavour).
pub fn lookup(name: &str) -> Option<&'static StructDef> {
    let i = table::STRUCTS.binary_search_by(|s| s.name.cmp(name)).ok()?;
    table::STRUCTS.get(i)
}

/// All definitions, sorted by name.
pub fn all() -> &'static [StructDef] {
    table::STRUCTS
}

/// Resolves `path` from `root`: members separated by dots, elements as `[n]`: `access("file", "f_path.dentry")`,
/// `access("pid", "numbers[0].nr")`. The empty path is the root itself. Pointers are not followed. `None` if a
/// member is missing or an index lies outside its array.
pub fn access(root: &str, path: &str) -> Option<Access> {
    let root = lookup(root)?;
    let mut at = Access {
        indices: vec![0],
        offset: 0,
        size: root.size(),
        ty: Ty::Struct(root.name),
    };
    for step in path.split('.').filter(|s| !s.is_empty()) {
        let (name, elements) = step.split_at(step.find('[').unwrap_or(step.len()));
        at = member(&at, name)?;
        for n in elements.split_terminator(']') {
            at = element(&at, n.strip_prefix('[')?.parse().ok()?)?;
        }
    }
    at.size = at.ty.size();
    Some(at)
}

fn member(at: &Access, name: &str) -> Option<Access> {
    let Ty::Struct(outer) = at.ty else {
        return None;
    };
    let def = lookup(outer)?;
    let index = def.fields.iter().position(|f| f.name == name)?;
    let mut next = at.clone();
    next.indices.push(index.try_into().ok()?);
    next.offset += def.offset(index);
    next.ty = def.fields[index].ty;
    Some(next)
}

fn element(at: &Access, n: u32) -> Option<Access> {
    let Ty::Array(elem, len) = at.ty else {
        return None;
    };
    if len != 0 && n >= len {
        return None;
    }
    let mut next = at.clone();
    next.indices.push(n);
    next.offset = next.offset.checked_add(n.checked_mul(elem.size())?)?;
    next.ty = *elem;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referenced(ty: Ty) -> Option<&'static str> {
        match ty {
            Ty::Ptr("") => None,
            Ty::Ptr(name) | Ty::Struct(name) => Some(name),
            Ty::Array(elem, _) => referenced(*elem),
            _ => None,
        }
    }

    #[test]
    fn rows_are_sorted_and_unique() {
        assert!(all().is_sorted_by(|a, b| a.name < b.name));
        for def in all() {
            let mut names: Vec<_> = def.fields.iter().map(|f| f.name).collect();
            names.sort_unstable();
            assert!(
                names.windows(2).all(|w| w[0] != w[1]),
                "{} has a member twice",
                def.name
            );
        }
    }

    #[test]
    fn every_referenced_structure_exists() {
        for def in all() {
            for field in def.fields {
                if let Some(name) = referenced(field.ty) {
                    assert!(
                        lookup(name).is_some(),
                        "{}.{} names {name}",
                        def.name,
                        field.name
                    );
                }
            }
        }
    }

    #[test]
    fn layout_is_that_of_c() {
        let def = StructDef {
            name: "x",
            union: false,
            fields: &[
                Field {
                    name: "a",
                    ty: Ty::U8,
                },
                Field {
                    name: "b",
                    ty: Ty::U64,
                },
                Field {
                    name: "c",
                    ty: Ty::Array(&Ty::U16, 3),
                },
            ],
        };
        assert_eq!(
            (def.offset(0), def.offset(1), def.offset(2), def.size()),
            (0, 8, 16, 24)
        );
        let union = StructDef { union: true, ..def };
        assert_eq!((union.offset(2), union.size()), (0, 8));
    }

    #[test]
    fn paths_resolve_through_embedded_structures() {
        let file = access("file", "f_path.dentry").expect("in the table");
        let path = access("file", "f_path").expect("in the table");
        let dentry = access("path", "dentry").expect("in the table");
        assert_eq!(file.indices.len(), 3);
        assert_eq!(file.offset, path.offset + dentry.offset);
        assert_eq!((file.size, file.ty), (8, Ty::Ptr("dentry")));
    }

    #[test]
    fn elements_resolve_and_are_bounded() {
        let nr = access("pid", "numbers[2].nr").expect("flexible array");
        assert_eq!(nr.indices[2], 2);
        assert_eq!(nr.size, 4);
        assert_eq!(
            access("sock_common", "skc_v6_daddr.in6_u.u6_addr8[16]"),
            None
        );
        assert_eq!(access("file", "f_path.nothing"), None);
        assert_eq!(access("task_struct", "mm.exe_file"), None);
        assert_eq!(
            access("path", "").map(|a| (a.indices, a.size)),
            Some((vec![0], 16))
        );
    }
}

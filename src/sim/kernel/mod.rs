//! A kernel's structures: where members lie, by name.
//!
//! In: BTF, of a running kernel or of one that is made up ([`Kernel::recent`], [`Kernel::old`]). Out: offsets and sizes. Members are found
//! by walking the types, apart from the CO-RE code that prepares programs: the two check each other.

mod synthetic;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::btf::{Btf, Kind, TypeId};

pub use synthetic::parse;

/// Where a member lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bytes from the start of the structure.
    pub offset: u32,
    pub size: u32,
    /// Whether it is a pointer to a structure, which programs may follow.
    pub pointer: bool,
}

/// The types of one kernel.
#[derive(Debug)]
pub struct Kernel {
    pub btf: Btf,
    /// What was asked before, by the addresses of the names: laying out one call asks for a thousand members.
    known: RefCell<HashMap<[usize; 4], Rc<Layout>>>,
}

/// Some members of a structure.
#[derive(Debug)]
pub struct Layout {
    /// Bytes of the structure; `None` if the kernel lacks it.
    pub size: Option<u32>,
    /// In the order of the question; `None` for those that the kernel lacks.
    pub fields: Vec<Option<Field>>,
}

/// Deepest nesting of unnamed members.
const MAX_DEPTH: usize = 16;

impl Kernel {
    /// A kernel that has these types.
    pub fn new(btf: Btf) -> Self {
        Self {
            btf,
            known: RefCell::default(),
        }
    }

    /// A kernel of our days, made up.
    pub fn recent() -> Self {
        Self::new(parse(include_str!("recent.h")).expect("a test reads it"))
    }

    /// A kernel whose structures differ from [`recent`](Self::recent) in every way that programs must cope with.
    pub fn old() -> Self {
        Self::new(parse(include_str!("old.h")).expect("a test reads it"))
    }

    /// The member `path` (`f_path.dentry`) of a structure; `None` if the kernel lacks it.
    pub fn field(&self, root: &str, path: &str) -> Option<Field> {
        let (mut ty, mut bits) = (self.root(root)?, 0);
        for name in path.split('.') {
            let (member, offset) = self.member(ty, name, MAX_DEPTH)?;
            bits += offset;
            ty = member;
        }
        let pointer = match self.btf.resolve(ty)?.1.kind {
            Kind::Ptr(to) => self
                .btf
                .resolve(to)
                .is_some_and(|(_, to)| to.kind.is_composite()),
            _ => false,
        };
        Some(Field {
            offset: bits / 8,
            size: self.btf.size_of(ty)?,
            pointer,
        })
    }

    /// [`size`](Self::size) and several [`field`](Self::field)s, remembered.
    pub fn layout(&self, root: &'static str, paths: &'static [&'static str]) -> Rc<Layout> {
        // What is static does not change: its address stands for it.
        let key = [
            root.as_ptr().addr(),
            root.len(),
            paths.as_ptr().addr(),
            paths.len(),
        ];
        let mut known = self.known.borrow_mut();
        let layout = || Layout {
            size: self.size(root),
            fields: paths.iter().map(|path| self.field(root, path)).collect(),
        };
        Rc::clone(known.entry(key).or_insert_with(|| Rc::new(layout())))
    }

    /// Bytes of a structure.
    pub fn size(&self, root: &str) -> Option<u32> {
        self.btf.size_of(self.root(root)?)
    }

    fn root(&self, name: &str) -> Option<TypeId> {
        let plain = self.btf.find(name, Kind::is_composite);
        plain.or_else(|| self.btf.find(name, |kind| matches!(kind, Kind::Typedef(_))))
    }

    /// Type and bit offset of a member, also within unnamed ones.
    fn member(&self, outer: TypeId, name: &str, depth: usize) -> Option<(TypeId, u32)> {
        let depth = depth.checked_sub(1)?;
        for member in self.btf.resolve(outer)?.1.kind.members()? {
            let found = self.btf.str(member.name);
            if found == name {
                return Some((member.ty, member.bit_offset));
            }
            if found.is_empty()
                && let Some((ty, offset)) = self.member(member.ty, name, depth)
            {
                return Some((ty, member.bit_offset + offset));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::structs::{self, Ty};

    #[test]
    fn made_up_kernels_have_what_programs_read() {
        let (recent, old) = (Kernel::recent(), Kernel::old());
        for def in structs::all() {
            for member in def.fields {
                let inner = matches!(
                    (def.name, member.name),
                    ("in6_addr", _) | ("in6_addr_bytes", _) | ("kernel_cap_t", _)
                );
                if inner || member.name == "loginuid" {
                    continue;
                }
                let [new, other] =
                    [&recent, &old].map(|kernel| kernel.field(def.name, member.name));
                let (new, other) = new
                    .zip(other)
                    .unwrap_or_else(|| panic!("{}.{}", def.name, member.name));
                let structure = matches!(member.ty, Ty::Struct(_) | Ty::Array(..));
                assert!(
                    structure || (new.size, other.size) == (member.ty.size(), member.ty.size())
                );
            }
        }
        assert!(recent.field("task_struct", "loginuid.val").is_some());
        assert!(old.field("task_struct", "loginuid").is_none());
    }

    #[test]
    fn made_up_kernels_keep_what_the_kernel_guarantees() {
        for kernel in [Kernel::recent(), Kernel::old()] {
            let at = |root, path| kernel.field(root, path).expect("it is there").offset;
            assert_eq!(at("dentry", "d_name"), at("dentry", "d_parent") + 8);
            assert_eq!(at("mount", "mnt_mountpoint"), at("mount", "mnt_parent") + 8);
            assert_eq!(
                (kernel.size("path"), kernel.size("qstr")),
                (Some(16), Some(16))
            );
        }
    }
}

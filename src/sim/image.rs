//! A program of an object, ready to run: linked, fitted to a kernel, its maps and functions known.
//!
//! In: an object, the name of a program, a kernel. Out: an [`Image`]. The steps are the loader's, by the same code.

use crate::asm::{Insn, op};
use crate::btf::{Btf, Kind};
use crate::object::{CoreUse, Object, Program, relocate};

use super::kernel::Kernel;

/// A program with the functions that it calls.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) insns: Vec<Insn>,
    /// By slot: what a 64-bit load of a map gives.
    pub(super) maps: Vec<Option<MapRef>>,
    /// By slot: whether a load gives a pointer that may be followed.
    pub(super) pointers: Vec<bool>,
    /// First slot and number of parameters of each function but the first, ascending.
    functions: Vec<(usize, u8)>,
}

/// A map, or a byte of its only value.
#[derive(Clone, Copy, Debug)]
pub(super) struct MapRef {
    pub(super) map: usize,
    pub(super) offset: Option<u32>,
}

impl Image {
    pub(super) fn new(object: &Object, name: &str, kernel: &Kernel) -> Result<Self, String> {
        let mut program = object.link(name).map_err(|error| error.to_string())?;
        relocate(&mut program, &object.btf, &kernel.btf)?;
        let slots = program.insns.len();
        let (mut maps, mut pointers) = (vec![None; slots], vec![false; slots]);
        for used in &program.maps {
            maps[used.insn] = Some(MapRef {
                map: used.map,
                offset: used.offset,
            });
        }
        for access in &program.core {
            pointers[access.insn] = gives_pointer(access, &object.btf, kernel);
        }
        Ok(Self {
            functions: functions(&program, &object.btf)?,
            insns: program.insns,
            maps,
            pointers,
        })
    }

    /// Parameters of the function that starts at a slot.
    pub(super) fn params(&self, slot: usize) -> Option<u8> {
        let found = self
            .functions
            .binary_search_by_key(&slot, |(start, _)| *start)
            .ok()?;
        Some(self.functions[found].1)
    }
}

fn functions(program: &Program, btf: &Btf) -> Result<Vec<(usize, u8)>, String> {
    if program.functions.is_empty() {
        return Err("the functions have no types".to_owned());
    }
    let params = |(start, ty): &(usize, _)| -> Option<(usize, u8)> {
        let (_, params) = btf.signature(*ty)?;
        Some((*start, params.len().try_into().ok()?))
    };
    let all = program
        .functions
        .iter()
        .skip(1)
        .map(params)
        .collect::<Option<_>>();
    all.ok_or_else(|| "a function has no signature".to_owned())
}

/// Whether the member that an instruction accesses is a pointer to a structure, by the kernel's types.
fn gives_pointer(access: &CoreUse, object: &Btf, kernel: &Kernel) -> bool {
    let path = names(access, object);
    let root = object.name(access.root);
    path.is_some_and(|path| kernel.field(root, &path).is_some_and(|field| field.pointer))
}

/// The access as names, without the root.
fn names(access: &CoreUse, object: &Btf) -> Option<String> {
    let mut names = Vec::new();
    let mut ty = access.root;
    for index in access.access.split(':').skip(1) {
        let Kind::Struct { members, .. } = &object.resolve(ty)?.1.kind else {
            return None;
        };
        let member = members.get(index.parse::<usize>().ok()?)?;
        names.push(object.str(member.name));
        ty = member.ty;
    }
    Some(names.join("."))
}

/// The slots that a call may go to are known when the program is linked.
pub(super) fn target(at: usize, insn: Insn) -> Option<usize> {
    debug_assert!(insn.code == op::JMP | op::CALL);
    at.checked_add_signed(isize::try_from(insn.imm).ok()? + 1)
}

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
    /// Ascending; the first is the program.
    functions: Vec<Function>,
}

/// A function of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// First slot.
    start: usize,
    /// Of the program: its context.
    pub(super) params: u8,
    /// Bytes of stack that its code names.
    pub(super) stack: usize,
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
        let image = Self {
            functions: functions(&program, &object.btf)?,
            insns: program.insns,
            maps,
            pointers,
        };
        image.check_stack()?;
        Ok(image)
    }

    /// The program itself.
    pub(super) fn program(&self) -> Function {
        self.functions[0]
    }

    /// The function that starts at a slot.
    pub(super) fn function(&self, slot: usize) -> Option<Function> {
        Some(self.functions[self.index(slot)?])
    }

    fn index(&self, slot: usize) -> Option<usize> {
        self.functions
            .binary_search_by_key(&slot, |function| function.start)
            .ok()
    }

    /// Calls inside each other share the stack (`check_max_stack_depth`, kernel/bpf/verifier.c).
    fn check_stack(&self) -> Result<(), String> {
        match self.deepest(0, 1, &mut vec![None; self.functions.len()])? {
            bytes if bytes > MAX_STACK => Err(format!("combined stack size is {bytes}")),
            _ => Ok(()),
        }
    }

    /// Bytes of stack of a function with those that it calls; `known` remembers those of others.
    fn deepest(
        &self,
        function: usize,
        frames: usize,
        known: &mut [Option<usize>],
    ) -> Result<usize, String> {
        if let Some(bytes) = known[function] {
            return Ok(bytes);
        }
        if frames > MAX_FRAMES {
            return Err("too many calls inside each other".to_owned());
        }
        let Function { start, stack, .. } = self.functions[function];
        let next = self.functions.get(function + 1);
        let end = next.map_or(self.insns.len(), |next| next.start);
        let mut below = 0;
        for at in start..end {
            let callee = target(at, self.insns[at]).and_then(|slot| self.index(slot));
            if let Some(callee) = callee {
                below = below.max(self.deepest(callee, frames + 1, known)?);
            }
        }
        let bytes = stack.max(1).next_multiple_of(STACK_STEP) + below;
        known[function] = Some(bytes);
        Ok(bytes)
    }
}

/// Bytes of stack of calls inside each other: MAX_BPF_STACK (include/linux/filter.h).
pub(super) const MAX_STACK: usize = 512;
/// Calls inside each other: MAX_CALL_FRAMES (include/linux/bpf_verifier.h).
pub(super) const MAX_FRAMES: usize = 8;
/// What the stack of a call is rounded up to: newer kernels round to 16 where they have a JIT compiler.
const STACK_STEP: usize = 32;
/// The frame pointer.
const FRAME: u8 = 10;

fn functions(program: &Program, btf: &Btf) -> Result<Vec<Function>, String> {
    if program.functions.is_empty() {
        return Err("the functions have no types".to_owned());
    }
    let ends = program.functions.iter().skip(1).map(|(start, _)| *start);
    let ends = ends.chain([program.insns.len()]);
    let function = |(&(start, ty), end): (&(usize, _), usize)| -> Option<Function> {
        let (_, params) = btf.signature(ty)?;
        Some(Function {
            start,
            params: params.len().try_into().ok()?,
            stack: stack(program.insns.get(start..end)?),
        })
    };
    let all = program.functions.iter().zip(ends).map(function);
    let all: Option<Vec<_>> = all.collect();
    all.ok_or_else(|| "a function has no signature".to_owned())
}

/// Bytes of stack that code names: where it accesses memory through the frame pointer, or adds to a copy of it.
pub(super) fn stack(insns: &[Insn]) -> usize {
    let direct = insns.iter().filter_map(|insn| {
        let base = match insn.code & op::CLASS_MASK {
            op::LDX => insn.src,
            op::ST | op::STX => insn.dst,
            _ => return None,
        };
        (base == FRAME).then_some(i32::from(insn.off))
    });
    let sums = insns.windows(2).filter_map(|pair| {
        let copies = pair[0].code == op::ALU64 | op::MOV | op::X && pair[0].src == FRAME;
        let adds = pair[1].code == op::ALU64 | op::ADD | op::K && pair[1].dst == pair[0].dst;
        (copies && adds).then_some(pair[1].imm)
    });
    let lowest = direct.chain(sums).min().unwrap_or(0);
    lowest.min(0).unsigned_abs() as usize
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

/// The slot that a call of a function goes to; they are known when the program is linked.
pub(super) fn target(at: usize, insn: Insn) -> Option<usize> {
    if insn.code != op::JMP | op::CALL || insn.src != op::PSEUDO_CALL {
        return None;
    }
    at.checked_add_signed(isize::try_from(insn.imm).ok()? + 1)
}

#[cfg(test)]
impl Image {
    /// A program of these instructions; further functions start at these slots and have so many parameters. Loads of 64 bits name maps
    /// by their index.
    pub(super) fn of(insns: Vec<Insn>, functions: &[(usize, u8)]) -> Result<Self, String> {
        let starts = [&[(0, 1)], functions].concat();
        let ends = functions.iter().map(|(start, _)| *start);
        let ends = ends.chain([insns.len()]);
        let function = |(&(start, params), end): (&(usize, u8), usize)| Function {
            start,
            params,
            stack: stack(&insns[start..end]),
        };
        let map = |(at, insn): (usize, &Insn)| {
            let map = insn.is_wide().then_some(insn.imm as usize)?;
            match insn.src {
                op::PSEUDO_MAP_FD => Some(MapRef { map, offset: None }),
                op::PSEUDO_MAP_VALUE => Some(MapRef {
                    map,
                    offset: Some(insns[at + 1].imm.cast_unsigned()),
                }),
                _ => None,
            }
        };
        let image = Self {
            functions: starts.iter().zip(ends).map(function).collect(),
            maps: insns.iter().enumerate().map(map).collect(),
            pointers: vec![false; insns.len()],
            insns,
        };
        image.check_stack()?;
        Ok(image)
    }
}

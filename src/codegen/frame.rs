//! One program under construction: its code, and which values it has read so far.
//!
//! Reading is pure, so a value is read where it is first needed and again where it
//! is not known on every way to that point.

use std::collections::BTreeMap;

use super::attach::{Attach, Role};
use super::mir::{AluOp, Builder, Cond, Field, Label, MapId, Operand, Reg, Size};
use super::module::{Module, Purpose};
use super::routine::Routine;
use crate::ir::{Hook, Subject};
use crate::kernel::{helpers, structs};

/// Text buffers for filters that a program has at most: a per-CPU value is limited to 32 KiB.
/// More texts take turns.
pub(super) const MAX_BUFFERS: u32 = 3;

/// Something that a program can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// Pointer to the scratch value.
    Scratch,
    /// `struct task_struct *` of the current task.
    Task,
    /// `struct pt_regs *` of a system call.
    SyscallRegs,
    Param(u8),
    Int(Subject),
    /// Dentry and vfsmount of a path.
    PathParts(Subject),
    /// Length of a text that lies in its buffer, and its flags: readable, but perhaps incomplete.
    TextLen(Subject),
    /// What the routine that read a text said: length and flags.
    TextRead(Subject),
    /// Address family of a socket or sockaddr.
    Family(Subject),
    /// The pid in the task's own namespace, 0 at host level.
    NamespacePid,
}

/// Values known at a point of the program, with the registers that hold them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known(BTreeMap<Value, Vec<Reg>>);

impl Known {
    /// Keeps what both know to be in the same registers.
    fn meet(&mut self, other: &Self) {
        self.0
            .retain(|value, regs| other.0.get(value) == Some(regs));
    }
}

/// A label, and what is known on all ways that lead to it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    label: Label,
    known: Option<Known>,
}

/// Where a program's scratch value is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scratch {
    pub(super) map: MapId,
    /// Index in the map.
    pub(super) slot: i32,
}

impl Scratch {
    /// Looks the value up by an index that is in a register or known; leaves the function with 0 if there is none, which never
    /// happens but must be said.
    pub(super) fn emit(self, b: &mut Builder, slot: impl Into<Operand>) -> Reg {
        let key = b.temp(4);
        b.store_slot(Size::B4, key, 0, slot);
        let map = b.map(self.map);
        let key = b.slot_addr(key);
        let value = b.call(helpers::MAP_LOOKUP_ELEM, &[map, key]);
        let found = b.label();
        b.branch(Cond::Ne, value, 0, found);
        b.exit(0);
        b.bind(found);
        value
    }
}

/// One program under construction.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) b: Builder,
    pub(super) module: &'a mut Module,
    pub(super) hook: &'a Hook,
    pub(super) attach: Attach,
    pub(super) role: Role,
    /// Index of the program's scratch value.
    pub(super) slot: i32,
    pub(super) ctx: Reg,
    known: Known,
    buffers: Vec<Subject>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        name: String,
        module: &'a mut Module,
        hook: &'a Hook,
        attach: Attach,
        role: Role,
        slot: u32,
    ) -> Self {
        let mut b = Builder::new(name);
        b.set_span(Some(hook.span));
        let ctx = b.param(0);
        Self {
            b,
            module,
            hook,
            attach,
            role,
            slot: slot as i32,
            ctx,
            known: Known::default(),
            buffers: Vec::new(),
        }
    }

    /// Whether the verifier knows the types of the values that the hook judges. It does not of a returned one.
    pub(super) fn typed(&self) -> bool {
        self.attach.typed() && self.role == Role::Entry
    }

    /// A place to jump to, not yet bound.
    pub(super) fn target(&mut self) -> Target {
        Target {
            label: self.b.label(),
            known: None,
        }
    }

    /// The label of a target for a jump that is about to be written.
    pub(super) fn to(&mut self, target: &mut Target) -> Label {
        match &mut target.known {
            Some(known) => known.meet(&self.known),
            None => target.known = Some(self.known.clone()),
        }
        target.label
    }

    /// Binds a target that is reached by jumps only.
    pub(super) fn bind(&mut self, target: Target) {
        self.b.bind(target.label);
        self.known = target.known.unwrap_or_default();
    }

    /// Binds a target that is also reached by falling into it.
    pub(super) fn land(&mut self, mut target: Target) {
        self.to(&mut target);
        self.bind(target);
    }

    /// Whether a jump to the target has been written.
    pub(super) fn is_used(target: &Target) -> bool {
        target.known.is_some()
    }

    pub(super) fn known(&self, value: Value) -> Option<Reg> {
        self.known.0.get(&value).map(|regs| regs[0])
    }

    pub(super) fn known_pair(&self, value: Value) -> Option<(Reg, Reg)> {
        self.known.0.get(&value).map(|regs| (regs[0], regs[1]))
    }

    pub(super) fn learn(&mut self, value: Value, regs: &[Reg]) {
        self.known.0.insert(value, regs.to_vec());
    }

    /// Pointer to the program's scratch value.
    pub(super) fn scratch(&mut self) -> Reg {
        if let Some(known) = self.known(Value::Scratch) {
            return known;
        }
        let place = self.scratch_place();
        let value = place.emit(&mut self.b, place.slot);
        self.learn(Value::Scratch, &[value]);
        value
    }

    pub(super) fn scratch_place(&mut self) -> Scratch {
        Scratch {
            map: self.module.map(Purpose::Scratch),
            slot: self.slot,
        }
    }

    /// The current task.
    pub(super) fn task(&mut self) -> Reg {
        if let Some(known) = self.known(Value::Task) {
            return known;
        }
        let task = self.b.call(helpers::GET_CURRENT_TASK_BTF, &[]);
        self.learn(Value::Task, &[task]);
        task
    }

    /// Byte of the text buffer of a subject in the scratch value.
    pub(super) fn buffer(&mut self, subject: Subject) -> u32 {
        let first = u32::from(self.module.layout.reports);
        let number = match self.buffers.iter().position(|of| *of == subject) {
            Some(number) => number,
            None => {
                self.buffers.push(subject);
                self.buffers.len() - 1
            }
        };
        self.module
            .layout
            .buffer(first + number as u32 % MAX_BUFFERS)
    }

    /// Forgets texts that lay in the buffer which is about to be overwritten.
    pub(super) fn overwrite(&mut self, subject: Subject) {
        let at = self.buffer(subject);
        for other in self.buffers.clone() {
            if other != subject && self.buffer(other) == at {
                self.known.0.remove(&Value::TextLen(other));
                self.known.0.remove(&Value::TextRead(other));
            }
        }
    }

    /// Reads a field through a pointer of the hook: tracked by the verifier, or by a probe.
    pub(super) fn field(&mut self, base: Reg, root: &'static str, path: &'static str) -> Reg {
        if self.typed() {
            self.typed_field(base, root, path)
        } else {
            self.probed_field(base, root, path)
        }
    }

    /// Reads a field through a pointer that the verifier tracks.
    pub(super) fn typed_field(&mut self, base: Reg, root: &'static str, path: &'static str) -> Reg {
        self.b
            .load_field(field_size(root, path), base, Field { root, path })
    }

    /// Reads a field at any address; 0 when that fails.
    pub(super) fn probed_field(
        &mut self,
        base: Reg,
        root: &'static str,
        path: &'static str,
    ) -> Reg {
        let address = self.b.field_addr(base, Field { root, path });
        let (value, _) = self.probe(address, field_size(root, path));
        value
    }

    /// Reads kernel memory at any address. Returns the value (0 when that fails) and the
    /// helper's result (0 when it succeeds).
    pub(super) fn probe(&mut self, address: Reg, size: Size) -> (Reg, Reg) {
        let slot = self.b.temp(8);
        let to = self.b.slot_addr(slot);
        let bytes = self.b.mov(size.bytes() as i32);
        let failed = self
            .b
            .call(helpers::PROBE_READ_KERNEL, &[to, bytes, address]);
        (self.b.load_slot(size, slot, 0), failed)
    }

    /// Calls a shared routine; its first parameter, the scratch value's index, is added here.
    pub(super) fn routine(&mut self, routine: Routine, args: &[Reg]) -> Reg {
        let function = self.module.routine(routine);
        let slot = self.b.mov(self.slot);
        let args: Vec<Reg> = std::iter::once(slot).chain(args.iter().copied()).collect();
        self.b.call_function(function, &args)
    }

    /// A pointer as a plain number: functions take numbers only.
    pub(super) fn launder(&mut self, pointer: Reg) -> Reg {
        if !self.typed() {
            return pointer;
        }
        let scratch = self.scratch();
        self.b.store(Size::B8, scratch, 0, pointer);
        self.b.load(Size::B8, scratch, 0)
    }

    /// Adds a constant to a copy of a register.
    pub(super) fn plus(&mut self, base: Reg, constant: i32) -> Reg {
        let sum = self.b.mov(base);
        self.b.alu(AluOp::Add, sum, constant);
        sum
    }
}

/// Size of a field that one load can read.
fn field_size(root: &'static str, path: &'static str) -> Size {
    let access = structs::access(root, path).expect("codegen reads fields of its own tables");
    Size::of(access.size).expect("codegen reads scalar fields")
}

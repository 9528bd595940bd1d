//! Reading values: parameters, integers, paths, strings.

use super::attach::{RETURN_REG, Role, function_reg, syscall_reg};
use super::frame::{Frame, Target, Value};
use super::layout::{STATE, TEXT};
use super::matchers::text::{Place, Text};
use super::mir::{AluOp, Cond, Field, Reg, Size};
use super::routine::Routine;
use crate::ir::{Abi, Arg, ArgType, IntType, Subject};
use crate::kernel::helpers;

/// A text that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) text: Text,
    /// [`INCOMPLETE`] or not.
    pub(super) flags: Reg,
}

/// Where a path-like value leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathParts {
    pub(super) dentry: Reg,
    /// `struct vfsmount *`; `None` for values that have no mount.
    pub(super) mount: Option<Reg>,
    /// Whether the verifier tracks the two.
    pub(super) typed: bool,
}

/// Flags of routines that read texts, from bit 32 of their results.
const UNREADABLE: i32 = 1;
pub(super) const INCOMPLETE: i32 = 2;

impl Frame<'_> {
    /// Raw value of a parameter of the function.
    pub(super) fn param(&mut self, index: u8) -> Reg {
        if let Some(known) = self.known(Value::Param(index)) {
            return known;
        }
        let value = match self.hook.abi {
            Abi::Function if self.attach.typed() => {
                self.b.load(Size::B8, self.ctx, 8 * i16::from(index))
            }
            Abi::Function => {
                let offset = function_reg(index).expect("check bounds parameters to registers");
                self.b.load(Size::B8, self.ctx, offset)
            }
            Abi::Syscall => {
                let regs = self.syscall_regs();
                let field = syscall_reg(index).expect("check bounds parameters to registers");
                self.field(regs, field.root, field.path)
            }
        };
        self.learn(Value::Param(index), &[value]);
        value
    }

    fn syscall_regs(&mut self) -> Reg {
        if let Some(known) = self.known(Value::SyscallRegs) {
            return known;
        }
        let offset = if self.attach.typed() { 0 } else { 112 };
        let regs = self.b.load(Size::B8, self.ctx, offset);
        self.learn(Value::SyscallRegs, &[regs]);
        regs
    }

    /// The declaration behind a subject that is an argument or the return value.
    pub(super) fn declared(&self, subject: Subject) -> &Arg {
        match subject {
            Subject::Arg(position) => &self.hook.args[position],
            Subject::Return => self
                .hook
                .ret
                .as_ref()
                .expect("lower declares what it tests"),
            Subject::Exe => unreachable!("the executable is not declared"),
        }
    }

    /// Raw value of an argument or of the return value.
    pub(super) fn raw(&mut self, subject: Subject) -> Reg {
        match subject {
            Subject::Return => self.return_value(),
            _ => {
                let index = self.declared(subject).index;
                self.param(index)
            }
        }
    }

    fn return_value(&mut self) -> Reg {
        debug_assert_eq!(self.role, Role::Return);
        if let Some(known) = self.known(Value::Int(Subject::Return)) {
            return known;
        }
        let value = if self.attach.typed() {
            let slot = self.b.temp(8);
            // Written even where the helper would fail, so that it is never uninitialised.
            self.b.store_slot(Size::B8, slot, 0, 0);
            let to = self.b.slot_addr(slot);
            self.b.call(helpers::GET_FUNC_RET, &[self.ctx, to]);
            self.b.load_slot(Size::B8, slot, 0)
        } else {
            self.b.load(Size::B8, self.ctx, RETURN_REG)
        };
        self.learn(Value::Int(Subject::Return), &[value]);
        value
    }

    /// An integer, extended to 64 bits by its declared type.
    pub(super) fn int(&mut self, subject: Subject) -> Reg {
        if let (Subject::Arg(_), Some(known)) = (subject, self.known(Value::Int(subject))) {
            return known;
        }
        let ArgType::Int(ty) = self.declared(subject).ty else {
            unreachable!("check allows integer filters on integers only");
        };
        let raw = self.raw(subject);
        let value = self.extend(raw, ty);
        if subject != Subject::Return {
            self.learn(Value::Int(subject), &[value]);
        }
        value
    }

    /// A register's value as one of the type: upper bits are rubbish in the kernel's ABI.
    pub(super) fn extend(&mut self, raw: Reg, ty: IntType) -> Reg {
        match ty {
            IntType::I64 | IntType::U64 => raw,
            IntType::U32 => self.b.mov32(raw),
            _ => {
                // The 32-bit move also turns a typed pointer into a number.
                let value = self.b.mov32(raw);
                let bits = 64 - 8 * ty.bytes() as i32;
                let back = if ty.signed() { AluOp::Arsh } else { AluOp::Rsh };
                self.b.alu(AluOp::Lsh, value, bits);
                self.b.alu(back, value, bits);
                value
            }
        }
    }

    /// Dentry and mount behind a path-like value; jumps to `unreadable` when there is none.
    pub(super) fn path_parts(&mut self, subject: Subject, unreadable: &mut Target) -> PathParts {
        let typed = self.tracks(subject);
        let mounted = subject == Subject::Exe || self.declared(subject).ty != ArgType::Dentry;
        let parts = |dentry, mount| PathParts {
            dentry,
            mount: mounted.then_some(mount),
            typed,
        };
        if let Some((dentry, mount)) = self.known_pair(Value::PathParts(subject)) {
            return parts(dentry, mount);
        }
        let (dentry, mount) = match subject {
            Subject::Exe => self.exe_parts(unreadable),
            _ => self.argument_parts(subject, unreadable),
        };
        let label = self.to(unreadable);
        self.b.branch(Cond::Eq, dentry, 0, label);
        self.learn(Value::PathParts(subject), &[dentry, mount]);
        parts(dentry, mount)
    }

    /// Whether the verifier tracks the pointers of a path-like value.
    fn tracks(&self, subject: Subject) -> bool {
        match subject {
            Subject::Exe => true,
            _ => self.typed() && self.declared(subject).ty != ArgType::Fd,
        }
    }

    fn exe_parts(&mut self, unreadable: &mut Target) -> (Reg, Reg) {
        let task = self.task();
        let mm = self.typed_pointer(task, "task_struct", "mm", unreadable);
        let file = self.typed_pointer(mm, "mm_struct", "exe_file", unreadable);
        let dentry = self.typed_field(file, "file", "f_path.dentry");
        let mount = self.typed_field(file, "file", "f_path.mnt");
        (dentry, mount)
    }

    fn argument_parts(&mut self, subject: Subject, unreadable: &mut Target) -> (Reg, Reg) {
        match self.declared(subject).ty {
            ArgType::File => {
                let file = self.raw(subject);
                self.file_parts(file)
            }
            ArgType::LinuxBinprm => {
                let bprm = self.raw(subject);
                let file = self.field(bprm, "linux_binprm", "file");
                let label = self.to(unreadable);
                self.b.branch(Cond::Eq, file, 0, label);
                self.file_parts(file)
            }
            ArgType::Path => {
                let path = self.raw(subject);
                self.path_members(path)
            }
            ArgType::Dentry => {
                let dentry = self.raw(subject);
                (dentry, dentry)
            }
            ArgType::Fd => self.fd_parts(subject, unreadable),
            other => unreachable!("{other:?} has no path"),
        }
    }

    fn file_parts(&mut self, file: Reg) -> (Reg, Reg) {
        if self.typed() {
            let dentry = self.typed_field(file, "file", "f_path.dentry");
            let mount = self.typed_field(file, "file", "f_path.mnt");
            return (dentry, mount);
        }
        self.probed_file(file)
    }

    /// Members of the path of a file at any address.
    fn probed_file(&mut self, file: Reg) -> (Reg, Reg) {
        let field = Field {
            root: "file",
            path: "f_path",
        };
        let path = self.b.field_addr(file, field);
        self.probed_path(path)
    }

    fn path_members(&mut self, path: Reg) -> (Reg, Reg) {
        if self.typed() {
            let dentry = self.typed_field(path, "path", "dentry");
            let mount = self.typed_field(path, "path", "mnt");
            return (dentry, mount);
        }
        self.probed_path(path)
    }

    /// Both members of a `struct path` at any address, by one read.
    fn probed_path(&mut self, path: Reg) -> (Reg, Reg) {
        let [mount, dentry] =
            self.probed_members(path, "path", ["mnt", "dentry"].map(|m| (m, Size::B8)));
        (dentry, mount)
    }

    /// Two members of a structure of 16 bytes at any address, by one read; 0 when that fails.
    pub(super) fn probed_members(
        &mut self,
        address: Reg,
        root: &'static str,
        members: [(&'static str, Size); 2],
    ) -> [Reg; 2] {
        let slot = self.b.temp(16);
        let to = self.b.slot_addr(slot);
        let bytes = self.b.mov(16);
        self.b
            .call(helpers::PROBE_READ_KERNEL, &[to, bytes, address]);
        members.map(|(path, size)| {
            let base = self.b.slot_addr(slot);
            let member = self.b.field_addr(base, Field { root, path });
            self.b.load(size, member, 0)
        })
    }

    /// The file behind a descriptor of the current task (fs/file.c, Linux 6.12).
    fn fd_parts(&mut self, subject: Subject, unreadable: &mut Target) -> (Reg, Reg) {
        let task = self.task();
        let files = self.typed_pointer(task, "task_struct", "files", unreadable);
        let table = self.typed_pointer(files, "files_struct", "fdt", unreadable);
        let max = self.typed_field(table, "fdtable", "max_fds");
        let raw = self.raw(subject);
        let fd = self.b.mov32(raw);
        let label = self.to(unreadable);
        self.b.branch(Cond::Ge, fd, max, label);
        let entry = self.typed_field(table, "fdtable", "fd");
        self.b.alu(AluOp::Lsh, fd, 3);
        self.b.alu(AluOp::Add, fd, entry);
        let (file, _) = self.probe(fd, Size::B8);
        self.b.branch(Cond::Eq, file, 0, label);
        self.probed_file(file)
    }

    /// A pointer field through a tracked pointer; jumps to `null` when it is NULL.
    pub(super) fn typed_pointer(
        &mut self,
        base: Reg,
        root: &'static str,
        path: &'static str,
        null: &mut Target,
    ) -> Reg {
        let pointer = self.typed_field(base, root, path);
        let label = self.to(null);
        self.b.branch(Cond::Eq, pointer, 0, label);
        pointer
    }

    /// Puts what the path routine needs to know where it expects it.
    pub(super) fn place_path(&mut self, parts: PathParts, at: u32) {
        let hashed = self.leaf_field(parts.typed, parts.dentry, "dentry", "d_hash.pprev");
        self.place_parts(parts, hashed, at);
    }

    /// `hashed` is 0 for a file whose path is marked as that of an unlinked one.
    fn place_parts(&mut self, parts: PathParts, hashed: Reg, at: u32) {
        let PathParts {
            dentry,
            mount,
            typed,
        } = parts;
        let (mount, top) = match mount {
            Some(mount) => (mount, self.leaf_field(typed, mount, "vfsmount", "mnt_root")),
            None => (self.b.mov(0), self.b.mov(0)),
        };
        self.place(at, [dentry, mount, top, hashed]);
    }

    /// Stores the first words of a text buffer.
    pub(super) fn place(&mut self, at: u32, words: [Reg; 4]) {
        let scratch = self.scratch();
        for (offset, word) in (0..).step_by(8).zip(words) {
            self.b.store(Size::B8, scratch, at as i16 + offset, word);
        }
    }

    /// A field behind a path's pointers, which the verifier tracks or not.
    pub(super) fn leaf_field(
        &mut self,
        typed: bool,
        base: Reg,
        root: &'static str,
        path: &'static str,
    ) -> Reg {
        if typed {
            self.typed_field(base, root, path)
        } else {
            self.probed_field(base, root, path)
        }
    }

    /// The text of a subject, read into its buffer; jumps to `unreadable` if that fails.
    pub(super) fn text(&mut self, subject: Subject, unreadable: &mut Target) -> Read {
        let at = self.buffer(subject);
        let (len, flags) = match self.known_pair(Value::TextLen(subject)) {
            Some(known) => known,
            None => {
                self.overwrite(subject);
                let read = if self.is_path(subject) {
                    self.read_path(subject, at, unreadable)
                } else {
                    match self.known(Value::TextRead(subject)) {
                        Some(read) => read,
                        None => self.read_bytes_flagged(subject, at),
                    }
                };
                self.learn(Value::TextRead(subject), &[read]);
                self.readable(subject, read, unreadable)
            }
        };
        let place = if self.is_path(subject) {
            Place::End(at + STATE + TEXT)
        } else {
            Place::Start(at + STATE)
        };
        let base = self.scratch();
        Read {
            text: Text { base, place, len },
            flags,
        }
    }

    /// Reads a string or buffer before any rule looks at it. The routine's flags stay in the register:
    /// rules that look at the text check them.
    pub(super) fn read_ahead(&mut self, subject: Subject) {
        let at = self.buffer(subject);
        self.overwrite(subject);
        let read = self.read_bytes_flagged(subject, at);
        self.learn(Value::TextRead(subject), &[read]);
    }

    /// Whether the subject is a path, whose text ends at a fixed place.
    pub(super) fn is_path(&self, subject: Subject) -> bool {
        subject == Subject::Exe
            || matches!(
                self.declared(subject).ty,
                ArgType::File
                    | ArgType::Path
                    | ArgType::Dentry
                    | ArgType::Fd
                    | ArgType::LinuxBinprm
            )
    }

    fn read_path(&mut self, subject: Subject, at: u32, unreadable: &mut Target) -> Reg {
        let parts = self.path_parts(subject, unreadable);
        if subject == Subject::Exe {
            // Whether it has been unlinked since does not matter: an upgrade makes no other program of a running one.
            let hashed = self.b.mov(1);
            self.place_parts(parts, hashed, at);
        } else {
            self.place_path(parts, at);
        }
        let at = self.b.mov(at as i32);
        self.routine(Routine::Path, &[at])
    }

    /// Length and flags from a routine's result; jumps away if it could not read the text.
    fn readable(&mut self, subject: Subject, read: Reg, unreadable: &mut Target) -> (Reg, Reg) {
        let flags = self.b.mov(read);
        self.b.alu(AluOp::Rsh, flags, 32);
        let label = self.to(unreadable);
        self.b.branch(Cond::Set, flags, UNREADABLE, label);
        let len = self.b.mov32(read);
        self.b.branch(Cond::Gt, len, TEXT as i32, label);
        self.learn(Value::TextLen(subject), &[len, flags]);
        (len, flags)
    }

    /// Reads a string or buffer; returns length and flags as the routine does.
    pub(super) fn read_bytes_flagged(&mut self, subject: Subject, at: u32) -> Reg {
        let user = self.b.mov(i32::from(self.hook.abi == Abi::Syscall));
        let raw = self.raw(subject);
        match self.declared(subject).ty {
            ArgType::String => {
                let from = self.launder(raw);
                let at = self.b.mov(at as i32);
                self.routine(Routine::ReadString, &[at, from, user])
            }
            ArgType::Filename => {
                let name = self.field(raw, "filename", "name");
                let from = self.launder(name);
                let at = self.b.mov(at as i32);
                let kernel = self.b.mov(0);
                self.routine(Routine::ReadString, &[at, from, kernel])
            }
            ArgType::CharBuf { .. } => {
                let from = self.launder(raw);
                let wanted = self.wanted(subject);
                let at = self.b.mov(at as i32);
                self.routine(Routine::ReadBuffer, &[at, from, wanted, user])
            }
            other => unreachable!("{other:?} has no bytes"),
        }
    }

    /// The length that a buffer's size parameter asks for.
    pub(super) fn wanted(&mut self, subject: Subject) -> Reg {
        let ArgType::CharBuf {
            size_from: Some(index),
        } = self.declared(subject).ty
        else {
            unreachable!("check wants a size for every buffer");
        };
        let raw = self.param(index);
        self.extend(raw, self.hook.length_type(index))
    }
}

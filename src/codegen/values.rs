//! Reading values: parameters, integers, paths, strings.

use super::attach::{RETURN_REG, Role, function_reg, syscall_reg};
use super::frame::{Frame, Target, Value};
use super::layout::{STATE, TEXT};
use super::mir::{AluOp, Cond, Reg, Size};
use super::routine::Routine;
use crate::ir::{Abi, Arg, ArgType, IntType, Subject};
use crate::kernel::helpers;

/// Text in the scratch value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// Pointer to the first byte minus `offset`.
    pub(super) base: Reg,
    pub(super) offset: i16,
    /// 0 to 4096.
    pub(super) len: Reg,
}

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
            let slot = self.b.slot(8);
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

    /// Dentry and vfsmount behind a path-like value; jumps to `unreadable` when there is none.
    /// The flag tells whether the verifier tracks the two.
    pub(super) fn path_parts(
        &mut self,
        subject: Subject,
        unreadable: &mut Target,
    ) -> (Reg, Reg, bool) {
        let typed = self.tracks(subject);
        if let Some((dentry, mount)) = self.known_pair(Value::PathParts(subject)) {
            return (dentry, mount, typed);
        }
        let (dentry, mount) = match subject {
            Subject::Exe => self.exe_parts(unreadable),
            _ => self.argument_parts(subject, unreadable),
        };
        let label = self.to(unreadable);
        self.b.branch(Cond::Eq, dentry, 0, label);
        self.learn(Value::PathParts(subject), &[dentry, mount]);
        (dentry, mount, typed)
    }

    /// Whether the verifier tracks the pointers of a path-like value.
    fn tracks(&self, subject: Subject) -> bool {
        match subject {
            Subject::Exe => true,
            _ => self.attach.typed() && self.declared(subject).ty != ArgType::Fd,
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
                let dentry = self.field(path, "path", "dentry");
                let mount = self.field(path, "path", "mnt");
                (dentry, mount)
            }
            ArgType::Dentry => {
                let dentry = self.raw(subject);
                let mount = self.b.mov(0);
                (dentry, mount)
            }
            ArgType::Fd => self.fd_parts(subject, unreadable),
            other => unreachable!("{other:?} has no path"),
        }
    }

    fn file_parts(&mut self, file: Reg) -> (Reg, Reg) {
        let dentry = self.field(file, "file", "f_path.dentry");
        let mount = self.field(file, "file", "f_path.mnt");
        (dentry, mount)
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
        let dentry = self.probed_field(file, "file", "f_path.dentry");
        let mount = self.probed_field(file, "file", "f_path.mnt");
        (dentry, mount)
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

    /// Puts dentry and vfsmount where the path routine expects them.
    pub(super) fn place_path(&mut self, dentry: Reg, mount: Reg, at: u32) {
        let scratch = self.scratch();
        self.b.store(Size::B8, scratch, at as i16, dentry);
        self.b.store(Size::B8, scratch, at as i16 + 8, mount);
    }

    /// The text of a subject, read into its buffer; jumps to `unreadable` if that fails or
    /// the text is incomplete.
    pub(super) fn text(&mut self, subject: Subject, unreadable: &mut Target) -> Text {
        let at = self.buffer(subject);
        let from_end = self.is_path(subject);
        let len = match self.known(Value::TextLen(subject)) {
            Some(len) => len,
            None => {
                self.overwrite(subject);
                let len = if from_end {
                    self.read_path(subject, at, unreadable)
                } else {
                    self.read_bytes(subject, at, unreadable)
                };
                self.learn(Value::TextLen(subject), &[len]);
                len
            }
        };
        let scratch = self.scratch();
        if !from_end {
            return Text {
                base: scratch,
                offset: (at + STATE) as i16,
                len,
            };
        }
        let base = self.b.mov(TEXT as i32);
        self.b.alu(AluOp::Sub, base, len);
        self.b.alu(AluOp::Add, base, scratch);
        Text {
            base,
            offset: (at + STATE) as i16,
            len,
        }
    }

    /// Reads a string or buffer before any rule looks at it. The routine's flags stay in the register:
    /// rules that look at the text check them.
    pub(super) fn read_ahead(&mut self, subject: Subject) {
        let at = self.buffer(subject);
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
        let (dentry, mount, _) = self.path_parts(subject, unreadable);
        self.place_path(dentry, mount, at);
        let at = self.b.mov(at as i32);
        let read = self.routine(Routine::Path, &[at]);
        self.complete_text(read, unreadable)
    }

    /// Length from a routine's result; jumps away unless the text is whole.
    fn complete_text(&mut self, read: Reg, unreadable: &mut Target) -> Reg {
        let flags = self.b.mov(read);
        self.b.alu(AluOp::Rsh, flags, 32);
        let label = self.to(unreadable);
        self.b.branch(Cond::Set, flags, 3, label);
        let len = self.b.mov32(read);
        self.b.branch(Cond::Gt, len, TEXT as i32, label);
        len
    }

    fn read_bytes(&mut self, subject: Subject, at: u32, unreadable: &mut Target) -> Reg {
        let read = match self.known(Value::TextRead(subject)) {
            Some(read) => read,
            None => self.read_bytes_flagged(subject, at),
        };
        self.complete_text(read, unreadable)
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
        let declared = self.hook.args.iter().find(|arg| arg.index == index);
        let raw = self.param(index);
        match declared.map(|arg| arg.ty) {
            Some(ArgType::Int(ty)) => self.extend(raw, ty),
            _ => raw,
        }
    }
}

//! Reporting: the record of an event, its rate limit, the note for the return.

use super::frame::{Frame, Target, Value};
use super::layout::{AWAITED, HEADER, KEY, KEY_ARG, KEY_HEAD, STATE};
use super::mir::{AluOp, Cond, Reg, Size};
use super::module::Purpose;
use super::routine::Routine;
use crate::ir::{Abi, ArgType, Post, Rate, RateScope, Rule, Subject};
use crate::kernel::helpers;

/// `BPF_ANY` of `bpf_map_update_elem`.
const BPF_ANY: i32 = 0;
/// Sections that describe the process: executable, arguments, directory, parent's executable.
const PROCESS_SECTIONS: usize = 4;

/// First word of the record's header.
pub(super) fn info(hook: usize, rule: usize, kind: u8, action: u8, sections: usize) -> u64 {
    hook as u64
        | (rule as u64) << 16
        | u64::from(kind) << 32
        | u64::from(action) << 40
        | (sections as u64) << 48
}

impl Frame<'_> {
    /// First word of the header of a rule's event at the entry.
    pub(super) fn entry_info(&self, hook: usize, rule: usize, of: &Rule) -> u64 {
        let read = self
            .hook
            .args
            .iter()
            .filter(|arg| arg.ty != ArgType::Nop)
            .count();
        info(hook, rule, 0, of.shown as u8, read + PROCESS_SECTIONS)
    }

    /// Reports an event at the entry; `info` holds the header's first word.
    pub(super) fn report(&mut self, hook: usize, info: Reg, post: Post) {
        let off = self.b.mov(HEADER as i32);
        let mut sections = Vec::new();
        for position in 0..self.hook.args.len() {
            let subject = Subject::Arg(position);
            if self.declared(subject).ty == ArgType::Nop {
                continue;
            }
            let start = self.b.mov(off);
            let after = self.put(subject, off);
            self.b.assign(off, after);
            sections.push((start, self.declared(subject).ty));
        }
        let mut quiet = self.target();
        if let Some(rate) = post.rate {
            self.limit(info, rate, &sections, &mut quiet);
        }
        let enter = self.b.call(helpers::KTIME_GET_BOOT_NS, &[]);
        if self.hook.ret.is_some() {
            self.await_return(hook, info, enter);
        }
        let off = self.routine(Routine::Process, &[off]);
        self.routine(Routine::Emit, &[off, info, enter]);
        if Self::is_used(&quiet) {
            self.land(quiet);
        }
    }

    /// Appends an argument's section; returns the record's new length.
    pub(super) fn put(&mut self, subject: Subject, off: Reg) -> Reg {
        match self.declared(subject).ty {
            ArgType::Int(_) => {
                let value = self.int(subject);
                let value = self.launder(value);
                self.put_word(value, 0, off)
            }
            ArgType::String | ArgType::Filename => self.put_string(subject, off),
            ArgType::CharBuf { .. } => self.put_buffer(subject, off),
            ArgType::Sock => {
                let sock = self.raw(subject);
                let sock = self.launder(sock);
                self.routine(Routine::PutSock, &[sock, off])
            }
            ArgType::Sockaddr => {
                let raw = self.raw(subject);
                let address = self.launder(raw);
                let user = self.b.mov(i32::from(self.hook.abi == Abi::Syscall));
                self.routine(Routine::PutSockaddr, &[address, user, off])
            }
            ArgType::Cred => {
                let cred = self.raw(subject);
                let cred = self.launder(cred);
                self.routine(Routine::PutCred, &[cred, off])
            }
            _ => self.put_path(subject, off),
        }
    }

    fn put_word(&mut self, value: Reg, status: i32, off: Reg) -> Reg {
        let status = self.b.mov(status);
        self.routine(Routine::PutWord, &[value, status, off])
    }

    fn put_path(&mut self, subject: Subject, off: Reg) -> Reg {
        let walk = self.module.layout.buffer(0);
        let scratch = self.scratch();
        // Stays when there is no file: the routine then reports an unreadable path.
        self.b.store(Size::B8, scratch, walk as i16, 0);
        let mut done = self.target();
        let parts = self.path_parts(subject, &mut done);
        self.place_path(parts, walk);
        self.land(done);
        let at = self.b.mov(walk as i32);
        self.routine(Routine::PutPath, &[at, off])
    }

    /// The text that the filters saw where there was one: user memory may have changed since.
    fn put_string(&mut self, subject: Subject, off: Reg) -> Reg {
        let (at, read) = self.text_for_report(subject);
        let status = self.b.mov(read);
        self.b.alu(AluOp::Rsh, status, 32);
        let len = self.b.mov32(read);
        let source = self.b.mov((at + STATE) as i32);
        self.routine(Routine::PutText, &[source, len, status, off])
    }

    /// The buffer that holds a text, and length with flags; read now if no filter did.
    fn text_for_report(&mut self, subject: Subject) -> (u32, Reg) {
        match self.known(Value::TextRead(subject)) {
            Some(read) => (self.buffer(subject), read),
            None => {
                let walk = self.module.layout.buffer(0);
                (walk, self.read_bytes_flagged(subject, walk))
            }
        }
    }

    fn put_buffer(&mut self, subject: Subject, off: Reg) -> Reg {
        let (at, read) = self.text_for_report(subject);
        let wanted = self.wanted(subject);
        let wanted = self.launder(wanted);
        let at = self.b.mov(at as i32);
        self.routine(Routine::PutBuffer, &[at, wanted, read, off])
    }

    /// Goes to `quiet` when the rate limit forbids the report.
    fn limit(&mut self, info: Reg, rate: Rate, sections: &[(Reg, ArgType)], quiet: &mut Target) {
        let scratch = self.scratch();
        let key = KEY as i16;
        // Hook and rule: each rule has a limit of its own.
        self.b.store(Size::B4, scratch, key, info);
        let scope = match rate.scope {
            RateScope::Global => self.b.mov(0),
            RateScope::Thread => self.b.call(helpers::GET_CURRENT_PID_TGID, &[]),
            RateScope::Process => {
                let ids = self.b.call(helpers::GET_CURRENT_PID_TGID, &[]);
                self.b.alu(AluOp::Rsh, ids, 32);
                ids
            }
        };
        self.b.store(Size::B4, scratch, key + 4, scope);
        let args = self.module.layout.rate_args.unwrap_or(0);
        for position in 0..args {
            let at = KEY + KEY_HEAD + KEY_ARG * position;
            match sections.get(position as usize) {
                Some((start, ty)) => self.tell_apart(*start, *ty, at),
                None => self.clear(scratch, at, KEY_ARG),
            }
        }
        let interval = self.b.constant(u64::from(rate.interval_ms) * 1_000_000);
        let due = self.routine(Routine::Rate, &[interval]);
        let label = self.to(quiet);
        self.b.branch(Cond::Eq, due, 0, label);
    }

    /// Puts what tells the argument whose section starts at `start` from others to byte `at` of the key.
    fn tell_apart(&mut self, start: Reg, ty: ArgType, at: u32) {
        let at = self.b.mov(at as i32);
        if ty == ArgType::Sock {
            self.routine(Routine::RateSock, &[start, at]);
            return;
        }
        // A file's mode, and the length that a call wants of a buffer.
        let has_head = matches!(
            ty,
            ArgType::File
                | ArgType::Path
                | ArgType::Dentry
                | ArgType::Fd
                | ArgType::LinuxBinprm
                | ArgType::CharBuf { .. }
        );
        let skip = self.b.mov(if has_head { 8 } else { 0 });
        self.routine(Routine::RateKey, &[start, skip, at]);
    }

    fn clear(&mut self, base: Reg, at: u32, bytes: u32) {
        for word in 0..bytes / 8 {
            self.b.store(Size::B8, base, (at + 8 * word) as i16, 0);
        }
    }

    /// Remembers, for the return, that this call is reported; the key of its rate limit lies there already.
    fn await_return(&mut self, hook: usize, info: Reg, enter: Reg) {
        let map = self.module.map(Purpose::Pending);
        let key = self.pending_key(hook);
        let scratch = self.scratch();
        self.b.store(Size::B8, scratch, AWAITED as i16, enter);
        self.b.store(Size::B8, scratch, AWAITED as i16 + 8, info);
        let map = self.b.map(map);
        let value = self.b.mov(scratch);
        self.b.alu(AluOp::Add, value, AWAITED as i32);
        let flags = self.b.mov(BPF_ANY);
        self.b
            .call(helpers::MAP_UPDATE_ELEM, &[map, key, value, flags]);
    }

    /// Pointer to the key of the current call in `pending`.
    pub(super) fn pending_key(&mut self, hook: usize) -> Reg {
        let key = self.b.slot(16);
        let ids = self.b.call(helpers::GET_CURRENT_PID_TGID, &[]);
        self.b.store_slot(Size::B8, key, 0, ids);
        self.b.store_slot(Size::B8, key, 8, hook as i32);
        self.b.slot_addr(key)
    }
}

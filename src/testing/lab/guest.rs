//! The guest's programs: init, and one for the caller of each call.
//!
//! In: passes, that is a bundle and calls to make while it is loaded. Out: an initramfs. Init prepares the files of a pass, makes the processes of its
//! calls and lets them wait; then it loads the bundle, lets one process after the other make its call and nothing else, and
//! prints the events. So policies see of a process its call alone.
//!
//! All processes share a file in memory with a slot for each call ([`Slot`]); it goes to the second serial port when the pass has ended
//! ([`super::results`]). The program at the path of a case's binary is always the same: it maps the caller's code from
//! descriptor 100 and jumps there. After a successful execve it finds that the call was made, and ends.

use std::collections::BTreeMap;

use super::caller;
use super::context::Exe;
use super::launch::{release, spawn};
use super::setup::{self, To};
use super::slot::{NOT_ENDED, SIZE, SLOTS, Slot};
use super::trigger::File;
use super::{Call, Pass};
use crate::kernel::syscall_numbers::number;
use crate::lab::cpio::Archive;
use crate::lab::machine::BEGIN;
use crate::lab::program::{Program, Value};

/// Where the code of callers lies.
pub(super) const CODE: u32 = 0x1000_0000;
const BASE: u32 = 0x40_0000;
/// Init's own 64 bits.
const SCRATCH: u32 = 0x3000_0000;

/// Descriptors of the guest: the code of a caller, the slots, a count of processes that are ready, the result port.
pub(super) const CODE_FD: u64 = 100;
pub(super) const SLOTS_FD: u64 = 101;
pub(super) const READY_FD: u64 = 102;
const PORT_FD: u64 = 103;

pub(super) const LOADER: &str = "/bin/tpc-loader";
pub(super) const STUB: &str = "/lab/stub";
/// Where files go that are in the way.
const AWAY: &str = "/lab/away";
/// An initramfs; `base` has the loader.
pub(super) fn archive(base: Archive, passes: &[Pass<'_>]) -> Archive {
    let mut archive = base;
    for (name, files) in passes.iter().map(|pass| pass.bundle) {
        for (file, bytes) in files {
            archive.file(&format!("/lab/b/{name}/{file}"), 0o644, bytes.clone());
        }
    }
    for pass in passes {
        for call in &pass.calls {
            archive.file(&code_path(call.slot), 0o644, caller::program(call).image());
        }
    }
    let slots = passes.iter().map(|pass| pass.slot + 1).max().unwrap_or(0);
    archive.file("/lab/slots", 0o600, vec![0; SIZE as usize * slots]);
    archive.file(STUB, 0o755, stub().elf());
    archive.file("/init", 0o755, init(passes, slots).elf());
    for dir in ["/proc", "/sys", "/dev", "/tmp", "/run", "/mnt", AWAY] {
        archive.directory(dir);
    }
    archive
}

pub(super) fn code_path(slot: usize) -> String {
    format!("/lab/code/{slot}")
}

/// Bytes of a caller's code that are mapped.
pub(super) const ROOM: u64 = 1 << 20;

/// The program at the paths of binaries.
fn stub() -> Program {
    let mut program = Program::at(BASE);
    // PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_FIXED
    let map = [u64::from(CODE), ROOM, 7, 0x12, CODE_FD, 0].map(Value::Number);
    call(&mut program, "mmap", map);
    program.leave(CODE);
    program
}

/// A call by its name.
pub(super) fn call(program: &mut Program, name: &str, parameters: impl IntoIterator<Item = Value>) {
    let parameters: Vec<Value> = parameters.into_iter().collect();
    program.call(number(name).expect("a call of Linux 6.1"), &parameters);
}

/// Maps the slots: `MAP_SHARED | MAP_FIXED`, to be read and written.
pub(super) fn map_slots(program: &mut Program, slots: usize) {
    let size = u64::from(SIZE) * slots as u64;
    let map = [u64::from(SLOTS), size, 3, 0x11, SLOTS_FD, 0].map(Value::Number);
    call(program, "mmap", map);
}

/// What an earlier call returned gets a number of its own; `scratch` is a place for 64 bits.
pub(super) fn become_fd(program: &mut Program, scratch: u32, fd: u64) {
    program.store(scratch);
    call(program, "dup2", [Value::At(scratch), fd.into()]);
    call(program, "close", [Value::At(scratch)]);
}

fn print(program: &mut Program, text: &str) {
    let len = text.len() as u64;
    call(
        program,
        "write",
        [PORT_FD.into(), Value::Bytes(text.into()), len.into()],
    );
}

fn init(passes: &[Pass<'_>], slots: usize) -> Program {
    let mut program = Program::at(BASE);
    let p = &mut program;
    // MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, to be read and written.
    let room = [u64::from(SCRATCH), 4096, 3, 0x32, u64::MAX, 0].map(Value::Number);
    call(p, "mmap", room);
    setup::mounts(p);
    let ports = [("/dev/ttyS1", PORT_FD), ("/lab/slots", SLOTS_FD)];
    let standard = [0, 1, 2].map(|fd| ("/dev/null", fd));
    for (path, fd) in standard.into_iter().chain(ports) {
        setup::open_as(p, SCRATCH, path, To::Write, fd);
    }
    setup::raw_port(p, PORT_FD);
    map_slots(p, slots);
    setup::network(p, SCRATCH);
    // EFD_SEMAPHORE | EFD_NONBLOCK
    call(p, "eventfd2", [0.into(), 0x801.into()]);
    become_fd(p, SCRATCH, READY_FD);
    print(p, BEGIN);
    for (number, pass) in passes.iter().enumerate() {
        run_pass(p, number, pass);
    }
    print(p, "@@end\n");
    setup::power_off(p, PORT_FD);
    program
}

fn run_pass(p: &mut Program, number: usize, pass: &Pass<'_>) {
    let slot = Slot::of(pass.slot);
    files(p, slot, &pass.calls);
    // Those that remove their binary come first: others have it, too.
    let removes = |call: &&&Call| matches!(call.context.exe, Exe::Removed(_));
    let (first, rest): (Vec<&Call>, Vec<&Call>) =
        pass.calls.iter().partition(|call| removes(&call));
    for call in first.into_iter().chain(rest) {
        spawn(p, call);
    }
    print(p, &format!("@@load {number}\n"));
    let bundle = format!("/lab/b/{}", pass.bundle.0);
    loader(p, slot.status(), slot, &["load", &bundle]);
    for call in &pass.calls {
        release(p, Slot::of(call.slot));
    }
    print(p, &format!("@@events {number}\n"));
    loader(p, slot.error(), slot, &["events", "--once"]);
    print(p, &format!("@@unload {number}\n"));
    loader(p, slot.result(), slot, &["unload", "--all"]);
    for step in pass.calls.iter().flat_map(|call| &call.trigger.after) {
        p.call(step.number, &step.params);
    }
    print(p, &format!("@@slots {number}\n"));
    let from = pass.calls.first().map_or(pass.slot, |call| call.slot);
    let size = u64::from(SIZE) * (pass.slot + 1 - from) as u64;
    let start = u64::from(Slot::of(from).launcher());
    call(p, "write", [PORT_FD, start, size].map(Value::Number));
}

/// Runs the loader to its end; its output goes to the port.
fn loader(p: &mut Program, status: u32, slot: Slot, words: &[&str]) {
    let child = p.label();
    let after = p.label();
    call(p, "fork", []);
    p.jump_if_zero(child);
    p.store(slot.launcher());
    p.set(status, NOT_ENDED);
    let wait = [
        Value::At(slot.launcher()),
        u64::from(status).into(),
        0.into(),
        0.into(),
    ];
    call(p, "wait4", wait);
    p.jump(after);
    p.place(child);
    for fd in [1, 2] {
        call(p, "dup2", [PORT_FD, fd].map(Value::Number));
    }
    let argv = std::iter::once(&LOADER).chain(words);
    let argv = Value::Texts(argv.map(|word| word.as_bytes().to_vec()).collect());
    call(p, "execve", [Value::text(LOADER), argv, environment()]);
    exit(p, 127);
    p.place(after);
}

fn environment() -> Value {
    Value::Texts(vec![b"PATH=/bin:/usr/bin".to_vec()])
}

pub(super) fn exit(p: &mut Program, status: u64) {
    call(p, "exit_group", [status.into()]);
}

/// Makes all files of the calls anew: every one is the stub, so that it can be run.
fn files(p: &mut Program, slot: Slot, calls: &[Call]) {
    let mut all: BTreeMap<&str, (File, u32)> = BTreeMap::new();
    for call in calls {
        if let Exe::Named(path) | Exe::Removed(path) = &call.context.exe {
            let file = File::Regular {
                mode: 0o755,
                is_callers: false,
            };
            all.entry(path).or_insert((file, 0));
        }
        all.entry(&call.context.cwd).or_insert((File::Directory, 0));
    }
    for call in calls {
        let [uid, ..] = call.context.users;
        let own = call.trigger.files.iter();
        all.extend(own.map(|(path, file)| (path.as_str(), (*file, uid))));
    }
    let content = stub().elf();
    for (number, (path, (file, uid))) in all.into_iter().enumerate() {
        for (at, _) in path.match_indices('/').skip(1) {
            // What an earlier pass left there may be a file.
            let parent = Value::text(&path[..at]);
            call(p, "unlink", [parent.clone()]);
            call(p, "mkdir", [parent.clone(), 0o777.into()]);
            call(p, "chmod", [parent, 0o777.into()]);
        }
        if file == File::Directory {
            call(p, "mkdir", [Value::text(path), 0o777.into()]);
            continue;
        }
        // A file, or a directory that is not empty.
        let away = format!("{AWAY}/{:x}-{number}", slot.launcher());
        call(p, "rename", [Value::text(path), Value::text(away)]);
        let File::Regular { mode, is_callers } = file else {
            continue;
        };
        let owner = u64::from(if is_callers { uid } else { 0 });
        // O_WRONLY | O_CREAT | O_TRUNC
        call(p, "open", [Value::text(path), 0x241.into(), 0o600.into()]);
        p.store(slot.scratch());
        let file = Value::At(slot.scratch());
        let len = content.len() as u64;
        call(
            p,
            "write",
            [file.clone(), Value::Bytes(content.clone()), len.into()],
        );
        call(p, "close", [file]);
        call(p, "chown", [Value::text(path), owner.into(), owner.into()]);
        call(p, "chmod", [Value::text(path), u64::from(mode).into()]);
    }
}

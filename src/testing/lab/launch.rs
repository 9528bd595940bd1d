//! Making the process of a call, up to where it waits, and letting it go.
//!
//! Init makes a launcher, which takes the namespaces of the case and makes the caller; that becomes the case's binary and goes on in its own
//! program ([`super::caller`]). In a pid namespace of its own, the launcher's child is process 1 there, and the caller's parent.

use super::Call;
use super::context::{Exe, NEW_NET};
use super::guest::{CODE_FD, READY_FD, ROOM, STUB, become_fd, call, code_path, exit};
use super::setup::{self, To};
use super::slot::{NOT_ENDED, Slot};
use crate::lab::program::{Label, Program, Value};

/// Descriptors: a process to wait for, a file in memory, the stub.
const PROCESS_FD: u64 = 104;
const MEMORY_FD: u64 = 105;
const STUB_FD: u64 = 106;

/// Makes the process of a call, up to where it waits.
pub(super) fn spawn(p: &mut Program, of: &Call) {
    let slot = Slot::of(of.slot);
    // Another process may have removed it; that it is there is no error.
    if let Exe::Named(path) | Exe::Removed(path) = &of.context.exe {
        call(p, "link", [Value::text(STUB), Value::text(path)]);
    }
    p.set(slot.status(), NOT_ENDED);
    p.set(slot.numbers(), of.context.ns_pid as u16);
    p.set(slot.numbers() + 4, of.context.pid as u16);
    let (child, after) = (p.label(), p.label());
    call(p, "fork", []);
    p.jump_if_zero(child);
    p.store(slot.launcher());
    wait_for_input(p, READY_FD);
    call(
        p,
        "read",
        [READY_FD.into(), u64::from(slot.scratch()).into(), 8.into()],
    );
    p.jump(after);
    p.place(child);
    launch(p, of, slot);
    p.place(after);
}

/// The launcher: takes namespaces, and makes the caller.
fn launch(p: &mut Program, of: &Call, slot: Slot) {
    let context = &of.context;
    let failed = p.label();
    call(p, "setsid", []);
    setup::open_as(p, slot.scratch(), &code_path(of.slot), To::Read, CODE_FD);
    p.jump_if_failed(failed);
    if context.unshared != 0 {
        step(
            p,
            slot,
            setup::UNSHARE,
            failed,
            "unshare",
            [context.unshared.into()],
        );
    }
    if context.unshared & NEW_NET != 0 {
        setup::network(p, slot.scratch());
    }
    let caller = p.label();
    // The first process of a pid namespace is a parent, unless the case is about it.
    if context.has_own_pids() && context.ns_pid != 1 {
        let first = p.label();
        call(p, "fork", []);
        p.jump_if_zero(first);
        p.store(slot.first());
        call(
            p,
            "wait4",
            [Value::At(slot.first()), 0.into(), 0.into(), 0.into()],
        );
        exit(p, 0);
        p.place(first);
        die_with_parent(p);
    }
    clone_as(p, slot, context.has_own_pids());
    p.jump_if_zero(caller);
    p.jump_if_failed(failed);
    p.store(slot.caller());
    let wait = [
        Value::At(slot.caller()),
        u64::from(slot.status()).into(),
        0.into(),
        0.into(),
    ];
    call(p, "wait4", wait);
    exit(p, 0);
    p.place(caller);
    become_binary(p, of, slot, failed);
    p.place(failed);
    give_up(p, slot);
}

/// The process ends with its parent: `PR_SET_PDEATHSIG`, SIGKILL.
pub(super) fn die_with_parent(p: &mut Program) {
    call(p, "prctl", [1, 9].map(Value::Number));
}

/// A step of the preparation, by its number.
pub(super) fn step(
    p: &mut Program,
    slot: Slot,
    number: u16,
    failed: Label,
    name: &str,
    parameters: impl IntoIterator<Item = Value>,
) {
    p.set(slot.step(), number);
    call(p, name, parameters);
    p.jump_if_failed(failed);
}

/// After a step that failed: says so, and ends.
pub(super) fn give_up(p: &mut Program, slot: Slot) {
    p.store(slot.error());
    ready(p);
    exit(p, 1);
}

pub(super) fn ready(p: &mut Program) {
    let one = Value::Bytes(1_u64.to_le_bytes().to_vec());
    call(p, "write", [READY_FD.into(), one, 8.into()]);
}

/// A fork whose child has the numbers of the slot (`struct clone_args` in include/uapi/linux/sched.h).
fn clone_as(p: &mut Program, slot: Slot, has_own_pids: bool) {
    let (numbers, count) = match has_own_pids {
        true => (slot.numbers(), 2),
        false => (slot.numbers() + 4, 1),
    };
    const SIGCHLD: u64 = 17;
    let args = [0, 0, 0, 0, SIGCHLD, 0, 0, 0, u64::from(numbers), count, 0];
    let bytes = args.map(u64::to_le_bytes).concat();
    let size = bytes.len() as u64;
    p.set(slot.step(), setup::CLONE);
    call(p, "clone3", [Value::Bytes(bytes), size.into()]);
}

fn become_binary(p: &mut Program, of: &Call, slot: Slot, failed: Label) {
    let context = &of.context;
    step(
        p,
        slot,
        setup::CHDIR,
        failed,
        "chdir",
        [Value::text(&context.cwd)],
    );
    let argv = Value::Texts(context.argv.clone());
    let none = Value::Texts(Vec::new());
    match &context.exe {
        Exe::Named(path) | Exe::Removed(path) => {
            let exec = [Value::text(path), argv, none];
            step(p, slot, setup::EXEC, failed, "execve", exec);
        }
        Exe::InMemory(name) => {
            call(p, "memfd_create", [Value::text(name), 0.into()]);
            become_fd(p, slot.scratch(), MEMORY_FD);
            setup::open_as(p, slot.scratch(), STUB, To::Read, STUB_FD);
            let copy = [MEMORY_FD, STUB_FD, 0, ROOM].map(Value::Number);
            step(p, slot, setup::EXEC, failed, "sendfile64", copy);
            // AT_EMPTY_PATH
            let exec = [MEMORY_FD.into(), Value::text(""), argv, none, 0x1000.into()];
            step(p, slot, setup::EXEC, failed, "execveat", exec);
        }
    }
}

/// Waits until there is something to read, ten seconds at most.
fn wait_for_input(p: &mut Program, fd: u64) {
    // struct pollfd: the descriptor, POLLIN.
    let poll = [(fd as u32).to_le_bytes(), 1_u32.to_le_bytes()].concat();
    call(p, "poll", [Value::Bytes(poll), 1.into(), 10_000.into()]);
}

/// Lets the process make its call, and waits for its end.
pub(super) fn release(p: &mut Program, slot: Slot) {
    p.set(slot.go(), 1);
    // FUTEX_WAKE
    call(p, "futex", [u64::from(slot.go()), 1, 1].map(Value::Number));
    call(p, "pidfd_open", [Value::At(slot.launcher()), 0.into()]);
    become_fd(p, slot.scratch(), PROCESS_FD);
    wait_for_input(p, PROCESS_FD);
    call(p, "kill", [Value::At(slot.launcher()), 9.into()]);
    call(
        p,
        "wait4",
        [Value::At(slot.launcher()), 0.into(), 0.into(), 0.into()],
    );
}

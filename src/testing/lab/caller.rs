//! The program of a caller: from the first instruction of the case's binary to its call.

use super::Call;
use super::context::{Exe, NEW_USER};
use super::guest::{CODE, become_fd, call, exit, map_slots};
use super::launch::{die_with_parent, give_up, ready, step};
use super::process::CHILD;
use super::setup;
use super::slot::Slot;
use crate::lab::program::{Label, Program, Value};

pub(super) fn program(of: &Call) -> Program {
    let mut program = Program::at(CODE);
    let p = &mut program;
    let slot = Slot::of(of.slot);
    let (became, failed) = (p.label(), p.label());
    map_slots(p, of.slot + 1);
    p.jump_if_set(slot.begun(), became);
    prepare(p, of, slot, failed);
    ready(p);
    // FUTEX_WAIT, as long as nobody has said go.
    call(
        p,
        "futex",
        [u64::from(slot.go()), 0, 0, 0].map(Value::Number),
    );
    p.set(slot.begun(), 1);
    let params: Vec<Value> = of
        .trigger
        .params
        .iter()
        .map(|value| match value {
            Value::At(CHILD) => Value::At(slot.child()),
            other => other.clone(),
        })
        .collect();
    p.call(of.trigger.number, &params);
    p.store(slot.result());
    p.set(slot.returned(), 1);
    end(p, slot);
    p.place(became);
    p.set(slot.became(), 1);
    end(p, slot);
    p.place(failed);
    give_up(p, slot);
    program
}

/// Notes the signals that wait, and ends.
fn end(p: &mut Program, slot: Slot) {
    let to = u64::from(slot.pending());
    call(p, "rt_sigpending", [to, 8].map(Value::Number));
    exit(p, 0);
}

/// What the call needs, then the process as the case has it.
fn prepare(p: &mut Program, of: &Call, slot: Slot, failed: Label) {
    let context = &of.context;
    if let Exe::Removed(path) = &context.exe {
        step(p, slot, setup::EXEC, failed, "unlink", [Value::text(path)]);
    }
    for one in &of.trigger.before {
        p.set(slot.step(), setup::BEFORE);
        p.call(one.number, &one.params);
        p.jump_if_failed(failed);
        if let Some(fd) = one.to {
            become_fd(p, slot.scratch(), fd);
        }
    }
    // Capabilities survive the change of users: PR_SET_KEEPCAPS.
    call(p, "prctl", [8, 1].map(Value::Number));
    let ids = |ids: [u32; 3]| ids.map(|id| Value::Number(id.into()));
    step(
        p,
        slot,
        setup::USERS,
        failed,
        "setresgid",
        ids(context.groups),
    );
    let users = of.trigger.users.unwrap_or(context.users);
    step(p, slot, setup::USERS, failed, "setresuid", ids(users));
    if context.own_users {
        step(
            p,
            slot,
            setup::UNSHARE,
            failed,
            "unshare",
            [NEW_USER.into()],
        );
    }
    // PR_SET_DUMPABLE: a process that has changed its users cannot be looked into otherwise.
    call(p, "prctl", [4, 1].map(Value::Number));
    step(
        p,
        slot,
        setup::CAPABILITIES,
        failed,
        "capset",
        capabilities(of),
    );
    die_with_parent(p);
    // SIG_BLOCK of all: what a policy sends is seen afterwards, but for what ends the process.
    let all = Value::Bytes(vec![0xff; 8]);
    call(p, "rt_sigprocmask", [0.into(), all, 0.into(), 8.into()]);
    if of.trigger.child {
        child(p, slot);
    }
}

/// `_LINUX_CAPABILITY_VERSION_3` and two `struct __user_cap_data_struct` (include/uapi/linux/capability.h).
fn capabilities(of: &Call) -> [Value; 2] {
    let context = &of.context;
    let (effective, permitted) = (context.effective | of.needs, context.permitted | of.needs);
    let sets = [effective, permitted, context.inheritable];
    let low = sets.map(|set| set as u32);
    let high = sets.map(|set| (set >> 32) as u32);
    let header = [0x2008_0522_u32, 0].map(u32::to_le_bytes).concat();
    let data = [low, high].concat().into_iter().flat_map(u32::to_le_bytes);
    [Value::Bytes(header), Value::Bytes(data.collect())]
}

/// A child that waits for the end of its parent.
fn child(p: &mut Program, slot: Slot) {
    let (child, after) = (p.label(), p.label());
    call(p, "fork", []);
    p.jump_if_zero(child);
    p.store(slot.child());
    p.jump(after);
    p.place(child);
    die_with_parent(p);
    call(p, "pause", []);
    exit(p, 0);
    p.place(after);
}

//! Values that live on the stack: stored where they are written, loaded where they are read.
//!
//! Constants are not stored but made again.

use crate::codegen::mir::{Base, Function, Insn, Offset, Op, Operand, Reg, Size, Slot};

/// Where a spilled register's value comes from.
enum Home {
    Slot(Slot),
    Constant(Op),
}

/// Rewrites the function so that the registers are needed for one instruction at a time only.
pub(super) fn to_stack(function: &mut Function, spilled: &[Reg]) {
    let mut homes: Vec<Option<Home>> = Vec::new();
    homes.resize_with(function.regs as usize, || None);
    for reg in spilled {
        let home = match sole_constant(function, *reg) {
            Some(op) => Home::Constant(op),
            None => {
                function.slots.push(8);
                Home::Slot(Slot(function.slots.len() as u32 - 1))
            }
        };
        homes[reg.0 as usize] = Some(home);
    }
    let insns = std::mem::take(&mut function.insns);
    for insn in insns {
        rewrite(function, insn, &homes);
    }
}

/// The instruction that makes the register's value, if there is one and it is constant.
fn sole_constant(function: &Function, reg: Reg) -> Option<Op> {
    let mut defs = function
        .insns
        .iter()
        .filter(|insn| insn.op.def() == Some(reg));
    match (defs.next(), defs.next()) {
        (Some(insn), None) if insn.op.is_constant() => Some(insn.op.clone()),
        _ => None,
    }
}

fn rewrite(function: &mut Function, insn: Insn, homes: &[Option<Home>]) {
    let home = |reg: Reg| homes.get(reg.0 as usize).and_then(Option::as_ref);
    let mut op = insn.op;
    if op.is_constant() && matches!(op.def().and_then(home), Some(Home::Constant(_))) {
        return;
    }
    let mut read: Vec<Reg> = Vec::new();
    op.for_uses(|reg| {
        if home(reg).is_some() && !read.contains(&reg) {
            read.push(reg);
        }
    });
    let mut fresh: Vec<(Reg, Reg)> = Vec::new();
    for reg in read {
        let temporary = Reg(function.regs);
        function.regs += 1;
        fresh.push((reg, temporary));
        let load = match home(reg) {
            Some(Home::Slot(slot)) => load(temporary, *slot),
            Some(Home::Constant(op)) => {
                let mut op = op.clone();
                op.rename(|reg| reg, |_| temporary);
                op
            }
            None => continue,
        };
        function.insns.push(Insn {
            op: load,
            span: insn.span,
        });
    }
    let written = op.def().filter(|reg| home(*reg).is_some());
    if let Some(reg) = written {
        if !fresh.iter().any(|(old, _)| *old == reg) {
            fresh.push((reg, Reg(function.regs)));
            function.regs += 1;
        }
    }
    let renamed = |reg: Reg| {
        fresh
            .iter()
            .find(|(old, _)| *old == reg)
            .map_or(reg, |pair| pair.1)
    };
    op.rename(renamed, renamed);
    function.insns.push(Insn {
        op,
        span: insn.span,
    });
    if let (Some(reg), Some(Home::Slot(slot))) = (written, written.and_then(home)) {
        let store = store(*slot, renamed(reg));
        function.insns.push(Insn {
            op: store,
            span: insn.span,
        });
    }
}

fn load(dst: Reg, slot: Slot) -> Op {
    Op::Load {
        size: Size::B8,
        dst,
        base: Base::Slot(slot),
        offset: Offset::Const(0),
    }
}

fn store(slot: Slot, src: Reg) -> Op {
    let (base, offset) = (Base::Slot(slot), Offset::Const(0));
    Op::Store {
        size: Size::B8,
        base,
        offset,
        src: Operand::Reg(src),
    }
}

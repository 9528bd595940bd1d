//! Simpler jumps: no jump to a jump, no jump around a jump, nothing unreachable.

use crate::codegen::mir::{Cond, Function, Insn, Label, Op};

/// Simplifies until nothing changes.
pub(super) fn simplify(function: &mut Function) {
    loop {
        let before = function.insns.len();
        let mut changed = thread(function);
        changed |= invert(function);
        remove_unreachable(function);
        remove_idle(function);
        if !changed && function.insns.len() == before {
            return;
        }
    }
}

/// Index of the instruction that binds each label.
pub(super) fn positions(function: &Function) -> Vec<usize> {
    let mut positions = vec![usize::MAX; function.labels as usize];
    for (index, insn) in function.insns.iter().enumerate() {
        if let Op::Bind(label) = insn.op {
            positions[label.0 as usize] = index;
        }
    }
    positions
}

/// Index of the first real instruction at or after `index`.
fn landing(insns: &[Insn], mut index: usize) -> usize {
    while matches!(insns.get(index).map(|insn| &insn.op), Some(Op::Bind(_))) {
        index += 1;
    }
    index
}

/// Jumps go where a jump at their target would go on to.
fn thread(function: &mut Function) -> bool {
    let positions = positions(function);
    let forward: Vec<Label> = (0..function.labels)
        .map(|label| last_target(&function.insns, &positions, Label(label)))
        .collect();
    let mut changed = false;
    for insn in &mut function.insns {
        if let Some(target) = insn.op.target_mut() {
            let end = forward[target.0 as usize];
            changed |= end != *target;
            *target = end;
        }
    }
    changed
}

fn last_target(insns: &[Insn], positions: &[usize], mut label: Label) -> Label {
    // A cycle of empty jumps would be an endless loop in the program; the bound ends ours.
    for _ in 0..insns.len() {
        let start = positions[label.0 as usize];
        if start == usize::MAX {
            return label;
        }
        match insns.get(landing(insns, start)).map(|insn| &insn.op) {
            Some(Op::Jump(next)) if *next != label => label = *next,
            _ => return label,
        }
    }
    label
}

/// `if c goto a; goto b; a:` becomes `if not c goto b; a:`.
fn invert(function: &mut Function) -> bool {
    let positions = positions(function);
    let mut changed = false;
    for index in 0..function.insns.len().saturating_sub(1) {
        let (Op::Branch { cond, target, .. }, Op::Jump(other)) =
            (&function.insns[index].op, &function.insns[index + 1].op)
        else {
            continue;
        };
        let (Some(opposite), target, other) = (opposite(*cond), *target, *other) else {
            continue;
        };
        let after = landing(&function.insns, index + 2);
        if landing(&function.insns, positions[target.0 as usize]) != after {
            continue;
        }
        if let Op::Branch { cond, target, .. } = &mut function.insns[index].op {
            (*cond, *target) = (opposite, other);
        }
        function.insns[index + 1].op = Op::Jump(target);
        changed = true;
    }
    changed
}

fn opposite(cond: Cond) -> Option<Cond> {
    Some(match cond {
        Cond::Eq => Cond::Ne,
        Cond::Ne => Cond::Eq,
        Cond::Gt => Cond::Le,
        Cond::Le => Cond::Gt,
        Cond::Ge => Cond::Lt,
        Cond::Lt => Cond::Ge,
        Cond::Sgt => Cond::Sle,
        Cond::Sle => Cond::Sgt,
        Cond::Sge => Cond::Slt,
        Cond::Slt => Cond::Sge,
        Cond::Set => return None,
    })
}

fn remove_unreachable(function: &mut Function) {
    let positions = positions(function);
    let mut reached = vec![false; function.insns.len()];
    let mut open = vec![0];
    while let Some(mut index) = open.pop() {
        while index < function.insns.len() && !reached[index] {
            reached[index] = true;
            let op = &function.insns[index].op;
            if let Some(target) = op.target() {
                open.push(positions[target.0 as usize]);
            }
            if op.is_end() {
                break;
            }
            index += 1;
        }
    }
    let mut reached = reached.into_iter();
    function.insns.retain(|_| reached.next().unwrap_or(false));
}

/// Removes jumps to the next instruction and labels that nobody jumps to.
fn remove_idle(function: &mut Function) {
    let positions = positions(function);
    let idle: Vec<bool> = function
        .insns
        .iter()
        .enumerate()
        .map(|(index, insn)| {
            insn.op.target().is_some_and(|target| {
                let there = landing(&function.insns, positions[target.0 as usize]);
                landing(&function.insns, index + 1) == there
            })
        })
        .collect();
    let mut idle = idle.into_iter();
    function.insns.retain(|_| !idle.next().unwrap_or(false));
    let mut used = vec![false; function.labels as usize];
    for target in function.insns.iter().filter_map(|insn| insn.op.target()) {
        used[target.0 as usize] = true;
    }
    function.insns.retain(|insn| match insn.op {
        Op::Bind(label) => used[label.0 as usize],
        _ => true,
    });
}

//! Simpler jumps: no jump to a jump, no jump around a jump, nothing unreachable, and no exit twice.

use std::collections::BTreeMap;

use crate::codegen::mir::{Cond, Function, Insn, Label, Op, Operand};

/// Instructions over which an exit is shared. A jump reaches 32,767 slots, and most instructions take one.
const NEIGHBOURHOOD: usize = 12_000;

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

/// Jumps to a constant exit go to the next exit with that value that is there anyway, because code runs
/// into it, or else to the last. The others become unreachable.
pub(super) fn share_exits(function: &mut Function) {
    let positions = positions(function);
    let kept = kept_exits(&function.insns, &positions);
    let mut labels: BTreeMap<usize, Label> = BTreeMap::new();
    let mut replaced = vec![None; function.insns.len()];
    for (index, insn) in function.insns.iter().enumerate() {
        let leads_to = match insn.op.target() {
            Some(target) => landing(&function.insns, positions[target.0 as usize]),
            None if is_jumped_over(&function.insns, &positions, index) => index,
            None => continue,
        };
        let value = function.insns.get(leads_to).and_then(exit_value);
        let exits = value.and_then(|value| kept.get(&value));
        let next = exits.and_then(|exits| exits.get(exits.partition_point(|exit| *exit <= index)));
        if let Some(exit) = next.filter(|exit| **exit < index + NEIGHBOURHOOD) {
            let label = labels.entry(*exit).or_insert_with(|| {
                function.labels += 1;
                Label(function.labels - 1)
            });
            replaced[index] = Some(*label);
        }
    }
    redirect(function, &replaced, &labels);
}

/// Lets jumps go to other labels, makes jumps of exits, and binds the labels.
fn redirect(function: &mut Function, replaced: &[Option<Label>], labels: &BTreeMap<usize, Label>) {
    let insns = std::mem::take(&mut function.insns);
    for (index, mut insn) in insns.into_iter().enumerate() {
        if let Some(label) = labels.get(&index) {
            function.insns.push(Insn {
                op: Op::Bind(*label),
                span: insn.span,
            });
        }
        match (replaced[index], insn.op.target_mut()) {
            (Some(label), Some(target)) => *target = label,
            (Some(label), None) => insn.op = Op::Jump(label),
            (None, _) => {}
        }
        function.insns.push(insn);
    }
}

/// For each value the exits that stay, in order.
fn kept_exits(insns: &[Insn], positions: &[usize]) -> BTreeMap<i32, Vec<usize>> {
    let mut kept: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    let mut last: BTreeMap<i32, usize> = BTreeMap::new();
    let mut falls = true;
    for (index, insn) in insns.iter().enumerate() {
        if let Some(value) = exit_value(insn) {
            last.insert(value, index);
            if falls && !is_jumped_over(insns, positions, index) {
                kept.entry(value).or_default().push(index);
            }
        }
        if !matches!(insn.op, Op::Bind(_)) {
            falls = !insn.op.is_end();
        }
    }
    for (value, index) in last {
        let exits = kept.entry(value).or_default();
        if exits.last() != Some(&index) {
            exits.push(index);
        }
    }
    kept
}

fn exit_value(insn: &Insn) -> Option<i32> {
    match insn.op {
        Op::Exit(Operand::Imm(value)) => Some(value),
        _ => None,
    }
}

/// Whether the instruction before is a branch to the instruction after.
fn is_jumped_over(insns: &[Insn], positions: &[usize], index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| &insns[before].op);
    match before {
        Some(Op::Branch { cond, target, .. }) => {
            let there = landing(insns, positions[target.0 as usize]);
            there == landing(insns, index + 1) && opposite(*cond).is_some()
        }
        _ => false,
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

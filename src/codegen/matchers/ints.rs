//! Numbers against intervals.

use super::outline::{self, MAX_FUNCTION, MAX_INLINE, check_total};
use super::tree::{Order, Parts, Tree};
use super::{Exits, HIT, MISS, Outline, TooLarge};
use crate::codegen::mir::{Builder, Cond, Reg, Width};
use crate::ir::{IntSet, IntType};

/// Is `value`, sign- or zero-extended to 64 bits as `ty` says, in the set?
/// Members of the set that `ty` cannot hold do not count.
pub(in crate::codegen) fn emit(
    b: &mut Builder,
    outline: &mut dyn Outline,
    (value, ty): (Reg, IntType),
    set: &IntSet,
    exits: Exits,
) -> Result<(), TooLarge> {
    let order = order(ty);
    let (first, last) = limits(ty);
    let mut parts = Parts::new(first, last, MISS);
    for (lo, hi) in set.ranges() {
        if *lo <= last && *hi >= first {
            parts.add((*lo).max(first), (*hi).min(last), HIT, MISS);
        }
    }
    emit_parts(b, outline, (value, order), &parts, exits)
}

/// Decides on a partition with the outcomes [`MISS`] and [`HIT`], in functions of its own
/// if it is long.
pub(super) fn emit_parts(
    b: &mut Builder,
    outline: &mut dyn Outline,
    (value, order): (Reg, Order),
    parts: &Parts,
    exits: Exits,
) -> Result<(), TooLarge> {
    let tree = Tree::plan(parts, order);
    let slots = tree.cost(order).slots as usize;
    check_total(slots)?;
    if slots <= MAX_INLINE {
        tree.write(b, value, order, &exits.targets());
        return Ok(());
    }
    let pieces = cut(parts, MAX_FUNCTION * parts.parts.len() / slots);
    let targets: Vec<_> = pieces.iter().map(|_| b.label()).collect();
    let mut route = Parts::new(parts.parts[0].start, parts.last, 0);
    for (number, piece) in pieces.iter().enumerate() {
        route.from(piece.parts[0].start, number);
    }
    Tree::plan(&route, order).write(b, value, order, &targets);
    for (piece, label) in pieces.iter().zip(targets) {
        b.bind(label);
        let tree = Tree::plan(piece, order);
        let mut body = |b: &mut Builder, params: &[Reg], _: &mut dyn Outline, exits: Exits| {
            tree.write(b, params[0], order, &exits.targets());
        };
        outline::call(b, outline, ("numbers", &[value]), exits, &mut body);
    }
    Ok(())
}

/// Pieces of a partition of at most `limit` parts each.
fn cut(parts: &Parts, limit: usize) -> Vec<Parts> {
    let mut pieces: Vec<Parts> = Vec::new();
    for chunk in parts.parts.chunks(limit.max(1)) {
        if let Some(before) = pieces.last_mut() {
            before.last = chunk[0].start - 1;
        }
        pieces.push(Parts {
            parts: chunk.to_vec(),
            last: parts.last,
        });
    }
    pieces
}

/// Is a bit of `mask` set in `value`?
pub(in crate::codegen) fn emit_mask(b: &mut Builder, value: Reg, mask: u64, exits: Exits) {
    if mask == 0 {
        return b.jump(exits.miss);
    }
    if let Ok(low) = u32::try_from(mask) {
        b.branch32(Cond::Set, value, low as i32, exits.hit);
    } else if let Ok(small) = i32::try_from(mask as i64) {
        b.branch(Cond::Set, value, small, exits.hit);
    } else {
        let mask = b.constant(mask);
        b.branch(Cond::Set, value, mask, exits.hit);
    }
    b.jump(exits.miss);
}

fn order(ty: IntType) -> Order {
    let width = match ty.bytes() {
        8 => Width::W64,
        _ => Width::W32,
    };
    Order {
        width,
        signed: ty.signed(),
    }
}

/// The smallest and the greatest value of a type.
fn limits(ty: IntType) -> (i128, i128) {
    let bits = ty.bytes() * 8;
    match ty.signed() {
        true => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        false => (0, (1 << bits) - 1),
    }
}

//! Addresses against ranges.
//!
//! In: addresses as loaded from memory, that is big-endian bytes in a little-endian load.
//! An address is decided on 32 bits at a time, the most significant first, so that every
//! constant fits a 32-bit compare. The bytes of a word are put in order only where a
//! range needs an order: single values compare as they lie, and a few aligned ranges
//! (CIDRs) compare under a mask.

use std::collections::BTreeMap;

use super::ints::emit_parts;
use super::outline::{self, MAX_FUNCTION, MAX_INLINE, check_total};
use super::tree::{Cost, Order, Parts, Tree, compare};
use super::{Exits, HIT, MISS, Outline, TooLarge};
use crate::codegen::mir::{AluOp, Builder, Cond, Label, Reg};
use crate::ir::{V4Set, V6Set};

/// Is the IPv4 address, as loaded in four bytes, in the set?
pub(in crate::codegen) fn emit_v4(
    b: &mut Builder,
    outline: &mut dyn Outline,
    raw: Reg,
    set: &V4Set,
    exits: Exits,
) -> Result<(), TooLarge> {
    let mut parts = Parts::new(0, u32::MAX.into(), MISS);
    for (lo, hi) in set.ranges() {
        parts.add((*lo).into(), (*hi).into(), HIT, MISS);
    }
    let way = Way::choose(&parts);
    if way.cost().slots as usize <= MAX_INLINE {
        way.write(b, raw, &exits.targets());
        return Ok(());
    }
    let ordered = in_order(b, raw);
    emit_parts(b, outline, (ordered, Order::U32), &parts, exits)
}

/// Is the IPv6 address, as loaded in two times eight bytes, in the set?
pub(in crate::codegen) fn emit_v6(
    b: &mut Builder,
    outline: &mut dyn Outline,
    words: [Reg; 2],
    set: &V6Set,
    exits: Exits,
) -> Result<(), TooLarge> {
    let cuts = cuts(set);
    let slots = Level::new(&cuts, 0).slots();
    check_total(slots)?;
    if slots <= MAX_INLINE {
        emit_level(b, words, 0, &cuts, &mut exits.targets().to_vec());
        return Ok(());
    }
    let mut route = Vec::new();
    let mut targets = Vec::new();
    let mut pieces = Vec::new();
    for piece in cuts.chunks((MAX_FUNCTION * cuts.len() / slots).max(1)) {
        let start = if route.is_empty() { 0 } else { piece[0].0 };
        route.push((start, targets.len()));
        targets.push(b.label());
        let mut piece = piece.to_vec();
        piece[0].0 = 0;
        pieces.push(piece);
    }
    emit_level(b, words, 0, &route, &mut targets.clone());
    for (piece, label) in pieces.iter().zip(targets) {
        b.bind(label);
        let mut body = |b: &mut Builder, params: &[Reg], _: &mut dyn Outline, exits: Exits| {
            let words = [params[0], params[1]];
            emit_level(b, words, 0, piece, &mut exits.targets().to_vec());
        };
        outline::call(b, outline, ("addresses", &words), exits, &mut body);
    }
    Ok(())
}

/// From an address on: an outcome.
type Cut = (u128, usize);

fn cuts(set: &V6Set) -> Vec<Cut> {
    let mut cuts = vec![(0, MISS)];
    for (lo, hi) in set.ranges() {
        if *lo == 0 {
            cuts.clear();
        }
        cuts.push((*lo, HIT));
        cuts.extend(hi.checked_add(1).map(|after| (after, MISS)));
    }
    cuts
}

/// The decision on one 32-bit word of an address.
struct Level {
    /// Over the word. Outcomes from [`Level::FURTHER`] on number `further`.
    parts: Parts,
    /// What words leave open, decided on the words after it.
    further: Vec<Vec<Cut>>,
    number: u32,
}

impl Level {
    const FURTHER: usize = 1 << 32;

    /// `cuts` partition what word `number` and those after it can hold.
    fn new(cuts: &[Cut], number: u32) -> Self {
        let below = 96 - 32 * number;
        let low_mask = (1u128 << below) - 1;
        let all = u128::MAX >> (32 * number);
        let mut level = Self {
            parts: Parts::new(0, u32::MAX.into(), cuts[0].1),
            further: Vec::new(),
            number,
        };
        let mut open: Option<(u128, Vec<Cut>)> = None;
        for (position, (start, to)) in cuts.iter().enumerate() {
            let end = cuts.get(position + 1).map_or(all, |next| next.0 - 1);
            let (mut word, last) = (start >> below, end >> below);
            if start & low_mask != 0 || (word == last && end & low_mask != low_mask) {
                match &mut open {
                    Some((at, inside)) if *at == word => inside.push((start & low_mask, *to)),
                    _ => {
                        level.close(open.take());
                        open = Some((word, vec![(start & low_mask, *to)]));
                    }
                }
                word += 1;
            }
            if word > last {
                continue;
            }
            level.close(open.take());
            let partial = end & low_mask != low_mask;
            if word < last || !partial {
                level.parts.from(word as i128, *to);
            }
            if partial {
                open = Some((last, vec![(0, *to)]));
            }
        }
        level.close(open);
        level
    }

    fn close(&mut self, open: Option<(u128, Vec<Cut>)>) {
        if let Some((word, inside)) = open {
            self.parts
                .from(word as i128, Self::FURTHER + self.further.len());
            self.further.push(inside);
        }
    }

    /// Slots of this decision and those after it.
    fn slots(&self) -> usize {
        let inner = self.further.iter();
        let inner = inner.map(|cuts| 2 + Level::new(cuts, self.number + 1).slots());
        inner.sum::<usize>() + Way::choose(&self.parts).cost().slots as usize
    }
}

/// Decides on word `number` and those after it.
fn emit_level(
    b: &mut Builder,
    words: [Reg; 2],
    number: u32,
    cuts: &[Cut],
    targets: &mut Vec<Label>,
) {
    let level = Level::new(cuts, number);
    let known = targets.len();
    let mut labels: BTreeMap<&[Cut], usize> = BTreeMap::new();
    let mut parts = level.parts.clone();
    for part in &mut parts.parts {
        if let Some(further) = part.to.checked_sub(Level::FURTHER) {
            part.to = *labels.entry(&level.further[further]).or_insert_with(|| {
                targets.push(b.label());
                targets.len() - 1
            });
        }
    }
    let raw = word(b, words, number);
    Way::choose(&parts).write(b, raw, targets);
    let later: BTreeMap<usize, &[Cut]> = labels.iter().map(|(cuts, to)| (*to, *cuts)).collect();
    for (to, cuts) in later {
        b.bind(targets[to]);
        let mut inner = targets[..known].to_vec();
        emit_level(b, words, number + 1, cuts, &mut inner);
    }
    targets.truncate(known);
}

/// Word `number` of the address in the low half of a register.
fn word(b: &mut Builder, words: [Reg; 2], number: u32) -> Reg {
    let pair = words[number as usize / 2];
    if number.is_multiple_of(2) {
        return pair;
    }
    let high = b.mov(pair);
    b.alu(AluOp::Rsh, high, 32);
    high
}

/// How one word in network order is decided on. Only its low 32 bits count.
enum Way {
    /// Single values, compared as they lie.
    Raw(Tree),
    /// A few aligned ranges, compared under their masks.
    Masked { tests: Vec<Masked>, rest: usize },
    /// Intervals of the number.
    Ordered(Tree),
}

/// The values under one mask that lead somewhere.
struct Masked {
    prefix: u32,
    values: Vec<(u32, usize)>,
}

/// Most aligned ranges that are compared under masks.
const MAX_MASKED: usize = 6;

impl Way {
    fn choose(parts: &Parts) -> Self {
        let ordered = Self::Ordered(Tree::plan(parts, Order::U32));
        if matches!(&ordered, Self::Ordered(Tree::Go(_))) {
            return ordered;
        }
        let rest = rest(parts);
        let ways = [raw(parts, rest), masked(parts, rest), Some(ordered)];
        let ways = ways.into_iter().flatten();
        ways.min_by_key(|way| way.cost().weight())
            .expect("the ordered way is always there")
    }

    fn cost(&self) -> Cost {
        match self {
            Self::Raw(tree) => tree.cost(Order::U32),
            Self::Masked { tests, .. } => {
                let one =
                    |test: &Masked| test.values.len() as u32 + u32::from(test.prefix < 32) * 2;
                let sum = tests.iter().map(one).sum::<u32>() + 1;
                Cost::default().plus(sum, sum)
            }
            Self::Ordered(Tree::Go(_)) => Cost { slots: 1, steps: 1 },
            Self::Ordered(tree) => tree.cost(Order::U32).plus(2, 2),
        }
    }

    fn write(&self, b: &mut Builder, raw: Reg, targets: &[Label]) {
        match self {
            Self::Raw(tree) => tree.write(b, raw, Order::U32, targets),
            Self::Masked { tests, rest } => {
                for test in tests {
                    let masked = match test.prefix {
                        32 => raw,
                        prefix => {
                            let masked = b.mov32(raw);
                            let mask = u32::MAX << (32 - prefix);
                            b.alu32(AluOp::And, masked, mask.swap_bytes() as i32);
                            masked
                        }
                    };
                    for (value, to) in &test.values {
                        let value = value.swap_bytes().into();
                        compare(b, (masked, Order::U32), Cond::Eq, value, targets[*to]);
                    }
                }
                b.jump(targets[*rest]);
            }
            Self::Ordered(tree @ Tree::Go(_)) => tree.write(b, raw, Order::U32, targets),
            Self::Ordered(tree) => {
                let ordered = in_order(b, raw);
                tree.write(b, ordered, Order::U32, targets);
            }
        }
    }
}

/// The outcome of most values.
fn rest(parts: &Parts) -> usize {
    let mut widths: BTreeMap<usize, i128> = BTreeMap::new();
    for (lo, hi, to) in parts.intervals() {
        *widths.entry(to).or_default() += hi - lo + 1;
    }
    let widest = widths.into_iter().max_by_key(|(_, width)| *width);
    widest.map_or(MISS, |(to, _)| to)
}

fn raw(parts: &Parts, rest: usize) -> Option<Way> {
    let mut values = Vec::new();
    for (lo, hi, to) in parts.intervals().filter(|(.., to)| *to != rest) {
        if lo != hi {
            return None;
        }
        values.push((i128::from((lo as u32).swap_bytes()), to));
    }
    values.sort_unstable();
    let mut swapped = Parts::new(0, u32::MAX.into(), rest);
    for (value, to) in values {
        swapped.add(value, value, to, rest);
    }
    Some(Way::Raw(Tree::plan(&swapped, Order::U32)))
}

fn masked(parts: &Parts, rest: usize) -> Option<Way> {
    let mut tests: Vec<Masked> = Vec::new();
    let mut count = 0;
    for (lo, hi, to) in parts.intervals().filter(|(.., to)| *to != rest) {
        let (mut lo, hi) = (lo as u64, hi as u64);
        while lo <= hi {
            count += 1;
            if count > MAX_MASKED {
                return None;
            }
            let room = 63 - (hi - lo + 1).leading_zeros();
            let bits = lo.trailing_zeros().min(room);
            let (prefix, value) = (32 - bits, (lo as u32, to));
            match tests.iter_mut().find(|test| test.prefix == prefix) {
                Some(test) => test.values.push(value),
                None => tests.push(Masked {
                    prefix,
                    values: vec![value],
                }),
            }
            lo += 1 << bits;
        }
    }
    tests.sort_by_key(|test| std::cmp::Reverse(test.prefix));
    Some(Way::Masked { tests, rest })
}

/// The word in host order.
fn in_order(b: &mut Builder, raw: Reg) -> Reg {
    let ordered = b.mov(raw);
    b.to_be(ordered, 32);
    ordered
}

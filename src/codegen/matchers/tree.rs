//! Decision trees over the intervals of a number.
//!
//! In: a partition of a number's values into intervals, each with an outcome.
//! Out: compares and jumps. A tree is planned first, so that callers can weigh its
//! [`Cost`] against other ways.
//!
//! Forms: a cut in two halves; a few single values one after the other; a bitmap of
//! up to 64 neighbours.

use crate::codegen::mir::{AluOp, Builder, Cond, Label, Reg, Width};

/// How the values of a register compare.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub width: Width,
    pub signed: bool,
}

impl Order {
    pub(super) const U32: Self = Self {
        width: Width::W32,
        signed: false,
    };
    pub(super) const U64: Self = Self {
        width: Width::W64,
        signed: false,
    };
}

/// The values from `start` up to the next part's start, and what they lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub start: i128,
    /// Index into the targets given to [`Tree::write`].
    pub to: usize,
}

/// A partition: parts in ascending order; the first begins at the smallest value.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub parts: Vec<Part>,
    /// The greatest value.
    pub last: i128,
}

impl Parts {
    /// The partition in which everything leads to `rest`, except what [`Self::add`] adds.
    pub(super) fn new(first: i128, last: i128, rest: usize) -> Self {
        let parts = vec![Part {
            start: first,
            to: rest,
        }];
        Self { parts, last }
    }

    /// Makes `lo..=hi` lead to `to`, and what follows to `rest`. Ranges come in ascending order.
    pub(super) fn add(&mut self, lo: i128, hi: i128, to: usize, rest: usize) {
        self.from(lo, to);
        if hi < self.last {
            self.from(hi + 1, rest);
        }
    }

    /// Makes everything from `start` on lead to `to`.
    pub(super) fn from(&mut self, start: i128, to: usize) {
        if self.parts.last().is_some_and(|part| part.start == start) {
            self.parts.pop();
        }
        if self.parts.last().is_none_or(|part| part.to != to) {
            self.parts.push(Part { start, to });
        }
    }

    /// Each part as `(first, last, outcome)`.
    pub(super) fn intervals(&self) -> impl Iterator<Item = (i128, i128, usize)> {
        let ends = self.parts.iter().skip(1).map(|next| next.start - 1);
        let ends = ends.chain([self.last]);
        let with_end = self.parts.iter().zip(ends);
        with_end.map(|(part, end)| (part.start, end, part.to))
    }
}

/// Slots of code, and instructions run on the longest way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub slots: u32,
    pub steps: u32,
}

impl Cost {
    /// What to minimise: speed first, but not at any size.
    pub(super) fn weight(self) -> u32 {
        4 * self.steps + self.slots
    }

    pub(super) fn plus(self, slots: u32, steps: u32) -> Self {
        Self {
            slots: self.slots + slots,
            steps: self.steps + steps,
        }
    }
}

/// A planned decision.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Go(usize),
    /// Single values, tried in order.
    Points {
        points: Vec<(i128, usize)>,
        rest: usize,
    },
    Cut {
        at: i128,
        below: Box<Tree>,
        above: Box<Tree>,
    },
    /// `mask` has a bit for each of the values from `base` on.
    Bits {
        base: i32,
        mask: u64,
        set: usize,
        clear: usize,
    },
}

/// Longest row of single values.
const MAX_POINTS: usize = 3;

impl Tree {
    pub(super) fn plan(parts: &Parts, order: Order) -> Self {
        Self::plan_slice(&parts.parts, parts.last, order)
    }

    fn plan_slice(parts: &[Part], last: i128, order: Order) -> Self {
        if let [part] = parts {
            return Self::Go(part.to);
        }
        if let Some(points) = points(parts, last) {
            return points;
        }
        let middle = parts.len() / 2;
        let (below, above) = parts.split_at(middle);
        let at = above[0].start;
        let tree = Self::Cut {
            at,
            below: Box::new(Self::plan_slice(below, at - 1, order)),
            above: Box::new(Self::plan_slice(above, last, order)),
        };
        match bits(parts, order) {
            Some(bits) if bits.cost(order).weight() < tree.cost(order).weight() => bits,
            _ => tree,
        }
    }

    pub(super) fn cost(&self, order: Order) -> Cost {
        match self {
            Self::Go(_) => Cost { slots: 1, steps: 1 },
            Self::Points { points, .. } => {
                let compares = points.iter().map(|(value, _)| compare_cost(*value, order));
                let sum = compares.fold(Cost::default(), |sum, one| sum.plus(one.slots, one.steps));
                sum.plus(1, 1)
            }
            Self::Cut { at, below, above } => {
                let (below, above) = (below.arm_cost(order), above.arm_cost(order));
                let one = compare_cost(*at, order);
                Cost {
                    slots: below.slots + above.slots + one.slots,
                    steps: below.steps.max(above.steps) + one.steps,
                }
            }
            Self::Bits { base, mask, .. } => {
                let shift = if *base == 0 { 0 } else { 2 };
                let wide = u32::from(u32::try_from(*mask).is_err());
                Cost {
                    slots: 5 + shift + wide,
                    steps: 5 + shift,
                }
            }
        }
    }

    /// An arm that leads straight to a target needs no jump of its own.
    fn arm_cost(&self, order: Order) -> Cost {
        match self {
            Self::Go(_) => Cost::default(),
            tree => tree.cost(order),
        }
    }

    /// Emits the tree. Never falls through.
    pub(super) fn write(&self, b: &mut Builder, reg: Reg, order: Order, targets: &[Label]) {
        match self {
            Self::Go(to) => b.jump(targets[*to]),
            Self::Points { points, rest } => {
                for (value, to) in points {
                    compare(b, (reg, order), Cond::Eq, *value, targets[*to]);
                }
                b.jump(targets[*rest]);
            }
            Self::Cut { at, below, above } => match (&**below, &**above) {
                (Self::Go(to), above) => {
                    compare(b, (reg, order), below_cond(order), *at, targets[*to]);
                    above.write(b, reg, order, targets);
                }
                (below, Self::Go(to)) => {
                    compare(b, (reg, order), above_cond(order), *at, targets[*to]);
                    below.write(b, reg, order, targets);
                }
                (below, above) => {
                    let upper = b.label();
                    compare(b, (reg, order), above_cond(order), *at, upper);
                    below.write(b, reg, order, targets);
                    b.bind(upper);
                    above.write(b, reg, order, targets);
                }
            },
            Self::Bits {
                base,
                mask,
                set,
                clear,
            } => write_bits(
                b,
                (reg, order),
                (*base, *mask),
                targets[*set],
                targets[*clear],
            ),
        }
    }
}

/// Parts that are all alike but for a few single values.
fn points(parts: &[Part], last: i128) -> Option<Tree> {
    let ends = parts
        .iter()
        .skip(1)
        .map(|next| next.start - 1)
        .chain([last]);
    let mut rest = None;
    let mut singles = Vec::new();
    for (part, end) in parts.iter().zip(ends) {
        if part.start == end {
            singles.push((part.start, part.to));
        } else if *rest.get_or_insert(part.to) != part.to {
            return None;
        }
        if singles.len() > MAX_POINTS + 1 {
            return None;
        }
    }
    let rest = match rest {
        Some(rest) => rest,
        None => singles.pop()?.1,
    };
    singles.retain(|(_, to)| *to != rest);
    let points = singles;
    (points.len() <= MAX_POINTS).then_some(Tree::Points { points, rest })
}

/// A bitmap, if two outcomes alternate within 64 values and both ends lead to the same.
fn bits(parts: &[Part], order: Order) -> Option<Tree> {
    let (first, inner, last) = match parts {
        [first, inner @ .., last] if first.to == last.to => (first, inner, last),
        _ => return None,
    };
    let clear = first.to;
    let set = inner.iter().find(|part| part.to != clear)?.to;
    if inner.iter().any(|part| part.to != clear && part.to != set) {
        return None;
    }
    let start = inner.first()?.start;
    let base = if (0..64).contains(&start) && last.start <= 64 && first.start >= 0 {
        0
    } else {
        start
    };
    if last.start - base > 64 {
        return None;
    }
    let base_bits = match order.width {
        Width::W32 => base as i32,
        Width::W64 => i32::try_from(base).ok()?,
    };
    // The offset is negated to add it.
    base_bits.checked_neg()?;
    let mut mask = 0u64;
    let ends = parts[2..].iter().map(|next| next.start);
    for (part, end) in inner.iter().zip(ends) {
        if part.to == set {
            (part.start..end).for_each(|value| mask |= 1 << (value - base));
        }
    }
    Some(Tree::Bits {
        base: base_bits,
        mask,
        set,
        clear,
    })
}

fn write_bits(
    b: &mut Builder,
    (reg, order): (Reg, Order),
    (base, mask): (i32, u64),
    set: Label,
    clear: Label,
) {
    let index = match (base, order.width) {
        (0, _) => reg,
        (_, Width::W32) => {
            let index = b.mov32(reg);
            b.alu32(AluOp::Add, index, -base);
            index
        }
        (_, Width::W64) => {
            let index = b.mov(reg);
            b.alu(AluOp::Add, index, -base);
            index
        }
    };
    let top = 63 - mask.leading_zeros() as i32;
    match order.width {
        Width::W32 => b.branch32(Cond::Gt, index, top, clear),
        Width::W64 => b.branch(Cond::Gt, index, top, clear),
    }
    let bits = match u32::try_from(mask) {
        Ok(small) => b.mov32(small as i32),
        Err(_) => b.constant(mask),
    };
    b.alu(AluOp::Rsh, bits, index);
    b.branch(Cond::Set, bits, 1, set);
    b.jump(clear);
}

fn below_cond(order: Order) -> Cond {
    if order.signed { Cond::Slt } else { Cond::Lt }
}

fn above_cond(order: Order) -> Cond {
    if order.signed { Cond::Sge } else { Cond::Ge }
}

/// The immediate for a compare with `value`, if it has room in an instruction.
fn immediate(value: i128, width: Width) -> Option<i32> {
    match width {
        Width::W32 => Some(value as i32),
        Width::W64 => i32::try_from(value as i64).ok(),
    }
}

fn compare_cost(value: i128, order: Order) -> Cost {
    match immediate(value, order.width) {
        Some(_) => Cost { slots: 1, steps: 1 },
        None => Cost { slots: 3, steps: 2 },
    }
}

/// Jumps if `reg cond value`.
pub(super) fn compare(
    b: &mut Builder,
    (reg, order): (Reg, Order),
    cond: Cond,
    value: i128,
    target: Label,
) {
    match (immediate(value, order.width), order.width) {
        (Some(small), Width::W32) => b.branch32(cond, reg, small, target),
        (Some(small), Width::W64) => b.branch(cond, reg, small, target),
        (None, _) => {
            let constant = b.constant(value as u64);
            b.branch(cond, reg, constant, target);
        }
    }
}

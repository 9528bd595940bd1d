//! When types of two kernels count as the same.

use super::{Btf, Kind, MAX_DEPTH, StrOff, TypeId, essential_name};
use crate::btf::encoding;

/// Equal kinds; `ENUM` and `ENUM64` are one.
pub(super) fn same_kind(a: &Kind, b: &Kind) -> bool {
    (a.is_enum() && b.is_enum()) || a.raw() == b.raw()
}

/// Whether a member of one type may stand for a member of the other.
pub(super) fn fields(ours: &Btf, a: TypeId, theirs: &Btf, b: TypeId) -> bool {
    let (mut a, mut b) = (a, b);
    for _ in 0..MAX_DEPTH {
        let (Some((_, x)), Some((_, y))) = (ours.resolve(a), theirs.resolve(b)) else {
            return false;
        };
        if x.kind.is_composite() && y.kind.is_composite() {
            return true;
        }
        if !same_kind(&x.kind, &y.kind) {
            return false;
        }
        match (&x.kind, &y.kind) {
            (Kind::Array { elem: x, .. }, Kind::Array { elem: y, .. }) => (a, b) = (*x, *y),
            (Kind::Ptr(_), _) | (Kind::Float { .. }, _) => return true,
            (Kind::Int { offset: x, .. }, Kind::Int { offset: y, .. }) => {
                return *x == 0 && *y == 0;
            }
            (Kind::Enum { .. } | Kind::Fwd { .. }, _) => {
                return names(ours, x.name, theirs, y.name);
            }
            _ => return false,
        }
    }
    false
}

/// One is anonymous, or both have the same name without flavour.
fn names(ours: &Btf, a: StrOff, theirs: &Btf, b: StrOff) -> bool {
    let (a, b) = (essential_name(ours.str(a)), essential_name(theirs.str(b)));
    a.is_empty() || b.is_empty() || a == b
}

/// Whether two types are alike enough for the type-based relocations.
pub(super) fn types(ours: &Btf, a: TypeId, theirs: &Btf, b: TypeId) -> bool {
    match (ours.ty(a), theirs.ty(b)) {
        (Some(x), Some(y)) => {
            let mut budget = MAX_TYPES;
            same_kind(&x.kind, &y.kind) && alike(ours, a, theirs, b, &mut budget)
        }
        _ => false,
    }
}

/// Budget of type pairs that one comparison may visit.
const MAX_TYPES: usize = 256;

fn alike(ours: &Btf, a: TypeId, theirs: &Btf, b: TypeId, budget: &mut usize) -> bool {
    let Some(left) = budget.checked_sub(1) else {
        return false;
    };
    *budget = left;
    let (x, y) = match (ours.resolve(a), theirs.resolve(b)) {
        (Some((_, x)), Some((_, y))) => (x, y),
        // Both `void`.
        (None, None) => return true,
        _ => return false,
    };
    if !same_kind(&x.kind, &y.kind) {
        return false;
    }
    match (&x.kind, &y.kind) {
        (Kind::Int { offset: x, .. }, Kind::Int { offset: y, .. }) => *x == 0 && *y == 0,
        (Kind::Ptr(x), Kind::Ptr(y)) => alike(ours, *x, theirs, *y, budget),
        (Kind::Array { elem: x, .. }, Kind::Array { elem: y, .. }) => {
            alike(ours, *x, theirs, *y, budget)
        }
        (Kind::FuncProto { ret, params }, Kind::FuncProto { ret: r, params: p }) => {
            params.len() == p.len()
                && params
                    .iter()
                    .zip(p)
                    .all(|(x, y)| alike(ours, x.ty, theirs, y.ty, budget))
                && alike(ours, *ret, theirs, *r, budget)
        }
        (x, _) => x.is_composite() || x.is_enum() || matches!(x, Kind::Fwd { .. }),
    }
}

/// Whether loads of both leave zeros above the value, so that the size of the load may change.
pub(super) fn both_zero_extend(ours: &Btf, a: TypeId, theirs: &Btf, b: TypeId) -> bool {
    let kinds = ours.resolve(a).zip(theirs.resolve(b));
    match kinds.map(|((_, x), (_, y))| (&x.kind, &y.kind)) {
        Some((Kind::Ptr(_), Kind::Ptr(_))) => true,
        Some((Kind::Int { encoding: x, .. }, Kind::Int { encoding: y, .. })) => {
            (*x | *y) & encoding::SIGNED == 0
        }
        _ => false,
    }
}

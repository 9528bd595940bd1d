//! Offsets, sizes and shifts of a member.

use super::spec::Spec;
use super::{Btf, Kind, RelocKind, Value};
use crate::btf::encoding;

/// `None` if the member is a bit-field that no load of up to eight bytes covers, or has no size.
pub(super) fn value(btf: &Btf, spec: &Spec<'_>, kind: RelocKind) -> Option<Value> {
    if kind == RelocKind::FieldExists {
        return Some(Value::plain(1));
    }
    if spec.bits == 0 {
        return whole(btf, spec, kind);
    }
    let window = Window::around(spec, btf.size_of(spec.leaf)?)?;
    Some(Value {
        fixed: matches!(kind, RelocKind::FieldSigned | RelocKind::FieldRshiftU64),
        ..Value::plain(window.value(btf, spec, kind))
    })
}

/// A member that begins and ends at bytes.
fn whole(btf: &Btf, spec: &Spec<'_>, kind: RelocKind) -> Option<Value> {
    let size = btf.size_of(spec.leaf)?;
    let window = Window {
        start: spec.bit_offset / 8,
        size,
    };
    Some(Value {
        field: (kind == RelocKind::FieldByteOffset).then_some((size, spec.leaf)),
        ..Value::plain(window.value(btf, spec, kind))
    })
}

/// The bytes that a load of the member reads.
struct Window {
    start: u32,
    size: u32,
}

impl Window {
    /// The smallest aligned load that covers a bit-field.
    fn around(spec: &Spec<'_>, leaf_size: u32) -> Option<Self> {
        let end = spec.bit_offset.checked_add(spec.bits)?;
        let mut size = leaf_size.max(1);
        loop {
            let start = spec.bit_offset / 8 / size * size;
            if end - start * 8 <= size.checked_mul(8)? {
                return Some(Self { start, size });
            }
            if size >= 8 {
                return None;
            }
            size *= 2;
        }
    }

    fn value(&self, btf: &Btf, spec: &Spec<'_>, kind: RelocKind) -> u64 {
        let bits = match spec.bits {
            0 => self.size.saturating_mul(8),
            bits => bits,
        };
        let end = (spec.bit_offset - self.start * 8).saturating_add(bits);
        u64::from(match kind {
            RelocKind::FieldByteOffset => self.start,
            RelocKind::FieldByteSize => self.size,
            RelocKind::FieldSigned => is_signed(btf, spec).into(),
            // Little endian: move the member's end up to bit 63, then its start down to bit 0.
            RelocKind::FieldLshiftU64 => 64u32.saturating_sub(end),
            RelocKind::FieldRshiftU64 => 64u32.saturating_sub(bits),
            _ => 1,
        })
    }
}

fn is_signed(btf: &Btf, spec: &Spec<'_>) -> bool {
    match btf.resolve(spec.leaf).map(|(_, ty)| &ty.kind) {
        Some(Kind::Int { encoding: e, .. }) => e & encoding::SIGNED != 0,
        Some(Kind::Enum { signed, .. }) => *signed,
        _ => false,
    }
}

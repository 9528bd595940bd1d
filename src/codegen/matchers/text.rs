//! Bytes in memory against strings, prefixes and endings.

use crate::codegen::mir::{AluOp, Builder, Cond, Reg, Size};
use crate::codegen::values::Text;
use crate::ir::{TextMatch, TextValue};

use super::Exits;

/// Does the text equal, start with or end with one of the values?
pub(in crate::codegen) fn emit(
    b: &mut Builder,
    text: &Text,
    how: TextMatch,
    values: &[TextValue],
    exits: Exits,
) {
    let end = match how {
        TextMatch::Postfix => {
            let end = b.mov(text.base);
            b.alu(AluOp::Add, end, text.len);
            Some(end)
        }
        TextMatch::Equal | TextMatch::Prefix => None,
    };
    for value in values {
        let next = b.label();
        let len = value.bytes.len() as i32;
        let wrong = if how == TextMatch::Equal {
            Cond::Ne
        } else {
            Cond::Lt
        };
        b.branch(wrong, text.len, len, next);
        let (base, offset) = match end {
            Some(end) => (end, text.offset - len as i16),
            None => (text.base, text.offset),
        };
        compare(b, base, offset, &value.bytes, next);
        b.jump(exits.hit);
        b.bind(next);
    }
    b.jump(exits.miss);
}

/// Jumps to `differs` unless the bytes lie at the place.
fn compare(
    b: &mut Builder,
    base: Reg,
    mut offset: i16,
    mut bytes: &[u8],
    differs: crate::codegen::mir::Label,
) {
    while !bytes.is_empty() {
        let size = match bytes.len() {
            8.. => Size::B8,
            4.. => Size::B4,
            2.. => Size::B2,
            _ => Size::B1,
        };
        let (word, rest) = bytes.split_at(size.bytes() as usize);
        let mut raw = [0; 8];
        raw[..word.len()].copy_from_slice(word);
        let wanted = b.constant(u64::from_le_bytes(raw));
        let found = b.load(size, base, offset);
        b.branch(Cond::Ne, found, wanted, differs);
        offset += size.bytes() as i16;
        bytes = rest;
    }
}

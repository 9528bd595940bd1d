//! Types to bytes.

use super::types::{MAGIC, VERSION};
use super::{Btf, Kind, Member, Type};

const HEADER_LEN: u32 = 24;

/// Type and string sections with their header.
pub(super) fn encode(btf: &Btf) -> Vec<u8> {
    let mut types = Vec::new();
    for ty in btf.own_types() {
        put_type(&mut types, ty);
    }
    let strings = btf.own_strings();
    let mut out = Vec::with_capacity(HEADER_LEN as usize + types.len() + strings.len());
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.push(VERSION);
    out.push(0);
    put_all(
        &mut out,
        [HEADER_LEN, 0, len(&types), len(&types), len(strings)],
    );
    out.extend_from_slice(&types);
    out.extend_from_slice(strings);
    out
}

fn len<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("sections stay below 4 GiB")
}

fn put(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_le_bytes());
}

fn put_all<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    for word in words {
        put(out, word);
    }
}

fn put_type(out: &mut Vec<u8>, ty: &Type) {
    let (vlen, flag, size_or_type) = common(&ty.kind);
    put(out, ty.name.0);
    put(
        out,
        vlen | (u32::from(ty.kind.raw()) << 24) | (u32::from(flag) << 31),
    );
    put(out, size_or_type);
    put_rest(out, &ty.kind);
}

/// `vlen`, `kind_flag` and the third word of a type.
fn common(kind: &Kind) -> (u32, bool, u32) {
    match kind {
        Kind::Int { size, .. } | Kind::Float { size } => (0, false, *size),
        Kind::Struct { size, members } | Kind::Union { size, members } => {
            (len(members), has_bitfield(members), *size)
        }
        Kind::Enum {
            size,
            signed,
            values,
            ..
        } => (len(values), *signed, *size),
        Kind::Fwd { union } => (0, *union, 0),
        Kind::Func { proto, linkage } => (linkage.raw(), false, proto.0),
        Kind::FuncProto { ret, params } => (len(params), false, ret.0),
        Kind::Datasec { size, vars } => (len(vars), false, *size),
        Kind::DeclTag { ty, attribute, .. } | Kind::TypeTag { ty, attribute } => {
            (0, *attribute, ty.0)
        }
        Kind::Array { .. } | Kind::Unknown { .. } => (0, false, 0),
        Kind::Ptr(ty)
        | Kind::Typedef(ty)
        | Kind::Volatile(ty)
        | Kind::Const(ty)
        | Kind::Restrict(ty)
        | Kind::Var { ty, .. } => (0, false, ty.0),
    }
}

fn has_bitfield(members: &[Member]) -> bool {
    members.iter().any(|m| m.bits != 0)
}

/// What follows the three common words.
fn put_rest(out: &mut Vec<u8>, kind: &Kind) {
    match kind {
        Kind::Int {
            encoding,
            offset,
            bits,
            ..
        } => put(
            out,
            (u32::from(*encoding) << 24) | (u32::from(*offset) << 16) | u32::from(*bits),
        ),
        Kind::Array { elem, index, len } => {
            put_all(out, [elem.0, index.0, *len]);
        }
        Kind::Struct { members, .. } | Kind::Union { members, .. } => {
            let flag = has_bitfield(members);
            for m in members {
                let width = if flag { u32::from(m.bits) << 24 } else { 0 };
                put_all(out, [m.name.0, m.ty.0, m.bit_offset | width]);
            }
        }
        Kind::Enum { wide, values, .. } => {
            for v in values {
                put(out, v.name.0);
                let bytes = v.value.to_le_bytes();
                out.extend_from_slice(if *wide { &bytes } else { &bytes[..4] });
            }
        }
        Kind::FuncProto { params, .. } => {
            for p in params {
                put_all(out, [p.name.0, p.ty.0]);
            }
        }
        Kind::Var { linkage, .. } => put(out, linkage.raw()),
        Kind::Datasec { vars, .. } => {
            for v in vars {
                put_all(out, [v.ty.0, v.offset, v.size]);
            }
        }
        Kind::DeclTag { component, .. } => out.extend_from_slice(&component.to_le_bytes()),
        _ => {}
    }
}

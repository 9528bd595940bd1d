//! Bytes to types, and lookups.

use std::sync::Arc;

use super::reader::{Reader, slice};
use super::types::{MAGIC, VERSION, raw};
use super::{
    EnumValue, Error, Kind, Linkage, Member, Param, SecVar, StrOff, Type, TypeId, core, encode,
};

/// Longest chain of typedefs and modifiers, and deepest array, that lookups follow.
const MAX_DEPTH: usize = 64;

/// A type table with its strings; for split BTF (kernel modules) on top of a base.
#[derive(Clone, Debug)]
pub struct Btf {
    types: Vec<Type>,
    strings: Vec<u8>,
    base: Option<Arc<Btf>>,
    /// Id of `types[0]`.
    first: u32,
    /// String offset of `strings[0]`.
    first_str: u32,
    /// (hash of the name without flavour, id), sorted.
    names: Vec<(u32, u32)>,
}

impl Btf {
    /// Decodes a whole `.BTF` section or `/sys/kernel/btf/vmlinux`.
    pub fn decode(bytes: &[u8]) -> Result<Btf, Error> {
        Self::decode_on(bytes, None)
    }

    /// Decodes split BTF (`/sys/kernel/btf/<module>`), whose ids and strings continue those of `base`.
    pub fn decode_split(bytes: &[u8], base: Arc<Btf>) -> Result<Btf, Error> {
        Self::decode_on(bytes, Some(base))
    }

    fn decode_on(bytes: &[u8], base: Option<Arc<Btf>>) -> Result<Btf, Error> {
        let sections = Sections::decode(bytes, base.is_some())?;
        let first = base.as_ref().map_or(1, |b| b.end());
        let types = decode_types(sections.types, &sections.layout, first)?;
        let mut btf = Btf {
            types,
            strings: sections.strings.to_vec(),
            first,
            first_str: base.as_ref().map_or(0, |b| b.str_end()),
            base,
            names: Vec::new(),
        };
        btf.index();
        Ok(btf)
    }

    pub(super) fn from_parts(types: Vec<Type>, strings: Vec<u8>) -> Btf {
        let mut btf = Btf {
            types,
            strings,
            base: None,
            first: 1,
            first_str: 0,
            names: Vec::new(),
        };
        btf.index();
        btf
    }

    /// The `.BTF` section for these types (without those of the base).
    pub fn encode(&self) -> Vec<u8> {
        encode::encode(self)
    }

    fn index(&mut self) {
        let mut names: Vec<(u32, u32)> = Vec::with_capacity(self.types.len());
        for (id, ty) in (self.first..).zip(&self.types) {
            if ty.name != StrOff(0) {
                names.push((hash(core::essential_name(self.str(ty.name))), id));
            }
        }
        names.sort_unstable();
        self.names = names;
    }

    /// One past the last id.
    pub fn end(&self) -> u32 {
        self.first
            .saturating_add(u32::try_from(self.types.len()).unwrap_or(u32::MAX))
    }

    fn str_end(&self) -> u32 {
        self.first_str
            .saturating_add(u32::try_from(self.strings.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn own_types(&self) -> &[Type] {
        &self.types
    }

    pub(super) fn own_strings(&self) -> &[u8] {
        &self.strings
    }

    /// Types of this table in order of id, for changes in place (not those of the base). Names must stay.
    pub fn types_mut(&mut self) -> impl Iterator<Item = &mut Type> {
        self.types.iter_mut()
    }

    /// (id, type) of this table in order of id (not those of the base).
    pub fn types(&self) -> impl Iterator<Item = (TypeId, &Type)> {
        (self.first..).map(TypeId).zip(&self.types)
    }

    /// The type with this id; `None` for `void` and for ids outside the table.
    pub fn ty(&self, id: TypeId) -> Option<&Type> {
        match id.0.checked_sub(self.first) {
            Some(i) => self.types.get(i as usize),
            None => self.base.as_ref()?.ty(id),
        }
    }

    /// The string at an offset; empty if the offset is outside the table or not UTF-8.
    pub fn str(&self, off: StrOff) -> &str {
        let Some(start) = off.0.checked_sub(self.first_str) else {
            return self.base.as_ref().map_or("", |b| b.str(off));
        };
        let tail = self.strings.get(start as usize..).unwrap_or(&[]);
        let text = tail.split(|&b| b == 0).next().unwrap_or(&[]);
        std::str::from_utf8(text).unwrap_or("")
    }

    /// Name of a type; empty if it has none.
    pub fn name(&self, id: TypeId) -> &str {
        self.ty(id).map_or("", |ty| self.str(ty.name))
    }

    /// Ids whose name without flavour is `name` (which has none), ascending, those of the base first.
    pub fn named<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = TypeId> + 'a> {
        let key = hash(name);
        let from = self.names.partition_point(|&(h, _)| h < key);
        let own = self.names[from..]
            .iter()
            .take_while(move |&&(h, _)| h == key)
            .map(|&(_, id)| TypeId(id))
            .filter(move |&id| core::essential_name(self.name(id)) == name);
        match &self.base {
            Some(base) => Box::new(base.named(name).chain(own)),
            None => Box::new(own),
        }
    }

    /// The first type with exactly this name that `accept`s.
    pub fn find(&self, name: &str, accept: impl Fn(&Kind) -> bool) -> Option<TypeId> {
        let bare = core::essential_name(name);
        self.named(bare)
            .find(|&id| self.name(id) == name && self.ty(id).is_some_and(|ty| accept(&ty.kind)))
    }

    /// A kernel or program function: its id, which attaching needs.
    pub fn function(&self, name: &str) -> Option<TypeId> {
        self.find(name, |kind| matches!(kind, Kind::Func { .. }))
    }

    /// Return type and parameters of a function.
    pub fn signature(&self, function: TypeId) -> Option<(TypeId, &[Param])> {
        let Kind::Func { proto, .. } = self.ty(function)?.kind else {
            return None;
        };
        match &self.ty(proto)?.kind {
            Kind::FuncProto { ret, params } => Some((*ret, params)),
            _ => None,
        }
    }

    /// Follows typedefs, `const`, `volatile`, `restrict` and type tags. `None` for `void`.
    pub fn resolve(&self, mut id: TypeId) -> Option<(TypeId, &Type)> {
        for _ in 0..MAX_DEPTH {
            let ty = self.ty(id)?;
            match ty.kind.alias_of() {
                Some(next) => id = next,
                None => return Some((id, ty)),
            }
        }
        None
    }

    /// Size in bytes on a 64-bit machine; `None` for types without one.
    pub fn size_of(&self, id: TypeId) -> Option<u32> {
        let mut id = id;
        let mut count = 1u32;
        for _ in 0..MAX_DEPTH {
            let size = match &self.resolve(id)?.1.kind {
                Kind::Int { size, .. }
                | Kind::Struct { size, .. }
                | Kind::Union { size, .. }
                | Kind::Enum { size, .. }
                | Kind::Datasec { size, .. }
                | Kind::Float { size } => *size,
                Kind::Ptr(_) => 8,
                Kind::Var { ty, .. } => {
                    id = *ty;
                    continue;
                }
                Kind::Array { elem, len, .. } => {
                    count = count.checked_mul(*len)?;
                    id = *elem;
                    continue;
                }
                _ => return None,
            };
            return size.checked_mul(count);
        }
        None
    }
}

/// FNV-1a; only equality matters.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |h, b| {
        (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
    })
}

/// Extra bytes of a kind: fixed, and for each of `vlen` elements.
#[derive(Clone, Copy)]
struct Layout {
    fixed: u8,
    element: u8,
}

struct Sections<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// By kind; from Linux 7.2 on.
    layout: Vec<Layout>,
}

impl<'a> Sections<'a> {
    fn decode(bytes: &'a [u8], split: bool) -> Result<Self, Error> {
        let mut r = Reader::new(bytes, "header");
        if r.u16()? != MAGIC {
            return Err(Error::Magic);
        }
        let version = r.u8()?;
        if version != VERSION {
            return Err(Error::Version(version));
        }
        r.u8()?;
        let header_len = r.u32()?;
        let [type_off, type_len, str_off, str_len] = [r.u32()?, r.u32()?, r.u32()?, r.u32()?];
        let body = bytes
            .get(header_len as usize..)
            .ok_or(Error::Truncated("header"))?;
        let strings = slice(body, str_off, str_len, "strings")?;
        let terminated = strings.last() == Some(&0) && (split || strings.first() == Some(&0));
        if !(terminated || split && strings.is_empty()) {
            return Err(Error::Strings);
        }
        let layout = match header_len {
            32.. => {
                let (off, len) = (r.u32()?, r.u32()?);
                slice(body, off, len, "layout table")?
                    .chunks_exact(4)
                    .map(|c| Layout {
                        fixed: c[0],
                        element: c[1],
                    })
                    .collect()
            }
            _ => Vec::new(),
        };
        let types = slice(body, type_off, type_len, "types")?;
        Ok(Self {
            types,
            strings,
            layout,
        })
    }
}

fn decode_types(bytes: &[u8], layout: &[Layout], first: u32) -> Result<Vec<Type>, Error> {
    let mut r = Reader::new(bytes, "types");
    // The shortest type has three words.
    let mut types = Vec::with_capacity(bytes.len() / 24);
    let mut id = first;
    while !r.is_empty() {
        types.push(decode_type(&mut r, layout, id)?);
        id = id.saturating_add(1);
    }
    Ok(types)
}

fn decode_type(r: &mut Reader<'_>, layout: &[Layout], id: u32) -> Result<Type, Error> {
    let name = StrOff(r.u32()?);
    let info = r.u32()?;
    let word = r.u32()?;
    // 5 bits of kind and 16 of vlen up to Linux 7.1, 7 and 24 since; the others were zero.
    let common = Common {
        kind: ((info >> 24) & 0x7f) as u8,
        vlen: info & 0x00ff_ffff,
        flag: info >> 31 != 0,
        word,
    };
    let kind = match common.kind {
        raw::STRUCT | raw::UNION | raw::ENUM | raw::ENUM64 | raw::FUNC_PROTO | raw::DATASEC => {
            decode_list(r, common)?
        }
        _ => decode_single(r, common, layout, id)?,
    };
    Ok(Type { name, kind })
}

#[derive(Clone, Copy)]
struct Common {
    kind: u8,
    vlen: u32,
    flag: bool,
    /// Size or type.
    word: u32,
}

fn decode_single(
    r: &mut Reader<'_>,
    common: Common,
    layout: &[Layout],
    id: u32,
) -> Result<Kind, Error> {
    let ty = TypeId(common.word);
    Ok(match common.kind {
        raw::INT => {
            let [bits, offset, encoding] = {
                let v = r.u32()?;
                [v as u8, (v >> 16) as u8, ((v >> 24) & 0x0f) as u8]
            };
            Kind::Int {
                size: common.word,
                encoding,
                offset,
                bits,
            }
        }
        raw::PTR => Kind::Ptr(ty),
        raw::ARRAY => Kind::Array {
            elem: TypeId(r.u32()?),
            index: TypeId(r.u32()?),
            len: r.u32()?,
        },
        raw::FWD => Kind::Fwd { union: common.flag },
        raw::TYPEDEF => Kind::Typedef(ty),
        raw::VOLATILE => Kind::Volatile(ty),
        raw::CONST => Kind::Const(ty),
        raw::RESTRICT => Kind::Restrict(ty),
        raw::FUNC => Kind::Func {
            proto: ty,
            linkage: Linkage::from_raw(common.vlen),
        },
        raw::VAR => Kind::Var {
            ty,
            linkage: Linkage::from_raw(r.u32()?),
        },
        raw::FLOAT => Kind::Float { size: common.word },
        raw::DECL_TAG => Kind::DeclTag {
            ty,
            component: r.u32()?.cast_signed(),
            attribute: common.flag,
        },
        raw::TYPE_TAG => Kind::TypeTag {
            ty,
            attribute: common.flag,
        },
        kind => {
            let unknown = Error::Kind { id, kind };
            let skip = layout.get(usize::from(kind)).ok_or(unknown)?;
            r.take(usize::from(skip.fixed))?;
            r.take(usize::from(skip.element) * common.vlen as usize)?;
            Kind::Unknown { kind }
        }
    })
}

fn decode_list(r: &mut Reader<'_>, common: Common) -> Result<Kind, Error> {
    let size = common.word;
    let n = 0..common.vlen;
    Ok(match common.kind {
        raw::STRUCT => Kind::Struct {
            size,
            members: n
                .map(|_| member(r, common.flag))
                .collect::<Result<_, _>>()?,
        },
        raw::UNION => Kind::Union {
            size,
            members: n
                .map(|_| member(r, common.flag))
                .collect::<Result<_, _>>()?,
        },
        raw::FUNC_PROTO => Kind::FuncProto {
            ret: TypeId(common.word),
            params: n.map(|_| param(r)).collect::<Result<_, _>>()?,
        },
        raw::DATASEC => Kind::Datasec {
            size,
            vars: n.map(|_| sec_var(r)).collect::<Result<_, _>>()?,
        },
        _ => {
            let wide = common.kind == raw::ENUM64;
            Kind::Enum {
                size,
                signed: common.flag,
                wide,
                values: n
                    .map(|_| enum_value(r, wide, common.flag))
                    .collect::<Result<_, _>>()?,
            }
        }
    })
}

fn member(r: &mut Reader<'_>, bitfields: bool) -> Result<Member, Error> {
    let (name, ty, offset) = (StrOff(r.u32()?), TypeId(r.u32()?), r.u32()?);
    let (bit_offset, bits) = match bitfields {
        true => (offset & 0x00ff_ffff, (offset >> 24) as u8),
        false => (offset, 0),
    };
    Ok(Member {
        name,
        ty,
        bit_offset,
        bits,
    })
}

fn param(r: &mut Reader<'_>) -> Result<Param, Error> {
    Ok(Param {
        name: StrOff(r.u32()?),
        ty: TypeId(r.u32()?),
    })
}

fn sec_var(r: &mut Reader<'_>) -> Result<SecVar, Error> {
    Ok(SecVar {
        ty: TypeId(r.u32()?),
        offset: r.u32()?,
        size: r.u32()?,
    })
}

fn enum_value(r: &mut Reader<'_>, wide: bool, signed: bool) -> Result<EnumValue, Error> {
    let name = StrOff(r.u32()?);
    let low = r.u32()?;
    let value = match (wide, signed) {
        (true, _) => u64::from(low) | (u64::from(r.u32()?) << 32),
        (false, true) => i64::from(low.cast_signed()).cast_unsigned(),
        (false, false) => u64::from(low),
    };
    Ok(EnumValue { name, value })
}

#[cfg(test)]
mod tests;

//! `.BTF.ext`: functions, source lines and CO-RE relocations of the instructions, grouped by section.
//!
//! Instruction offsets are bytes from the start of the section. Strings are in the `.BTF` beside it.

use super::reader::{Reader, slice};
use super::types::{MAGIC, VERSION};
use super::{Error, StrOff, TypeId};

/// Header length with the CO-RE part.
const HEADER_LEN: u32 = 32;

/// The records of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ext {
    pub funcs: Vec<Section<FuncInfo>>,
    pub lines: Vec<Section<LineInfo>>,
    pub core: Vec<Section<CoreRelo>>,
}

/// Records of one program section, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<T> {
    pub name: StrOff,
    pub records: Vec<T>,
}

/// A function begins here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuncInfo {
    pub insn_off: u32,
    pub ty: TypeId,
}

/// Instructions from here on belong to this source line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineInfo {
    pub insn_off: u32,
    pub file: StrOff,
    pub text: StrOff,
    /// From 1; at most 2^22 - 1.
    pub line: u32,
    /// From 1; at most 1023.
    pub column: u32,
}

/// The instruction holds a value that depends on the running kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreRelo {
    pub insn_off: u32,
    pub root: TypeId,
    pub access: StrOff,
    /// `enum bpf_core_relo_kind`; see [`core::RelocKind`](super::core::RelocKind).
    pub kind: u32,
}

trait Record: Sized {
    const WHAT: &'static str;
    const SIZE: u32;
    fn words(&self) -> Vec<u32>;
    fn from_words(words: &[u32; 4]) -> Self;
}

impl Record for FuncInfo {
    const WHAT: &'static str = "func_info";
    const SIZE: u32 = 8;
    fn words(&self) -> Vec<u32> {
        vec![self.insn_off, self.ty.0]
    }
    fn from_words(w: &[u32; 4]) -> Self {
        Self {
            insn_off: w[0],
            ty: TypeId(w[1]),
        }
    }
}

impl Record for LineInfo {
    const WHAT: &'static str = "line_info";
    const SIZE: u32 = 16;
    fn words(&self) -> Vec<u32> {
        let line = self.line.min((1 << 22) - 1);
        vec![
            self.insn_off,
            self.file.0,
            self.text.0,
            (line << 10) | self.column.min(1023),
        ]
    }
    fn from_words(w: &[u32; 4]) -> Self {
        Self {
            insn_off: w[0],
            file: StrOff(w[1]),
            text: StrOff(w[2]),
            line: w[3] >> 10,
            column: w[3] & 0x3ff,
        }
    }
}

impl Record for CoreRelo {
    const WHAT: &'static str = "core_relo";
    const SIZE: u32 = 16;
    fn words(&self) -> Vec<u32> {
        vec![self.insn_off, self.root.0, self.access.0, self.kind]
    }
    fn from_words(w: &[u32; 4]) -> Self {
        Self {
            insn_off: w[0],
            root: TypeId(w[1]),
            access: StrOff(w[2]),
            kind: w[3],
        }
    }
}

impl Ext {
    /// The `.BTF.ext` section.
    pub fn encode(&self) -> Vec<u8> {
        let parts = [
            encode_part(&self.funcs),
            encode_part(&self.lines),
            encode_part(&self.core),
        ];
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&[VERSION, 0]);
        put(&mut out, HEADER_LEN);
        let mut at = 0;
        for part in &parts {
            put(&mut out, at);
            put(&mut out, len(part));
            at += len(part);
        }
        out.extend(parts.concat());
        out
    }

    /// Decodes a whole `.BTF.ext` section. Records longer than the format's are cut.
    pub fn decode(bytes: &[u8]) -> Result<Ext, Error> {
        let mut r = Reader::new(bytes, ".BTF.ext header");
        if r.u16()? != MAGIC {
            return Err(Error::Magic);
        }
        let version = r.u8()?;
        if version != VERSION {
            return Err(Error::Version(version));
        }
        r.u8()?;
        let header_len = r.u32()?;
        let body = bytes
            .get(header_len as usize..)
            .ok_or(Error::Truncated(".BTF.ext header"))?;
        let mut part = || -> Result<&[u8], Error> {
            let (off, len) = (r.u32()?, r.u32()?);
            slice(body, off, len, ".BTF.ext records")
        };
        let (funcs, lines) = (part()?, part()?);
        let core = if header_len >= HEADER_LEN {
            part()?
        } else {
            &[]
        };
        Ok(Ext {
            funcs: decode_part(funcs)?,
            lines: decode_part(lines)?,
            core: decode_part(core)?,
        })
    }
}

fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("records stay below 4 GiB")
}

fn put(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_le_bytes());
}

/// Nothing at all if there is no record.
fn encode_part<T: Record>(sections: &[Section<T>]) -> Vec<u8> {
    let mut out = Vec::new();
    for section in sections.iter().filter(|s| !s.records.is_empty()) {
        if out.is_empty() {
            put(&mut out, T::SIZE);
        }
        put(&mut out, section.name.0);
        put(
            &mut out,
            u32::try_from(section.records.len()).expect("fewer records than bytes"),
        );
        for word in section.records.iter().flat_map(T::words) {
            put(&mut out, word);
        }
    }
    out
}

fn decode_part<T: Record>(bytes: &[u8]) -> Result<Vec<Section<T>>, Error> {
    let mut r = Reader::new(bytes, T::WHAT);
    let mut sections = Vec::new();
    if r.is_empty() {
        return Ok(sections);
    }
    let size = r.u32()?;
    if size < T::SIZE {
        return Err(Error::RecordSize {
            what: T::WHAT,
            size,
        });
    }
    while !r.is_empty() {
        let (name, count) = (StrOff(r.u32()?), r.u32()?);
        let mut records = Vec::new();
        for _ in 0..count {
            let mut record = Reader::new(r.take(size as usize)?, T::WHAT);
            let mut words = [0; 4];
            for word in words.iter_mut().take(T::SIZE as usize / 4) {
                *word = record.u32()?;
            }
            records.push(T::from_words(&words));
        }
        sections.push(Section { name, records });
    }
    Ok(sections)
}

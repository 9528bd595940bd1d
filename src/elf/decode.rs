//! Bytes to sections, symbols and relocations.

use std::fmt;

use super::{
    ET_REL, MAGIC, REL_LEN, SECTION_LEN, SHN_LORESERVE, SHT_NOBITS, SHT_REL, SHT_SYMTAB, SYMBOL_LEN,
};

/// Why bytes are not a relocatable ELF64 file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not ELF, not 64-bit, or not little endian.
    Magic,
    /// Not a relocatable file.
    Type(u16),
    /// Something lies outside the file.
    Truncated(&'static str),
    /// A name that is not terminated or not UTF-8.
    Name(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Magic => write!(f, "not a little-endian ELF64 file"),
            Error::Type(ty) => write!(f, "an ELF file of type {ty}, not a relocatable one"),
            Error::Truncated(what) => write!(f, "the file ends inside its {what}"),
            Error::Name(what) => write!(f, "the name of a {what} is not a string"),
        }
    }
}

impl std::error::Error for Error {}

/// A decoded file. Indices of sections and symbols are those of the file.
#[derive(Clone, Debug)]
pub struct Elf<'a> {
    pub machine: u16,
    pub sections: Vec<Section<'a>>,
    pub symbols: Vec<Symbol<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    pub name: &'a str,
    pub ty: u32,
    pub flags: u64,
    /// Content; empty for `SHT_NOBITS`.
    pub bytes: &'a [u8],
    /// Size of the content, also for `SHT_NOBITS`.
    pub size: u64,
    link: u32,
    pub(super) info: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Symbol<'a> {
    /// Empty for the symbol that stands for a section.
    pub name: &'a str,
    /// `None` if undefined or in no section.
    pub section: Option<usize>,
    pub value: u64,
    pub size: u64,
    /// `STT_*`.
    pub kind: u8,
    /// `STB_*`.
    pub bind: u8,
}

/// A relocation; the addend is in the bytes at `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rel {
    pub offset: u64,
    pub ty: u32,
    /// Index in [`Elf::symbols`]; checked by the user.
    pub symbol: usize,
}

impl<'a> Elf<'a> {
    pub fn decode(file: &'a [u8]) -> Result<Self, Error> {
        if !file.starts_with(&MAGIC) {
            return Err(Error::Magic);
        }
        let head = Bytes(file, "header");
        let ty = head.u16(16)?;
        if ty != ET_REL {
            return Err(Error::Type(ty));
        }
        let mut elf = Elf {
            machine: head.u16(18)?,
            sections: Vec::new(),
            symbols: Vec::new(),
        };
        let table = SectionTable {
            at: head.u64(40)?,
            entry: head.u16(58)?,
            count: head.u16(60)?,
            names: head.u16(62)?,
        };
        elf.sections = table.decode(file)?;
        if let Some(symtab) = elf.sections.iter().find(|s| s.ty == SHT_SYMTAB) {
            elf.symbols = elf.decode_symbols(symtab)?;
        }
        Ok(elf)
    }

    /// Every relocation with the index of the section it applies to, in file order.
    pub fn rels(&self) -> impl Iterator<Item = (usize, Rel)> + '_ {
        self.sections
            .iter()
            .filter(|s| s.ty == SHT_REL)
            .flat_map(|s| s.bytes.chunks_exact(REL_LEN).map(|c| (s.info as usize, c)))
            .filter_map(|(section, chunk)| {
                let b = Bytes(chunk, "relocations");
                let (offset, info) = (b.u64(0).ok()?, b.u64(8).ok()?);
                let rel = Rel {
                    offset,
                    ty: info as u32,
                    symbol: (info >> 32) as usize,
                };
                Some((section, rel))
            })
    }

    /// Index of the first section with this name.
    pub fn section_named(&self, name: &str) -> Option<usize> {
        self.sections.iter().position(|s| s.name == name)
    }

    fn decode_symbols(&self, symtab: &Section<'a>) -> Result<Vec<Symbol<'a>>, Error> {
        let strings = self
            .sections
            .get(symtab.link as usize)
            .ok_or(Error::Truncated("symbol names"))?
            .bytes;
        let mut symbols = Vec::with_capacity(symtab.bytes.len() / SYMBOL_LEN);
        for chunk in symtab.bytes.chunks_exact(SYMBOL_LEN) {
            let b = Bytes(chunk, "symbols");
            let (info, section) = (b.u8(4)?, b.u16(6)?);
            symbols.push(Symbol {
                name: name(strings, b.u32(0)?, "symbol")?,
                section: (1..SHN_LORESERVE)
                    .contains(&section)
                    .then_some(section.into()),
                value: b.u64(8)?,
                size: b.u64(16)?,
                kind: info & 0x0f,
                bind: info >> 4,
            });
        }
        Ok(symbols)
    }
}

/// Where the section headers are.
struct SectionTable {
    at: u64,
    entry: u16,
    count: u16,
    names: u16,
}

impl SectionTable {
    fn decode<'a>(&self, file: &'a [u8]) -> Result<Vec<Section<'a>>, Error> {
        let truncated = Error::Truncated("section headers");
        if self.entry < SECTION_LEN {
            return Err(truncated);
        }
        let len = u64::from(self.entry) * u64::from(self.count);
        let table = slice(file, self.at, len).ok_or(truncated)?;
        let headers: Vec<Bytes<'_>> = table
            .chunks_exact(self.entry.into())
            .map(|c| Bytes(c, "section headers"))
            .collect();
        let names = headers.get(usize::from(self.names)).ok_or(truncated)?;
        let names = content(file, names)?;
        headers.iter().map(|h| section(file, h, names)).collect()
    }
}

fn section<'a>(file: &'a [u8], h: &Bytes<'_>, names: &'a [u8]) -> Result<Section<'a>, Error> {
    Ok(Section {
        name: name(names, h.u32(0)?, "section")?,
        ty: h.u32(4)?,
        flags: h.u64(8)?,
        bytes: content(file, h)?,
        size: h.u64(32)?,
        link: h.u32(40)?,
        info: h.u32(44)?,
    })
}

/// Bytes that a section header describes.
fn content<'a>(file: &'a [u8], header: &Bytes<'_>) -> Result<&'a [u8], Error> {
    // The first header is empty and of type 0.
    if matches!(header.u32(4)?, 0 | SHT_NOBITS) {
        return Ok(&[]);
    }
    slice(file, header.u64(24)?, header.u64(32)?).ok_or(Error::Truncated("section"))
}

fn slice(file: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(at).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    file.get(start..end)
}

fn name<'a>(strings: &'a [u8], at: u32, what: &'static str) -> Result<&'a str, Error> {
    let tail = strings.get(at as usize..).ok_or(Error::Name(what))?;
    let end = match tail.iter().position(|&b| b == 0) {
        Some(end) => end,
        // A file without names may have an empty table.
        None if tail.is_empty() && at == 0 => 0,
        None => return Err(Error::Name(what)),
    };
    std::str::from_utf8(&tail[..end]).map_err(|_| Error::Name(what))
}

/// Bytes with checked little-endian reads, and what they are.
struct Bytes<'a>(&'a [u8], &'static str);

impl Bytes<'_> {
    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Error> {
        self.0
            .get(at..)
            .and_then(|tail| tail.first_chunk())
            .copied()
            .ok_or(Error::Truncated(self.1))
    }

    fn u8(&self, at: usize) -> Result<u8, Error> {
        self.array(at).map(u8::from_le_bytes)
    }

    fn u16(&self, at: usize) -> Result<u16, Error> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Result<u32, Error> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Result<u64, Error> {
        self.array(at).map(u64::from_le_bytes)
    }
}

//! Sections, symbols and relocations to bytes.
//!
//! Order in the file: header, sections in order of insertion (each followed by its relocations), symbols, strings,
//! section headers. Local symbols come before global ones, as the format demands; among equals the order of insertion
//! stays.

use std::collections::HashMap;

use super::{
    ET_REL, HEADER_LEN, MAGIC, REL_LEN, SECTION_LEN, SHF_INFO_LINK, SHN_LORESERVE, SHT_REL,
    SHT_STRTAB, SHT_SYMTAB, STB_GLOBAL, STB_LOCAL, STT_SECTION, SYMBOL_LEN,
};

/// A section added to a [`Writer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SectionId(usize);

/// A symbol added to a [`Writer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SymbolId(usize);

/// A section to write.
#[derive(Clone, Debug)]
pub struct NewSection<'a> {
    pub name: &'a str,
    /// `SHT_*`.
    pub ty: u32,
    /// `SHF_*`.
    pub flags: u64,
    /// A power of two.
    pub align: u64,
    pub bytes: Vec<u8>,
}

/// A symbol to write.
#[derive(Clone, Copy, Debug)]
pub struct NewSymbol<'a> {
    pub name: &'a str,
    pub section: SectionId,
    /// Offset in the section.
    pub value: u64,
    pub size: u64,
    /// `STT_*`.
    pub kind: u8,
    pub global: bool,
}

#[derive(Debug)]
struct Section {
    name: u32,
    ty: u32,
    flags: u64,
    align: u64,
    bytes: Vec<u8>,
    /// (offset, type, symbol)
    rels: Vec<(u64, u32, SymbolId)>,
    rel_name: u32,
}

#[derive(Debug)]
struct Symbol {
    name: u32,
    section: SectionId,
    value: u64,
    size: u64,
    kind: u8,
    global: bool,
}

/// A file under construction.
#[derive(Debug)]
pub struct Writer {
    machine: u16,
    sections: Vec<Section>,
    symbols: Vec<Symbol>,
    strings: Strings,
}

impl Writer {
    /// An empty file for a machine (`EM_*`).
    pub fn new(machine: u16) -> Self {
        Self {
            machine,
            sections: Vec::new(),
            symbols: Vec::new(),
            strings: Strings::new(),
        }
    }

    pub fn section(&mut self, section: NewSection<'_>) -> SectionId {
        self.sections.push(Section {
            name: self.strings.add(section.name),
            ty: section.ty,
            flags: section.flags,
            align: section.align,
            bytes: section.bytes,
            rels: Vec::new(),
            rel_name: 0,
        });
        SectionId(self.sections.len() - 1)
    }

    pub fn symbol(&mut self, symbol: NewSymbol<'_>) -> SymbolId {
        self.symbols.push(Symbol {
            name: self.strings.add(symbol.name),
            section: symbol.section,
            value: symbol.value,
            size: symbol.size,
            kind: symbol.kind,
            global: symbol.global,
        });
        SymbolId(self.symbols.len() - 1)
    }

    /// The symbol that stands for a section; it has no name.
    pub fn section_symbol(&mut self, section: SectionId) -> SymbolId {
        self.symbol(NewSymbol {
            name: "",
            section,
            value: 0,
            size: 0,
            kind: STT_SECTION,
            global: false,
        })
    }

    /// Adds a relocation without explicit addend at `offset` of `section`.
    pub fn rel(&mut self, section: SectionId, offset: u64, ty: u32, symbol: SymbolId) {
        self.sections[section.0].rels.push((offset, ty, symbol));
    }

    /// The file; `None` if it has more sections than the format can count.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        self.name_relocations();
        let symtab_name = self.strings.add(".symtab");
        let strtab_name = self.strings.add(".strtab");
        let plan = Plan::new(&self.sections)?;
        let (symbols, order) = self.symbol_table(&plan);
        let locals = self.symbols.iter().filter(|s| !s.global).count() + 1;

        let mut file = File::new();
        for section in &self.sections {
            file.content(section.header(), &section.bytes);
            if !section.rels.is_empty() {
                let bytes = section.rel_bytes(&order);
                let target = plan.rel_target(file.headers.len());
                file.content(section.rel_header(plan.symtab, target), &bytes);
            }
        }
        let header = Header {
            name: symtab_name,
            ty: SHT_SYMTAB,
            align: 8,
            link: u32::from(plan.symtab) + 1,
            info: u32::try_from(locals).ok()?,
            entry: SYMBOL_LEN as u64,
            ..Header::default()
        };
        file.content(header, &symbols);
        let header = Header {
            name: strtab_name,
            ty: SHT_STRTAB,
            align: 1,
            ..Header::default()
        };
        file.content(header, &self.strings.bytes);
        Some(file.finish(self.machine))
    }

    fn name_relocations(&mut self) {
        for section in self.sections.iter_mut().filter(|s| !s.rels.is_empty()) {
            let name = format!(".rel{}", self.strings.get(section.name));
            section.rel_name = self.strings.add(&name);
        }
    }

    /// Bytes of the table, and where each symbol ended up in it.
    fn symbol_table(&self, plan: &Plan) -> (Vec<u8>, Vec<u32>) {
        let mut out = vec![0; SYMBOL_LEN];
        let mut order = vec![0; self.symbols.len()];
        let mut next = 1;
        for global in [false, true] {
            for (i, symbol) in self.symbols.iter().enumerate() {
                if symbol.global == global {
                    symbol.put(&mut out, plan.index(symbol.section));
                    order[i] = next;
                    next += 1;
                }
            }
        }
        (out, order)
    }
}

impl Section {
    fn header(&self) -> Header {
        Header {
            name: self.name,
            ty: self.ty,
            flags: self.flags,
            align: self.align,
            ..Header::default()
        }
    }

    fn rel_header(&self, symtab: u16, target: u16) -> Header {
        Header {
            name: self.rel_name,
            ty: SHT_REL,
            flags: SHF_INFO_LINK,
            align: 8,
            link: symtab.into(),
            info: target.into(),
            entry: REL_LEN as u64,
            ..Header::default()
        }
    }

    fn rel_bytes(&self, order: &[u32]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rels.len() * REL_LEN);
        for &(offset, ty, symbol) in &self.rels {
            out.extend_from_slice(&offset.to_le_bytes());
            let info = (u64::from(order[symbol.0]) << 32) | u64::from(ty);
            out.extend_from_slice(&info.to_le_bytes());
        }
        out
    }
}

impl Symbol {
    fn put(&self, out: &mut Vec<u8>, section: u16) {
        let bind = if self.global { STB_GLOBAL } else { STB_LOCAL };
        out.extend_from_slice(&self.name.to_le_bytes());
        out.extend_from_slice(&[(bind << 4) | self.kind, 0]);
        out.extend_from_slice(&section.to_le_bytes());
        out.extend_from_slice(&self.value.to_le_bytes());
        out.extend_from_slice(&self.size.to_le_bytes());
    }
}

/// Indices of the sections in the file.
struct Plan {
    indices: Vec<u16>,
    symtab: u16,
}

impl Plan {
    fn new(sections: &[Section]) -> Option<Self> {
        let mut next = 1usize;
        let mut indices = Vec::with_capacity(sections.len());
        for section in sections {
            indices.push(u16::try_from(next).ok()?);
            next += 1 + usize::from(!section.rels.is_empty());
        }
        let symtab = u16::try_from(next)
            .ok()
            .filter(|&i| i < SHN_LORESERVE - 1)?;
        Some(Self { indices, symtab })
    }

    fn index(&self, section: SectionId) -> u16 {
        self.indices[section.0]
    }

    /// The section that relocations written as section `index` belong to: the one before.
    fn rel_target(&self, index: usize) -> u16 {
        u16::try_from(index - 1).expect("below the symbol table's index")
    }
}

/// A section header; offset and size are filled when the content is placed.
#[derive(Clone, Copy, Default)]
struct Header {
    name: u32,
    ty: u32,
    flags: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
    align: u64,
    entry: u64,
}

/// Bytes with the headers of what is in them.
struct File {
    bytes: Vec<u8>,
    headers: Vec<Header>,
}

impl File {
    fn new() -> Self {
        Self {
            bytes: vec![0; usize::from(HEADER_LEN)],
            headers: vec![Header::default()],
        }
    }

    fn content(&mut self, header: Header, bytes: &[u8]) {
        self.pad(header.align);
        self.headers.push(Header {
            offset: self.bytes.len() as u64,
            size: bytes.len() as u64,
            ..header
        });
        self.bytes.extend_from_slice(bytes);
    }

    fn pad(&mut self, align: u64) {
        let align = usize::try_from(align).unwrap_or(1).max(1);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(align), 0);
    }

    fn finish(mut self, machine: u16) -> Vec<u8> {
        self.pad(8);
        let sections_at = self.bytes.len() as u64;
        for h in std::mem::take(&mut self.headers) {
            self.put_header(h);
        }
        let count = (self.bytes.len() as u64 - sections_at) / u64::from(SECTION_LEN);
        let count = u16::try_from(count).expect("the plan has checked it");
        let mut head = Vec::with_capacity(usize::from(HEADER_LEN));
        head.extend_from_slice(&MAGIC);
        head.resize(16, 0);
        head.extend_from_slice(&ET_REL.to_le_bytes());
        head.extend_from_slice(&machine.to_le_bytes());
        head.extend_from_slice(&1u32.to_le_bytes());
        head.extend_from_slice(&[0; 16]); // e_entry, e_phoff
        head.extend_from_slice(&sections_at.to_le_bytes());
        head.extend_from_slice(&[0; 4]); // e_flags
        for half in [HEADER_LEN, 0, 0, SECTION_LEN, count, count - 1] {
            head.extend_from_slice(&half.to_le_bytes());
        }
        self.bytes[..head.len()].copy_from_slice(&head);
        self.bytes
    }

    fn put_header(&mut self, h: Header) {
        let out = &mut self.bytes;
        out.extend_from_slice(&h.name.to_le_bytes());
        out.extend_from_slice(&h.ty.to_le_bytes());
        out.extend_from_slice(&h.flags.to_le_bytes());
        out.extend_from_slice(&[0; 8]); // sh_addr
        out.extend_from_slice(&h.offset.to_le_bytes());
        out.extend_from_slice(&h.size.to_le_bytes());
        out.extend_from_slice(&h.link.to_le_bytes());
        out.extend_from_slice(&h.info.to_le_bytes());
        out.extend_from_slice(&h.align.to_le_bytes());
        out.extend_from_slice(&h.entry.to_le_bytes());
    }
}

/// The string table: each string once, in order of first use.
#[derive(Debug)]
struct Strings {
    bytes: Vec<u8>,
    seen: HashMap<String, u32>,
}

impl Strings {
    fn new() -> Self {
        Self {
            bytes: vec![0],
            seen: HashMap::from([(String::new(), 0)]),
        }
    }

    fn add(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.seen.get(text) {
            return at;
        }
        let at = u32::try_from(self.bytes.len()).expect("names stay below 4 GiB");
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.seen.insert(text.to_owned(), at);
        at
    }

    fn get(&self, at: u32) -> &str {
        let tail = &self.bytes[at as usize..];
        let text = tail.split(|&b| b == 0).next().unwrap_or(&[]);
        std::str::from_utf8(text).expect("only strings were added")
    }
}

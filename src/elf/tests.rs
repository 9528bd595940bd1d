//! Round trips and bytes that are not ELF.

use proptest::prelude::*;

use super::*;

const EM_BPF: u16 = 247;

fn sample() -> Vec<u8> {
    let mut w = Writer::new(EM_BPF);
    let code = w.section(NewSection {
        name: "code",
        ty: SHT_PROGBITS,
        flags: SHF_ALLOC | SHF_EXECINSTR,
        align: 8,
        bytes: vec![1; 16],
    });
    let data = w.section(NewSection {
        name: "data",
        ty: SHT_PROGBITS,
        flags: SHF_ALLOC | SHF_WRITE,
        align: 1,
        bytes: vec![2; 3],
    });
    let global = w.symbol(NewSymbol {
        name: "main",
        section: code,
        value: 8,
        size: 8,
        kind: STT_FUNC,
        global: true,
    });
    let local = w.section_symbol(data);
    w.rel(code, 0, 1, local);
    w.rel(code, 8, 10, global);
    w.finish().expect("two sections")
}

#[test]
fn a_file_survives_a_round_trip() {
    let bytes = sample();
    let elf = Elf::decode(&bytes).expect("own bytes");
    assert_eq!(elf.machine, EM_BPF);
    let names: Vec<_> = elf.sections.iter().map(|s| s.name).collect();
    assert_eq!(
        names,
        ["", "code", ".relcode", "data", ".symtab", ".strtab"]
    );
    assert_eq!(elf.sections[3].bytes, [2; 3]);
    let rels: Vec<_> = elf.rels().collect();
    assert_eq!(
        rels.iter()
            .map(|(s, r)| (*s, r.offset, r.ty))
            .collect::<Vec<_>>(),
        [(1, 0, 1), (1, 8, 10)]
    );
    let data = elf.symbols[rels[0].1.symbol];
    assert_eq!((data.kind, data.section), (STT_SECTION, Some(3)));
    let main = elf.symbols[rels[1].1.symbol];
    assert_eq!(
        (main.name, main.bind, main.value, main.size),
        ("main", STB_GLOBAL, 8, 8)
    );
}

#[test]
fn local_symbols_come_first() {
    let bytes = sample();
    let elf = Elf::decode(&bytes).expect("own bytes");
    let binds: Vec<_> = elf.symbols.iter().map(|s| s.bind).collect();
    assert_eq!(binds, [STB_LOCAL, STB_LOCAL, STB_GLOBAL]);
    let symtab = elf.section_named(".symtab").expect("written");
    assert_eq!(elf.sections[symtab].info, 2);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(sample(), sample());
}

#[test]
fn more_sections_than_the_format_counts_are_refused() {
    let mut w = Writer::new(EM_BPF);
    for _ in 0..SHN_LORESERVE {
        w.section(NewSection {
            name: "x",
            ty: SHT_PROGBITS,
            flags: 0,
            align: 1,
            bytes: vec![],
        });
    }
    assert!(w.finish().is_none());
}

#[test]
fn other_files_are_refused() {
    let bytes = sample();
    assert_eq!(Elf::decode(b"").err(), Some(Error::Magic));
    assert_eq!(
        Elf::decode(&bytes[..30]).err(),
        Some(Error::Truncated("header"))
    );
    let mut executable = bytes.clone();
    executable[16] = 2;
    assert_eq!(Elf::decode(&executable).err(), Some(Error::Type(2)));
    let mut cut = bytes;
    cut.pop();
    assert_eq!(
        Elf::decode(&cut).err(),
        Some(Error::Truncated("section headers"))
    );
}

proptest! {
    #[test]
    fn mutated_files_never_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = sample();
        for (at, value) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if let Ok(elf) = Elf::decode(&bytes) {
            prop_assert!(elf.rels().count() <= bytes.len() * elf.sections.len());
        }
    }
}

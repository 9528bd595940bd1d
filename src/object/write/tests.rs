//! A small object, written, read back and compared with other readers.

use proptest::prelude::*;

use super::super::{CoreReloc, Line, MapDef, Object, Params};
use super::*;
use crate::asm::Insn;
use crate::btf::core::{RelocKind, resolve};
use crate::diag::Span;
use crate::kernel::structs;

fn mov(dst: u8, imm: i32) -> Insn {
    Insn::new(op::ALU64 | op::MOV | op::K, dst, 0, 0, imm)
}

fn wide(dst: u8) -> [Insn; 2] {
    let code = op::LD | op::IMM | op::DW;
    [Insn::new(code, dst, 0, 0, 0), Insn::default()]
}

fn call() -> Insn {
    Insn::new(op::JMP | op::CALL, 0, 1, 0, 0)
}

fn helper(id: i32) -> Insn {
    Insn::new(op::JMP | op::CALL, 0, 0, 0, id)
}

fn exit() -> Insn {
    Insn::new(op::JMP | op::EXIT, 0, 0, 0, 0)
}

fn load(size: u8, dst: u8, src: u8, off: i16) -> Insn {
    Insn::new(op::LDX | op::MEM | size, dst, src, off, 0)
}

fn offset(root: &str, path: &str) -> i32 {
    structs::access(root, path).expect("in the table").offset as i32
}

fn function(name: &str, section: &str, insns: Vec<Insn>) -> Function {
    Function {
        name: name.into(),
        section: section.into(),
        global: true,
        params: Params::Context,
        insns,
        relocs: vec![],
        core: vec![],
        lines: vec![],
    }
}

fn map(name: &str, kind: u32, key_size: u32, value_size: u32, max_entries: u32) -> MapDef {
    MapDef {
        name: name.into(),
        kind,
        key_size,
        value_size,
        max_entries,
        flags: 0,
    }
}

/// Reads `current->nsproxy` through a called function, a counter, a constant and the ring buffer.
fn program() -> Function {
    let nsproxy = offset("task_struct", "nsproxy");
    let mut insns = vec![helper(35), Insn::new(0xbf, 1, 0, 0, 0)];
    insns.push(Insn::new(op::ALU64 | op::ADD | op::K, 1, 0, 0, nsproxy));
    insns.push(call()); // 3
    insns.extend([mov(1, 0), Insn::new(0x63, 10, 1, -4, 0)]);
    insns.extend(wide(1)); // 6
    insns.extend([Insn::new(0xbf, 2, 10, 0, 0), mov(0, 0)]);
    insns[9] = Insn::new(op::ALU64 | op::ADD | op::K, 2, 0, 0, -4);
    insns.push(helper(1));
    insns.extend(wide(2)); // 11
    insns.push(load(op::W, 3, 2, 0));
    insns.extend([mov(1, 2)]);
    insns.extend(wide(2)); // 15
    insns.extend([mov(3, 0), mov(4, 0), helper(181)]);
    insns.push(mov(5, 1)); // 20: in_execve-like existence
    insns.extend([mov(0, 0), exit()]);
    let span = |start| Span {
        file: crate::diag::FileId(0),
        start,
        end: start + 1,
    };
    Function {
        relocs: vec![
            Reloc {
                insn: 3,
                target: Target::Function(0),
            },
            Reloc {
                insn: 6,
                target: Target::Map(1),
            },
            Reloc {
                insn: 11,
                target: Target::Rodata(4),
            },
            Reloc {
                insn: 15,
                target: Target::Function(1),
            },
        ],
        core: vec![
            CoreReloc {
                insn: 20,
                root: "task_struct",
                path: "fs",
                kind: RelocKind::FieldExists,
            },
            CoreReloc {
                insn: 2,
                root: "task_struct",
                path: "nsproxy",
                kind: RelocKind::FieldByteOffset,
            },
        ],
        lines: vec![
            Line {
                insn: 2,
                span: span(9),
            },
            Line {
                insn: 6,
                span: span(9),
            },
            Line {
                insn: 8,
                span: span(22),
            },
        ],
        ..function("h0", "raw_tp/sys_enter", insns)
    }
}

fn unit() -> Unit {
    let read = vec![
        Insn::new(0xbf, 3, 1, 0, 0),
        Insn::new(0xbf, 1, 10, 0, 0),
        Insn::new(op::ALU64 | op::ADD | op::K, 1, 0, 0, -8),
        mov(2, 8),
        helper(113),
        load(op::DW, 0, 10, -8),
        exit(),
    ];
    let path = "f_path.dentry";
    let file = offset("file", path);
    let length = offset("dentry", "d_name.len");
    let second = vec![mov(1, file), mov(2, length), mov(0, 0), exit()];
    Unit {
        license: "Dual BSD/GPL",
        source: "policy.yaml",
        maps: vec![map("events", 27, 0, 0, 4096), map("scratch", 6, 4, 64, 1)],
        rodata: vec![1, 0, 0, 0, 0xef, 0xbe, 0, 0],
        functions: vec![
            Function {
                params: Params::Scalars(1),
                ..function("read_word", ".text", read)
            },
            Function {
                global: false,
                params: Params::Scalars(2),
                ..function("each", ".text", vec![mov(0, 0), exit()])
            },
            program(),
            Function {
                core: vec![
                    CoreReloc {
                        insn: 0,
                        root: "file",
                        path,
                        kind: RelocKind::FieldByteOffset,
                    },
                    CoreReloc {
                        insn: 1,
                        root: "dentry",
                        path: "d_name.len",
                        kind: RelocKind::FieldByteOffset,
                    },
                ],
                ..function("h1", "?kprobe/vfs_read", second)
            },
            function("h2", "?kprobe/vfs_read", vec![mov(0, 0), exit()]),
        ],
    }
}

fn sources() -> Sources {
    let mut sources = Sources::new();
    sources.add("policy.yaml", "kprobes:\n  - call: x\n    syscall: false\n");
    sources
}

fn bytes() -> Vec<u8> {
    write(&unit(), &sources()).expect("a sound unit")
}

#[test]
fn the_object_reads_as_it_was_written() {
    let object = Object::read(&bytes()).expect("own bytes");
    insta::assert_snapshot!(crate::object::dump(&object));
}

#[test]
fn the_types_are_the_smallest_that_loaders_take() {
    let object = Object::read(&bytes()).expect("own bytes");
    let types: Vec<String> = object
        .btf
        .types()
        .map(|(id, ty)| format!("{} {:?} {:?}", id.0, object.btf.name(id), ty.kind))
        .collect();
    insta::assert_snapshot!(types.join("\n"));
}

#[test]
fn sections_and_symbols_are_those_of_clang() {
    let bytes = bytes();
    let elf = crate::elf::Elf::decode(&bytes).expect("own bytes");
    let mut out = String::new();
    for (i, s) in elf.sections.iter().enumerate() {
        out += &format!(
            "section {i} {:?} type {} flags {:#x} size {}\n",
            s.name, s.ty, s.flags, s.size
        );
    }
    for s in &elf.symbols {
        let section = s.section.unwrap_or(0);
        out += &format!(
            "symbol {:?} section {section} value {} size {} kind {} bind {}\n",
            s.name, s.value, s.size, s.kind, s.bind
        );
    }
    for (section, rel) in elf.rels() {
        let symbol = elf.symbols[rel.symbol];
        out += &format!(
            "rel {section}+{} type {} {:?} {:?}\n",
            rel.offset, rel.ty, symbol.name, symbol.section
        );
    }
    insta::assert_snapshot!(out);
}

#[test]
fn the_same_unit_gives_the_same_bytes() {
    assert_eq!(bytes(), bytes());
}

#[test]
fn linking_appends_the_functions_a_program_calls() {
    let object = Object::read(&bytes()).expect("own bytes");
    let names: Vec<_> = object.programs().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["h0", "h1", "h2"]);
    let program = object.link("h0").expect("a program");
    // 23 slots of the program, 7 of read_word, 2 of the callback.
    assert_eq!(program.insns.len(), 32);
    assert_eq!(
        (program.insns[3].src, program.insns[3].imm),
        (op::PSEUDO_CALL, 23 - 4)
    );
    assert_eq!(
        (program.insns[15].src, program.insns[15].imm),
        (op::PSEUDO_FUNC, 30 - 16)
    );
    let starts: Vec<_> = program.functions.iter().map(|f| f.0).collect();
    assert_eq!(starts, [0, 23, 30]);
    let lines: Vec<_> = program.lines.iter().map(|l| (l.insn, l.line)).collect();
    assert_eq!(lines, [(0, 2), (8, 3), (23, 2), (30, 2)]);
    let maps: Vec<_> = program
        .maps
        .iter()
        .map(|m| (m.insn, m.map, m.offset))
        .collect();
    assert_eq!(maps, [(6, 1, None), (11, 2, Some(4))]);
    assert_eq!(object.link("h1").expect("a program").insns.len(), 4);
    assert!(object.link("read_word").is_err() && object.link("h3").is_err());
}

/// An object without sources has no lines at all, and one without constants or maps no section for them.
#[test]
fn what_is_not_there_takes_no_space() {
    let plain = Unit {
        license: "GPL",
        source: "policy.yaml",
        functions: vec![function("p", "raw_tp/x", vec![mov(0, 0), exit()])],
        ..Unit::default()
    };
    let bytes = write(&plain, &Sources::new()).expect("a sound unit");
    let elf = crate::elf::Elf::decode(&bytes).expect("own bytes");
    let names: Vec<_> = elf.sections.iter().map(|s| s.name).collect();
    assert_eq!(
        names,
        [
            "", "raw_tp/x", "license", ".BTF", ".BTF.ext", ".symtab", ".strtab"
        ]
    );
    let program = Object::read(&bytes)
        .and_then(|o| o.link("p"))
        .expect("own bytes");
    assert!(program.lines.is_empty());
    assert_eq!(program.functions.len(), 1);
}

#[test]
fn local_storage_names_its_types() {
    let storage = MapDef {
        flags: 1,
        ..map("tasks", 29, 4, 24, 0)
    };
    let unit = Unit {
        maps: vec![storage],
        ..unit()
    };
    let mut unit = unit;
    unit.functions.truncate(2);
    let bytes = write(&unit, &sources()).expect("a sound unit");
    let object = Object::read(&bytes).expect("own bytes");
    let tasks = &object.maps[0];
    assert_eq!((tasks.key_size, tasks.value_size, tasks.flags), (4, 24, 1));
    assert!(tasks.key.is_some() && tasks.value.is_some());
}

#[test]
fn accesses_resolve_against_full_structures() {
    use crate::btf::{Builder, Kind, Member};
    let object = Object::read(&bytes()).expect("own bytes");
    let mut b = Builder::new();
    let to = b.add("", Kind::Ptr(crate::btf::TypeId::VOID));
    let names = ["a", "b", "nsproxy"].map(|n| b.string(n));
    let members = (0..).zip(names).map(|(i, name)| Member {
        name,
        ty: to,
        bit_offset: i * 64,
        bits: 0,
    });
    let members = members.collect();
    b.add("task_struct", Kind::Struct { size: 24, members });
    let kernel = b.finish();
    let program = object.link("h0").expect("a program");
    let values: Vec<_> = program
        .core
        .iter()
        .map(|c| {
            let kind = RelocKind::from_raw(c.kind).expect("written by us");
            let r = resolve(&object.btf, c.root, &c.access, kind, &kernel).expect("sound");
            (c.insn, r.local, r.target)
        })
        .collect();
    let nsproxy = offset("task_struct", "nsproxy") as u64;
    assert_eq!(values, [(2, nsproxy, Some(16)), (20, 1, Some(0))]);
}

/// Another reader comes to the same program. It does not know the `?` of programs that are not loaded by default.
#[test]
fn aya_links_the_same_program() {
    let mut unit = unit();
    for f in &mut unit.functions {
        f.section = f.section.trim_start_matches('?').to_owned();
    }
    let bytes = write(&unit, &sources()).expect("a sound unit");
    let mut theirs = aya_obj::Object::parse(&bytes).expect("a sound object");
    let ours = Object::read(&bytes).expect("own bytes");
    let mut names: Vec<_> = theirs.maps.keys().cloned().collect();
    names.sort();
    assert_eq!(names, [".rodata", "events", "scratch"]);
    assert_eq!(theirs.maps["scratch"].value_size(), 64);
    assert_eq!(theirs.license.to_str(), Ok("Dual BSD/GPL"));
    theirs.relocate_calls(&[1].into()).expect("sound calls");
    for name in ["h0", "h1", "h2"] {
        let program = &theirs.programs[name];
        let function = &theirs.functions[&program.function_key()];
        let mine = ours.link(name).expect("a program");
        assert_eq!(function.instructions.len(), mine.insns.len(), "{name}");
        for (at, (a, b)) in function.instructions.iter().zip(&mine.insns).enumerate() {
            let a = Insn::new(a.code, a.dst_reg(), a.src_reg(), a.off, a.imm);
            assert_eq!(a, *b, "{name} slot {at}");
        }
    }
}

#[test]
fn units_that_contradict_themselves_are_refused() {
    type Edit = fn(&mut Unit);
    let edits: &[(Edit, &str)] = &[
        (|u| u.functions[0].insns.clear(), "it has no instructions"),
        (
            |u| u.functions[2].relocs[0].insn = 99,
            "a relocation that does not fit its instruction",
        ),
        (
            |u| u.functions[2].relocs[1].target = Target::Map(9),
            "a relocation that does not fit its instruction",
        ),
        (
            |u| u.functions[2].relocs[2].target = Target::Rodata(8),
            "a relocation that does not fit its instruction",
        ),
        (
            |u| u.functions[1].global = true,
            "a relocation that does not fit its instruction",
        ),
        (
            |u| u.functions[2].relocs[1].insn = 11,
            "an instruction with two relocations",
        ),
        (
            |u| u.functions[2].lines[1].insn = 7,
            "a line outside its instructions",
        ),
        (
            |u| u.functions[2].global = false,
            "a program must be global",
        ),
        (
            |u| u.functions[3].name = "h2".into(),
            "the name is used twice",
        ),
        (|u| u.functions[3].name = "a-b".into(), "not a C identifier"),
        (
            |u| u.functions[3].insns[1].imm += 1,
            "an instruction that does not hold the local value",
        ),
    ];
    for (edit, expected) in edits {
        let mut unit = unit();
        edit(&mut unit);
        match write(&unit, &sources()) {
            Err(WriteError::Function { what, .. }) => assert_eq!(what, *expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let mut unit = unit();
    unit.functions[3].core[0].path = "f_path.nothing";
    assert!(matches!(
        write(&unit, &sources()),
        Err(WriteError::Member { .. })
    ));
}

proptest! {
    /// Changed files are refused or read, and whatever is read can be linked and printed.
    #[test]
    fn mutated_objects_never_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..16), cut: Option<prop::sample::Index>) {
        let mut bytes = bytes();
        for (at, value) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(object) = Object::read(&bytes) {
            for f in &object.functions {
                if let Ok(program) = object.link(&f.name) {
                    prop_assert!(program.insns.len() >= f.insns.len());
                }
            }
            prop_assert!(crate::object::dump(&object).starts_with("license"));
        }
    }
}

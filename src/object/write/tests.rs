//! A small object, written, read back and compared with other readers.

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
fn ad_hoc() {
    std::fs::write("/tmp/obj-t.o", bytes()).unwrap();
}

//! Instructions as text, in the form of `llvm-objdump` and the verifier's log.

use std::fmt::Write;

use super::super::{Assembled, FieldInfo, Target};
use crate::asm::{Insn, op};

/// One line for each instruction, with what is relocated behind it.
pub(super) fn listing(code: &Assembled) -> String {
    let mut text = String::new();
    let mut second = false;
    for (at, insn) in code.insns.iter().enumerate() {
        if std::mem::replace(&mut second, insn.is_wide()) {
            continue;
        }
        let target = code.relocs.iter().find(|(index, _)| *index == at);
        let body = match target {
            Some((_, Target::Map(map))) => format!("r{} = map {}", insn.dst, map.0),
            Some((_, Target::Rodata(offset))) => format!("r{} = rodata + {offset}", insn.dst),
            Some((_, Target::Function(function))) => format!("call function {}", function.0),
            None if insn.is_wide() => {
                let high = u64::from(code.insns[at + 1].imm as u32) << 32;
                format!(
                    "r{} = {:#x} ll",
                    insn.dst,
                    high | u64::from(insn.imm as u32)
                )
            }
            None => plain(at, *insn),
        };
        let _ = write!(text, "{at:4}: {body}");
        if let Some(field) = code.fields.iter().find(|field| field.insn == at) {
            let mark = if field.info == FieldInfo::Exists {
                "?"
            } else {
                ""
            };
            let _ = write!(text, "  ; {}.{}{mark}", field.field.root, field.field.path);
        }
        text.push('\n');
    }
    text
}

fn plain(at: usize, insn: Insn) -> String {
    let Insn {
        code,
        dst,
        src,
        off,
        imm,
    } = insn;
    let by_register = code & op::SRC_MASK == op::X;
    let jump = at as i64 + 1 + i64::from(off);
    match code & op::CLASS_MASK {
        op::LDX => format!("r{dst} = {}", place(code, src, off)),
        op::ST => format!("{} = {imm}", place(code, dst, off)),
        op::STX => format!("{} = r{src}", place(code, dst, off)),
        class @ (op::ALU | op::ALU64) => {
            let r = if class == op::ALU { "w" } else { "r" };
            let right = if by_register {
                format!("{r}{src}")
            } else {
                imm.to_string()
            };
            match code & op::OP_MASK {
                op::NEG => format!("{r}{dst} = -{r}{dst}"),
                op::END => format!("r{dst} = be{imm} r{dst}"),
                operation => format!("{r}{dst} {} {right}", alu(operation)),
            }
        }
        class => {
            let r = if class == op::JMP32 { "w" } else { "r" };
            let right = if by_register {
                format!("{r}{src}")
            } else {
                imm.to_string()
            };
            match code & op::OP_MASK {
                op::CALL => format!("call {imm}"),
                op::EXIT => "exit".to_owned(),
                op::JA => format!("goto {jump}"),
                operation => format!("if {r}{dst} {} {right} goto {jump}", cond(operation)),
            }
        }
    }
}

fn place(code: u8, base: u8, offset: i16) -> String {
    let size = match code & op::SIZE_MASK {
        op::B => "u8",
        op::H => "u16",
        op::W => "u32",
        _ => "u64",
    };
    format!("*({size} *)(r{base} {offset:+})")
}

fn alu(operation: u8) -> &'static str {
    match operation {
        op::ADD => "+=",
        op::SUB => "-=",
        op::MUL => "*=",
        op::DIV => "/=",
        op::OR => "|=",
        op::AND => "&=",
        op::LSH => "<<=",
        op::RSH => ">>=",
        op::MOD => "%=",
        op::XOR => "^=",
        op::MOV => "=",
        op::ARSH => "s>>=",
        _ => "?",
    }
}

fn cond(operation: u8) -> &'static str {
    match operation {
        op::JEQ => "==",
        op::JGT => ">",
        op::JGE => ">=",
        op::JSET => "&",
        op::JNE => "!=",
        op::JSGT => "s>",
        op::JSGE => "s>=",
        op::JLT => "<",
        op::JLE => "<=",
        op::JSLT => "s<",
        op::JSLE => "s<=",
        _ => "?",
    }
}

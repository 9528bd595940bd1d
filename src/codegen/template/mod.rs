//! Machine code as text, for the longer routines in `bpf-templates/`.
//!
//! In: a template's text and values for its holes (`$NAME`). Out: calls of a
//! [`Builder`](super::mir::Builder). One instruction per line, `#` starts a comment:
//!
//! ```text
//! func NAME(a, b)             parameters
//! slot key 8                  bytes of stack
//! x = y    x = 5    x = $N    move; any 64-bit constant
//! x = w y                     low 32 bits
//! x += y                      and -= *= /= %= &= |= ^= <<= >>=; `s>>=` is arithmetic
//! x = be16 x                  big-endian to number; be32, be64
//! x = u32[p + 8]              load; p is a register or a slot
//! u32[p + 8] = x              store
//! x = p=>file.f_path.dentry   field through a pointer that the verifier tracks
//! x = p~>file.f_path.dentry   field at any address; 0 when it cannot be read
//! x = &p->file.f_path         address of a field
//! x = exists task_struct.mm   1 or 0
//! x = map $M    x = &key      a map; the address of a slot
//! x = call NAME(a, 5)         a helper, or `call $FUNCTION(...)`
//! if x == y goto l            == != < <= > >= & s< s<= s> s>=
//! goto l    l:    return x
//! ```
//!
//! Templates are part of the compiler: an error in one is a bug, found by the test
//! that instantiates them all.

mod emit;
mod lex;
mod parse;

use super::mir::{FunctionId, MapId};

/// What a hole stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Int(i64),
    Map(MapId),
    Function(FunctionId),
}

/// Values for the holes of a template.
#[derive(Debug, Default)]
pub(super) struct Env(Vec<(&'static str, Value)>);

impl Env {
    pub(super) fn set(&mut self, hole: &'static str, value: Value) {
        self.0.push((hole, value));
    }

    fn get(&self, hole: &str) -> Result<Value, String> {
        let found = self.0.iter().find(|(name, _)| *name == hole);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("no value for ${hole}"))
    }
}

/// Line (from 1) and text of an error in a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TemplateError {
    pub(super) line: usize,
    pub(super) message: String,
}

/// A parsed template.
#[derive(Debug)]
pub(super) struct Template {
    params: Vec<&'static str>,
    lines: Vec<(usize, parse::Statement)>,
}

impl Template {
    /// Number of the function's parameters.
    pub(super) fn params(&self) -> u8 {
        self.params.len() as u8
    }
}

#[cfg(test)]
mod tests;

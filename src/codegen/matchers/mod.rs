#![allow(dead_code, unused)]
use super::mir::*;
use crate::ir::*;
pub mod ints {
    use super::*;
    pub fn emit(b: &mut Builder, v: Reg, t: IntType, s: &IntSet, h: Label, m: Label) {}
    pub fn emit_mask(b: &mut Builder, v: Reg, mask: u64, h: Label, m: Label) {}
}
pub mod addrs {
    use super::*;
    pub fn emit_v4(b: &mut Builder, v: Reg, s: &V4Set, h: Label, m: Label) {}
    pub fn emit_v6(b: &mut Builder, v: [Reg; 2], s: &V6Set, h: Label, m: Label) {}
}
pub mod text {
    use super::*;
    pub fn emit(
        b: &mut Builder,
        t: &crate::codegen::values::Text,
        how: TextMatch,
        v: &[TextValue],
        h: Label,
        m: Label,
    ) {
    }
}
pub mod leaf {
    use super::*;
    pub fn lengths(v: &[TextValue], how: TextMatch) -> Option<IntSet> {
        None
    }
}

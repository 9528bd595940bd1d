//! `ir` to BPF machine code.
//!
//! In: a [`Program`](crate::ir::Program). Out: functions, maps and their relocations for
//! [`object`](crate::object). On the way code is held in [`mir`]: instructions over
//! virtual registers and labels, with kernel fields by name. `backend` turns that
//! into BPF instructions.

pub mod mir;

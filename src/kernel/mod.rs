//! Facts about the Linux kernel as tables: helpers by version, structure members.

pub mod helpers;
pub mod structs;

//! Facts about the Linux kernel as tables: helpers by version, structure members, numbers by name.

pub mod helpers;
mod names;
pub mod structs;

pub use names::{capabilities, families, protocols, tcp_states};

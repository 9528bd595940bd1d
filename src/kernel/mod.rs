//! Facts about the Linux kernel as tables: helpers by version, structure members, security hooks, numbers by name.

pub mod helpers;
pub mod lsm;
mod names;
pub mod structs;

pub use names::{capabilities, families, protocols, tcp_states};

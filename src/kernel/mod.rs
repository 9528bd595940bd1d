//! Facts about the Linux kernel as tables: helpers by version, structure members, numbers by name, busy functions,
//! system calls, security decisions.

pub mod helpers;
pub mod hot;
mod names;
pub mod security;
pub mod structs;
pub mod syscall_numbers;
pub mod syscalls;

pub use names::{capabilities, families, protocols, tcp_states};

//! Facts about Linux as tables: structure members that programs read, and helper functions.
//!
//! Nothing here depends on the kernel of the machine that compiles. Each table names its source.

pub mod helpers;
pub mod structs;

//! `tpc`: ahead-of-time compiler from Tetragon `TracingPolicy` to BPF objects, and a thin loader.

pub mod asm;
pub mod btf;
pub mod bundle;
#[cfg(feature = "compiler")]
pub mod check;
#[cfg(feature = "compiler")]
pub mod cli;
#[cfg(feature = "compiler")]
pub mod codegen;
#[cfg(feature = "compiler")]
pub mod compile;
pub mod diag;
pub mod elf;
#[cfg(feature = "compiler")]
pub mod ir;
pub mod kernel;
#[cfg(feature = "loader")]
pub mod loader;
#[cfg(feature = "compiler")]
pub mod lower;
pub mod object;
#[cfg(feature = "compiler")]
pub mod policy;
#[cfg(feature = "compiler")]
pub mod yaml;

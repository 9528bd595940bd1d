//! `tpc`: ahead-of-time compiler from Tetragon `TracingPolicy` to BPF objects, and a thin loader.

pub mod asm;
pub mod btf;
#[cfg(feature = "compiler")]
pub mod codegen;
pub mod diag;
pub mod elf;
#[cfg(feature = "compiler")]
pub mod ir;
pub mod kernel;
#[cfg(feature = "compiler")]
pub mod policy;
#[cfg(feature = "compiler")]
pub mod yaml;

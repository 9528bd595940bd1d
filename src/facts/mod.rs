//! What is known of a kernel, written down: its functions and their prototypes, what can be attached to them, its
//! structures, configuration and security modules.
//!
//! In: the files of a running system, or files that were copied from one ([`Source`]). Out: [`Facts`], a small file,
//! and the answers that the kernel would give ([`attach::Kernel`](crate::attach::Kernel)). Holds: the same sources
//! give the same bytes; what could not be read is in the file, with what that costs ([`Gap`]); reading a file checks
//! its form and size, and never panics.
//!
//! Facts of some kernels of distributions are part of the program ([`shipped`]); what any of them has is at hand
//! ([`known`]).

mod answers;
mod capture;
mod config;
mod ctype;
mod error;
mod file;
pub mod known;
mod lines;
mod render;
mod shipped;
mod source;

pub use answers::SecurityLack;
pub use capture::capture;
pub use error::Error;
pub use file::{Facts, Gap, schema};
pub use shipped::{NAMES, shipped};
pub use source::{Files, Source};

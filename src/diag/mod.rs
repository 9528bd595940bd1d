//! Diagnostics: spans, codes, messages and their renderers.
//!
//! Every stage reports the faults of a policy's author as [`Diagnostic`]s into a
//! [`Sink`] and goes on; faults of the environment are errors of their module.
//! The renderers take the finished, sorted list and know no stage.

pub mod code;
mod diagnostic;
mod fingerprint;
mod fix;
#[cfg(feature = "compiler")]
pub mod pages;
pub mod render;
mod sources;
mod span;

pub use code::Code;
pub use diagnostic::{Diagnostic, Severity, Sink};
pub use fingerprint::fingerprints;
pub use fix::{Applicability, Edit, Fix};
pub use sources::{LineCol, Sources};
pub use span::{FileId, Span, Spanned};

//! Diagnostics: spans, codes, messages and their renderers.

mod span;

pub use span::{FileId, Span, Spanned};

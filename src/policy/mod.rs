//! The TracingPolicy object, decoded from YAML without judging its meaning.
//!
//! In: the documents of [`yaml`](crate::yaml). Out: a [`Policy`] per TracingPolicy
//! document, where every leaf knows its place. All problems of a document are
//! reported in one run; one that is reported is not reported again as another.

mod decode;
mod model;
mod words;

pub use model::*;
pub use words::*;

//! YAML as Kubernetes reads it: text to trees whose every node knows its place.
//!
//! In: the bytes of a file ([`text`]), then its text ([`parse`]). Out: one
//! [`Document`] per YAML document, with anchors and merge keys resolved and scalars
//! typed by the rules of `sigs.k8s.io/yaml` (YAML 1.1). Refused with a place and a
//! reason: duplicate keys, keys that are not text, recursive or exploding aliases,
//! tabs as indentation, templates that were not rendered. A document with a syntax
//! error is left out; the others are still read. Knows nothing of policies.

mod comments;
mod keys;
mod parse;
mod scalar;
mod syntax;
mod template;
mod text;
mod tree;

pub use comments::{Comment, comments};
pub use parse::parse;
pub use scalar::Resolved;
pub use template::placeholder;
pub use text::{MAX_BYTES, text};
pub use tree::{Document, Entry, Mapping, Node, Scalar, Value};

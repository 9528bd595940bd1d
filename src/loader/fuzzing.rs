//! The loader's readers of bytes from outside, for the targets of `fuzz/`. Not for others.

use super::{events, meta::Meta, node};
use crate::bundle::Manifest;

/// The events of records of a policy, a line each.
pub fn events(manifest: &Manifest, records: &[&[u8]]) -> String {
    let lines = events::lines(manifest, records).expect("memory can be written");
    String::from_utf8(lines).expect("events are text")
}

/// The functions of a list of symbols.
pub fn symbols(bytes: &[u8]) -> usize {
    node::function_names(bytes).map_or(0, |names| names.len())
}

/// What an earlier loader remembers of a policy.
pub fn meta(bytes: &[u8]) -> bool {
    Meta::decode(bytes).is_some()
}

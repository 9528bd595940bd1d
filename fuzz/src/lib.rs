//! What is fuzzed: the targets, and their first inputs.

pub mod bundles;
pub mod seeds;
pub mod targets;

//! What the loader reads of a node beside its types: the list of symbols, and what an earlier loader left on bpffs.

use tpc::loader::fuzzing;

/// The lists are read without a panic.
pub fn run(bytes: &[u8]) {
    fuzzing::symbols(bytes);
    fuzzing::meta(bytes);
}

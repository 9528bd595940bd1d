//! What the loader reads of a node beside its types: the list of symbols, and what an earlier loader left on bpffs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tpc::loader::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::symbols(bytes);
    fuzzing::meta(bytes);
});

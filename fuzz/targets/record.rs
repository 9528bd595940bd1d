#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tpc_fuzz::targets::record::run(bytes));

//! The compiled programs do what the reference interpreter says.

#[path = "oracle/mod.rs"]
mod oracle;
#[path = "oracle/short.rs"]
mod short;

use oracle::Kernels;

/// Cases of the bounded run, and calls of each.
const CASES: u64 = 40;
const CALLS: usize = 24;

#[test]
fn programs_do_what_policies_mean() {
    let kernels = Kernels::default();
    let mut total = oracle::Count::default();
    let first = std::env::var("TPC_ORACLE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    for seed in first..first + CASES {
        match oracle::random(seed, CALLS, &kernels) {
            Ok(count) => total.add(&count),
            Err(failure) => {
                let failure = oracle::shrink::shrink(failure, &kernels);
                panic!("{}", failure.report(seed));
            }
        }
    }
    println!("{total:?}");
}

//! The compiled programs do what the reference interpreter says.

#[path = "oracle/found.rs"]
mod found;
#[path = "oracle/mod.rs"]
mod oracle;
#[path = "oracle/passes.rs"]
mod passes;
#[path = "oracle/short.rs"]
mod short;

use oracle::Kernels;
use oracle::run::Plan;

#[test]
fn programs_do_what_policies_mean() {
    let plan = Plan {
        seed: 1,
        cases: 1000,
        calls: 100,
        threads: 2,
    };
    let done = plan.run(|progress| progress.failures.is_empty());
    if let Some((seed, failure)) = done.failures.into_iter().next() {
        let failure = oracle::shrink::shrink(failure, &Kernels::default());
        panic!("seed {seed}: {}", failure.report());
    }
    let oracle::Count {
        pairs,
        matched,
        reported,
        too_large,
    } = done.count;
    println!(
        "{pairs} pairs, {matched} matched, {reported} reported, {too_large} policies too large"
    );
    assert!(pairs >= 100_000 - 100 * too_large && matched > pairs / 3 && reported > pairs / 5);
}

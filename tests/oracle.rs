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
use oracle::built::Refusal;
use oracle::run::Plan;

/// How many of the test's policies may be too large: a code generator that refuses what it finds hard passes every comparison.
const MOST_REFUSED: [(Refusal, u64); 4] = [
    (Refusal::Set, 0),
    (Refusal::Scratch, 0),
    (Refusal::Stack, 0),
    (Refusal::Distance, 0),
];

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
        refused,
    } = done.count;
    println!("{pairs} pairs, {matched} matched, {reported} reported, too large: {refused:?}");
    assert_eq!(
        pairs,
        (plan.cases - refused.values().sum::<u64>()) * plan.calls as u64
    );
    assert!(matched > pairs / 3 && reported > pairs / 5);
    for (refusal, most) in MOST_REFUSED {
        let count = refused.get(&refusal).copied().unwrap_or(0);
        assert!(count <= most, "{count} policies are refused: {refusal:?}");
    }
}

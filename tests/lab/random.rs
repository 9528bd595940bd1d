//! Random choices, shared with the oracle.

#[path = "../oracle/dice.rs"]
pub(crate) mod dice;
#[path = "../oracle/policies.rs"]
#[expect(dead_code, reason = "the oracle uses the rest")]
pub(crate) mod policies;
#[path = "../oracle/words.rs"]
#[expect(dead_code, reason = "the oracle uses the rest")]
pub(crate) mod words;

//! Policies with numbered selectors.
//!
//! Selector `n` matches only calls whose number is `FIRST + n`, and one command makes the calls of all numbers. Its events tell which
//! of the filters matched.

use super::event;
use crate::script::Event;

/// Number of the first selector's calls.
pub(super) const FIRST: usize = 0x5700;

/// Selectors for the calls of a number each; `filters` are what they have beside `matchArgs`'s number.
pub(super) fn numbered(call: &str, args: &str, number: &str, filters: &[&str]) -> String {
    let mut hook = format!(
        "  - call: {call}\n    syscall: {}\n    args: {args}\n    selectors:\n",
        call.starts_with("sys_")
    );
    for (n, filter) in filters.iter().enumerate() {
        hook += &format!(
            "    - matchArgs:\n      - {{{number}, operator: Equal, values: ['{}']}}\n",
            FIRST + n
        );
        for line in filter.lines() {
            hook += &format!("      {line}\n");
        }
    }
    hook
}

/// The events of the numbers' selectors.
pub(super) fn matched(numbers: &[usize]) -> Vec<Event> {
    let shown = |n: &usize| event(&[("args.0.int_arg", &(FIRST + n).to_string())]);
    numbers.iter().map(shown).collect()
}

//! The decision about a text, before it becomes code.
//!
//! In: a set of strings and how they are compared. Out: a [`Step`].
//!
//! * *Equal*: first the length, then among values of one length the word of eight bytes that tells most of them apart, then the
//!   next; a single value that is left is compared word by word.
//! * *Prefix*: a trie of words. A word that has the first byte as its most significant one is a number, and a value that ends
//!   inside the word is an interval of such numbers. No value is a prefix of another, so that the intervals are disjoint, and one
//!   search finds the only value that is possible.
//! * *Postfix*: the same from the end, where the last byte is the most significant one.
//!
//! Words may reach over the text's end into bytes without meaning: before a hit the length is compared.

use std::collections::BTreeMap;

use super::super::outline::{MAX_FUNCTION, runs};
use super::super::tree::{Order, Parts, Tree};
use super::super::{HIT, MISS};
use crate::ir::TextMatch;

/// Bytes of a word.
const WORD: u32 = 8;

/// A decision.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// It is made: [`HIT`] or [`MISS`].
    Exit(usize),
    /// A text that is shorter than this misses.
    AtLeast(u32, Box<Step>),
    /// A number decides how to go on.
    Look(Look),
    /// In a function of its own.
    Outlined(Box<Step>),
}

/// A number of the text, and what its values lead to.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Number,
    /// Outcomes are indices in `arms`.
    pub(super) tree: Tree,
    pub(super) arms: Vec<Step>,
}

/// What a decision looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// The text's length.
    Length,
    /// Eight bytes from byte `at` on of a text that has `len` bytes, the first byte least significant. Of a text of fewer than eight
    /// bytes, these bytes in the most significant places.
    Known { len: u32, at: u32 },
    /// Eight bytes from byte `at` on, the first byte most significant.
    FromStart { at: u32 },
    /// The eight bytes in front of the last `at`, the last byte most significant.
    FromEnd { at: u32 },
}

impl Number {
    pub(super) fn order(self) -> Order {
        match self {
            Self::Length => Order::U32,
            _ => Order::U64,
        }
    }

    /// Slots that getting the number takes, at most.
    fn slots(self) -> usize {
        match self {
            Self::Length => 0,
            Self::Known { .. } | Self::FromStart { .. } => 2,
            Self::FromEnd { .. } => 3,
        }
    }
}

/// The decision whether a text matches one of the values, none of which includes another.
pub(super) fn plan(how: TextMatch, values: &[&[u8]]) -> Step {
    if values.is_empty() {
        return Step::Exit(MISS);
    }
    match how {
        TextMatch::Equal => equal(values),
        TextMatch::Prefix => trie(values, 0, &|at| Number::FromStart { at }),
        TextMatch::Postfix => {
            let reversed: Vec<Vec<u8>> = values
                .iter()
                .map(|value| value.iter().rev().copied().collect())
                .collect();
            let reversed: Vec<&[u8]> = reversed.iter().map(Vec::as_slice).collect();
            trie(&reversed, 0, &|at| Number::FromEnd { at })
        }
    }
}

impl Step {
    /// Instruction slots.
    pub(super) fn slots(&self) -> usize {
        match self {
            Self::Exit(_) => 1,
            Self::AtLeast(_, then) => 1 + then.slots(),
            Self::Look(look) => look.own_slots() + look.arms.iter().map(Self::slots).sum::<usize>(),
            Self::Outlined(_) => 6,
        }
    }

    /// Slots with those of functions of their own.
    pub(super) fn total(&self) -> usize {
        match self {
            Self::Exit(_) => 1,
            Self::AtLeast(_, then) => 1 + then.total(),
            Self::Look(look) => look.own_slots() + look.arms.iter().map(Self::total).sum::<usize>(),
            Self::Outlined(inner) => 20 + inner.total(),
        }
    }
}

impl Look {
    fn own_slots(&self) -> usize {
        self.at.slots() + self.tree.cost(self.at.order()).slots as usize
    }
}

/// A branch of a decision: numbers from the first to the second lead to the step.
type Branch = (u64, u64, Step);

/// Branches in ascending order; all other numbers miss.
fn look(at: Number, branches: Vec<Branch>) -> Step {
    let weights = branches.iter().map(|(_, _, step)| 6 + step.slots());
    let ends = runs(weights, MAX_FUNCTION);
    if ends.len() > 1 {
        return split(at, branches, &ends);
    }
    let last = match at {
        Number::Length => u32::MAX.into(),
        _ => u64::MAX.into(),
    };
    let mut parts = Parts::new(0, last, 0);
    let mut arms = vec![Step::Exit(MISS)];
    for (lo, hi, step) in branches {
        parts.add(lo.into(), hi.into(), arms.len(), 0);
        arms.push(step);
    }
    let tree = Tree::plan(&parts, at.order());
    Step::Look(Look { at, tree, arms })
}

/// Runs of branches in functions of their own.
fn split(at: Number, branches: Vec<Branch>, ends: &[usize]) -> Step {
    let mut rest = branches.into_iter();
    let mut start = 0;
    let mut outer = Vec::new();
    for end in ends {
        let run: Vec<Branch> = rest.by_ref().take(end - start).collect();
        start = *end;
        let bounds = run
            .first()
            .zip(run.last())
            .map(|(first, last)| (first.0, last.1));
        if let Some((lo, hi)) = bounds {
            outer.push((lo, hi, Step::Outlined(Box::new(look(at, run)))));
        }
    }
    look(at, outer)
}

fn equal(values: &[&[u8]]) -> Step {
    let mut lengths: BTreeMap<u32, Vec<&[u8]>> = BTreeMap::new();
    for value in values {
        lengths.entry(value.len() as u32).or_default().push(value);
    }
    let branch = |(len, values): (u32, Vec<&[u8]>)| -> Branch {
        (
            len.into(),
            len.into(),
            same_length(&values, len, &places(len)),
        )
    };
    look(Number::Length, lengths.into_iter().map(branch).collect())
}

/// Places of words that cover a text of this length; the last two may overlap.
fn places(len: u32) -> Vec<u32> {
    if len <= WORD {
        return vec![0];
    }
    let whole = (0..len / WORD).map(|word| word * WORD);
    let rest = (!len.is_multiple_of(WORD)).then(|| len - WORD);
    whole.chain(rest).collect()
}

/// Values of one length that agree outside the `open` places.
fn same_length(values: &[&[u8]], len: u32, open: &[u32]) -> Step {
    let best = open
        .iter()
        .copied()
        .max_by_key(|at| by_word(values, *at).len());
    let Some(at) = best else {
        return Step::Exit(HIT);
    };
    let open: Vec<u32> = open.iter().copied().filter(|other| *other != at).collect();
    let branch = |(word, values): (u64, Vec<&[u8]>)| (word, word, same_length(&values, len, &open));
    look(
        Number::Known { len, at },
        by_word(values, at).into_iter().map(branch).collect(),
    )
}

/// Values by their word at a place, as [`Number::Known`] has it.
fn by_word<'a>(values: &[&'a [u8]], at: u32) -> BTreeMap<u64, Vec<&'a [u8]>> {
    let mut words: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
    for value in values {
        let bytes = &value[at as usize..];
        let bytes = &bytes[..bytes.len().min(WORD as usize)];
        let mut raw = [0; WORD as usize];
        raw[WORD as usize - bytes.len()..].copy_from_slice(bytes);
        words
            .entry(u64::from_le_bytes(raw))
            .or_default()
            .push(value);
    }
    words
}

/// Values that agree in their first `depth` bytes, which the text has too.
fn trie(values: &[&[u8]], depth: u32, number: &impl Fn(u32) -> Number) -> Step {
    let mut ending: BTreeMap<u64, Branch> = BTreeMap::new();
    let mut going_on: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
    for value in values {
        let rest = &value[depth as usize..];
        match rest.split_first_chunk::<{ WORD as usize }>() {
            Some((word, more)) if !more.is_empty() => {
                going_on
                    .entry(u64::from_be_bytes(*word))
                    .or_default()
                    .push(value);
            }
            _ => {
                let (lo, hi) = interval(rest);
                let hit = Step::AtLeast(value.len() as u32, Box::new(Step::Exit(HIT)));
                ending.insert(lo, (lo, hi, hit));
            }
        }
    }
    for (word, values) in going_on {
        ending.insert(word, (word, word, trie(&values, depth + WORD, number)));
    }
    let shortest = values.iter().map(|value| value.len()).min().unwrap_or(0);
    let decide = look(number(depth), ending.into_values().collect());
    Step::AtLeast(shortest as u32, Box::new(decide))
}

/// The words that begin with one to eight bytes.
fn interval(bytes: &[u8]) -> (u64, u64) {
    let mut low = [0; WORD as usize];
    low[..bytes.len()].copy_from_slice(bytes);
    let mut high = [u8::MAX; WORD as usize];
    high[..bytes.len()].copy_from_slice(bytes);
    (u64::from_be_bytes(low), u64::from_be_bytes(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cover_every_byte() {
        assert_eq!(places(3), [0]);
        assert_eq!(places(8), [0]);
        assert_eq!(places(9), [0, 1]);
        assert_eq!(places(24), [0, 8, 16]);
        assert_eq!(places(27), [0, 8, 16, 19]);
    }

    #[test]
    fn a_value_that_ends_in_a_word_is_an_interval() {
        assert_eq!(
            interval(b"a"),
            (0x6100_0000_0000_0000, 0x61ff_ffff_ffff_ffff)
        );
        assert_eq!(
            interval(b"12345678"),
            (0x3132_3334_3536_3738, 0x3132_3334_3536_3738)
        );
    }

    #[test]
    fn the_longest_way_grows_with_the_logarithm_of_the_values() {
        fn steps(step: &Step) -> u32 {
            match step {
                Step::Exit(_) => 1,
                Step::AtLeast(_, then) => 1 + steps(then),
                Step::Look(look) => {
                    let arms = look.arms.iter().map(steps).max().unwrap_or(0);
                    2 + look.tree.cost(look.at.order()).steps + arms
                }
                Step::Outlined(inner) => 20 + steps(inner),
            }
        }
        let values: Vec<String> = (0..1000)
            .map(|n| format!("/srv/data/file-{:04}", n * 7919 % 10_000))
            .collect();
        let longest = |count: usize, how| {
            let mut values: Vec<&[u8]> = values[..count]
                .iter()
                .map(|value| value.as_bytes())
                .collect();
            values.sort_unstable();
            steps(&plan(how, &values))
        };
        for how in [TextMatch::Equal, TextMatch::Prefix, TextMatch::Postfix] {
            let (ten, thousand) = (longest(10, how), longest(1000, how));
            // A hundred times as many values: seven halvings, each two or three instructions a level.
            assert!(thousand < ten + 50, "{how:?}: {ten} and {thousand}");
        }
    }
}

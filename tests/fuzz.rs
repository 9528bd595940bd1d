//! The fuzz targets hold on their first inputs, and on small changes of these. Fuzzing itself is long, and needs another compiler.

#![allow(unreachable_pub, reason = "public in the package of the targets")]

#[path = "../fuzz/src/bundles.rs"]
mod bundles;
#[path = "../fuzz/src/seeds.rs"]
mod seeds;
#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use rayon::prelude::*;

use targets::Run;

/// Changes of each input.
const CHANGES: usize = 8;

#[test]
fn targets_hold_close_to_their_seeds() {
    let seeds = seeds::all();
    for (name, _) in targets::ALL {
        let has_seed = seeds.iter().any(|seed| seed.target == *name);
        assert!(has_seed, "the target {name} has no seed");
    }
    seeds.par_iter().for_each(|seed| {
        let named = |(name, _): &&(&str, Run)| *name == seed.target;
        let (_, run) = targets::ALL.iter().find(named).expect("a target");
        let held = std::panic::catch_unwind(|| {
            run(&seed.bytes);
            (0..CHANGES).for_each(|number| run(&changed(&seed.bytes, number)));
        });
        assert!(held.is_ok(), "{}, {}", seed.target, seed.name);
    });
}

/// Some bytes are other bytes or are away, at places that are spread over the input.
fn changed(bytes: &[u8], number: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let at = (number * 2 + 1) * bytes.len() / (2 * CHANGES);
    match number % 4 {
        0 => out.truncate(at),
        1 => out[at] ^= 1 << (number % 8),
        2 => drop(out.drain(at..(at + 3).min(bytes.len()))),
        _ => out[at] = 0xff,
    }
    out
}

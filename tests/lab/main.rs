//! Policies on real kernels: compiled here, loaded, triggered and observed under QEMU.
//!
//! Nothing is skipped: what the lab lacks it fetches, and what it cannot get is a failure that says how to get it.

#[path = "../shared/blocks.rs"]
mod blocks;
mod bundles;
mod corpus;
mod facts;
mod harness;
mod judge;
mod lifecycle;
mod loaders;
mod measured;
mod random;
mod readme;
mod scenarios;
mod script;
mod tested;
mod verifiers;

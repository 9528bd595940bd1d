//! Policies on real kernels: compiled here, loaded, triggered and observed under QEMU.
//!
//! Nothing is skipped: what the lab lacks it fetches, and what it cannot get is a failure that says how to get it.

mod bundles;
mod corpus;
mod harness;
mod judge;
mod lifecycle;
mod loaders;
mod measured;
mod random;
mod scenarios;
mod script;
mod verifiers;

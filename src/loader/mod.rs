//! Bundles into the running kernel, and what it reports.
//!
//! In: bundles, verified by [`bundle`](crate::bundle). Out: programs, maps and links pinned on bpffs, and events as lines of JSON.
//! [`load`] checks everything that the policies need before it changes anything, and loads all or nothing. What is loaded does not
//! need the loader: it enforces until [`unload`]. Uses none of the compiler's modules; `unsafe` is in `sys` alone.

pub mod cli;
mod error;
mod events;
#[doc(hidden)]
pub mod fuzzing;
mod list;
mod load;
mod meta;
mod node;
mod pins;
mod preflight;
mod sys;

pub use error::{Error, Lack, Refusal};
pub use events::{Options as EventOptions, stream};
pub use list::{ListedHook, Policy, list};
pub use load::{Loaded, LoadedHook, check, load, unload};

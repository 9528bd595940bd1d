//! Bundles: what the compiler hands to the loader.
//!
//! A bundle is a directory, or a part of a `.tar.gz`, with a [`Manifest`], one BPF object and the policy's source. In: the
//! bytes of these files. Out: a [`Bundle`], which exists only if every file has the size and digest that the manifest
//! states. Holds: the same content gives the same bytes; reading bounds sizes before it allocates, follows no links and
//! never panics. Knows neither compiler nor kernel.

mod archive;
mod digest;
mod error;
mod manifest;
mod read;
mod record;

pub use archive::{pack, unpack};
pub use digest::sha256;
pub use error::Error;
pub use manifest::*;
pub use read::{Bundle, open};
pub use record::{Process, Record, Section};

/// Name of the manifest in its bundle.
pub const MANIFEST: &str = "manifest.json";
/// Name of the object in its bundle.
pub const OBJECT: &str = "policy.bpf.o";
/// Name of the policy's source in its bundle.
pub const SOURCE: &str = "policy.yaml";

/// Content of a file, by name.
pub type Files = std::collections::BTreeMap<String, Vec<u8>>;

/// Largest size of one file of a bundle in bytes.
const MAX_FILE: u64 = 64 << 20;
/// Most bundles in one archive or directory.
const MAX_BUNDLES: usize = 10_000;

#[cfg(test)]
pub(crate) use record::tests;

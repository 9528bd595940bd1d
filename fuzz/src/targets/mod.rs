//! Targets: each takes any bytes, and panics if what is true of all bytes is not true of these.

pub mod archive;
pub mod btf;
pub mod config;
pub mod facts;
pub mod lint;
pub mod manifest;
pub mod node;
pub mod object;
pub mod record;
pub mod tests;
pub mod yaml;

/// A target.
pub type Run = fn(&[u8]);

/// All of them, by name.
pub const ALL: &[(&str, Run)] = &[
    ("archive", archive::run),
    ("btf", btf::run),
    ("config", config::run),
    ("facts", facts::run),
    ("lint", lint::run),
    ("manifest", manifest::run),
    ("node", node::run),
    ("object", object::run),
    ("record", record::run),
    ("tests", tests::run),
    ("yaml", yaml::run),
];

//! Facts about Linux systems beyond the kernel, as tables: what distributions link where, and which processes a node
//! cannot do without. Facts about the kernel are in [`kernel`](crate::kernel).

pub mod essential;
pub mod links;

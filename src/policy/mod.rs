//! The TracingPolicy object, decoded from YAML without judging its meaning.
//!
//! In: the documents of [`yaml`](crate::yaml). Out: a [`Policy`] per TracingPolicy
//! document, where every leaf knows its place. All problems of a document are
//! reported in one run; one that is reported is not reported again as another.

mod decode;
mod document;
pub mod history;
mod model;
mod names;
mod schema;
mod shape;
mod suggest;
mod words;

pub use document::{API_VERSION, decode};
pub use model::{
    Action, Arg, ArgFilter, BinaryFilter, CallIgnore, CapabilityFilter, DigestIgnore, Enforcer,
    Kprobe, LabelExpression, LabelSelector, List, LsmHook, Named, NamespaceChangeFilter,
    NamespaceFilter, PidFilter, Policy, PolicyOption, Selector, Spec, Tracepoint, Uprobe, Usdt,
    Workloads, is_set,
};
pub use names::label_value;
pub use schema::schema;
pub use shape::{Use, uses};
pub use suggest::nearest;
pub use words::*;

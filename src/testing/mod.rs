//! Tests of policies: `tpc test`.
//!
//! In: a test file ([`decode`]) and the policy that it belongs to. Out: for each case whether the policy does what the case expects, and
//! why not ([`run`]); what no case has exercised. A case is a call of a hooked function, written as its author thinks of it; it
//! becomes a [`Scene`](crate::sim::scene::Scene), which the compiled programs and the reference interpreter judge. [`lab`] makes the same
//! calls on a real kernel. `docs/test.md` describes the format.

mod call;
mod cover;
mod expect;
mod files;
mod format;
mod init;
pub mod lab;
mod machines;
mod names;
mod on_kernels;
mod plan;
mod process;
mod report;
mod run;
mod shape;
mod shown;
mod terms;
mod titles;
mod value;
mod why;
mod words;
mod written;

pub use cover::{Cover, Gap, Share, Shares, of_policies};
pub use format::schema;
pub use init::init;
pub use machines::Kernels;
pub use names::{is_test_file, is_test_of_one, policy_of, test_of, test_of_one};
pub use report::{Results, report_schema};
pub use run::{CaseResult, FileResult, OnKernel, Performed, Tests, Verdict, decode, run};

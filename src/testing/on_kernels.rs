//! Results on real kernels, as text and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::run::{CaseResult, OnKernel, Performed};

/// What came out on one kernel.
#[derive(Default)]
struct Sum<'a> {
    performed: usize,
    failed: usize,
    /// Cases by the reason that they were not performed for.
    rest: BTreeMap<&'a str, Vec<&'a str>>,
}

fn by_kernel<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> BTreeMap<&'a str, Sum<'a>> {
    let mut all: BTreeMap<&str, Sum<'_>> = BTreeMap::new();
    for case in cases {
        for OnKernel { kernel, performed } in &case.kernels {
            let sum = all.entry(kernel).or_default();
            match performed {
                Performed::AsExpected => sum.performed += 1,
                Performed::Failed(_) => {
                    sum.performed += 1;
                    sum.failed += 1;
                }
                Performed::NoTrigger(reason) => {
                    sum.rest.entry(reason).or_default().push(&case.name);
                }
            }
        }
    }
    all
}

impl Sum<'_> {
    fn text(&self) -> String {
        let rest: usize = self.rest.values().map(Vec::len).sum();
        let outcome = match self.failed {
            0 => format!("{} performed, all as expected", self.performed),
            failed => format!("{} performed, {failed} failed", self.performed),
        };
        match (self.performed, rest) {
            (_, 0) => outcome,
            (0, _) => format!("none performed; {rest} have no trigger"),
            (_, 1) => format!("{outcome}; 1 has no trigger"),
            _ => format!("{outcome}; {rest} have no trigger"),
        }
    }
}

/// Lines about each kernel: how many cases were performed, and every one that was not, with the reason.
pub(super) fn summary(cases: &[CaseResult]) -> String {
    let mut out = String::new();
    for (kernel, sum) in by_kernel(cases.iter()) {
        out.push_str(&format!("     {kernel}: {}\n", sum.text()));
        for (reason, names) in &sum.rest {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            out.push_str(&format!("       {reason}: {}\n", names.join(", ")));
        }
    }
    out
}

/// One line for each kernel, of all files.
pub(super) fn sums<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> String {
    let kernels = by_kernel(cases).into_iter();
    let line = |(kernel, sum): (&str, Sum<'_>)| format!("     {kernel}: {}\n", sum.text());
    kernels.map(line).collect()
}

/// A case on a real kernel.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Entry {
    kernel: String,
    result: Word,
    /// Why there is no trigger.
    reason: Option<String>,
}

#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Passed,
    Failed,
    /// It was not performed, and counts as neither.
    NoTrigger,
}

pub(super) fn entry(of: &OnKernel) -> Entry {
    let (result, reason) = match &of.performed {
        Performed::AsExpected => (Word::Passed, None),
        Performed::Failed(_) => (Word::Failed, None),
        Performed::NoTrigger(reason) => (Word::NoTrigger, Some(reason.clone())),
    };
    Entry {
        kernel: of.kernel.clone(),
        result,
        reason,
    }
}

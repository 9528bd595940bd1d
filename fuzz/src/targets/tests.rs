//! Test files of policies: whatever is in them, each case has a verdict on which the interpreter and the programs agree.
//!
//! The first byte chooses the example that the tests are of.

use std::sync::LazyLock;

use super::super::bundles::{Example, bundles};
use tpc::diag::{Sink, Sources};
use tpc::testing::{self, Kernels, Verdict};

/// Longer files make slow runs, not new ways.
const MAX: usize = 8192;

static EXAMPLES: LazyLock<Vec<Example>> = LazyLock::new(bundles);

thread_local! {
    static KERNELS: Kernels = Kernels::default();
}

/// Interpreter and programs agree on every case.
pub fn run(bytes: &[u8]) {
    let Some((&number, bytes)) = bytes.split_first() else {
        return;
    };
    if bytes.len() > MAX {
        return;
    }
    let example = &EXAMPLES[usize::from(number) % EXAMPLES.len()];
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let Some(file) = tpc::yaml::text("a.test.yaml", bytes, &mut sources, &mut sink) else {
        return;
    };
    let Some(tests) = testing::decode(file, &sources, &mut sink) else {
        return;
    };
    let text = String::from_utf8_lossy(&example.source);
    let file = sources.add("a.yaml", text.as_ref());
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    let run =
        |kernels: &Kernels| testing::run(&tests, &policies[0], &sources, "", kernels, &mut sink);
    for case in KERNELS.with(run).iter().flat_map(|result| &result.cases) {
        if let Verdict::Disagreed(difference, call) = &case.verdict {
            panic!("{difference:?}\n{call}");
        }
    }
}

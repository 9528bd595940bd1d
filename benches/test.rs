//! Time of `tpc test` on all example policies: reading, compiling and running all cases, several files at once.
//!
//! Fails above one second.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The best of some runs: what else the machine does is no property of tpc.
const RUNS: usize = 5;
const LIMIT: Duration = Duration::from_secs(1);

fn main() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/examples");
    let one = |_| {
        let start = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_tpc"))
            .args(["test", "--cover-min", "100"])
            .arg(&examples)
            .output()
            .expect("the binary runs");
        let time = start.elapsed();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        (time, text.lines().last().unwrap_or_default().to_owned())
    };
    let (best, summary) = (0..RUNS).map(one).min().expect("some runs");
    println!("{summary}: {} ms", best.as_millis());
    assert!(best < LIMIT, "tests of the examples take {best:?}");
}

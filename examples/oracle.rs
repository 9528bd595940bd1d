//! The oracle without an end: `cargo run --profile oracle --example oracle -- [--seconds N] [--seed S] [--calls N] [--survey]`.
//!
//! Ends with 1 at the first case that fails, after making it as small as it can. With `--survey` it goes on, and shows a line for each.

#[path = "../tests/oracle/mod.rs"]
mod oracle;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use oracle::{Count, Kernels};

/// A number behind a flag.
fn option(name: &str) -> Option<u64> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1)?.parse().ok()
}

fn main() -> ExitCode {
    let (first, calls) = (
        option("--seed").unwrap_or(1),
        option("--calls").unwrap_or(24) as usize,
    );
    let end = option("--seconds").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (kernels, start, mut total) = (Kernels::default(), Instant::now(), Count::default());
    let survey = std::env::args().any(|arg| arg == "--survey");
    // Panics are failures of a case.
    std::panic::set_hook(Box::new(|_| ()));
    for seed in first.. {
        match oracle::random(seed, calls, &kernels) {
            Ok(count) => total.add(&count),
            Err(failure) if survey => {
                let _ = writeln!(std::io::stdout(), "{seed}: {}", failure.error);
            }
            Err(failure) => {
                let text = oracle::shrink::shrink(failure, &kernels).report(seed);
                let _ = writeln!(std::io::stdout(), "{text}");
                return ExitCode::from(1);
            }
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            let rate = total.pairs as f64 / start.elapsed().as_secs_f64();
            let _ = writeln!(
                std::io::stdout(),
                "seeds {first} to {seed}: {total:?}, {rate:.0} pairs a second"
            );
            break;
        }
    }
    ExitCode::SUCCESS
}

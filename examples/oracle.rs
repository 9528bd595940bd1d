//! The oracle for as long as you like: `cargo run --profile oracle --example oracle -- [--seed N] [--pairs N] [--calls N] [--threads N] [--all | --first]`.
//!
//! Random policies with `--calls` random calls each, from `--seed` on, until there were so many `--pairs` of a policy and a call, or without
//! end. Ends with 1 at the first case that fails, after making it as small as it can. With `--first` it does not make it smaller; with `--all`
//! it goes on, with a line for each.

#[path = "../tests/oracle/mod.rs"]
mod oracle;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use oracle::Kernels;
use oracle::run::{Plan, Progress};

/// Time between two reports of progress.
const PACE: Duration = Duration::from_secs(10);

/// A number behind a flag.
fn option(name: &str) -> Option<u64> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1)?.parse().ok()
}

fn main() -> ExitCode {
    let calls = option("--calls").unwrap_or(128);
    let cases = option("--pairs").map_or(u64::MAX, |pairs| pairs.div_ceil(calls));
    let plan = Plan {
        seed: option("--seed").unwrap_or(1),
        cases,
        calls: calls as usize,
        threads: option("--threads").unwrap_or(2) as usize,
    };
    let flag = |name: &str| std::env::args().any(|arg| arg == name);
    let (all, first) = (flag("--all"), flag("--first"));
    // Panics are failures of a case.
    std::panic::set_hook(Box::new(|_| ()));
    let (start, told) = (Instant::now(), Mutex::new((Instant::now(), 0)));
    let done = plan.run(|progress| {
        let mut told = told.lock().expect("no thread panics with it");
        for (seed, failure) in &progress.failures[told.1..] {
            say(&format!("seed {seed}: {}", failure.error));
        }
        told.1 = progress.failures.len();
        if told.0.elapsed() > PACE {
            told.0 = Instant::now();
            say(&line(&plan, progress, start));
        }
        all || progress.failures.is_empty()
    });
    say(&line(&plan, &done, start));
    let failed = !done.failures.is_empty();
    if !all
        && !first
        && let Some((seed, failure)) = done.failures.into_iter().next()
    {
        let failure = oracle::shrink::shrink(failure, &Kernels::default());
        say(&format!("seed {seed}: {}", failure.report()));
    }
    ExitCode::from(u8::from(failed))
}

fn line(plan: &Plan, progress: &Progress, start: Instant) -> String {
    let rate = progress.count.pairs as f64 / start.elapsed().as_secs_f64();
    format!(
        "seeds from {}: {} policies, {:?}, {} failed, {rate:.0} pairs a second",
        plan.seed,
        progress.cases,
        progress.count,
        progress.failures.len()
    )
}

fn say(text: &str) {
    // Nobody who listens: no reason to stop.
    let _ = writeln!(stdout(), "{text}");
}

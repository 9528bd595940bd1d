//! The oracle for as long as you like: `cargo run --profile oracle --example oracle -- [--seed N] [--pairs N] [--calls N] [--threads N] [--all | --first]`.
//!
//! Random policies with `--calls` random calls each, from `--seed` on, until there were so many `--pairs` of a policy and a call, or without
//! end. Ends with 1 at the first case that fails, after making it as small as it can. With `--first` it does not make it smaller; with `--all`
//! it goes on, with a line for each. Ends with 2 if it does not understand what it shall do.

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

/// What the command line asks for.
struct Options {
    plan: Plan,
    all: bool,
    first: bool,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut seed, mut pairs, mut calls, mut threads) = (1, None, 128, 2);
        let (mut all, mut first) = (false, false);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--seed" => seed = number(&arg, args.next(), 0)?,
                "--pairs" => pairs = Some(number(&arg, args.next(), 1)?),
                "--calls" => calls = number(&arg, args.next(), 1)?,
                "--threads" => threads = number(&arg, args.next(), 1)?,
                "--all" => all = true,
                "--first" => first = true,
                _ => return Err(format!("`{arg}` is no option")),
            }
        }
        let plan = Plan {
            seed,
            cases: pairs.map_or(u64::MAX, |pairs: u64| pairs.div_ceil(calls)),
            calls: calls as usize,
            threads: threads as usize,
        };
        Ok(Self { plan, all, first })
    }
}

/// A number behind a flag, not below `least`.
fn number(flag: &str, value: Option<String>, least: u64) -> Result<u64, String> {
    let value = value.unwrap_or_default();
    let number = value.parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| format!("{flag} takes a number from {least} on, not `{value}`"))
}

fn main() -> ExitCode {
    let Options { plan, all, first } = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("oracle: {error}");
            return ExitCode::from(2);
        }
    };
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

//! The kernel as third judge: what policies do to real calls is what the reference interpreter says.
//!
//! Random policies and calls that can be performed come from a seed. A driver performs the calls on both kernels, first without any
//! policy, then with groups of policies loaded. Whether a caller is killed, what its call returns, which signals it gets and which
//! events there are must be what the interpreter says of the same policy and the same call. Policies that only report share one
//! group and all calls; of those that act no two of a group concern one call.

mod call;
mod calls;
mod files;
mod groups;
pub(crate) mod hooks;
mod policies;
mod predict;
mod script;
mod shown;
mod verdict;

use std::time::Duration;

use crate::harness::build::LOADER;
use crate::harness::cpio::Archive;
use crate::harness::job::{End, Job, Outcome};
use crate::harness::qemu::Clock;
use crate::harness::{KERNELS, Kernel, Lab};
use crate::random::dice::Dice;
use crate::script::with_links;

use call::Call;
use groups::Group;
use policies::Policy;
use script::Answer;
use verdict::Count;

/// The driver on the guest.
pub(crate) const DRIVER: &str = "/bin/driver";
/// Policies that only report, and policies that act.
const OBSERVING: usize = 190;
const ACTING: usize = 120;
/// Calls whose events have room in the ring buffers.
const BETWEEN_READS: usize = 60;

#[test]
fn kernels_do_what_policies_mean() {
    let calls = calls::all(&mut Dice::new(7));
    let policies = policies(&calls);
    let groups = groups::all(&policies, &calls);
    let lab = Lab::shared();
    let results = std::thread::scope(|scope| {
        let runs = [0, 1].map(|number| {
            let (calls, groups) = (&calls, &groups);
            scope.spawn(move || compare(lab, number, calls, groups))
        });
        runs.map(|run| run.join().expect("a comparison does not panic"))
    });
    let mut failures = Vec::new();
    for (result, kernel) in results.into_iter().zip(KERNELS) {
        match result {
            Ok((count, wrong)) => {
                println!("kernel {}: {count:?}", kernel.name);
                failures.extend(
                    wrong
                        .iter()
                        .map(|one| format!("kernel {}: {one}", kernel.name)),
                );
                if !count.is_telling() {
                    failures.push(format!("kernel {}: too little happened", kernel.name));
                }
            }
            Err(error) => failures.push(format!("kernel {}: {error}", kernel.name)),
        }
    }
    println!(
        "{} policies in {} groups, {} calls",
        policies.len(),
        groups.len(),
        calls.len()
    );
    assert!(
        failures.is_empty(),
        "{} disagreements\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// All policies, by number. They are compiled by two threads: it takes as long as running them.
fn policies(calls: &[Call]) -> Vec<Policy> {
    let half = (OBSERVING + ACTING) / 2;
    let some = |numbers: std::ops::Range<usize>| {
        let policy = |number| policies::policy(number, number >= OBSERVING, calls);
        numbers.map(policy).collect::<Vec<Policy>>()
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| some(half..OBSERVING + ACTING));
        let mut all = some(0..half);
        all.extend(second.join().expect("every policy compiles"));
        all
    })
}

fn driver(arguments: &[&str]) -> Job {
    job(DRIVER, arguments)
}

fn loader(arguments: &[&str]) -> Job {
    job(LOADER, arguments)
}

/// One job does the work of many.
fn job(program: &str, arguments: &[&str]) -> Job {
    let timeout = Duration::from_secs(900);
    let argv = std::iter::once(program).chain(arguments.iter().copied());
    Job {
        timeout,
        ..Job::new(argv)
    }
}

/// Boots one kernel and compares; the disagreements.
fn compare(
    lab: &Lab,
    number: usize,
    calls: &[Call],
    groups: &[Group<'_>],
) -> Result<(Count, Vec<String>), String> {
    let kernel: Kernel = KERNELS[number];
    let mut files = Archive::default();
    let all: String = calls.iter().map(script::line).collect();
    files.file(
        "/lab/judge/all",
        0o644,
        (files::lines() + &all).into_bytes(),
    );
    let last = calls.len().to_string();
    let mut jobs = vec![
        driver(&["/lab/judge/all", "setup"]),
        driver(&["/lab/judge/all", "run", "0", &last]),
    ];
    for (at, group) in groups.iter().enumerate() {
        jobs.extend(group.jobs(at, number, &mut files));
    }
    let links: Vec<(String, String)> = files::PROGRAMS
        .iter()
        .map(|path| (DRIVER.to_owned(), (*path).to_owned()))
        .collect();
    let outcomes = lab.boot(kernel, &with_links(&files, &links), &jobs, Clock::Host)?;
    for (job, outcome) in jobs.iter().zip(&outcomes) {
        check(job, outcome)?;
    }
    let plain = script::answers(&outcomes[1].stdout)?;
    let (mut rest, mut count, mut wrong) = (&outcomes[2..], Count::default(), Vec::new());
    for group in groups {
        let (own, after) = rest.split_at(group.job_count());
        rest = after;
        verdict::judge(group, own, calls, &plain, &mut count, &mut wrong)?;
    }
    Ok((count, wrong))
}

fn check(job: &Job, outcome: &Outcome) -> Result<(), String> {
    if outcome.end == End::Exit(0) {
        return Ok(());
    }
    Err(format!(
        "{}: {:?}\n{}\n{}",
        job.argv.join(" "),
        outcome.end,
        outcome.stdout,
        outcome.stderr
    ))
}

/// An answer that is expected before there is one.
fn foreseen(call: &Call) -> Answer {
    Answer {
        id: call.id,
        driver: 100,
        parent: call.caller.parent,
        caller: call.caller.parent + 1,
        status: 0,
        returned: 0,
        signals: 0,
        // PROC_UTS_INIT_INO and its neighbours.
        namespaces: vec![0xEFFF_FFFE; 10],
    }
}

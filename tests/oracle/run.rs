//! Many cases, on several processors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Count, Failure, Kernels, random};

/// Cases to run: which ones are run does not depend on the processors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The first case is that of this seed, the others follow.
    pub(crate) seed: u64,
    pub(crate) cases: u64,
    /// Calls of each policy.
    pub(crate) calls: usize,
    pub(crate) threads: usize,
}

/// What a run has come to.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) cases: u64,
    pub(crate) count: Count,
    /// Cases that failed, by seed.
    pub(crate) failures: Vec<(u64, Failure)>,
}

impl Plan {
    /// Runs the cases; `each` is told after each, and says whether to go on.
    pub(crate) fn run(&self, each: impl Fn(&Progress) -> bool + Sync) -> Progress {
        let (next, progress) = (AtomicU64::new(0), Mutex::new(Progress::default()));
        let work = || {
            let kernels = Kernels::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.cases {
                    return;
                }
                let seed = self.seed + number;
                let done = random(seed, self.calls, &kernels);
                let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
                progress.cases += 1;
                match done {
                    Ok(count) => progress.count.add(&count),
                    Err(failure) => progress.failures.push((seed, failure)),
                }
                if !each(&progress) {
                    next.store(self.cases, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            (0..self.threads).for_each(|_| {
                scope.spawn(work);
            });
        });
        let mut progress = progress
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        progress.failures.sort_by_key(|(seed, _)| *seed);
        progress
    }
}

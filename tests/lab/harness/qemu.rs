//! One boot of one kernel that runs jobs.

use std::path::Path;
use std::time::Duration;

use tpc::lab::machine::{self, Progress};
pub(crate) use tpc::lab::machine::{Clock, SMALL, Setup};

use super::job::{Job, Outcome, decode};

/// Longest silence of a guest, on top of its job's own time limit.
const SILENCE: Duration = Duration::from_secs(120);

/// Boots and runs all jobs; `place` is a directory for the machine's files.
pub(crate) fn boot(
    image: &Path,
    place: &Path,
    initramfs: &[u8],
    jobs: &[Job],
    setup: Setup,
) -> Result<Vec<Outcome>, String> {
    // The guest's clock runs slower than ours when it counts instructions.
    let slower = match setup.clock {
        Clock::Instructions => 10,
        Clock::Host => 1,
    };
    let progress = |results: &[u8]| {
        let (outcomes, complete) = decode(results);
        let done = outcomes.len();
        if complete && done == jobs.len() {
            return Progress::Done;
        }
        let (time, what) = match jobs.get(done) {
            Some(job) => (job.timeout * slower, job.argv.join(" ")),
            None => (Duration::ZERO, String::new()),
        };
        Progress::At(
            done,
            SILENCE + time,
            format!("job {done} of {}: {what}", jobs.len()),
        )
    };
    let results = machine::boot(image, place, initramfs, setup, progress);
    Ok(decode(&results.map_err(|error| error.to_string())?).0)
}

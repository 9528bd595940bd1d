//! Cases on a real kernel.
//!
//! In: the cases of test files and a kernel. Out: for each case whether the kernel does what it expects, or why it was not performed. Each call is made
//! twice, by two processes of the described context: while a policy of the same hooks is loaded that reports every call and does nothing,
//! and under the policy itself. The first shows that the kernel comes to the function with what filters look at, and what the call
//! returns by itself; a case of which that is not so has *no trigger*, and counts as neither passed nor failed.
//!
//! * [`trigger`], with [`paths`], [`network`] and [`process`], knows the system call that leads to a function, [`context`] the process that makes it.
//! * [`jobs`] orders the calls; [`guest`], [`launch`], [`caller`] and [`setup`] write the guest's programs, which share [`slot`]s; [`results`] reads what they say.
//! * [`observed`] compares what the kernel showed with the case.

mod caller;
mod context;
mod guest;
mod jobs;
mod launch;
mod network;
mod observed;
mod paths;
mod process;
mod results;
mod setup;
mod slot;
mod trigger;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::run::{FileResult, OnKernel, Performed, Tests};
use crate::bundle::Files;
use crate::diag::{Diagnostic, Sources, code};
use crate::lab::cpio::{self, Archive};
use crate::lab::machine::{self, Clock, Progress, Setup};
use crate::lab::{Error, loader, make_dir};
use crate::policy::Policy;

use context::Context;
use jobs::{Job, Subject};
use results::{CallResult, PassResult};
use trigger::Trigger;

/// A kernel, and what a guest of it needs.
#[derive(Clone, Debug)]
pub struct Guest {
    /// As the user named it.
    pub kernel: String,
    pub image: PathBuf,
    /// The loader that runs in the guest.
    pub loader: PathBuf,
    /// A directory for the files of a machine while it runs.
    pub place: PathBuf,
}

/// A call for the guest.
#[derive(Clone, Debug)]
struct Call {
    slot: usize,
    context: Context,
    trigger: Trigger,
    /// Capabilities that the call needs and no filter looks at.
    needs: u64,
}

/// A bundle, and the calls that are made while it is loaded; slots of the calls, then that of the pass, follow each other.
struct Pass<'a> {
    bundle: (&'a str, &'a Files),
    slot: usize,
    calls: Vec<Call>,
}

/// Performs the cases of the results whose calls a kernel can be made to make, in one boot. The results have the cases whose names contain
/// `filter`.
///
/// # Errors
/// The guest cannot run.
pub fn perform(
    tested: &[(&Tests, &Policy)],
    results: &mut [FileResult],
    filter: &str,
    sources: &Sources,
    guest: &Guest,
) -> Result<(), Error> {
    let mut subjects = Vec::new();
    for (file, result) in results.iter().enumerate() {
        let of = tested.iter().find(|(tests, _)| tests.file == result.file);
        subjects.extend(of.and_then(|of| Subject::of(file, *of, filter, sources)));
    }
    let (jobs, mut done) = jobs::jobs(&subjects);
    let batches = jobs::batches(jobs);
    let passes = jobs::passes(&batches);
    let seen = match passes.is_empty() {
        true => Vec::new(),
        false => boot(&passes, guest)?,
    };
    for ((batch, passes), seen) in batches.iter().zip(passes.chunks(2)).zip(seen.chunks(2)) {
        for (number, job) in batch.iter().enumerate() {
            let pair = |of: usize| Made {
                pid: passes[of].calls[number].context.pid,
                call: seen[of].calls[number],
                pass: &seen[of],
            };
            let performed = judge(job, [pair(0), pair(1)], guest);
            done.push((job.subject.file, job.case, performed));
        }
    }
    for (file, case, performed) in done {
        let kernel = guest.kernel.clone();
        if let Some(case) = results[file].cases.get_mut(case) {
            case.kernels.push(OnKernel { kernel, performed });
        }
    }
    Ok(())
}

/// Longest silence of a guest: a pass without a word from the loader.
const SILENCE: Duration = Duration::from_secs(180);

fn boot(passes: &[Pass<'_>], guest: &Guest) -> Result<Vec<PassResult>, Error> {
    let mut base = Archive::default();
    loader::add(&mut base, guest::LOADER, &guest.loader)?;
    let initramfs = cpio::join(&[&guest::archive(base, passes)]);
    make_dir(&guest.place)?;
    let setup = Setup {
        clock: Clock::Host,
        parameters: machine::SMALL,
    };
    let progress = |bytes: &[u8]| match bytes.ends_with(results::END) {
        true => Progress::Done,
        false => Progress::At(bytes.len(), SILENCE, results::last_mark(bytes)),
    };
    let bytes = machine::boot(&guest.image, &guest.place, &initramfs, setup, progress)?;
    let (seen, complete) = results::decode(&bytes, passes);
    if !complete {
        return Err(Error::new("what the guest wrote is damaged"));
    }
    // What is left of a machine that failed helps to find out why.
    fs::remove_dir_all(&guest.place).ok();
    Ok(seen)
}

/// A call that was made in a pass.
struct Made<'a> {
    pid: u32,
    call: CallResult,
    pass: &'a PassResult,
}

fn judge(job: &Job<'_>, [plain, acted]: [Made<'_>; 2], guest: &Guest) -> Performed {
    let kernel = &guest.kernel;
    let wanted = &job.planned().wanted;
    let failed = |text: String| {
        let name = &job.name();
        let message = format!("`{name}`: on {kernel}, {text}");
        let error = Diagnostic::error(code::TEST_FAILED, message).at(wanted.span);
        Performed::Failed(Box::new(error))
    };
    for made in [&plain, &acted] {
        if let Some(said) = &made.pass.refused {
            let said = said.trim();
            return failed(format!("the policy is not loaded: {said}"));
        }
        if !made.call.begun {
            return Performed::NoTrigger(unprepared(&made.call));
        }
    }
    if plain.call.still_running {
        return Performed::NoTrigger("the call does not return".to_owned());
    }
    if let Err(reason) = comes_there(job, &plain) {
        return Performed::NoTrigger(reason);
    }
    let events = observed::of_process(&acted.pass.events, acted.pid, job.hook);
    let errors = job.trigger.errors;
    let outcome = observed::outcome(&plain.call, &acted.call, &events, errors, &job.expected);
    match wanted.other_effects(&outcome) {
        Some(text) => {
            let others = observed::others(&plain.pass.events, plain.pid, job.hook);
            let others: String = others
                .iter()
                .map(|name| format!(", and came to `{name}`"))
                .collect();
            failed(format!("{text}: {}{others}", observed::told(&acted.call)))
        }
        None => match wanted.other_action(&outcome) {
            Some(text) => failed(text),
            None => Performed::AsExpected,
        },
    }
}

/// Why a call was not made.
fn unprepared(call: &CallResult) -> String {
    let step = usize::try_from(call.step).ok();
    let what = step.and_then(|step| setup::STEPS.get(step));
    let error = std::io::Error::from_raw_os_error((-call.error) as i32);
    match (what, call.error) {
        (Some(what), 0) => (*what).to_owned(),
        (Some(what), _) => format!("{what}: {error}"),
        (None, _) => setup::STEPS[0].to_owned(),
    }
}

/// Whether the kernel comes to the function with what filters look at.
fn comes_there(job: &Job<'_>, plain: &Made<'_>) -> Result<(), String> {
    let symbol = &job.hook.symbol;
    let shown = observed::of_process(&plain.pass.events, plain.pid, job.hook);
    let mut differences = shown
        .iter()
        .map(|event| observed::difference(job.hook, &job.event, event));
    match differences.next() {
        None => Err(format!(
            "the kernel does not come to `{symbol}`: {}",
            observed::told(&plain.call)
        )),
        Some(None) => Ok(()),
        Some(Some(first)) => match differences.any(|difference| difference.is_none()) {
            true => Ok(()),
            false => Err(format!(
                "the kernel calls `{symbol}` with other values: {first}"
            )),
        },
    }
}

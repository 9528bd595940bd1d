//! One boot of one kernel.
//!
//! In: kernel image, initramfs, the jobs that it holds. Out: an outcome per job. Two serial ports: the kernel's
//! console and the records of init; both are files, read while the machine runs. A panic, an oops, a guest that
//! stops answering or ends early is an error that shows the tail of the console.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::job::{Job, Outcome, decode};

/// How time passes in the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// As on the host.
    Host,
    /// One nanosecond per guest instruction: what is timed is counted.
    Instructions,
}

/// How a machine is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) clock: Clock,
    /// Parameters of the kernel.
    pub(crate) parameters: &'static str,
}

/// Without the large security modules, which policies have nothing to do with.
pub(crate) const SMALL: &str = "lsm=landlock,lockdown,yama,integrity,bpf";

/// Longest silence of a guest, on top of its job's own time limit.
const SILENCE: Duration = Duration::from_secs(120);

/// Text on the console that means the kernel itself went wrong.
const KERNEL_TROUBLE: [&str; 6] = [
    "Kernel panic",
    "BUG: ",
    "Oops: ",
    "WARNING: CPU",
    "general protection fault",
    "lab init: ",
];

/// Boots of a machine whose init does not begin: emulated kernels sometimes die while they start, from a double fault
/// for instance, before anything of ours has run.
const BOOTS: usize = 3;

/// Boots and runs all jobs; `place` is a directory for the machine's files.
pub(crate) fn boot(
    image: &Path,
    place: &Path,
    initramfs: &[u8],
    jobs: &[Job],
    machine: Setup,
) -> Result<Vec<Outcome>, String> {
    for _ in 1..BOOTS {
        let outcomes = boot_once(image, place, initramfs, jobs, machine);
        match outcomes {
            Err(error) if !read(place, "results").starts_with("BEGIN") => {
                eprintln!("the lab boots once more, because init did not begin: {error}");
            }
            _ => return outcomes,
        }
    }
    boot_once(image, place, initramfs, jobs, machine)
}

fn boot_once(
    image: &Path,
    place: &Path,
    initramfs: &[u8],
    jobs: &[Job],
    machine: Setup,
) -> Result<Vec<Outcome>, String> {
    let Setup { clock, .. } = machine;
    let archive = place.join("initramfs");
    fs::write(&archive, initramfs).map_err(|e| format!("{}: {e}", archive.display()))?;
    let mut machine = Machine(start(image, place, &archive, machine)?);
    let outcomes = watch(&mut machine, place, jobs, clock);
    drop(machine);
    let console = read(place, "console");
    let outcomes = outcomes.map_err(|e| format!("{e}\n{}", tail(&console)))?;
    match KERNEL_TROUBLE.iter().find(|text| console.contains(**text)) {
        Some(text) => Err(format!("the console says `{text}`:\n{}", tail(&console))),
        None => Ok(outcomes),
    }
}

struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(image: &Path, place: &Path, initramfs: &Path, setup: Setup) -> Result<Child, String> {
    let serial = |name: &str| format!("file:{}", place.join(name).display());
    let log =
        fs::File::create(place.join("qemu")).map_err(|e| format!("{}: {e}", place.display()))?;
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args([
            "-nodefaults",
            "-nographic",
            "-no-reboot",
            "-net",
            "none",
            "-cpu",
            "max",
            "-m",
            "1G",
            "-smp",
            "1",
        ])
        .args([
            "-accel",
            "tcg",
            "-serial",
            &serial("console"),
            "-serial",
            &serial("results"),
        ])
        .arg("-kernel")
        .arg(image)
        .arg("-initrd")
        .arg(initramfs)
        .arg("-append")
        .arg(format!(
            "console=ttyS0 quiet panic=-1 rdinit=/init {}",
            setup.parameters
        ))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    if setup.clock == Clock::Instructions {
        command.args(["-icount", "shift=0,sleep=off"]);
    }
    command
        .spawn()
        .map_err(|e| format!("qemu-system-x86_64: {e}"))
}

/// Waits until all jobs are done; gives up on a machine that ends or falls silent.
fn watch(
    machine: &mut Machine,
    place: &Path,
    jobs: &[Job],
    clock: Clock,
) -> Result<Vec<Outcome>, String> {
    let (mut done, mut since) = (0, Instant::now());
    loop {
        let ended = machine.0.try_wait().map_err(|e| e.to_string())?.is_some();
        let (outcomes, complete) = decode(&fs::read(place.join("results")).unwrap_or_default());
        if complete && outcomes.len() == jobs.len() {
            return Ok(outcomes);
        }
        if ended {
            let qemu = read(place, "qemu");
            return Err(format!(
                "the guest ended after {} of {} jobs\n{qemu}",
                outcomes.len(),
                jobs.len()
            ));
        }
        if outcomes.len() > done {
            (done, since) = (outcomes.len(), Instant::now());
        }
        // The guest's clock runs slower than ours when it counts instructions.
        let slower = if clock == Clock::Instructions { 10 } else { 1 };
        let allowed = SILENCE
            + jobs
                .get(done)
                .map_or(Duration::ZERO, |job| job.timeout * slower);
        if since.elapsed() > allowed {
            let job = jobs
                .get(done)
                .map(|job| job.argv.join(" "))
                .unwrap_or_default();
            return Err(format!("the guest hangs in job {done}: {job}"));
        }
        sleep(Duration::from_millis(100));
    }
}

fn read(place: &Path, name: &str) -> String {
    String::from_utf8_lossy(&fs::read(place.join(name)).unwrap_or_default()).into_owned()
}

fn tail(console: &str) -> String {
    let lines: Vec<&str> = console.lines().collect();
    let from = lines.len().saturating_sub(60);
    format!("--- console ---\n{}\n---", lines[from..].join("\n"))
}

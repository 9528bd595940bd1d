//! One boot of one kernel.
//!
//! In: kernel image, initramfs. Out: what the guest wrote to its second serial port; the first is the kernel's console. Both
//! are files, read while the machine runs. A panic, an oops, a guest that stops answering or ends early is an error that shows the tail
//! of the console.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Error, find_program};

/// How time passes in the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// As on the host.
    Host,
    /// One nanosecond per guest instruction: what is timed is counted.
    Instructions,
}

/// How a machine is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    pub clock: Clock,
    /// Parameters of the kernel.
    pub parameters: &'static str,
}

/// Without the large security modules, which policies have nothing to do with.
pub const SMALL: &str = "lsm=landlock,lockdown,yama,integrity,bpf";

/// Text on the console that means the kernel itself, or the guest's init, went wrong.
const KERNEL_TROUBLE: [&str; 6] = [
    "Kernel panic",
    "BUG: ",
    "Oops: ",
    "WARNING: CPU",
    "general protection fault",
    "lab init: ",
];

/// What init writes first.
pub const BEGIN: &str = "BEGIN\n";

/// Boots of a machine whose init does not begin: emulated kernels sometimes die while they start, from a double fault
/// for instance, before anything of ours has run.
const BOOTS: usize = 3;

/// What a guest has come to.
#[derive(Debug, Clone)]
pub enum Progress {
    /// It has written everything.
    Done,
    /// What it is at, a number that grows, and how long that may take.
    At(usize, Duration, String),
}

/// Boots, until what the guest has written is all of it; `place` is a directory for the machine's files.
pub fn boot(
    image: &Path,
    place: &Path,
    initramfs: &[u8],
    setup: Setup,
    progress: impl Fn(&[u8]) -> Progress,
) -> Result<Vec<u8>, Error> {
    for _ in 1..BOOTS {
        let results = boot_once(image, place, initramfs, setup, &progress);
        match results {
            Err(error) if !read(place, "results").starts_with(BEGIN) => {
                eprintln!("the lab boots once more, because init did not begin: {error}");
            }
            _ => return results,
        }
    }
    boot_once(image, place, initramfs, setup, &progress)
}

fn boot_once(
    image: &Path,
    place: &Path,
    initramfs: &[u8],
    setup: Setup,
    progress: &impl Fn(&[u8]) -> Progress,
) -> Result<Vec<u8>, Error> {
    // QEMU empties them only when it has started, and they are read before.
    for file in ["results", "console"] {
        remove(&place.join(file))?;
    }
    let archive = place.join("initramfs");
    fs::write(&archive, initramfs).map_err(|error| Error::at(&archive, &error))?;
    let mut machine = Machine(start(image, place, &archive, setup)?);
    let results = watch(&mut machine, place, progress);
    drop(machine);
    let console = read(place, "console");
    let results = results.map_err(|error| Error::new(format!("{error}\n{}", tail(&console))))?;
    match KERNEL_TROUBLE.iter().find(|text| console.contains(**text)) {
        Some(text) => {
            let tail = tail(&console);
            Err(Error::new(format!("the console says `{text}`:\n{tail}")))
        }
        None => Ok(results),
    }
}

/// Removes a file of an earlier boot, if there was one.
fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::at(file, &error)),
        _ => Ok(()),
    }
}

struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// How to get the emulator.
pub const INSTALL: &str = "install QEMU: `apt-get install qemu-system-x86`";
/// The emulator.
pub const QEMU: &str = "qemu-system-x86_64";

fn start(image: &Path, place: &Path, initramfs: &Path, setup: Setup) -> Result<Child, Error> {
    let qemu = find_program(QEMU)
        .ok_or_else(|| Error::new(format!("{QEMU} is not on this machine")).help(INSTALL))?;
    let serial = |name: &str| format!("file:{}", place.join(name).display());
    let log = fs::File::create(place.join("qemu")).map_err(|error| Error::at(place, &error))?;
    let mut command = Command::new(qemu);
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
        .map_err(|error| Error::new(format!("{QEMU}: {error}")))
}

/// Waits until everything is written; gives up on a machine that ends or falls silent.
fn watch(
    machine: &mut Machine,
    place: &Path,
    progress: &impl Fn(&[u8]) -> Progress,
) -> Result<Vec<u8>, Error> {
    let (mut done, mut since) = (0, Instant::now());
    loop {
        let ended = machine.0.try_wait();
        let ended = ended
            .map_err(|error| Error::new(format!("{QEMU}: {error}")))?
            .is_some();
        let results = fs::read(place.join("results")).unwrap_or_default();
        let (at, allowed, what) = match progress(&results) {
            Progress::Done => return Ok(results),
            Progress::At(at, allowed, what) => (at, allowed, what),
        };
        if ended {
            let qemu = read(place, "qemu");
            return Err(Error::new(format!("the guest ended in {what}\n{qemu}")));
        }
        if at > done {
            (done, since) = (at, Instant::now());
        }
        if since.elapsed() > allowed {
            return Err(Error::new(format!("the guest hangs in {what}")));
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

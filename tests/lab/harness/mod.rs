//! The kernel lab: real kernels under QEMU that run a list of commands.
//!
//! In: jobs (commands with a time limit) and files to put on the guest. Out: what became of each job.
//! The lab fetches what it needs through apt (`apt`), builds the guest's programs (`build`), packs an initramfs
//! (`cpio`), boots it (`qemu`) and reads the outcomes (`job`). It never skips: what is missing is an error that says
//! how to get it. Everything fetched is kept in `.lab-cache/` at the root of the project.

pub(crate) mod apt;
pub(crate) mod build;
pub(crate) mod cpio;
pub(crate) mod job;
pub(crate) mod qemu;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, OnceLock};

use apt::Image;
use cpio::Archive;
use job::{Job, Outcome};
use qemu::{Clock, Setup};

/// A kernel of the lab: its version as people say it, the release of Debian that has it, and the package that depends on
/// its newest build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kernel {
    pub(crate) name: &'static str,
    pub(crate) suite: &'static str,
    pub(crate) meta_package: &'static str,
}

/// The kernels of Debian 12: its own and the newer one that its security suite carries.
pub(crate) const KERNELS: [Kernel; 2] = [
    Kernel {
        name: "6.1",
        suite: "bookworm",
        meta_package: "linux-image-cloud-amd64",
    },
    Kernel {
        name: "6.12",
        suite: "bookworm",
        meta_package: "linux-image-6.12-cloud-amd64",
    },
];

/// The kernel of Debian 13, whose facts ship with the program; policies are not run on it.
pub(crate) const DEBIAN_13: Kernel = Kernel {
    name: "debian-13",
    suite: "trixie",
    meta_package: "linux-image-cloud-amd64",
};

/// A prepared lab: kernels fetched, guest programs built.
pub(crate) struct Lab {
    cache: PathBuf,
    base: Archive,
    kernels: Vec<(Kernel, Image)>,
}

impl Lab {
    /// The lab of this process; a lab that cannot be prepared fails the test.
    pub(crate) fn shared() -> &'static Lab {
        static LAB: OnceLock<Result<Lab, String>> = OnceLock::new();
        match LAB.get_or_init(Lab::open) {
            Ok(lab) => lab,
            Err(error) => panic!("the kernel lab cannot run: {error}"),
        }
    }

    /// Fetches and builds what is missing. One process at a time: others wait for the lock.
    pub(crate) fn open() -> Result<Lab, String> {
        let cache = project_root().join(".lab-cache");
        make_dir(&cache)?;
        let _lock = Lock::take(&cache.join("lock"))?;
        apt::install_tools()?;
        let mut kernels = Vec::new();
        for kernel in KERNELS {
            kernels.push((kernel, apt::kernel_image(&cache, kernel)?));
        }
        let base = build::guest(&cache)?;
        Ok(Lab {
            cache,
            base,
            kernels,
        })
    }

    /// The image of a kernel; one that is not always needed is fetched.
    pub(crate) fn image(&self, kernel: Kernel) -> Result<Image, String> {
        if let Some((_, image)) = self.kernels.iter().find(|(known, _)| *known == kernel) {
            return Ok(image.clone());
        }
        let _lock = Lock::take(&self.cache.join("lock"))?;
        apt::kernel_image(&self.cache, kernel)
    }

    /// Boots one kernel with the given files on top of the base system and runs the jobs in order.
    pub(crate) fn boot(
        &self,
        kernel: Kernel,
        files: &Archive,
        jobs: &[Job],
        clock: Clock,
    ) -> Result<Vec<Outcome>, String> {
        let parameters = qemu::SMALL;
        self.boot_as(kernel, files, jobs, Setup { clock, parameters })
    }

    /// The same with another setup of the machine.
    pub(crate) fn boot_as(
        &self,
        kernel: Kernel,
        files: &Archive,
        jobs: &[Job],
        setup: Setup,
    ) -> Result<Vec<Outcome>, String> {
        let image = self.image(kernel)?;
        let mut list = Archive::default();
        list.file("/lab/jobs", 0o644, job::encode(jobs)?);
        static BOOTS: AtomicU32 = AtomicU32::new(0);
        let number = BOOTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{number}", kernel.name, std::process::id());
        let place = self.cache.join("boot").join(name);
        make_dir(&place)?;
        let initramfs = cpio::join(&[&self.base, files, &list]);
        let _turn = Turn::take();
        let result = qemu::boot(&image.vmlinuz, &place, &initramfs, jobs, setup);
        if result.is_ok() {
            fs::remove_dir_all(&place).map_err(|e| format!("{}: {e}", place.display()))?;
        }
        result
    }
}

/// The right to run a machine. More machines than processors would only run into each other's time limits.
struct Turn;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

impl Turn {
    fn take() -> Turn {
        let most = std::thread::available_parallelism().map_or(2, usize::from);
        let running = RUNNING.lock().expect("nothing panics while it counts");
        let mut running = ENDED
            .wait_while(running, |running| *running >= most)
            .expect("nothing panics while it counts");
        *running += 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().expect("nothing panics while it counts") -= 1;
        ENDED.notify_one();
    }
}

pub(crate) fn project_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn make_dir(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Runs a command to its end; an error carries what it said.
pub(crate) fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}\n{stdout}{stderr}", output.status))
}

/// An exclusive lock on a file, held by flock(1) until dropped; the end of this process frees it too.
struct Lock(Child);

impl Lock {
    fn take(path: &Path) -> Result<Lock, String> {
        let mut child = Command::new("flock")
            .arg(path)
            .args(["sh", "-c", "echo held; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("flock: {e}"))?;
        let stdout = child.stdout.take().ok_or("flock has no output")?;
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .map_err(|e| format!("flock: {e}"))?;
        if line.trim() == "held" {
            Ok(Lock(child))
        } else {
            Err(format!("cannot lock {}", path.display()))
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

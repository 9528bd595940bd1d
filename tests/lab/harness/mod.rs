//! The kernel lab: real kernels under QEMU that run a list of commands.
//!
//! In: jobs (commands with a time limit) and files to put on the guest. Out: what became of each job.
//! The lab fetches what it needs through apt, builds the guest's programs (`build`), packs an initramfs,
//! boots it (`qemu`) and reads the outcomes (`job`). It never skips: what is missing is an error that says
//! how to get it. Everything fetched is kept in `.lab-cache/` at the root of the project.

pub(crate) mod build;
pub(crate) mod job;
pub(crate) mod qemu;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, OnceLock};

pub(crate) use tpc::lab::cpio;
pub(crate) use tpc::lab::kernel::Kernel;
use tpc::lab::kernel::{self, Image};
use tpc::lab::{Error, Lock, make_dir};

use cpio::Archive;
use job::{Job, Outcome};
use qemu::{Clock, Setup};

/// The kernels that policies are run on.
pub(crate) const KERNELS: [Kernel; 2] = [kernel::KERNELS[0], kernel::KERNELS[1]];

/// The kernel of Debian 13, whose facts ship with the program; policies are not run on it.
pub(crate) const DEBIAN_13: Kernel = kernel::KERNELS[2];

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
        make_dir(&cache).map_err(text)?;
        let _lock = Lock::take(&cache.join("lock")).map_err(text)?;
        build::install_tools()?;
        build::know_mirrors()?;
        let mut kernels = Vec::new();
        for kernel in KERNELS {
            kernels.push((kernel, kernel::image(&cache, kernel).map_err(text)?));
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
        let _lock = Lock::take(&self.cache.join("lock")).map_err(text)?;
        kernel::image(&self.cache, kernel).map_err(text)
    }

    /// Where kernels are kept.
    pub(crate) fn cache(&self) -> &Path {
        &self.cache
    }

    /// The right to run a machine elsewhere than by this lab.
    pub(crate) fn turn(&self) -> impl Drop {
        Turn::take()
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
        make_dir(&place).map_err(text)?;
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

fn text(error: Error) -> String {
    error.to_string()
}

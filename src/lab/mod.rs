//! Machines to try policies on: real kernels under QEMU, without KVM, root or network.
//!
//! In: a kernel ([`kernel`]), files of the guest ([`cpio`]), programs that it runs ([`program`]). Out: what the guest wrote ([`machine`]). What
//! this machine lacks is an error that says how to get it. Nothing of the guest touches this machine but its files in the cache.

pub mod cpio;
pub mod kernel;
pub mod loader;
pub mod machine;
pub mod program;

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Why a guest cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub message: String,
    /// The way out, if one is known.
    pub help: Option<String>,
}

impl Error {
    /// An error that says what went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    #[must_use]
    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn at(path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n{help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Where a program lies; `/usr/sbin` is not in every user's path.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let dirs = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/bin"]);
    dirs.map(|dir| Path::new(dir).join(name))
        .find(|file| file.is_file())
}

/// Makes a directory, with those above it, unless it is there.
pub fn make_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|error| Error::at(path, &error))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::at(path, &error))
}

/// Runs a command to its end; an error carries what it said.
pub fn run(command: &mut Command) -> Result<Output, Error> {
    let output = command
        .output()
        .map_err(|error| Error::new(format!("{command:?}: {error}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    Err(Error::new(format!(
        "{command:?}: {status}\n{stdout}{stderr}"
    )))
}

/// An exclusive lock on a file, held by flock(1) until dropped; the end of this process frees it too.
#[derive(Debug)]
pub struct Lock(Child);

impl Lock {
    /// Waits for the lock; makes the file if it is not there.
    pub fn take(path: &Path) -> Result<Lock, Error> {
        let failed = |error: std::io::Error| Error::new(format!("flock: {error}"));
        let mut child = Command::new("flock")
            .arg(path)
            .args(["sh", "-c", "echo held; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(failed)?;
        }
        match line.trim() {
            "held" => Ok(Lock(child)),
            _ => Err(Error::new(format!("cannot lock {}", path.display()))),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

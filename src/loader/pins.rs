//! What is loaded, as it lies on bpffs.
//!
//! ```text
//! /sys/fs/bpf/tpc/            0700; its lock serialises loaders
//!   POLICY/                   the policy's name with `_` for `.`, which bpffs does not take
//!     g1/                     a generation: what is in here is loaded
//!       meta                  manifest and attachments (see `meta`)
//!       map_* prog_* link_*
//!     _new/ _old/             what a loader was building or removing when it was killed
//! ```
//!
//! A generation appears and disappears by one `rename(2)`. Holds: whatever the moment at which a loader is killed, [`Root::open`] of the
//! next one removes what is neither a whole generation nor needed by one.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::node::BPFFS;
use super::sys;

const NEW: &str = "_new";
const OLD: &str = "_old";

/// The loader's directory, locked against other loaders.
pub(super) struct Root {
    path: PathBuf,
    _lock: File,
}

/// One loaded version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) path: PathBuf,
    pub(super) serial: u64,
}

impl Root {
    /// The directory, made if it is missing, without the rest of killed loaders.
    pub(super) fn open() -> Result<Self, Error> {
        let path = Path::new(BPFFS).join("tpc");
        let what = || format!("lock `{}`", path.display());
        loop {
            make_private(&path)?;
            let lock = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                lock => lock.map_err(Error::kernel(what()))?,
            };
            sys::lock(&lock).map_err(Error::kernel(what()))?;
            // The loader that had the lock may have removed the directory.
            let ours = lock.metadata().map_err(Error::kernel(what()))?.ino();
            if fs::metadata(&path).is_ok_and(|now| now.ino() == ours) {
                let root = Self { path, _lock: lock };
                root.sweep()?;
                return Ok(root);
            }
        }
    }

    /// The directory if it exists, not locked: for readers.
    pub(super) fn peek() -> Result<Option<PathBuf>, Error> {
        let path = Path::new(BPFFS).join("tpc");
        match fs::symlink_metadata(&path) {
            Ok(_) => check_private(&path).map(|()| Some(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::kernel(format!("look at `{}`", path.display()))(
                error,
            )),
        }
    }

    /// Removes what is not part of the newest whole generation of a policy.
    fn sweep(&self) -> Result<(), Error> {
        for policy in directories(&self.path)? {
            let current = newest(&policy)?;
            for below in directories(&policy)? {
                if current.as_ref().is_none_or(|current| current.path != below) {
                    remove_generation(&below)?;
                }
            }
            if current.is_none() {
                remove_dir(&policy)?;
            }
        }
        Ok(())
    }

    /// The loaded version of a policy.
    pub(super) fn find(&self, policy: &str) -> Result<Option<Generation>, Error> {
        newest(&self.policy(policy))
    }

    fn policy(&self, policy: &str) -> PathBuf {
        self.path.join(directory_name(policy))
    }

    /// A directory for a new version of a policy.
    pub(super) fn stage(&self, policy: &str) -> Result<Staged, Error> {
        let home = self.policy(policy);
        let serial = newest(&home)?.map_or(1, |current| current.serial + 1);
        make_private(&home)?;
        let path = home.join(NEW);
        // Owned from here on, so that a failure removes the policy's directory too.
        let staged = Staged {
            home,
            path,
            serial,
            done: false,
        };
        make_private(&staged.path)?;
        Ok(staged)
    }

    /// Stops a version of a policy and removes all of it.
    pub(super) fn remove(&self, generation: &Generation) -> Result<(), Error> {
        let home = generation.path.parent().unwrap_or(&self.path);
        let old = home.join(OLD);
        fs::rename(&generation.path, &old).map_err(Error::kernel(format!(
            "rename `{}`",
            generation.path.display()
        )))?;
        remove_generation(&old)?;
        if newest(home)?.is_none() {
            remove_dir(home)?;
        }
        Ok(())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // Succeeds when nothing is loaded: then nothing is left of the loader.
        let _ = fs::remove_dir(&self.path);
    }
}

/// A version of a policy that is not complete yet; it disappears unless [`Staged::commit`] is called.
pub(super) struct Staged {
    home: PathBuf,
    path: PathBuf,
    serial: u64,
    done: bool,
}

impl Staged {
    /// Keeps an object; names are letters, digits and `_`.
    pub(super) fn pin(&self, object: &OwnedFd, name: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        sys::pin(object.as_fd(), &path).map_err(Error::kernel(format!("pin `{}`", path.display())))
    }

    /// Makes the version the policy's current one.
    pub(super) fn commit(mut self) -> Result<(), Error> {
        let place = self.home.join(format!("g{}", self.serial));
        fs::rename(&self.path, &place)
            .map_err(Error::kernel(format!("rename `{}`", self.path.display())))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.done {
            // What this leaves in place, the next loader sweeps.
            let _ = remove_generation(&self.path);
            if newest(&self.home).is_ok_and(|current| current.is_none()) {
                let _ = fs::remove_dir(&self.home);
            }
        }
    }
}

/// The current versions of all policies below the loader's directory, by directory name.
pub(super) fn all(root: &Path) -> Result<Vec<Generation>, Error> {
    let mut found = Vec::new();
    for policy in directories(root)? {
        found.extend(newest(&policy)?);
    }
    Ok(found)
}

/// A policy's name as bpffs takes it. Names are DNS labels, so `_` cannot be in them.
fn directory_name(policy: &str) -> String {
    policy.replace('.', "_")
}

/// A pin's name: programs and maps may have characters that bpffs does not take.
pub(super) fn pin_name(kind: &str, name: &str) -> String {
    format!("{kind}_{}", name.trim_start_matches('.').replace('.', "_"))
}

fn newest(policy: &Path) -> Result<Option<Generation>, Error> {
    let mut best: Option<Generation> = None;
    for path in directories(policy)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let serial = name
            .strip_prefix('g')
            .and_then(|digits| digits.parse::<u64>().ok());
        if let Some(serial) =
            serial.filter(|serial| best.as_ref().is_none_or(|best| best.serial < *serial))
        {
            best = Some(Generation {
                path: path.clone(),
                serial,
            });
        }
    }
    Ok(best)
}

/// Directories below a directory, sorted; none if it does not exist.
fn directories(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let what = || format!("read `{}`", path.display());
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::kernel(what()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::kernel(what()))?;
        if entry.file_type().map_err(Error::kernel(what()))?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Removes a generation: links first, so that programs stop before what they use goes.
fn remove_generation(path: &Path) -> Result<(), Error> {
    let what = || format!("remove `{}`", path.display());
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::kernel(what()))?,
    };
    let mut pins: Vec<PathBuf> = Vec::new();
    for entry in entries {
        pins.push(entry.map_err(Error::kernel(what()))?.path());
    }
    let is_link = |pin: &PathBuf| {
        pin.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"link_"))
    };
    pins.sort_by_key(|pin| (!is_link(pin), pin.clone()));
    for pin in pins {
        fs::remove_file(&pin).map_err(Error::kernel(format!("remove `{}`", pin.display())))?;
    }
    remove_dir(path)
}

fn remove_dir(path: &Path) -> Result<(), Error> {
    fs::remove_dir(path).map_err(Error::kernel(format!("remove `{}`", path.display())))
}

/// A directory of root's alone, made if it is missing. One that somebody else could have made or could change is refused: the mount
/// point of bpffs lets everybody write.
fn make_private(path: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_private(path),
        Err(error) => Err(Error::kernel(format!("make `{}`", path.display()))(error)),
    }
}

fn check_private(path: &Path) -> Result<(), Error> {
    let metadata = fs::symlink_metadata(path)
        .map_err(Error::kernel(format!("look at `{}`", path.display())))?;
    let why = if !metadata.is_dir() {
        "is not a directory"
    } else if metadata.uid() != 0 {
        "belongs to another user"
    } else if metadata.mode() & 0o022 != 0 {
        "can be changed by other users"
    } else {
        return Ok(());
    };
    Err(Error::Untrusted {
        path: path.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_bpffs() {
        assert_eq!(directory_name("a.b-c"), "a_b-c");
        assert_eq!(pin_name("map", ".rodata"), "map_rodata");
        assert_eq!(pin_name("map", ".rodata.x"), "map_rodata_x");
    }

    #[test]
    fn the_newest_generation_is_the_one_with_the_greatest_number() {
        let home = tempfile::tempdir().expect("a temporary directory");
        for name in ["g2", "g10", "_new", "gx", "g"] {
            fs::create_dir(home.path().join(name)).expect("a directory");
        }
        let found = newest(home.path())
            .expect("it is readable")
            .expect("a generation");
        assert_eq!(found.serial, 10);
        assert_eq!(
            newest(&home.path().join("missing")).expect("no error"),
            None
        );
    }
}

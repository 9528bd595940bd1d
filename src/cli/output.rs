//! Bundles to disk: a directory per policy, or one archive.
//!
//! Everything is written beside its destination under a temporary name and renamed
//! when complete, so that a failure leaves what was there before. Nothing written
//! depends on the clock, the user or the order of the policies.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::bundle::{self, MANIFEST, OBJECT, SOURCE};
use crate::compile::Compiled;

/// Where bundles go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Directory(PathBuf),
    Archive(PathBuf),
}

impl Target {
    /// A name ending in `.tar.gz` or `.tgz` is an archive.
    pub(super) fn of(path: PathBuf) -> Self {
        let name = path.to_string_lossy();
        if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            Self::Archive(path)
        } else {
            Self::Directory(path)
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) | Self::Archive(path) => path,
        }
    }
}

/// A file or directory that could not be written.
#[derive(Debug)]
pub(super) struct Error {
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Io(io::Error),
    /// The destination holds something else; replacing it would destroy it.
    NotABundle,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.cause {
            Cause::Io(error) => write!(f, "`{path}`: {error}"),
            Cause::NotABundle => write!(f, "`{path}`: it exists and is no bundle"),
        }
    }
}

/// Attaches the path to an I/O error.
trait At<T> {
    fn at(self, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, Error> {
        self.map_err(|error| Error {
            path: path.to_owned(),
            cause: Cause::Io(error),
        })
    }
}

/// Writes all bundles or none.
pub(super) fn write(target: &Target, bundles: &[Compiled]) -> Result<(), Error> {
    match target {
        Target::Directory(path) => directory(path, bundles),
        Target::Archive(path) => {
            let named = bundles
                .iter()
                .map(|one| (one.name.clone(), one.files.clone()));
            let bytes = bundle::pack(&named.collect()).at(path)?;
            let staged = beside(path, "new", 0);
            let written = file(&staged, &bytes).and_then(|()| fs::rename(&staged, path));
            if written.is_err() {
                let _ = fs::remove_file(&staged);
            }
            written.at(path)
        }
    }
}

/// A temporary name in the directory of `path`, hidden and private to this process. It
/// does not contain the name itself, which may already have the greatest length.
fn beside(path: &Path, what: &str, number: usize) -> PathBuf {
    path.with_file_name(format!(".tpc.{what}.{}.{number}", std::process::id()))
}

fn file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// One directory per bundle: all are staged before the first is put in place.
fn directory(out: &Path, bundles: &[Compiled]) -> Result<(), Error> {
    fs::create_dir_all(out).at(out)?;
    let places: Vec<PathBuf> = bundles
        .iter()
        .map(|bundle| out.join(&bundle.name))
        .collect();
    for place in &places {
        if !may_replace(place).at(place)? {
            return Err(Error {
                path: place.clone(),
                cause: Cause::NotABundle,
            });
        }
    }
    let staged: Vec<PathBuf> = places
        .iter()
        .enumerate()
        .map(|(number, place)| beside(place, "new", number))
        .collect();
    let written = bundles
        .iter()
        .zip(&staged)
        .try_for_each(|(bundle, path)| stage(bundle, path));
    let placed = written.and_then(|()| {
        staged
            .iter()
            .zip(&places)
            .try_for_each(|(staged, place)| replace(staged, place).at(place))
    });
    if placed.is_err() {
        for path in &staged {
            let _ = fs::remove_dir_all(path);
        }
    }
    placed
}

/// Absent, empty, or an earlier bundle with nothing else in it.
fn may_replace(place: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.is_dir() => return Ok(false),
        Ok(_) => {}
    }
    for entry in fs::read_dir(place)? {
        let name = entry?.file_name();
        if !BUNDLE_FILES.iter().any(|known| name == **known) {
            return Ok(false);
        }
    }
    Ok(true)
}

const BUNDLE_FILES: &[&str] = &[MANIFEST, OBJECT, SOURCE, "manifest.json.minisig"];

fn stage(bundle: &Compiled, path: &Path) -> Result<(), Error> {
    // Left over by a killed process of the same id.
    let _ = fs::remove_dir_all(path);
    fs::create_dir(path).at(path)?;
    for (name, bytes) in &bundle.files {
        let path = path.join(name);
        file(&path, bytes).at(&path)?;
    }
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .at(path)
}

/// Puts a staged directory in place; the old one comes back if that fails.
fn replace(staged: &Path, place: &Path) -> io::Result<()> {
    if !place.exists() {
        return fs::rename(staged, place);
    }
    let old = beside(place, "old", 0);
    let _ = fs::remove_dir_all(&old);
    fs::rename(place, &old)?;
    if let Err(error) = fs::rename(staged, place) {
        fs::rename(&old, place)?;
        return Err(error);
    }
    fs::remove_dir_all(&old)
}

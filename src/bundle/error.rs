//! Why a bundle is refused.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A bundle that cannot be read or is not what its manifest says.
#[derive(Debug)]
pub enum Error {
    /// A file or directory that cannot be read.
    Io(PathBuf, io::Error),
    /// A file that is larger than any bundle's.
    TooLarge(String),
    /// Neither a bundle nor something that holds bundles.
    NoBundle(PathBuf),
    /// An archive that tpc does not write.
    Archive(String),
    /// A manifest that is not one.
    Manifest(String),
    /// A manifest of a newer compiler.
    Format(u32),
    /// A file of the manifest that is not there.
    Missing(String),
    /// A file that differs from what the manifest states.
    Changed(String),
    /// A file that the manifest does not know.
    Unknown(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "cannot read `{}`: {error}", path.display()),
            Self::TooLarge(name) => write!(f, "`{name}` is too large for a file of a bundle"),
            Self::NoBundle(path) => {
                write!(
                    f,
                    "`{}` is no bundle: it has no manifest.json",
                    path.display()
                )
            }
            Self::Archive(what) => write!(f, "the archive is not one that tpc writes: {what}"),
            Self::Manifest(what) => write!(f, "manifest.json is not a manifest: {what}"),
            Self::Format(format) => write!(
                f,
                "the bundle has format {format}; this loader knows format {}",
                super::FORMAT
            ),
            Self::Missing(name) => write!(f, "`{name}` is missing from the bundle"),
            Self::Changed(name) => {
                write!(f, "`{name}` is not the file that the manifest describes")
            }
            Self::Unknown(name) => write!(f, "`{name}` does not belong to the bundle"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

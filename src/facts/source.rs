//! Where facts come from: the files of a system, live or copied.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::Error;

/// Bytes of a source, at most: `vmlinux` with its debugging information is the largest.
const MAX_LEN: u64 = 4 << 30;

/// What facts are made from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The directory that a system's `/proc`, `/sys` and `/boot` are in: `/`, or a copy.
    Root(PathBuf),
    /// Files by their kind.
    Files(Files),
}

/// Files that say something of a kernel.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// BTF, or an ELF file (`vmlinux`) that has it.
    pub types: PathBuf,
    /// `System.map`, or what `/proc/kallsyms` has.
    pub symbols: Option<PathBuf>,
    /// The configuration, compressed or not.
    pub config: Option<PathBuf>,
}

/// The bytes of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error| Error::Unreadable(path.to_owned(), error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut limited = (&mut file).take(MAX_LEN);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 == MAX_LEN {
        return Err(Error::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// The text of the first of some files that can be read, with its path, or why the first cannot be.
pub(super) fn first_text(root: &Path, names: &[String]) -> Result<(PathBuf, String), String> {
    let mut why = None;
    for name in names {
        let path = root.join(name.trim_start_matches('/'));
        match bytes(&path) {
            Ok(bytes) => return Ok((path, text(bytes))),
            Err(error) => {
                let absent = matches!(&error, Error::Unreadable(_, error) if error.kind() == io::ErrorKind::NotFound);
                // That it is forbidden says more than that another place has none.
                if why.is_none() || !absent {
                    why = Some(error.to_string());
                }
            }
        }
    }
    Err(why.unwrap_or_default())
}

/// Bytes as text: decompressed if they are compressed; what is not UTF-8 is replaced, which no check of a form lets pass.
pub(super) fn text(bytes: Vec<u8>) -> String {
    let mut unpacked = Vec::new();
    let gzip = bytes.starts_with(&[0x1f, 0x8b]);
    let read = gzip.then(|| {
        flate2::read::GzDecoder::new(bytes.as_slice())
            .take(MAX_LEN)
            .read_to_end(&mut unpacked)
    });
    let bytes = match read {
        Some(Ok(_)) => unpacked,
        _ => bytes,
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

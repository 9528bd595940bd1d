//! Why bytes are not BTF.

use std::fmt;

/// A defect of BTF or `.BTF.ext` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The magic number is missing, or the byte order is not little endian.
    Magic,
    /// A format version other than 1.
    Version(u8),
    /// Something ends beyond its section.
    Truncated(&'static str),
    /// The string section does not begin and end with NUL.
    Strings,
    /// A type of a kind that neither this program nor the bytes' own layout table describes.
    Kind { id: u32, kind: u8 },
    /// A record size smaller than the format's.
    RecordSize { what: &'static str, size: u32 },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Magic => write!(f, "not little-endian BTF"),
            Error::Version(v) => write!(f, "BTF version {v} is not supported"),
            Error::Truncated(what) => write!(f, "BTF ends inside its {what}"),
            Error::Strings => write!(f, "BTF strings are not terminated"),
            Error::Kind { id, kind } => write!(f, "BTF type {id} has the unknown kind {kind}"),
            Error::RecordSize { what, size } => {
                write!(f, "a {what} record of {size} bytes is too short")
            }
        }
    }
}

impl std::error::Error for Error {}

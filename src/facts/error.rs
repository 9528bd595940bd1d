//! Why facts cannot be had.

use std::fmt;
use std::path::PathBuf;

use crate::btf;

/// A problem with facts or with what they are made from.
#[derive(Debug)]
pub enum Error {
    /// A file cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// A file is larger than any real one.
    TooLarge(PathBuf),
    /// Types of the kernel that are none.
    Types(PathBuf, btf::Error),
    /// An ELF file without the section `.BTF`, or none at all.
    NoTypes(PathBuf),
    /// A file that does not have the form of its kind: what it is expected to be.
    Form(PathBuf, &'static str),
    /// Nothing says what the functions of the kernel are.
    NoFunctions,
    /// A file of facts that is damaged, or none.
    NotFacts(String),
    /// A file of facts of another version.
    Version(u32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::TooLarge(path) => write!(f, "{} is too large", path.display()),
            Self::Types(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NoTypes(path) => write!(
                f,
                "{} is neither BTF nor an ELF file with a section `.BTF`",
                path.display()
            ),
            Self::Form(path, expected) => write!(f, "{} is not {expected}", path.display()),
            Self::NoFunctions => f.write_str(
                "nothing says which functions the kernel has: neither its types nor its symbols can be read",
            ),
            Self::NotFacts(why) => write!(f, "not a file of kernel facts: {why}"),
            Self::Version(version) => write!(
                f,
                "kernel facts of version {version}; this program reads version {}",
                super::file::VERSION
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::Types(_, error) => Some(error),
            _ => None,
        }
    }
}

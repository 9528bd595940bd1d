//! Why the loader did not do what it was asked to.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::bundle;
use crate::diag::{Code, code};
use crate::object::ReadError;

/// A refusal or a failure. Nothing on the node has changed, or everything was put back.
#[derive(Debug)]
pub enum Error {
    Bundle(bundle::Error),
    /// An object that passed its digest but is not one: made by something else than tpc.
    Object {
        policy: String,
        error: ReadError,
    },
    /// An object that does not have what its manifest says.
    Inconsistent {
        policy: String,
        what: String,
    },
    /// The node lacks what the policies need.
    Node(Vec<Lack>),
    /// The kernel refused a program.
    Verifier(Box<Refusal>),
    AlreadyLoaded(String),
    NotLoaded(String),
    /// Two bundles of one policy.
    Twice(String),
    /// Something on bpffs that the loader did not make, or that others can change.
    Untrusted {
        path: PathBuf,
        why: &'static str,
    },
    /// A call to the kernel that failed.
    Kernel {
        what: String,
        error: io::Error,
    },
    /// Another process reads the events of this policy.
    Busy(String),
}

/// One thing that the node lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    pub policy: String,
    /// Function and line of the hook; `None` for what concerns the whole node.
    pub hook: Option<(String, u32)>,
    pub what: String,
    pub remedy: String,
}

/// A program that the verifier did not accept.
#[derive(Debug)]
pub struct Refusal {
    pub policy: String,
    pub function: String,
    /// Line of the policy that the refused instruction belongs to, as far as it is known.
    pub line: Option<u32>,
    pub error: io::Error,
    /// End of the verifier's log.
    pub log: String,
}

impl Error {
    /// A failed call with what it was for.
    pub(super) fn kernel(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Kernel { what, error }
    }

    pub fn code(&self) -> Code {
        match self {
            Self::Bundle(_) => code::BAD_BUNDLE,
            Self::Object { .. } | Self::Inconsistent { .. } => code::BAD_OBJECT,
            Self::Node(_) => code::NODE_LACKS,
            Self::Verifier(_) => code::VERIFIER,
            Self::AlreadyLoaded(_) | Self::Twice(_) => code::ALREADY_LOADED,
            Self::NotLoaded(_) => code::NOT_LOADED,
            Self::Untrusted { .. } => code::UNTRUSTED,
            Self::Kernel { .. } => code::KERNEL_CALL,
            Self::Busy(_) => code::BUSY,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Bundle(
                bundle::Error::Changed(_) | bundle::Error::Missing(_) | bundle::Error::Unknown(_),
            ) => "do not use it: download or compile the bundle again".to_owned(),
            Self::AlreadyLoaded(name) => {
                format!(
                    "replace it with `tpc-loader load --replace`, or remove it with `tpc-loader unload {name}`"
                )
            }
            Self::NotLoaded(_) => "`tpc-loader list` shows what is loaded".to_owned(),
            Self::Untrusted { path, .. } => {
                format!("look at `{}` and remove it by hand", path.display())
            }
            Self::Verifier(_) => "please report it with the policy and `uname -r`".to_owned(),
            Self::Busy(_) => "events can have one reader at a time; stop the other one".to_owned(),
            Self::Kernel { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                "run it as root, or with the capabilities CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN"
                    .to_owned()
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(error) => write!(f, "{error}"),
            Self::Object { policy, error } => write!(f, "policy `{policy}`: {error}"),
            Self::Inconsistent { policy, what } => write!(f, "policy `{policy}`: {what}"),
            Self::Node(lacks) => write!(
                f,
                "this node lacks {} that the policies need",
                counted(lacks.len())
            ),
            Self::Verifier(refusal) => {
                let Refusal {
                    policy,
                    function,
                    line,
                    error,
                    ..
                } = &**refusal;
                write!(
                    f,
                    "policy `{policy}`: the kernel refused the program for `{function}`"
                )?;
                match line {
                    Some(line) => write!(f, " at line {line} of the policy: {error}"),
                    None => write!(f, ": {error}"),
                }
            }
            Self::AlreadyLoaded(name) => write!(f, "policy `{name}` is loaded already"),
            Self::NotLoaded(name) => write!(f, "policy `{name}` is not loaded"),
            Self::Twice(name) => write!(f, "two bundles hold policy `{name}`"),
            Self::Untrusted { path, why } => write!(f, "`{}` {why}", path.display()),
            Self::Kernel { what, error } => write!(f, "cannot {what}: {error}"),
            Self::Busy(policy) => {
                write!(f, "another process reads the events of policy `{policy}`")
            }
        }
    }
}

fn counted(n: usize) -> String {
    if n == 1 {
        "a thing".to_owned()
    } else {
        format!("{n} things")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bundle(error) => Some(error),
            Self::Object { error, .. } => Some(error),
            Self::Kernel { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<bundle::Error> for Error {
    fn from(error: bundle::Error) -> Self {
        Self::Bundle(error)
    }
}

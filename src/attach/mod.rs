//! Whether and how a hook can be attached to a function of a kernel.
//!
//! In: what is [`Wanted`] and a [`Kernel`], which is a running one (`loader`) or what was written down of one (`facts`).
//! Out: yes, or the [`Reason`] why not, with a way out. Both kinds of kernels answer the same few questions, and the
//! judgement is made here alone, so that a linter says what the loader will find.

mod fits;

pub use fits::{Described, Expected};

use crate::btf::{Btf, TypeId};
use crate::kernel::security;

/// What a kernel is asked.
pub trait Kernel {
    /// Whether the kernel or a loaded module has a function of this name.
    fn has_function(&self, name: &str) -> bool;
    /// A function that a missing one may have become.
    fn similar(&self, name: &str) -> Option<String>;
    /// What a function returns and takes; `None` if its types are not known.
    fn signature(&self, name: &str) -> Option<Signature<'_>>;
    /// Whether programs can call a helper (its name without `bpf_`).
    fn has_helper(&self, name: &str) -> bool;
    /// Whether a trampoline can be put there; the error says why not.
    fn trampoline(&self, function: &str, point: Point) -> Result<(), String>;
    /// Whether a breakpoint can be put there; the error says why not.
    fn breakpoint(&self, function: &str) -> Result<(), String>;
    /// Whether `bpf_override_return`, if the kernel has it, may replace the function; the error says why not.
    fn replaceable(&self, function: &str) -> Result<(), String>;
}

/// Return type and parameters of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    pub returns: Described<'a>,
    pub parameters: Vec<Described<'a>>,
}

impl<'a> Signature<'a> {
    /// What the types of a kernel say of a function.
    pub fn of(btf: &'a Btf, function: TypeId) -> Option<Self> {
        let (returns, parameters) = btf.signature(function)?;
        let parameters = parameters.iter();
        Some(Self {
            returns: Described::of(btf, returns),
            parameters: parameters.map(|one| Described::of(btf, one.ty)).collect(),
        })
    }
}

/// Where a trampoline runs its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    Entry,
    /// Instead of the function, if the program says so.
    ModifyReturn,
}

/// How a hook gets into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// Trampolines at entry and return.
    Fentry,
    /// Trampoline whose result replaces the function's.
    FmodRet,
    /// Breakpoints at entry and return.
    Kprobe,
    /// Breakpoint with `bpf_override_return`.
    KprobeOverride,
}

impl Means {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::FmodRet => "fmod_ret",
            Self::Kprobe => "kprobe",
            Self::KprobeOverride => "kprobe + override",
        }
    }

    fn point(self) -> Option<Point> {
        match self {
            Self::Fentry => Some(Point::Entry),
            Self::FmodRet => Some(Point::ModifyReturn),
            Self::Kprobe | Self::KprobeOverride => None,
        }
    }
}

/// A hook to be attached.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The function as the policy names it: `sys_openat`.
    pub call: &'a str,
    /// The function of the kernel: `__x64_sys_openat`.
    pub target: &'a str,
    pub means: Means,
    pub syscall: bool,
    pub arguments: Vec<Argument>,
    /// The return value, if it is read; its index means nothing.
    pub returned: Option<Argument>,
    /// Helpers that its programs call, without `bpf_`.
    pub helpers: Vec<&'a str>,
}

/// A parameter that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// From 0.
    pub index: usize,
    pub expected: Expected,
    /// The word for the type in policies.
    pub ty: String,
}

/// Why a hook cannot be attached, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub kind: Kind,
    /// What the kernel lacks: `the function x`.
    pub what: String,
    pub remedy: String,
}

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The function does not exist at all.
    Missing,
    /// A helper is missing.
    Helper,
    /// The call cannot be prevented there.
    Override,
    /// A parameter or the return value is something else; the number of the argument, in the order of the hook.
    Argument(usize),
    Return,
    /// The function exists, and this means cannot reach it.
    Unreachable,
}

impl Reason {
    fn new(kind: Kind, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// Whether a hook can be attached to a kernel.
///
/// # Errors
/// The first of the reasons against it.
pub fn check(kernel: &dyn Kernel, wanted: &Wanted<'_>) -> Result<(), Reason> {
    exists(kernel, wanted)?;
    helpers(kernel, wanted)?;
    if !wanted.syscall {
        prototype(kernel, wanted)?;
    }
    match wanted.means.point() {
        Some(point) => trampoline(kernel, wanted, point),
        None => breakpoint(kernel, wanted),
    }
}

fn exists(kernel: &dyn Kernel, wanted: &Wanted<'_>) -> Result<(), Reason> {
    let target = wanted.target;
    if kernel.has_function(target) {
        return Ok(());
    }
    let remedy = match kernel.similar(target) {
        Some(similar) => format!("this kernel has `{similar}`"),
        None => "it may be inlined, renamed or in a module that is not loaded; \
                 `ignore: {callNotFound: true}` loads the rest"
            .to_owned(),
    };
    Err(Reason::new(
        Kind::Missing,
        format!("the function `{target}`"),
        remedy,
    ))
}

fn helpers(kernel: &dyn Kernel, wanted: &Wanted<'_>) -> Result<(), Reason> {
    let mut helpers = wanted.helpers.iter();
    let Some(missing) = helpers.find(|name| !kernel.has_helper(name)) else {
        return Ok(());
    };
    if *missing == OVERRIDE {
        let what = "bpf_override_return: this kernel is built without CONFIG_BPF_KPROBE_OVERRIDE";
        return Err(Reason::new(Kind::Override, what, elsewhere(wanted.call)));
    }
    let what = format!("the helper `bpf_{missing}`");
    Err(Reason::new(Kind::Helper, what, "use a newer kernel"))
}

/// The helper that replaces a function.
pub const OVERRIDE: &str = "override_return";

/// Where a call can be prevented instead.
pub fn elsewhere(call: &str) -> String {
    match security::decision_behind(call) {
        Some(function) => format!(
            "hook `{function}` with `syscall: false` instead: it can be overridden everywhere"
        ),
        None => "hook the `security_*` function behind it instead, or use Sigkill".to_owned(),
    }
}

/// Whether the function's parameters are what the policy says.
fn prototype(kernel: &dyn Kernel, wanted: &Wanted<'_>) -> Result<(), Reason> {
    let Some(signature) = kernel.signature(wanted.target) else {
        return Ok(());
    };
    let typed = wanted.means.point().is_some();
    for (position, argument) in wanted.arguments.iter().enumerate() {
        let kind = Kind::Argument(position);
        let Some(&found) = signature.parameters.get(argument.index) else {
            let count = signature.parameters.len();
            let what = format!(
                "argument {} of `{}`, which has {count}",
                argument.index, wanted.target
            );
            return Err(Reason::new(kind, what, "correct `index`: it counts from 0"));
        };
        if !argument.expected.fits(found, typed) {
            let what = format!(
                "a `{}` as argument {} of `{}`, which is {found}",
                argument.ty, argument.index, wanted.target
            );
            return Err(Reason::new(kind, what, "correct `index` or `type`"));
        }
    }
    let returned = wanted.returned.as_ref();
    returned.map_or(Ok(()), |value| {
        returns(value, signature.returns, wanted.target)
    })
}

/// Whether the function returns what the policy says. Programs probe what a returned pointer points to.
fn returns(value: &Argument, found: Described<'_>, target: &str) -> Result<(), Reason> {
    if found == Described::Void {
        let what = format!("a return value of `{target}`");
        return Err(Reason::new(Kind::Return, what, "remove `return: true`"));
    }
    if value.expected.fits(found, false) {
        return Ok(());
    }
    let what = format!(
        "a `{}` returned by `{target}`, which returns {found}",
        value.ty
    );
    let remedy = "correct the type of `returnArg`";
    Err(Reason::new(Kind::Return, what, remedy))
}

/// Whether the kernel lets programs of this kind attach to the function.
fn trampoline(kernel: &dyn Kernel, wanted: &Wanted<'_>, point: Point) -> Result<(), Reason> {
    let target = wanted.target;
    if kernel.signature(target).is_none() {
        let what = format!("a type of its own for `{target}` in the kernel's BTF");
        return Err(Reason::new(Kind::Unreachable, what, ANOTHER));
    }
    kernel
        .trampoline(target, point)
        .map_err(|error| match point {
            Point::ModifyReturn => {
                let what = format!("fmod_ret on `{target}`: {error}");
                Reason::new(Kind::Override, what, elsewhere(wanted.call))
            }
            Point::Entry => {
                let what = format!("a trampoline for `{target}`: {error}");
                Reason::new(Kind::Unreachable, what, ANOTHER)
            }
        })
}

const ANOTHER: &str = "hook another function";

fn breakpoint(kernel: &dyn Kernel, wanted: &Wanted<'_>) -> Result<(), Reason> {
    let target = wanted.target;
    kernel.breakpoint(target).map_err(|error| {
        let what = format!("a breakpoint in `{target}`: {error}");
        Reason::new(Kind::Unreachable, what, ANOTHER)
    })?;
    if wanted.means != Means::KprobeOverride {
        return Ok(());
    }
    kernel.replaceable(target).map_err(|error| {
        let what = format!("the right to replace `{target}`: {error}");
        Reason::new(Kind::Override, what, elsewhere(wanted.call))
    })
}

/// Of some names of functions, the one that a missing function may have become: the same with a compiler's suffix, or
/// with other leading underscores; the shortest, then the first.
pub fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let bare = name.trim_start_matches('_');
    let alike = known.filter(|known| {
        let stem = known.split('.').next().unwrap_or(known);
        stem.trim_start_matches('_') == bare
    });
    alike.min_by_key(|known| (known.len(), *known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returned_values_must_be_those_of_the_declaration() {
        let lack = |expected, ty: &str, found| {
            let value = Argument {
                index: 0,
                expected,
                ty: ty.to_owned(),
            };
            returns(&value, found, "f").err().map(|reason| reason.what)
        };
        let (file, sock) = (
            Expected::Structure(&["file"]),
            Expected::Structure(&["sock"]),
        );
        assert_eq!(lack(file, "file", Described::Struct("file")), None);
        assert_eq!(lack(sock, "sock", Described::Pointer), None);
        assert_eq!(lack(Expected::Number, "int32", Described::Number), None);
        let void = lack(Expected::Nothing, "nop", Described::Void);
        assert_eq!(void.as_deref(), Some("a return value of `f`"));
        let other = lack(file, "file", Described::Struct("sock"));
        assert_eq!(
            other.as_deref(),
            Some("a `file` returned by `f`, which returns a `struct sock *`")
        );
        let number = lack(sock, "sock", Described::Number);
        assert_eq!(
            number.as_deref(),
            Some("a `sock` returned by `f`, which returns a number")
        );
    }

    #[test]
    fn similar_functions_are_the_same_by_another_spelling() {
        let known = [
            "vfs_read",
            "do_truncate.part.0",
            "do_truncate.cold",
            "__fput",
        ];
        let similar = |name| similar(name, known.into_iter());
        assert_eq!(similar("do_truncate"), Some("do_truncate.cold"));
        assert_eq!(similar("fput"), Some("__fput"));
        assert_eq!(similar("vfs_reads"), None);
    }
}

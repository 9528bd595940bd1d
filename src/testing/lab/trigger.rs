//! The real call behind a case.
//!
//! In: the call of a hooked function that a case describes. Out: a system call that makes the kernel come there with these values, and what must
//! be there before; or why none does. Nothing here is trusted: whether the function is called, and with what, is seen on the kernel
//! before the case counts (`observed`).

use std::collections::BTreeMap;

use super::context::text_of;
use super::{network, paths, process};
use crate::ir::{Abi, ArgType, Hook};
use crate::kernel::syscall_numbers::number;
use crate::lab::program::Value;
use crate::sim::scene::{Area, Data, Param, Scene, Spot};

/// A system call of the caller; where its result becomes a descriptor, the number of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) number: u32,
    pub(super) params: Vec<Value>,
    pub(super) to: Option<u64>,
}

/// A file of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// With these permissions, of the caller or of root.
    Regular {
        mode: u16,
        is_callers: bool,
    },
    Directory,
    /// There is none.
    Absent,
}

/// What becomes of an error of the function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Errors {
    /// The call returns it.
    #[default]
    Passed,
    /// The call returns another one.
    Translated,
    /// Nobody learns of it.
    Swallowed,
}

/// A call, and what it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) number: u32,
    pub(super) params: Vec<Value>,
    /// What the caller does before, with all of root's power.
    pub(super) before: Vec<Step>,
    pub(super) files: BTreeMap<String, File>,
    /// The call removes or renames files.
    pub(super) consumes: bool,
    /// Ends of connections that no other caller may have at the same time.
    pub(super) claims: Vec<([u8; 16], u16)>,
    /// What init does afterwards.
    pub(super) after: Vec<Step>,
    /// A child of the caller, whose number lies at [`process::CHILD`].
    pub(super) child: bool,
    /// Capabilities without which the kernel does not come to the function.
    pub(super) needs: u64,
    pub(super) errors: Errors,
    /// The users of the process, where the case says them by an argument: real, effective, saved.
    pub(super) users: Option<[u32; 3]>,
}

/// Descriptors of the caller.
pub(super) const FD: u64 = 10;
pub(super) const SECOND_FD: u64 = 11;
/// `AT_FDCWD` (include/uapi/linux/fcntl.h).
pub(super) const HERE: u64 = -100_i64 as u64;

/// Makes the call of a function of the kernel.
pub(super) type Make = fn(&Given<'_>) -> Result<Trigger, String>;

/// Functions that a call of ours leads to.
const FUNCTIONS: &[(&str, Make)] = &[
    ("do_unlinkat", paths::do_unlinkat),
    ("inet_csk_listen_start", network::listen),
    ("security_bprm_check", paths::execve),
    ("security_bprm_creds_for_exec", paths::execve),
    ("security_bprm_creds_from_file", paths::execve),
    ("security_file_open", paths::open),
    ("security_file_permission", paths::permission),
    ("security_file_truncate", paths::ftruncate),
    ("security_inode_rename", paths::rename),
    ("security_inode_unlink", paths::unlink),
    ("security_kernel_load_data", process::load_module),
    ("security_kernel_module_request", process::request_module),
    ("security_kernel_read_file", process::read_module),
    ("security_path_chmod", paths::chmod),
    ("security_path_truncate", paths::truncate),
    ("security_ptrace_access_check", process::access),
    ("security_sb_mount", process::mount),
    ("security_socket_bind", network::bind),
    ("security_socket_connect", network::connect),
    ("security_task_fix_setuid", process::set_user),
    ("tcp_close", network::close),
    ("tcp_connect", network::tcp_connect),
];

/// Calls that end or stop more than the caller, or of which a child would go on with the caller's program.
const NEVER: &[&str] = &[
    "clone",
    "clone3",
    "exit",
    "exit_group",
    "fork",
    "kexec_file_load",
    "kexec_load",
    "pause",
    "reboot",
    "restart_syscall",
    "rt_sigreturn",
    "vfork",
];

impl Trigger {
    pub(super) fn of(scene: &Scene, hook: &Hook) -> Result<Self, String> {
        let given = Given { scene, hook };
        let trigger = match hook.abi {
            Abi::Syscall => syscall(&given),
            Abi::Function => {
                let row = FUNCTIONS.iter().find(|(name, _)| *name == hook.symbol);
                let (_, make) = row.ok_or_else(|| {
                    format!("no system call is known that leads to `{}`", hook.symbol)
                })?;
                make(&given)
            }
        }?;
        let outside = |path: &&String| {
            let of_kernel = ["/proc/", "/sys/", "/dev/", "/lab/"];
            path.len() > 4000 || of_kernel.iter().any(|top| path.starts_with(top))
        };
        match trigger.files.keys().find(outside) {
            Some(path) => Err(format!("the guest cannot have a file `{path}`")),
            None => Ok(trigger),
        }
    }

    /// A call that needs nothing.
    pub(super) fn call(name: &str, params: impl IntoIterator<Item = Value>) -> Self {
        Self {
            number: number(name).expect("a call of Linux 6.1"),
            params: params.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(super) fn with(mut self, path: String, file: File) -> Self {
        self.files.insert(path, file);
        self
    }

    /// An open file under a number.
    pub(super) fn open(self, path: String, mode: u16, fd: u64) -> Self {
        let open = step("open", [Value::text(&path), 2.into()]).to(fd);
        self.with(path, callers(mode)).after(open)
    }

    /// One more step before the call.
    pub(super) fn after(mut self, step: Step) -> Self {
        self.before.push(step);
        self
    }
}

impl Step {
    pub(super) fn to(mut self, fd: u64) -> Self {
        self.to = Some(fd);
        self
    }
}

pub(super) fn step(name: &str, params: impl IntoIterator<Item = Value>) -> Step {
    Step {
        number: number(name).expect("a call of Linux 6.1"),
        params: params.into_iter().collect(),
        to: None,
    }
}

pub(super) fn callers(mode: u16) -> File {
    File::Regular {
        mode: mode & 0o7777,
        is_callers: true,
    }
}

/// What a case says of a call.
pub(super) struct Given<'a> {
    pub(super) scene: &'a Scene,
    pub(super) hook: &'a Hook,
}

impl Given<'_> {
    fn param(&self, index: usize) -> &Param {
        self.scene.params.get(index).unwrap_or(&Param::Number(0))
    }

    pub(super) fn number(&self, index: usize) -> u64 {
        match self.param(index) {
            Param::Number(number) => *number,
            _ => 0,
        }
    }

    /// The parameter, if the policy declares it.
    pub(super) fn declared(&self, index: u8) -> Option<&Param> {
        let is = self.hook.args.iter().any(|arg| arg.index == index);
        is.then(|| self.param(usize::from(index)))
    }

    /// Path and mode of a file with a name.
    pub(super) fn file(&self, index: usize) -> Result<(String, u16), String> {
        match self.param(index) {
            Param::File(spot) | Param::Path(spot) | Param::Binprm(Some(spot)) => self.named(*spot),
            Param::Dentry(dentry) => {
                let path = self.scene.vfs.entry(*dentry).filter(|path| path.complete);
                let path = path.and_then(|path| String::from_utf8(path.known).ok());
                Ok((plain(path.unwrap_or_default())?, 0o644))
            }
            _ => Err("the case gives no file".to_owned()),
        }
    }

    fn named(&self, spot: Spot) -> Result<(String, u16), String> {
        let mode = self.scene.vfs.dentries.get(spot.dentry);
        let mode = mode.and_then(|dentry| dentry.mode).unwrap_or(0o644);
        if mode & 0o170_000 != 0o100_000 {
            return Err("only regular files are made".to_owned());
        }
        Ok((plain(text_of(self.scene, spot)?)?, mode))
    }

    /// Bytes in memory, of the kernel or not.
    pub(super) fn bytes(&self, index: usize) -> Option<&[u8]> {
        match self.param(index) {
            Param::Bytes(Data::In(_, bytes)) | Param::Filename(Data::In(_, bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The same as a parameter; where nothing is, nothing is.
    pub(super) fn address(&self, index: usize) -> Value {
        match self.param(index) {
            Param::Bytes(Data::At(address)) | Param::Filename(Data::At(address)) => {
                Value::Number(*address)
            }
            _ => Value::Bytes(self.bytes(index).unwrap_or_default().to_vec()),
        }
    }
}

/// A path that opens the file that it is seen as.
fn plain(path: String) -> Result<String, String> {
    if path.ends_with(" (deleted)") {
        return Err("a file that has lost its name cannot be reached by one".to_owned());
    }
    match path.starts_with('/') && path.len() > 1 && !path.contains('\0') {
        true => Ok(path),
        false => Err(format!("`{path}` is the path of no regular file")),
    }
}

/// A system call with the parameters of the case.
fn syscall(given: &Given<'_>) -> Result<Trigger, String> {
    let symbol = given.hook.symbol.as_str();
    let name = symbol.strip_prefix("sys_").unwrap_or(symbol);
    if NEVER.contains(&name) {
        return Err(format!("`{name}` would end the test"));
    }
    if name == "kill" && given.number(0) as i32 <= 0 {
        return Err("the signal would reach more than one process".to_owned());
    }
    let mut trigger = Trigger {
        number: number(name).ok_or_else(|| format!("Linux 6.1 has no call `{name}`"))?,
        ..Trigger::default()
    };
    for index in 0..6_u8 {
        let at = usize::from(index);
        let declared = given.hook.args.iter().find(|arg| arg.index == index);
        let value = match (given.param(at), declared.map(|arg| arg.ty)) {
            (Param::Number(fd), Some(ArgType::Fd)) => {
                let open = given.scene.task.files.as_ref();
                let spot = open.and_then(|open| *open.get(*fd as usize)?);
                if let Some(spot) = spot {
                    let (path, mode) = given.named(spot)?;
                    let fd = FD + u64::from(index);
                    trigger = trigger.open(path, mode, fd);
                    Value::Number(fd)
                } else {
                    // No process of ours has so many open.
                    Value::Number(9999)
                }
            }
            (Param::Number(number), _) => Value::Number(*number),
            (Param::Bytes(Data::In(Area::User, bytes)), ty) => {
                if ty == Some(ArgType::String) && bytes.starts_with(b"/") {
                    let path = bytes.strip_suffix(&[0]).unwrap_or(bytes);
                    if let Ok(path) = std::str::from_utf8(path) {
                        trigger.files.extend(prepared(given, path));
                    }
                }
                Value::Bytes(bytes.to_vec())
            }
            (Param::Bytes(Data::At(address)), _) => Value::Number(*address),
            _ => return Err("a parameter is no value that a program can pass".to_owned()),
        };
        trigger.params.push(value);
    }
    // What the policy does not name is not 0 where that would be a descriptor.
    if name.ends_with("at") && given.declared(0).is_none() {
        trigger.params[0] = HERE.into();
    }
    trigger.consumes = [
        "unlink",
        "unlinkat",
        "rename",
        "renameat",
        "renameat2",
        "rmdir",
    ]
    .contains(&name);
    Ok(trigger)
}

/// The file of a name, such that the call returns what the case says.
pub(super) fn prepared(given: &Given<'_>, path: &str) -> Option<(String, File)> {
    let own = ["/proc", "/sys", "/dev", "/lab"];
    let is_own = own.iter().any(|top| path.starts_with(top));
    let names = path.strip_prefix('/')?.split('/');
    let is_plain = names
        .into_iter()
        .all(|name| !["", ".", ".."].contains(&name));
    if is_own || !is_plain {
        return None;
    }
    let errors = match given.scene.returned {
        Some(Param::Number(value)) => value as i64,
        _ => 0,
    };
    let file = match errors {
        -2 => File::Absent,
        -13 => File::Regular {
            mode: 0o600,
            is_callers: false,
        },
        _ => callers(0o644),
    };
    Some((path.to_owned(), file))
}

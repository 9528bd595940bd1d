//! Functions that policies hook, and the types under which their parameters can be declared.

/// Types of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// A number whose whole register is known.
    Word,
    /// One of which 32 or 16 bits are.
    Half,
    Quarter,
    String,
    /// A buffer; the parameter with its length, from 0.
    Buffer(u8),
    Filename,
    File,
    Path,
    Dentry,
    Descriptor,
    Program,
    Sock,
    Address,
    Cred,
}

impl Types {
    /// Names in policies.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Word => &[
                "int", "int64", "uint64", "size_t", "uint32", "int32", "int16", "uint16", "int8",
                "uint8",
            ],
            Self::Half => &["int", "int32", "uint32", "int16", "uint16", "int8", "uint8"],
            Self::Quarter => &["int16", "uint16", "int8", "uint8"],
            Self::String => &["string"],
            Self::Buffer(_) => &["char_buf"],
            Self::Filename => &["filename"],
            Self::File => &["file"],
            Self::Path => &["path"],
            Self::Dentry => &["dentry"],
            Self::Descriptor => &["fd"],
            Self::Program => &["linux_binprm"],
            Self::Sock => &["sock"],
            Self::Address => &["sockaddr"],
            Self::Cred => &["cred"],
        }
    }
}

/// A function.
pub(crate) struct Hook {
    pub(crate) symbol: &'static str,
    pub(crate) params: &'static [(u8, Types)],
    /// Whether its return value is known.
    pub(crate) returns: bool,
    /// Whether its callers are only those that the calls are made by: then policies may act there.
    pub(crate) acts: bool,
}

impl Hook {
    pub(crate) fn is_call(&self) -> bool {
        self.symbol.starts_with("sys_")
    }

    pub(crate) fn can_override(&self) -> bool {
        self.acts && self.symbol.starts_with("security_")
    }
}

const fn hook(symbol: &'static str, params: &'static [(u8, Types)]) -> Hook {
    Hook {
        symbol,
        params,
        returns: true,
        acts: true,
    }
}

/// One whose return value the driver does not see.
const fn inner(symbol: &'static str, params: &'static [(u8, Types)]) -> Hook {
    Hook {
        returns: false,
        ..hook(symbol, params)
    }
}

/// One that only reports.
const fn watched(symbol: &'static str, params: &'static [(u8, Types)]) -> Hook {
    Hook {
        acts: false,
        ..inner(symbol, params)
    }
}

use Types::{
    Address, Buffer, Cred, Dentry, Descriptor, File, Filename, Half, Path, Program, Quarter, Sock,
    String, Word,
};

pub(crate) const HOOKS: &[Hook] = &[
    hook(
        "sys_prctl",
        &[(0, Word), (1, Word), (2, Word), (3, Word), (4, Word)],
    ),
    hook(
        "security_task_prctl",
        &[(0, Half), (1, Word), (2, Word), (3, Word), (4, Word)],
    ),
    hook("sys_lseek", &[(0, Descriptor), (1, Word), (2, Word)]),
    hook("sys_read", &[(0, Descriptor), (2, Word)]),
    inner("vfs_read", &[(0, File), (2, Word)]),
    hook("sys_write", &[(0, Descriptor), (1, Buffer(2)), (2, Word)]),
    inner("vfs_write", &[(0, File), (1, Buffer(2)), (2, Word)]),
    hook(
        "sys_pwrite64",
        &[(0, Descriptor), (1, Buffer(2)), (2, Word), (3, Word)],
    ),
    hook("security_file_permission", &[(0, File), (1, Half)]),
    hook("sys_fcntl", &[(0, Descriptor), (1, Word), (2, Word)]),
    hook("security_file_fcntl", &[(0, File), (1, Half), (2, Word)]),
    hook(
        "sys_openat",
        &[(0, Word), (1, String), (2, Word), (3, Word)],
    ),
    hook("sys_open", &[(0, String), (1, Word), (2, Word)]),
    inner("do_filp_open", &[(0, Half), (1, Filename)]),
    inner("vfs_open", &[(0, Path)]),
    hook("security_file_open", &[(0, File)]),
    hook("sys_chmod", &[(0, String), (1, Word)]),
    hook("security_path_chmod", &[(0, Path), (1, Quarter)]),
    hook("sys_unlink", &[(0, String)]),
    inner("do_unlinkat", &[(0, Half), (1, Filename)]),
    hook("security_path_unlink", &[(0, Path), (1, Dentry)]),
    hook("security_inode_unlink", &[(1, Dentry)]),
    hook("sys_rename", &[(0, String), (1, String)]),
    inner("do_renameat2", &[(1, Filename), (3, Filename), (4, Half)]),
    hook(
        "security_path_rename",
        &[(0, Path), (1, Dentry), (2, Path), (3, Dentry)],
    ),
    hook(
        "security_inode_rename",
        &[(1, Dentry), (3, Dentry), (4, Half)],
    ),
    hook("sys_mkdir", &[(0, String), (1, Word)]),
    inner("do_mkdirat", &[(1, Filename), (2, Quarter)]),
    hook(
        "security_path_mkdir",
        &[(0, Path), (1, Dentry), (2, Quarter)],
    ),
    hook("security_inode_mkdir", &[(1, Dentry), (2, Quarter)]),
    hook("sys_rmdir", &[(0, String)]),
    inner("do_rmdir", &[(1, Filename)]),
    hook("security_path_rmdir", &[(0, Path), (1, Dentry)]),
    hook("sys_symlink", &[(0, String), (1, String)]),
    inner("do_symlinkat", &[(0, Filename), (2, Filename)]),
    hook(
        "security_path_symlink",
        &[(0, Path), (1, Dentry), (2, String)],
    ),
    hook("sys_link", &[(0, String), (1, String)]),
    hook("security_path_link", &[(0, Dentry), (1, Path), (2, Dentry)]),
    hook("sys_truncate", &[(0, String), (1, Word)]),
    hook("security_path_truncate", &[(0, Path)]),
    hook(
        "sys_mount",
        &[(0, String), (1, String), (2, String), (3, Word)],
    ),
    hook(
        "security_sb_mount",
        &[(0, String), (1, Path), (2, String), (3, Word)],
    ),
    hook("sys_connect", &[(0, Word), (1, Address), (2, Word)]),
    hook("security_socket_connect", &[(1, Address), (2, Half)]),
    inner("tcp_connect", &[(0, Sock)]),
    hook(
        "sys_sendto",
        &[
            (1, Buffer(2)),
            (2, Word),
            (3, Word),
            (4, Address),
            (5, Word),
        ],
    ),
    inner("udp_sendmsg", &[(0, Sock), (2, Word)]),
    hook("sys_bind", &[(1, Address), (2, Word)]),
    hook("security_socket_bind", &[(1, Address), (2, Half)]),
    hook("sys_listen", &[(0, Word), (1, Word)]),
    inner("inet_csk_listen_start", &[(0, Sock)]),
    hook("sys_socket", &[(0, Word), (1, Word), (2, Word)]),
    hook(
        "security_socket_create",
        &[(0, Half), (1, Half), (2, Half), (3, Half)],
    ),
    hook("sys_kill", &[(0, Word), (1, Word)]),
    hook("security_task_kill", &[(2, Half), (3, Cred)]),
    hook("sys_execve", &[(0, String)]),
    hook("security_bprm_check", &[(0, Program)]),
    hook("sys_setuid", &[(0, Word)]),
    hook("sys_setresuid", &[(0, Word), (1, Word), (2, Word)]),
    hook(
        "security_task_fix_setuid",
        &[(0, Cred), (1, Cred), (2, Half)],
    ),
    watched("commit_creds", &[(0, Cred)]),
    hook("sys_setpriority", &[(0, Word), (1, Word), (2, Word)]),
    hook("security_task_setnice", &[(1, Half)]),
    hook("sys_ptrace", &[(0, Word), (1, Word)]),
    hook("security_ptrace_access_check", &[(1, Half)]),
    hook("sys_chdir", &[(0, String)]),
];

pub(crate) fn by_symbol(symbol: &str) -> &'static Hook {
    HOOKS
        .iter()
        .find(|hook| hook.symbol == symbol)
        .unwrap_or_else(|| panic!("no hook {symbol}"))
}

//! Security hooks behind system calls: where a call can be prevented on every kernel.
//!
//! Source: the calls of `security_*` in fs/, net/, kernel/ and mm/ of Linux 6.12.

/// System call without `sys_`, and the function of `security/security.c` that decides about it.
const BEHIND: &[(&str, &str)] = &[
    ("accept", "security_socket_accept"),
    ("accept4", "security_socket_accept"),
    ("bind", "security_socket_bind"),
    ("bpf", "security_bpf"),
    ("capset", "security_capset"),
    ("chmod", "security_path_chmod"),
    ("chown", "security_path_chown"),
    ("chroot", "security_path_chroot"),
    ("clock_settime", "security_settime64"),
    ("clone", "security_task_alloc"),
    ("clone3", "security_task_alloc"),
    ("connect", "security_socket_connect"),
    ("creat", "security_file_open"),
    ("delete_module", "security_locked_down"),
    ("execve", "security_bprm_check"),
    ("execveat", "security_bprm_check"),
    ("fchmod", "security_path_chmod"),
    ("fchmodat", "security_path_chmod"),
    ("fchown", "security_path_chown"),
    ("fchownat", "security_path_chown"),
    ("fcntl", "security_file_fcntl"),
    ("finit_module", "security_kernel_read_file"),
    ("flock", "security_file_lock"),
    ("fork", "security_task_alloc"),
    ("fsetxattr", "security_inode_setxattr"),
    ("ftruncate", "security_path_truncate"),
    ("init_module", "security_kernel_load_data"),
    ("ioctl", "security_file_ioctl"),
    ("kill", "security_task_kill"),
    ("lchown", "security_path_chown"),
    ("link", "security_inode_link"),
    ("linkat", "security_inode_link"),
    ("listen", "security_socket_listen"),
    ("lsetxattr", "security_inode_setxattr"),
    ("mkdir", "security_inode_mkdir"),
    ("mkdirat", "security_inode_mkdir"),
    ("mknod", "security_inode_mknod"),
    ("mknodat", "security_inode_mknod"),
    ("mmap", "security_mmap_file"),
    ("mount", "security_sb_mount"),
    ("move_mount", "security_move_mount"),
    ("mprotect", "security_file_mprotect"),
    ("open", "security_file_open"),
    ("openat", "security_file_open"),
    ("openat2", "security_file_open"),
    ("perf_event_open", "security_perf_event_open"),
    ("pivot_root", "security_sb_pivotroot"),
    ("prctl", "security_task_prctl"),
    ("pread64", "security_file_permission"),
    ("ptrace", "security_ptrace_access_check"),
    ("pwrite64", "security_file_permission"),
    ("read", "security_file_permission"),
    ("readv", "security_file_permission"),
    ("recvfrom", "security_socket_recvmsg"),
    ("recvmsg", "security_socket_recvmsg"),
    ("removexattr", "security_inode_removexattr"),
    ("rename", "security_inode_rename"),
    ("renameat", "security_inode_rename"),
    ("renameat2", "security_inode_rename"),
    ("rmdir", "security_inode_rmdir"),
    ("sendmsg", "security_socket_sendmsg"),
    ("sendto", "security_socket_sendmsg"),
    ("setgid", "security_task_fix_setgid"),
    ("setns", "security_capable"),
    ("setregid", "security_task_fix_setgid"),
    ("setresgid", "security_task_fix_setgid"),
    ("setresuid", "security_task_fix_setuid"),
    ("setreuid", "security_task_fix_setuid"),
    ("setsockopt", "security_socket_setsockopt"),
    ("settimeofday", "security_settime64"),
    ("setuid", "security_task_fix_setuid"),
    ("setxattr", "security_inode_setxattr"),
    ("shutdown", "security_socket_shutdown"),
    ("socket", "security_socket_create"),
    ("symlink", "security_inode_symlink"),
    ("symlinkat", "security_inode_symlink"),
    ("syslog", "security_syslog"),
    ("tgkill", "security_task_kill"),
    ("tkill", "security_task_kill"),
    ("truncate", "security_path_truncate"),
    ("umount", "security_sb_umount"),
    ("umount2", "security_sb_umount"),
    ("unlink", "security_inode_unlink"),
    ("unlinkat", "security_inode_unlink"),
    ("vfork", "security_task_alloc"),
    ("write", "security_file_permission"),
    ("writev", "security_file_permission"),
];

/// The security function behind a system call, by its portable name (`sys_openat`).
pub fn behind(syscall: &str) -> Option<&'static str> {
    let bare = syscall.strip_prefix("sys_")?;
    let row = BEHIND
        .binary_search_by(|(name, _)| (*name).cmp(bare))
        .ok()?;
    BEHIND.get(row).map(|&(_, function)| function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_security_functions() {
        assert!(BEHIND.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(
            BEHIND
                .iter()
                .all(|(_, function)| function.starts_with("security_"))
        );
        assert_eq!(behind("sys_openat"), Some("security_file_open"));
        assert_eq!(behind("openat"), None);
    }
}

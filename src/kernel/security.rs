//! Security decisions behind system calls and well-known kernel functions: where a call can be prevented on every kernel.

/// A function, and the function on its way that can refuse what it is about to do (Linux 6.12).
const BEHIND: &[(&str, &str)] = &[
    ("__sys_bind", "security_socket_bind"),
    ("__sys_bpf", "security_bpf"),
    ("__sys_connect", "security_socket_connect"),
    ("begin_new_exec", "security_bprm_check"),
    ("bprm_execve", "security_bprm_check"),
    ("cap_capable", "security_capable"),
    ("capable", "security_capable"),
    ("copy_process", "security_task_alloc"),
    ("create_user_ns", "security_create_user_ns"),
    ("do_dentry_open", "security_file_open"),
    ("do_execve", "security_bprm_check"),
    ("do_execveat_common", "security_bprm_check"),
    ("do_filp_open", "security_file_open"),
    ("do_init_module", "security_kernel_read_file"),
    ("do_mmap", "security_mmap_file"),
    ("do_mount", "security_sb_mount"),
    ("do_send_sig_info", "security_task_kill"),
    ("do_sys_openat2", "security_file_open"),
    ("do_unlinkat", "security_inode_unlink"),
    ("do_vfs_ioctl", "security_file_ioctl"),
    ("exec_binprm", "security_bprm_check"),
    ("fd_install", "security_file_open"),
    ("inet6_bind", "security_socket_bind"),
    ("inet_bind", "security_socket_bind"),
    ("inet_csk_accept", "security_socket_accept"),
    ("inet_csk_listen_start", "security_socket_listen"),
    ("inet_listen", "security_socket_listen"),
    ("inet_stream_connect", "security_socket_connect"),
    ("kernel_clone", "security_task_alloc"),
    ("ksys_read", "security_file_permission"),
    ("ksys_write", "security_file_permission"),
    ("load_module", "security_kernel_read_file"),
    ("notify_change", "security_inode_setattr"),
    ("path_mount", "security_sb_mount"),
    ("path_openat", "security_file_open"),
    ("path_umount", "security_sb_umount"),
    ("perf_event_alloc", "security_perf_event_alloc"),
    ("ptrace_attach", "security_ptrace_access_check"),
    ("sock_sendmsg", "security_socket_sendmsg"),
    ("tcp_connect", "security_socket_connect"),
    ("tcp_recvmsg", "security_socket_recvmsg"),
    ("tcp_sendmsg", "security_socket_sendmsg"),
    ("tcp_v4_connect", "security_socket_connect"),
    ("tcp_v6_connect", "security_socket_connect"),
    ("udp_recvmsg", "security_socket_recvmsg"),
    ("udp_sendmsg", "security_socket_sendmsg"),
    ("vfs_create", "security_inode_create"),
    ("vfs_link", "security_inode_link"),
    ("vfs_mkdir", "security_inode_mkdir"),
    ("vfs_mknod", "security_inode_mknod"),
    ("vfs_open", "security_file_open"),
    ("vfs_read", "security_file_permission"),
    ("vfs_rename", "security_inode_rename"),
    ("vfs_rmdir", "security_inode_rmdir"),
    ("vfs_setxattr", "security_inode_setxattr"),
    ("vfs_symlink", "security_inode_symlink"),
    ("vfs_unlink", "security_inode_unlink"),
    ("vfs_write", "security_file_permission"),
];

/// A system call without `sys_`, and the function that decides about it.
const CALLS: &[(&str, &str)] = &[
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
    ("ftruncate", "security_file_truncate"),
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

/// Functions after which the program that is to be started has not begun to run.
const STARTS_PROGRAM: &[&str] = &[
    "begin_new_exec",
    "bprm_execve",
    "exec_binprm",
    "security_bprm_check",
    "security_bprm_check_security",
    "security_bprm_committed_creds",
    "security_bprm_committing_creds",
    "security_bprm_creds_for_exec",
    "security_bprm_creds_from_file",
    "sys_execve",
    "sys_execveat",
];

/// Whether a function starts a program: a signal then arrives before the program runs.
pub fn starts_program(function: &str) -> bool {
    STARTS_PROGRAM.binary_search(&function).is_ok()
}

/// The `security_` function that decides about what a kernel function or a system call (`sys_openat`) does.
pub fn decision_behind(function: &str) -> Option<&'static str> {
    let (table, name) = match function.strip_prefix("sys_") {
        Some(call) => (CALLS, call),
        None => (BEHIND, function),
    };
    let row = table.binary_search_by(|(known, _)| (*known).cmp(name));
    row.ok()
        .and_then(|row| table.get(row))
        .map(|(_, security)| *security)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_searched() {
        for table in [BEHIND, CALLS] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let decisions = table.iter().map(|(_, security)| security);
            assert!(
                decisions
                    .into_iter()
                    .all(|name| name.starts_with("security_"))
            );
        }
        assert_eq!(decision_behind("sys_openat"), Some("security_file_open"));
        assert_eq!(
            decision_behind("tcp_connect"),
            Some("security_socket_connect")
        );
        assert_eq!(decision_behind("do_exit"), None);
    }
}

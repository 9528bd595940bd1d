//! Security decisions behind well-known kernel functions.

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

/// The `security_` function that decides about what a kernel function does.
pub fn decision_behind(function: &str) -> Option<&'static str> {
    let row = BEHIND.binary_search_by(|(known, _)| (*known).cmp(function));
    row.ok()
        .and_then(|row| BEHIND.get(row))
        .map(|(_, security)| *security)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_searched() {
        assert!(BEHIND.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(
            BEHIND
                .iter()
                .all(|(_, security)| security.starts_with("security_"))
        );
        assert_eq!(
            decision_behind("tcp_connect"),
            Some("security_socket_connect")
        );
        assert_eq!(decision_behind("do_exit"), None);
    }
}

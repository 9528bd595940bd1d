//! Functions, system calls and tracepoints that a busy machine runs thousands of times in a second.
//!
//! A judgement, not a measurement: what every read, write, packet, page fault or switch of processes goes through.

/// Kernel functions, sorted.
const FUNCTIONS: &[&str] = &[
    "__alloc_pages",
    "__dev_queue_xmit",
    "__kmalloc",
    "__netif_receive_skb_core",
    "__schedule",
    "apparmor_file_permission",
    "cap_capable",
    "capable",
    "do_filp_open",
    "do_sys_openat2",
    "fd_install",
    "filp_close",
    "finish_task_switch",
    "handle_mm_fault",
    "ip_output",
    "ip_rcv",
    "kfree",
    "kmem_cache_alloc",
    "ksys_read",
    "ksys_write",
    "schedule",
    "security_bpf",
    "security_capable",
    "security_current_getsecid_subj",
    "security_file_alloc",
    "security_file_fcntl",
    "security_file_free",
    "security_file_ioctl",
    "security_file_open",
    "security_file_permission",
    "security_inode_getattr",
    "security_inode_permission",
    "security_mmap_addr",
    "security_mmap_file",
    "security_sock_rcv_skb",
    "security_socket_recvmsg",
    "security_socket_sendmsg",
    "sock_recvmsg",
    "sock_sendmsg",
    "tcp_rcv_established",
    "tcp_recvmsg",
    "tcp_sendmsg",
    "tcp_v4_rcv",
    "try_to_wake_up",
    "udp_recvmsg",
    "udp_sendmsg",
    "vfs_open",
    "vfs_read",
    "vfs_write",
];

/// System calls without `sys_`, sorted.
const CALLS: &[&str] = &[
    "access",
    "brk",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "faccessat",
    "fcntl",
    "futex",
    "getdents64",
    "getpid",
    "gettid",
    "ioctl",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "nanosleep",
    "newfstat",
    "newfstatat",
    "newstat",
    "open",
    "openat",
    "poll",
    "ppoll",
    "pread64",
    "pselect6",
    "pwrite64",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "rt_sigaction",
    "rt_sigprocmask",
    "sched_yield",
    "select",
    "sendmsg",
    "sendto",
    "statx",
    "write",
    "writev",
];

/// Tracepoints as `subsystem:event`, sorted. `*` stands for every event.
const TRACEPOINTS: &[&str] = &[
    "block:*",
    "irq:*",
    "irq_vectors:*",
    "kmem:*",
    "napi:napi_poll",
    "net:*",
    "raw_syscalls:sys_enter",
    "raw_syscalls:sys_exit",
    "rcu:*",
    "sched:sched_migrate_task",
    "sched:sched_stat_runtime",
    "sched:sched_switch",
    "sched:sched_wakeup",
    "sched:sched_waking",
    "skb:*",
    "sock:inet_sock_set_state",
    "tcp:tcp_probe",
    "timer:*",
];

/// Whether a kernel function or a system call (`sys_read`) is.
pub fn is_hot(function: &str) -> bool {
    match function.strip_prefix("sys_") {
        Some(call) => CALLS.binary_search(&call).is_ok(),
        None => FUNCTIONS.binary_search(&function).is_ok(),
    }
}

/// Whether a tracepoint is.
pub fn is_hot_tracepoint(subsystem: &str, event: &str) -> bool {
    let listed = |name: String| TRACEPOINTS.binary_search(&name.as_str()).is_ok();
    listed(format!("{subsystem}:{event}")) || listed(format!("{subsystem}:*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_searched() {
        for table in [FUNCTIONS, CALLS, TRACEPOINTS] {
            assert!(table.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert!(
            is_hot("vfs_read") && is_hot("sys_read") && !is_hot("sys_mount") && !is_hot("read")
        );
        assert!(
            is_hot_tracepoint("net", "net_dev_queue") && !is_hot_tracepoint("oom", "mark_victim")
        );
    }
}

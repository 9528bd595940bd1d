//! System calls: their names, to find misspelt ones, and parameters that are narrower than they look.
//!
//! Names as the kernel's functions have them, without `sys_`: `newfstat`, not `fstat`.
//! From `/proc/kallsyms` of Linux 6.18 (`__x64_sys_*`), without those for 32-bit and old programs; the
//! calls that depend on modules were added. Kernels have more and fewer: not being listed is no error.

use std::sync::LazyLock;

/// Parameters (from 0) that are the length of a buffer and narrower than a register: the kernel looks at 32 bits, whatever the caller has
/// put above them. `true`: signed. From `SYSCALL_DEFINE` in Linux 6.12.
const LENGTHS: &[(&str, u8, bool)] = &[
    ("bind", 2, true),
    ("bpf", 2, false),
    ("connect", 2, true),
    ("fsconfig", 4, true),
    ("getdents", 2, false),
    ("getdents64", 2, false),
    ("readlink", 2, true),
    ("readlinkat", 3, true),
    ("sched_getaffinity", 1, false),
    ("sched_setaffinity", 1, false),
    ("sendto", 5, true),
    ("setdomainname", 1, true),
    ("sethostname", 1, true),
    ("setsockopt", 4, true),
    ("syslog", 2, true),
];

/// Whether a parameter of a system call (`sys_bpf`) is a buffer's length of 32 bits, and then whether it is signed.
pub fn short_length(symbol: &str, index: u8) -> Option<bool> {
    let name = symbol.strip_prefix("sys_")?;
    let found = LENGTHS
        .iter()
        .find(|(call, parameter, _)| (*call, *parameter) == (name, index))?;
    Some(found.2)
}

const NAMES: &str = "
    accept accept4 access acct add_key adjtimex alarm arch_prctl bind bpf brk cachestat capget capset chdir
    chmod chown chroot clock_adjtime clock_getres clock_gettime clock_nanosleep clock_settime clone clone3 close
    close_range connect copy_file_range creat delete_module dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
    epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2
    fadvise64 fallocate fanotify_init fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl
    fdatasync fgetxattr file_getattr file_setattr finit_module flistxattr flock fork fremovexattr fsconfig
    fsetxattr fsmount fsopen fspick fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv
    futex_wake futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid
    geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom
    getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr
    getxattrat init_module inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy
    io_getevents io_pgetevents io_setup io_submit io_uring_enter io_uring_register io_uring_setup ioctl ioperm
    iopl ioprio_get ioprio_set kcmp kexec_file_load kexec_load keyctl kill landlock_add_rule
    landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listmount listxattr
    listxattrat llistxattr lookup_dcookie lremovexattr lseek lsetxattr lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr madvise map_shadow_stack mbind membarrier memfd_create memfd_secret migrate_pages mincore
    mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap modify_ldt mount mount_setattr move_mount move_pages
    mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget
    msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstat newfstatat newlstat
    newstat newuname open open_by_handle_at open_tree open_tree_attr openat openat2 pause perf_event_open
    personality pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free
    pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 process_madvise process_mrelease
    process_vm_readv process_vm_writev pselect6 ptrace pwrite64 pwritev pwritev2 quotactl quotactl_fd read
    readahead readlink readlinkat readv reboot recvfrom recvmmsg recvmsg remap_file_pages removexattr
    removexattrat rename renameat renameat2 request_key restart_syscall rmdir rseq rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield seccomp select semctl semget semop semtimedop sendfile64 sendmmsg sendmsg sendto set_mempolicy
    set_mempolicy_home_node set_robust_list set_thread_area set_tid_address setdomainname setfsgid setfsuid
    setgid setgroups sethostname setitimer setns setpgid setpriority setregid setresgid setresuid setreuid
    setrlimit setsid setsockopt settimeofday setuid setxattr setxattrat shmat shmctl shmdt shmget shutdown
    sigaltstack signalfd signalfd4 socket socketpair splice statfs statmount statx swapoff swapon symlink
    symlinkat sync sync_file_range syncfs sysfs sysinfo syslog tee tgkill time timer_create timer_delete
    timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill
    truncate umask umount unlink unlinkat unshare uprobe uretprobe uselib userfaultfd ustat utime utimensat
    utimes vfork vhangup vmsplice wait4 waitid write writev
";

/// Calls whose function in the kernel has another name (arch/x86/entry/syscalls/syscall_64.tbl). Where a
/// function of the first name exists, 64-bit programs do not get there.
const BEHIND: &[(&str, &str)] = &[
    ("fstat", "newfstat"),
    ("lstat", "newlstat"),
    ("sendfile", "sendfile64"),
    ("stat", "newstat"),
    ("umount2", "umount"),
    ("uname", "newuname"),
];

static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| NAMES.split_whitespace().collect());

/// Every name, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    SORTED.iter().copied()
}

/// Whether the kernel has a function for a system call of this name.
pub fn is_known(name: &str) -> bool {
    SORTED.binary_search(&name).is_ok()
}

/// The name of the kernel's function, where it is not that of the call.
pub fn behind(name: &str) -> Option<&'static str> {
    let row = BEHIND.iter().find(|(call, _)| *call == name);
    row.map(|(_, function)| *function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_agree() {
        let all: Vec<&str> = names().collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(BEHIND.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (call, function) in BEHIND {
            assert!(is_known(function) && !is_known(call), "{call}");
        }
        assert!(is_known("openat") && !is_known("setcap"));
    }
}

//! The examples that watch processes, their identities and what they ask of the kernel.

use super::{EPERM, KILLED, OK, SILENT, Scenario, event};
use crate::harness::job::End;
use crate::script::{ABSENT, PRESENT};

const TERMINATED: End = End::Signal(15);
/// All capabilities of Linux 6.1 and 6.12; CAP_SYS_ADMIN.
const ALL_CAPS: &str = "0x1ffffffffff";
const SYS_ADMIN: &str = "0x200000";

#[test]
fn processes() {
    super::run(&[
        package_managers(),
        credentials(),
        ptrace(),
        scheduling(),
        foreign_processes(),
        kernel_modules(),
        namespaces_and_mounts(),
    ]);
}

fn package_managers() -> Scenario {
    let refused = |path| {
        event(&[
            ("function_name", "security_bprm_check"),
            ("message", "package manager in a task"),
            ("args.0.linux_binprm_arg.path", path),
            ("args.0.linux_binprm_arg.permission", "-rwxr-xr-x"),
            ("action", "KPROBE_ACTION_OVERRIDE"),
            // The caller: execve has not replaced it yet, and never will.
            ("process.binary", "/bin/trigger"),
        ])
    };
    Scenario::example("package-managers")
        .program("/usr/bin/apt-get")
        .program("/opt/venv/bin/pip3")
        .program("/usr/bin/pipx")
        .prepare("symlink /usr/bin/apt-get /tmp/innocent -- file /tmp/update.sh #!/usr/bin/apt-get -- chmod /tmp/update.sh 0755")
        .step("unshare mnt -- exec /usr/bin/apt-get true", EPERM, &[refused("/usr/bin/apt-get")])
        .step("unshare mnt -- exec /tmp/innocent true", EPERM, &[refused("/usr/bin/apt-get")])
        .step("unshare mnt -- exec /tmp/update.sh", EPERM, &[refused("/usr/bin/apt-get")])
        .step("unshare mnt -- exec /opt/venv/bin/pip3 true", EPERM, &[refused("/opt/venv/bin/pip3")])
        .step("unshare mnt -- exec /usr/bin/pipx true", OK, SILENT)
        .step("exec /usr/bin/apt-get true", OK, SILENT)
}

fn credentials() -> Scenario {
    let asks = event(&[
        ("function_name", "__x64_sys_setuid"),
        ("args.0.uint_arg", "0"),
        ("action", "KPROBE_ACTION_SIGKILL"),
        ("process.uid", "1000"),
    ]);
    let changes = |flags| {
        event(&[
            ("function_name", "security_task_fix_setuid"),
            ("args.0.label", "new"),
            ("args.0.process_credentials_arg.uid", "1000"),
            ("args.0.process_credentials_arg.euid", "1000"),
            ("args.1.label", "old"),
            ("args.1.process_credentials_arg.uid", "0"),
            (
                "args.1.process_credentials_arg.caps.effective.0",
                "CAP_CHOWN",
            ),
            (
                "args.1.process_credentials_arg.caps.permitted.0",
                "CAP_CHOWN",
            ),
            ("args.1.process_credentials_arg.caps.inheritable", ABSENT),
            ("args.1.process_credentials_arg.user_ns.ns.is_host", "true"),
            ("args.1.process_credentials_arg.user_ns.ns.inum", PRESENT),
            ("args.2.int_arg", flags),
        ])
    };
    let inherits = event(&[
        ("function_name", "security_bprm_check"),
        ("args.0.linux_binprm_arg.path", "/bin/trigger"),
    ]);
    let caps =
        |inheritable| format!("caps {ALL_CAPS} {ALL_CAPS} {inheritable} -- exec /bin/trigger true");
    Scenario::example("credentials")
        .program("/usr/bin/sudo")
        .step("setuid 1000 -- setuid 0", KILLED, &[changes("1"), asks])
        .step(
            "setresuid 1000 1000 1000 -- setuid 1000",
            OK,
            &[changes("4")],
        )
        .step("/usr/bin/sudo setuid 1000", OK, SILENT)
        .step(
            "setuid 0",
            OK,
            &[event(&[("function_name", "security_task_fix_setuid")])],
        )
        .step(
            "caps 0x3f 0x3f 0 -- setuid 0",
            KILLED,
            &[event(&[("function_name", "__x64_sys_setuid")])],
        )
        .step(&caps(SYS_ADMIN), OK, &[inherits])
        .step(&caps("0x1"), OK, SILENT)
        .step("exec /bin/trigger true", OK, SILENT)
}

fn ptrace() -> Scenario {
    let refused = event(&[
        ("function_name", "security_ptrace_access_check"),
        // PTRACE_MODE_ATTACH_REALCREDS; the parameter that is not read is not shown.
        ("args.0.uint_arg", "18"),
        ("args.1", ABSENT),
        ("action", "KPROBE_ACTION_OVERRIDE"),
    ]);
    Scenario::example("ptrace")
        .program("/usr/bin/gdb")
        .step("ptrace-child", TERMINATED, &[refused])
        .step("/usr/bin/gdb ptrace-child", OK, SILENT)
        // Looking at /proc asks with PTRACE_MODE_READ.
        .step("open /proc/1/environ r -- read 10", OK, SILENT)
        // PTRACE_DETACH of a process that is not traced
        .step("syscall 101 17 1", End::Exit(3), SILENT)
}

fn scheduling() -> Scenario {
    let killed = |function, member, value| {
        event(&[
            ("function_name", function),
            (member, value),
            ("action", "KPROBE_ACTION_SIGKILL"),
        ])
    };
    let nice = |value| killed("__x64_sys_setpriority", "args.0.int_arg", value);
    let io = |value| killed("__x64_sys_ioprio_set", "args.0.int_arg", value);
    let policy = |value| killed("__x64_sys_sched_setscheduler", "args.0.uint_arg", value);
    Scenario::example("scheduling")
        .step("syscall 141 0 0 -5", KILLED, &[nice("-5")])
        .step("syscall 141 0 0 0x1ff", KILLED, &[nice("-1")])
        .step(
            "syscall 141 0 0 5 -- syscall 141 0 0 0 -- syscall 141 0 0 0x17f",
            OK,
            SILENT,
        )
        .step("syscall 251 1 0 0x2004", KILLED, &[io("8196")])
        .step("syscall 251 1 0 0x10003fff", KILLED, &[io("16383")])
        .step(
            "syscall 251 1 0 0x4004 -- syscall 251 1 0 0x8000 -- syscall 251 1 0 0x1fff",
            OK,
            SILENT,
        )
        .step("syscall 144 0 1 0", KILLED, &[policy("1")])
        .step("syscall 144 0 0x40000002 0", KILLED, &[policy("2")])
        .step(
            "syscall 144 0 0 0 -- syscall 144 0 0x40000003 0 -- syscall 144 0 5 0",
            OK,
            SILENT,
        )
}

fn foreign_processes() -> Scenario {
    let foreign = event(&[
        ("args.0.linux_binprm_arg.path", "/bin/trigger"),
        ("process.binary", "/bin/trigger"),
    ]);
    Scenario::example("foreign-processes")
        .step(
            "unshare pid -- hold -- fork exec /bin/trigger true",
            OK,
            &[foreign],
        )
        .step(
            "unshare pid -- fork exec /bin/trigger fork exec /bin/trigger true",
            OK,
            SILENT,
        )
        .step("fork exec /bin/trigger true", OK, SILENT)
}

fn kernel_modules() -> Scenario {
    let refused = |function, fields: &[(&str, &str)]| {
        let mut all = vec![
            ("function_name", function),
            ("action", "KPROBE_ACTION_OVERRIDE"),
        ];
        all.extend(fields);
        event(&all)
    };
    let from_file = refused(
        "security_kernel_read_file",
        &[
            ("args.0.file_arg.path", "/usr/lib/modules/rootkit.ko"),
            ("args.1.int_arg", "2"),
        ],
    );
    let from_memory = refused(
        "security_kernel_load_data",
        &[("args.0.int_arg", "2"), ("args.1.uint_arg", "1")],
    );
    let requested = refused(
        "security_kernel_module_request",
        &[("args.0.string_arg", "net-pf-9")],
    );
    Scenario::example("kernel-modules")
        .prepare(
            "file /usr/lib/modules/rootkit.ko not_really -- file /usr/lib/modules/allowed.ko not_really",
        )
        .step(
            "open /usr/lib/modules/rootkit.ko r -- dup-to 9 -- syscall 313 9 0 0",
            EPERM,
            &[from_file],
        )
        // ENOEXEC: it is read, and is no module
        .step(
            "open /usr/lib/modules/allowed.ko r -- dup-to 9 -- syscall 313 9 0 0",
            End::Exit(8),
            SILENT,
        )
        .step("syscall 175 0 64 0", EPERM, &[from_memory])
        // EAFNOSUPPORT, as without the policy
        .step("syscall 41 9 1 0", End::Exit(97), &[requested])
        // The kernel asks for `netdev-veth7` first, which is let through.
        .step(
            "interface veth7",
            End::Exit(19),
            &[refused(
                "security_kernel_module_request",
                &[("args.0.string_arg", "veth7")],
            )],
        )
}

fn namespaces_and_mounts() -> Scenario {
    let killed = |function| {
        event(&[
            ("function_name", function),
            ("action", "KPROBE_ACTION_SIGKILL"),
        ])
    };
    let mount = |source, target, kind, flags| {
        event(&[
            ("function_name", "security_sb_mount"),
            ("args.0.string_arg", source),
            ("args.1.path_arg.path", target),
            ("args.2.string_arg", kind),
            ("args.3.size_arg", flags),
            ("action", "KPROBE_ACTION_OVERRIDE"),
        ])
    };
    Scenario::example("namespaces-and-mounts")
        .prepare("mkdir /mnt/a -- mkdir /usr/share/x")
        .step(
            "setuid 1000 -- unshare user",
            KILLED,
            &[killed("__x64_sys_unshare")],
        )
        .step("unshare user", OK, SILENT)
        .step("setuid 1000 -- unshare net", EPERM, SILENT)
        .step(
            "unshare pid -- fork setns /proc/self/ns/uts",
            KILLED,
            &[killed("__x64_sys_setns")],
        )
        .step("setns /proc/self/ns/uts", OK, SILENT)
        .step(
            "unshare user -- unshare mnt -- mount-tmpfs /mnt",
            EPERM,
            &[mount("tmpfs", "/mnt", "tmpfs", "0")],
        )
        .step("unshare mnt -- mount-tmpfs /mnt", OK, SILENT)
        .step(
            "unshare mnt -- mount none /mnt overlay 0",
            EPERM,
            &[mount("none", "/mnt", "overlay", "0")],
        )
        // ENODEV: the lab's kernels have it as a module only
        .step("mount none /mnt overlay 0", End::Exit(19), SILENT)
        .step(
            "unshare mnt -- bind /mnt/a /usr/share/x",
            EPERM,
            &[event(&[
                ("args.0.string_arg", "/mnt/a"),
                ("args.1.path_arg.path", "/usr/share/x"),
                ("args.2.error_arg.Message", PRESENT),
                ("args.3.size_arg", "4096"),
            ])],
        )
        .step("unshare mnt -- bind /usr/share/x /mnt/a", OK, SILENT)
}

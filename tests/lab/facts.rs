//! The facts that ship with the program: captured here, and held against what kernels do.
//!
//! `TPC_BLESS=1 cargo test --test lab facts` writes them anew. A kernel that Debian has updated since is said on standard error,
//! not a failure: its facts are compared by what they predict.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};
use tpc::attach::{self, Means, Wanted};
use tpc::bundle::Files;
use tpc::facts::{Facts, shipped};

use crate::bundles::{compiled, edited, place};
use crate::harness::build::{COMPILER, LOADER, TRIGGER, compiler};
use crate::harness::cpio::Archive;
use crate::harness::job::{End, Job, Outcome};
use crate::harness::qemu::{Clock, Setup};
use crate::harness::{DEBIAN_13, KERNELS, Kernel, Lab, project_root};

/// Kernels whose facts ship, by the name that `--kernel` takes.
const SHIPPED: [(&str, Kernel); 3] = [
    ("debian-12", KERNELS[0]),
    ("debian-12-6.12", KERNELS[1]),
    ("debian-13", DEBIAN_13),
];

/// Functions of every kind, with the ways that are tried on each.
const FUNCTIONS: &[&str] = &[
    // Ordinary ones.
    "vfs_read",
    "vfs_unlink",
    "do_truncate",
    "tcp_connect",
    "tcp_v4_connect",
    "inet_listen",
    "path_mount",
    "commit_creds",
    "begin_new_exec",
    "filp_close",
    "ksys_read",
    "kernel_clone",
    "do_exit",
    "wake_up_new_task",
    "udp_sendmsg",
    // Static ones.
    "do_sys_openat2",
    "do_dentry_open",
    "path_openat",
    "ptrace_attach",
    "do_mount_setattr",
    "exec_binprm",
    "bprm_execve",
    "tcp_v4_pre_connect",
    "proc_pid_attach",
    // Inlined, renamed or split by the compiler on some kernels.
    "do_last",
    "do_open",
    "do_open_execat",
    "do_init_module",
    "prepare_binprm",
    "do_execveat_common",
    "do_execveat_common.isra.0",
    "copy_process",
    "audit_log_start",
    "module_sig_check",
    // Several of one name.
    "type_show",
    "name_show",
    "seq_show",
    // Missing ones.
    "sys_execve",
    "do_fork",
    "no_such_function",
    "nf_tables_newrule",
    // Not to be traced.
    "schedule_tail",
    "do_syscall_64",
    "exc_page_fault",
    "rcu_read_unlock_strict",
    "migrate_disable",
    "notifier_call_chain",
    "start_kernel",
    "memcpy",
    "ret_from_fork",
    "asm_exc_page_fault",
    "entry_SYSCALL_64",
    // Any number of arguments, too many arguments.
    "_printk",
    "audit_log_format",
    "sprintf",
    // On the list of functions that may fail.
    "should_failslab",
    "should_fail_alloc_page",
    "open_ctree",
    "__filemap_add_folio",
    // System calls.
    "__x64_sys_openat",
    "__x64_sys_mount",
    "__x64_sys_bpf",
    "__x64_sys_execve",
    "__ia32_sys_openat",
    "__x64_sys_mseal",
    "__arm64_sys_openat",
    // Decisions.
    "security_file_open",
    "security_bprm_check",
    "security_inode_unlink",
    "security_path_mkdir",
    "security_task_free",
    "security_socket_connect",
    "security_file_truncate",
    "security_create_user_ns",
    "security_no_such_thing",
    // What LSM programs are attached to.
    "bpf_lsm_file_open",
];

/// What is tried on a function. That a function can be replaced is tried where something may come of it.
fn means(function: &str) -> &'static [Means] {
    let may_fail = [
        "_sys_",
        "security_",
        "should_fail",
        "__filemap_add",
        "vfs_unlink",
    ];
    match may_fail.iter().any(|part| function.contains(part)) {
        true => &[
            Means::Fentry,
            Means::FmodRet,
            Means::Kprobe,
            Means::KprobeOverride,
        ],
        false => &[Means::Fentry, Means::Kprobe],
    }
}

/// With the parameters, and so the security modules, that the kernel has by itself.
const AS_SHIPPED: Setup = Setup {
    clock: Clock::Host,
    parameters: "",
};

#[test]
fn facts_that_ship_are_what_kernels_say() {
    let compiler = compiler().unwrap_or_else(|error| panic!("{error}"));
    let failures: Vec<String> = std::thread::scope(|scope| {
        let boots = SHIPPED.map(|(name, kernel)| {
            let compiler = &compiler;
            scope.spawn(move || one(name, kernel, compiler))
        });
        let ended = boots.map(|boot| boot.join().expect("a boot does not panic"));
        ended.into_iter().filter_map(Result::err).collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Captures the facts of a kernel, compares them with those that ship, and both with what the kernel does.
fn one(name: &str, kernel: Kernel, compiler: &[u8]) -> Result<(), String> {
    let lab = Lab::shared();
    let config = lab.image(kernel)?.config;
    let config_name = config.file_name().unwrap_or_default().to_string_lossy();
    let mut files = Archive::default();
    files.file(COMPILER, 0o755, compiler.to_vec());
    let bytes = fs::read(&config).map_err(|error| format!("{}: {error}", config.display()))?;
    files.file(&format!("/boot/{config_name}"), 0o644, bytes);
    let mut jobs = vec![
        Job::new([COMPILER, "kernel-facts", "-o", "/run/facts"]),
        Job::new([TRIGGER, "hex", "/run/facts"]),
    ];
    let tries: Vec<(&str, Means)> = FUNCTIONS
        .iter()
        .flat_map(|function| means(function).iter().map(|means| (*function, *means)))
        .collect();
    for (number, (function, means)) in tries.iter().enumerate() {
        let bundle = format!("/lab/b/{number}");
        place(&mut files, &bundle, &attempt(number, function, *means));
        jobs.push(Job::new([LOADER, "load", &bundle]));
        jobs.push(Job::new([LOADER, "unload", &format!("t{number}")]));
    }
    let files = crate::script::with_links(&files, &[]);
    let outcomes = lab
        .boot_as(kernel, &files, &jobs, AS_SHIPPED)
        .map_err(|error| format!("{name}: {error}"))?;
    let file = captured(&outcomes).map_err(|error| format!("{name}: {error}"))?;
    let facts = Facts::read(&file).map_err(|error| format!("{name}: {error}"))?;
    let own = disagreements(&facts, &tries, &outcomes[2..]);
    if !own.is_empty() {
        return Err(format!("{name}: the facts promise, the kernel does\n{own}"));
    }
    compare(name, &file, &facts, &tries, &outcomes[2..])
}

/// The file that the guest wrote.
fn captured(outcomes: &[Outcome]) -> Result<Vec<u8>, String> {
    let [capture, print, ..] = outcomes else {
        return Err("too few outcomes".to_owned());
    };
    if capture.end != End::Exit(0) || !capture.stderr.is_empty() {
        return Err(format!("{:?}: {}", capture.end, capture.stderr));
    }
    let digits = print.stdout.as_bytes().chunks(2);
    let bytes = digits.map(|pair| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.ok_or_else(|| "the file came back damaged".to_owned())
}

/// A bundle that tries one way on one function, and that no process has to do with.
fn attempt(number: usize, function: &str, means: Means) -> Files {
    let (call, action) = match means {
        Means::Fentry | Means::Kprobe => ("security_bprm_check", "Post"),
        Means::FmodRet => ("security_bprm_check", "Override, argError: -1"),
        Means::KprobeOverride => ("sys_mseal", "Override, argError: -1"),
    };
    let text = format!(
        "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {{name: t{number}}}\nspec:\n  kprobes:\n  \
         - call: {call}\n    syscall: {}\n    selectors:\n    - matchPIDs: [{{operator: In, values: [4194304]}}]\n      \
         matchActions: [{{action: {action}}}]\n",
        call.starts_with("sys_")
    );
    let files = compiled(&text)
        .unwrap_or_else(|problems| panic!("{problems}\n{text}"))
        .files;
    let attach = match means {
        Means::Fentry => "fentry",
        Means::FmodRet => "fmod_ret",
        Means::Kprobe => "kprobe",
        Means::KprobeOverride => "kprobe_override",
    };
    edited(&files, |manifest| {
        let hook = &mut manifest["hooks"][0];
        hook["call"] = json!(function);
        let variants = hook["variants"]
            .as_array_mut()
            .expect("hooks have variants");
        variants.retain(|variant| variant["attach"] == attach);
        assert_eq!(variants.len(), 1, "{attach}");
        variants[0]["target"] = Value::from(function);
    })
}

/// What is predicted, but not so.
fn disagreements(facts: &Facts, tries: &[(&str, Means)], outcomes: &[Outcome]) -> String {
    let mut all = String::new();
    for ((function, means), outcomes) in tries.iter().zip(outcomes.chunks(2)) {
        let promised = predicted(facts, function, *means);
        let load = &outcomes[0];
        let does = match load.end {
            End::Exit(0) => true,
            End::Exit(2 | 3) => false,
            _ => {
                writeln!(
                    all,
                    "{function}: {}: {:?} {}",
                    means.name(),
                    load.end,
                    load.stderr
                )
                .expect("texts grow");
                continue;
            }
        };
        if promised.is_ok() != does {
            let promised = promised.err().unwrap_or_else(|| "works".to_owned());
            let said = load
                .stderr
                .lines()
                .find(|line| line.contains('`'))
                .unwrap_or("works");
            writeln!(all, "{function}: {}: {promised} | {said}", means.name()).expect("texts grow");
        }
    }
    all
}

/// What the facts say of one way on one function.
fn predicted(facts: &Facts, function: &str, means: Means) -> Result<(), String> {
    let wanted = Wanted {
        call: function,
        target: function,
        means,
        syscall: function.contains("_sys_"),
        arguments: Vec::new(),
        returned: None,
        helpers: match means {
            Means::KprobeOverride => vec![attach::OVERRIDE],
            _ => Vec::new(),
        },
    };
    attach::check(facts, &wanted).map_err(|reason| reason.what)
}

/// What ships must be what was captured.
fn compare(
    name: &str,
    file: &[u8],
    facts: &Facts,
    tries: &[(&str, Means)],
    outcomes: &[Outcome],
) -> Result<(), String> {
    let path = project_root().join(format!("facts/{name}.facts"));
    if std::env::var_os("TPC_BLESS").is_some() {
        return fs::write(&path, file).map_err(|error| format!("{}: {error}", path.display()));
    }
    let ours = shipped(name)
        .ok_or("facts that ship")?
        .map_err(|error| error.to_string())?;
    if ours.release != facts.release {
        eprintln!(
            "{name}: {} ships, Debian has {}: TPC_BLESS=1 brings the facts up to date",
            ours.release, facts.release
        );
        let wrong = disagreements(&ours, tries, outcomes);
        return match wrong.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "{name}: what ships promises, the kernel does\n{wrong}"
            )),
        };
    }
    match ours == *facts && ours.write() == file {
        true => Ok(()),
        false => Err(format!(
            "{name}: facts/{name}.facts is not what the kernel says now; TPC_BLESS=1 writes it anew"
        )),
    }
}

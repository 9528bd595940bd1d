//! The examples that watch files.

use super::{EPERM, KILLED, OK, SILENT, Scenario, event};
use crate::harness::job::End;
use crate::script::{ABSENT, PRESENT};

const EACCES: End = End::Exit(13);
const ENOENT: End = End::Exit(2);

#[test]
fn files() {
    super::run(&[
        web_root(),
        secrets(),
        uploads(),
        refused_opens(),
        log_tampering(),
        set_id_bits(),
    ]);
}

fn web_root() -> Scenario {
    let refused = |path, mask| {
        event(&[
            ("function_name", "security_file_permission"),
            ("message", "write below the web root"),
            ("args.0.file_arg.path", path),
            ("args.0.file_arg.permission", "-rw-r--r--"),
            ("args.1.int_arg", mask),
            ("action", "KPROBE_ACTION_OVERRIDE"),
        ])
    };
    let named = |function, paths: &[(&str, &str)]| {
        let mut fields = vec![("function_name", function)];
        fields.extend(paths);
        event(&fields)
    };
    Scenario::example("web-root")
        .program("/usr/local/bin/deploy")
        .prepare("mkdir /srv -- mount-tmpfs /srv -- file /srv/www/index.html welcome -- mkdir /srv/www/uploads -- file /srv/www2/x y")
        .step(
            "open /srv/www/index.html w -- write defaced",
            EPERM,
            &[refused("/srv/www/index.html", "2")],
        )
        .step("chdir /srv/www2 -- open ../www/./index.html wa -- write more", EPERM, &[refused("/srv/www/index.html", "2")])
        .step("open /srv/www/index.html r -- read 7", OK, SILENT)
        .step("open /srv/www/uploads/photo cw -- write data", OK, SILENT)
        .step("open /srv/www2/x w -- write data", OK, SILENT)
        .step("/usr/local/bin/deploy open /srv/www/index.html w -- write data", OK, SILENT)
        .step(
            "truncate /srv/www/index.html 0",
            EPERM,
            &[named("security_path_truncate", &[("args.0.path_arg.path", "/srv/www/index.html")])],
        )
        // Not the same hook on both kernels.
        .step("open /srv/www/index.html wt", EPERM, &[event(&[("message", "truncation below the web root")])])
        .step("truncate /srv/www2/x 0", OK, SILENT)
        .step(
            "unlink /srv/www/index.html",
            EPERM,
            &[named("security_inode_unlink", &[("args.0.path_arg.path", "/www/index.html")])],
        )
        .step(
            "rename /srv/www/index.html /srv/www2/old",
            EPERM,
            &[named(
                "security_inode_rename",
                &[
                    ("args.0.path_arg.path", "/www/index.html"),
                    ("args.0.label", "from"),
                    ("args.1.path_arg.path", "/www2/old"),
                    ("args.1.label", "to"),
                ],
            )],
        )
        .step(
            "rename /srv/www2/x /srv/www/index.html",
            EPERM,
            &[named("security_inode_rename", &[("args.1.path_arg.path", "/www/index.html")])],
        )
        .step("rename /srv/www2/x /srv/www2/y -- unlink /srv/www2/y", OK, SILENT)
        .step("/usr/local/bin/deploy unlink /srv/www/index.html", OK, SILENT)
}

fn secrets() -> Scenario {
    let opened = |path| {
        event(&[
            ("args.0.file_arg.path", path),
            ("message", "secret opened"),
            ("tags.0", "secrets"),
            ("tags.1", "audit"),
            ("action", "KPROBE_ACTION_POST"),
        ])
    };
    Scenario::example("secrets")
        .program("/opt/backup/restic")
        .program("/usr/sbin/sshd")
        .prepare("file /etc/ssl/private/web.key x -- file /etc/ssl/private/web.crt x -- file /etc/shadow x")
        .prepare("file /root/.ssh/id_rsa x -- file /tmp/other x -- file /tmp/data.pem x")
        .step(
            "repeat 3 open /etc/ssl/private/web.key r",
            OK,
            &[opened("/etc/ssl/private/web.key")],
        )
        // A limit is by process, not by file: another process, another event.
        .step("open /etc/ssl/private/web.key r", OK, &[opened("/etc/ssl/private/web.key")])
        .step("open /etc/ssl/private/web.crt r", OK, SILENT)
        .step("/opt/backup/restic open /etc/ssl/private/web.key r", OK, SILENT)
        .step("open /etc/shadow r -- fork open /etc/shadow r", OK, &[opened("/etc/shadow")])
        .step("open /etc/shadow r", OK, SILENT)
        .step(
            "repeat 2 open /root/.ssh/id_rsa r -- thread open /root/.ssh/id_rsa r",
            OK,
            &[opened("/root/.ssh/id_rsa"), opened("/root/.ssh/id_rsa"), opened("/root/.ssh/id_rsa")],
        )
        .step("/usr/sbin/sshd open /root/.ssh/id_rsa r", OK, SILENT)
        .step("open /tmp/data.pem r", OK, &[opened("/tmp/data.pem")])
        .step("open /tmp/other r", OK, SILENT)
}

fn uploads() -> Scenario {
    let killed = |bytes, size| {
        event(&[
            ("function_name", "__x64_sys_write"),
            ("args.0.file_arg.path", "/srv/www/uploads/a.php"),
            ("args.1.bytes_arg", bytes),
            ("args.2.size_arg", size),
            // The event names the last action.
            ("action", "KPROBE_ACTION_POST"),
        ])
    };
    let long = event(&[
        ("args.1.truncated_bytes_arg.orig_size", "5000"),
        ("args.1.truncated_bytes_arg.bytes_arg", PRESENT),
        ("args.1.bytes_arg", ABSENT),
    ]);
    Scenario::example("uploads")
        .prepare("mkdir /srv/www/uploads -- file /srv/www/uploads/a.php x -- file /tmp/a.php x")
        .step("open /srv/www/uploads/a.php w -- write <?php", KILLED, &[killed("PD9waHA=", "5")])
        .step("open /srv/www/uploads/a.php w -- write-long #!/bin/sh 5000", KILLED, &[long])
        .step("open /srv/www/uploads/a.php w -- write #!/x", OK, SILENT)
        .step("open /srv/www/uploads/a.php w -- write hello -- write x<?php -- write <?PHP", OK, SILENT)
        .step("open /srv/www/uploads/a.php w -- write-nowhere 5 -- write-long hello 70000", OK, SILENT)
        .step("open /tmp/a.php w -- write <?php", OK, SILENT)
        .step("pipe -- write <?php", OK, SILENT)
        .step("write-to 99 <?php", End::Exit(9), SILENT)
        .step(
            "open /srv/www/uploads/a.php w -- write policy-test -- write policy-tests -- write policy-tes",
            OK,
            &[event(&[("args.1.bytes_arg", "cG9saWN5LXRlc3Q="), ("action", "KPROBE_ACTION_POST")])],
        )
}

fn refused_opens() -> Scenario {
    let refused = |path| {
        event(&[
            ("function_name", "__x64_sys_openat"),
            ("args.0.string_arg", path),
            ("args.1.int_arg", "0"),
            ("return.int_arg", "-13"),
            ("process.uid", "1000"),
            ("process.pid", PRESENT),
            ("process.binary", "/bin/trigger"),
            ("parent.binary", "/init"),
        ])
    };
    Scenario::example("refused-opens")
        .prepare("file /etc/shadow x -- chmod /etc/shadow 0600 -- file /etc/motd x -- file /tmp/locked x -- chmod /tmp/locked 0")
        .step("setuid 1000 -- open /etc/shadow r", EACCES, &[refused("/etc/shadow")])
        .step("setuid 1000 -- open /etc/motd r", OK, SILENT)
        .step("setuid 1000 -- open /etc/missing r", ENOENT, SILENT)
        .step("setuid 1000 -- open /tmp/locked r", EACCES, SILENT)
        .step("open /etc/shadow r", OK, SILENT)
}

fn log_tampering() -> Scenario {
    let removed = |name| {
        event(&[
            ("function_name", "do_unlinkat"),
            ("message", "log removed"),
            ("args.0.string_arg", name),
        ])
    };
    let emptied = |length| {
        event(&[
            ("function_name", "__x64_sys_ftruncate"),
            ("args.0.file_arg.path", "/var/log/app.log"),
            ("args.1.long_arg", length),
        ])
    };
    Scenario::example("log-tampering")
        .program("/usr/sbin/logrotate")
        .prepare("file /var/log/app.log x -- file /var/log/old.log x -- file /root/.bash_history x -- file /tmp/data x -- file /var/log/other.log x")
        .step("unlink /var/log/old.log", OK, &[removed("/var/log/old.log")])
        .step("chdir /root -- unlink .bash_history", OK, &[removed(".bash_history")])
        .step("unlink /var/log/none.log", ENOENT, &[removed("/var/log/none.log")])
        .step("unlink /tmp/data", OK, SILENT)
        .step("/usr/sbin/logrotate unlink /var/log/other.log", OK, SILENT)
        .step("open /var/log/app.log b -- ftruncate 0", OK, &[emptied("0")])
        .step("open /var/log/app.log b -- ftruncate 4095 -- ftruncate 4096", OK, &[emptied("4095")])
        .step("open /var/log/app.log b -- ftruncate 0x100000001", OK, SILENT)
        .step(
            "open /var/log/app.log b -- ftruncate -1",
            End::Exit(22),
            &[emptied("-1")],
        )
        .step("open /tmp/data cb -- ftruncate 0", OK, SILENT)
}

fn set_id_bits() -> Scenario {
    let refused = |path, mode| {
        event(&[
            ("args.0.path_arg.path", path),
            ("args.1.uint_arg", mode),
            ("action", "KPROBE_ACTION_OVERRIDE"),
        ])
    };
    Scenario::example("set-id-bits")
        .program("/usr/bin/dpkg")
        .prepare("file /opt/tool x -- file /usr/lib/helper x")
        .step(
            "chmod /opt/tool 04755",
            EPERM,
            &[refused("/opt/tool", "2541")],
        )
        .step(
            "chmod /opt/tool 02755",
            EPERM,
            &[refused("/opt/tool", "1517")],
        )
        .step("chmod /opt/tool 01755 -- chmod /opt/tool 0755", OK, SILENT)
        .step("chmod /usr/lib/helper 04755", OK, SILENT)
        .step("/usr/bin/dpkg chmod /opt/tool 04755", OK, SILENT)
}

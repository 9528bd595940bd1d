//! The examples that watch sockets.

use super::{EPERM, KILLED, OK, SILENT, Scenario, event};
use crate::harness::job::End;
use crate::script::{ABSENT, PRESENT};

const EACCES: End = End::Exit(13);
const ENETUNREACH: End = End::Exit(101);

#[test]
fn network() {
    super::run(&[
        egress_prevent(),
        egress_kill(),
        connection_ends(),
        listeners(),
        unix_sockets(),
    ]);
}

fn egress_prevent() -> Scenario {
    let refused = |family, addr, port| {
        event(&[
            ("message", "connection outside of the node"),
            ("args.0.sockaddr_arg.family", family),
            ("args.0.sockaddr_arg.addr", addr),
            ("args.0.sockaddr_arg.port", port),
            ("args.0.label", "destination"),
            ("action", "KPROBE_ACTION_OVERRIDE"),
        ])
    };
    Scenario::example("egress-prevent")
        .program("/usr/bin/nomad")
        .step(
            "connect 8.8.8.8 443",
            EPERM,
            &[refused("AF_INET", "8.8.8.8", "443")],
        )
        .step(
            "udp-connect 8.8.8.8 53",
            EPERM,
            &[refused("AF_INET", "8.8.8.8", "53")],
        )
        .step(
            "connect 2001:db8::1 443",
            EPERM,
            &[refused("AF_INET6", "2001:db8::1", "443")],
        )
        .step(
            "connect ::ffff:8.8.8.8 443",
            EPERM,
            &[refused("AF_INET6", "::ffff:8.8.8.8", "443")],
        )
        .step(
            "connect 127.0.0.1 80 -- connect 127.255.255.254 80 -- connect 172.17.3.4 80",
            OK,
            SILENT,
        )
        .step(
            "connect 169.254.169.254 80 -- connect ::1 80 -- connect ::ffff:127.0.0.1 80",
            OK,
            SILENT,
        )
        .step("connect fd12::1 80", ENETUNREACH, SILENT)
        .step(
            "connect 172.18.0.1 80",
            EPERM,
            &[refused("AF_INET", "172.18.0.1", "80")],
        )
        .step(
            "connect 169.254.169.253 80",
            EPERM,
            &[refused("AF_INET", "169.254.169.253", "80")],
        )
        .step("unix /tmp/own.sock -- udp-connect-unspec", OK, SILENT)
        .step("udp 8.8.8.8 53", OK, SILENT)
        .step("/usr/bin/nomad connect 8.8.8.8 443", OK, SILENT)
}

fn egress_kill() -> Scenario {
    let sock = |fields: &[(&str, &str)]| {
        let mut all = vec![
            ("function_name", "tcp_connect"),
            ("args.0.sock_arg.type", "SOCK_STREAM"),
            ("args.0.sock_arg.protocol", "IPPROTO_TCP"),
            ("args.0.sock_arg.state", "TCP_SYN_SENT"),
            ("args.0.sock_arg.cookie", PRESENT),
            ("args.0.label", "connection"),
        ];
        all.extend(fields);
        event(&all)
    };
    let killed = |family, daddr, port| {
        sock(&[
            ("args.0.sock_arg.family", family),
            ("args.0.sock_arg.daddr", daddr),
            ("args.0.sock_arg.dport", port),
            ("args.0.sock_arg.sport", PRESENT),
            ("action", "KPROBE_ACTION_SIGKILL"),
        ])
    };
    let node = sock(&[
        ("args.0.sock_arg.saddr", "127.0.0.1"),
        ("args.0.sock_arg.daddr", "127.0.0.1"),
        ("args.0.sock_arg.dport", "4647"),
        ("action", "KPROBE_ACTION_POST"),
    ]);
    Scenario::example("egress-kill")
        .step("connect 8.8.8.8 443", OK, SILENT)
        .step("connect 127.0.0.1 4647", OK, &[node])
        .step("connect 127.0.0.1 4649 -- connect 8.8.8.8 4647", OK, SILENT)
        .step("unshare net -- lo-up -- connect 8.8.8.8 443", KILLED, &[killed("AF_INET", "8.8.8.8", "443")])
        .step("unshare net -- lo-up -- connect ::ffff:8.8.8.8 443", KILLED, &[killed("AF_INET6", "::ffff:8.8.8.8", "443")])
        .step("unshare net -- lo-up -- connect 192.168.255.1 443 -- connect ::ffff:10.1.2.3 443 -- connect ::1 443", OK, SILENT)
        .step("unshare net -- lo-up -- connect 172.32.0.1 443", KILLED, &[killed("AF_INET", "172.32.0.1", "443")])
        .step(
            "from 0.0.0.0 700 -- connect 8.8.8.8 8080",
            KILLED,
            &[sock(&[("args.0.sock_arg.sport", "700"), ("args.0.sock_arg.dport", "8080")])],
        )
        .step("from 0.0.0.0 873 -- connect 8.8.8.8 8080", OK, SILENT)
        .step("from 0.0.0.0 701 -- connect 8.8.8.8 443 -- from 0.0.0.0 702 -- connect 8.8.8.8 2049", OK, SILENT)
        .step("from 0.0.0.0 1024 -- connect 8.8.8.8 8080", OK, SILENT)
}

fn connection_ends() -> Scenario {
    let ended = event(&[
        ("function_name", "tcp_close"),
        ("args.0.sock_arg.family", "AF_INET"),
        ("args.0.sock_arg.dport", "443"),
        ("args.0.sock_arg.state", "TCP_ESTABLISHED"),
    ]);
    Scenario::example("connection-ends")
        .step("tcp 127.0.0.1 443", OK, &[ended])
        .step("tcp 127.0.0.1 8443", OK, SILENT)
        .step("listen 127.0.0.1 444", OK, SILENT)
        .step("from 127.0.0.1 1023 -- tcp 127.0.0.1 445", OK, SILENT)
        .step(
            "from 169.254.1.1 0 -- connect 8.8.8.8 443",
            End::Exit(99),
            SILENT,
        )
}

fn listeners() -> Scenario {
    let refused = |addr, port| {
        event(&[
            ("function_name", "security_socket_bind"),
            ("args.0.sockaddr_arg.addr", addr),
            ("args.0.sockaddr_arg.port", port),
            ("action", "KPROBE_ACTION_OVERRIDE"),
        ])
    };
    let listens = |family, port| {
        event(&[
            ("function_name", "inet_csk_listen_start"),
            ("args.0.sock_arg.family", family),
            ("args.0.sock_arg.sport", port),
            ("args.0.sock_arg.dport", ABSENT),
        ])
    };
    Scenario::example("listeners")
        .program("/usr/sbin/nginx")
        .step("listen 0.0.0.0 80", EACCES, &[refused("0.0.0.0", "80")])
        .step("listen ::1 443", EACCES, &[refused("::1", "443")])
        .step("listen 0.0.0.0 1023", EACCES, &[refused("0.0.0.0", "1023")])
        .step("listen 0.0.0.0 1024", OK, &[listens("AF_INET", "1024")])
        .step("listen :: 9090", OK, &[listens("AF_INET6", "9090")])
        .step("listen 0.0.0.0 8500 -- listen 0.0.0.0 4647", OK, SILENT)
        .step("/usr/sbin/nginx listen 0.0.0.0 80", OK, SILENT)
        .step(
            "listen 0.0.0.0 0",
            OK,
            &[event(&[("args.0.sock_arg.sport", PRESENT)])],
        )
        .step("unix /tmp/own.sock", OK, SILENT)
}

fn unix_sockets() -> Scenario {
    let connects = |action| {
        event(&[
            ("args.0.sockaddr_arg.family", "AF_UNIX"),
            ("action", action),
        ])
    };
    Scenario::example("unix-sockets")
        .program("/opt/nomad/alloc/8f2/web/run")
        .program("/opt/nomad/allocator")
        .step(
            "/opt/nomad/alloc/8f2/web/run unix /tmp/a.sock",
            EPERM,
            &[connects("KPROBE_ACTION_OVERRIDE")],
        )
        .step(
            "/opt/nomad/alloc/8f2/web/run connect 127.0.0.1 80",
            OK,
            SILENT,
        )
        .step(
            "/opt/nomad/allocator unix /tmp/a.sock",
            OK,
            &[connects("KPROBE_ACTION_POST")],
        )
        .step("unix /tmp/a.sock", OK, SILENT)
}

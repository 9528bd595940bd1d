//! The five policies of a published guide for Nomad hosts, as their author wrote them.
//!
//! They lie in the corpus, outside of the project; where it is absent, this says so and checks nothing.

use super::{KILLED, OK, SILENT, Scenario, event};
use crate::corpus::corpus;
use crate::script::{ABSENT, PRESENT};

#[test]
fn nomad() {
    let Some(corpus) = corpus() else {
        return;
    };
    let directory = corpus.join("Neutrollized__hashicorp-nomad-on-gcp");
    let policy = |name: &str| {
        let path = directory.join(format!("examples__tetragon__{name}--doc2.yaml"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    super::run(&[
        internet_egress(&policy("block-internet-egress")),
        nginx_write_index(&policy("block-nginx-write-index")),
        package_managers(&policy("block-pkg-managers")),
        file_access(&policy("log-file-access")),
        connect_and_close(&policy("log-tcp-connect-and-close")),
    ]);
}

fn internet_egress(policy: &str) -> Scenario {
    let killed = |family, daddr| {
        event(&[
            ("function_name", "tcp_connect"),
            ("args.0.sock_arg.family", family),
            ("args.0.sock_arg.daddr", daddr),
            ("action", "KPROBE_ACTION_SIGKILL"),
        ])
    };
    Scenario::inline("nomad-egress", policy)
        .program("/usr/bin/nslookup")
        .prepare("address 172.17.0.2")
        .step(
            "from 172.17.0.2 0 -- connect 8.8.8.8 443",
            KILLED,
            &[killed("AF_INET", "8.8.8.8")],
        )
        .step(
            "from ::ffff:172.17.0.2 0 -- connect ::ffff:8.8.8.8 443",
            KILLED,
            &[killed("AF_INET6", "::ffff:8.8.8.8")],
        )
        .step(
            "from 172.17.0.2 0 -- connect 169.254.169.254 80 -- connect 10.162.15.255 80",
            OK,
            SILENT,
        )
        .step(
            "from 172.17.0.2 0 -- connect 172.17.0.2 80 -- connect 127.0.0.1 80",
            OK,
            SILENT,
        )
        .step(
            "from 172.17.0.2 0 -- connect 10.162.16.0 80",
            KILLED,
            &[killed("AF_INET", "10.162.16.0")],
        )
        .step(
            "from 172.17.0.2 0 -- connect 127.0.0.2 80",
            KILLED,
            &[killed("AF_INET", "127.0.0.2")],
        )
        .step("from 127.0.0.1 0 -- connect 8.8.8.8 443", OK, SILENT)
        .step(
            "/usr/bin/nslookup from 172.17.0.2 0 -- connect 8.8.8.8 53",
            OK,
            SILENT,
        )
}

fn nginx_write_index(policy: &str) -> Scenario {
    let (index, other) = (
        "/usr/share/nginx/html/index.html",
        "/usr/share/nginx/html/50x.html",
    );
    // Process 2 of a container.
    let inside = |path: &str| format!("unshare pid -- hold -- fork open {path} r");
    let killed = |path| {
        event(&[
            ("function_name", "fd_install"),
            ("args.0.int_arg", PRESENT),
            ("args.1.file_arg.path", path),
            ("action", "KPROBE_ACTION_SIGKILL"),
        ])
    };
    Scenario::inline("nomad-nginx", policy)
        .program("/usr/bin/cat")
        .program("/usr/bin/vim.basic")
        .prepare("file /usr/share/nginx/html/index.html x -- file /usr/share/nginx/html/50x.html x -- file /usr/share/nginx/html/a.html x")
        .step(&inside(index), KILLED, &[killed(index)])
        .step(&inside(other), KILLED, &[killed(other)])
        .step(&inside("/usr/share/nginx/html/a.html"), OK, SILENT)
        .step(&format!("open {index} r"), OK, SILENT)
        .step(&format!("unshare pid -- fork open {index} r"), OK, SILENT)
        .step(&format!("/usr/bin/cat {}", inside(index)), OK, SILENT)
        .step(&format!("/usr/bin/cat {}", inside(other)), KILLED, &[killed(other)])
        .step(&format!("/usr/bin/vim.basic {}", inside(other)), OK, SILENT)
        .step(&format!("/usr/bin/vim.basic {}", inside(index)), KILLED, &[killed(index)])
}

fn package_managers(policy: &str) -> Scenario {
    let killed = |path| {
        event(&[
            ("function_name", "security_bprm_creds_from_file"),
            ("args.0.file_arg.path", path),
            ("args.1", ABSENT),
            ("action", "KPROBE_ACTION_SIGKILL"),
        ])
    };
    Scenario::inline("nomad-packages", policy)
        .program("/usr/bin/apt")
        .program("/sbin/apk")
        .program("/usr/bin/apt-cache")
        .prepare("symlink /usr/bin/apt /tmp/ls")
        .step("exec /usr/bin/apt true", KILLED, &[killed("/usr/bin/apt")])
        .step(
            "chdir /usr -- exec bin/../../sbin/apk true",
            KILLED,
            &[killed("/sbin/apk")],
        )
        .step("exec /tmp/ls true", KILLED, &[killed("/usr/bin/apt")])
        .step("exec /usr/bin/apt-cache true", OK, SILENT)
}

fn file_access(policy: &str) -> Scenario {
    let accessed = |path, mask| event(&[("args.0.file_arg.path", path), ("args.1.int_arg", mask)]);
    Scenario::inline("nomad-files", policy)
        .prepare("file /alloc/data/x y -- file /secrets/token y -- file /allocation y -- file /tmp/alloc y")
        .step(
            "open /alloc/data/x b -- read 1 -- read 1 -- write z -- write z",
            OK,
            &[accessed("/alloc/data/x", "4"), accessed("/alloc/data/x", "2")],
        )
        .step("open /secrets/token r -- read 1", OK, &[accessed("/secrets/token", "4")])
        // The policy's prefix has no slash at its end.
        .step("open /allocation r -- read 1", OK, &[accessed("/allocation", "4")])
        .step("open /tmp/alloc r -- read 1", OK, SILENT)
}

fn connect_and_close(policy: &str) -> Scenario {
    let socket = |function, state, sport, dport| {
        event(&[
            ("function_name", function),
            ("args.0.sock_arg.state", state),
            ("args.0.sock_arg.sport", sport),
            ("args.0.sock_arg.dport", dport),
        ])
    };
    Scenario::inline("nomad-connections", policy).step(
        "tcp 127.0.0.1 443",
        OK,
        &[
            socket("tcp_connect", "TCP_SYN_SENT", PRESENT, "443"),
            socket("tcp_close", "TCP_ESTABLISHED", PRESENT, "443"),
            // TCP_CLOSE_WAIT, or TCP_ESTABLISHED where the other end's farewell is still on its way.
            socket("tcp_close", PRESENT, "443", PRESENT),
            socket("tcp_close", "TCP_LISTEN", "443", ABSENT),
        ],
    )
}

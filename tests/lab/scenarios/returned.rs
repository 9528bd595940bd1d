//! Return values that are more than numbers: files, descriptors, sockets, names and credentials.

use super::{OK, SILENT, Scenario, event, policy};
use crate::harness::job::End;
use crate::script::{ABSENT, Event, PRESENT};

const ENOENT: End = End::Exit(2);

#[test]
fn returned() {
    super::run(&[files(), descriptors(), sockets(), names(), credentials()]);
}

/// A hook that observes a return value of a type, with one filter on it.
fn hook(call: &str, ty: &str, filter: &str) -> String {
    let syscall = call.starts_with("sys_");
    let mut text = format!(
        "  - call: {call}\n    syscall: {syscall}\n    return: true\n    returnArg: {{index: 0, type: {ty}}}\n    selectors:\n"
    );
    text += &match filter {
        // Functions that everyone calls.
        "" => "    - matchBinaries: [{operator: In, values: [/usr/bin/returned]}]\n".to_owned(),
        _ => format!("    - matchReturnArgs: [{{index: 0, {filter}}}]\n"),
    };
    text
}

fn scenario(name: &str, call: &str, ty: &str, filter: &str) -> Scenario {
    Scenario::inline(name, &policy(name, &hook(call, ty, filter)))
        .program("/usr/bin/returned")
        .prepare("mkdir /run/returned -- file /run/returned/a x -- file /run/returned-b x")
}

fn file(path: &str) -> Event {
    event(&[("return.file_arg.path", path), ("args", ABSENT)])
}

fn files() -> Scenario {
    let filter = "operator: Prefix, values: [/run/returned/]";
    scenario("returned-files", "do_filp_open", "file", filter)
        .step("open /run/returned/a r", OK, &[file("/run/returned/a")])
        .step(
            "chdir /run/returned -- open a r",
            OK,
            &[file("/run/returned/a")],
        )
        .step("open /run/returned-b r", OK, SILENT)
        // An error instead of a file, which no filter holds for.
        .step("open /run/returned/none r", ENOENT, SILENT)
}

fn descriptors() -> Scenario {
    let filter = "operator: NotPrefix, values: [/run/returned-b, /bin/]";
    scenario("returned-descriptors", "sys_openat", "fd", filter)
        .step("open /run/returned/a r", OK, &[file("/run/returned/a")])
        .step("open /run/returned-b r", OK, SILENT)
        .step("open /run/returned/none r", ENOENT, SILENT)
}

fn sockets() -> Scenario {
    let accepted = event(&[
        ("return.sock_arg.family", "AF_INET"),
        ("return.sock_arg.sport", "7101"),
        ("return.sock_arg.saddr", "127.0.0.1"),
        ("return.sock_arg.dport", PRESENT),
    ]);
    let filter = "operator: SPort, values: ['7101']";
    scenario("returned-sockets", "inet_csk_accept", "sock", filter)
        .step("tcp 127.0.0.1 7101", OK, &[accepted])
        .step("tcp 127.0.0.1 7102", OK, SILENT)
}

fn names() -> Scenario {
    let named = |name| event(&[("return.string_arg", name)]);
    let filter = "operator: Equal, values: [/run/returned/../returned-b, a]";
    scenario("returned-names", "getname", "filename", filter)
        .step(
            "open /run/returned/../returned-b r",
            OK,
            &[named("/run/returned/../returned-b")],
        )
        .step("chdir /run/returned -- open a r", OK, &[named("a")])
        .step("open /run/returned-b r", OK, SILENT)
}

fn credentials() -> Scenario {
    // The copy, before it is changed.
    let copied = event(&[
        ("return.process_credentials_arg.uid", "0"),
        ("return.process_credentials_arg.euid", "0"),
    ]);
    scenario("returned-credentials", "prepare_creds", "cred", "")
        .step("/usr/bin/returned setuid 1000", OK, &[copied])
        .step("setuid 1000", OK, SILENT)
}

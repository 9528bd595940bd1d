//! Policies with more values than Tetragon takes: they are compiled, pass the verifier, and match the first, the last and those between,
//! and nothing beside them.

use super::{KILLED, OK, SILENT, Scenario, event, policy};
use crate::script::Event;

/// Number of the calls that the policies look at.
const CALL: usize = 0x5700;

#[test]
fn large() {
    super::run(&[
        paths(),
        prefixes(),
        endings(),
        networks(),
        binaries(),
        selectors(),
    ]);
}

fn list(values: &[String]) -> String {
    values
        .iter()
        .map(|value| format!("        - '{value}'\n"))
        .collect()
}

/// A hook on fcntl's file argument.
fn on_files(name: &str, operator: &str, values: &[String]) -> Scenario {
    let hook = format!(
        "  - call: security_file_fcntl
    syscall: false
    args: [{{index: 2, type: int}}, {{index: 0, type: file}}]
    selectors:
    - matchArgs:
      - {{index: 2, operator: Equal, values: ['{CALL}']}}
      - index: 0
        operator: {operator}
        values:
{}",
        list(values)
    );
    Scenario::inline(name, &policy(name, &hook))
}

/// Makes a file, opens it and asks.
fn calls(path: &str) -> String {
    format!("file {path} x -- open {path} r -- fcntl-many 1 {CALL}")
}

fn seen(path: &str) -> Vec<Event> {
    vec![event(&[("args.1.file_arg.path", path)])]
}

/// Paths that have much in common, of many lengths.
fn path(n: usize) -> String {
    format!(
        "/large/team-{}/service-{n:04}/{}/settings.yaml",
        n % 7,
        "x".repeat(n % 40 + 1)
    )
}

fn paths() -> Scenario {
    let values: Vec<String> = (0..1000).map(path).collect();
    let mut scenario = on_files("large-paths", "Equal", &values);
    for n in [0, 1, 499, 500, 639, 998, 999] {
        scenario = scenario.step(&calls(&path(n)), OK, &seen(&path(n)));
    }
    let near = [
        path(1000),
        path(500) + "x",
        path(500).replace("settings", "settingz"),
        path(999)[..40].to_owned(),
        path(3).replace("/large/team-3", "/large/team-4"),
    ];
    for path in near {
        scenario = scenario.step(&calls(&path), OK, SILENT);
    }
    scenario
}

fn prefixes() -> Scenario {
    let value = |n: usize| format!("/large/prefix/{}{n}/", "p".repeat(n % 23));
    let values: Vec<String> = (0..500).map(value).collect();
    let mut scenario = on_files("large-prefixes", "Prefix", &values);
    for n in [0, 22, 23, 250, 498, 499] {
        let path = value(n) + "deep/er/file";
        scenario = scenario.step(&calls(&path), OK, &seen(&path));
    }
    for path in [
        value(500) + "file",
        value(22).trim_end_matches('/').to_owned() + "0/file",
        "/large/prefix/file".to_owned(),
        "/larg/prefix/0/file".to_owned(),
    ] {
        scenario = scenario.step(&calls(&path), OK, SILENT);
    }
    scenario
}

fn endings() -> Scenario {
    let value = |n: usize| format!("{}{n}.end", "e".repeat(n % 19));
    let values: Vec<String> = (0..300).map(value).collect();
    let mut scenario = on_files("large-endings", "Postfix", &values);
    for n in [0, 18, 150, 299] {
        let path = format!("/large/ending/some-{}", value(n));
        scenario = scenario.step(&calls(&path), OK, &seen(&path));
    }
    for name in ["301.ende", "301.en", "x.end"] {
        scenario = scenario.step(&calls(&format!("/large/ending/{name}")), OK, SILENT);
    }
    scenario
}

fn networks() -> Scenario {
    // Every other network, so that none are neighbours; lengths of many kinds.
    let v4 = |n: usize| {
        format!(
            "10.{}.{}.{}/{}",
            n / 100,
            n % 100 * 2,
            n % 5 * 32,
            27 + n % 6
        )
    };
    let v6 = |n: usize| format!("2001:db8:{:x}:{:x}::/{}", n / 30, n % 30 * 1024, 56 + n % 9);
    let values: Vec<String> = (0..1000).map(v4).chain((0..1000).map(v6)).collect();
    let hook = format!(
        "  - call: security_socket_connect
    syscall: false
    args: [{{index: 1, type: sockaddr}}]
    selectors:
    - matchArgs:
      - index: 1
        operator: SAddr
        values:
{}",
        list(&values)
    );
    let inside = [
        "10.0.0.0",
        "10.0.2.32",
        "10.5.0.0",
        "10.9.198.128",
        "2001:db8::1",
        "2001:db8:0:400::9",
        "2001:db8:10:5000::",
        "2001:db8:21:2400::ffff",
        "::ffff:10.5.0.0",
    ];
    let outside = [
        "10.0.1.0",
        "10.0.0.32",
        "10.10.0.0",
        "9.255.255.255",
        "10.9.199.128",
        "2001:db8:0:100::",
        "2001:db8:22::",
        "2001:db9::",
        "::",
        "127.0.0.1",
        "::ffff:10.0.1.0",
    ];
    let mut scenario = Scenario::inline("large-networks", &policy("large-networks", &hook));
    for address in inside {
        scenario = scenario.step(
            &format!("try connect {address} 80"),
            OK,
            &[event(&[("args.0.sockaddr_arg.port", "80")])],
        );
    }
    for address in outside {
        scenario = scenario.step(&format!("try connect {address} 80"), OK, SILENT);
    }
    scenario
}

fn binaries() -> Scenario {
    let values: Vec<String> = (0..1000)
        .map(|n| format!("/opt/large/bin/tool-{n}"))
        .collect();
    let hook = format!(
        "  - call: sys_prctl
    syscall: true
    args: [{{index: 0, type: int}}]
    selectors:
    - matchBinaries:
      - operator: NotIn
        values:
{}      matchArgs:
      - {{index: 0, operator: Equal, values: ['{CALL}']}}
      matchActions: [{{action: Sigkill}}]
",
        list(&values)
    );
    Scenario::inline("large-binaries", &policy("large-binaries", &hook))
        .program("/opt/large/bin/tool-0")
        .program("/opt/large/bin/tool-999")
        .program("/opt/large/bin/tool-1000")
        .step(
            &format!("/opt/large/bin/tool-0 syscall 157 {CALL}"),
            OK,
            SILENT,
        )
        .step(
            &format!("/opt/large/bin/tool-999 syscall 157 {CALL}"),
            OK,
            SILENT,
        )
        .step(
            &format!("/opt/large/bin/tool-1000 syscall 157 {CALL}"),
            KILLED,
            &[event(&[("action", "KPROBE_ACTION_SIGKILL")])],
        )
}

fn selectors() -> Scenario {
    let mut hook = "  - call: sys_prctl\n    syscall: true\n    args: [{index: 0, type: int}, {index: 1, type: string}]\n    selectors:\n".to_owned();
    for n in 0..64 {
        hook += &format!(
            "    - matchArgs:
      - {{index: 0, operator: Equal, values: ['{}']}}
      - {{index: 1, operator: Equal, values: [text-{n}, other-{n}]}}
      matchActions: [{{action: Signal, argSig: {}}}, {{action: Post, rateLimit: 1m}}]
",
            CALL + n / 2,
            34 + n % 30
        );
    }
    let option = |n: usize, text: &str| {
        format!(
            "count-signals {} prctl-text 1 {} text:{text}",
            34 + n % 30,
            CALL + n / 2
        )
    };
    let seen = |n: usize, text: &str| {
        event(&[
            ("args.0.int_arg", &(CALL + n / 2).to_string()),
            ("args.1.string_arg", text),
        ])
    };
    let mut scenario = Scenario::inline("large-selectors", &policy("large-selectors", &hook));
    for n in [0, 1, 31, 32, 62, 63] {
        let text = format!("text-{n}");
        scenario = scenario.saying(&option(n, &text), "1 signals", &[seen(n, &text)]);
    }
    scenario
        .saying(&option(0, "other-0"), "1 signals", &[seen(0, "other-0")])
        .saying(&option(0, "text-2"), "0 signals", SILENT)
        .saying(&option(62, "text-64"), "0 signals", SILENT)
        .saying(&option(64, "text-63"), "0 signals", SILENT)
}

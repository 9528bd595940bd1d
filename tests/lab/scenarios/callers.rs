//! Every kind of filter on who makes a call.

use super::numbered::{FIRST, matched, numbered};
use super::{OK, Scenario, policy};

#[test]
fn callers() {
    super::run(&[binaries(), namespaces(), pids(), capabilities()]);
}

fn binaries() -> Scenario {
    let filter = |operator: &str, value: &str| {
        format!("matchBinaries:\n- {{operator: {operator}, values: ['{value}']}}")
    };
    let filters = [
        filter("In", "/opt/bin/tool"),
        filter("NotIn", "/opt/bin/tool"),
        filter("Prefix", "/opt/"),
        filter("NotPrefix", "/opt/"),
        filter("Postfix", "/tool"),
        filter("NotPostfix", "/tool"),
        filter("In", "/memfd:program (deleted)"),
        filter("In", "/opt/bin/removed"),
    ];
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let hook = numbered("sys_prctl", "[{index: 0, type: int}]", "index: 0", &filters);
    let calls = format!("prctl-many 8 {FIRST} 0");
    let long = "/opt/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/tool";
    Scenario::inline("binaries", &policy("binaries", &hook))
        .program("/opt/bin/tool")
        .program("/usr/bin/other")
        .program("/paths2/jail/opt/bin/tool")
        .program(long)
        .prepare("symlink /opt/bin/tool /tmp/alias")
        .step(&format!("/opt/bin/tool {calls}"), OK, &matched(&[0, 2, 4]))
        .step(&format!("/tmp/alias {calls}"), OK, &matched(&[0, 2, 4]))
        .step(&format!("/usr/bin/other {calls}"), OK, &matched(&[1, 3, 5]))
        .step(&format!("{long} {calls}"), OK, &matched(&[1, 2, 4]))
        .step(
            &format!("/opt/bin/tool thread fork {calls}"),
            OK,
            &matched(&[0, 2, 4]),
        )
        .step(
            &format!("/opt/bin/tool exec /usr/bin/other {calls}"),
            OK,
            &matched(&[1, 3, 5]),
        )
        .step(
            &format!("/usr/bin/other chroot /paths2/jail -- exec /opt/bin/tool {calls}"),
            OK,
            &matched(&[1, 3, 4]),
        )
        .step(
            &format!("exec-memfd /bin/trigger {calls}"),
            OK,
            &matched(&[1, 3, 5, 6]),
        )
        .step(
            &format!("link /bin/trigger /opt/bin/removed -- exec-removed /opt/bin/removed {calls}"),
            OK,
            &matched(&[1, 2, 5, 7]),
        )
}

fn namespaces() -> Scenario {
    // In the order of the selectors; the names of `unshare`, where one changes the caller at once.
    let kinds = [
        ("Uts", "uts"),
        ("Ipc", "ipc"),
        ("Mnt", "mnt"),
        ("Net", "net"),
        ("Cgroup", "cgroup"),
        ("User", "user"),
        ("PidForChildren", "pid"),
        ("TimeForChildren", "time"),
        ("Pid", ""),
        ("Time", ""),
    ];
    let filters: Vec<String> = kinds
        .iter()
        .map(|(kind, _)| format!("matchNamespaces:\n- {{namespace: {kind}, operator: NotIn, values: [host_ns, '1']}}"))
        .chain([
            "matchNamespaces:\n- {namespace: Net, operator: In, values: [host_ns]}\n- {namespace: Mnt, operator: NotIn, values: [host_ns]}"
                .to_owned(),
            // The number of the first network namespace (include/linux/proc_ns.h has no fixed one): none of these.
            "matchNamespaces:\n- {namespace: Uts, operator: In, values: ['4026531838', '7']}".to_owned(),
        ])
        .collect();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let hook = numbered("sys_prctl", "[{index: 0, type: int}]", "index: 0", &filters);
    let calls = format!("prctl-many 12 {FIRST} 0");
    let mut scenario = Scenario::inline("namespaces", &policy("namespaces", &hook)).step(
        &calls,
        OK,
        &matched(&[11]),
    );
    for (number, (kind, name)) in kinds
        .iter()
        .enumerate()
        .filter(|(_, (_, name))| !name.is_empty())
    {
        let mut expected = vec![number];
        expected.extend((*kind == "Mnt").then_some(10));
        expected.extend((*kind != "Uts").then_some(11));
        scenario = scenario.step(
            &format!("unshare {name} -- {calls}"),
            OK,
            &matched(&expected),
        );
    }
    scenario
        // The child of one that unshared is in both.
        .step(
            &format!("unshare pid -- fork {calls}"),
            OK,
            &matched(&[6, 8, 11]),
        )
        .step(
            &format!("unshare time -- fork {calls}"),
            OK,
            &matched(&[7, 9, 11]),
        )
}

fn pids() -> Scenario {
    let filter = |text: &str| format!("matchPIDs:\n{text}");
    let filters = [
        filter("- {operator: NotIn, values: [1]}"),
        filter("- {operator: In, values: [1, 2, 3]}"),
        filter("- {operator: In, followForks: true, values: [1]}"),
        filter("- {operator: NotIn, followForks: true, values: [1]}"),
        filter("- {operator: In, isNamespacePID: true, values: [1]}"),
        filter("- {operator: NotIn, isNamespacePID: true, values: [0, 1]}"),
        filter("- {operator: In, isNamespacePID: true, followForks: true, values: [1]}"),
        filter("- {operator: NotIn, isNamespacePID: true, followForks: true, values: [1]}"),
        filter("- {operator: NotIn, values: [2]}\n- {operator: NotIn, values: [1]}"),
        filter("- {operator: NotIn, values: [2]}\n- {operator: In, values: [1]}"),
    ];
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let hook = numbered("sys_prctl", "[{index: 0, type: int}]", "index: 0", &filters);
    let calls = format!("prctl-many 10 {FIRST} 0");
    let host = matched(&[0, 2, 7, 8]);
    Scenario::inline("pids", &policy("pids", &hook))
        .step(&calls, OK, &host)
        .step(&format!("thread fork {calls}"), OK, &host)
        // Process 1 of a namespace, its child, and one that entered from outside.
        .step(
            &format!("unshare pid -- fork {calls}"),
            OK,
            &matched(&[0, 2, 4, 6, 8]),
        )
        .step(
            &format!("unshare pid -- fork fork {calls}"),
            OK,
            &matched(&[0, 2, 5, 6, 8]),
        )
        .step(
            &format!("unshare pid -- hold -- fork {calls}"),
            OK,
            &matched(&[0, 2, 5, 7, 8]),
        )
}

fn capabilities() -> Scenario {
    let filter = |text: &str| format!("matchCapabilities:\n- {{{text}}}");
    let filters = [
        filter("operator: In, values: [CAP_SYS_ADMIN]"),
        filter("operator: NotIn, values: [CAP_SYS_ADMIN, CAP_CHOWN]"),
        filter("type: Permitted, operator: In, values: [CAP_NET_RAW, CAP_SYSLOG]"),
        filter("type: Inheritable, operator: In, values: [CAP_SYS_ADMIN]"),
        filter("operator: In, isNamespaceCapability: true, values: [CAP_SYS_ADMIN]"),
        filter("operator: NotIn, isNamespaceCapability: true, values: [CAP_SYS_ADMIN]"),
        // A name without prefix, as Tetragon has it, and the last capability.
        filter("operator: In, values: [DAC_OVERRIDE]"),
        filter("operator: In, values: [CAP_CHECKPOINT_RESTORE]"),
    ];
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let hook = numbered("sys_prctl", "[{index: 0, type: int}]", "index: 0", &filters);
    let calls = format!("prctl-many 8 {FIRST} 0");
    Scenario::inline("capabilities", &policy("capabilities", &hook))
        .step(&calls, OK, &matched(&[0, 2, 6, 7]))
        .step(&format!("setuid 1000 -- {calls}"), OK, &matched(&[1]))
        .step(&format!("caps 0x1 0x2001 0 -- {calls}"), OK, &matched(&[2]))
        .step(
            &format!("caps 0x200000 0x200000 0x200000 -- {calls}"),
            OK,
            &matched(&[0, 3]),
        )
        .step(
            &format!("caps 0x10000000000 0x10000000000 0 -- {calls}"),
            OK,
            &matched(&[1, 7]),
        )
        .step(
            &format!("unshare user -- {calls}"),
            OK,
            &matched(&[0, 2, 4, 6, 7]),
        )
        .step(
            &format!("unshare user -- caps 0 0 0 -- {calls}"),
            OK,
            &matched(&[1, 5]),
        )
}

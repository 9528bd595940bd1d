//! What the loader does to a node: all of what was asked, or nothing, whenever it is stopped.

use std::collections::BTreeMap;

use tpc::bundle::{Files, OBJECT, pack};

use crate::bundles::{compiled, edited, place};
use crate::harness::cpio::Archive;
use crate::harness::job::End;
use crate::scenarios::{KILLED, SILENT, event, policy};
use crate::script::{self, Event, Script, Step};

/// Policies on one function.
const CROWD: usize = 40;
/// A bundle is refused, or a policy is in the wrong state.
const REFUSED: End = End::Exit(1);
/// A call failed.
const FAILED: End = End::Exit(2);
/// The node lacks something.
const UNSUITABLE: End = End::Exit(3);

#[test]
fn lifecycle() {
    let scripts = [
        outlives_its_loader(),
        refuses_and_changes_nothing(),
        names_and_generations(),
        several_at_once(),
        optional_functions(),
        strangers_on_bpffs(),
        readers(),
        full_ring(),
        loaders_at_once(),
        without_bpffs(),
        crowded_function(),
        rivals(),
    ];
    script::run(&scripts, &bundles(), &[]);
}

#[test]
fn killed_loaders() {
    script::run(
        &[
            killed_while_replacing(),
            killed_while_loading(),
            killed_while_unloading(),
        ],
        &bundles(),
        &[],
    );
}

/// A policy that kills callers of prctl with one option and reports another.
fn prctl(name: &str, killed: u32, reported: u32) -> String {
    let hook = format!(
        "  - call: sys_prctl
    syscall: true
    args: [{{index: 0, type: int}}]
    selectors:
    - matchArgs: [{{index: 0, operator: Equal, values: ['{killed}']}}]
      matchActions: [{{action: Sigkill}}]
    - matchArgs: [{{index: 0, operator: Equal, values: ['{reported}']}}]
"
    );
    policy(name, &hook)
}

fn hook(call: &str, syscall: bool, lines: &str) -> String {
    format!("  - call: {call}\n    syscall: {syscall}\n{lines}")
}

fn files(policy: &str) -> Files {
    compiled(policy)
        .unwrap_or_else(|problems| panic!("{problems}\n{policy}"))
        .files
}

/// All bundles that the scripts load, below `/lab/b`.
fn bundles() -> Archive {
    let kills = files(&prctl("kills", 1001, 1011));
    let other = files(&prctl("other.one", 1002, 1012));
    let missing = files(&policy("missing", &hook("no_such_function", false, "")));
    let all: Vec<(&str, Files)> = vec![
        ("kills", kills.clone()),
        ("kills-more", files(&prctl("kills", 1003, 1011))),
        ("other", other.clone()),
        ("quiet", files(&policy("quiet", &quiet_hook(1005)))),
        ("several/kills", kills.clone()),
        ("several/other", other.clone()),
        ("mixed/kills", kills.clone()),
        ("mixed/missing", missing.clone()),
        ("twice/a", kills.clone()),
        ("twice/b", kills.clone()),
        ("missing", missing),
        (
            "renamed",
            files(&policy("renamed", &hook("printk", false, ""))),
        ),
        ("override", files(&policy("override", &override_hook()))),
        (
            "denies",
            files(&policy("denies", &denying_hook(&["1"], -13))),
        ),
        (
            "rival",
            files(&policy("rival", &denying_hook(&["1", "2"], -2))),
        ),
        (
            "wrong-type",
            files(&policy(
                "wrong-type",
                &hook("tcp_connect", false, "    args: [{index: 0, type: file}]\n"),
            )),
        ),
        (
            "wrong-index",
            files(&policy(
                "wrong-index",
                &hook("tcp_connect", false, "    args: [{index: 3, type: int}]\n"),
            )),
        ),
        (
            "optional",
            files(&policy("optional", &optional_hooks(true))),
        ),
        (
            "optional-only",
            files(&policy("optional-only", &optional_hooks(false))),
        ),
        ("tampered", tampered(&kills)),
        ("stranger", with_stranger(&kills)),
        (
            "newer",
            edited(&kills, |manifest| manifest["format"] = 99.into()),
        ),
        ("unsound", unsound()),
    ];
    let mut archive = Archive::default();
    for (name, files) in &all {
        place(&mut archive, &format!("/lab/b/{name}"), files);
    }
    for n in 0..CROWD {
        let policy = policy(&format!("crowd-{n}"), &quiet_hook(2000 + n));
        place(&mut archive, &format!("/lab/b/crowd/{n}"), &files(&policy));
    }
    let packed = BTreeMap::from([("kills".to_owned(), kills), ("other".to_owned(), other)]);
    archive.file(
        "/lab/b/all.tar.gz",
        0o644,
        pack(&packed).expect("memory can be written"),
    );
    archive
}

/// With few maps, so that it is loaded in few steps.
fn quiet_hook(option: usize) -> String {
    let lines = format!(
        "    args: [{{index: 0, type: int}}]
    selectors:
    - matchArgs: [{{index: 0, operator: Equal, values: ['{option}']}}]
      matchActions: [{{action: Sigkill}}, {{action: NoPost}}]
"
    );
    hook("sys_prctl", true, &lines)
}

fn override_hook() -> String {
    hook(
        "sys_linkat",
        true,
        "    args: [{index: 1, type: string}]
    selectors:
    - matchArgs: [{index: 1, operator: Prefix, values: [/etc/]}]
      matchActions: [{action: Override, argError: -1}]
",
    )
}

fn denying_hook(values: &[&str], error: i32) -> String {
    let lines = format!(
        "    args: [{{index: 2, type: int}}]
    selectors:
    - matchArgs: [{{index: 2, operator: Equal, values: {values:?}}}]
      matchActions: [{{action: Override, argError: {error}}}]
"
    );
    hook("security_file_fcntl", false, &lines)
}

fn optional_hooks(with_another: bool) -> String {
    let optional = hook(
        "no_such_function",
        false,
        "    ignore: {callNotFound: true}\n",
    );
    let kills = "    args: [{index: 0, type: int}]
    selectors:
    - matchArgs: [{index: 0, operator: Equal, values: ['1001']}]
      matchActions: [{action: Sigkill}]
";
    match with_another {
        true => optional + &hook("sys_prctl", true, kills),
        false => optional,
    }
}

fn tampered(files: &Files) -> Files {
    let mut files = files.clone();
    let object = files.get_mut(OBJECT).expect("a bundle has an object");
    let last = object.len() - 1;
    object[last] ^= 1;
    files
}

fn with_stranger(files: &Files) -> Files {
    let mut files = files.clone();
    files.insert("run.sh".to_owned(), b"#!/bin/sh\n".to_vec());
    files
}

/// A bundle whose manifest names another function than the object was made for: the verifier has to notice.
fn unsound() -> Files {
    let rename = files(&policy(
        "unsound",
        &hook(
            "security_inode_rename",
            false,
            "    args: [{index: 3, type: dentry}]\n",
        ),
    ));
    edited(&rename, |manifest| {
        let hook = &mut manifest["hooks"][0];
        hook["args"] = serde_json::json!([]);
        hook["variants"]
            .as_array_mut()
            .expect("variants")
            .truncate(1);
        hook["variants"][0]["target"] = "tcp_connect".into();
    })
}

fn run(command: &str) -> Step {
    Step::run(command)
}

fn load(bundles: &str) -> Step {
    run(&format!("tpc-loader load {bundles}"))
}

fn script(name: &str, steps: Vec<Step>) -> Script {
    let mut all = vec![run("bpf-save /run/before")];
    all.extend(steps);
    all.push(run("tpc-loader unload --all"));
    all.push(run("bpf-same /run/before"));
    Script {
        name: format!("lifecycle: {name}"),
        kernel: None,
        steps: all,
    }
}

fn reported(option: &str) -> Event {
    event(&[("args.0.int_arg", option)])
}

fn outlives_its_loader() -> Script {
    script(
        "a policy outlives its loader",
        vec![
            load("/lab/b/kills").says("loaded kills\n  sys_prctl: fentry\n"),
            run("syscall 157 1001")
                .ends(KILLED)
                .events(&[reported("1001")]),
            run("syscall 157 1011").events(&[reported("1011")]),
            run("tpc-loader list")
                .says("kills")
                .says("sys_prctl")
                .says("fentry")
                .says("signals"),
            run("tpc-loader list --format json").says("\"generation\": 1"),
            // Nothing of the loader runs, and nobody reads.
            run("sleep 200 -- syscall 157 1012").events(SILENT),
            Step::read_events(),
            run("syscall 157 1001").ends(KILLED),
            run("tpc-loader unload kills"),
            run("syscall 157 1001"),
            run("tpc-loader list").keeps_silent_about("kills"),
            run("tpc-loader unload kills")
                .ends(REFUSED)
                .says("policy `kills` is not loaded"),
        ],
    )
}

fn refuses_and_changes_nothing() -> Script {
    let refused = |bundle: &str, end: End, says: &[&str]| {
        let step = load(&format!("/lab/b/{bundle}")).ends(end);
        let step = says.iter().fold(step, |step, text| step.says(text));
        [
            step,
            run("bpf-same /run/loaded"),
            run("syscall 157 1001").ends(KILLED),
        ]
    };
    let mut steps = vec![load("/lab/b/kills"), run("bpf-save /run/loaded")];
    steps.extend(refused(
        "missing",
        UNSUITABLE,
        &[
            "the function `no_such_function`",
            "callNotFound",
            "nothing was changed",
        ],
    ));
    steps.extend(refused(
        "renamed",
        UNSUITABLE,
        &["the function `printk`", "this kernel has `_printk`"],
    ));
    steps.extend(refused(
        "override",
        UNSUITABLE,
        &[
            "CONFIG_BPF_KPROBE_OVERRIDE",
            "security_inode_link",
            "sys_linkat",
            "nothing was changed",
        ],
    ));
    steps.extend(refused(
        "wrong-type",
        UNSUITABLE,
        &["a `file` as argument 0 of `tcp_connect`", "`struct sock *`"],
    ));
    steps.extend(refused(
        "wrong-index",
        UNSUITABLE,
        &["argument 3 of `tcp_connect`, which has 1"],
    ));
    steps.extend(refused(
        "tampered",
        REFUSED,
        &["policy.bpf.o", "do not use it"],
    ));
    steps.extend(refused("stranger", REFUSED, &["run.sh"]));
    steps.extend(refused("newer", REFUSED, &["99"]));
    steps.extend(refused("nowhere", FAILED, &["/lab/b/nowhere"]));
    steps.extend(refused(
        "unsound",
        FAILED,
        &[
            "the kernel refused the program for `tcp_connect`",
            "the verifier's last words",
            "4",
        ],
    ));
    steps.extend(refused(
        "kills",
        REFUSED,
        &["policy `kills` is loaded already", "--replace"],
    ));
    steps.extend(refused(
        "twice",
        REFUSED,
        &["two bundles hold policy `kills`"],
    ));
    steps.push(run("tpc-loader check /lab/b/other").says("other.one would load"));
    steps.push(run("tpc-loader check /lab/b/missing").ends(UNSUITABLE));
    steps.push(
        run("tpc-loader check --format json /lab/b/missing")
            .ends(UNSUITABLE)
            .says("\"missing\": \"the function `no_such_function`\""),
    );
    steps.push(run("bpf-same /run/loaded"));
    steps.push(
        run("setuid 1000 -- exec /bin/tpc-loader load /lab/b/other")
            .ends(UNSUITABLE)
            .says("the rights of root"),
    );
    steps.push(run("setuid 1000 -- exec /bin/tpc-loader unload kills").ends(FAILED));
    steps.push(run("setuid 1000 -- exec /bin/tpc-loader events --once").ends(FAILED));
    steps.push(run("bpf-same /run/loaded"));
    script("what cannot be loaded changes nothing", steps)
}

fn names_and_generations() -> Script {
    script(
        "a replacement takes the place of the old version",
        vec![
            load("--replace /lab/b/kills"),
            load("--replace /lab/b/kills-more"),
            run("tpc-loader list --format json").says("\"generation\": 2"),
            run("tree /sys/fs/bpf")
                .says("/sys/fs/bpf/tpc/kills/g2/meta")
                .keeps_silent_about("g1")
                .keeps_silent_about("_new"),
            run("syscall 157 1001"),
            run("syscall 157 1003").ends(KILLED),
            // A replacement that does not come to be leaves the old version alone.
            load("--replace /lab/b/kills /lab/b/missing").ends(UNSUITABLE),
            run("syscall 157 1003").ends(KILLED),
            load("--replace /lab/b/other /lab/b/kills"),
            run("tpc-loader list --format json")
                .says("\"generation\": 3")
                .says("\"generation\": 1"),
            run("syscall 157 1001").ends(KILLED),
            run("syscall 157 1003"),
            // Names of policies have dots, those of bpffs have none.
            run("tree /sys/fs/bpf").says("/sys/fs/bpf/tpc/other_one/g1/"),
            run("tpc-loader unload other.one kills other.one"),
            run("tpc-loader list").keeps_silent_about("other"),
        ],
    )
}

/// Two policies that refuse calls of one function: the kernel asks the later one first, and the other one about what is left.
fn rivals() -> Script {
    let call = |n: u32| run(&format!("open / r -- dup-to 7 -- syscall 72 7 1 {n}"));
    let by = |name: &str| event(&[("policy_name", name)]);
    script(
        "two policies override one function",
        vec![
            load("/lab/b/denies").keeps_silent_about("warning"),
            load("/lab/b/rival").says(
                "warning: rival overrides security_file_fcntl as denies does: of a call that one of them refuses, the others neither act nor report",
            ),
            call(1).ends(End::Exit(2)).events(&[by("rival")]),
            call(2).ends(End::Exit(2)).events(&[by("rival")]),
            Step::read_events(),
            run("tpc-loader unload rival"),
            call(1).ends(End::Exit(13)).events(&[by("denies")]),
            Step::read_events(),
            call(2),
            load("--format json /lab/b/rival").says("\"warnings\": ["),
        ],
    )
}

fn several_at_once() -> Script {
    script(
        "several bundles, all or none",
        vec![
            load("/lab/b/mixed").ends(UNSUITABLE).says("missing"),
            run("bpf-same /run/before"),
            load("/lab/b/kills /lab/b/other /lab/b/unsound").ends(FAILED),
            run("bpf-same /run/before"),
            load("/lab/b/several")
                .says("loaded kills")
                .says("loaded other.one"),
            run("syscall 157 1001")
                .ends(KILLED)
                .events(&[event(&[("policy_name", "kills")])]),
            run("syscall 157 1002")
                .ends(KILLED)
                .events(&[event(&[("policy_name", "other.one")])]),
            Step::read_events(),
            run("tpc-loader unload --all"),
            run("bpf-same /run/before"),
            load("/lab/b/all.tar.gz"),
            run("syscall 157 1001").ends(KILLED),
            run("syscall 157 1002").ends(KILLED),
            run("tpc-loader unload kills nothing").ends(REFUSED),
            run("syscall 157 1001").ends(KILLED),
        ],
    )
}

fn optional_functions() -> Script {
    script(
        "functions that the policy does without",
        vec![
            load("/lab/b/optional")
                .says("no_such_function: not on this kernel, ignored as the policy says"),
            run("syscall 157 1001").ends(KILLED),
            run("tpc-loader list")
                .says("not on this kernel")
                .says("fentry"),
            load("/lab/b/optional-only")
                .ends(UNSUITABLE)
                .says("any of the functions that the policy hooks"),
        ],
    )
}

fn strangers_on_bpffs() -> Script {
    let refused = |text: &str| {
        load("/lab/b/kills")
            .ends(REFUSED)
            .says("/sys/fs/bpf/tpc")
            .says(text)
    };
    script(
        "a directory that somebody else made",
        vec![
            run("setuid 1000 -- mkdir /sys/fs/bpf/tpc"),
            refused("belongs to another user"),
            run("tpc-loader list")
                .ends(REFUSED)
                .says("belongs to another user"),
            run("tpc-loader events --once").ends(REFUSED),
            run("rmdir /sys/fs/bpf/tpc"),
            run("mkdir /sys/fs/bpf/tpc -- chmod /sys/fs/bpf/tpc 0777"),
            refused("can be changed by other users"),
            run("rmdir /sys/fs/bpf/tpc"),
            run("symlink /sys/fs/bpf /sys/fs/bpf/tpc"),
            refused("is not a directory"),
            run("unlink /sys/fs/bpf/tpc"),
            load("/lab/b/kills"),
            run("syscall 157 1001").ends(KILLED),
        ],
    )
}

fn readers() -> Script {
    let loader = "/bin/tpc-loader";
    script(
        "readers of events",
        vec![
            run(&format!("{loader} events --once")),
            load("/lab/b/several"),
            run(&format!("beside 0 {loader} events -- exec {loader} events --once")).ends(REFUSED).says("another process reads"),
            // A reader sees what comes while it runs, from policies that come later, too.
            run(&format!("beside 2 {loader} events -- syscall 157 1011 -- syscall 157 1012")).says("1011").says("1012"),
            run(&format!("beside 1 {loader} events --policy other.one -- syscall 157 1011 -- syscall 157 1012"))
                .says("1012")
                .keeps_silent_about("\"int_arg\":1011"),
            run("syscall 157 1011").events(&[reported("1011")]),
            Step::read_events(),
            run("tpc-loader unload --all"),
            run(&format!("beside 1 {loader} events -- whatever {loader} load /lab/b/kills -- sleep 1500 -- syscall 157 1011"))
                .says("1011"),
            // Replacing a policy moves its reader to the new version.
            run(&format!(
                "beside 1 {loader} events -- whatever {loader} load --replace /lab/b/kills-more -- sleep 1500 -- syscall 157 1011"
            ))
            .says("1011"),
        ],
    )
}

fn full_ring() -> Script {
    script(
        "a ring that nobody reads",
        vec![
            load("/lab/b/kills"),
            run("repeat 5000 syscall 157 1011"),
            run("syscall 157 1001").ends(KILLED),
            run("count-lines lost_events /bin/tpc-loader events --once").says("1 of "),
            run("syscall 157 1011"),
            run("count-lines process_kprobe /bin/tpc-loader events --once").says("1 of 1 lines"),
            run("repeat 5000 syscall 157 1011"),
            run("count-lines \"policy_name\":\"kills\" /bin/tpc-loader events --once")
                .keeps_silent_about("5000 of"),
        ],
    )
}

fn loaders_at_once() -> Script {
    script(
        "loaders at the same time",
        vec![
            run("together 4 /bin/tpc-loader load /lab/b/kills").says("1 succeeded"),
            run("together 3 /bin/tpc-loader load --replace /lab/b/kills").says("3 succeeded"),
            run("syscall 157 1001").ends(KILLED),
            run("tpc-loader list --format json").says("\"generation\": 4"),
            run("together 4 /bin/tpc-loader unload kills").says("1 succeeded"),
            run("bpf-same /run/before"),
        ],
    )
}

fn without_bpffs() -> Script {
    script(
        "a node without bpffs",
        vec![
            run("umount /sys/fs/bpf"),
            load("/lab/b/kills")
                .ends(UNSUITABLE)
                .says("bpffs at /sys/fs/bpf")
                .says("mount -t bpf"),
            run("mount bpf /sys/fs/bpf bpf 0"),
        ],
    )
}

/// A function takes 38 trampolines (`BPF_MAX_TRAMP_LINKS`); who comes later gets a kprobe.
fn crowded_function() -> Script {
    let mut steps = vec![
        load("/lab/b/crowd")
            .says("sys_prctl: kprobe")
            .says("not by fentry"),
    ];
    for n in [0, 37, 38, CROWD - 1] {
        steps.push(run(&format!("syscall 157 {}", 2000 + n)).ends(KILLED));
    }
    steps.push(run(&format!("syscall 157 {}", 2000 + CROWD)));
    script(
        "more policies on a function than it takes trampolines",
        steps,
    )
}

fn killed_while_replacing() -> Script {
    script(
        "a loader killed at any moment of a replacement",
        vec![
            load("/lab/b/quiet"),
            run("kill-sweep /bin/tpc-loader load --replace /lab/b/quiet -- dies syscall 157 1005")
                .says(" kills\n"),
            run("syscall 157 1005").ends(KILLED),
            // What the killed ones left is gone with the next one.
            run("tree /sys/fs/bpf")
                .keeps_silent_about("_new")
                .keeps_silent_about("_old"),
            run("tpc-loader unload quiet"),
        ],
    )
}

fn killed_while_loading() -> Script {
    let probe =
        "whatever /bin/tpc-loader unload quiet -- bpf-same /run/loaded -- dies syscall 157 1001";
    script(
        "a loader killed at any moment of a load",
        vec![
            load("/lab/b/kills"),
            run("bpf-save /run/loaded"),
            run(&format!(
                "kill-sweep /bin/tpc-loader load /lab/b/quiet -- {probe}"
            ))
            .says(" kills\n"),
            run("tpc-loader unload quiet"),
            run("bpf-same /run/loaded"),
        ],
    )
}

fn killed_while_unloading() -> Script {
    script(
        "a loader killed at any moment of an unload",
        vec![
            load("/lab/b/several"),
            run("tpc-loader unload other.one"),
            run("bpf-save /run/loaded"),
            run("kill-sweep /bin/tpc-loader unload --all -- whatever /bin/tpc-loader load /lab/b/kills -- dies syscall 157 1001")
                .says(" kills\n"),
        ],
    )
}

//! The verifier accepts what the compiler emits: random policies of the oracle, on functions that kernels have.
//!
//! Both kernels of the lab verify every policy in every way to attach it that they have: trampolines, and kprobes. So does this machine's
//! own kernel with the kprobes, if it lets us; it is another version. A refusal is a bug of the compiler.

use std::path::Path;
use std::process::Command;

use tpc::bundle::Files;
use tpc::compile::emit;
use tpc::diag::{Sink, Sources};
use tpc::ir::{Abi, Action, Arg, ArgType, Hook, Program};

use crate::bundles::{edited, place};
use crate::harness::build::LOADER;
use crate::harness::cpio::Archive;
use crate::harness::job::{End, Job};
use crate::harness::qemu::Clock;
use crate::harness::{KERNELS, Kernel, Lab, project_root};
use crate::judge::hooks::{HOOKS, Types};
use crate::random::dice::Dice;
use crate::random::policies::{INTS, SPAN, rule};
use crate::script::with_links;

/// Policies for the lab, and for this machine.
const IN_THE_LAB: usize = 100;
const HERE: usize = 150;
/// Bundles that one loader checks: more make the answer to a failure less precise.
const BATCH: usize = 20;

/// Ways to attach that kernels of the lab have.
const WAYS: &[&str] = &["trampoline", "kprobe"];

/// A bundle with one way to attach.
struct Entry {
    name: String,
    files: Files,
}

#[test]
fn verifiers_of_the_lab_accept_random_policies() {
    let mut entries = policies(0..IN_THE_LAB, WAYS);
    entries.extend(sets_that_multiply());
    let lab = Lab::shared();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs = KERNELS.map(|kernel| {
            let entries = &entries;
            scope.spawn(move || refused(lab, kernel, entries))
        });
        runs.map(|run| run.join().expect("a check does not panic"))
            .into_iter()
            .flatten()
            .collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_verifier_of_this_machine_accepts_random_policies() {
    let loader = project_root().join("target/lab/x86_64-unknown-linux-gnu/release/tpc-loader");
    Lab::shared();
    let directory = tempfile::tempdir().expect("a directory");
    let mut entries = policies(1000..1000 + HERE, &["kprobe"]);
    entries.extend(sets_that_multiply().pop());
    for (number, batch) in entries.chunks(BATCH).enumerate() {
        let place = directory.path().join(number.to_string());
        for entry in batch {
            write(&place.join(&entry.name), &entry.files);
        }
        let output = check_here(&loader, &place);
        if number == 0 && output.status.code() == Some(3) {
            let text = String::from_utf8_lossy(&output.stderr);
            eprintln!("NOT CHECKED: this machine's kernel verifies no programs of ours\n{text}");
            return;
        }
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// The loader looks for bpffs and at process 1, which this machine need not have or show: it gets its own.
fn check_here(loader: &Path, bundles: &Path) -> std::process::Output {
    let script = "mount -t bpf bpf /sys/fs/bpf; exec \"$0\" check \"$1\"";
    let mut command = Command::new("unshare");
    command
        .args(["--pid", "--fork", "--mount-proc", "sh", "-c", script])
        .arg(loader)
        .arg(bundles);
    command.output().expect("unshare can be run")
}

fn write(directory: &Path, files: &Files) {
    std::fs::create_dir_all(directory).expect("a directory");
    for (name, bytes) in files {
        std::fs::write(directory.join(name), bytes).expect("a file");
    }
}

/// A policy whose sets verifiers once walked for each range of the ones before: a comparison taught them of the value that is
/// compared again later.
fn sets_that_multiply() -> Vec<Entry> {
    let selector = |number: u64| {
        let odd = |value: &u64| (value * 7 + number) * 97;
        let values: Vec<String> = (0..100).map(|value| odd(&value).to_string()).collect();
        serde_json::json!({
            "matchArgs": [{"index": 0, "operator": "InMap", "values": values}],
            "matchBinaries": [{"operator": "Prefix", "values": [format!("/usr/lib/{number}/x")]}],
        })
    };
    let selectors: Vec<serde_json::Value> = (0..30).map(selector).collect();
    let policy = serde_json::json!({
        "apiVersion": "cilium.io/v1alpha1", "kind": "TracingPolicy", "metadata": {"name": "sets"},
        "spec": {"kprobes": [{
            "call": "sys_prctl", "syscall": true, "args": [{"index": 0, "type": "uint64"}], "selectors": selectors,
        }]},
    });
    let files = crate::bundles::compiled(&policy.to_string())
        .expect("it compiles")
        .files;
    let ways = WAYS.iter();
    ways.filter_map(|way| only("sets", &files, way)).collect()
}

/// Refusals by a kernel of the lab.
fn refused(lab: &Lab, kernel: Kernel, entries: &[Entry]) -> Vec<String> {
    let mut files = Archive::default();
    let mut jobs = Vec::new();
    for (number, batch) in entries.chunks(BATCH).enumerate() {
        let directory = format!("/lab/random/{number}");
        for entry in batch {
            place(
                &mut files,
                &format!("{directory}/{}", entry.name),
                &entry.files,
            );
        }
        jobs.push(Job::new([LOADER, "check", &directory]));
    }
    let outcomes = match lab.boot(kernel, &with_links(&files, &[]), &jobs, Clock::Host) {
        Ok(outcomes) => outcomes,
        Err(error) => return vec![format!("kernel {}: {error}", kernel.name)],
    };
    let bad = outcomes
        .iter()
        .filter(|outcome| outcome.end != End::Exit(0));
    bad.map(|outcome| {
        format!(
            "kernel {}: {:?}\n{}",
            kernel.name, outcome.end, outcome.stderr
        )
    })
    .collect()
}

/// Random policies, a bundle for each of some ways to attach all their hooks.
fn policies(numbers: std::ops::Range<usize>, ways: &[&str]) -> Vec<Entry> {
    let (mut entries, mut too_large, count) = (Vec::new(), 0, numbers.len());
    for number in numbers {
        match compiled(number) {
            Some(files) => entries.extend(
                ways.iter()
                    .filter_map(|way| only(&format!("v{number}"), &files, way)),
            ),
            None => too_large += 1,
        }
    }
    println!(
        "{} bundles; {too_large} policies are too large",
        entries.len()
    );
    assert!(too_large * 10 < count, "{too_large} policies are too large");
    entries
}

fn compiled(number: usize) -> Option<Files> {
    let dice = &mut Dice::new(0x7e51 + number as u64);
    let hooks = (0..dice.one(&[1, 1, 1, 2])).map(|_| hook(dice)).collect();
    let program = Program {
        policy: format!("v{number}"),
        hooks,
    };
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    sources.add("policy.yaml", "meaning");
    Some(emit(program, "meaning", &sources, &mut sink)?.files)
}

/// A function with some of its parameters and random selectors.
fn hook(dice: &mut Dice) -> Hook {
    let of = dice.pick(HOOKS);
    let mut hook = Hook {
        symbol: of.symbol.to_owned(),
        abi: if of.is_call() {
            Abi::Syscall
        } else {
            Abi::Function
        },
        optional: false,
        message: None,
        tags: Vec::new(),
        args: of
            .params
            .iter()
            .filter(|_| !dice.once_in(4))
            .map(|_| nothing())
            .collect(),
        ret: None,
        rules: Vec::new(),
        span: SPAN,
    };
    hook.args = of
        .params
        .iter()
        .take(hook.args.len())
        .map(|(index, types)| argument(dice, *index, *types))
        .collect();
    if of.returns && dice.once_in(3) {
        hook.ret = Some(Arg {
            ty: ArgType::Int(dice.one(&INTS)),
            ..nothing()
        });
    }
    for _ in 0..dice.one(&[1, 1, 2, 3, 7]) {
        let mut rule = rule(dice, &hook);
        if !of.can_override() {
            rule.actions
                .retain(|action| !matches!(action, Action::Override { .. }));
        }
        hook.rules.push(rule);
    }
    hook
}

fn nothing() -> Arg {
    Arg {
        index: 0,
        ty: ArgType::Nop,
        label: None,
        span: SPAN,
    }
}

fn argument(dice: &mut Dice, index: u8, types: Types) -> Arg {
    let ty = match types {
        Types::Word | Types::Half | Types::Quarter => ArgType::Int(dice.one(&INTS)),
        Types::String => ArgType::String,
        Types::Buffer(size) => ArgType::CharBuf {
            size_from: Some(size),
        },
        Types::Filename => ArgType::Filename,
        Types::File => ArgType::File,
        Types::Path => ArgType::Path,
        Types::Dentry => ArgType::Dentry,
        Types::Descriptor => ArgType::Fd,
        Types::Program => ArgType::LinuxBinprm,
        Types::Sock => ArgType::Sock,
        Types::Address => ArgType::Sockaddr,
        Types::Cred => ArgType::Cred,
    };
    Arg {
        index,
        ty,
        ..nothing()
    }
}

/// The bundle with one way to attach; `None` if a hook does not have it.
fn only(policy: &str, files: &Files, way: &str) -> Option<Entry> {
    let name = format!("{policy}-{way}");
    let mut complete = true;
    let files = edited(files, |manifest| {
        manifest["policy"] = name.clone().into();
        for hook in manifest["hooks"].as_array_mut().into_iter().flatten() {
            let variants = hook["variants"]
                .as_array_mut()
                .expect("hooks have variants");
            variants.retain(|variant| match variant["attach"].as_str() {
                Some("fentry" | "fmod_ret") => way == "trampoline",
                attach => attach == Some(way),
            });
            complete &= !variants.is_empty();
        }
    });
    complete.then_some(Entry { name, files })
}

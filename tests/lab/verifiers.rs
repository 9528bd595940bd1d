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

/// A bundle with one way to attach.
struct Entry {
    name: String,
    files: Files,
}

#[test]
fn verifiers_of_the_lab_accept_random_policies() {
    let entries: Vec<Entry> = policies(0..IN_THE_LAB, &["trampoline", "kprobe"]);
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
    for (number, batch) in policies(1000..1000 + HERE, &["kprobe"])
        .chunks(BATCH)
        .enumerate()
    {
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
            Some(files) => entries.extend(ways.iter().filter_map(|way| only(number, &files, way))),
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
fn only(number: usize, files: &Files, way: &str) -> Option<Entry> {
    let name = format!("v{number}-{way}");
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

#[test]
fn tmp_dump() {
    let dice = &mut Dice::new(0x7e51 + 1486);
    let hooks = (0..dice.one(&[1, 1, 1, 2])).map(|_| hook(dice)).collect();
    let program = Program { policy: "v".to_owned(), hooks };
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    sources.add("policy.yaml", "meaning");
    std::fs::write("/tmp/v1486.ir", program.to_string()).unwrap();
    let compiled = emit(program, "meaning", &sources, &mut sink).unwrap();
    std::fs::write("/tmp/v1486.s", tpc::object::dump(&compiled.object)).ok();
    for f in &compiled.object.functions { println!("{} {} {}", f.section, f.name, f.insns.len()); }
    let e = only(1486, &compiled.files, "kprobe").unwrap();
    write(std::path::Path::new("/tmp/v1486"), &e.files);
    std::fs::write("/tmp/v1486.o", &compiled.files["policy.bpf.o"]).unwrap();
}

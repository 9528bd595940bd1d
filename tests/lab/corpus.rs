//! Published policies, as they are, on the verifiers of real kernels.
//!
//! The corpus lies outside of the project (`TPC_CORPUS`, or beside the project's directory). Every policy of it that compiles must
//! load where the kernel has what it asks for, by each way to attach. Where the corpus is absent, this says so and checks nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tpc::bundle::Files;
use tpc::compile::{Compiled, compile};
use tpc::diag::{Sink, Sources};

use crate::bundles::{edited, place, with_kprobes_only};
use crate::harness::build::LOADER;
use crate::harness::cpio::Archive;
use crate::harness::job::{End, Job, Outcome};
use crate::harness::qemu::Clock;
use crate::harness::{KERNELS, Kernel, Lab, project_root};
use crate::script::with_links;

/// Bundles that one loader checks: more make the answer to a failure less precise.
const BATCH: usize = 60;

/// The directory of the corpus.
pub(crate) fn corpus() -> Option<PathBuf> {
    let directory = std::env::var_os("TPC_CORPUS")
        .map_or_else(|| project_root().join("../shared/corpus"), PathBuf::from);
    if directory.is_dir() {
        return Some(directory);
    }
    eprintln!(
        "NOT CHECKED: the corpus of published policies is absent ({})",
        directory.display()
    );
    None
}

/// A policy of the corpus under a name of its own.
#[derive(Clone)]
struct Entry {
    name: String,
    path: String,
    kprobes: bool,
    files: Files,
}

#[test]
fn the_verifier_accepts_the_corpus() {
    let Some(directory) = corpus() else {
        return;
    };
    let (all, entries) = entries(&directory);
    println!(
        "{all} policies compile; {} differ, with kprobes counted apart",
        entries.len()
    );
    let lab = Lab::shared();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs = [0, 1].map(|number| {
            let entries: Vec<Entry> = share(&entries, number);
            scope.spawn(move || check(lab, KERNELS[number], &entries))
        });
        runs.map(|run| run.join().expect("a check does not panic"))
            .into_iter()
            .flatten()
            .collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What one of the kernels gets: every policy as it is, and every other one with kprobes. Those programs read memory by helpers only, so
/// that verifiers have little to differ about.
fn share(entries: &[Entry], kernel: usize) -> Vec<Entry> {
    let numbered = entries.iter().enumerate();
    let mine = numbered.filter(|(number, entry)| !entry.kprobes || number % 2 == kernel);
    mine.map(|(_, entry)| entry.clone()).collect()
}

/// How many policies compile, and those whose programs differ, in each way to attach.
fn entries(directory: &Path) -> (usize, Vec<Entry>) {
    let mut texts = Vec::new();
    walk(directory, &mut texts);
    texts.sort();
    let mut all = 0;
    let mut distinct: BTreeMap<String, Entry> = BTreeMap::new();
    for path in texts {
        for policy in compiled(&path) {
            all += 1;
            for (way, files) in ways(&policy) {
                let name = format!("p{}-{way}", distinct.len());
                let files = edited(&files, |manifest| manifest["policy"] = name.clone().into());
                let path = path.display().to_string();
                let key = format!("{way} {}", code(&policy));
                let kprobes = way == "kprobes";
                distinct.entry(key).or_insert(Entry {
                    name,
                    path,
                    kprobes,
                    files,
                });
            }
        }
    }
    (all, distinct.into_values().collect())
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            found.push(path);
        }
    }
}

fn compiled(path: &Path) -> Vec<Compiled> {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let bytes = std::fs::read(path).expect("a readable file");
    let Some(file) = tpc::yaml::text("policy.yaml", &bytes, &mut sources, &mut sink) else {
        return Vec::new();
    };
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    if sink.has_errors() {
        return Vec::new();
    }
    policies
        .iter()
        .filter_map(|policy| compile(policy, &sources, &mut Sink::new()))
        .collect()
}

/// The bundle as it is, and with kprobes only if the policy can do without trampolines.
fn ways(policy: &Compiled) -> Vec<(&'static str, Files)> {
    let kprobes = with_kprobes_only(&policy.files);
    let manifest: Value =
        serde_json::from_slice(&kprobes["manifest.json"]).expect("manifests are JSON");
    let hooks = manifest["hooks"].as_array().expect("hooks");
    let mut ways = vec![("whole", policy.files.clone())];
    if hooks.iter().all(|hook| hook["variants"][0].is_object()) {
        ways.push(("kprobes", kprobes));
    }
    ways
}

/// What the kernel is given, without names and places of the source.
fn code(policy: &Compiled) -> String {
    let manifest: Value =
        serde_json::from_slice(&policy.files["manifest.json"]).expect("manifests are JSON");
    let targets: Vec<String> = manifest["hooks"]
        .as_array()
        .expect("hooks")
        .iter()
        .map(|hook| format!("{} {}", hook["variants"], hook["args"]))
        .collect();
    let functions = policy
        .object
        .functions
        .iter()
        .map(|function| format!("{:?}{:?}", function.section, function.insns));
    format!("{targets:?} {:?}", functions.collect::<Vec<_>>())
}

fn check(lab: &Lab, kernel: Kernel, entries: &[Entry]) -> Vec<String> {
    let lacking = match boot(lab, kernel, entries, entries.len()) {
        Ok(outcomes) => lacks(&outcomes[0]),
        Err(error) => return vec![error],
    };
    let lacking = match lacking {
        Ok(lacking) => lacking,
        Err(error) => return vec![format!("kernel {}: {error}", kernel.name)],
    };
    let (unsuitable, loadable): (Vec<Entry>, Vec<Entry>) = entries
        .iter()
        .cloned()
        .partition(|entry| lacking.contains_key(&entry.name));
    println!(
        "kernel {}: {} can be loaded, {} cannot:",
        kernel.name,
        loadable.len(),
        unsuitable.len()
    );
    let mut failures = Vec::new();
    let mut reasons: BTreeMap<&String, usize> = BTreeMap::new();
    for entry in &unsuitable {
        for reason in &lacking[&entry.name] {
            *reasons.entry(reason).or_default() += 1;
            if !explainable(reason) {
                failures.push(format!(
                    "kernel {}: {}: lacks {reason}",
                    kernel.name, entry.path
                ));
            }
        }
    }
    for (reason, count) in reasons {
        println!("  {count} {reason}");
    }
    match boot(lab, kernel, &loadable, BATCH) {
        Ok(outcomes) => failures.extend(
            outcomes
                .iter()
                .filter(|outcome| outcome.end != End::Exit(0))
                .map(|outcome| {
                    format!(
                        "kernel {}: {:?}\n{}",
                        kernel.name,
                        outcome.end,
                        named(&outcome.stderr, &loadable)
                    )
                }),
        ),
        Err(error) => failures.push(error),
    }
    failures
}

/// Replaces our names by the files of the corpus.
fn named(text: &str, entries: &[Entry]) -> String {
    entries.iter().fold(text.to_owned(), |text, entry| {
        text.replace(&format!("`{}`", entry.name), &entry.path)
    })
}

/// Boots and checks bundles in batches.
fn boot(
    lab: &Lab,
    kernel: Kernel,
    entries: &[Entry],
    batch: usize,
) -> Result<Vec<Outcome>, String> {
    let mut files = Archive::default();
    let mut jobs = Vec::new();
    for (number, batch) in entries.chunks(batch).enumerate() {
        let directory = format!("/lab/corpus/{number}");
        for entry in batch {
            place(
                &mut files,
                &format!("{directory}/{}", entry.name),
                &entry.files,
            );
        }
        jobs.push(Job::new([LOADER, "check", "--format", "json", &directory]));
    }
    lab.boot(kernel, &with_links(&files, &[]), &jobs, Clock::Host)
}

/// What the node lacks, by policy. The loader looks at everything before it asks the verifier.
fn lacks(outcome: &Outcome) -> Result<BTreeMap<String, Vec<String>>, String> {
    if outcome.end != End::Exit(3) {
        return Err(format!(
            "expected the kernel to lack something, seen {:?}\n{}",
            outcome.end, outcome.stderr
        ));
    }
    let document: Value =
        serde_json::from_str(&outcome.stderr).map_err(|e| format!("{e}: {}", outcome.stderr))?;
    let mut lacks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for lack in document["missing"].as_array().into_iter().flatten() {
        let text = |name: &str| lack[name].as_str().unwrap_or_default().to_owned();
        lacks
            .entry(text("policy"))
            .or_default()
            .push(text("missing"));
    }
    Ok(lacks)
}

/// A policy may ask for what the kernel does not have, and then only for that.
fn explainable(lack: &str) -> bool {
    const KINDS: &[&str] = &[
        "the function `",
        "any of the functions",
        "bpf_override_return: this kernel is built without CONFIG_BPF_KPROBE_OVERRIDE",
        "fmod_ret on `__x64_sys_",
        "` as argument ",
        "argument ",
        "a return value of `",
    ];
    KINDS.iter().any(|kind| lack.contains(kind))
}

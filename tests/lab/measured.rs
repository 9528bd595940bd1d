//! What policies mean, compared with a table of measurements of Tetragon.
//!
//! The table lies outside of the project (`TPC_SEMANTICS`, or beside the project's directory): for each filter and each value, whether
//! Tetragon matched, and whether it should have. We must do what it should. Where the table is absent, this says so and
//! checks nothing; the scenarios cover the same ground with fewer values.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;
use tpc::bundle::Files;

use crate::bundles::{compiled, place, with_kprobes_only};
use crate::harness::build::{LOADER, TRIGGER};
use crate::harness::cpio::Archive;
use crate::harness::job::{End, Job, Outcome};
use crate::harness::qemu::Clock;
use crate::harness::{KERNELS, Kernel, Lab, project_root};
use crate::script::{events, field, with_links};

/// Numbers of the first selector, by the first letter of a policy's name.
const FIRST: [(&str, u64); 3] = [("f", 0x5720), ("i", 0x7e50), ("s", 0x5710)];
/// Calls for each trigger: no policy of the table has more selectors.
const CALLS: u64 = 5;

/// Triggers whose events have room in the ring buffers and in what the guest keeps of a command's output.
const BETWEEN_READS: usize = 8;

/// Rows on which we differ from the table on purpose: policy, selector, trigger.
const EXPLAINED: &[(&str, u64, &str, &str)] = &[
    ("f-1", 2, "fx-eventfd", NO_PATH),
    ("f-2", 0, "fx-eventfd", NO_PATH),
    ("f-2", 2, "fx-eventfd", NO_PATH),
];
/// The table takes `anon_inode:[eventfd]` for a path. A policy that forbids all files but some would then stop every program that uses
/// pipes and sockets, which it does not under Tetragon.
const NO_PATH: &str = "what has no path matches no filter on paths";
/// What came of the comparison on one kernel.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Rows that the table leaves open.
    open: usize,
    /// Rows of selectors that do not compile.
    unsupported: usize,
    /// Rows of triggers that the lab cannot perform.
    impossible: usize,
    agree: usize,
    explained: usize,
    /// Of those that agree, rows where Tetragon does not.
    better_than_tetragon: usize,
}

/// What the table of 1,128 rows comes to: every row is accounted for.
const EXPECTED: Counts = Counts {
    open: 147,
    unsupported: 78,
    impossible: 29,
    agree: 871,
    explained: 3,
    better_than_tetragon: 54,
};

#[test]
fn measured_semantics() {
    let directory = std::env::var_os("TPC_SEMANTICS")
        .map_or_else(|| project_root().join("../shared/semantics"), PathBuf::from);
    let Ok(table) = std::fs::read_to_string(directory.join("matrix.tsv")) else {
        eprintln!(
            "NOT CHECKED: the table of measured semantics is absent ({})",
            directory.display()
        );
        return;
    };
    let rows: Vec<Row> = table.lines().skip(1).map(Row::parse).collect();
    let policies = policies(&rows, &directory);
    let lab = Lab::shared();
    let results = std::thread::scope(|scope| {
        let runs = KERNELS.map(|kernel| {
            let (rows, policies) = (&rows, &policies);
            scope.spawn(move || compare(lab, kernel, rows, policies))
        });
        runs.map(|run| run.join().expect("a comparison does not panic"))
    });
    for ((counts, wrong), kernel) in results.iter().zip(KERNELS) {
        println!("kernel {}: {counts:?}", kernel.name);
        assert!(
            wrong.is_empty(),
            "kernel {}:\n{}",
            kernel.name,
            wrong.join("\n")
        );
        assert_eq!(*counts, EXPECTED, "kernel {}", kernel.name);
    }
}

/// A row of the table.
struct Row {
    policy: String,
    selector: u64,
    filter: String,
    trigger: String,
    observed: String,
    expected: String,
    /// How the event showed the value.
    rendered: String,
}

impl Row {
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.split('\t').collect();
        let [
            policy,
            selector,
            filter,
            trigger,
            _,
            observed,
            expected,
            rendered,
        ] = cells[..]
        else {
            panic!("a row of the table has eight cells: {line}");
        };
        Self {
            policy: policy.to_owned(),
            selector: selector.parse().expect("a number of a selector"),
            filter: filter.to_owned(),
            trigger: trigger.to_owned(),
            observed: observed.to_owned(),
            expected: expected.to_owned(),
            rendered: rendered.to_owned(),
        }
    }
}

/// A policy of the table, as far as it compiles.
struct Policy {
    files: Files,
    selectors: BTreeSet<u64>,
}

fn policies(rows: &[Row], directory: &std::path::Path) -> BTreeMap<String, Policy> {
    let names: BTreeSet<&String> = rows.iter().map(|row| &row.policy).collect();
    let compile = |name: &&String| {
        let path = directory.join(format!("policies/{name}.yaml"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        ((*name).clone(), supported(&text))
    };
    names.iter().map(compile).collect()
}

/// Leaves out the selectors that do not compile. Each concerns calls with a number of its own, so the others mean the same without it.
fn supported(text: &str) -> Policy {
    let (head, selectors) = text
        .split_once("      selectors:\n")
        .expect("a policy with selectors");
    let mut pieces: Vec<String> = Vec::new();
    for line in selectors.lines() {
        match line.starts_with("        - ") {
            true => pieces.push(format!("{line}\n")),
            false => {
                *pieces.last_mut().expect("a selector begins with a dash") += &format!("{line}\n")
            }
        }
    }
    let with = |selectors: &str| compiled(&format!("{head}      selectors:\n{selectors}"));
    let good = (0..).zip(&pieces).filter(|(_, piece)| with(piece).is_ok());
    let (numbers, good): (BTreeSet<u64>, Vec<&str>) =
        good.map(|(n, piece)| (n, piece.as_str())).unzip();
    Policy {
        files: with(&good.concat())
            .expect("selectors that compile one by one")
            .files,
        selectors: numbers,
    }
}

/// Operations before the policies are loaded.
const PREPARATION: &[&str] = &[
    "file /etc/target x -- mkdir /data -- mount-tmpfs /data -- file /data/src/target x -- mkdir /data/bm -- bind /data/src /data/bm",
    "file /data/cr/etc/target x -- symlink /etc/target /data/sym -- link /etc/target /etc/hard1 -- fifo /data/fifo -- mkdir /data/L",
];

/// Operations that leave a file of some kind open, by trigger.
const FILES: &[(&str, &str)] = &[
    ("fl-abs", "open /etc/target r"),
    ("fl-rel", "chdir /data -- open ../etc/target r"),
    ("fl-dots", "open /etc/../etc/./target r"),
    ("fl-sym", "open /data/sym r"),
    ("fl-bind", "open /data/bm/target r"),
    ("fl-hard", "open /etc/hard1 r"),
    ("fl-chroot", "chroot /data/cr -- open /etc/target r"),
    ("fl-chrootout", "open /data/src/target r -- chroot /data/cr"),
    ("fl-chrootout2", "open /etc/target r -- chroot /data/cr"),
    ("fl-root", "open / r"),
    ("fl-chrootroot", "chroot /data/cr -- open / r"),
    ("fl-mntroot", "open /data r"),
    ("fl-dir", "open /etc r"),
    ("fl-proc", "open /proc/self/status r"),
    ("fl-exe", "open /proc/self/exe r"),
    ("fl-fifo", "open-nonblock /data/fifo"),
    ("fl-dev", "open /dev/null r"),
    ("fx-memfd", "memfd mname"),
    ("fx-pipe", "pipe"),
    ("fx-sock", "socket"),
    ("fx-eventfd", "eventfd"),
    ("fx-tmpfile", "tmpfile /tmp"),
    (
        "fx-unlinked",
        "file /tmp/un1 x -- open /tmp/un1 r -- unlink /tmp/un1",
    ),
    (
        "fx-hardlink",
        "file /etc/hl0 x -- link /etc/hl0 /etc/target3 -- open /etc/target3 r -- unlink /etc/target3",
    ),
    (
        "fx-rmparent",
        "file /tmp/rp/f x -- open /tmp/rp/f r -- unlink /tmp/rp/f -- rmdir /tmp/rp",
    ),
    (
        "fx-spoofdel",
        "file /tmp/sp\u{a0}(deleted) x -- open /tmp/sp\u{a0}(deleted) r",
    ),
    ("fx-opath", "open-only /etc/target"),
];

/// Texts, by trigger.
const TEXTS: &[(&str, &str)] = &[
    ("st-abc", "text:abc"),
    ("st-abcd", "text:abcd"),
    ("st-xabc", "text:xabc"),
    ("st-empty", "text:"),
    ("st-null", "null"),
    ("st-bad", "unmapped"),
    ("st-paged", "untouched"),
    ("st-len200", "fill:200:q"),
    ("st-z100", "fill:100:Z"),
];

/// The operations of a trigger; `None` if the lab lacks what it needs (the overlay file system).
fn operations(trigger: &str) -> Option<String> {
    if let Some((_, value)) = trigger
        .strip_prefix("int-")
        .and_then(|rest| rest.split_once('='))
    {
        return Some(format!("prctl-many {CALLS} 0x7e50 {value}"));
    }
    let texts = |text: &str| Some(format!("prctl-text {CALLS} 0x5710 {text}"));
    if let Some((_, text)) = TEXTS.iter().find(|(name, _)| *name == trigger) {
        return texts(text);
    }
    if let Some(length) = trigger.strip_prefix("st-len") {
        return texts(&format!("fill:{length}:y"));
    }
    let files = |open: &str| Some(format!("{open} -- fcntl-many {CALLS} 0x5720"));
    if let Some((_, open)) = FILES.iter().find(|(name, _)| *name == trigger) {
        return files(open);
    }
    let (length, component) = match trigger.strip_prefix("fx-longc") {
        // Its name and what it was measured with are not the same.
        Some("4800") => (4600, 1),
        Some(length) => (length.parse().ok()?, 1),
        None => (trigger.strip_prefix("fx-long")?.parse().ok()?, 200),
    };
    files(&deep(length, component))
}

/// A file below `/data/L` whose path has nearly that length, in directories with names of the length of `component`.
fn deep(length: usize, component: usize) -> String {
    let mut path = "/data/L".len();
    let mut depth = 0;
    while path + 1 + component < length {
        path += 1 + component;
        depth += 1;
    }
    format!("deep /data/L {depth} {component} target.conf")
}

fn job(operations: &str) -> Job {
    let words = operations
        .split(' ')
        .map(|word| word.replace('\u{a0}', " "));
    Job::new(std::iter::once(TRIGGER.to_owned()).chain(words))
}

fn loader(arguments: &[&str]) -> Job {
    Job::new(std::iter::once(LOADER).chain(arguments.iter().copied()))
}

/// Policy, number of the selector, trigger; and the value as the event shows it.
type Matches = BTreeMap<(String, u64, String), Value>;

fn compare(
    lab: &Lab,
    kernel: Kernel,
    rows: &[Row],
    policies: &BTreeMap<String, Policy>,
) -> (Counts, Vec<String>) {
    let (mut counts, mut wrong) = (Counts::default(), Vec::new());
    for kprobes in [false, true] {
        let matches = match measure(lab, kernel, rows, policies, kprobes) {
            Ok(matches) => matches,
            Err(error) => return (counts, vec![error]),
        };
        counts = Counts::default();
        for row in rows {
            if let Err(error) = judge(row, policies, &matches, &mut counts) {
                wrong.push(format!(
                    "{error}{}",
                    if kprobes { " (kprobes)" } else { "" }
                ));
            }
        }
    }
    (counts, wrong)
}

/// Boots, makes all calls with all policies loaded, and reads which selectors matched.
fn measure(
    lab: &Lab,
    kernel: Kernel,
    rows: &[Row],
    policies: &BTreeMap<String, Policy>,
    kprobes: bool,
) -> Result<Matches, String> {
    let mut files = Archive::default();
    for (name, policy) in policies {
        let bundle = if kprobes {
            with_kprobes_only(&policy.files)
        } else {
            policy.files.clone()
        };
        place(&mut files, &format!("/lab/policies/{name}"), &bundle);
    }
    let mut jobs: Vec<Job> = PREPARATION
        .iter()
        .map(|operations| job(operations))
        .collect();
    jobs.push(loader(&["load", "/lab/policies"]));
    let triggers: BTreeSet<&String> = rows.iter().map(|row| &row.trigger).collect();
    let calls = triggers.into_iter().filter_map(|trigger| {
        let operations = operations(trigger)?;
        Some(job(&format!("mark {trigger} -- {operations}")))
    });
    for (number, call) in (1..).zip(calls) {
        jobs.push(call);
        if number % BETWEEN_READS == 0 {
            jobs.push(loader(&["events", "--once"]));
        }
    }
    jobs.push(loader(&["events", "--once"]));
    let outcomes = lab.boot(kernel, &with_links(&files, &[]), &jobs, Clock::Host)?;
    let mut matches = Matches::new();
    for (job, outcome) in jobs.iter().zip(&outcomes) {
        collect(job, outcome, &mut matches)?;
    }
    Ok(matches)
}

fn collect(job: &Job, outcome: &Outcome, matches: &mut Matches) -> Result<(), String> {
    if outcome.end != End::Exit(0) {
        return Err(format!(
            "{}: {:?}\n{}",
            job.argv.join(" "),
            outcome.end,
            outcome.stderr
        ));
    }
    if !job.argv.contains(&"events".to_owned()) {
        return Ok(());
    }
    for seen in events(outcome)? {
        let text = |path| {
            field(&seen.event, path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let policy = text("policy_name");
        let arguments = text("process.arguments");
        let trigger = arguments.split(' ').nth(1).unwrap_or_default().to_owned();
        let number = shown_number(&seen.event["args"][0]);
        let first = FIRST.iter().find(|(letter, _)| policy.starts_with(letter));
        let selector = first.and_then(|(_, first)| number.checked_sub(*first));
        let selector =
            selector.ok_or_else(|| format!("not a call of the table: {}", seen.event))?;
        matches.insert((policy, selector, trigger), seen.event["args"][1].clone());
    }
    Ok(())
}

fn shown_number(argument: &Value) -> u64 {
    let number = argument
        .as_object()
        .and_then(|members| members.values().next());
    number.map_or(0, |number| plain(number).parse().unwrap_or(0))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn judge(
    row: &Row,
    policies: &BTreeMap<String, Policy>,
    matches: &Matches,
    counts: &mut Counts,
) -> Result<(), String> {
    let Row {
        policy,
        selector,
        filter,
        trigger,
        ..
    } = row;
    if !policies[policy].selectors.contains(selector) {
        counts.unsupported += 1;
        return Ok(());
    }
    if operations(trigger).is_none() {
        counts.impossible += 1;
        return Ok(());
    }
    if row.expected == "-" {
        counts.open += 1;
        return Ok(());
    }
    let found = matches.get(&(policy.clone(), *selector, trigger.clone()));
    let matched = if found.is_some() { "1" } else { "0" };
    let explained = EXPLAINED
        .iter()
        .any(|(p, s, t, _)| p == policy && s == selector && t == trigger);
    if explained != (matched != row.expected) {
        return Err(format!(
            "{policy}/{selector} ({filter}) on {trigger}: expected {}, Tetragon {}, ours {matched}, explained: {explained}",
            row.expected, row.observed
        ));
    }
    if explained {
        counts.explained += 1;
        return Ok(());
    }
    counts.agree += 1;
    counts.better_than_tetragon += usize::from(row.observed != row.expected);
    match found {
        Some(argument) if row.observed == "1" => shown_alike(row, argument),
        _ => Ok(()),
    }
}

/// Compares how an event shows the value.
fn shown_alike(row: &Row, argument: &Value) -> Result<(), String> {
    let wrong = |what: &str| {
        Err(format!(
            "{} on {}: {what}: {argument}, not {}",
            row.policy, row.trigger, row.rendered
        ))
    };
    if row.rendered.is_empty() {
        return Ok(());
    }
    let members = argument
        .as_object()
        .and_then(|members| members.values().next())
        .cloned();
    let shown = members.unwrap_or_default();
    let rendered: Value =
        serde_json::from_str(&row.rendered).map_err(|e| format!("{e}: {}", row.rendered))?;
    if !rendered.is_object() {
        return if plain(&shown) == plain(&rendered) {
            Ok(())
        } else {
            wrong("number")
        };
    }
    if shown["permission"] != rendered["permission"] {
        return wrong("permission");
    }
    // Paths that the table abbreviates, that hold numbers of processes and inodes, or that name the trigger program.
    let path = plain(&rendered["path"]);
    let varies = path.contains("..")
        || path.contains('#')
        || path.starts_with("/proc/")
        || path.starts_with("/bin/");
    // A changed root does not change our paths.
    let chrooted = ["fl-chroot", "fl-chrootroot"].contains(&row.trigger.as_str());
    if varies || chrooted || shown["path"] == rendered["path"] {
        return Ok(());
    }
    wrong("path")
}

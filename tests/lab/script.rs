//! Scripts: commands for the guest, each with what must come of it.
//!
//! In: scripts, and the files that they need. Out: nothing, or a panic that tells for each script that went wrong on which kernel, at
//! which step, what was expected and what was seen. All scripts of a call share one boot of each kernel and leave nothing behind
//! for each other but files.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde_json::Value;

use crate::harness::build::{BPFTOOL, LOADER, TRIGGER};
use crate::harness::cpio::Archive;
use crate::harness::job::{End, Job, Outcome};
use crate::harness::qemu::Clock;
use crate::harness::{KERNELS, Kernel, Lab};

/// Commands that are run in order.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) name: String,
    /// The only kernel that it is for.
    pub(crate) kernel: Option<&'static str>,
    pub(crate) steps: Vec<Step>,
}

/// A command and what is expected of it.
///
/// Events are read at a step of their own ([`Step::read_events`]) and belong to the step during which they happened.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    argv: Vec<String>,
    end: End,
    says: Vec<String>,
    keeps_silent_about: Vec<String>,
    events: Option<Vec<Event>>,
    reads_events: bool,
}

/// Fields of an event, by their path below `process_kprobe`, with their values as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event(Vec<(String, String)>);

/// A field that must be there, whatever its value.
pub(crate) const PRESENT: &str = "(present)";
/// A field that must not be there.
pub(crate) const ABSENT: &str = "(absent)";

/// Processes of the lab itself, whose events belong to no step.
const OWN: [&str; 2] = [LOADER, "/init"];

impl Step {
    /// A command that is expected to succeed: operations of the trigger program, or a program of the lab by name, or any by path.
    pub(crate) fn run(command: &str) -> Self {
        let mut argv: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        match argv[0].as_str() {
            "tpc-loader" => argv[0] = LOADER.to_owned(),
            "bpftool" => argv[0] = BPFTOOL.to_owned(),
            path if path.starts_with('/') => {}
            _ => argv.insert(0, TRIGGER.to_owned()),
        }
        Self {
            argv,
            end: End::Exit(0),
            says: Vec::new(),
            keeps_silent_about: Vec::new(),
            events: None,
            reads_events: false,
        }
    }

    /// Reads the events of the steps before.
    pub(crate) fn read_events() -> Self {
        Self {
            reads_events: true,
            ..Self::run("tpc-loader events --once")
        }
    }

    pub(crate) fn ends(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// A text that the output or the error output contains.
    pub(crate) fn says(mut self, text: &str) -> Self {
        self.says.push(text.to_owned());
        self
    }

    pub(crate) fn keeps_silent_about(mut self, text: &str) -> Self {
        self.keeps_silent_about.push(text.to_owned());
        self
    }

    /// The events that the step makes, all of them, in their order.
    pub(crate) fn events(mut self, events: &[Event]) -> Self {
        self.events = Some(events.to_vec());
        self
    }

    /// What is wrong with the step's outcome, apart from its events.
    fn judge(&self, outcome: &Outcome) -> Result<(), String> {
        if outcome.end != self.end {
            return Err(format!("expected {:?}, seen {:?}", self.end, outcome.end));
        }
        let said = |text: &String| outcome.stdout.contains(text) || outcome.stderr.contains(text);
        if let Some(missing) = self.says.iter().find(|text| !said(text)) {
            return Err(format!("expected the output to contain `{missing}`"));
        }
        match self.keeps_silent_about.iter().find(|text| said(text)) {
            Some(unwanted) => Err(format!("expected the output not to contain `{unwanted}`")),
            None => Ok(()),
        }
    }

    fn judge_events(&self, outcome: &Outcome, all: &[Seen]) -> Result<(), String> {
        let Some(expected) = &self.events else {
            return Ok(());
        };
        let during = |seen: &&Seen| outcome.start <= seen.time && seen.time <= outcome.stop;
        let seen: Vec<&Value> = all.iter().filter(during).map(|seen| &seen.event).collect();
        compare(expected, &seen)
    }
}

impl Event {
    pub(crate) fn new(fields: &[(&str, &str)]) -> Self {
        let owned = |(path, value): &(&str, &str)| ((*path).to_owned(), (*value).to_owned());
        Self(fields.iter().map(owned).collect())
    }

    fn matches(&self, event: &Value) -> bool {
        self.0.iter().all(|(path, expected)| {
            let seen = field(event, path);
            match expected.as_str() {
                ABSENT => seen.is_none(),
                PRESENT => seen.is_some(),
                _ => seen.is_some_and(|seen| text(seen) == *expected),
            }
        })
    }
}

/// A part of a document: names and indices, separated by dots.
pub(crate) fn field<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => value.get(name),
    })
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// An event and when it happened, by the guest's wall clock.
pub(crate) struct Seen {
    pub(crate) time: SystemTime,
    pub(crate) event: Value,
}

/// The events of the lines that `tpc-loader events` printed, without those of the lab's own processes.
pub(crate) fn events(read: &Outcome) -> Result<Vec<Seen>, String> {
    let mut events = Vec::new();
    for line in read.stdout.lines() {
        let line: Value = serde_json::from_str(line).map_err(|e| format!("{e} in `{line}`"))?;
        let time = line["time"]
            .as_str()
            .and_then(|text| humantime::parse_rfc3339(text).ok());
        let (Some(event), Some(time)) = (line.get("process_kprobe"), time) else {
            return Err(format!("not an event: {line}"));
        };
        let binary = field(event, "process.binary").map(text).unwrap_or_default();
        if !OWN.contains(&binary.as_str()) {
            let event = event.clone();
            events.push(Seen { time, event });
        }
    }
    Ok(events)
}

fn compare(expected: &[Event], seen: &[&Value]) -> Result<(), String> {
    let alike = seen.len() == expected.len()
        && expected
            .iter()
            .zip(seen)
            .all(|(event, seen)| event.matches(seen));
    if alike {
        return Ok(());
    }
    let list = |lines: Vec<String>| match lines.len() {
        0 => "  none".to_owned(),
        _ => format!("  {}", lines.join("\n  ")),
    };
    Err(format!(
        "expected events:\n{}\nseen:\n{}",
        list(
            expected
                .iter()
                .map(|event| format!("{:?}", event.0))
                .collect()
        ),
        list(seen.iter().map(|event| summary(event)).collect())
    ))
}

/// What tells events apart, on one line.
fn summary(event: &Value) -> String {
    let shown = [
        "function_name",
        "args",
        "return",
        "action",
        "process.binary",
        "process.arguments",
    ];
    let parts = shown
        .iter()
        .filter_map(|path| field(event, path).map(Value::to_string));
    parts.collect::<Vec<_>>().join(" ")
}

/// Runs the scripts on both kernels.
pub(crate) fn run(scripts: &[Script], files: &Archive, links: &[(String, String)]) {
    let lab = Lab::shared();
    let files = with_links(files, links);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let boots = KERNELS.map(|kernel| {
            let (lab, files) = (&lab, &files);
            scope.spawn(move || on(lab, kernel, scripts, files))
        });
        let results = boots.map(|boot| boot.join().expect("a boot does not panic"));
        results.into_iter().flatten().collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// The files with the list of hard links that init makes.
pub(crate) fn with_links(files: &Archive, links: &[(String, String)]) -> Archive {
    let unique: BTreeSet<&(String, String)> = links.iter().collect();
    let lines = unique.iter().map(|(from, to)| format!("{from}\n{to}\n"));
    let mut files = files.clone();
    files.file("/lab/links", 0o644, lines.collect::<String>().into_bytes());
    files
}

fn on(lab: &Lab, kernel: Kernel, scripts: &[Script], files: &Archive) -> Vec<String> {
    let scripts = || {
        let mine = |script: &&Script| script.kernel.is_none_or(|only| only == kernel.name);
        scripts.iter().filter(mine)
    };
    let steps = scripts().flat_map(|script| &script.steps);
    let jobs: Vec<Job> = steps.map(|step| Job::new(step.argv.clone())).collect();
    let outcomes = match lab.boot(kernel, files, &jobs, Clock::Host) {
        Ok(outcomes) => outcomes,
        Err(error) => return vec![format!("kernel {}: {error}", kernel.name)],
    };
    let mut rest = outcomes.as_slice();
    let mut failures = Vec::new();
    for script in scripts() {
        let (own, after) = rest.split_at(script.steps.len());
        rest = after;
        let failure = first_failure(script, own);
        failures.extend(
            failure.map(|failure| format!("{} on kernel {}\n{failure}", script.name, kernel.name)),
        );
    }
    failures
}

/// The first step that went wrong: what follows is mostly its consequence.
fn first_failure(script: &Script, outcomes: &[Outcome]) -> Option<String> {
    let steps = || script.steps.iter().zip(outcomes);
    let mut seen = Vec::new();
    for (_, outcome) in steps().filter(|(step, _)| step.reads_events) {
        match events(outcome) {
            Ok(some) => seen.extend(some),
            Err(error) => return Some(error),
        }
    }
    steps().enumerate().find_map(|(number, (step, outcome))| {
        let judged = step
            .judge(outcome)
            .and_then(|()| step.judge_events(outcome, &seen));
        let wrong = judged.err()?;
        let (command, Outcome { stdout, stderr, .. }) = (step.argv.join(" "), outcome);
        let shown = if step.reads_events {
            "(events)\n"
        } else {
            stdout
        };
        Some(format!(
            "step {number}: {command}\n{wrong}\n--- output\n{shown}--- error output\n{stderr}---"
        ))
    })
}

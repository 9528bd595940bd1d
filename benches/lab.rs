//! What an event costs: guest instructions that programs take, counted in the kernel lab.
//!
//! Under QEMU's `-icount shift=0` the run time that the kernel accounts to a program is its number of instructions, whatever the
//! host does. *Net* is less an empty program on the same function. Run: `cargo bench --bench lab`.

#![expect(
    dead_code,
    reason = "the harness is shared with the tests, which use more of it"
)]

#[path = "../tests/lab/harness/mod.rs"]
mod harness;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use harness::cpio::Archive;
use harness::job::{End, Job, Outcome};
use harness::qemu::Clock;
use harness::{KERNELS, Kernel, Lab, build};

/// A policy, and events that it judges.
struct Case {
    policy: &'static str,
    /// How many values the large variant has more, and each of them.
    more: (usize, fn(usize) -> String),
    function: &'static str,
    /// What is measured, and the operations of the trigger program that cause it.
    events: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        policy: "exec",
        more: (990, |n| format!("/opt/release-{n}/bin/tool-{n}")),
        function: "security_bprm_creds_from_file",
        events: &[
            (
                "no match, by the name's length",
                "fork exec /bin/a-long-program-name true",
            ),
            ("no match, by the name", "fork exec /bin/echo true"),
            ("no match, by the path", "fork exec /bin/apt true"),
            ("match", "try exec /usr/bin/apt true"),
        ],
    },
    Case {
        policy: "connect",
        more: (1997, |n| format!("100.{}.{}.0/24", n / 128, n % 128 * 2)),
        function: "tcp_connect",
        events: &[
            ("no match", "connect 127.0.0.1 9"),
            ("match", "try connect 8.8.8.8 9"),
        ],
    },
    Case {
        policy: "file",
        more: (480, |n| format!("/srv/customer-{n}/data/")),
        function: "security_file_permission",
        events: &[
            (
                "no match, 4 components and a mount",
                "open /tmp/bench/dir/file r -- read 8 -- close",
            ),
            ("match", "open /boot/file r -- read 8 -- close"),
        ],
    },
];

/// The policies as they are, and with many more values of the same kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Large,
}

const SIZES: [Size; 2] = [Size::Small, Size::Large];
/// Ways to attach.
const WAYS: [&str; 2] = ["fentry", "kprobe"];

impl Case {
    fn name(&self, size: Size) -> String {
        match size {
            Size::Small => self.policy.to_owned(),
            Size::Large => format!("{}+{}", self.policy, self.more.0),
        }
    }

    /// The policy's text: values are added in front of the first one.
    fn text(&self, size: Size) -> Result<String, String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("benches/policies")
            .join(format!("{}.yaml", self.policy));
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        if size == Size::Small {
            return Ok(text);
        }
        let (before, after) = text
            .split_once("values:\n")
            .ok_or("the policy has no list of values")?;
        let indent = after.len() - after.trim_start_matches(' ').len();
        let (count, value) = self.more;
        let values: String = (0..count)
            .map(|n| format!("{:indent$}- {}\n", "", value(n)))
            .collect();
        Ok(format!("{before}values:\n{values}{after}"))
    }
}

/// Repetitions; a match fills the ring buffer, which would make it cheaper.
const LOOPS: u32 = 100;

fn main() -> Result<(), String> {
    let lab = Lab::open()?;
    let mut files = Archive::default();
    files.file("/boot/file", 0o644, b"12345678".to_vec());
    let links = [
        "/bin/a-long-program-name",
        "/bin/echo",
        "/bin/apt",
        "/usr/bin/apt",
    ];
    let links: String = links
        .iter()
        .map(|to| format!("{}\n{to}\n", build::TRIGGER))
        .collect();
    files.file("/lab/links", 0o644, links.into_bytes());
    for case in CASES {
        for size in SIZES {
            add_bundle(&mut files, case, size)?;
        }
    }
    let jobs = jobs();
    let results: Vec<Result<Vec<Outcome>, String>> = std::thread::scope(|scope| {
        let boot = |kernel: Kernel| {
            let (lab, files, jobs) = (&lab, &files, &jobs);
            scope.spawn(move || lab.boot(kernel, files, jobs, Clock::Instructions))
        };
        let running: Vec<_> = KERNELS.into_iter().map(boot).collect();
        running
            .into_iter()
            .map(|one| one.join().expect("the thread ends"))
            .collect()
    });
    for (kernel, outcomes) in KERNELS.iter().zip(results) {
        print(kernel, &jobs, &outcomes?)?;
    }
    Ok(())
}

/// Compiles a policy and puts its bundle on the guest: once as it is, once with probes only.
fn add_bundle(files: &mut Archive, case: &Case, size: Size) -> Result<(), String> {
    let out = std::env::temp_dir().join(format!("tpc-bench-{}", std::process::id()));
    let source = out.join("policy.yaml");
    let (policy, text) = (case.name(size), case.text(size)?);
    std::fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    std::fs::write(&source, text).map_err(|error| error.to_string())?;
    tpc::lab::run(
        Command::new(env!("CARGO_BIN_EXE_tpc"))
            .arg("compile")
            .arg(source)
            .arg("-o")
            .arg(&out),
    )
    .map_err(|error| error.to_string())?;
    let bundle = out.join(format!("bench-{}", case.policy));
    for name in ["manifest.json", "policy.bpf.o", "policy.yaml"] {
        let bytes = std::fs::read(bundle.join(name)).map_err(|error| error.to_string())?;
        if name == "manifest.json" {
            files.file(
                &format!("/lab/{policy}-kprobe/{name}"),
                0o644,
                probes_only(&bytes)?,
            );
        } else {
            files.file(
                &format!("/lab/{policy}-kprobe/{name}"),
                0o644,
                bytes.clone(),
            );
        }
        files.file(&format!("/lab/{policy}-fentry/{name}"), 0o644, bytes);
    }
    std::fs::remove_dir_all(out).map_err(|error| error.to_string())
}

fn probes_only(manifest: &[u8]) -> Result<Vec<u8>, String> {
    let mut manifest: serde_json::Value =
        serde_json::from_slice(manifest).map_err(|error| error.to_string())?;
    for hook in manifest["hooks"].as_array_mut().into_iter().flatten() {
        if let Some(variants) = hook["variants"].as_array_mut() {
            variants.retain(|variant| variant["attach"] == "kprobe");
        }
    }
    serde_json::to_vec(&manifest).map_err(|error| error.to_string())
}

/// All that is measured, in order.
fn variants() -> impl Iterator<Item = (&'static Case, Size, &'static str)> {
    let sizes = CASES
        .iter()
        .flat_map(|case| SIZES.map(move |size| (case, size)));
    sizes.flat_map(|(case, size)| WAYS.map(move |attach| (case, size, attach)))
}

fn job(words: &str) -> Job {
    Job::new(words.split(' '))
}

fn jobs() -> Vec<Job> {
    let mut jobs = vec![job(
        "/bin/trigger mkdir /tmp/bench -- mkdir /tmp/bench/dir -- open /tmp/bench/dir/file wc -- write 12345678",
    )];
    for (case, size, attach) in variants() {
        jobs.push(job(&format!(
            "{} load /lab/{}-{attach}",
            build::LOADER,
            case.name(size)
        )));
        for (_, words) in case.events {
            let words = format!(
                "{} empty {} -- bench {LOOPS} {words}",
                build::TRIGGER,
                case.function
            );
            jobs.push(job(&words));
        }
        jobs.push(job(&format!("{} unload --all", build::LOADER)));
    }
    jobs
}

fn print(kernel: &Kernel, jobs: &[Job], outcomes: &[Outcome]) -> Result<(), String> {
    let mut at = 1;
    println!(
        "\nLinux {}: instructions for each event, net of an empty program",
        kernel.name
    );
    println!(
        "{:13} {:8} {:40} {:>6} {:>6}",
        "policy", "attach", "event", "net", "gross"
    );
    for (case, size, attach) in variants() {
        succeeded(&jobs[at], &outcomes[at])?;
        for (number, (what, _)) in case.events.iter().enumerate() {
            let costs = costs(&outcomes[at + 1 + number].stdout);
            let empty = costs.get("empty").ok_or("the empty program did not run")?;
            let ours = costs.get(&format!("h0_{attach}")).ok_or_else(|| {
                format!("the program did not run: {:?}", outcomes[at + 1 + number])
            })?;
            println!(
                "{:13} {attach:8} {what:40} {:>6.0} {ours:>6.0}",
                case.name(size),
                ours - empty
            );
        }
        at += 2 + case.events.len();
    }
    Ok(())
}

fn succeeded(job: &Job, outcome: &Outcome) -> Result<(), String> {
    if outcome.end == End::Exit(0) {
        return Ok(());
    }
    Err(format!(
        "{:?}: {:?}\n{}{}",
        job.argv, outcome.end, outcome.stdout, outcome.stderr
    ))
}

/// Instructions for each run, by program.
fn costs(output: &str) -> BTreeMap<String, f64> {
    let line = |line: &str| {
        let [name, runs, total] = line.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some((
            name.to_owned(),
            total.parse::<f64>().ok()? / runs.parse::<f64>().ok()?,
        ))
    };
    output.lines().filter_map(line).collect()
}

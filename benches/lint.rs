//! How long `tpc lint` takes as a whole process. Run: `cargo bench --bench lint`.
//!
//! Judges the public policies beside the repository (`TPC_CORPUS`), or as many copies of those of the other benches.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 30;
/// Copies where the public policies are not there.
const COPIES: usize = 677;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = std::env::temp_dir().join(format!("tpc-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).expect("a scratch directory");
    let one = root.join("benches/policies/file.yaml");
    let many = corpus(root).unwrap_or_else(|| copies(&one, &scratch));
    println!("{:28} {:>9} {:>9} {:>9}", "", "min", "median", "max");
    show(
        "start: explain TPC2201",
        || vec!["explain".into(), "TPC2201".into()],
        None,
    );
    show("one policy", || vec!["lint".into(), one.clone()], None);
    for threads in [Some("1"), None] {
        for format in ["concise", "human", "json", "sarif"] {
            let name = format!(
                "{} files, {}, {format}",
                count(&many),
                threads.map_or("all cores", |_| "1 core")
            );
            let arguments = || {
                vec![
                    "lint".into(),
                    many.clone(),
                    "--format".into(),
                    format.into(),
                ]
            };
            show(&name, arguments, threads);
        }
    }
    let crowd = crowd(&many, &scratch.join("crowd"));
    for threads in [Some("1"), None] {
        let cores = threads.map_or("all cores", |_| "1 core");
        let arguments = || {
            vec![
                "lint".into(),
                crowd.clone(),
                "--format".into(),
                "concise".into(),
            ]
        };
        show(&format!("{CROWD} policies, {cores}"), arguments, threads);
    }
    std::fs::remove_dir_all(scratch).expect("the scratch directory can be removed");
}

/// Policies of a large organisation.
const CROWD: usize = 10_000;

/// Fills a directory with copies of the policies of another.
fn crowd(from: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).expect("a directory");
    let (mut open, mut files) = (vec![from.to_owned()], Vec::new());
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|ext| ext == "yaml" || ext == "yml")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    for (number, file) in files.iter().cycle().take(CROWD).enumerate() {
        std::fs::copy(file, to.join(format!("{number}.yaml"))).expect("a copy");
    }
    to.to_owned()
}

fn show(name: &str, arguments: impl Fn() -> Vec<PathBuf>, threads: Option<&str>) {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| time(&arguments(), threads)).collect();
    times.sort();
    let shown = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1000.0);
    let [min, median, max] = [0, RUNS / 2, RUNS - 1].map(|at| shown(times[at]));
    println!("{name:28} {min:>9} {median:>9} {max:>9}");
}

fn time(arguments: &[PathBuf], threads: Option<&str>) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tpc"));
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(threads) = threads {
        command.env("RAYON_NUM_THREADS", threads);
    }
    let start = Instant::now();
    let status = command.status().expect("the linter runs");
    let elapsed = start.elapsed();
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    elapsed
}

fn corpus(root: &Path) -> Option<PathBuf> {
    let named = std::env::var_os("TPC_CORPUS").map(PathBuf::from);
    let directory = named.unwrap_or_else(|| root.join("../shared/corpus"));
    directory.is_dir().then_some(directory)
}

fn copies(one: &Path, scratch: &Path) -> PathBuf {
    for number in 0..COPIES {
        std::fs::copy(one, scratch.join(format!("{number}.yaml"))).expect("a copy");
    }
    scratch.to_owned()
}

fn count(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let yaml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|ext| ext == "yaml" || ext == "yml")
    };
    paths
        .map(|path| {
            if path.is_dir() {
                count(&path)
            } else {
                usize::from(yaml(&path))
            }
        })
        .sum()
}

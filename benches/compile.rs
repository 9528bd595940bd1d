//! How long `tpc compile` takes as a whole process. Run: `cargo bench --bench compile`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 50;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = std::env::temp_dir().join(format!("tpc-bench-{}", std::process::id()));
    println!("{:10} {:>9} {:>9} {:>9}", "policy", "min", "median", "max");
    for policy in ["exec", "connect", "file"] {
        let source = root.join("benches/policies").join(format!("{policy}.yaml"));
        let mut times: Vec<Duration> = (0..RUNS).map(|_| time(&source, &out)).collect();
        times.sort();
        let show = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1000.0);
        let [min, median, max] = [0, RUNS / 2, RUNS - 1].map(|at| show(times[at]));
        println!("{policy:10} {min:>9} {median:>9} {max:>9}");
    }
    std::fs::remove_dir_all(out).expect("the output can be removed");
}

fn time(source: &Path, out: &Path) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tpc"));
    command
        .arg("compile")
        .arg(source)
        .arg("-o")
        .arg(out)
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().expect("the compiler runs");
    assert!(status.success());
    start.elapsed()
}

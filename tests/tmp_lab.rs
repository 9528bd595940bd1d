#[path = "lab/harness/mod.rs"]
mod harness;
use harness::*;
fn add(files: &mut cpio::Archive, dir: &std::path::Path, at: &str) {
    for e in std::fs::read_dir(dir).unwrap() {
        let p = e.unwrap().path();
        let name = format!("{at}/{}", p.file_name().unwrap().to_string_lossy());
        if p.is_dir() {
            add(files, &p, &name)
        } else {
            files.file(&name, 0o644, std::fs::read(&p).unwrap())
        }
    }
}
#[test]
fn smoke() {
    let lab = Lab::open().unwrap();
    // Jobs: lines of /tmp/klab/jobs, words separated by blanks.
    let text = std::fs::read_to_string("/tmp/klab/jobs").unwrap();
    let jobs: Vec<_> = text
        .lines()
        .filter(|l| !l.is_empty())
        .map(|l| job::Job::new(l.split_whitespace().map(str::to_owned)))
        .collect();
    let mut files = cpio::Archive::default();
    add(
        &mut files,
        std::path::Path::new("/tmp/klab/files"),
        "/lab/f",
    );
    files.file(
        "/lab/links",
        0o644,
        std::fs::read("/tmp/klab/links").unwrap(),
    );
    let only = std::env::var("K").unwrap_or_default();
    std::thread::scope(|s| {
        for k in KERNELS {
            if !only.is_empty() && k.name != only {
                continue;
            }
            let (lab, jobs, files) = (&lab, &jobs, &files);
            s.spawn(move || {
                let mut log = String::new();
                match lab.boot(k, files, jobs, qemu::Clock::Host) {
                    Ok(o) => {
                        for (j, x) in jobs.iter().zip(o) {
                            log += &format!(
                                "$ {}\n{:?} {:?}\n{}{}\n",
                                j.argv.join(" "),
                                x.end,
                                x.time,
                                x.stdout,
                                x.stderr
                            );
                        }
                    }
                    Err(e) => log += &e,
                }
                std::fs::write(format!("/tmp/klab/{}.log", k.name), log).unwrap();
            });
        }
    });
}

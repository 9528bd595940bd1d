#[path = "lab/harness/mod.rs"]
mod harness;
use harness::*;
#[test]
fn smoke() {
    let lab = Lab::open().unwrap();
    let jobs = [
        job::Job::new(["/bin/trigger", "tcp", "127.0.0.1", "80"]),
        job::Job::new(["/bin/bpftool", "version"]),
        job::Job::new(["/bin/trigger", "tree", "/lab"]),
    ];
    let mut files = cpio::Archive::default();
    files.file(
        "/lab/links",
        0o644,
        b"/bin/trigger\n/usr/bin/apt\n".to_vec(),
    );
    std::thread::scope(|s| {
        for k in KERNELS {
            let (lab, jobs, files) = (&lab, &jobs, &files);
            s.spawn(move || println!("{:?}", lab.boot(k, files, jobs, qemu::Clock::Host)));
        }
    });
}

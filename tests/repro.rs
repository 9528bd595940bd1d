//! The same policies give the same bytes, whatever surrounds the compiler.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tpc::bundle::sha256;

/// Policies of the repository.
fn policies() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for directory in ["policies/examples", "benches/policies"] {
        for entry in fs::read_dir(root.join(directory)).expect("policies are there") {
            let path = entry.expect("a directory entry").path();
            let is_yaml = path
                .extension()
                .is_some_and(|extension| extension == "yaml");
            if is_yaml && !tpc::testing::is_test_file(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Digests of everything below a directory, by path.
fn digests(directory: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("the output is readable") {
        let path = entry.expect("a directory entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            let below = digests(&path).into_iter();
            all.extend(below.map(|(file, digest)| (format!("{name}/{file}"), digest)));
        } else {
            all.insert(name, sha256(&fs::read(&path).expect("a readable file")));
        }
    }
    all
}

/// Compiles all policies from a copy of theirs in a fresh directory, with an environment.
fn compile(environment: &[(&str, &str)], backwards: bool, umask: &str) -> BTreeMap<String, String> {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut names = Vec::new();
    for (number, path) in policies().iter().enumerate() {
        let folder = place.path().join(format!("{number}/deep"));
        fs::create_dir_all(&folder).expect("a directory");
        let copy = folder.join("renamed.yaml");
        fs::copy(path, &copy).expect("a copy");
        names.push(copy.display().to_string());
    }
    if backwards {
        names.reverse();
    }
    for output in ["out", "all.tar.gz"] {
        let script = format!("umask {umask}; exec \"$0\" compile -o {output} \"$@\"");
        let status = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_tpc")])
            .args(&names)
            .current_dir(place.path())
            .envs(environment.iter().copied())
            .stderr(std::process::Stdio::null())
            .status()
            .expect("the compiler runs");
        assert!(status.success());
    }
    let mut all = digests(&place.path().join("out"));
    let archive = fs::read(place.path().join("all.tar.gz")).expect("the archive");
    all.insert("all.tar.gz".to_owned(), sha256(&archive));
    all
}

#[test]
fn the_surroundings_do_not_matter() {
    let first = compile(&[], false, "022");
    assert!(first.len() > 3 * policies().len(), "{first:?}");
    let other = [
        ("TZ", "Asia/Kathmandu"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("LANG", "tr_TR.UTF-8"),
        ("RAYON_NUM_THREADS", "1"),
        ("HOME", "/nonexistent"),
        ("USER", "somebody"),
        ("SOURCE_DATE_EPOCH", "1"),
    ];
    assert_eq!(compile(&other, true, "077"), first);
    assert_eq!(compile(&[("RAYON_NUM_THREADS", "16")], true, "000"), first);
}

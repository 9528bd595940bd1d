//! The example policies.

use std::path::{Path, PathBuf};

/// Paths of the policies, sorted; their tests beside them are none.
pub(crate) fn paths() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/examples");
    let entries = std::fs::read_dir(directory).expect("the directory of examples");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !tpc::testing::is_test_file(path))
        .collect();
    paths.sort();
    paths
}

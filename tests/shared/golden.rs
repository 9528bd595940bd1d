//! Inputs with their expected output beside them.

use std::path::{Path, PathBuf};

/// Compares what `render` makes of every `golden/STAGE/NAME.yaml` with `NAME.snap`. After a change of wording
/// run with `INSTA_UPDATE=always` and review the difference.
pub(crate) fn golden(stage: &str, render: impl Fn(&str, &[u8]) -> String) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(stage);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&directory)
        .expect("the golden directory exists")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    cases.sort();
    assert!(cases.len() > 8, "the golden inputs are there");
    for path in cases {
        let name = path
            .file_name()
            .expect("a file name")
            .to_string_lossy()
            .into_owned();
        let text = render(&name, &std::fs::read(&path).expect("a readable case"));
        insta::with_settings!({
            snapshot_path => &directory,
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), text);
        });
    }
}

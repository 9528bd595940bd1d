//! The bundles of the examples, which targets and seeds begin with.

use std::path::{Path, PathBuf};

use tpc::bundle::{Files, MANIFEST, Manifest, OBJECT};
use tpc::compile::compile;
use tpc::diag::{Sink, Sources};

/// An example and what became of it.
pub struct Example {
    pub name: String,
    pub source: Vec<u8>,
    /// The file with its tests.
    pub tests: Vec<u8>,
    pub manifest: Manifest,
    pub object: Vec<u8>,
    pub files: Files,
}

/// The root of the project, for the package of the fuzz targets and for the project's own.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut above = here.ancestors();
    let root = above.find(|directory| directory.join("policies/examples").is_dir());
    root.expect("a place inside the project").to_owned()
}

/// The policies of `policies/examples`, compiled.
pub fn bundles() -> Vec<Example> {
    let directory = root().join("policies/examples");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&directory)
        .expect("the examples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| example(path)).collect()
}

/// `None` for a file that is not a policy: examples may have tests beside them.
fn example(path: &Path) -> Option<Example> {
    let source = std::fs::read(path).expect("a readable example");
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text("policy.yaml", &source, &mut sources, &mut sink)?;
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    let [policy] = policies.as_slice() else {
        return None;
    };
    let files = compile(policy, &sources, &mut sink)?.files;
    Some(Example {
        name: path.file_stem()?.to_string_lossy().into_owned(),
        manifest: Manifest::parse(&files[MANIFEST]).expect("a manifest"),
        object: files[OBJECT].clone(),
        tests: std::fs::read(path.with_extension("test.yaml")).expect("an example has tests"),
        source,
        files,
    })
}

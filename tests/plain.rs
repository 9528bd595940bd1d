//! Policies in plain words: every example, and one policy for each section of the language. Look at them as a reader who
//! does not know the language.

use std::path::Path;

use tpc::diag::{Sink, Sources};

/// What is said of the policies of a file, which have no errors.
#[track_caller]
fn told(path: &Path) -> String {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let bytes = std::fs::read(path).expect("a policy");
    let file = tpc::yaml::text("f.yaml", &bytes, &mut sources, &mut sink).expect("a text");
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    let one = |policy| {
        let judged = tpc::check::language(policy, &mut sink);
        tpc::plain::describe(&judged)
    };
    let texts: Vec<String> = policies.iter().map(one).collect();
    let said = tpc::diag::render::concise(&sink.into_sorted(), &sources);
    assert!(
        !said.contains("error") && !texts.is_empty(),
        "{}\n{said}",
        path.display()
    );
    texts.join("\n")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn examples() {
    let directory = root().join("policies/examples");
    let entries = std::fs::read_dir(directory).expect("the examples");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        // Tests of policies stand beside them.
        .filter(|path| !path.to_string_lossy().ends_with(".test.yaml"))
        .collect();
    paths.sort();
    let mut text = String::new();
    for path in paths {
        text.push_str(&told(&path));
        text.push('\n');
    }
    insta::assert_snapshot!("plain_examples", text);
}

#[test]
fn every_section() {
    insta::assert_snapshot!(
        "plain_sections",
        told(&root().join("tests/golden/plain.yaml"))
    );
}

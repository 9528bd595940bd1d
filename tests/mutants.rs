//! The table of mutants fits the code generator. Whether the oracle notices them: `cargo run --example mutants`.

#[path = "mutants/mod.rs"]
mod mutants;

use std::fs;
use std::path::Path;

#[test]
fn every_mutant_changes_one_place() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = mutants::all(project);
    assert!(all.len() >= 30);
    for mutant in all {
        let text = fs::read_to_string(project.join(&mutant.file)).expect("the file is there");
        assert_ne!(mutant.apply(&text), text, "{}", mutant.name);
    }
}

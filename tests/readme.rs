//! What the README shows is what happens.
//!
//! Sessions with the prompt `$ ` run here, in a directory with the project's policies and the file of the README whose first line
//! names it; those of a node run in the kernel lab.

use std::path::Path;
use std::process::Command;

#[path = "shared/blocks.rs"]
mod blocks;

use blocks::{Block, agrees, blocks, session};

#[test]
fn sessions_print_what_is_shown() {
    let blocks = readme();
    let directory = tempfile::tempdir().expect("a directory");
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let link = directory.path().join("policies");
    std::os::unix::fs::symlink(project.join("policies"), link).expect("a link");
    for block in blocks.iter().filter(|block| block.info == "yaml") {
        let name = block
            .text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "));
        let name = name.expect("the first line names the file");
        std::fs::write(directory.path().join(name), &block.text).expect("a file");
    }
    let is_session = |block: &&Block| block.info == "console" && block.text.starts_with("$ ");
    let sessions = blocks.iter().filter(is_session);
    let commands: Vec<_> = sessions
        .flat_map(|block| session(&block.text, "$ "))
        .collect();
    assert!(
        commands.len() >= 2,
        "the README shows a good and a bad policy"
    );
    for (command, shown) in commands {
        let printed = run(&command, directory.path());
        assert!(
            agrees(&shown, &printed),
            "`{command}` prints\n{printed}\nand the README shows\n{shown}"
        );
    }
}

/// The commands of a newcomer, with what they stand for here: cargo would build all over again.
#[test]
fn the_first_command_compiles_a_policy() {
    let is_first = |block: &&Block| block.info == "sh" && block.text.contains("compile");
    let blocks = readme();
    let first = blocks
        .iter()
        .find(is_first)
        .expect("a command that compiles");
    let built = first.text.strip_prefix("cargo run --release --bin tpc -- ");
    let command = format!("tpc {}", built.expect("cargo builds it").trim_end());
    let directory = tempfile::tempdir().expect("a directory");
    let output = directory.path().join("bundles");
    let command = command.replace("bundles/", &output.to_string_lossy());
    let printed = run(&command, Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(printed.starts_with("wrote package-managers"), "{printed}");
    assert!(output.join("package-managers/manifest.json").is_file());
}

fn readme() -> Vec<Block> {
    blocks(include_str!("../README.md"))
}

/// What a command prints.
fn run(command: &str, directory: &Path) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(words[0], "tpc", "only the compiler runs here: {command}");
    let output = Command::new(env!("CARGO_BIN_EXE_tpc"))
        .args(&words[1..])
        .current_dir(directory)
        .output()
        .expect("the compiler runs");
    let texts = [output.stdout, output.stderr];
    texts
        .iter()
        .map(|text| String::from_utf8_lossy(text))
        .collect()
}

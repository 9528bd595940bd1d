//! The table of mutants.

use std::fs;
use std::path::Path;

/// A mistake in the code generator.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    pub(crate) name: String,
    /// Relative to the project.
    pub(crate) file: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Mutant {
    /// The file with the mistake.
    ///
    /// # Panics
    /// If the table does not fit the file.
    pub(crate) fn apply(&self, text: &str) -> String {
        let found = text.matches(&self.before).count();
        assert_eq!(found, 1, "places of `{}` in {}", self.name, self.file);
        text.replacen(&self.before, &self.after, 1)
    }
}

/// The mutants of the table.
///
/// # Panics
/// If the table cannot be read.
pub(crate) fn all(project: &Path) -> Vec<Mutant> {
    let table = project.join("tests/mutants/table.txt");
    let table = fs::read_to_string(table).expect("the table can be read");
    let blocks = table.split("\n\n");
    let blocks = blocks.filter(|block| !block.starts_with('#'));
    blocks.map(mutant).collect()
}

fn mutant(block: &str) -> Mutant {
    let mut lines = block.lines();
    let mut line = || lines.next().expect("a name and a file").to_owned();
    let (name, file) = (line(), line());
    let (mut before, mut after) = (String::new(), String::new());
    for line in lines {
        let (side, text) = match line.split_at(1) {
            ("-", text) => (&mut before, text),
            ("+", text) => (&mut after, text),
            _ => panic!("`{line}` of `{name}`"),
        };
        side.push_str(text);
        side.push('\n');
    }
    Mutant {
        name,
        file,
        before,
        after,
    }
}

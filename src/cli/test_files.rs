//! The test files that arguments lead to.

use std::path::{Path, PathBuf};

use super::input::{self, Input};
use crate::diag::{Diagnostic, code};
use crate::testing;

/// What arguments name or lead to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Test files, each once.
    pub(super) tests: Vec<Input>,
    /// What is no test file: policies that are named, and whatever else directories have.
    pub(super) others: Vec<Input>,
}

/// The files that the arguments name or lead to.
pub(super) fn find(arguments: &[PathBuf]) -> Result<Found, Box<Diagnostic>> {
    let mut found = Found::default();
    for input in input::collect(arguments)? {
        let Some(path) = &input.path else {
            let message = "tests are not read from standard input";
            let help = "name a file: a test file has its policy beside it";
            return Err(Box::new(
                Diagnostic::error(code::NO_TEST, message).help(help),
            ));
        };
        if testing::is_test_file(path) {
            found.add(input);
            continue;
        }
        if !input.found {
            for path in tests_beside(path)? {
                found.add(Input {
                    path: Some(path),
                    found: false,
                });
            }
        }
        found.others.push(input);
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, test: Input) {
        if !self.tests.iter().any(|known| known.path == test.path) {
            self.tests.push(test);
        }
    }
}

/// The test files of a policy, or a file with tests under any name.
fn tests_beside(path: &Path) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let Some(test) = testing::test_of(path) else {
        let message = format!("`{}` is neither a policy nor a test file", path.display());
        let help = "test files are named `POLICY.test.yaml`";
        return Err(Box::new(
            Diagnostic::error(code::NO_TEST, message).help(help),
        ));
    };
    let mut tests = of_each(&test);
    if test.is_file() {
        tests.insert(0, test);
        return Ok(tests);
    }
    if !tests.is_empty() {
        return Ok(tests);
    }
    let message = format!(
        "`{}` has no tests: there is no `{}`",
        path.display(),
        test.display()
    );
    let help = format!(
        "write the first ones with `tpc test --init {}`",
        path.display()
    );
    Err(Box::new(
        Diagnostic::error(code::NO_TEST, message).help(help),
    ))
}

/// Test files of single policies of a file, by their names.
fn of_each(test: &Path) -> Vec<PathBuf> {
    let directory = match test.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Vec::new(),
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries
        .map(|entry| test.with_file_name(entry.file_name()))
        .filter(|path| testing::is_test_of_one(path, test))
        .collect();
    all.sort();
    all
}

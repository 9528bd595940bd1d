//! The test files that arguments lead to.

use std::path::{Path, PathBuf};

use super::input::{self, Input};
use crate::diag::{Diagnostic, code};
use crate::testing;

/// The test files that the arguments name or lead to, each once.
pub(super) fn find(arguments: &[PathBuf]) -> Result<Vec<Input>, Box<Diagnostic>> {
    let mut files: Vec<Input> = Vec::new();
    for mut input in input::collect(arguments)? {
        let Some(path) = &input.path else {
            let message = "tests are not read from standard input";
            let help = "name a file: a test file has its policy beside it";
            return Err(Box::new(
                Diagnostic::error(code::NO_TEST, message).help(help),
            ));
        };
        if !testing::is_test_file(path) {
            if input.found {
                continue;
            }
            input.path = Some(tests_beside(path)?);
        }
        if !files.iter().any(|known| known.path == input.path) {
            files.push(input);
        }
    }
    Ok(files)
}

/// The test file of a policy, or a file with tests under any name.
fn tests_beside(path: &Path) -> Result<PathBuf, Box<Diagnostic>> {
    match testing::test_of(path) {
        Some(test) if test.is_file() => Ok(test),
        Some(test) => {
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
        None => {
            let message = format!("`{}` is neither a policy nor a test file", path.display());
            let help = "test files are named `POLICY.test.yaml`";
            Err(Box::new(
                Diagnostic::error(code::NO_TEST, message).help(help),
            ))
        }
    }
}

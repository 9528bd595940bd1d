//! Names of test files: `a.yaml` has its tests in `a.test.yaml` beside it.

use std::path::{Path, PathBuf};

const ENDINGS: [(&str, &str); 2] = [(".test.yaml", ".yaml"), (".test.yml", ".yml")];

/// Whether a file has the name of a test file.
pub fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| {
        ENDINGS
            .iter()
            .any(|(ending, _)| name.ends_with(ending) && name.len() > ending.len())
    })
}

/// The policy that a test file belongs to by its name.
pub fn policy_of(test: &Path) -> Option<PathBuf> {
    let name = test.file_name()?.to_str()?;
    let renamed =
        |(from, to): &(&str, &str)| name.strip_suffix(from).map(|stem| format!("{stem}{to}"));
    ENDINGS
        .iter()
        .find_map(renamed)
        .map(|name| test.with_file_name(name))
}

/// The test file of a policy.
pub fn test_of(policy: &Path) -> Option<PathBuf> {
    let name = policy.file_name()?.to_str()?;
    let renamed =
        |(to, from): &(&str, &str)| name.strip_suffix(from).map(|stem| format!("{stem}{to}"));
    ENDINGS
        .iter()
        .find_map(renamed)
        .map(|name| policy.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_and_policies_lead_to_each_other() {
        for (policy, test) in [("d/a.yaml", "d/a.test.yaml"), ("a.b.yml", "a.b.test.yml")] {
            assert_eq!(test_of(Path::new(policy)), Some(test.into()));
            assert_eq!(policy_of(Path::new(test)), Some(policy.into()));
            assert!(is_test_file(Path::new(test)) && !is_test_file(Path::new(policy)));
        }
        for other in ["a.yaml.test", "test.yaml", ".test.yaml", "a.test.json"] {
            assert!(!is_test_file(Path::new(other)), "{other}");
        }
    }
}

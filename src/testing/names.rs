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

/// The test file of one of several policies of a file: `a.NAME.test.yaml` beside what would be the file's, `a.test.yaml`.
pub fn test_of_one(test: &Path, name: &str) -> PathBuf {
    let file = test.file_name().unwrap_or_default().to_string_lossy();
    let renamed = ENDINGS.iter().find_map(|(ending, _)| {
        let stem = file.strip_suffix(ending)?;
        Some(format!("{stem}.{name}{ending}"))
    });
    test.with_file_name(renamed.unwrap_or_default())
}

/// Whether a test file is one of those that [`test_of_one`] gives a file's policies, and not that of another policy beside it.
pub fn is_test_of_one(path: &Path, test: &Path) -> bool {
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let (Some(path_name), Some(test_name)) = (name(path), name(test)) else {
        return false;
    };
    let is_longer = ENDINGS.iter().any(|(ending, _)| {
        let stems = test_name
            .strip_suffix(ending)
            .zip(path_name.strip_suffix(ending));
        let behind = stems.and_then(|(stem, own)| own.strip_prefix(stem));
        behind.is_some_and(|behind| behind.len() > 1 && behind.starts_with('.'))
    });
    is_longer && policy_of(path).is_some_and(|policy| !policy.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_of_one_file_have_test_files_of_their_own() {
        let (test, one) = (Path::new("d/a.test.yml"), Path::new("d/a.b.test.yml"));
        assert_eq!(test_of_one(test, "b"), one);
        assert!(is_test_of_one(one, test));
        for other in ["d/a.test.yml", "d/a.test.yaml", "d/ab.test.yml", "d/a..yml"] {
            assert!(!is_test_of_one(Path::new(other), test), "{other}");
        }
    }

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

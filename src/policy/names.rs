//! Names of Kubernetes objects and labels.
//!
//! Source: `k8s.io/apimachinery/pkg/util/validation` v0.34.

/// Why a text is no DNS-1123 subdomain (object name); a single label may be longer
/// than 63 characters.
pub(super) fn subdomain(text: &str) -> Result<(), &'static str> {
    match text.len() {
        0 => Err("it is empty"),
        1..=253 => text.split('.').try_for_each(label_characters),
        _ => Err("it has more than 253 characters"),
    }
}

/// Why a text is no DNS-1123 label (namespace).
pub(super) fn label(text: &str) -> Result<(), &'static str> {
    match text.len() {
        0 => Err("it is empty"),
        1..=63 => label_characters(text),
        _ => Err("it has more than 63 characters"),
    }
}

/// Why a text is no annotation key: a label key, whatever its case.
pub(super) fn annotation(text: &str) -> Result<(), &'static str> {
    qualified(&text.to_lowercase())
}

/// Why a text is no label key: `[prefix/]name`.
pub(super) fn qualified(text: &str) -> Result<(), &'static str> {
    let name = match text.split_once('/') {
        Some((prefix, name)) => {
            subdomain(prefix)?;
            name
        }
        None => text,
    };
    match name.len() {
        0 => Err("its name is empty"),
        1..=63 => word(name),
        _ => Err("its name has more than 63 characters"),
    }
}

/// Why a text is no label value.
pub fn label_value(text: &str) -> Result<(), &'static str> {
    match text.len() {
        0 => Ok(()),
        1..=63 => word(text),
        _ => Err("it has more than 63 characters"),
    }
}

fn label_characters(text: &str) -> Result<(), &'static str> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !text.chars().all(|c| lower(c) || c == '-') {
        Err("only lower-case letters, digits, `-` and `.` are allowed")
    } else if text.starts_with(lower) && text.ends_with(lower) {
        Ok(())
    } else {
        Err("each part must begin and end with a letter or digit")
    }
}

fn word(text: &str) -> Result<(), &'static str> {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    if !text.chars().all(|c| alphanumeric(c) || "-_.".contains(c)) {
        Err("only letters, digits, `-`, `_` and `.` are allowed")
    } else if text.starts_with(alphanumeric) && text.ends_with(alphanumeric) {
        Ok(())
    } else {
        Err("it must begin and end with a letter or digit")
    }
}

/// The text made into an object name, if anything is left of it.
pub(super) fn suggestion(text: &str) -> Option<String> {
    let replaced = text
        .to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
    let parts = replaced
        .split('.')
        .map(|part| part.trim_matches('-'))
        .filter(|part| !part.is_empty());
    let name = parts.collect::<Vec<_>>().join(".");
    subdomain(&name).is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names() {
        for good in ["a", "block-ssh", "a.b", "1", &"a".repeat(100)] {
            assert_eq!(subdomain(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "A",
            "a_b",
            "-a",
            "a-",
            "a..b",
            ".",
            "a/b",
            "../x",
            &"a".repeat(254),
        ] {
            assert!(subdomain(bad).is_err(), "{bad}");
        }
        assert!(label("a.b").is_err());
        assert!(label(&"a".repeat(64)).is_err());
    }

    #[test]
    fn labels() {
        for good in ["app", "app.kubernetes.io/name", "A_b-c.d"] {
            assert_eq!(qualified(good), Ok(()), "{good}");
        }
        for bad in ["", "a/b/c", "/a", "a/", "-a", "a b", "UPPER.io/x"] {
            assert!(qualified(bad).is_err(), "{bad}");
        }
        assert_eq!(label_value(""), Ok(()));
        assert!(label_value("a/b").is_err());
    }

    #[test]
    fn suggestions() {
        assert_eq!(suggestion("Block_SSH"), Some("block-ssh".into()));
        assert_eq!(suggestion("__"), None);
    }
}

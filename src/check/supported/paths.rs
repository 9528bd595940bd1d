//! Texts that are no path of a file as the kernel writes it: from the root, resolved, without `/` at its end.

use crate::ir::TextMatch;

/// Why no path matches a text, and what to write instead.
pub fn flaw(text: &str, how: TextMatch) -> Option<(&'static str, String)> {
    if how != TextMatch::Postfix && !text.starts_with('/') {
        return Some(("paths start with `/`", from_root(text, how)));
    }
    if has_empty_component(text) {
        let better = without_empty_components(text);
        return Some(("paths have no `//`", format!("write `{better}`")));
    }
    if has_dots(text, how) {
        let help = "write the path that they lead to".to_owned();
        return Some(("paths are resolved, without `.` and `..`", help));
    }
    if how != TextMatch::Prefix && text.len() > 1 && text.ends_with('/') {
        let better = text.trim_end_matches('/');
        let help = match how {
            TextMatch::Equal => {
                format!(
                    "write `{better}` for the directory itself, or use `Prefix` for what is in it"
                )
            }
            _ => format!("write `{better}`"),
        };
        return Some(("paths do not end with `/`", help));
    }
    None
}

fn from_root(text: &str, how: TextMatch) -> String {
    if text.contains('*') {
        return without_wildcard(text);
    }
    if let Some(name) = text.strip_prefix("./") {
        return format!("write the whole path, or use `Postfix` with `/{name}`");
    }
    if text.contains('/') {
        return format!("write `/{text}`");
    }
    match how {
        TextMatch::Prefix => format!(
            "write the beginning of the path, or use `Postfix` with `/{text}` for the name of a file"
        ),
        _ => format!("write the whole path, or use `Postfix` with `/{text}`"),
    }
}

fn has_empty_component(text: &str) -> bool {
    text.contains("//")
}

fn without_empty_components(text: &str) -> String {
    let mut out = text.to_owned();
    while has_empty_component(&out) {
        out = out.replace("//", "/");
    }
    out
}

/// Whether a component that is whole in the text is `.` or `..`.
fn has_dots(text: &str, how: TextMatch) -> bool {
    let last = text.split('/').count() - 1;
    let whole = |place: usize| {
        (place > 0 || how != TextMatch::Postfix) && (place < last || how != TextMatch::Prefix)
    };
    let mut components = text.split('/').enumerate();
    components.any(|(place, component)| whole(place) && [".", ".."].contains(&component))
}

/// What to write instead of a pattern.
pub fn without_wildcard(text: &str) -> String {
    let plain = text.trim_end_matches('*');
    if !plain.contains('*') && !plain.is_empty() {
        return format!("use `Prefix` with `{plain}`");
    }
    let plain = text.trim_start_matches('*');
    if !plain.contains('*') && !plain.is_empty() {
        return format!("use `Postfix` with `{plain}`");
    }
    "list the paths, or use `Prefix` or `Postfix` with the part before or behind it".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_no_path_has() {
        use TextMatch::{Equal, Postfix, Prefix};
        let cases = [
            (Equal, "/etc/passwd", false),
            (Equal, "/", false),
            (Equal, "/etc/", true),
            (Equal, "etc/passwd", true),
            (Equal, "/etc//passwd", true),
            (Equal, "/etc/../passwd", true),
            (Equal, "/etc/..", true),
            (Equal, "/etc/.ssh", false),
            (Equal, "/a/...", false),
            (Prefix, "/etc/", false),
            (Prefix, "/etc/.", false),
            (Prefix, "/etc/./", true),
            (Prefix, "etc", true),
            (Postfix, ".conf", false),
            (Postfix, "..", false),
            (Postfix, "/..", true),
            (Postfix, "./a", false),
            (Postfix, "/./a", true),
            (Postfix, "/", false),
            (Postfix, "bin/", true),
            (Postfix, "bash", false),
        ];
        for (how, text, flawed) in cases {
            assert_eq!(flaw(text, how).is_some(), flawed, "{how:?} {text}");
        }
    }

    #[test]
    fn patterns() {
        assert_eq!(without_wildcard("/etc/*"), "use `Prefix` with `/etc/`");
        assert_eq!(without_wildcard("*.so"), "use `Postfix` with `.so`");
        assert!(without_wildcard("/home/*/.ssh").starts_with("list"));
    }
}

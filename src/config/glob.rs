//! Patterns for paths, as `.gitignore` has them.
//!
//! `*` and `?` stand for characters of one name, `**` for any number of directories. A pattern with a `/` before its
//! end begins at the directory of the configuration file; any other matches at every depth. A pattern that matches a
//! directory matches everything below it. Brackets and `!` have no meaning.

/// Whether a pattern matches a path with `/` between its names.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let trimmed = pattern.trim_end_matches('/');
    let anchored = trimmed.contains('/');
    let mut names: Vec<&str> = trimmed.trim_start_matches('/').split('/').collect();
    if !anchored {
        names.insert(0, "**");
    }
    let path: Vec<&str> = path.split('/').filter(|name| *name != ".").collect();
    below(&names, &path)
}

/// Whether the names match the path or a directory on its way.
fn below(names: &[&str], path: &[&str]) -> bool {
    let Some((name, names)) = names.split_first() else {
        return true;
    };
    if *name == "**" {
        // At the end it stands for at least one name.
        return (0..path.len()).any(|skip| below(names, path.get(skip..).unwrap_or(&[])));
    }
    match path.split_first() {
        Some((first, rest)) => within(name.as_bytes(), first.as_bytes()) && below(names, rest),
        None => false,
    }
}

/// Whether a pattern matches a whole name. The last `*` gives back what it took where the rest does not match.
fn within(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(b'?') => (at, read) = (at + 1, read + 1),
            Some(byte) if name.get(read) == Some(byte) => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((from, taken)) = star else {
                    return false;
                };
                star = Some((from, taken + 1));
                (at, read) = (from + 1, taken + 1);
            }
        }
    }
    pattern
        .get(at..)
        .is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn as_gitignore() {
        let cases = [
            ("*.yaml", "a/b.yaml", true),
            ("*.yaml", "b.yml", false),
            ("templates", "charts/x/templates/a.yaml", true),
            ("templates/", "charts/templates/a.yaml", true),
            ("/charts", "charts/a.yaml", true),
            ("/charts", "x/charts/a.yaml", false),
            ("a/*.yaml", "a/b.yaml", true),
            ("a/*.yaml", "a/b/c.yaml", false),
            ("a/**/c.yaml", "a/c.yaml", true),
            ("a/**/c.yaml", "a/b/b/c.yaml", true),
            ("a/**", "a/b", true),
            ("a/**", "a", false),
            ("**/b", "a/b/c", true),
            ("b?.yaml", "b1.yaml", true),
            ("*a*b*", "xaxxbx", true),
            ("*a*b", "abx", false),
            ("./a/b", "./a/b", true),
            ("", "a", false),
        ];
        for (pattern, path, matched) in cases {
            let pattern = pattern.trim_start_matches("./");
            assert_eq!(matches(pattern, path), matched, "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(50);
        assert!(!matches(&pattern, &"a".repeat(49)));
        assert!(matches(&pattern, &"a".repeat(5000)));
    }
}

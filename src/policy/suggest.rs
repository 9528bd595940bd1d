//! What the author may have meant.

use std::cmp::Reverse;

/// Words of old policies and common inventions, with what became of them.
/// Source: Tetragon release notes and the policies people publish.
const KNOWN: &[(&str, &str)] = &[
    (
        "FollowFD",
        "it was removed from Tetragon; use an argument of type `fd` or `file` instead",
    ),
    (
        "UnfollowFD",
        "it was removed from Tetragon; delete the action",
    ),
    ("CopyFD", "it was removed from Tetragon; delete the action"),
    (
        "argFd",
        "it belonged to the removed action FollowFD; delete it",
    ),
    (
        "argName",
        "it belonged to the removed action FollowFD; delete it",
    ),
    ("NotifyKiller", "it is called `NotifyEnforcer` now"),
    ("killers", "it is called `enforcers` now"),
    ("symbol", "write a list: `symbols: [\"name\"]`"),
    (
        "stackTrace",
        "write `kernelStackTrace: true` or `userStackTrace: true`",
    ),
    (
        "status",
        "delete it; a policy file has `apiVersion`, `kind`, `metadata` and `spec`",
    ),
    (
        "size",
        "the size comes from another argument: `sizeArgIndex`, counted from 1",
    ),
    ("SIGKILL", "write `Sigkill`"),
    ("function", "the function is named by `call`"),
    ("Mount", "write `Mnt`"),
    ("Network", "write `Net`"),
    ("Kill", "write `Sigkill`"),
    ("Block", "write `Override` with `argError: -1`"),
    ("Deny", "write `Override` with `argError: -1`"),
    (
        "Allow",
        "write `NoPost` for no event, or leave the actions out",
    ),
];

/// Advice on a word that is not accepted: known history, the nearest accepted word,
/// or the whole set.
pub(crate) fn advice(word: &str, accepted: &[&str]) -> String {
    if let Some((_, text)) = KNOWN.iter().find(|(known, _)| *known == word) {
        return (*text).to_owned();
    }
    match nearest(word, accepted) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write {}", choice(accepted)),
    }
}

/// The accepted word that a misspelt one stands for; words with a history of their own stand for none.
pub(super) fn correction<'a>(word: &str, accepted: &[&'a str]) -> Option<&'a str> {
    let known = KNOWN.iter().any(|(known, _)| *known == word);
    nearest(word, accepted).filter(|_| !known)
}

/// `one of a, b, c` or just the one.
pub(super) fn choice(words: &[&str]) -> String {
    match words {
        [] => "nothing here".to_owned(),
        [one] => format!("`{one}`"),
        _ => format!("one of {}", words.join(", ")),
    }
}

/// The closest word within a third of its length, ignoring case; of equals, that with the same beginning.
pub fn nearest<'a>(word: &str, accepted: &[&'a str]) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let ranked = accepted.iter().map(|&candidate| {
        let candidate_lower = candidate.to_lowercase();
        let pairs = lower.chars().zip(candidate_lower.chars());
        let common = pairs.take_while(|(a, b)| a == b).count();
        (
            distance(&lower, &candidate_lower),
            Reverse(common),
            candidate,
        )
    });
    let (distance, _, near) = ranked.min_by_key(|&(distance, common, _)| (distance, common))?;
    let limit = (near.chars().count().max(word.chars().count()) / 3).max(1);
    (distance <= limit).then_some(near)
}

/// Edits that turn one text into the other; a swap of neighbours is one edit.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, a) in a.chars().enumerate() {
        let mut current = Vec::with_capacity(above.len());
        current.push(row + 1);
        for (column, (&char, pair)) in b.iter().zip(above.windows(2)).enumerate() {
            let replaced = pair[0] + usize::from(char != a);
            let left = current.last().map_or(usize::MAX, |&cost: &usize| cost + 1);
            let mut cost = replaced.min(pair[1] + 1).min(left);
            let swapped = column > 0 && previous == Some(char) && b.get(column - 1) == Some(&a);
            if let (true, Some(&corner)) = (swapped, before.get(column.wrapping_sub(1))) {
                cost = cost.min(corner + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut above, current);
        previous = Some(a);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, edits) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn nearest_is_near() {
        let words = ["Equal", "NotEqual", "Prefix"];
        assert_eq!(nearest("equals", &words), Some("Equal"));
        assert_eq!(nearest("Perfix", &words), Some("Prefix"));
        assert_eq!(nearest("argErr", &["argUrl", "argError"]), Some("argError"));
        assert_eq!(nearest("Contains", &words), None);
        assert_eq!(nearest("", &words), None);
    }

    #[test]
    fn advice_prefers_history() {
        assert_eq!(
            advice("killers", &["enforcers"]),
            "it is called `enforcers` now"
        );
        assert_eq!(advice("x", &["a", "b"]), "did you mean `a`?");
        assert_eq!(advice("zzzz", &["a", "b"]), "write one of a, b");
    }
}

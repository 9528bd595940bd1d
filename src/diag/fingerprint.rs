//! Names for problems that stay the same while the lines around them move.
//!
//! A fingerprint is a digest of the code, the file's name and the marked text (its first line, blanks folded).
//! Problems of a file that agree in all three are numbered in their order. It does not depend on messages, which
//! change with releases, nor on what stands elsewhere in the file.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Diagnostic, Sources};

/// Bytes of the digest that are kept.
const LENGTH: usize = 16;

/// A fingerprint for each diagnostic, all different. `name_of` turns the name of a file into one that is the same on
/// every machine.
pub fn fingerprints(
    diagnostics: &[Diagnostic],
    sources: &Sources,
    name_of: &dyn Fn(&str) -> String,
) -> Vec<String> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut one = |diagnostic: &Diagnostic| {
        let (name, text) = diagnostic.span.map_or_else(Default::default, |span| {
            let marked = sources
                .slice(span)
                .trim_start()
                .lines()
                .next()
                .unwrap_or("");
            (name_of(sources.name(span.file)), folded(marked))
        });
        let key = format!("{}\0{name}\0{text}", diagnostic.code);
        let number = seen.entry(key.clone()).or_default();
        *number += 1;
        digest(&format!("{key}\0{number}"))
    };
    diagnostics.iter().map(&mut one).collect()
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let bytes = hash.iter().take(LENGTH);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Span, code};
    use super::*;

    fn of(text: &str, marks: &[&str]) -> Vec<String> {
        let mut sources = Sources::new();
        let file = sources.add("f.yaml", text);
        let mut from = 0;
        let mut diagnostics = Vec::new();
        for mark in marks {
            let start = from + text[from..].find(mark).expect("the mark is in the text");
            from = start + mark.len();
            let (start, end) = (start as u32, from as u32);
            let error = Diagnostic::error(code::BAD_VALUE, "any message");
            diagnostics.push(error.at(Span { file, start, end }));
        }
        fingerprints(&diagnostics, &sources, &|name| name.to_owned())
    }

    #[test]
    fn they_survive_moved_lines_and_differ() {
        let before = of("a: x\nb: x\nc: y\n", &["x", "x", "y"]);
        let after = of("# new\nc: y\n\na:   x\nb: x\n", &["y", "x", "x"]);
        assert_eq!(
            [&before[2], &before[0], &before[1]],
            [&after[0], &after[1], &after[2]]
        );
        assert_ne!(before[0], before[1]);
        assert_eq!(before[0].len(), 2 * LENGTH);
    }
}

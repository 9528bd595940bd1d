//! Strings that texts are compared with.

use crate::diag::Span;

/// How a text is compared with a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextMatch {
    Equal,
    Prefix,
    Postfix,
}

/// One string of a text predicate. Not empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextValue {
    pub bytes: Vec<u8>,
    pub span: Span,
}

impl TextMatch {
    /// Whether a text matches a string.
    pub fn holds(self, text: &[u8], value: &[u8]) -> bool {
        match self {
            Self::Equal => text == value,
            Self::Prefix => text.starts_with(value),
            Self::Postfix => text.ends_with(value),
        }
    }

    /// Sorts values and drops those that another one makes superfluous.
    pub fn reduce(self, mut values: Vec<TextValue>) -> Vec<TextValue> {
        let key = |value: &TextValue| match self {
            Self::Postfix => value.bytes.iter().rev().copied().collect::<Vec<u8>>(),
            Self::Equal | Self::Prefix => value.bytes.clone(),
        };
        values.sort_by_cached_key(|value| (key(value), value.span));
        // What a value includes follows it directly.
        values.dedup_by(|later, kept| self.holds(&later.bytes, &kept.bytes));
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(how: TextMatch, values: &[&str]) -> Vec<String> {
        let values = values.iter().map(|value| TextValue {
            bytes: value.as_bytes().to_vec(),
            span: Span::default(),
        });
        let kept = how.reduce(values.collect());
        kept.into_iter()
            .map(|value| String::from_utf8_lossy(&value.bytes).into_owned())
            .collect()
    }

    #[test]
    fn values_that_others_include_are_dropped() {
        assert_eq!(reduced(TextMatch::Equal, &["/b", "/a", "/b"]), ["/a", "/b"]);
        let prefixes = ["/etc/ssh", "/etc", "/e", "/x"];
        assert_eq!(reduced(TextMatch::Prefix, &prefixes), ["/e", "/x"]);
        let endings = ["b.so", ".so", ".conf"];
        assert_eq!(reduced(TextMatch::Postfix, &endings), [".conf", ".so"]);
    }
}

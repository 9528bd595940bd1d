//! The tree of a YAML document.

use super::scalar::Resolved;
use crate::diag::{Span, Spanned};

/// One document of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// `None` if the document is empty.
    pub root: Option<Node>,
    /// The first character of the document, for remarks about it as a whole.
    pub span: Span,
    /// Problems inside were reported: the tree is incomplete.
    pub faulty: bool,
}

/// A value with its place. A node behind an alias has the place of its anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Mapping),
    /// Already reported; whoever meets it keeps silent.
    Bad,
}

/// A single value.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text after unescaping; for plain scalars as written.
    pub text: String,
    /// What the text means where no type is expected.
    pub resolved: Resolved,
    /// Written without quotes, so that its type follows from its form.
    pub plain: bool,
}

/// Keys in the order they are written, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Spanned<String>,
    pub value: Node,
}

impl Mapping {
    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.value == key)
    }
}

impl Node {
    /// What the node is, for messages: `a list`, `the number 3`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) => scalar.describe(),
            Value::Sequence(_) => "a list".into(),
            Value::Mapping(_) => "a mapping".into(),
            Value::Bad => "an unreadable value".into(),
        }
    }
}

impl Scalar {
    /// The value as text, the way a conversion to JSON writes it: `0x10` gives `16`.
    pub fn json_text(&self) -> String {
        match self.resolved {
            Resolved::Bool(value) => value.to_string(),
            Resolved::Int(value) => value.to_string(),
            Resolved::Float(value) => value.to_string(),
            Resolved::Null | Resolved::Text => self.text.clone(),
        }
    }

    fn describe(&self) -> String {
        let shown = abbreviated(&self.text);
        match self.resolved {
            Resolved::Null => "empty".into(),
            Resolved::Bool(value) if shown == value.to_string() => format!("the boolean `{shown}`"),
            Resolved::Bool(value) => format!("the boolean {value} (YAML reads `{shown}` so)"),
            Resolved::Int(_) | Resolved::Float(_) => format!("the number `{shown}`"),
            Resolved::Text => format!("the text `{shown}`"),
        }
    }
}

/// The text, cut after 40 characters.
fn abbreviated(text: &str) -> String {
    let one_line = text.trim_end().replace(['\n', '\r'], " ");
    if one_line.chars().count() <= 40 {
        return one_line;
    }
    let start: String = one_line.chars().take(39).collect();
    format!("{start}…")
}

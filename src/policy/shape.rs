//! What every record of the language takes, as data: made from the types that decode it.
//!
//! The JSON Schema is written from it, and [`uses`] finds which fields and words a policy uses.

use super::model::{self, Policy};
use crate::diag::{Sink, Sources, Span};
use crate::yaml::{self, Node, Value};

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Bool,
    /// A whole number, at least and at most.
    Whole(i128, i128),
    /// One of some words.
    Word(Vec<&'static str>),
    List(Box<Shape>),
    /// Free keys.
    Map(Box<Shape>),
    /// By its name.
    Record(&'static str),
}

/// A record of the language.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// As messages name it.
    pub(super) name: &'static str,
    /// A sentence.
    pub(super) doc: &'static str,
    pub(super) fields: Vec<Field>,
}

/// A field of a record.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
    /// An empty value counts as absent.
    pub(super) nullable: bool,
}

/// A field or word that a policy uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The record, as messages name it.
    pub record: &'static str,
    pub field: &'static str,
    /// The value of the field, if it is a text.
    pub word: Option<String>,
    /// The field's name, or the word.
    pub span: Span,
    /// The field with its value.
    pub whole: Span,
}

/// Every field and word that a policy uses, in the order of the text.
pub fn uses(policy: &Policy, sources: &Sources) -> Vec<Use> {
    let text = sources.text(policy.file);
    let documents = yaml::parse(policy.file, text, &mut Sink::new());
    let mut roots = documents
        .iter()
        .filter_map(|document| document.root.as_ref());
    let root = roots.find(|root| root.span == policy.span);
    let mut walk = Walk {
        records: model::shapes(),
        uses: Vec::new(),
    };
    if let Some(Value::Mapping(mapping)) = root.map(|root| &root.value) {
        if let Some(spec) = mapping.get("spec") {
            walk.value(&spec.value, &Shape::Record("spec"));
        }
        if let Some(kind) = mapping.get("kind") {
            walk.word("policy", "kind", &kind.value, kind.value.span);
        }
    }
    walk.uses
        .sort_by_key(|used| (used.span.start, used.span.end));
    walk.uses
}

struct Walk {
    records: Vec<Record>,
    uses: Vec<Use>,
}

impl Walk {
    fn value(&mut self, node: &Node, shape: &Shape) {
        match (shape, &node.value) {
            (Shape::Record(name), _) => self.record(node, name),
            (Shape::List(of), Value::Sequence(items)) => {
                items.iter().for_each(|item| self.value(item, of));
            }
            (Shape::Map(of), Value::Mapping(mapping)) => {
                mapping
                    .entries
                    .iter()
                    .for_each(|entry| self.value(&entry.value, of));
            }
            _ => {}
        }
    }

    fn record(&mut self, node: &Node, name: &str) {
        let Value::Mapping(mapping) = &node.value else {
            return;
        };
        let Some(record) = self
            .records
            .iter()
            .find(|record| record.name == name)
            .cloned()
        else {
            return;
        };
        for field in &record.fields {
            let Some(entry) = mapping.get(field.name) else {
                continue;
            };
            let whole = Span {
                end: entry.value.span.end.max(entry.key.span.end),
                ..entry.key.span
            };
            self.uses.push(Use {
                record: record.name,
                field: field.name,
                word: None,
                span: entry.key.span,
                whole,
            });
            self.word(record.name, field.name, &entry.value, whole);
            self.value(&entry.value, &field.shape);
        }
    }

    fn word(&mut self, record: &'static str, field: &'static str, node: &Node, whole: Span) {
        if let Value::Scalar(scalar) = &node.value {
            self.uses.push(Use {
                record,
                field,
                word: Some(scalar.text.clone()),
                span: node.span,
                whole,
            });
        }
    }
}

//! Keys of a mapping: conversion to text, duplicates, merge keys.
//!
//! `<<` merges as Kubernetes does it: a key may come from the mapping itself or from
//! one merged mapping, never from both.

use std::collections::BTreeMap;

use super::scalar::Resolved;
use super::template::placeholder;
use super::tree::{Entry, Node, Value};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};

/// A key waiting for its value.
pub(super) enum Key {
    Text(Spanned<String>),
    /// `<<`, unquoted.
    Merge(Span),
    /// Reported; its value is dropped.
    Bad,
}

/// The entries of a mapping under construction.
#[derive(Default)]
pub(super) struct Keys {
    entries: Vec<Entry>,
    /// Where each key came from.
    places: BTreeMap<String, Place>,
    /// A key was left out because it is no text.
    broken: bool,
}

impl Keys {
    /// The entries; `None` if nothing but unreadable keys was found.
    pub(super) fn into_entries(self) -> Option<Vec<Entry>> {
        (!self.broken || !self.entries.is_empty()).then_some(self.entries)
    }

    /// Adds an entry that stands in the mapping itself.
    pub(super) fn insert(&mut self, key: Spanned<String>, value: Node, sink: &mut Sink) {
        let place = Place {
            span: key.span,
            merged: false,
        };
        self.put(place, key, value, sink);
    }

    fn put(&mut self, place: Place, key: Spanned<String>, value: Node, sink: &mut Sink) {
        match self.places.get(&key.value) {
            Some(&first) => sink.push(duplicate(&key.value, first, place)),
            None => {
                self.places.insert(key.value.clone(), place);
                self.entries.push(Entry { key, value });
            }
        }
    }

    /// Takes over the entries of the mapping, or mappings, given to `<<`.
    pub(super) fn merge(&mut self, at: Span, value: Node, sink: &mut Sink) {
        match value.value {
            Value::Mapping(mapping) => self.merge_entries(at, mapping.entries, sink),
            Value::Sequence(items) => {
                for item in items {
                    match item.value {
                        Value::Mapping(mapping) => self.merge_entries(at, mapping.entries, sink),
                        Value::Bad => {}
                        _ => sink.push(not_mergeable(at, &item)),
                    }
                }
            }
            Value::Bad => {}
            Value::Scalar(_) => sink.push(not_mergeable(at, &value)),
        }
    }

    fn merge_entries(&mut self, at: Span, entries: Vec<Entry>, sink: &mut Sink) {
        for Entry { key, value } in entries {
            let place = Place {
                span: at,
                merged: true,
            };
            self.put(place, Spanned::new(key.value, at), value, sink);
        }
    }
}

/// Where a key came from: its own place, or that of the `<<` that merged it.
#[derive(Clone, Copy)]
struct Place {
    span: Span,
    merged: bool,
}

fn duplicate(key: &str, first: Place, second: Place) -> Diagnostic {
    let origin = |place: Place, nth: &str| {
        if place.merged {
            format!("`{key}` is merged in here")
        } else {
            format!("{nth} time")
        }
    };
    let help = if first.merged || second.merged {
        "a merge cannot override; write the keys out"
    } else {
        "remove one of the two"
    };
    Diagnostic::error(
        code::DUPLICATE_KEY,
        format!("the key `{key}` is given twice"),
    )
    .at(second.span)
    .label(origin(second, "second"))
    .related(first.span, origin(first, "first"))
    .help(help)
}

fn not_mergeable(at: Span, node: &Node) -> Diagnostic {
    Diagnostic::error(
        code::YAML_UNSUPPORTED,
        format!("`<<` merges mappings, and this is {}", node.describe()),
    )
    .at(at)
    .help(
        "write an alias of a mapping: `<<: *name`; or quote the key if it is not meant as a merge",
    )
}

/// The text of a key, as the conversion to JSON writes it.
pub(super) fn as_key(node: Node, text: &str, keys: &mut Keys, sink: &mut Sink) -> Key {
    let Value::Scalar(scalar) = &node.value else {
        if !matches!(node.value, Value::Bad) {
            sink.push(collection_key(&node, text));
        }
        keys.broken = true;
        return Key::Bad;
    };
    let plain = scalar.plain;
    match scalar.resolved {
        Resolved::Text if plain && scalar.text == "<<" => Key::Merge(node.span),
        Resolved::Null => {
            let diagnostic =
                Diagnostic::error(code::YAML_UNSUPPORTED, "a key is empty").at(node.span);
            sink.push(diagnostic.help("write a name before the `:`"));
            Key::Bad
        }
        _ => Key::Text(Spanned::new(scalar.json_text(), node.span)),
    }
}

/// A list or mapping as key; most often `{{ … }}` of a template.
fn collection_key(node: &Node, text: &str) -> Diagnostic {
    let start = (node.span.start as usize).saturating_sub(1);
    let template = text
        .get(start..)
        .and_then(placeholder)
        .filter(|range| range.start == 0);
    match template {
        Some(range) => {
            let end = start.saturating_add(range.end);
            let span = Span {
                start: node.span.start - 1,
                end: u32::try_from(end).unwrap_or(u32::MAX),
                ..node.span
            };
            template_error(span)
        }
        None => Diagnostic::error(
            code::YAML_UNSUPPORTED,
            format!("a key is {}, not text", node.describe()),
        )
        .at(node.span)
        .help("write a text"),
    }
}

/// The file was not rendered by its templating tool.
pub(super) fn template_error(span: Span) -> Diagnostic {
    Diagnostic::error(code::TEMPLATE, "the file is a template, not YAML")
        .at(span)
        .label("a placeholder of a templating tool")
        .help("render it first, for example with `helm template CHART`, and pass the result as `-`")
}

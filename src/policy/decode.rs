//! From spanned YAML nodes to the records of the model.
//!
//! `record!` lists the fields; everything else follows from the types. A value that
//! does not decode is reported once and poisons its record, up to the next list whose items stand alone (filters,
//! actions, selectors, hooks): the item is left out and the rest of the policy is still decoded.

use super::model::{Named, records};
use super::shape::Shape;
use super::suggest::{advice, correction, nearest};
use super::words::Word;
use crate::diag::{Diagnostic, Edit, Fix, Sink, Span, Spanned, code};
use crate::yaml::{Entry, Mapping, Node, Resolved, Value, placeholder};

/// A type with a YAML form.
pub(crate) trait Decode: Sized {
    /// `field` names the value in messages. `None` means reported.
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self>;

    /// Like `decode`, but a list keeps its good items.
    fn decode_partly(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        Self::decode(node, field, sink)
    }

    /// The value of an absent field; `None` if it may not be absent.
    fn absent() -> Option<Self> {
        None
    }
}

/// A type of the language, which knows what it takes.
pub(super) trait Shaped: Decode {
    /// What `decode` takes.
    fn shape() -> Shape;
}

/// How a field departs from what its type says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    /// May not be absent although it is a list.
    Required,
    /// The schema has a default: an empty value counts as absent.
    Default,
    /// Items that do not decode are left out.
    Partly,
}

/// Declares the records of the model.
macro_rules! record {
    ($($(#[doc = $doc:literal])* $name:ident $what:literal {
        $($key:literal $([$mark:ident])? $field:ident: $type:ty,)*
    })*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $name {
                /// The whole record.
                pub span: Span,
                $(#[doc = concat!("`", $key, "`")] pub $field: $type,)*
            }

            impl Decode for $name {
                fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
                    let mut record = Record::of_language(node, field, $what, &[$($key),*], sink)?;
                    $(let $field: Option<$type> = record.field($key, record!(@mark $($mark)?));)*
                    Some(Self { span: node.span, $($field: $field?,)* })
                }
            }

            impl Shaped for $name {
                fn shape() -> Shape {
                    Shape::Record($what)
                }
            }
        )*

        /// What every record takes, from the types of its fields.
        pub(super) fn shapes() -> Vec<shape::Record> {
            vec![$(shape::Record {
                name: $what,
                doc: concat!($($doc),*),
                fields: vec![$({
                    let mark: Mark = record!(@mark $($mark)?);
                    shape::Field {
                        name: $key,
                        shape: <$type as Shaped>::shape(),
                        required: mark == Mark::Required || <$type as Decode>::absent().is_none(),
                        nullable: mark == Mark::Default,
                    }
                }),*],
            }),*]
        }

        /// Every record with its fields, to find where a misplaced field belongs.
        pub(super) fn records() -> &'static [(&'static str, &'static [&'static str])] {
            &[$(($what, &[$($key),*])),*]
        }
    };
    (@mark) => { Mark::None };
    (@mark required) => { Mark::Required };
    (@mark default) => { Mark::Default };
    (@mark partly) => { Mark::Partly };
}
pub(super) use record;

/// Says of a field that a record does not have it.
type Unknown = fn(&Spanned<String>, &str, &[&str]) -> Diagnostic;

/// A mapping that is taken apart.
pub(crate) struct Record<'a> {
    mapping: &'a Mapping,
    span: Span,
    what: &'static str,
    fields: &'a [&'a str],
    /// Whether names of fields in another case are those of the language's (see [`miscased_field`]).
    any_case: bool,
    sink: &'a mut Sink,
}

impl<'a> Record<'a> {
    /// Starts on a mapping; unknown fields are reported here.
    pub(crate) fn open(
        node: &'a Node,
        field: &str,
        what: &'static str,
        fields: &'a [&'a str],
        sink: &'a mut Sink,
    ) -> Option<Self> {
        Self::start(node, field, what, fields, (false, unknown_field), sink)
    }

    /// Starts on a mapping of a file that is no policy: nothing is said of the language's fields.
    pub(crate) fn of_another(
        node: &'a Node,
        field: &str,
        what: &'static str,
        fields: &'a [&'a str],
        sink: &'a mut Sink,
    ) -> Option<Self> {
        Self::start(node, field, what, fields, (false, no_field), sink)
    }

    /// Starts on a record of the language. Fields in the wrong case are reported when they are taken.
    pub(super) fn of_language(
        node: &'a Node,
        field: &str,
        what: &'static str,
        fields: &'a [&'a str],
        sink: &'a mut Sink,
    ) -> Option<Self> {
        Self::start(node, field, what, fields, (true, unknown_field), sink)
    }

    fn start(
        node: &'a Node,
        field: &str,
        what: &'static str,
        fields: &'a [&'a str],
        (any_case, unknown): (bool, Unknown),
        sink: &'a mut Sink,
    ) -> Option<Self> {
        let Value::Mapping(mapping) = &node.value else {
            wrong_type(node, field, "a mapping", sink);
            return None;
        };
        for entry in &mapping.entries {
            let name = entry.key.value.as_str();
            let known = fields.contains(&name) || any_case && in_other_case(name, fields);
            if !known {
                sink.push(unknown(&entry.key, what, fields));
            }
        }
        Some(Self {
            mapping,
            span: node.span,
            what,
            fields,
            any_case,
            sink,
        })
    }

    /// Takes a field; `None` if it is missing or bad, which is reported.
    pub(crate) fn field<T: Decode>(&mut self, key: &str, mark: Mark) -> Option<T> {
        let absent = |mark| {
            if mark == Mark::Required {
                None
            } else {
                T::absent()
            }
        };
        let exact = self.mapping.get(key);
        let required = absent(mark).is_none();
        let mapping = self.mapping;
        let miscased = mapping.entries.iter().find(|entry| {
            let name = entry.key.value.as_str();
            self.any_case && name != key && name.eq_ignore_ascii_case(key)
        });
        if let Some(entry) = miscased {
            // The schema wants what is required under its own name.
            let refused = exact.is_none() && required;
            self.sink.push(match refused {
                true => unknown_field(&entry.key, self.what, self.fields),
                false => miscased_field(&entry.key, key),
            });
            if exact.is_none() && !required {
                return decode_unseen(&entry.value, key, mark);
            }
        }
        if let Some(entry) = exact {
            return decode_field(&entry.value, key, mark, self.sink);
        }
        if let Some(entry) = misspelt(self.mapping, key, self.fields) {
            return self.decode_misspelt(&entry.value, key, mark);
        }
        absent(mark).or_else(|| {
            self.missing(key);
            None
        })
    }

    /// The value of a field that was reported as unknown: what is wrong within is still reported, but not
    /// that it is no value of the field that was probably meant.
    fn decode_misspelt<T: Decode>(&mut self, value: &Node, key: &str, mark: Mark) -> Option<T> {
        let mut said = Sink::new();
        let decoded = decode_field(value, key, mark, &mut said);
        for diagnostic in said.into_sorted() {
            if diagnostic.span != Some(value.span) {
                self.sink.push(diagnostic);
            }
        }
        decoded
    }

    /// Reports an absent field.
    fn missing(&mut self, key: &str) {
        let message = format!("the {} lacks `{key}`", self.what);
        let diagnostic = Diagnostic::error(code::MISSING_FIELD, message)
            .at(self.span)
            .help(format!("add a line `{key}: …`"));
        self.sink.push(diagnostic);
    }
}

/// The value of a field in the wrong case. Tetragon's schema does not look at it: its default counts, where it has one, and
/// what is wrong within was never asked for.
fn decode_unseen<T: Decode>(value: &Node, key: &str, mark: Mark) -> Option<T> {
    match mark {
        Mark::Default => T::absent(),
        _ => decode_field(value, key, mark, &mut Sink::new()).or_else(T::absent),
    }
}

fn decode_field<T: Decode>(node: &Node, key: &str, mark: Mark, sink: &mut Sink) -> Option<T> {
    let is_null = matches!(&node.value, Value::Scalar(s) if s.resolved == Resolved::Null);
    let field = format!("`{key}`");
    match mark {
        Mark::Default if is_null => T::absent(),
        Mark::Partly => T::decode_partly(node, &field, sink),
        _ => T::decode(node, &field, sink),
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        T::decode(node, field, sink).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Shaped> Shaped for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let items = items(node, field, sink)?;
        let field = item_field(field);
        // Every item is decoded, so that all problems are reported.
        let decoded: Vec<Option<T>> = items
            .iter()
            .map(|item| T::decode(item, &field, sink))
            .collect();
        decoded.into_iter().collect()
    }

    fn decode_partly(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let items = items(node, field, sink)?;
        let field = item_field(field);
        Some(
            items
                .iter()
                .filter_map(|item| T::decode(item, &field, sink))
                .collect(),
        )
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

impl<T: Shaped> Shaped for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

impl<T: Decode> Decode for Vec<Named<T>> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let Value::Mapping(mapping) = &node.value else {
            wrong_type(node, field, "a mapping", sink);
            return None;
        };
        let entry = |entry: &Entry| {
            let value = T::decode(&entry.value, &format!("`{}`", entry.key.value), sink)?;
            Some(Named {
                name: entry.key.clone(),
                value,
            })
        };
        let decoded: Vec<Option<Named<T>>> = mapping.entries.iter().map(entry).collect();
        decoded.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

impl<T: Shaped> Shaped for Vec<Named<T>> {
    fn shape() -> Shape {
        Shape::Map(Box::new(T::shape()))
    }
}

fn item_field(field: &str) -> String {
    format!("an entry of {field}")
}

fn items<'a>(node: &'a Node, field: &str, sink: &mut Sink) -> Option<&'a [Node]> {
    match &node.value {
        Value::Sequence(items) => Some(items),
        _ => {
            wrong_type(node, field, "a list", sink);
            None
        }
    }
}

impl Decode for Spanned<String> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.resolved == Resolved::Text => {
                if let Some(range) = placeholder(&scalar.text) {
                    let name = scalar.text.get(range).unwrap_or("");
                    sink.push(unrendered(node.span, name));
                }
                Some(Spanned::new(scalar.text.clone(), node.span))
            }
            _ => {
                wrong_type(node, field, "text", sink);
                None
            }
        }
    }
}

impl Shaped for Spanned<String> {
    fn shape() -> Shape {
        Shape::Text
    }
}

fn unrendered(span: Span, name: &str) -> Diagnostic {
    Diagnostic::warning(
        code::TEMPLATE,
        format!("`{name}` looks like a placeholder that was not filled in"),
    )
    .at(span)
    .label("taken literally")
    .help("render the file first (helm template, envsubst) and compile the result")
}

impl Decode for Spanned<bool> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) => match scalar.resolved {
                Resolved::Bool(value) => return Some(Spanned::new(value, node.span)),
                _ => wrong_type(node, field, "true or false", sink),
            },
            _ => wrong_type(node, field, "true or false", sink),
        }
        None
    }
}

impl Shaped for Spanned<bool> {
    fn shape() -> Shape {
        Shape::Bool
    }
}

impl<W: Word> Decode for Spanned<W> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let text = match &node.value {
            Value::Scalar(scalar) if scalar.resolved == Resolved::Text => &scalar.text,
            _ => {
                wrong_type(node, field, "text", sink);
                return None;
            }
        };
        if let Some(value) = W::parse(text) {
            return Some(Spanned::new(value, node.span));
        }
        let words: Vec<&str> = W::WORDS.iter().map(|&(word, _)| word).collect();
        let what = W::WHAT;
        let diagnostic = Diagnostic::error(code::UNKNOWN_WORD, format!("unknown {what} `{text}`"))
            .at(node.span)
            .help(advice(text, &words));
        sink.push(explain_template(text, node.span).unwrap_or(diagnostic));
        // Taken for the word that was probably meant, so that everything else is still judged.
        let meant = correction(text, &words).and_then(W::parse);
        meant.map(|value| Spanned::new(value, node.span))
    }
}

impl<W: Word> Shaped for Spanned<W> {
    fn shape() -> Shape {
        Shape::Word(W::WORDS.iter().map(|(word, _)| *word).collect())
    }
}

macro_rules! integers {
    ($($type:ty: $min:expr, $max:expr;)*) => {$(
        impl Decode for Spanned<$type> {

            fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
                let value = integer(node, field, $min.into(), $max.into(), sink)?;
                // In range: `integer` has checked it.
                <$type>::try_from(value).ok().map(|value| Spanned::new(value, node.span))
            }
        }

        impl Shaped for Spanned<$type> {
            fn shape() -> Shape {
                Shape::Whole($min.into(), $max.into())
            }
        }
    )*};
}

integers! {
    // The schema gives unsigned fields the formats int32 and int64.
    u32: 0, i32::MAX;
    u64: 0, i64::MAX;
    i32: i32::MIN, i32::MAX;
    i64: i64::MIN, i64::MAX;
}

fn integer(node: &Node, field: &str, min: i128, max: i128, sink: &mut Sink) -> Option<i128> {
    let number = match &node.value {
        Value::Scalar(scalar) => scalar.resolved,
        _ => Resolved::Text,
    };
    match number {
        Resolved::Int(value) if (min..=max).contains(&value) => return Some(value),
        Resolved::Int(value) => {
            let message = format!("{field} must lie between {min} and {max}, but is {value}");
            sink.push(Diagnostic::error(code::OUT_OF_RANGE, message).at(node.span));
        }
        Resolved::Float(value) if value.fract() == 0.0 => {
            let message = format!("{field} must lie between {min} and {max}");
            sink.push(Diagnostic::error(code::OUT_OF_RANGE, message).at(node.span));
        }
        _ => wrong_type(node, field, "a whole number", sink),
    }
    None
}

/// Reports a value of the wrong YAML type, with the way to write it.
pub(crate) fn wrong_type(node: &Node, field: &str, expected: &str, sink: &mut Sink) {
    if matches!(node.value, Value::Bad) {
        return;
    }
    if let Value::Scalar(scalar) = &node.value
        && let Some(template) = explain_template(&scalar.text, node.span)
    {
        return sink.push(template);
    }
    let message = format!("{field} must be {expected}, but is {}", node.describe());
    let diagnostic = Diagnostic::error(code::WRONG_TYPE, message).at(node.span);
    sink.push(match how_to_write(node, expected) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    });
}

fn how_to_write(node: &Node, expected: &str) -> Option<String> {
    if let Value::Scalar(scalar) = &node.value {
        let text = &scalar.text;
        return match (expected, scalar.resolved) {
            (_, Resolved::Null) => Some("give it a value, or delete the line".into()),
            ("text", _) => Some(format!("put it in quotes: \"{text}\"")),
            ("a list", _) => Some(format!("write a list: [{}]", quoted(text, scalar.resolved))),
            ("a whole number", Resolved::Text) if is_number(text) => {
                Some(format!("remove the quotes: {text}"))
            }
            ("true or false", Resolved::Text) if ["true", "false"].contains(&text.as_str()) => {
                Some(format!("remove the quotes: {text}"))
            }
            _ => None,
        };
    }
    match (expected, &node.value) {
        ("a list", Value::Mapping(_)) => Some("start each entry of the list with `- `".into()),
        ("a mapping", Value::Sequence(_)) => Some("remove the `- ` before its fields".into()),
        (_, Value::Sequence(items)) if items.len() == 1 => {
            Some("write the value without `[ ]` or `- `".into())
        }
        _ => None,
    }
}

fn quoted(text: &str, resolved: Resolved) -> String {
    match resolved {
        Resolved::Text => format!("\"{text}\""),
        _ => text.to_owned(),
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<i64>().is_ok()
}

/// If the text is a placeholder, that is the problem.
pub(super) fn explain_template(text: &str, span: Span) -> Option<Diagnostic> {
    let name = text.get(placeholder(text)?)?;
    let message = format!("`{name}` is a placeholder that was not filled in");
    let help = "render the file first (helm template, envsubst) and compile the result";
    Some(
        Diagnostic::error(code::TEMPLATE, message)
            .at(span)
            .help(help),
    )
}

/// Whether the mapping has an unknown key for which `key` was suggested.
pub(super) fn is_misspelt(mapping: &Mapping, key: &str, fields: &[&str]) -> bool {
    misspelt(mapping, key, fields).is_some()
}

/// An unknown key for which `key` was suggested.
fn misspelt<'a>(mapping: &'a Mapping, key: &str, fields: &[&str]) -> Option<&'a Entry> {
    mapping.entries.iter().find(|entry| {
        let name = entry.key.value.as_str();
        !fields.contains(&name) && correction(name, fields) == Some(key)
    })
}

/// Whether a name is that of a field but for its case.
fn in_other_case(name: &str, fields: &[&str]) -> bool {
    fields.iter().any(|field| field.eq_ignore_ascii_case(name))
}

/// Reports a field whose name differs from the language's only in case: Tetragon decodes it, unseen by its schema.
pub(super) fn miscased_field(key: &Spanned<String>, field: &str) -> Diagnostic {
    let name = key.value.as_str();
    let message = format!(
        "`{name}` is `{field}` in the wrong case: Tetragon takes it, and does not check or complete what it holds"
    );
    let diagnostic = Diagnostic::error(code::MISCASED_FIELD, message)
        .at(key.span)
        .help(format!("write `{field}`"));
    match letters(key) {
        Some(span) => {
            let text = field.to_owned();
            diagnostic.fix(Fix::safe(
                format!("write `{field}`"),
                vec![Edit { span, text }],
            ))
        }
        None => diagnostic,
    }
}

/// The place of a key without its quotes; `None` where it is written with escapes.
fn letters(key: &Spanned<String>) -> Option<Span> {
    let (len, span) = (u32::try_from(key.value.len()).ok()?, key.span);
    let quotes = (span.end - span.start).checked_sub(len)?;
    let inner = Span {
        start: span.start + quotes / 2,
        end: span.end - quotes / 2,
        ..span
    };
    matches!(quotes, 0 | 2).then_some(inner)
}

/// Reports a field that its record does not have.
pub(super) fn unknown_field(key: &Spanned<String>, what: &str, fields: &[&str]) -> Diagnostic {
    let name = key.value.as_str();
    let owners: Vec<&str> = records()
        .iter()
        .filter(|(_, fields)| fields.contains(&name))
        .map(|&(what, _)| what)
        .collect();
    let error = no_field(key, what, fields);
    match (nearest(name, fields), owners.as_slice()) {
        (None, [_, ..]) => error.help(format!(
            "`{name}` is a field of the {}",
            join_unique(&owners)
        )),
        _ => error,
    }
}

fn no_field(key: &Spanned<String>, what: &str, fields: &[&str]) -> Diagnostic {
    let name = key.value.as_str();
    let message = format!("the {what} has no field `{name}`");
    Diagnostic::error(code::UNKNOWN_FIELD, message)
        .at(key.span)
        .help(advice(name, fields))
}

fn join_unique(words: &[&str]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for word in words {
        if !unique.contains(word) {
            unique.push(word);
        }
    }
    unique.join(" or the ")
}

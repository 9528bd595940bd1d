//! Records of test files: one table gives the type, its decoder and its JSON Schema.
//!
//! Decoding is that of policies ([`Decode`]): every problem is reported once, with its place. A [`Shape`] also knows the schema of
//! what it decodes, so that the two cannot drift apart.

use serde_json::{Map, Value as Json, json};

use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::policy::{Decode, Named, wrong_type};
use crate::yaml::{Node, Resolved, Value};

/// A type with a YAML form and a schema of it.
pub(super) trait Shape: Decode {
    fn schema() -> Json;
}

/// Declares records.
macro_rules! shape {
    ($($(#[$meta:meta])* $name:ident $what:literal {
        $($(#[doc = $doc:literal])* $key:literal $([$mark:ident])? $field:ident: $type:ty,)*
    })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq)]
            pub(super) struct $name {
                $($(#[doc = $doc])* pub(super) $field: $type,)*
            }

            impl crate::policy::Decode for $name {
                fn decode(
                    node: &crate::yaml::Node,
                    field: &str,
                    sink: &mut crate::diag::Sink,
                ) -> Option<Self> {
                    let mut record = crate::policy::Record::of_another(node, field, $what, &[$($key),*], sink)?;
                    $(let $field: Option<$type> = record.field($key, shape!(@mark $($mark)?));)*
                    Some(Self { $($field: $field?,)* })
                }
            }

            impl crate::testing::shape::Shape for $name {
                fn schema() -> serde_json::Value {
                    crate::testing::shape::record(vec![$((
                        $key,
                        concat!($($doc),*),
                        <$type as crate::testing::shape::Shape>::schema(),
                        shape!(@required $type $(, $mark)?),
                    )),*])
                }
            }
        )*
    };
    (@mark) => { crate::policy::Mark::None };
    (@mark required) => { crate::policy::Mark::Required };
    (@required $type:ty) => { <$type as crate::policy::Decode>::absent().is_none() };
    (@required $type:ty, $mark:ident) => { true };
}
pub(super) use shape;

/// The schema of a record from its fields: key, description, schema, whether it is required.
pub(super) fn record(fields: Vec<(&'static str, &'static str, Json, bool)>) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (key, doc, mut schema, is_required) in fields {
        if let (Json::Object(schema), false) = (&mut schema, doc.is_empty()) {
            schema.insert("description".to_owned(), doc.trim().into());
        }
        properties.insert(key.to_owned(), schema);
        if is_required {
            required.push(key);
        }
    }
    let mut schema =
        json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// One of several forms.
pub(super) fn any_of(forms: impl IntoIterator<Item = Json>) -> Json {
    json!({"anyOf": forms.into_iter().collect::<Vec<_>>()})
}

impl<T: Shape> Shape for Option<T> {
    fn schema() -> Json {
        T::schema()
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }
}

impl<T: Shape> Shape for Vec<Named<T>> {
    fn schema() -> Json {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

impl Shape for Spanned<String> {
    fn schema() -> Json {
        json!({"type": "string"})
    }
}

impl Shape for Spanned<bool> {
    fn schema() -> Json {
        json!({"type": "boolean"})
    }
}

impl Shape for Spanned<u32> {
    fn schema() -> Json {
        json!({"type": "integer", "minimum": 0, "maximum": i32::MAX})
    }
}

/// A user or a group: any number of 32 bits. That of nobody is the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

impl From<Id> for u32 {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl Decode for Spanned<Id> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let Some(number) = whole(node) else {
            wrong_type(node, field, "a whole number", sink);
            return None;
        };
        let id = u32::try_from(number).ok().map(Id);
        if id.is_none() {
            let message = format!(
                "{field} must lie between 0 and {}, but is {number}",
                u32::MAX
            );
            sink.push(Diagnostic::error(code::OUT_OF_RANGE, message).at(node.span));
        }
        id.map(|id| Self::new(id, node.span))
    }
}

impl Shape for Spanned<Id> {
    fn schema() -> Json {
        json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
    }
}

/// A list that is not empty where it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entries<T>(Vec<T>);

impl<T> std::ops::Deref for Entries<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Decode> Decode for Entries<T> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        if matches!(&node.value, Value::Sequence(items) if items.is_empty()) {
            let message = format!("{field} is an empty list: the case makes no call");
            let error = Diagnostic::error(code::BAD_TEST, message).at(node.span);
            sink.push(error.help("add an entry, or remove the field"));
            return None;
        }
        Vec::decode(node, field, sink).map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self(Vec::new()))
    }
}

impl<T: Shape> Shape for Entries<T> {
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema(), "minItems": 1})
    }
}

/// A whole number.
fn whole(node: &Node) -> Option<i128> {
    match &node.value {
        Value::Scalar(scalar) => match scalar.resolved {
            Resolved::Int(number) => Some(number),
            _ => None,
        },
        _ => None,
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<T: Decode> Decode for Many<T> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        if matches!(node.value, Value::Sequence(_)) {
            return Vec::decode(node, field, sink).map(Self);
        }
        T::decode(node, field, sink).map(|one| Self(vec![one]))
    }
}

impl<T: Shape> Shape for Many<T> {
    fn schema() -> Json {
        any_of([T::schema(), Vec::<T>::schema()])
    }
}

/// A value whose meaning depends on the policy: decoded where that is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raw(pub(super) Node);

impl Decode for Raw {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let all = match &node.value {
            Value::Sequence(values) => values.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for value in all {
            let is_value = match &value.value {
                Value::Scalar(scalar) => {
                    !matches!(scalar.resolved, Resolved::Bool(_) | Resolved::Float(_))
                }
                Value::Mapping(_) => match super::value::has_a_form(value, field, sink) {
                    true => true,
                    false => return None,
                },
                Value::Sequence(_) | Value::Bad => false,
            };
            if !is_value {
                wrong_type(
                    value,
                    field,
                    "text, a whole number, empty or a mapping",
                    sink,
                );
                return None;
            }
        }
        Some(Self(node.clone()))
    }
}

impl Shape for Raw {
    fn schema() -> Json {
        super::value::schema()
    }
}

/// Whether a node is empty: `null`, `~` or nothing.
pub(super) fn is_null(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.resolved == Resolved::Null)
}

/// A text, or a report of what it is instead.
pub(super) fn text<'a>(node: &'a Node, field: &str, sink: &mut Sink) -> Option<&'a str> {
    match &node.value {
        Value::Scalar(scalar) if scalar.resolved == Resolved::Text => Some(&scalar.text),
        _ => {
            wrong_type(node, field, "text", sink);
            None
        }
    }
}

//! The envelope of a policy: which documents are policies, and their metadata.

use super::decode::{
    Decode, Mark, Record, Shaped, explain_template, is_misspelt, miscased_field, unknown_field,
    wrong_type,
};
use super::model::{Policy, Spec};
use super::names;
use super::shape::Shape;
use super::suggest::{choice, nearest};
use super::words::{Kind, Word};
use crate::diag::{Diagnostic, FileId, Sink, Sources, Span, Spanned, code};
use crate::yaml::{self, Document, Mapping, Node, Resolved, Value};

/// The version of the language that policies are written in.
pub const API_VERSION: &str = "cilium.io/v1alpha1";

const VERSION: &str = "apiVersion";
const TOP_LEVEL: &[&str] = &[VERSION, "kind", "metadata", "spec"];

/// `ObjectMeta` of Kubernetes 1.34.
pub(super) const METADATA: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Decodes every policy of a file.
///
/// Documents of other kinds are skipped with a note; a file may yield nothing
/// without an error. A policy with problems is still returned where its envelope
/// could be read, marked `incomplete`, so that later stages can add what they find.
pub fn decode(file: FileId, sources: &Sources, sink: &mut Sink) -> Vec<Policy> {
    let documents = yaml::parse(file, sources.text(file), sink);
    documents
        .iter()
        .enumerate()
        .filter_map(|(number, document)| policy(file, number, document, sink))
        .collect()
}

fn policy(file: FileId, number: usize, document: &Document, sink: &mut Sink) -> Option<Policy> {
    let root = document.root.as_ref()?;
    let Value::Mapping(mapping) = &root.value else {
        if !matches!(root.value, Value::Bad) {
            sink.push(skipped(
                root.span,
                &format!("a document that is {}", root.describe()),
            ));
        }
        return None;
    };
    let errors_before = sink.errors();
    let kind = kind(mapping, root.span, sink)?;
    for entry in &mapping.entries {
        let name = entry.key.value.as_str();
        if !TOP_LEVEL.contains(&name) {
            sink.push(match in_other_case(name, mapping) {
                Some(field) => miscased_field(&entry.key, field),
                None => unknown_field(&entry.key, "policy", TOP_LEVEL),
            });
        }
    }
    let api_version = api_version(mapping, kind.span, sink);
    let metadata = metadata(mapping, kind, sink);
    let errors_before_spec = sink.errors();
    let spec = spec(mapping, kind.span, sink);
    let spec_incomplete = document.faulty || sink.errors() > errors_before_spec;
    let incomplete = document.faulty || sink.errors() > errors_before;
    let (name, namespace) = metadata?;
    Some(Policy {
        span: root.span,
        file,
        document: number,
        api_version,
        kind,
        name,
        namespace,
        spec: spec?,
        incomplete,
        spec_incomplete,
    })
}

/// The field that Tetragon takes a name in another case for. Its schema requires all but the version under their own names.
fn in_other_case(name: &str, mapping: &Mapping) -> Option<&'static str> {
    let mut fields = TOP_LEVEL.iter().copied();
    let field = fields.find(|field| field.eq_ignore_ascii_case(name))?;
    (field == VERSION || mapping.get(field).is_some()).then_some(field)
}

fn skipped(span: Span, what: &str) -> Diagnostic {
    Diagnostic::note(code::SKIPPED, format!("{what} was skipped")).at(span)
}

/// The kind, if the document is a policy; otherwise says that it was skipped, or that
/// a policy was probably meant.
fn kind(mapping: &Mapping, root: Span, sink: &mut Sink) -> Option<Spanned<Kind>> {
    let looks_like_policy = version_of(mapping) == Some(API_VERSION);
    let Some(entry) = mapping.get("kind") else {
        sink.push(if looks_like_policy {
            Diagnostic::error(code::MISSING_FIELD, "the document lacks `kind`")
                .at(root)
                .help("add a line `kind: TracingPolicy`")
        } else {
            skipped(root, "a document without `kind`")
        });
        return None;
    };
    let Value::Scalar(scalar) = &entry.value.value else {
        wrong_type(&entry.value, "`kind`", "text", sink);
        return None;
    };
    if let Some(kind) = Kind::parse(&scalar.text).filter(|_| scalar.resolved == Resolved::Text) {
        return Some(Spanned::new(kind, entry.value.span));
    }
    if scalar.text == "List" && lists_policies(mapping) {
        let message =
            "the policies of a `List` are not looked at, and Tetragon does not load it from a file";
        let diagnostic = Diagnostic::warning(code::UNKNOWN_KIND, message).at(entry.value.span);
        sink.push(
            diagnostic.help("write each policy as a document of its own, after a line `---`"),
        );
        return None;
    }
    let words: Vec<&str> = Kind::WORDS.iter().map(|&(word, _)| word).collect();
    let near = nearest(&scalar.text, &words);
    sink.push(
        if near.is_some() || looks_like_policy && scalar.resolved != Resolved::Text {
            Diagnostic::error(
                code::UNKNOWN_KIND,
                format!("unknown kind `{}`", scalar.text),
            )
            .at(entry.value.span)
            .help(near.map_or_else(
                || format!("write {}", choice(&words)),
                |near| format!("did you mean `{near}`?"),
            ))
        } else {
            skipped(
                entry.value.span,
                &format!("a document of kind `{}`", scalar.text),
            )
        },
    );
    None
}

/// Whether one of the items of a `List` is a policy.
fn lists_policies(mapping: &Mapping) -> bool {
    let is_policy = |item: &Node| {
        let Value::Mapping(item) = &item.value else {
            return false;
        };
        let kind = item.get("kind").map(|entry| &entry.value.value);
        matches!(kind, Some(Value::Scalar(kind)) if Kind::parse(&kind.text).is_some())
    };
    match mapping.get("items").map(|entry| &entry.value.value) {
        Some(Value::Sequence(items)) => items.iter().any(is_policy),
        _ => false,
    }
}

fn version_of(mapping: &Mapping) -> Option<&str> {
    match &mapping.get("apiVersion")?.value.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// Tetragon's file loader ignores the version, Kubernetes does not.
fn api_version(mapping: &Mapping, kind: Span, sink: &mut Sink) -> Option<Spanned<String>> {
    let Some(entry) = mapping.get("apiVersion") else {
        if is_misspelt(mapping, VERSION, TOP_LEVEL) {
            return None;
        }
        let diagnostic =
            Diagnostic::warning(code::UNKNOWN_KIND, "the policy lacks `apiVersion`").at(kind);
        sink.push(diagnostic.help(format!(
            "add a line `apiVersion: {API_VERSION}`; Kubernetes refuses the policy without"
        )));
        return None;
    };
    let version = Spanned::<String>::decode(&entry.value, "`apiVersion`", sink)?;
    if version.value != API_VERSION {
        let message = format!("unknown API version `{}`", version.value);
        sink.push(
            Diagnostic::warning(code::UNKNOWN_KIND, message)
                .at(version.span)
                .label(format!("read as `{API_VERSION}`"))
                .help(format!("write `apiVersion: {API_VERSION}`")),
        );
    }
    Some(version)
}

fn spec(mapping: &Mapping, kind: Span, sink: &mut Sink) -> Option<Spec> {
    match mapping.get("spec") {
        Some(entry) => Spec::decode(&entry.value, "`spec`", sink),
        None if is_misspelt(mapping, "spec", TOP_LEVEL) => None,
        None => {
            let diagnostic =
                Diagnostic::error(code::MISSING_FIELD, "the policy lacks `spec`").at(kind);
            sink.push(
                diagnostic.help("add `spec:` with the hooks of the policy, for example `kprobes:`"),
            );
            None
        }
    }
}

type Identity = (Spanned<String>, Option<Spanned<String>>);

fn metadata(mapping: &Mapping, kind: Spanned<Kind>, sink: &mut Sink) -> Option<Identity> {
    let Some(entry) = mapping.get("metadata") else {
        if is_misspelt(mapping, "metadata", TOP_LEVEL) {
            return None;
        }
        let diagnostic =
            Diagnostic::error(code::MISSING_FIELD, "the policy lacks `metadata`").at(kind.span);
        sink.push(diagnostic.help("add `metadata:` with a `name:`"));
        return None;
    };
    let mut record = Record::open(&entry.value, "`metadata`", "metadata", METADATA, sink)?;
    let name: Option<Name> = record.field("name", Mark::None);
    let namespace: Option<Option<Name>> = record.field("namespace", Mark::Default);
    let labels: Option<Option<Labels>> = record.field("labels", Mark::Default);
    let annotations: Option<Option<Labels>> = record.field("annotations", Mark::Default);
    for (key, value) in labels.flatten().into_iter().flat_map(|labels| labels.0) {
        check_name(&key, "label key", names::qualified, sink);
        check_name(&value, "label value", names::label_value, sink);
    }
    for (key, _) in annotations
        .flatten()
        .into_iter()
        .flat_map(|annotations| annotations.0)
    {
        check_name(&key, "annotation key", names::annotation, sink);
    }
    if let Some(name) = &name {
        check_name(&name.0, "policy name", names::subdomain, sink);
    }
    let namespace = namespace?
        .map(|name| name.0)
        .filter(|name| !name.value.is_empty());
    let misspelt = matches!(&entry.value.value, Value::Mapping(metadata) if is_misspelt(metadata, "namespace", METADATA));
    if !misspelt {
        scope(kind, namespace.as_ref(), sink);
    }
    Some((name?.0, namespace))
}

/// A namespace belongs to the namespaced kind, and only to it.
fn scope(kind: Spanned<Kind>, namespace: Option<&Spanned<String>>, sink: &mut Sink) {
    match (kind.value, namespace) {
        (Kind::TracingPolicy, Some(namespace)) => sink.push(
            Diagnostic::error(code::BAD_METADATA, "a TracingPolicy has no namespace")
                .at(namespace.span)
                .related(kind.span, "this kind applies to the whole cluster")
                .help("delete the line, or write `kind: TracingPolicyNamespaced`"),
        ),
        (Kind::TracingPolicyNamespaced, None) => sink.push(
            Diagnostic::error(
                code::BAD_METADATA,
                "a TracingPolicyNamespaced needs a namespace",
            )
            .at(kind.span)
            .label("this kind applies to one namespace")
            .help("add `namespace: NAME` to `metadata`, or write `kind: TracingPolicy`"),
        ),
        (_, Some(namespace)) => check_name(namespace, "namespace", names::label, sink),
        (_, None) => {}
    }
}

type Rule = fn(&str) -> Result<(), &'static str>;

fn check_name(name: &Spanned<String>, what: &str, rule: Rule, sink: &mut Sink) {
    let Err(why) = rule(&name.value) else { return };
    if let Some(template) = explain_template(&name.value, name.span) {
        return sink.push(template);
    }
    let mut diagnostic = Diagnostic::error(
        code::BAD_METADATA,
        format!("`{}` is no valid {what}", name.value),
    )
    .at(name.span)
    .label(why);
    if let ("policy name", Some(better)) = (what, names::suggestion(&name.value)) {
        diagnostic = diagnostic.help(format!("write `{better}`"));
    }
    sink.push(diagnostic);
}

/// A text of the metadata, where numbers and booleans count as text.
struct Name(Spanned<String>);

impl Decode for Name {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.resolved != Resolved::Null => {
                let text = scalar.json_text();
                if scalar.resolved != Resolved::Text && text != scalar.text {
                    sink.push(reread(node.span, &scalar.text, &text));
                }
                Some(Self(Spanned::new(text, node.span)))
            }
            _ => {
                wrong_type(node, field, "text", sink);
                None
            }
        }
    }
}

/// YAML takes some words and numbers for something else than what is written.
fn reread(span: Span, written: &str, read: &str) -> Diagnostic {
    let message = format!("`{written}` is read as `{read}`");
    let help = format!("put it in quotes: \"{written}\"");
    Diagnostic::warning(code::BAD_METADATA, message)
        .at(span)
        .help(help)
}

impl Shaped for Name {
    fn shape() -> Shape {
        Shape::Text
    }
}

/// Labels or annotations.
struct Labels(Vec<(Spanned<String>, Spanned<String>)>);

impl Decode for Labels {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let Value::Mapping(mapping) = &node.value else {
            wrong_type(node, field, "a mapping", sink);
            return None;
        };
        let pair = |entry: &yaml::Entry| {
            let value = Name::decode(&entry.value, &format!("`{}`", entry.key.value), sink)?;
            Some((entry.key.clone(), value.0))
        };
        Some(Self(mapping.entries.iter().filter_map(pair).collect()))
    }
}

impl Shaped for Labels {
    fn shape() -> Shape {
        Shape::Map(Box::new(Shape::Text))
    }
}

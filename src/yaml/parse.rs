//! Parser events to trees.
//!
//! The tree is built on an explicit stack, so depth costs no machine stack; the
//! parser bounds it at [`MAX_DEPTH`]. Aliases are expanded by copying, and the sum of
//! all copies is bounded by [`MAX_NODES`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag, options};

use super::keys::{Key, Keys, as_key};
use super::scalar::{Resolved, resolve};
use super::syntax;
use super::tree::{Document, Mapping, Node, Scalar, Value};
use crate::diag::{Diagnostic, FileId, Sink, Span, code};

/// Deepest nesting of collections; a policy needs about a dozen levels.
pub(super) const MAX_DEPTH: usize = 200;

/// Most nodes of a file after expansion of its aliases; 64 bytes of text count as one.
const MAX_NODES: usize = 1 << 19;

/// Reads every document of a text. Documents with a syntax error are reported and
/// left out.
pub fn parse(file: FileId, text: &str, sink: &mut Sink) -> Vec<Document> {
    let options = options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder {
        file,
        text,
        sink,
        documents: Vec::new(),
        current: None,
        nodes: 0,
    };
    loop {
        match parser.next_event() {
            Some(Ok((event, span))) => {
                if builder.event(event, &span).is_err() {
                    break;
                }
            }
            Some(Err(error)) => {
                builder.syntax_error(&error);
                if !resume(&mut parser) {
                    break;
                }
            }
            None => break,
        }
    }
    builder.documents
}

/// Goes on with the next document after a syntax error.
fn resume<'a>(parser: &mut Parser<'a, StrInput<'a>>) -> bool {
    parser.proceed_next_document().unwrap_or(false)
}

/// The file is too large to go on.
struct TooLarge;

struct Builder<'a> {
    file: FileId,
    text: &'a str,
    sink: &'a mut Sink,
    documents: Vec<Document>,
    current: Option<Open>,
    /// Nodes so far, with those copied by aliases.
    nodes: usize,
}

/// The document under construction.
struct Open {
    span: Span,
    errors_before: usize,
    root: Option<Node>,
    stack: Vec<Frame>,
    /// Finished anchored nodes; `None` while the node is still open.
    anchors: BTreeMap<usize, Option<(Node, usize)>>,
}

/// A collection under construction.
struct Frame {
    start: u32,
    end: u32,
    anchor: usize,
    /// Nodes of the file before this one, to weigh an anchored node.
    nodes_before: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { keys: Keys, pending: Option<Key> },
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &granit_parser::Span) -> Result<(), TooLarge> {
        let span = self.span(span);
        match event {
            Event::DocumentStart(..) => self.open(span),
            Event::DocumentEnd => self.close(),
            Event::Scalar(text, style, anchor, tag) => {
                let weight = 1 + text.len() / 64;
                self.count(weight, span)?;
                let node = self.scalar(text, style, tag.as_deref(), span);
                self.define(anchor, &node, weight);
                self.add(node);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.push(span, anchor, Content::Sequence(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Mapping {
                    keys: Keys::default(),
                    pending: None,
                };
                self.push(span, anchor, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.pop(span)?,
            Event::Alias(id) => self.alias(id, span)?,
            Event::UnresolvedAlias(name) => {
                let message = format!("the alias `*{name}` has no anchor `&{name}` before it");
                self.sink
                    .push(Diagnostic::error(code::SYNTAX, message).at(span));
                self.add(Node {
                    value: Value::Bad,
                    span,
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Byte range of a parser span; the parser reads from a string, so it has one.
    fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        let offset = |at: usize| u32::try_from(at.min(self.text.len())).unwrap_or(u32::MAX);
        Span {
            file: self.file,
            start: offset(range.start),
            end: offset(range.end),
        }
    }

    fn open(&mut self, span: Span) {
        self.current = Some(Open {
            span,
            errors_before: self.sink.errors(),
            root: None,
            stack: Vec::new(),
            anchors: BTreeMap::new(),
        });
    }

    fn close(&mut self) {
        let Some(open) = self.current.take() else {
            return;
        };
        let faulty = self.sink.errors() > open.errors_before;
        let empty =
            |node: &Node| matches!(&node.value, Value::Scalar(s) if s.plain && s.text.is_empty());
        let root = open.root.filter(|root| !empty(root));
        self.documents.push(Document {
            root,
            span: open.span,
            faulty,
        });
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), TooLarge> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        self.current = None;
        let message =
            format!("the file has more than {MAX_NODES} values once its aliases are expanded");
        self.sink.push(
            Diagnostic::error(code::YAML_LIMIT, message)
                .at(span)
                .label("the limit is reached here"),
        );
        Err(TooLarge)
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Node {
        let plain = style == ScalarStyle::Plain;
        // The parser shows a missing value as `~`.
        let text = if plain && span.start == span.end {
            String::new()
        } else {
            text.into_owned()
        };
        let resolved = match tag
            .and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"))
            .as_deref()
        {
            Some("str") => Resolved::Text,
            Some("binary") => {
                let message = "the tag `!!binary` is not supported";
                let help = "write the text itself, in double quotes with escapes where needed";
                self.sink.push(
                    Diagnostic::error(code::YAML_UNSUPPORTED, message)
                        .at(span)
                        .help(help),
                );
                return Node {
                    value: Value::Bad,
                    span,
                };
            }
            Some(_) => resolve(&text),
            None if plain => resolve(&text),
            None => Resolved::Text,
        };
        Node {
            value: Value::Scalar(Scalar {
                text,
                resolved,
                plain,
            }),
            span,
        }
    }

    fn define(&mut self, anchor: usize, node: &Node, weight: usize) {
        if let (Some(open), true) = (&mut self.current, anchor != 0) {
            open.anchors.insert(anchor, Some((node.clone(), weight)));
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), TooLarge> {
        let anchored = self
            .current
            .as_ref()
            .and_then(|open| open.anchors.get(&id).cloned());
        let node = match anchored {
            Some(Some((node, weight))) => {
                self.count(weight, span)?;
                node
            }
            _ => {
                let message = "an alias stands inside the value it refers to";
                self.sink
                    .push(Diagnostic::error(code::YAML_UNSUPPORTED, message).at(span));
                Node {
                    value: Value::Bad,
                    span,
                }
            }
        };
        self.add(node);
        Ok(())
    }

    fn push(&mut self, span: Span, anchor: usize, content: Content) -> Result<(), TooLarge> {
        let nodes_before = self.nodes;
        self.count(1, span)?;
        if let Some(open) = &mut self.current {
            if anchor != 0 {
                open.anchors.insert(anchor, None);
            }
            let frame = Frame {
                start: span.start,
                end: span.end,
                anchor,
                nodes_before,
                content,
            };
            open.stack.push(frame);
        }
        Ok(())
    }

    fn pop(&mut self, end: Span) -> Result<(), TooLarge> {
        let Some(frame) = self.current.as_mut().and_then(|open| open.stack.pop()) else {
            return Ok(());
        };
        // The end of a block collection has no text of its own.
        let end = if end.start < end.end {
            end.end
        } else {
            frame.end
        };
        let span = Span {
            file: self.file,
            start: frame.start,
            end,
        };
        let value = match frame.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { keys, .. } => match keys.into_entries() {
                Some(entries) => Value::Mapping(Mapping { entries }),
                None => Value::Bad,
            },
        };
        let node = Node { value, span };
        if frame.anchor != 0 {
            let weight = self.nodes.saturating_sub(frame.nodes_before);
            self.count(weight, span)?;
            self.define(frame.anchor, &node, weight);
        }
        self.add(node);
        Ok(())
    }

    /// Puts a finished node where the document stands.
    fn add(&mut self, mut node: Node) {
        let Some(open) = &mut self.current else {
            return;
        };
        let Some(frame) = open.stack.last_mut() else {
            open.root = Some(node);
            return;
        };
        if node.span.start >= frame.start {
            frame.end = frame.end.max(node.span.end);
        }
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { pending, keys } => match pending.take() {
                None => {
                    let key = as_key(node, self.text, keys, self.sink);
                    *pending = Some(key);
                }
                Some(Key::Text(key)) => {
                    if node.span.start == node.span.end {
                        // A missing value: remarks about it point at its key.
                        node.span = key.span;
                    }
                    keys.insert(key, node, self.sink);
                }
                Some(Key::Merge(at)) => keys.merge(at, node, self.sink),
                Some(Key::Bad) => {}
            },
        }
    }

    fn syntax_error(&mut self, error: &ScanError) {
        self.current = None;
        self.sink.push(syntax::explain(self.file, self.text, error));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Value;
    use super::*;
    use crate::diag::{Sources, render};

    /// The first document as JSON-like text, or the problems.
    fn read(text: &str) -> String {
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let file = sources.add("f", text);
        let documents = parse(file, text, &mut sink);
        if !sink.is_empty() {
            return render::concise(&sink.into_sorted(), &sources);
        }
        let root = documents.into_iter().find_map(|document| document.root);
        root.map_or("nothing".into(), |root| show(&root))
    }

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) => match scalar.resolved {
                Resolved::Text => format!("{:?}", scalar.text),
                other => format!("{other:?}"),
            },
            Value::Sequence(items) => {
                let items: Vec<_> = items.iter().map(show).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Mapping(mapping) => {
                let entry = |entry: &super::super::tree::Entry| {
                    format!("{}: {}", entry.key.value, show(&entry.value))
                };
                let entries: Vec<_> = mapping.entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(", "))
            }
            Value::Bad => "BAD".into(),
        }
    }

    #[test]
    fn styles_and_types() {
        let text = "a: [1, '1', \"x\\ty\", yes]\nb:\n- c: |\n    l1\n    l2\n  d: >-\n    f1\n    f2\ne:\n1: !!str 2\non: ~\n";
        assert_eq!(
            read(text),
            r#"{a: [Int(1), "1", "x\ty", Bool(true)], b: [{c: "l1\nl2\n", d: "f1 f2"}], e: Null, 1: "2", true: Null}"#
        );
        assert_eq!(
            read("{\"a\": [1, 2,], 'b': {}}"),
            "{a: [Int(1), Int(2)], b: {}}"
        );
        assert_eq!(read("# nothing\n---\n...\n"), "nothing");
        assert_eq!(read(""), "nothing");
    }

    #[test]
    fn aliases_and_merges() {
        assert_eq!(
            read("a: &x {k: [1]}\nb: *x\nc: {<<: *x, l: 2}\nd: {<<: [*x, {m: 3}]}\n"),
            "{a: {k: [Int(1)]}, b: {k: [Int(1)]}, c: {k: [Int(1)], l: Int(2)}, d: {k: [Int(1)], m: Int(3)}}"
        );
        assert_eq!(
            read("a: &x 1\nb: &x 2\nc: *x\n"),
            "{a: Int(1), b: Int(2), c: Int(2)}"
        );
        assert_eq!(read("\"<<\": 1"), "{<<: Int(1)}");
    }

    #[test]
    fn duplicate_keys_by_any_way() {
        for text in [
            "a: 1\n'a': 2\n",
            "true: 1\non: 2\n",
            "{x: &x {k: 1}, y: {k: 2, <<: *x}}",
            "1: a\n0x1: b\n",
        ] {
            assert!(read(text).contains("TPC0004"), "{text}");
        }
        let merged_twice = read("a: &a {k: 1}\nb: &b {k: 2}\nc: {<<: [*a, *b]}\n");
        assert!(merged_twice.contains("is merged in here"), "{merged_twice}");
    }

    #[test]
    fn alias_bombs_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let previous = format!("*a{}", level - 1);
            let items = [previous.as_str(); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(read(&text).contains("TPC0007"));
        let long = format!(
            "a: &a {}\nb: [{}]\n",
            "x".repeat(1 << 16),
            ["*a"; 1000].join(", ")
        );
        assert!(read(&long).contains("TPC0007"), "text counts too");
    }

    #[test]
    fn depth_is_bounded() {
        let flow = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let block = "- ".repeat(10_000);
        for text in [flow, block] {
            assert!(read(&text).contains("error[TPC0007]: the values are nested too deeply"));
        }
        let fine = format!("{}{}", "[".repeat(150), "]".repeat(150));
        assert!(read(&fine).starts_with("[[["));
    }

    #[test]
    fn spans_point_at_what_was_written() {
        let text = "a:\n  b: 'q'\n  c:\nd: [x]\n";
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let file = sources.add("f", text);
        let documents = parse(file, text, &mut sink);
        let Some(Node {
            value: Value::Mapping(root),
            span,
        }) = &documents[0].root
        else {
            panic!("a mapping")
        };
        assert_eq!(sources.slice(*span), text.trim_end());
        let Value::Mapping(a) = &root.entries[0].value.value else {
            panic!("a mapping")
        };
        assert_eq!(sources.slice(root.entries[0].value.span), "b: 'q'\n  c");
        assert_eq!(sources.slice(a.entries[0].value.span), "'q'");
        assert_eq!(
            sources.slice(a.entries[1].value.span),
            "c",
            "a missing value stands at its key"
        );
        assert_eq!(sources.slice(root.entries[1].value.span), "[x]");
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next() {
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let text = "a: [1\n---\nb: 2\n---\nc: {\n---\nd: 4\n";
        let file = sources.add("f", text);
        let documents = parse(file, text, &mut sink);
        let shown: Vec<_> = documents
            .iter()
            .filter_map(|d| d.root.as_ref())
            .map(show)
            .collect();
        assert_eq!(shown, ["{b: Int(2)}", "{d: Int(4)}"]);
        assert_eq!(sink.errors(), 2);
    }
}

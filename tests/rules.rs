//! The examples in the documentation of the lint rules, and what every rule has in common.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use tpc::diag::{Applicability, Diagnostic, Severity, Sources, render};
use tpc::lint::{Example, Group, Level, Levels, Node, RULES, Rule, Settings, explain, fix, lint};
use tpc::policy::history::Release;

static DEBIAN_12: LazyLock<Arc<Node>> = LazyLock::new(|| {
    let facts = tpc::facts::shipped("debian-12").expect("ships");
    Arc::new(Node {
        name: "debian-12".to_owned(),
        facts: facts.expect("facts"),
    })
});

/// Everything as it is by default, and the rule on.
fn settings(rule: &Rule) -> Settings {
    let mut levels = Levels::default();
    if rule.level == Level::Off {
        levels.set(rule.name, Level::Warning).expect("a rule");
    }
    let mut settings = Settings {
        levels,
        nodes: match rule.group {
            // These judge where no kernel is named.
            Group::Kernel if rule.name.starts_with("unknown-") => Vec::new(),
            Group::Kernel => vec![DEBIAN_12.clone()],
            _ => Vec::new(),
        },
        ..Settings::default()
    };
    settings.aim(rule.targets.first().copied());
    if rule.name == "unknown-to-release" {
        settings.fit(Release::parse("1.6"));
    }
    settings
}

fn run(text: &str, settings: &Settings) -> (Vec<Diagnostic>, Sources) {
    let mut sources = Sources::new();
    let file = sources.add("f.yaml", text);
    (lint(file, &sources, settings).diagnostics, sources)
}

/// Fails with everything that was found.
#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn bad_examples_fire_their_rule_alone_where_it_is_marked() {
    let each = RULES.iter().filter_map(|rule| bad_example(rule).err());
    none(&each.collect::<Vec<_>>());
}

fn bad_example(rule: &Rule) -> Result<(), String> {
    let example = Example::new(rule.docs.bad);
    let (found, sources) = run(&example.text, &settings(rule));
    let said = render::concise(&found, &sources);
    let wrong = |what: &str| Err(format!("{}: {what}\n{said}", rule.name));
    if found.is_empty() || found.iter().any(|one| one.code != rule.code) {
        return wrong("fires nothing, or not alone");
    }
    let places = found.iter().filter_map(|one| one.span);
    let places: Vec<_> = places
        .map(|span| span.start as usize..span.end as usize)
        .collect();
    if places != example.marks {
        return wrong("marks other places");
    }
    for one in &found {
        let level = settings(rule).levels.of(rule).severity();
        if Some(one.severity) != level || one.help.is_none() || one.message.ends_with('.') {
            return wrong("has another level, no help, or a period");
        }
    }
    Ok(())
}

#[test]
fn good_examples_are_clean() {
    let mut problems = Vec::new();
    for rule in RULES {
        let example = Example::new(rule.docs.good);
        assert!(example.marks.is_empty(), "{}", rule.name);
        let (found, sources) = run(&example.text, &settings(rule));
        if !found.is_empty() {
            problems.push(format!(
                "{}:\n{}",
                rule.name,
                render::concise(&found, &sources)
            ));
        }
    }
    none(&problems);
}

#[test]
fn a_comment_silences_every_rule() {
    let mut problems = Vec::new();
    // The rules about comments cannot be silenced by one.
    for rule in RULES.iter().filter(|rule| rule.code.0 < 2900) {
        let example = Example::new(rule.docs.bad);
        let mut texts: Vec<String> = [rule.name.to_owned(), rule.code.to_string()]
            .iter()
            .map(|name| format!("# tpc: ignore-file[{name}] wanted\n{}", example.text))
            .collect();
        // One comment silences what begins on its line; those of the example are on several.
        let mut lines: Vec<usize> = example
            .marks
            .iter()
            .map(|mark| line_of(&example.text, mark.start))
            .collect();
        lines.dedup();
        let mut text = example.text.clone();
        for line in lines.into_iter().rev() {
            text.insert_str(line, &format!("# tpc: ignore[{}] wanted\n", rule.code));
        }
        texts.push(text);
        for text in texts {
            let (found, sources) = run(&text, &settings(rule));
            if !found.is_empty() {
                problems.push(render::concise(&found, &sources));
            }
        }
    }
    none(&problems);
}

/// Where the line of a place begins.
fn line_of(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// Settings under which only the rule speaks. Those about comments need the others.
fn alone(rule: &Rule) -> Settings {
    let mut settings = settings(rule);
    if rule.code.0 >= 2900 {
        return settings;
    }
    let level = settings.levels.of(rule);
    settings.levels.layer();
    settings.levels.set("all", Level::Off).expect("a name");
    settings.levels.set(rule.name, level).expect("a rule");
    settings
}

/// The value that a text stands for, without places and layout.
fn meaning(text: &str) -> String {
    let mut sink = tpc::diag::Sink::new();
    let mut sources = Sources::new();
    let file = sources.add("f", text);
    let documents = tpc::yaml::parse(file, text, &mut sink);
    assert!(
        !sink.has_errors(),
        "{}\n{text}",
        render::concise(&sink.into_sorted(), &sources)
    );
    let roots = documents.iter().filter_map(|one| one.root.as_ref());
    roots.map(shown).collect::<Vec<_>>().join("\n")
}

fn shown(node: &tpc::yaml::Node) -> String {
    use tpc::yaml::Value;
    match &node.value {
        Value::Scalar(scalar) => format!("{:?}", scalar.json_text()),
        Value::Sequence(items) => format!(
            "[{}]",
            items.iter().map(shown).collect::<Vec<_>>().join(",")
        ),
        Value::Mapping(mapping) => {
            let entry =
                |entry: &tpc::yaml::Entry| format!("{}:{}", entry.key.value, shown(&entry.value));
            format!(
                "{{{}}}",
                mapping
                    .entries
                    .iter()
                    .map(entry)
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        Value::Bad => "bad".to_owned(),
    }
}

/// Rules whose example has a fix, with whether it is unsafe.
static FIXABLE: LazyLock<Vec<(&'static Rule, bool)>> = LazyLock::new(|| {
    let with_fix = |rule: &&'static Rule| {
        let (found, _) = run(&Example::new(rule.docs.bad).text, &settings(rule));
        let fix = found.into_iter().find_map(|one| one.fix)?;
        Some((*rule, fix.applicability == Applicability::Unsafe))
    };
    RULES.iter().filter_map(with_fix).collect()
});

#[test]
fn fixes_repair_the_examples() {
    assert!(FIXABLE.len() >= 8, "{FIXABLE:?}");
    for &(rule, is_unsafe) in FIXABLE.iter() {
        let bad = Example::new(rule.docs.bad).text;
        let untouched = fix::fix("f.yaml", &bad, &alone(rule), false);
        assert_eq!(untouched.count == 0, is_unsafe, "{}", rule.name);
        let fixed = fix::fix("f.yaml", &bad, &alone(rule), true);
        let (found, sources) = run(&fixed.text, &alone(rule));
        assert!(found.is_empty(), "{}", render::concise(&found, &sources));
        assert!(!meaning(&fixed.text).is_empty());
        let again = fix::fix("f.yaml", &fixed.text, &alone(rule), true);
        assert_eq!(again.text, fixed.text, "{}", rule.name);
        let mentions = ["tpc lint --fix", "in its place"];
        assert!(
            mentions.iter().any(|text| rule.docs.fix.contains(text)),
            "{}: the page does not say that there is a fix",
            rule.name
        );
    }
}

#[test]
fn every_page_is_whole() {
    for code in explain::codes() {
        let about = explain::about(code);
        assert!(
            about.page.ends_with('\n') && about.page.lines().count() > 5,
            "{code}"
        );
        assert!(!about.page.contains('«'), "{code}");
    }
}

/// A way to lay a YAML value out.
#[derive(Clone, Debug)]
struct Style {
    /// Chosen in turn for each collection: flow or block.
    flow: Vec<bool>,
    /// Chosen in turn for each text: plain, single or double quotes.
    quotes: Vec<u8>,
    /// Chosen in turn for each line: a comment behind it.
    comments: Vec<bool>,
    indented: bool,
    crlf: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    let choices = |probability| prop::collection::vec(prop::bool::weighted(probability), 7..40);
    (
        choices(0.25),
        prop::collection::vec(0u8..3, 5..20),
        choices(0.3),
        any::<bool>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(flow, quotes, comments, indented, crlf)| Style {
            flow,
            quotes,
            comments,
            indented,
            crlf,
        })
}

/// Writes a tree in a style.
struct Writer<'a> {
    style: &'a Style,
    out: String,
    collections: usize,
    scalars: usize,
    lines: usize,
    written: Vec<String>,
}

impl<'a> Writer<'a> {
    fn write(nodes: &[tpc::yaml::Node], style: &'a Style) -> (String, Vec<String>) {
        let mut writer = Self {
            style,
            out: String::new(),
            collections: 0,
            scalars: 0,
            lines: 0,
            written: Vec::new(),
        };
        for (number, node) in nodes.iter().enumerate() {
            if number > 0 {
                writer.out.push_str("---");
                writer.end_line();
            }
            writer.block(node, 0);
        }
        let text = match style.crlf {
            true => writer.out.replace('\n', "\r\n"),
            false => writer.out,
        };
        (text, writer.written)
    }

    fn next(choices: &[bool], at: &mut usize) -> bool {
        *at += 1;
        choices[*at % choices.len()]
    }

    fn end_line(&mut self) {
        if Self::next(&self.style.comments, &mut self.lines) {
            let comment = format!("# comment {}", self.lines);
            self.out.push(' ');
            self.out.push_str(&comment);
            self.written.push(comment);
        }
        self.out.push('\n');
    }

    fn scalar(&mut self, scalar: &tpc::yaml::Scalar) {
        let text = &scalar.text;
        self.scalars += 1;
        let quote = self.style.quotes[self.scalars % self.style.quotes.len()];
        let needs = text.is_empty() || text.contains([':', '*', '#', '[', ',']);
        let is_text = scalar.resolved == tpc::yaml::Resolved::Text;
        let looks_other = !scalar.plain;
        let shown = match quote {
            _ if !is_text => text.clone(),
            0 if !needs && !looks_other => text.clone(),
            1 => format!("'{text}'"),
            _ => format!("\"{text}\""),
        };
        self.out.push_str(&shown);
    }

    fn flow(&mut self, node: &tpc::yaml::Node) {
        use tpc::yaml::Value;
        match &node.value {
            Value::Scalar(scalar) => self.scalar(scalar),
            Value::Sequence(items) => {
                self.out.push('[');
                for (number, item) in items.iter().enumerate() {
                    self.out.push_str(if number > 0 { ", " } else { "" });
                    self.flow(item);
                }
                self.out.push(']');
            }
            Value::Mapping(mapping) => {
                self.out.push('{');
                for (number, entry) in mapping.entries.iter().enumerate() {
                    self.out.push_str(if number > 0 { ", " } else { "" });
                    self.out.push_str(&format!("{}: ", entry.key.value));
                    self.flow(&entry.value);
                }
                self.out.push('}');
            }
            Value::Bad => panic!("examples have no bad values"),
        }
    }

    fn is_flow(&mut self, node: &tpc::yaml::Node) -> bool {
        use tpc::yaml::Value;
        match &node.value {
            Value::Scalar(_) => true,
            Value::Sequence(_) | Value::Mapping(_) => {
                Self::next(&self.style.flow, &mut self.collections)
            }
            Value::Bad => true,
        }
    }

    /// Writes a collection whose first line is indented already.
    fn block(&mut self, node: &tpc::yaml::Node, column: usize) {
        use tpc::yaml::Value;
        match &node.value {
            Value::Mapping(mapping) => {
                for (number, entry) in mapping.entries.iter().enumerate() {
                    if number > 0 {
                        self.out.push_str(&" ".repeat(column));
                    }
                    self.out.push_str(&format!("{}:", entry.key.value));
                    self.below(&entry.value, column);
                }
            }
            Value::Sequence(items) => {
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        self.out.push_str(&" ".repeat(column));
                    }
                    self.out.push_str("- ");
                    if self.is_flow(item) {
                        self.flow(item);
                        self.end_line();
                    } else {
                        self.block(item, column + 2);
                    }
                }
            }
            _ => {
                self.flow(node);
                self.end_line();
            }
        }
    }

    fn below(&mut self, value: &tpc::yaml::Node, column: usize) {
        if self.is_flow(value) {
            self.out.push(' ');
            self.flow(value);
            self.end_line();
            return;
        }
        self.end_line();
        let sequence = matches!(value.value, tpc::yaml::Value::Sequence(_));
        let column = column
            + if sequence && !self.style.indented {
                0
            } else {
                2
            };
        self.out.push_str(&" ".repeat(column));
        self.block(value, column);
    }
}

fn trees(text: &str) -> Vec<tpc::yaml::Node> {
    let mut sink = tpc::diag::Sink::new();
    let documents = tpc::yaml::parse(tpc::diag::FileId(0), text, &mut sink);
    documents.into_iter().filter_map(|one| one.root).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    /// However a policy is laid out, a fix makes the same of it as of the example, and keeps the comments.
    #[test]
    fn fixes_do_not_depend_on_layout(style in styles()) {
        // Comments are laid out anew: their rules are about layout.
        for (rule, _) in FIXABLE.iter().copied().filter(|(rule, _)| rule.code.0 < 2900) {
            let bad = Example::new(rule.docs.bad).text;
            let expected = meaning(&fix::fix("f.yaml", &bad, &alone(rule), true).text);
            let (text, comments) = Writer::write(&trees(&bad), &style);
            prop_assert_eq!(meaning(&text), meaning(&bad), "the test writes another policy:\n{}", text);
            let (found, _) = run(&text, &alone(rule));
            prop_assert_eq!(found.len(), Example::new(rule.docs.bad).marks.len());
            let has_fix = found.iter().all(|one| one.fix.is_some());
            let fixed = fix::fix("f.yaml", &text, &alone(rule), true);
            if has_fix {
                prop_assert_eq!(meaning(&fixed.text), expected, "{} of\n{}\nmade\n{}", rule.name, text, fixed.text);
            } else {
                prop_assert_eq!(&fixed.text, &text);
            }
            for comment in comments {
                prop_assert!(fixed.text.contains(&comment), "{} lost {comment} of\n{text}\n{}", rule.name, fixed.text);
            }
        }
    }
}

#[test]
fn at_least_is_an_order() {
    use Severity::{Error, Note, Warning};
    let at_least = tpc::lint::at_least;
    assert!(at_least(Error, Warning) && at_least(Warning, Warning) && !at_least(Note, Warning));
}

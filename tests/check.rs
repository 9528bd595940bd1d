//! What is said about policies that decode, but are wrong or beyond what tpc compiles.
//!
//! Each `golden/check/NAME.yaml` is about one theme and has the rendered diagnostics beside it. What goes beyond
//! Tetragon's limits, and what is asked of a node, is in `golden/limits.snap` and `golden/questions.snap`.

#[path = "shared/golden.rs"]
mod golden;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::sync::Mutex;

use tpc::check::{Judged, facts, limits};
use tpc::diag::{Code, Diagnostic, Sink, Sources, Span, code, render};

/// Everything that is said about a text.
fn diagnose(name: &str, bytes: &[u8]) -> (Vec<Diagnostic>, Sources) {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    if let Some(file) = tpc::yaml::text(name, bytes, &mut sources, &mut sink) {
        for policy in tpc::policy::decode(file, &sources, &mut sink) {
            let errors = sink.errors();
            let checked = tpc::check::check(&policy, &mut sink);
            let sound = sink.errors() == errors && !policy.incomplete;
            assert_eq!(checked.is_some(), sound, "{}", policy.name.value);
        }
    }
    (sink.into_sorted(), sources)
}

#[test]
fn refused_policies() {
    let seen: Mutex<BTreeSet<Code>> = Mutex::default();
    golden::golden("check", |name, bytes| {
        let (diagnostics, sources) = diagnose(name, bytes);
        let codes = diagnostics.iter().map(|one| one.code);
        seen.lock().expect("one thread").extend(codes);
        for one in &diagnostics {
            assert!(
                one.span.is_some() && one.help.is_some(),
                "{name}: {}",
                one.message
            );
        }
        render::human(&diagnostics, &sources, false)
    });
    let seen = seen.into_inner().expect("one thread");
    let all = code::TABLE.iter().map(|entry| entry.code);
    let missing: Vec<Code> = all
        .filter(|code| code.0 / 1000 == 1 && !seen.contains(code))
        .collect();
    assert_eq!(missing, [], "every code of this stage has a golden input");
}

/// Compares what is said of the judged policies of a golden input, a line for each place.
fn lines(name: &str, say: impl Fn(&Judged<'_>) -> Vec<(String, Span)>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bytes = std::fs::read(directory.join(name).with_extension("yaml")).expect("an input");
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text(name, &bytes, &mut sources, &mut sink).expect("a text");
    let mut lines = String::new();
    for policy in tpc::policy::decode(file, &sources, &mut sink) {
        let judged = tpc::check::language(&policy, &mut sink);
        for (what, span) in say(&judged) {
            let line = sources.line_col(span).line;
            let text: String = sources.slice(span).chars().take(40).collect();
            writeln!(lines, "{line:3}  {what}  `{}`", text.escape_debug()).expect("a String grows");
        }
    }
    assert_eq!(sink.into_sorted(), [], "the policies are of the language");
    insta::with_settings!({
        snapshot_path => &directory,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, lines);
    });
}

#[test]
fn places_beyond_tetragons_limits() {
    lines("limits", |judged| {
        let excesses = limits::exceeded(judged).into_iter();
        let line = |excess: limits::Excess| {
            let limit = excess.limit;
            let bound = limit
                .bound
                .map_or(String::new(), |bound| format!(" {bound}"));
            let what = format!(
                "{}{bound}: {} ({:?})",
                limit.name, excess.found, limit.effect
            );
            (what, excess.span)
        };
        excesses.map(line).collect()
    });
}

#[test]
fn what_is_asked_of_a_node() {
    lines("questions", |judged| {
        let questions = facts::questions(judged).into_iter();
        let line = |question: facts::Question<'_>| {
            let optional = if question.optional { "if there: " } else { "" };
            (format!("{optional}{:?}", question.about), question.span)
        };
        questions.map(line).collect()
    });
}

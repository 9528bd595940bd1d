//! Policies: whatever the bytes of a file are, there is a bundle or a diagnostic inside the file.

use tpc::check::{facts, limits};
use tpc::diag::{Sink, Sources, Span, render};

/// Longer files make slow runs, not new ways.
const MAX: usize = 8192;

/// A policy compiles or has an error; diagnostics lie inside the file.
pub fn run(bytes: &[u8]) {
    if bytes.len() > MAX {
        return;
    }
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text("f.yaml", bytes, &mut sources, &mut sink);
    let policies = file.map(|file| tpc::policy::decode(file, &sources, &mut sink));
    for policy in policies.iter().flatten() {
        let before = sink.errors();
        let compiled = tpc::compile::compile(policy, &sources, &mut sink).is_some();
        assert_eq!(compiled, sink.errors() == before && !policy.incomplete);
        let judged = tpc::check::language(policy, &mut Sink::new());
        let excesses = limits::exceeded(&judged).into_iter().map(|one| one.span);
        let questions = facts::questions(&judged).into_iter().map(|one| one.span);
        excesses
            .chain(questions)
            .for_each(|span| inside(span, &sources));
    }
    let diagnostics = sink.into_sorted();
    for diagnostic in &diagnostics {
        diagnostic
            .span
            .iter()
            .for_each(|span| inside(*span, &sources));
        diagnostic
            .related
            .iter()
            .for_each(|(span, _)| inside(*span, &sources));
    }
    render::human(&diagnostics, &sources, false);
    render::json(&render::Report::new(&diagnostics, &sources));
}

fn inside(span: Span, sources: &Sources) {
    let text = sources
        .text(span.file)
        .get(span.start as usize..span.end as usize);
    assert!(text.is_some(), "{span:?} is not a part of the file");
}

//! What is said about policies that decode, but are wrong or beyond what tpc compiles.
//!
//! Each `golden/check/NAME.yaml` is about one theme and has the rendered diagnostics beside it.

#[path = "shared/golden.rs"]
mod golden;

use std::collections::BTreeSet;
use std::sync::Mutex;

use tpc::diag::{Code, Diagnostic, Sink, Sources, code, render};

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

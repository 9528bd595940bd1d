//! Whatever the bytes of a file are, the front end answers with diagnostics that lie
//! inside the file; it never panics.

use proptest::prelude::*;
use tpc::diag::{Sink, Sources, render};

const SEED: &str = include_str!("golden/diag/types.yaml");

/// Reads the bytes as a file and checks everything that is said about them.
fn read(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text("f.yaml", bytes, &mut sources, &mut sink);
    let policies = file.map(|file| tpc::policy::decode(file, &sources, &mut sink));
    let faulty = sink.has_errors();
    let diagnostics = sink.into_sorted();
    for diagnostic in &diagnostics {
        for span in diagnostic
            .span
            .iter()
            .chain(diagnostic.related.iter().map(|(span, _)| span))
        {
            let text = sources.text(span.file);
            prop_assert!(span.start <= span.end && span.end as usize <= text.len());
            prop_assert!(text.is_char_boundary(span.start as usize));
            prop_assert!(text.is_char_boundary(span.end as usize));
        }
    }
    let lines = render::concise(&diagnostics, &sources).lines().count();
    prop_assert_eq!(lines, diagnostics.len());
    render::human(&diagnostics, &sources, false);
    render::json(&diagnostics, &sources);
    if policies
        .into_iter()
        .flatten()
        .any(|policy| policy.incomplete)
    {
        prop_assert!(faulty, "a policy is incomplete only if the sink says why");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes)?;
    }

    #[test]
    fn any_yaml_like_text(text in r#"([\[\]{}:,&*?|>!%@"'#\-~. \n\tab0é<]|---\n|kind: TracingPolicy\n|spec:\n|\$\{A\}){0,60}"#) {
        read(text.as_bytes())?;
    }

    #[test]
    fn a_mutated_policy(
        cuts in prop::collection::vec((0..SEED.len(), 0..20usize, r#"[\[\]{}:,&*?|>!"'# \n\ta0é-]{0,3}"#), 1..6)
    ) {
        let mut bytes = SEED.as_bytes().to_vec();
        for (at, length, insert) in cuts {
            let start = at.min(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, insert.bytes());
        }
        read(&bytes)?;
    }
}

//! Whatever the bytes of a file are, the compiler answers with a bundle or with diagnostics that lie
//! inside the file; it never panics. The same goes for what is said of limits and of nodes.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use tpc::check::{facts, limits};
use tpc::diag::{Diagnostic, FileId, Sink, Sources, Span, render};
use tpc::lint::{self, Settings, Target};
use tpc::policy::history::Release;
use tpc::testing;

const SEED: &str = include_str!("golden/diag/types.yaml");

/// A policy that compiles.
const GOOD: &str = r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: good}
spec:
  options: [{name: policy-mode, value: enforce}]
  kprobes:
  - call: security_file_permission
    syscall: false
    return: true
    returnArg: {index: 0, type: int}
    message: a message
    tags: [one]
    args:
    - {index: 0, type: file}
    - {index: 1, type: int, label: mask}
    - {index: 2, type: char_buf, sizeArgIndex: 2}
    selectors:
    - matchArgs:
      - {index: 0, operator: Prefix, values: [/etc/, /root]}
      - {args: [1], operator: InMap, values: ["1:9", "-5"]}
      - {index: 2, operator: NotPostfix, values: ["a\0"]}
      matchBinaries: [{operator: NotIn, values: [/usr/bin/cat]}]
      matchPIDs: [{operator: NotIn, values: [1], followForks: true}]
      matchNamespaces: [{namespace: Net, operator: In, values: [host_ns, "7"]}]
      matchCapabilities: [{operator: In, values: [CAP_BPF]}]
      matchActions: [{action: Override, argError: -1}, {action: Post, rateLimit: 5m}]
    - matchReturnArgs: [{operator: LT, values: ["0"]}]
  - call: tcp_connect
    syscall: false
    args: [{index: 0, type: sock}]
    selectors:
    - matchArgs:
      - {index: 0, operator: NotDAddr, values: [10.0.0.0/8, "::1"]}
      - {index: 0, operator: DPort, values: ["1024:65535"]}
      - {index: 0, operator: Protocol, values: [IPPROTO_TCP]}
      matchActions: [{action: Signal, argSig: 15}]
"#;

/// Policies of every section, as rich as the language allows.
const SECTIONS: &str = include_str!("golden/questions.yaml");

/// A policy with a finding of most rules, and comments.
const SMELLY: &str = r#"# tpc: ignore-file[later-document] one file on purpose
apiVersion: cilium.io/v1
kind: TracingPolicy
metadata: {name: smelly}
spec:
  lists:
  - {name: calls, type: generated_syscalls, validated: true}
  - name: calls
    values: [sys_read, sys_read] # twice
  kprobes:
  - call: sys_openat # tpc: ignore[TPC2401, unused] why
    args: [{index: 1, type: string}]
    selectors:
    - matchPIDs:
      - {operator: In, values: [1, 2, 3, 4, 5]}
      - {operator: NotIn, values: [7]}
      matchArgs:
      - index: 1
        operator: Prefix
        values:
        - /etc/
        - "/etc/ssh"
      matchActions:
      - action: Sigkill
      - action: Post
        rateLimitScope: global
    - {}
    - matchBinaries: [{operator: In, values: [/bin/sh, /usr/bin/cat]}]
      matchActions: [{action: Override}, {action: Signal}]
  # tpc: ignore[hot]
  - call: tcp_connect
    syscall: false
    args: [{index: 0, type: sock}]
    selectors: [{matchArgs: [{index: 0, operator: NotDAddr, values: [10.0.0.0/8, 10.1.0.0/16]}]}]
"#;

/// Reads the bytes as a file and checks everything that is said about them.
fn read(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text("f.yaml", bytes, &mut sources, &mut sink);
    let policies = file.map(|file| tpc::policy::decode(file, &sources, &mut sink));
    let faulty = sink.has_errors();
    for policy in policies.iter().flatten() {
        let errors = sink.errors();
        let compiled = tpc::compile::compile(policy, &sources, &mut sink).is_some();
        prop_assert_eq!(compiled, sink.errors() == errors && !policy.incomplete);
        places(policy, &sources)?;
    }
    let diagnostics = sink.into_sorted();
    in_their_file(&diagnostics, &sources)?;
    let lines = render::concise(&diagnostics, &sources).lines().count();
    prop_assert_eq!(lines, diagnostics.len());
    render::human(&diagnostics, &sources, false);
    render::json(&render::Report::new(&diagnostics, &sources));
    if policies
        .into_iter()
        .flatten()
        .any(|policy| policy.incomplete)
    {
        prop_assert!(faulty, "a policy is incomplete only if the sink says why");
    }
    if let Some(file) = file {
        judge(file, &sources)?;
    }
    Ok(())
}

/// Lints a file: everything that is found lies in it, every format can say it, and fixes leave a file that can be read
/// as well as before.
fn judge(file: FileId, sources: &Sources) -> Result<(), TestCaseError> {
    let mut settings = Settings {
        kernels: vec![(4, 19)],
        ..Settings::default()
    };
    settings.aim(Target::WORDS.map(|(_, target)| target));
    settings.fit(Release::parse("1.4"));
    let found = lint::lint(file, sources, &settings).diagnostics;
    in_their_file(&found, sources)?;
    for one in &found {
        prop_assert!(one.span.is_some(), "{}", one.message);
        prop_assert!(
            one.code.0 / 1000 != 2 || one.help.is_some(),
            "{}",
            one.message
        );
    }
    on_kernel(file, sources, &settings)?;
    let report = render::Report {
        about: &lint::explain::about,
        ..render::Report::new(&found, sources)
    };
    for text in [
        render::sarif(&report),
        render::github(&report),
        render::gitlab(&report),
        render::junit(&report),
    ] {
        prop_assert!(!text.is_empty() || found.is_empty());
    }
    if found.iter().any(|one| one.fix.is_some()) {
        let errors = |found: &[Diagnostic]| found.iter().filter(|one| one.code.0 < 1000).count();
        let fixed = lint::fix::fix("f.yaml", sources.text(file), &settings, true);
        let mut after = Sources::new();
        let file = after.add("f.yaml", fixed.text);
        let left = lint::lint(file, &after, &settings).diagnostics;
        prop_assert!(errors(&left) <= errors(&found));
    }
    Ok(())
}

static DEBIAN_12: LazyLock<Arc<lint::Node>> = LazyLock::new(|| {
    let facts = tpc::facts::shipped("debian-12").expect("ships");
    Arc::new(lint::Node {
        name: "debian-12".to_owned(),
        facts: facts.expect("facts"),
    })
});

/// What becomes of the file's policies on a kernel whose facts are known.
fn on_kernel(file: FileId, sources: &Sources, settings: &Settings) -> Result<(), TestCaseError> {
    let settings = Settings {
        nodes: vec![DEBIAN_12.clone()],
        ..settings.clone()
    };
    let outcome = lint::lint(file, sources, &settings);
    in_their_file(&outcome.diagnostics, sources)?;
    let rows = outcome.hookings.len();
    let report = render::Report {
        hookings: &outcome.hookings,
        ..render::Report::new(&outcome.diagnostics, sources)
    };
    let table = render::kernels(&report);
    prop_assert_eq!(table.is_empty(), rows == 0);
    render::json(&report);
    Ok(())
}

fn in_their_file(diagnostics: &[Diagnostic], sources: &Sources) -> Result<(), TestCaseError> {
    for diagnostic in diagnostics {
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
    Ok(())
}

/// What else is said of a policy lies inside its file too.
fn places(policy: &tpc::policy::Policy, sources: &Sources) -> Result<(), TestCaseError> {
    let judged = tpc::check::language(policy, &mut Sink::new());
    prop_assert!(tpc::plain::describe(&judged).ends_with('\n'));
    let excesses = limits::exceeded(&judged)
        .into_iter()
        .map(|excess| excess.span);
    let questions = facts::questions(&judged)
        .into_iter()
        .map(|question| question.span);
    for Span { file, start, end } in excesses.chain(questions) {
        prop_assert!(
            sources
                .text(file)
                .get(start as usize..end as usize)
                .is_some()
        );
    }
    Ok(())
}

/// Replaces some bytes from a place on.
fn mutated(seed: &str, cuts: &[(usize, usize, String)]) -> Vec<u8> {
    let mut bytes = seed.as_bytes().to_vec();
    for (at, length, insert) in cuts {
        let start = (*at).min(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, insert.bytes());
    }
    bytes
}

#[test]
fn the_good_policy_compiles() {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text("f.yaml", GOOD.as_bytes(), &mut sources, &mut sink).expect("text");
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    let compiled = tpc::compile::compile(&policies[0], &sources, &mut sink);
    assert!(
        compiled.is_some() && sink.is_empty(),
        "{:?}",
        sink.into_sorted()
    );
}

#[test]
fn the_policies_of_every_section_are_of_the_language() {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text("f.yaml", SECTIONS.as_bytes(), &mut sources, &mut sink);
    let policies = tpc::policy::decode(file.expect("text"), &sources, &mut sink);
    for policy in &policies {
        let judged = tpc::check::language(policy, &mut sink);
        assert!(
            !facts::questions(&judged).is_empty(),
            "{}",
            policy.name.value
        );
        assert_eq!(limits::exceeded(&judged), [], "{}", policy.name.value);
    }
    assert!(
        policies.len() == 6 && sink.is_empty(),
        "{:?}",
        sink.into_sorted()
    );
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
        read(&mutated(SEED, &cuts))?;
    }

    #[test]
    fn a_mutated_policy_with_findings(
        cuts in prop::collection::vec((0..SMELLY.len(), 0..6usize, r#"[a-z0-9:/.*\\_\-\[\]{},#"' \né]{0,3}"#), 1..5)
    ) {
        read(&mutated(SMELLY, &cuts))?;
    }

    #[test]
    fn a_mutated_policy_that_compiles(
        cuts in prop::collection::vec((0..GOOD.len(), 0..4usize, r#"[a-z0-9:/.*\\_-]{0,3}"#), 1..4)
    ) {
        read(&mutated(GOOD, &cuts))?;
    }
    #[test]
    fn a_mutated_policy_of_any_section(
        cuts in prop::collection::vec((0..SECTIONS.len(), 0..6usize, r#"[a-z0-9:/.*\\_()%=\[\]-]{0,3}"#), 1..5)
    ) {
        read(&mutated(SECTIONS, &cuts))?;
    }
}

/// Test files with their policies.
const TESTED: &[(&str, &str)] = &[
    (
        include_str!("../policies/examples/namespaces-and-mounts.test.yaml"),
        include_str!("../policies/examples/namespaces-and-mounts.yaml"),
    ),
    (
        include_str!("../policies/examples/egress-kill.test.yaml"),
        include_str!("../policies/examples/egress-kill.yaml"),
    ),
    (
        include_str!("../policies/examples/uploads.test.yaml"),
        include_str!("../policies/examples/uploads.yaml"),
    ),
];

/// Runs the tests of a policy: whatever they say, tpc agrees with itself and says something about their files only.
fn test(tests: &[u8], policy: &str) -> Result<(), TestCaseError> {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let kernels = testing::Kernels::default();
    let Some(file) = tpc::yaml::text("f.test.yaml", tests, &mut sources, &mut sink) else {
        return Ok(());
    };
    let policy = sources.add("f.yaml", policy);
    let policies = tpc::policy::decode(policy, &sources, &mut sink);
    let Some(policy) = policies.first().filter(|policy| !policy.incomplete) else {
        return Ok(());
    };
    let decoded = testing::decode(file, &sources, &mut sink);
    let errors = sink.errors();
    let result = decoded
        .as_ref()
        .and_then(|tests| testing::run(tests, policy, &sources, "", &kernels, &mut sink));
    prop_assert_eq!(
        result.is_some(),
        decoded.is_some() && sink.errors() == errors
    );
    let mut said = sink.into_sorted();
    for case in result.iter().flat_map(|result| &result.cases) {
        let agrees = !matches!(case.verdict, testing::Verdict::Disagreed(..));
        prop_assert!(agrees, "{:?}", case.verdict);
        said.extend(case.problems());
    }
    in_their_file(&said, &sources)?;
    for one in &said {
        prop_assert!(one.span.is_some(), "{}", one.message);
    }
    render::human(&said, &sources, false);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_mutated_test_file(
        which in 0..TESTED.len(),
        cuts in prop::collection::vec((0..2000_usize, 0..6usize, r#"[a-z0-9:/.*\\_()%=\[\]{},>-]{0,3}|null"#), 1..4)
    ) {
        let (tests, policy) = TESTED[which];
        test(&mutated(tests, &cuts), policy)?;
    }

    #[test]
    fn tests_of_a_mutated_policy(
        which in 0..TESTED.len(),
        cuts in prop::collection::vec((0..2000_usize, 0..4usize, r#"[a-z0-9:/.*\\_-]{0,3}"#), 1..4)
    ) {
        let (tests, policy) = TESTED[which];
        if let Ok(policy) = String::from_utf8(mutated(policy, &cuts)) {
            test(tests.as_bytes(), &policy)?;
        }
    }

    #[test]
    fn first_tests_of_a_mutated_policy_pass(
        cuts in prop::collection::vec((0..GOOD.len(), 0..4usize, r#"[a-z0-9:/.*\\_-]{0,3}"#), 0..4)
    ) {
        let Ok(text) = String::from_utf8(mutated(GOOD, &cuts)) else {
            return Ok(());
        };
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let file = sources.add("f.yaml", text);
        let policies = tpc::policy::decode(file, &sources, &mut sink);
        let kernels = testing::Kernels::default();
        let first = policies.first().filter(|policy| !policy.incomplete);
        let Some(tests) = first.and_then(|policy| testing::init(policy, None, &sources, &kernels, &mut sink)) else {
            return Ok(());
        };
        let file = sources.add("f.test.yaml", tests);
        let tests = testing::decode(file, &sources, &mut sink).expect("first tests are tests");
        let result = testing::run(&tests, &policies[0], &sources, "", &kernels, &mut sink);
        let result = result.expect("first tests fit their policy");
        for case in &result.cases {
            prop_assert!(case.passed(), "{:?}", case.verdict);
        }
    }
}

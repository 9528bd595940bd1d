//! The linter, with everything that may be asked of it: findings inside the file, whatever its bytes are; fixes that make no new errors.
//!
//! The first two bytes choose the settings, the rest is the policy.

use std::sync::{Arc, LazyLock};

use tpc::diag::{Sink, Sources, render};
use tpc::facts::{NAMES, shipped};
use tpc::lint::{self, Node, Outcome, Settings, Target, fix};
use tpc::policy::history::Release;

/// Longer files make slow runs, not new ways.
const MAX: usize = 8192;

static NODE: LazyLock<Arc<Node>> = LazyLock::new(|| {
    let facts = shipped(NAMES[0]).expect("a kernel that ships");
    Arc::new(Node {
        name: NAMES[0].to_owned(),
        facts: facts.expect("its facts can be read"),
    })
});

/// Findings lie inside the file; fixes lose no policy and make no error.
pub fn run(bytes: &[u8]) {
    let Some((&[targets, other], bytes)) = bytes.split_first_chunk() else {
        return;
    };
    if bytes.len() > MAX {
        return;
    }
    let settings = settings(targets, other);
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let Some(file) = tpc::yaml::text("f.yaml", bytes, &mut sources, &mut sink) else {
        return;
    };
    let outcome = lint::lint(file, &sources, &settings);
    inside(&outcome, &sources);
    render::human(&outcome.diagnostics, &sources, false);
    for policy in tpc::policy::decode(file, &sources, &mut sink) {
        let judged = tpc::check::language(&policy, &mut Sink::new());
        tpc::plain::describe(&judged);
    }
    let fixed = fix::fix("f.yaml", sources.text(file), &settings, true);
    if fixed.count > 0 {
        let file = sources.add("f.yaml", fixed.text.as_str());
        let after = lint::lint(file, &sources, &settings);
        inside(&after, &sources);
        assert!(after.policies >= outcome.policies, "a fix lost a policy");
        let weights = [&after, &outcome].map(|one| fix::weigh(&one.diagnostics));
        assert!(weights[0] <= weights[1], "a fix made an error");
    }
}

fn settings(targets: u8, other: u8) -> Settings {
    let mut settings = Settings::default();
    let all = Target::WORDS.into_iter().enumerate();
    let chosen = all.filter(|(number, _)| targets >> number & 1 == 1);
    settings.aim(chosen.map(|(_, (_, target))| target));
    settings.ignores = other & 0x80 == 0;
    if other & 0x40 != 0 {
        settings.nodes.push(NODE.clone());
    }
    let releases = Release::ALL.iter().map(|(release, _)| *release);
    settings.fit(
        releases
            .collect::<Vec<_>>()
            .get(usize::from(other & 0x3f))
            .copied(),
    );
    settings
}

fn inside(outcome: &Outcome, sources: &Sources) {
    for one in &outcome.diagnostics {
        let edits = one.fix.iter().flat_map(|fix| &fix.edits);
        let edits = edits.map(|edit| edit.span);
        let related = one.related.iter().map(|(span, _)| *span);
        for span in one.span.into_iter().chain(related).chain(edits) {
            let text = sources.text(span.file);
            let text = text.get(span.start as usize..span.end as usize);
            assert!(text.is_some(), "{span:?} is not a part of the file");
        }
    }
}

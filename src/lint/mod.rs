//! Rules about policies that are sound and still not what their author wants.
//!
//! In: a file's text and [`Settings`]. Out: an [`Outcome`] with everything that is to be said about the file, sorted:
//! what reading and `check` say, and the findings of the rules in [`RULES`]. Holds: every finding marks a place in the
//! file, has a help, and can be silenced by a comment or by its level. Findings do not depend on other files. Rules judge
//! whole policies only: while something of a policy cannot be read, what is absent may be what was left out.
//!
//! ```text
//! text ── policy::decode ── check ── rules ── covers ── levels ── comments ── outcome
//! ```
//!
//! * *covers*: where a rule and `check` mark the same place for the same reason, the rule speaks alone;
//! * *levels*: the user's severities replace those of rules and of `check`;
//! * *comments*: `# tpc: ignore[…] reason`.
//!
//! What tpc does not compile is no fault of a policy: `TPC1001` is left out unless tpc is a target.
//! Not here: reading files, configuration files, output formats.

pub mod baseline;
mod context;
mod edit;
mod examples;
pub mod explain;
pub mod facts;
pub mod fix;
mod kernels;
mod levels;
mod reason;
mod registry;
mod rule;
mod rules;
mod suppress;

use std::sync::Arc;

use crate::check::{self, Judged};
use crate::diag::render::Hooking;
use crate::diag::{Code, Diagnostic, FileId, Severity, Sink, Sources, Span, code};
use crate::policy::history::Release;
use crate::policy::{self, Policy};

pub use examples::Example;
pub use kernels::Node;
pub use levels::{Levels, NotConfigurable};
pub use registry::{RULES, by_code, by_name};
pub use rule::{Docs, Group, Level, Rule, Target};

use context::Context;
use rule::Found;

/// What the user asks for.
#[derive(Clone, Debug)]
pub struct Settings {
    pub levels: Levels,
    /// Where the policies run: at least one system.
    pub targets: Vec<Target>,
    /// The release of Tetragon that the policies are for; the newest if absent.
    pub release: Option<Release>,
    /// Kernels that the policies shall work on, as major and minor version.
    pub kernels: Vec<(u16, u16)>,
    /// Kernels that they run on, by what is known of them; their versions are among `kernels`.
    pub nodes: Vec<Arc<Node>>,
    /// Whether comments silence findings.
    pub ignores: bool,
    /// Whether such a comment must say why.
    pub require_reason: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            levels: Levels::default(),
            targets: vec![Target::Tetragon],
            release: None,
            kernels: Vec::new(),
            nodes: Vec::new(),
            ignores: true,
            require_reason: true,
        }
    }
}

impl Settings {
    /// Sets where the policies run. Without a system among the targets, that is Tetragon.
    pub fn aim(&mut self, targets: impl IntoIterator<Item = Target>) {
        self.targets = targets.into_iter().collect();
        if !self.targets.iter().any(|target| target.is_system()) {
            self.targets.push(Target::Tetragon);
        }
    }

    /// Sets the release of Tetragon that policies must fit. Then what Tetragon says counts, whatever else runs them.
    pub fn fit(&mut self, release: Option<Release>) {
        self.release = release;
        if release.is_some() && !self.targets.contains(&Target::Tetragon) {
            self.targets.push(Target::Tetragon);
        }
    }

    /// Whether a rule runs.
    pub fn runs(&self, rule: &Rule) -> bool {
        let asked = |target: &Target| self.targets.contains(target);
        let asked = rule.targets.is_empty() || rule.targets.iter().any(asked);
        asked && self.levels.of(rule) != Level::Off
    }
}

/// Everything that is said about a file.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Findings that comments silence.
    pub ignored: usize,
    /// Policies of the file; without any, nothing is said.
    pub policies: usize,
    /// How each hook gets into each kernel, in the order of the hooks.
    pub hookings: Vec<Hooking>,
}

/// Judges a file. One that has nothing to do with policies has no diagnostics.
pub fn lint(file: FileId, sources: &Sources, settings: &Settings) -> Outcome {
    let text = sources.text(file);
    if !mentions_policy(text) {
        return Outcome::default();
    }
    let mut sink = Sink::new();
    let policies = policy::decode(file, sources, &mut sink);
    let whole = !sink.has_errors();
    let mut said = of_reading(sink, text);
    if let Some(release) = settings.release {
        said.iter_mut()
            .for_each(|one| still_there(one, release, sources));
    }
    if policies.is_empty() && said.is_empty() {
        return Outcome::default();
    }
    let mut hookings = Vec::new();
    for policy in &policies {
        said.extend(of_policy(policy, sources, settings, &mut hookings));
    }
    let said = covered(said, settings);
    let mut outcome = silenced(file, sources, settings, said, whole);
    outcome.policies = policies.len();
    outcome.hookings = hookings;
    outcome
}

/// A look at the bytes of a file: whether it can hold a policy, so that files of other kinds are not read as text.
pub fn may_concern(bytes: &[u8]) -> bool {
    let is_utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let among = |word: &str| {
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => mentions_policy(text),
        Err(_) => is_utf16 || among("TracingPolic"),
    }
}

/// A cheap look, so that a file of another kind is not even read as YAML.
fn mentions_policy(text: &str) -> bool {
    text.contains("TracingPolic") || text.contains(policy::API_VERSION)
}

/// Whether a line at the left margin names the kind, as that of a policy does and that of what only mentions policies
/// does not; text in braces has no margin.
fn begins_policy(text: &str) -> bool {
    let names = |line: &str| {
        let kind = line
            .strip_prefix("kind:")
            .or_else(|| line.strip_prefix("\"kind\":"));
        kind.is_some_and(|kind| kind.contains("TracingPolicy"))
    };
    let start = text.trim_start();
    let in_braces = start.starts_with('{') && !start.starts_with("{{");
    text.lines().any(names) || in_braces && text.contains("TracingPolicy")
}

/// Whether fixes are offered: a node behind an alias stands at its anchor, and an edit there changes other places too.
fn is_editable(text: &str) -> bool {
    !text.contains('&')
}

/// What reading says. Of a file that does not name the kind, only that it may be a misspelt policy.
fn of_reading(sink: Sink, text: &str) -> Vec<Said> {
    // Where the text is no YAML, what kind of object it is can only be guessed.
    let unread = |one: &Diagnostic| matches!(one.code, code::SYNTAX | code::TEMPLATE);
    let (named, begins) = (text.contains("TracingPolicy"), begins_policy(text));
    let speaks = |one: &Diagnostic| {
        let about = if unread(one) { begins } else { named };
        one.code != code::SKIPPED && (about || one.code == code::UNKNOWN_KIND)
    };
    let all = sink.into_sorted().into_iter().filter(speaks);
    all.map(|mut diagnostic| {
        diagnostic.fix = diagnostic.fix.filter(|_| is_editable(text));
        // Some rules need the text as it is read: their findings come from there.
        let rule = by_code(diagnostic.code);
        Said { diagnostic, rule }
    })
    .collect()
}

/// What the release of the policies still has is no error of theirs, but will be one.
fn still_there(said: &mut Said, release: Release, sources: &Sources) {
    let one = &mut said.diagnostic;
    let unknown = matches!(one.code, code::UNKNOWN_FIELD | code::UNKNOWN_WORD);
    let Some(span) = one.span.filter(|_| unknown) else {
        return;
    };
    let name = sources.slice(span).trim_matches(['"', '\'']);
    if let Some(until) = policy::history::gone(name).filter(|until| release < *until) {
        one.severity = Severity::Warning;
        one.message = format!("Tetragon {until} and later do not have `{name}`; {release} does");
    }
}

/// A diagnostic and the rule that found it.
struct Said {
    diagnostic: Diagnostic,
    rule: Option<&'static Rule>,
}

fn of_policy(
    policy: &Policy,
    sources: &Sources,
    settings: &Settings,
    hookings: &mut Vec<Hooking>,
) -> Vec<Said> {
    let mut sink = Sink::new();
    let judged = judge(policy, settings, &mut sink);
    let of_check = sink.into_sorted().into_iter();
    let mut said: Vec<Said> = of_check
        .map(|diagnostic| Said {
            diagnostic,
            rule: None,
        })
        .collect();
    // What could not be read is left out of the policy: a selector may seem to have no filters.
    let whole = !policy.spec_incomplete;
    let nodes = settings.nodes.as_slice();
    let placement = match (whole, nodes.is_empty() && settings.kernels.is_empty()) {
        (false, _) => kernels::Placement::default(),
        (true, true) => kernels::place_anywhere(&judged),
        (true, false) => kernels::place(&judged, nodes, &settings.targets),
    };
    let context = Context {
        policy,
        sources,
        placement: &placement,
        judged: &judged,
        settings,
    };
    let editable = is_editable(sources.text(policy.file));
    for rule in RULES.iter().filter(|rule| whole && settings.runs(rule)) {
        let mut found = Found::new(rule.code);
        (rule.check)(&context, &mut found);
        for mut diagnostic in found.into_diagnostics() {
            diagnostic.fix = diagnostic.fix.filter(|_| editable);
            said.push(Said {
                diagnostic,
                rule: Some(rule),
            });
        }
    }
    hookings.extend(placement.hookings);
    said
}

/// The meaning of a policy: the one place that calls `check`. Whether tpc compiles a policy is asked where it is a
/// target.
fn judge<'a>(policy: &'a Policy, settings: &Settings, sink: &mut Sink) -> Judged<'a> {
    let judged = check::language(policy, sink);
    if settings.targets.contains(&Target::Tpc) {
        check::supported(&judged, sink);
    }
    judged
}

/// Drops what a rule says better, and gives everything its level.
fn covered(said: Vec<Said>, settings: &Settings) -> Vec<Said> {
    let by_rule = |one: &Said| Some((one.diagnostic.span?, one.rule?.covers));
    let mut better: Vec<(Span, &[Code])> = said.iter().filter_map(by_rule).collect();
    let mut is_covered = |one: &Said| {
        let same = |(span, covers): &(Span, &[Code])| {
            one.diagnostic.span == Some(*span) && covers.contains(&one.diagnostic.code)
        };
        let by = better.iter().position(same).filter(|_| one.rule.is_none());
        // A finding stands for one remark: another at its place says something else.
        by.map(|by| better.swap_remove(by)).is_some()
    };
    let keep: Vec<bool> = said.iter().map(|one| !is_covered(one)).collect();
    let kept = said.into_iter().zip(keep).filter(|(_, keep)| *keep);
    kept.filter_map(|(mut one, _)| {
        let level = match one.rule {
            Some(rule) => settings.levels.of(rule).severity()?,
            None => settings.levels.of_language(&one.diagnostic)?,
        };
        one.diagnostic.severity = level;
        Some(one)
    })
    .collect()
}

/// Applies the comments of the file and sorts the rest.
fn silenced(
    file: FileId,
    sources: &Sources,
    settings: &Settings,
    said: Vec<Said>,
    whole: bool,
) -> Outcome {
    let diagnostics = said.into_iter().map(|one| one.diagnostic);
    let mut sink = Sink::new();
    let mut ignored = 0;
    if settings.ignores {
        let mut comments = suppress::read(file, sources);
        for diagnostic in diagnostics {
            if comments.silence(&diagnostic, sources) {
                ignored += 1;
            } else {
                sink.push(diagnostic);
            }
        }
        comments.report(settings, whole, sources, &mut sink);
    } else {
        diagnostics.for_each(|one| sink.push(one));
    }
    Outcome {
        diagnostics: sink.into_sorted(),
        ignored,
        policies: 0,
        hookings: Vec::new(),
    }
}

/// Whether a severity is at least as bad as another.
pub fn at_least(severity: Severity, threshold: Severity) -> bool {
    // Errors come first in the order of severities.
    severity <= threshold
}

//! What a rule is.

use std::fmt;

use crate::diag::{Code, Diagnostic, Severity, Span};

use super::context::Context;

/// A check with its documentation. Each lives in a file of its own below `rules/`; `docs/add-a-rule.md` says how to
/// write one. The two examples are run as tests.
#[derive(Debug)]
pub struct Rule {
    /// Stable; never reused.
    pub code: Code,
    /// In kebab case. Reads well after "allow": the name says what is wrong, not what is right.
    pub name: &'static str,
    pub group: Group,
    /// Unless the user says otherwise.
    pub level: Level,
    /// First release that has it.
    pub since: &'static str,
    /// Where policies run that it is about; empty for anywhere.
    pub targets: &'static [Target],
    /// Codes of `check` that say the same. Where one of them marks the same place, the rule's finding is shown alone.
    pub covers: &'static [Code],
    pub docs: Docs,
    pub check: fn(&Context<'_>, &mut Found),
}

impl Rule {
    /// A rule about policies wherever they run.
    pub(super) const fn new(
        code: u16,
        name: &'static str,
        group: Group,
        level: Level,
        docs: Docs,
        check: fn(&Context<'_>, &mut Found),
    ) -> Self {
        Self {
            code: Code(code),
            name,
            group,
            level,
            since: "0.1.0",
            targets: &[],
            covers: &[],
            docs,
            check,
        }
    }

    pub(super) const fn only_for(mut self, targets: &'static [Target]) -> Self {
        self.targets = targets;
        self
    }

    pub(super) const fn covering(mut self, codes: &'static [Code]) -> Self {
        self.covers = codes;
        self
    }
}

/// The explanation of a rule, in Markdown.
#[derive(Debug)]
pub struct Docs {
    /// What it finds: one line, lower case, no period.
    pub summary: &'static str,
    /// Why that is bad.
    pub why: &'static str,
    /// A file with the problem. What the findings mark stands between `«` and `»`, which are no part of the file.
    pub bad: &'static str,
    /// The file without it.
    pub good: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// How a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warning,
    Note,
    /// The rule does not run.
    Off,
}

impl Level {
    pub const WORDS: [(&'static str, Self); 4] = [
        ("error", Self::Error),
        ("warning", Self::Warning),
        ("note", Self::Note),
        ("off", Self::Off),
    ];

    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|&(_, level)| level)
    }

    pub fn name(self) -> &'static str {
        let found = Self::WORDS.iter().find(|&&(_, level)| level == self);
        found.map_or("", |&(word, _)| word)
    }

    /// `None` is off.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Off => None,
        }
    }
}

/// What a rule is about. Levels can be given to a whole group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Something of the policy has no effect, or another than its text says.
    Correctness,
    /// Tetragon does not do what the policy says; tpc does.
    Tetragon,
    /// A process can get around the policy.
    Security,
    /// The policy can harm the node that it protects.
    Availability,
    /// The policy costs more than it needs to.
    Cost,
    /// Something of the policy is superfluous.
    Redundancy,
    /// Comments that silence findings.
    Suppressions,
}

impl Group {
    pub const ALL: [(&'static str, Self); 7] = [
        ("correctness", Self::Correctness),
        ("tetragon", Self::Tetragon),
        ("security", Self::Security),
        ("availability", Self::Availability),
        ("cost", Self::Cost),
        ("redundancy", Self::Redundancy),
        ("suppressions", Self::Suppressions),
    ];

    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|&&(_, group)| group == self);
        found.map_or("", |&(name, _)| name)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where policies run: the system that runs them, and what manages the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    Tetragon,
    Tpc,
    /// A client of a Nomad cluster, where nothing knows of pods.
    Nomad,
    /// A host by itself.
    Host,
    Kubernetes,
}

impl Target {
    pub const WORDS: [(&'static str, Self); 5] = [
        ("tetragon", Self::Tetragon),
        ("tpc", Self::Tpc),
        ("nomad", Self::Nomad),
        ("host", Self::Host),
        ("kubernetes", Self::Kubernetes),
    ];

    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|&(_, target)| target)
    }

    /// Whether it is a system that runs policies.
    pub fn is_system(self) -> bool {
        matches!(self, Self::Tetragon | Self::Tpc)
    }

    pub fn name(self) -> &'static str {
        let found = Self::WORDS.iter().find(|&&(_, target)| target == self);
        found.map_or("", |&(word, _)| word)
    }
}

/// The findings of one rule in one policy. Code and severity are filled in here.
#[derive(Debug)]
pub struct Found {
    code: Code,
    diagnostics: Vec<Diagnostic>,
}

impl Found {
    pub(super) fn new(code: Code) -> Self {
        Self {
            code,
            diagnostics: Vec::new(),
        }
    }

    /// Adds what [`finding`] began.
    pub fn push(&mut self, mut finding: Diagnostic) {
        finding.code = self.code;
        self.diagnostics.push(finding);
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

/// Begins a finding at the place it marks. Every finding needs a help.
pub(super) fn finding(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(Code(0), message).at(span)
}

//! Renderers: the finished, sorted list of a run as text.
//!
//! All formats say the same; none depends on the terminal's width or locale. They know no stage and no lint rule: what
//! a format says about a code beside the diagnostic comes with the [`Report`].

mod concise;
#[cfg(feature = "compiler")]
mod github;
#[cfg(feature = "compiler")]
mod gitlab;
#[cfg(feature = "compiler")]
mod human;
mod json;
#[cfg(feature = "compiler")]
mod junit;
#[cfg(feature = "compiler")]
mod kernels;
#[cfg(feature = "compiler")]
mod sarif;

use std::borrow::Cow;

use super::{Code, Diagnostic, FileId, Severity, Sources, Span, fingerprints};

pub use concise::concise;
#[cfg(feature = "compiler")]
pub use github::github;
#[cfg(feature = "compiler")]
pub use gitlab::gitlab;
#[cfg(feature = "compiler")]
pub use human::human;
#[cfg(feature = "compiler")]
pub use json::schema;
pub use json::{Document, json};
#[cfg(feature = "compiler")]
pub use json::{Entry, entries};
#[cfg(feature = "compiler")]
pub use junit::{escaped as xml, junit};
#[cfg(feature = "compiler")]
pub use kernels::kernels;
#[cfg(feature = "compiler")]
pub use sarif::sarif;

/// What a code stands for, for the formats that explain codes.
#[derive(Clone, Debug)]
pub struct About {
    /// `unknown-field`.
    pub name: Cow<'static, str>,
    /// One line.
    pub title: Cow<'static, str>,
    /// The whole explanation, in Markdown.
    pub page: String,
    /// How bad it is unless the user says otherwise.
    pub level: Option<Severity>,
    /// Words to group codes by.
    pub tags: Vec<&'static str>,
}

impl About {
    /// What the table of codes says.
    pub fn of(code: Code) -> Self {
        Self {
            name: Cow::Borrowed(code.name()),
            title: Cow::Borrowed(code.title()),
            page: code.title().to_owned(),
            level: None,
            tags: Vec::new(),
        }
    }
}

/// Everything that is said about a run.
pub struct Report<'a> {
    /// Sorted.
    pub diagnostics: &'a [Diagnostic],
    pub sources: &'a Sources,
    /// The files that were judged, with those that have no problems.
    pub files: &'a [FileId],
    pub about: &'a dyn Fn(Code) -> About,
    /// Findings that are not shown.
    pub hidden: Hidden,
    /// How each hook gets into each kernel that was named.
    pub hookings: &'a [Hooking],
}

/// How a hook of a policy gets into a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooking {
    pub policy: String,
    /// The function, tracepoint or decision.
    pub hook: String,
    pub place: Span,
    /// As the user names it.
    pub kernel: String,
    /// What runs the policy.
    pub runs: &'static str,
    pub works: bool,
    /// `fentry`, or why not.
    pub how: String,
}

/// Numbers of findings that the user knows and does not want to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// By comments in the file.
    pub ignored: usize,
    /// By a baseline.
    pub known: usize,
}

impl<'a> Report<'a> {
    /// Diagnostics alone.
    pub fn new(diagnostics: &'a [Diagnostic], sources: &'a Sources) -> Self {
        Self {
            diagnostics,
            sources,
            files: &[],
            about: &About::of,
            hidden: Hidden::default(),
            hookings: &[],
        }
    }

    fn count(&self, severity: Severity) -> usize {
        let same = self.diagnostics.iter().filter(|d| d.severity == severity);
        same.count()
    }

    fn fingerprints(&self) -> Vec<String> {
        fingerprints(self.diagnostics, self.sources, &portable)
    }
}

/// The name of a file as CI systems want it: relative without `./`, with `/` between its parts.
#[cfg_attr(not(feature = "compiler"), allow(dead_code))]
fn portable(name: &str) -> String {
    let name = name.replace('\\', "/");
    let mut rest = name.as_str();
    while let Some(shorter) = rest.strip_prefix("./") {
        rest = shorter;
    }
    rest.to_owned()
}

/// Message, label and help as one text of up to two lines, for formats that have no place for each.
#[cfg(feature = "compiler")]
fn whole_text(diagnostic: &Diagnostic) -> String {
    let mut text = one_line(&diagnostic.message);
    if let Some(label) = &diagnostic.label {
        text.push_str(": ");
        text.push_str(&one_line(label));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str("\nhelp: ");
        text.push_str(&one_line(help));
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

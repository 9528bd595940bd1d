//! Comments that silence findings.
//!
//! ```text
//! value: x  # tpc: ignore[TPC2013] why        what begins on this line
//! # tpc: ignore[symlink-path, TPC2016] why    what begins on the next line that is no comment
//! # tpc: ignore-file[TPC2004] why             everything in the file
//! ```
//!
//! A name is a rule's, a code's, or a number. What silences nothing, names nothing or says no reason is itself a
//! finding. Errors of reading cannot be silenced: after one the file is not judged.

use super::Settings;
use super::levels::{NotConfigurable, code_of};
use super::registry::{
    UNEXPLAINED_SUPPRESSION, UNKNOWN_SUPPRESSION, UNREADABLE_SUPPRESSION, UNUSED_SUPPRESSION,
    by_code,
};
use super::rule::{Rule, finding};
use crate::diag::{Code, Diagnostic, Edit, FileId, Fix, Severity, Sink, Sources, Span};
use crate::yaml::{self, Comment};

/// What marks a comment as ours.
const MARK: &str = "tpc:";

/// The comments of a file.
pub(super) struct Suppressions {
    comments: Vec<Suppression>,
    /// Comments with our mark that cannot be read, and why.
    bad: Vec<(Span, &'static str)>,
}

struct Suppression {
    comment: Comment,
    /// The line it is about; `None` is the whole file.
    line: Option<u32>,
    names: Vec<Named>,
    has_reason: bool,
}

/// A name within the brackets.
struct Named {
    text: String,
    span: Span,
    code: Result<Code, NotConfigurable>,
    used: bool,
}

/// Finds the comments.
pub(super) fn read(file: FileId, sources: &Sources) -> Suppressions {
    let text = sources.text(file);
    let mut found = Suppressions {
        comments: Vec::new(),
        bad: Vec::new(),
    };
    if !text.contains(MARK) {
        return found;
    }
    for comment in yaml::comments(file, text) {
        let Some(rest) = comment.text.strip_prefix(MARK) else {
            continue;
        };
        match parse(rest) {
            Ok(parsed) => found.comments.push(suppression(&comment, &parsed, sources)),
            Err(why) => found.bad.push((comment.span, why)),
        }
    }
    found
}

/// The parts of a comment behind the mark.
struct Parsed<'a> {
    whole_file: bool,
    names: &'a str,
    reason: &'a str,
}

fn parse(text: &str) -> Result<Parsed<'_>, &'static str> {
    let (word, rest) = text
        .trim_start()
        .split_once('[')
        .ok_or("no names in brackets follow")?;
    let whole_file = match word.trim() {
        "ignore" => false,
        "ignore-file" => true,
        _ => return Err("neither `ignore` nor `ignore-file`"),
    };
    let (names, reason) = rest.split_once(']').ok_or("the bracket is not closed")?;
    if names.trim().is_empty() {
        return Err("the brackets are empty");
    }
    Ok(Parsed {
        whole_file,
        names,
        reason: reason.trim_start_matches([':', '-', ' ']).trim(),
    })
}

fn suppression(comment: &Comment, parsed: &Parsed<'_>, sources: &Sources) -> Suppression {
    let start = sources.slice(comment.span).find('[').map_or(0, |at| at + 1);
    let mut at = comment.span.start + u32::try_from(start).unwrap_or(0);
    let mut names = Vec::new();
    for part in parsed.names.split(',') {
        let length = |text: &str| u32::try_from(text.len()).unwrap_or(0);
        let name = part.trim();
        let begin = at + length(part) - length(part.trim_start());
        at += length(part) + 1;
        let span = Span {
            start: begin,
            end: begin + length(name),
            ..comment.span
        };
        names.push(Named {
            text: name.to_owned(),
            span,
            code: code_of(name),
            used: false,
        });
    }
    Suppression {
        line: (!parsed.whole_file).then(|| line_of(comment, sources)),
        names,
        has_reason: !parsed.reason.is_empty(),
        comment: comment.clone(),
    }
}

/// The line that a comment is about: its own, or the next one that holds something.
fn line_of(comment: &Comment, sources: &Sources) -> u32 {
    let place = sources.line_col(comment.span);
    let file = comment.span.file;
    let is_alone = |line: &str| line.trim_start().starts_with('#');
    if !is_alone(sources.line(file, place.line)) {
        return place.line;
    }
    let last = sources.text(file).lines().count();
    let last = u32::try_from(last).unwrap_or(u32::MAX);
    let holds = |line: &u32| {
        let text = sources.line(file, *line);
        !text.trim().is_empty() && !is_alone(text)
    };
    (place.line + 1..=last).find(holds).unwrap_or(place.line)
}

impl Suppressions {
    /// Whether a comment asks to ignore a finding. Every comment that does counts as used.
    pub(super) fn silence(&mut self, diagnostic: &Diagnostic, sources: &Sources) -> bool {
        let is_fixed = diagnostic.code.0 < 1000 && diagnostic.severity == Severity::Error;
        let Some(span) = diagnostic.span.filter(|_| !is_fixed) else {
            return false;
        };
        let mut silenced = false;
        let line = sources.line_col(span).line;
        for one in &mut self.comments {
            if one.line.is_some_and(|about| about != line) {
                continue;
            }
            for name in &mut one.names {
                if name.code == Ok(diagnostic.code) {
                    name.used = true;
                    silenced = true;
                }
            }
        }
        silenced
    }

    /// Reports what is wrong with the comments. Those of a file that could not be read `whole` may be of use.
    pub(super) fn report(
        &self,
        settings: &Settings,
        whole: bool,
        sources: &Sources,
        sink: &mut Sink,
    ) {
        let mut push = |rule: &'static Rule, diagnostic: Diagnostic| {
            if let Some(severity) = settings.levels.of(rule).severity() {
                sink.push(Diagnostic {
                    code: rule.code,
                    severity,
                    ..diagnostic
                });
            }
        };
        for (span, why) in &self.bad {
            push(&UNREADABLE_SUPPRESSION, bad(*span, why));
        }
        for one in &self.comments {
            for name in &one.names {
                if let Err(why) = &name.code {
                    push(&UNKNOWN_SUPPRESSION, unknown(name, why));
                }
            }
            if settings.require_reason && !one.has_reason {
                push(&UNEXPLAINED_SUPPRESSION, unexplained(one));
            }
            if whole {
                for unused in one.unused(settings, sources) {
                    push(&UNUSED_SUPPRESSION, unused);
                }
            }
        }
    }
}

impl Suppression {
    fn unused(&self, settings: &Settings, sources: &Sources) -> Vec<Diagnostic> {
        let is_unused = |name: &&Named| {
            !name.used && name.code.as_ref().is_ok_and(|code| runs(*code, settings))
        };
        let unused: Vec<&Named> = self.names.iter().filter(is_unused).collect();
        let all = unused.len() == self.names.len();
        unused
            .into_iter()
            .map(|name| {
                let message = format!("nothing here has `{}` to ignore", name.text);
                let fix = match all {
                    true => self.without_comment(sources),
                    false => without_name(name, sources),
                };
                let unused = finding(name.span, message).help("remove it");
                match fix {
                    Some(edit) => unused.fix(Fix::safe("remove it", vec![edit])),
                    None => unused,
                }
            })
            .collect()
    }

    /// Removes the comment, with its line if it stands alone.
    fn without_comment(&self, sources: &Sources) -> Option<Edit> {
        let span = self.comment.span;
        let text = sources.text(span.file);
        let before = text.get(..span.start as usize)?;
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let offset = |at: usize| u32::try_from(at).ok();
        let is_alone = before.get(line..)?.trim().is_empty();
        let (start, end) = if is_alone {
            let rest = text.get(span.end as usize..)?;
            let newline = rest.find('\n').map_or(rest.len(), |at| at + 1);
            (line, span.end + offset(newline)?)
        } else {
            (before.trim_end_matches([' ', '\t']).len(), span.end)
        };
        let span = Span {
            start: offset(start)?,
            end,
            ..span
        };
        Some(Edit {
            span,
            text: String::new(),
        })
    }
}

/// Removes a name with the comma that goes with it.
fn without_name(name: &Named, sources: &Sources) -> Option<Edit> {
    let text = sources.text(name.span.file);
    let before = text.get(..name.span.start as usize)?.trim_end();
    let after = text.get(name.span.end as usize..)?;
    let offset = |at: usize| u32::try_from(at).ok();
    let mut span = name.span;
    if let Some(before) = before.strip_suffix(',') {
        span.start = offset(before.len())?;
    } else {
        let rest = after.trim_start().strip_prefix(',')?.trim_start();
        span.end = offset(text.len() - rest.len())?;
    }
    Some(Edit {
        span,
        text: String::new(),
    })
}

/// Whether a finding of the code could have been made.
fn runs(code: Code, settings: &Settings) -> bool {
    match by_code(code) {
        Some(rule) => settings.runs(rule),
        None => settings
            .levels
            .of_language(&Diagnostic::warning(code, ""))
            .is_some(),
    }
}

fn bad(span: Span, why: &str) -> Diagnostic {
    finding(span, "a comment for tpc that cannot be read")
        .label(why)
        .help("write `# tpc: ignore[NAME] reason`, with the code or the name of what to ignore")
}

fn unknown(name: &Named, why: &NotConfigurable) -> Diagnostic {
    let (message, help) = match why {
        NotConfigurable::Unknown(near) => (
            format!("there is no rule `{}` to ignore", name.text),
            match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write the code that the finding shows; `tpc rules` lists them".to_owned(),
            },
        ),
        NotConfigurable::Reading(code) => (
            format!("`{code}` cannot be ignored"),
            "remove the comment, and repair the file: it is not judged until it can be read"
                .to_owned(),
        ),
    };
    finding(name.span, message).help(help)
}

fn unexplained(one: &Suppression) -> Diagnostic {
    finding(
        one.comment.span,
        "the comment does not say why the finding is ignored",
    )
    .help("write the reason behind the brackets, for whoever reads the policy next")
}

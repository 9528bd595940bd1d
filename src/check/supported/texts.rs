//! Filters on strings and paths.

use super::filters::Filter;
use super::{paths, require_values, shown, types, warn};
use crate::check::language::{self, MAX_TEXT};
use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::ir::{ArgType, Predicate, Subject, TextMatch, TextValue};
use crate::policy::{BinaryOperator, Operator};

/// What the compared text can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ends before the first NUL.
    String,
    /// Any bytes.
    Buffer,
    /// A path from the root, as the kernel resolves it.
    Path,
}

impl Kind {
    fn of(ty: ArgType) -> Self {
        match ty {
            ArgType::CharBuf { .. } => Self::Buffer,
            ty if types::is_path(ty) => Self::Path,
            _ => Self::String,
        }
    }
}

pub(super) fn predicate(filter: &Filter<'_>, sink: &mut Sink) -> Option<(bool, Predicate)> {
    use Operator as O;
    let (negate, how) = match filter.operator() {
        O::Equal => (false, TextMatch::Equal),
        O::NotEqual => (true, TextMatch::Equal),
        O::Prefix => (false, TextMatch::Prefix),
        O::NotPrefix => (true, TextMatch::Prefix),
        O::Postfix => (false, TextMatch::Postfix),
        O::NotPostfix => (true, TextMatch::Postfix),
        _ => return None,
    };
    if !require_values(filter.values(), filter.judged.written.span, sink) {
        return None;
    }
    let comparison = Comparison {
        how,
        negate,
        kind: Kind::of(filter.ty),
    };
    Some((
        negate,
        comparison.predicate(filter.of, filter.values(), sink),
    ))
}

/// The comparison with the path of the executable.
pub(super) fn executable(
    operator: BinaryOperator,
    texts: &[Spanned<String>],
    sink: &mut Sink,
) -> (bool, Predicate) {
    use BinaryOperator as O;
    let (negate, how) = match operator {
        O::In => (false, TextMatch::Equal),
        O::NotIn => (true, TextMatch::Equal),
        O::Prefix => (false, TextMatch::Prefix),
        O::NotPrefix => (true, TextMatch::Prefix),
        O::Postfix => (false, TextMatch::Postfix),
        O::NotPostfix => (true, TextMatch::Postfix),
    };
    let comparison = Comparison {
        how,
        negate,
        kind: Kind::Path,
    };
    (negate, comparison.predicate(Subject::Exe, texts, sink))
}

/// How a text is compared with values.
struct Comparison {
    how: TextMatch,
    negate: bool,
    kind: Kind,
}

/// A value that no text matches.
struct Flaw<'a> {
    text: &'a Spanned<String>,
    why: &'static str,
    help: String,
}

impl Comparison {
    fn predicate(&self, of: Subject, texts: &[Spanned<String>], sink: &mut Sink) -> Predicate {
        let values = texts
            .iter()
            .filter_map(|text| self.value(text, sink))
            .collect();
        self.report_flaws(texts, sink);
        let how = self.how;
        Predicate::Text { of, how, values }
    }

    /// What is compared of a value.
    fn kept<'a>(&self, text: &'a Spanned<String>) -> &'a str {
        match self.kind {
            Kind::Buffer => &text.value,
            // The kernel's strings end before a NUL, and authors write it as they think of C.
            Kind::String | Kind::Path => text.value.trim_end_matches('\0'),
        }
    }

    fn value(&self, text: &Spanned<String>, sink: &mut Sink) -> Option<TextValue> {
        let kept = self.kept(text);
        if kept.is_empty() {
            language::empty(text, sink);
            return None;
        }
        if kept.len() > MAX_TEXT {
            return None;
        }
        if self.kind == Kind::Path && kept.contains('*') && self.flaw(text).is_none() {
            let message = format!("`*` in `{}` stands for itself", shown(kept));
            warn(
                sink,
                code::NO_EFFECT,
                text.span,
                message,
                paths::without_wildcard(kept),
            );
        }
        Some(TextValue {
            bytes: kept.as_bytes().to_vec(),
            span: text.span,
        })
    }

    fn flaw<'a>(&self, text: &'a Spanned<String>) -> Option<Flaw<'a>> {
        let kept = self.kept(text);
        let (why, help) = match self.kind {
            Kind::Buffer => return None,
            _ if kept.contains('\0') => {
                let before = kept.split('\0').next().unwrap_or("");
                (
                    "a text ends at its first NUL",
                    format!("write `{}`", shown(before)),
                )
            }
            Kind::String => return None,
            Kind::Path => paths::flaw(kept, self.how).filter(|_| !kept.is_empty())?,
        };
        Some(Flaw { text, why, help })
    }

    /// Reports the values that nothing matches, those with the same flaw once.
    fn report_flaws(&self, texts: &[Spanned<String>], sink: &mut Sink) {
        let flaws: Vec<Flaw<'_>> = texts.iter().filter_map(|text| self.flaw(text)).collect();
        let verb = match self.how {
            TextMatch::Equal => "equals",
            TextMatch::Prefix => "starts with",
            TextMatch::Postfix => "ends with",
        };
        let whole = !self.negate && flaws.len() == texts.len();
        for (position, flaw) in flaws.iter().enumerate() {
            let same = |other: &&Flaw<'_>| other.why == flaw.why;
            if flaws
                .iter()
                .take(position)
                .any(|other| other.why == flaw.why)
            {
                continue;
            }
            let (why, text) = (flaw.why, shown(self.kept(flaw.text)));
            let never = if whole {
                "the filter never matches: "
            } else {
                ""
            };
            let message = format!("{never}nothing {verb} `{text}`, because {why}");
            let warning = Diagnostic::warning(code::NEVER_MATCHES, message).at(flaw.text.span);
            let warning = match flaws.iter().filter(same).count() {
                1 => warning,
                2 => warning.label("the same goes for another value of the filter"),
                count => warning.label(format!(
                    "the same goes for {} more values of the filter",
                    count - 1
                )),
            };
            sink.push(warning.help(flaw.help.as_str()));
        }
    }
}

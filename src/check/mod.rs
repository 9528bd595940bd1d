//! What a policy means, and whether tpc can compile it: two questions, one after the other.
//!
//! 1. [`language`](language()): is it a policy of the TracingPolicy language? Everything that Tetragon refuses when it
//!    loads a policy is an error here, for every section, whether tpc compiles it or not. The answer is a [`Judged`]
//!    policy, taken apart ([`form`]).
//! 2. `supported`: can tpc compile it as it is meant? It reads the judged policy only, refuses what tpc does not
//!    compile and what would silently do nothing, and makes the [`CheckedPolicy`], the only thing `lower` accepts.
//!
//! [`check`] asks both, for the compiler; a linter asks the first. Two more questions read a judged policy:
//! [`limits::exceeded`] (where does it go beyond what Tetragon's interpreter takes?) and [`facts::questions`] (what must
//! a node have?).
//!
//! Holds: nothing of a policy is ignored without a word. The records of the model are taken apart field by field, so
//! that a new field does not compile until it is honoured or refused. One mistake is one error.

mod expression;
pub mod facts;
pub mod form;
mod language;
pub mod limits;
mod numbers;
pub mod operators;
mod options;
mod registers;
mod supported;

use crate::diag::{Code, Diagnostic, Sink, Span, Spanned, code};
use crate::policy::{ArgType, Policy};
use numbers::Integer;

pub use expression::{Expression, Function, Node};
pub use form::Judged;
pub use language::language;
pub use language::resolve::Step;

pub use numbers::Range;
pub(crate) use numbers::literal;
pub use options::{is_on as option_is_on, names as option_names};
pub use registers::Machine;
pub use supported::paths::{flaw as path_flaw, without_wildcard};
pub use supported::{Action, CheckedPolicy, CheckedSelector, Hook};

/// Reports what of a judged policy tpc does not compile as it is meant.
pub fn supported(judged: &Judged<'_>, sink: &mut Sink) {
    // What a linter wants of it is in the sink.
    let _ = supported::check(judged, sink);
}

/// Checks a policy for the compiler; `None` means that the sink has errors.
pub fn check(policy: &Policy, sink: &mut Sink) -> Option<CheckedPolicy> {
    let errors = sink.errors();
    let judged = language(policy, sink);
    let checked = supported::check(&judged, sink);
    checked.filter(|_| sink.errors() == errors && !policy.incomplete)
}

/// The lowest and highest number that values of a type have, if they are numbers.
pub fn numbers_of(ty: ArgType) -> Option<Range> {
    Integer::of(ty).map(|integer| numbers::limits(integer.ty))
}

/// The number of the capability of a name.
pub fn capability(name: &str) -> Option<u32> {
    language::capability_number(name)
}

/// Reports an error with its way out.
fn refuse(
    sink: &mut Sink,
    code: Code,
    span: Span,
    message: impl Into<String>,
    help: impl Into<String>,
) {
    sink.push(Diagnostic::error(code, message).at(span).help(help));
}

/// Reports a value that is not one of its kind.
fn bad_value(text: &Spanned<String>, what: &str, help: impl Into<String>, sink: &mut Sink) {
    if is_placeholder(text) {
        return not_filled_in(text, sink);
    }
    let message = format!("`{}` is not {what}", shown(&text.value));
    refuse(sink, code::BAD_VALUE, text.span, message, help);
}

/// Whether a text is to be filled in by a templating tool.
fn is_placeholder(text: &Spanned<String>) -> bool {
    text.value.contains("${") || text.value.contains("{{")
}

/// Reports a value that was to be filled in: what else is wrong with it follows from that.
fn not_filled_in(text: &Spanned<String>, sink: &mut Sink) {
    let message = format!(
        "`{}` is a placeholder that was not filled in",
        shown(&text.value)
    );
    let help = "render the file first (helm template, envsubst), and judge the result";
    refuse(sink, code::TEMPLATE, text.span, message, help);
}

/// Advice on a text, or on filling it in.
fn unless_placeholder(text: &Spanned<String>, help: String) -> String {
    if is_placeholder(text) {
        return "fill in the placeholder: render the file first (helm template, envsubst)"
            .to_owned();
    }
    help
}

/// A text for a message: on one line, and not too long.
fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out = String::new();
    for (position, char) in text.chars().enumerate() {
        match char {
            _ if position == LONGEST => {
                out.push('…');
                break;
            }
            '\0' => out.push_str("\\0"),
            _ if char.is_control() => out.extend(char.escape_default()),
            _ => out.push(char),
        }
    }
    out
}

/// Place of a text that is not empty.
fn written(text: &Option<Spanned<String>>) -> Option<Span> {
    let text = text.as_ref().filter(|text| !text.value.is_empty());
    text.map(|text| text.span)
}

/// Whether a text is there and not empty.
fn is_written(text: &Option<Spanned<String>>) -> bool {
    written(text).is_some()
}

/// Place of a flag that is set.
fn set_at(flag: Option<Spanned<bool>>) -> Option<Span> {
    flag.filter(|flag| flag.value).map(|flag| flag.span)
}

//! Values of strings and paths. Source: `writeMatchStrings`, `writePrefix`, `writePostfix` in
//! `pkg/selectors/kernel.go`, `ArgStringSelectorValue` and `ArgPostfixSelectorValue` in `pkg/selectors/selectors.go`.

use crate::check::{bad_value, refuse};
use crate::diag::{Sink, Spanned, code};
use crate::policy::{ArgType, Operator};

/// Longest text that the kernel side sees, PATH_MAX (include/uapi/linux/limits.h).
pub(in crate::check) const MAX_TEXT: usize = 4096;

/// Reports values that are too long for every text, and those of which nothing is left when their NULs are cut off:
/// Tetragon does not survive them.
pub(super) fn judge(text: &Spanned<String>, operator: Operator, ty: ArgType, sink: &mut Sink) {
    use Operator as O;
    let kept = match ty {
        ArgType::CharBuf => text.value.as_str(),
        _ => text.value.trim_end_matches('\0'),
    };
    // Substrings are looked at where the type has them, with a limit of their own.
    let searches = matches!(operator, O::SubString | O::SubStringIgnCase);
    if kept.len() > MAX_TEXT && !searches {
        return too_long(text, sink);
    }
    let cut_to_nothing = kept.is_empty() && !text.value.is_empty();
    let fatal = match operator {
        O::Equal | O::NotEqual => cut_to_nothing && ty == ArgType::String,
        O::Postfix | O::NotPostfix => kept.is_empty() && ty != ArgType::CharBuf,
        _ => false,
    };
    if fatal {
        empty(text, sink);
    }
}

pub(in crate::check) fn too_long(text: &Spanned<String>, sink: &mut Sink) {
    let message = format!("the value is longer than the {MAX_TEXT} bytes of a text that are read");
    refuse(
        sink,
        code::BAD_VALUE,
        text.span,
        message,
        "write a shorter one",
    );
}

pub(in crate::check) fn empty(text: &Spanned<String>, sink: &mut Sink) {
    let help = "write the text to compare with, or remove the value";
    bad_value(text, "a text with at least one character", help, sink);
}

//! Filters on strings and paths.

use super::filters::{bad_value, wrong_operator};
use crate::diag::{Sink, Spanned};
use crate::ir::{Predicate, Subject, TextMatch, TextValue};
use crate::policy::{ArgFilter, Operator};

/// Longest text that the kernel side sees, PATH_MAX (include/uapi/linux/limits.h).
const MAX_TEXT: usize = 4096;

pub(super) fn predicate(
    of: Subject,
    filter: &ArgFilter,
    sink: &mut Sink,
) -> Option<(bool, Predicate)> {
    use Operator as O;
    let (negate, how) = match filter.operator.value {
        O::Equal => (false, TextMatch::Equal),
        O::NotEqual => (true, TextMatch::Equal),
        O::Prefix => (false, TextMatch::Prefix),
        O::NotPrefix => (true, TextMatch::Prefix),
        O::Postfix => (false, TextMatch::Postfix),
        O::NotPostfix => (true, TextMatch::Postfix),
        _ => {
            let fitting = "Equal, NotEqual, Prefix, NotPrefix, Postfix or NotPostfix";
            wrong_operator(filter, "texts", fitting, sink);
            return None;
        }
    };
    if !super::require_values(&filter.values, filter.span, sink) {
        return None;
    }
    let values = values(&filter.values, sink);
    Some((negate, Predicate::Text { of, how, values }))
}

/// The strings of a filter, each with its place.
pub(super) fn values(texts: &[Spanned<String>], sink: &mut Sink) -> Vec<TextValue> {
    texts.iter().filter_map(|text| value(text, sink)).collect()
}

fn value(text: &Spanned<String>, sink: &mut Sink) -> Option<TextValue> {
    // The kernel's strings end before a NUL; Tetragon cuts it off too.
    let bytes = text.value.trim_end_matches('\0').as_bytes();
    if bytes.is_empty() {
        let help = "write the text to compare with";
        bad_value(
            &text.value,
            text.span,
            "a text with at least one character",
            help,
            sink,
        );
        return None;
    }
    if bytes.len() > MAX_TEXT {
        let what = format!("short enough: texts have at most {MAX_TEXT} bytes");
        bad_value("the value", text.span, &what, "shorten it", sink);
        return None;
    }
    Some(TextValue {
        bytes: bytes.to_vec(),
        span: text.span,
    })
}

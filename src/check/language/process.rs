//! Filters on the process: binaries, namespaces and capabilities.
//!
//! Source: `ParseMatchBinary`, `namespaceSelectorValue`, `ParseMatchNamespaceChange` and `ParseMatchCaps` in
//! `pkg/selectors/kernel.go`.

use super::texts;
use crate::check::form::Selector;
use crate::check::{bad_value, set_at};
use crate::diag::{Diagnostic, Sink, code};
use crate::kernel::capabilities;
use crate::policy::{
    BinaryFilter, BinaryOperator, Namespace, NamespaceChangeFilter, NamespaceFilter, Word, nearest,
};

/// The namespace of the host, whatever its number.
pub(in crate::check) const HOST: &str = "host_ns";
/// A capability that the language calls by another name than the kernel and everybody else.
pub(in crate::check) const OTHER_NAME: (&str, &str) = ("CAP_DAC_OVERRIDE", "DAC_OVERRIDE");

pub(super) fn judge(selector: &Selector<'_>, sink: &mut Sink) {
    for filter in selector.binaries.iter().chain(selector.parent_binaries) {
        binary(filter, sink);
    }
    for filter in selector.namespaces {
        namespace(filter, sink);
    }
    for filter in selector.namespace_changes {
        namespace_change(filter, sink);
    }
    let capabilities = selector
        .capabilities
        .iter()
        .chain(selector.capability_changes);
    for text in capabilities.flat_map(|filter| &filter.values) {
        if capability_number(&text.value).is_none() {
            bad_value(text, "a capability", capability_help(&text.value), sink);
        }
    }
}

fn binary(filter: &BinaryFilter, sink: &mut Sink) {
    let by_name = matches!(
        filter.operator.value,
        BinaryOperator::In | BinaryOperator::NotIn
    );
    // Without values, nothing of the filter is looked at.
    let follows = set_at(filter.follow_children).filter(|_| !filter.values.is_empty());
    if let Some(span) = follows.filter(|_| !by_name) {
        let operator = filter.operator;
        let message = format!("`followChildren` does not work with `{}`", operator.value);
        let error = Diagnostic::error(code::BAD_OPERATOR, message).at(span);
        let error = error.related(operator.span, "the operator");
        sink.push(error.help("write `operator: In` and whole paths, or remove `followChildren`"));
    }
    let long = |text: &&crate::diag::Spanned<String>| {
        text.value.trim_end_matches('\0').len() > texts::MAX_TEXT
    };
    for text in filter.values.iter().filter(long) {
        texts::too_long(text, sink);
    }
}

fn namespace(filter: &NamespaceFilter, sink: &mut Sink) {
    for text in &filter.values {
        if text.value != HOST && inode(&text.value).is_none() {
            let help = "write `host_ns`, or the number that `readlink /proc/PID/ns/NAME` shows";
            bad_value(text, "a namespace", help, sink);
        }
    }
}

/// A number of digits only.
pub(in crate::check) fn inode(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn namespace_change(filter: &NamespaceChangeFilter, sink: &mut Sink) {
    let names: Vec<&str> = Namespace::WORDS.iter().map(|(name, _)| *name).collect();
    for text in &filter.values {
        if !names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&text.value))
        {
            let help = match nearest(&text.value, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of {}", names.join(", ")),
            };
            bad_value(text, "a kind of namespace", help, sink);
        }
    }
}

/// The number of a name, in any case and with blanks around it.
pub(in crate::check) fn capability_number(text: &str) -> Option<u32> {
    let name = text.trim().to_ascii_uppercase();
    let (kernel, language) = OTHER_NAME;
    capabilities::by_name(if name == kernel { language } else { &name })
}

pub(super) fn capability_help(text: &str) -> String {
    const PREFIX: &str = "CAP_";
    let name = text.trim().to_ascii_uppercase();
    let bare = name.strip_prefix(PREFIX).unwrap_or(&name);
    let whole = format!("{PREFIX}{bare}");
    if capability_number(&whole).is_some() {
        return format!("write `{whole}`");
    }
    let known = capabilities::NAMES.iter().map(|(_, name)| *name);
    let known: Vec<&str> = known
        .map(|name| name.strip_prefix(PREFIX).unwrap_or(name))
        .collect();
    let number = text.trim().parse().ok().and_then(capabilities::by_number);
    match (number, nearest(bare, &known)) {
        (Some(name), _) => format!("did you mean `{name}`?"),
        (None, Some(near)) => format!("did you mean `{PREFIX}{near}`?"),
        (None, None) => "write a name such as `CAP_SYS_ADMIN`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inodes_are_digits() {
        assert_eq!(inode("010"), Some(10));
        assert_eq!(inode("4294967295"), Some(u32::MAX));
        for bad in ["", "+1", "-1", "4294967296", "1 ", "0x1"] {
            assert_eq!(inode(bad), None, "{bad}");
        }
    }

    #[test]
    fn capabilities_by_either_name() {
        assert_eq!(capability_number(" cap_sys_admin\t"), Some(21));
        assert_eq!(capability_number("CAP_DAC_OVERRIDE"), Some(1));
        assert_eq!(capability_number("DAC_OVERRIDE"), Some(1));
        assert_eq!(capability_number("SYS_ADMIN"), None);
        assert_eq!(capability_help("sys_admin"), "write `CAP_SYS_ADMIN`");
        assert_eq!(capability_help("21"), "did you mean `CAP_SYS_ADMIN`?");
        assert_eq!(
            capability_help("cap_sysadmin"),
            "did you mean `CAP_SYS_ADMIN`?"
        );
        assert_eq!(
            capability_help("ALL"),
            "write a name such as `CAP_SYS_ADMIN`"
        );
    }
}

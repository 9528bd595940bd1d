//! `options`: settings of the policy, by name.
//!
//! The language skips names that it does not know, and of those given twice the last one counts; tpc refuses both.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{refuse, supported::unsupported};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::policy::{PolicyOption, nearest};

/// An option of Tetragon (`pkg/sensors/tracing/options.go`).
struct Known {
    name: &'static str,
    /// What to write.
    values: &'static str,
    is_value: fn(&str) -> bool,
    meaning: Meaning,
}

/// What tpc does with a good value.
enum Meaning {
    /// Chooses how Tetragon attaches: tpc attaches in the best way anyway.
    Mechanism,
    /// Compiled if it is this value.
    Only(&'static str, &'static str),
    /// Belongs to something that is not compiled.
    Unsupported(&'static str),
}

const KNOWN: &[Known] = &[
    Known {
        name: "disable-kprobe-multi",
        values: "`value: \"true\"` or `value: \"false\"`",
        is_value: is_go_bool,
        meaning: Meaning::Mechanism,
    },
    Known {
        name: "disable-uprobe-multi",
        values: "`value: \"true\"` or `value: \"false\"`",
        is_value: is_go_bool,
        meaning: Meaning::Mechanism,
    },
    Known {
        name: "override-method",
        values: "`value: fmod-ret` or `value: override-return`",
        is_value: |value| ["fmod-ret", "override-return"].contains(&value),
        meaning: Meaning::Unsupported("remove it: it concerns `enforcers` only"),
    },
    Known {
        name: "policy-mode",
        values: "`value: enforce` or `value: monitor`",
        is_value: |value| ["enforce", "monitor"].contains(&value),
        meaning: Meaning::Only(
            "enforce",
            "remove the option and the actions that enforce: `Sigkill`, `Signal`, `Override`",
        ),
    },
    Known {
        name: "sleepable-preload-size",
        values: "a number of bytes above 0, such as `value: \"4096\"`",
        is_value: |value| {
            // Rust takes the same texts as Go's `strconv.Atoi`.
            value.parse::<i64>().is_ok_and(|size| size > 0)
        },
        meaning: Meaning::Unsupported("remove it: it concerns `uprobes` and `usdts` only"),
    },
];

/// The words of Go's `strconv.ParseBool`.
fn is_go_bool(value: &str) -> bool {
    const WORDS: [&str; 12] = [
        "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
    ];
    WORDS.contains(&value)
}

/// The values of known options.
pub(super) fn judge(options: &[PolicyOption], sink: &mut Sink) {
    for option in options {
        let PolicyOption { span, name, value } = option;
        let Some(known) = KNOWN.iter().find(|known| known.name == name.value) else {
            continue;
        };
        let good = |value: &&Spanned<String>| (known.is_value)(&value.value);
        if value.as_ref().is_some_and(|value| good(&value)) {
            continue;
        }
        let (message, span) = match value {
            Some(value) => {
                let text = super::shown(&value.value);
                (
                    format!("`{text}` is no value of option `{}`", known.name),
                    value.span,
                )
            }
            None => (format!("option `{}` has no value", known.name), *span),
        };
        let help = format!("write {}", known.values);
        refuse(sink, code::BAD_OPTION, span, message, help);
    }
}

/// What tpc does with them.
pub(super) fn supported(options: &[PolicyOption], sink: &mut Sink) {
    let mut first = BTreeMap::new();
    for option in options {
        match first.entry(option.name.value.as_str()) {
            Entry::Occupied(before) => twice(option, *before.get(), sink),
            Entry::Vacant(place) => {
                place.insert(option.name.span);
                one(option, sink);
            }
        }
    }
}

fn twice(option: &PolicyOption, first: Span, sink: &mut Sink) {
    let message = format!(
        "option `{}` is given twice",
        super::shown(&option.name.value)
    );
    let error = Diagnostic::error(code::BAD_OPTION, message)
        .at(option.name.span)
        .related(first, "first here");
    sink.push(error.help("remove one of the two"));
}

fn one(option: &PolicyOption, sink: &mut Sink) {
    let name = &option.name;
    let Some(known) = KNOWN.iter().find(|known| known.name == name.value) else {
        return unknown(option, sink);
    };
    let value = option.value.as_ref();
    let Some(value) = value.filter(|value| (known.is_value)(&value.value)) else {
        return;
    };
    match known.meaning {
        Meaning::Mechanism => {}
        Meaning::Only(word, _) if value.value == word => {}
        Meaning::Only(_, help) => {
            let what = format!("option `{}` with `{}`", known.name, value.value);
            unsupported(sink, value.span, &what, help);
        }
        Meaning::Unsupported(help) => {
            unsupported(sink, name.span, &format!("option `{}`", known.name), help);
        }
    }
}

/// Whether a switch among the options is on: the last of its name counts.
pub fn is_on(options: &[PolicyOption], name: &str) -> bool {
    const TRUE: [&str; 6] = ["1", "t", "T", "TRUE", "true", "True"];
    let mut same = options.iter().filter(|option| option.name.value == name);
    let value = same.next_back().and_then(|option| option.value.as_ref());
    value.is_some_and(|value| TRUE.contains(&value.value.as_str()))
}

/// The names of all options.
pub fn names() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.name).collect()
}

/// Tetragon ignores options that it does not know.
fn unknown(option: &PolicyOption, sink: &mut Sink) {
    let name = &option.name;
    let names = names();
    let message = format!("there is no option `{}`", super::shown(&name.value));
    let help = match nearest(&name.value, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("remove it; the options are {}", names.join(", ")),
    };
    refuse(sink, code::BAD_OPTION, name.span, message, help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_sorted_and_unique() {
        assert!(KNOWN.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn values_are_those_of_go() {
        let takes = |name: &str, value: &str| {
            let known = KNOWN.iter().find(|known| known.name == name);
            known.is_some_and(|known| (known.is_value)(value))
        };
        let cases = [
            ("disable-kprobe-multi", "True", true),
            ("disable-kprobe-multi", "tRUE", false),
            ("disable-kprobe-multi", "", false),
            ("policy-mode", "monitor_only", false),
            ("sleepable-preload-size", "+64", true),
            ("sleepable-preload-size", "0", false),
            ("sleepable-preload-size", "0x10", false),
            ("sleepable-preload-size", "1_0", false),
            ("sleepable-preload-size", "", false),
        ];
        for (name, value, good) in cases {
            assert_eq!(takes(name, value), good, "{name} {value}");
        }
    }
}

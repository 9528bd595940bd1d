//! Texts that nothing equals, and those that match more than they seem to.

use crate::check::{self, operators};
use crate::diag::{Fix, Spanned, code};
use crate::ir::TextMatch;
use crate::lint::context::{Context, Of};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{ArgType, BinaryOperator, Operator};

use super::filter_without_values::{excludes, is_negated};

pub(in crate::lint) static PATH: Rule = Rule::new(
    2019,
    "impossible-path",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a text that no path of a file has",
        why: "The kernel writes paths from the root, resolved, without `//`, `.` or `..`, and without `/` at their end; there are no \
              patterns, `*` stands for itself. A value that differs matches nothing, and in a negated list it excepts nothing.",
        bad: r#"  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Equal
        values: [«/backups/», «var/backups/*»]
"#,
        good: r#"  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: [/backups/, /var/backups/]
"#,
        fix: "Write the path as the kernel does. For everything in a directory use `Prefix` with `/` at the end.",
    },
    path,
)
.covering(&[code::NEVER_MATCHES, code::NO_EFFECT]);

pub(in crate::lint) static BROAD: Rule = Rule::new(
    2020,
    "broad-prefix",
    Group::Correctness,
    Level::Note,
    Docs {
        summary: "the name of a directory without `/` as a prefix",
        why: "`Prefix` compares texts: `/lib` also matches `/lib64/x`, and `/tmp` a directory `/tmpfiles`. In a list of what is \
              allowed, somebody can make such a directory.",
        bad: r#"  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: [«/etc»]
"#,
        good: r#"  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: [/etc/]
"#,
        fix: "Add `/` at the end; `tpc lint --fix --unsafe-fixes` does. The directory itself is then not matched.",
    },
    broad,
);

pub(in crate::lint) static TEXT: Rule = Rule::new(
    2021,
    "impossible-text",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a text that no value of the type equals",
        why: "Kernel strings end before a NUL, so a value with one inside is never equal. In a buffer a NUL counts: the value with \
              it is one byte longer than the text. Abstract names of local sockets begin with a NUL, not with `@`, and are \
              compared with all their bytes. Of a prefix Tetragon compares 255 bytes.",
        bad: r#"  kprobes:
  - call: security_unix_may_send
    syscall: false
    args:
    - index: 0
      type: sockaddr_un
    selectors:
    - matchArgs:
      - index: 0
        operator: Equal
        values: [«"@/tmp/.X11-unix/X0"»]
"#,
        good: r#"  kprobes:
  - call: security_unix_may_send
    syscall: false
    args:
    - index: 0
      type: sockaddr_un
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: ["/tmp/.X11-unix/X0"]
"#,
        fix: "Write the text as the kernel has it. For an abstract name use `Prefix` without the `@`.",
    },
    text,
)
.covering(&[code::NEVER_MATCHES]);

pub(in crate::lint) static EMPTY: Rule = Rule::new(
    2024,
    "empty-text",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "an empty text to begin, end or occur",
        why: "Every text begins with, ends with and contains the empty text, so the filter holds for everything (an empty value \
              itself excepted). A name of a binary is never empty, and Tetragon finds no text equal to an empty value.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 0
      type: string
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [«""»]
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 0
      type: string
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: ["/dev/"]
"#,
        fix: "Write the text to compare with, or remove the value.",
    },
    empty,
)
.covering(&[code::BAD_VALUE]);

pub(in crate::lint) static ROOT: Rule = Rule::new(
    2127,
    "root-directory",
    Group::Tetragon,
    Level::Warning,
    Docs {
        summary: "the root directory as a value",
        why: "For Tetragon the path of the root directory is the empty text: no operator matches it, negated ones neither. A rule \
              for `/` does nothing.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 1
      type: path
    selectors:
    - matchArgs:
      - index: 1
        operator: Equal
        values: [«/», /etc]
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 1
      type: path
    selectors:
    - matchArgs:
      - index: 1
        operator: Equal
        values: [/etc]
"#,
        fix: "Remove the value, and filter on something else of the call.",
    },
    root,
)
.only_for(&[Target::Tetragon]);

fn of_value(operator: Operator) -> Option<TextMatch> {
    use Operator as O;
    match operator {
        O::Equal | O::NotEqual => Some(TextMatch::Equal),
        O::Prefix | O::NotPrefix => Some(TextMatch::Prefix),
        O::Postfix | O::NotPostfix => Some(TextMatch::Postfix),
        _ => None,
    }
}

fn of_binary(operator: BinaryOperator) -> TextMatch {
    use BinaryOperator as O;
    match operator {
        O::In | O::NotIn => TextMatch::Equal,
        O::Prefix | O::NotPrefix => TextMatch::Prefix,
        O::Postfix | O::NotPostfix => TextMatch::Postfix,
    }
}

/// Lists of paths, with how they are compared and whether they say what a path is not.
fn paths<'a>(context: &Context<'a>) -> Vec<(&'a [Spanned<String>], TextMatch, bool)> {
    let is_path = |ty: ArgType| operators::family(ty).what == "paths";
    let values = context.filters().filter_map(|of| {
        of.filter.ty().filter(|ty| is_path(*ty))?;
        let operator = of.filter.operator();
        Some((
            of.filter.written.values.as_slice(),
            of_value(operator)?,
            is_negated(operator),
        ))
    });
    let mut all: Vec<_> = values.collect();
    for (_, selector) in context.judged_selectors() {
        for filter in selector.binaries.iter().chain(selector.parent_binaries) {
            let operator = filter.operator.value;
            all.push((
                filter.values.as_slice(),
                of_binary(operator),
                excludes(operator),
            ));
        }
    }
    all
}

/// Whether the text is to be filled in.
fn is_placeholder(text: &str) -> bool {
    text.contains("${") || text.contains("{{")
}

fn path(context: &Context<'_>, found: &mut Found) {
    for (values, how, negated) in paths(context) {
        for value in values {
            let text = value.value.trim_end_matches('\0');
            if text.is_empty() || is_placeholder(text) {
                continue;
            }
            let (why, help) = match check::path_flaw(text, how) {
                Some(flaw) => flaw,
                None if text.contains('*') => {
                    ("`*` stands for itself", check::without_wildcard(text))
                }
                None => continue,
            };
            let effect = if negated {
                "excepts nothing"
            } else {
                "matches nothing"
            };
            found.push(finding(value.span, format!("`{text}` {effect}: {why}")).help(help));
        }
    }
}

/// Directories of every system, sorted (Filesystem Hierarchy Standard).
const DIRECTORIES: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

fn broad(context: &Context<'_>, found: &mut Found) {
    for (values, how, _) in paths(context) {
        if how != TextMatch::Prefix {
            continue;
        }
        let broad = values
            .iter()
            .filter(|value| DIRECTORIES.binary_search(&value.value.as_str()).is_ok());
        let broad: Vec<_> = broad.collect();
        let Some(first) = broad.first() else { continue };
        let path = first.value.as_str();
        let message = format!("`{path}` is also the beginning of other names, such as `{path}2`");
        let one = finding(first.span, message).help(format!("write `{path}/`"));
        let one = match broad.len() - 1 {
            0 => one,
            1 => one.label("the same goes for another value of the filter"),
            more => one.label(format!(
                "the same goes for {more} more values of the filter"
            )),
        };
        let edit = |value: &&Spanned<String>| {
            let text = context.sources.slice(value.span);
            let path = &value.value;
            context
                .layout()
                .replace(value.span, text.replace(path.as_str(), &format!("{path}/")))
        };
        found.push(one.fix(Fix::questionable(
            "add `/`",
            broad.iter().map(edit).collect(),
        )));
    }
}

/// The most bytes of a prefix that Tetragon compares.
const PREFIX: usize = 255;

fn text(context: &Context<'_>, found: &mut Found) {
    let for_tetragon = context.settings.targets.contains(&Target::Tetragon);
    for of in context.filters() {
        let (Some(ty), Some(how)) = (of.filter.ty(), of_value(of.filter.operator())) else {
            continue;
        };
        let family = operators::family(ty);
        if !family.works.contains(&of.filter.operator()) {
            continue;
        }
        let is_text = !matches!(family.what, "integers" | "capability sets");
        for value in of.filter.written.values.iter().filter(|_| is_text) {
            if let Some((why, help)) = flaw(&value.value, ty, how, for_tetragon) {
                let effect = match is_negated(of.filter.operator()) {
                    true => "excepts nothing",
                    false => "matches nothing",
                };
                found.push(finding(value.span, format!("the value {effect}: {why}")).help(help));
            }
        }
    }
}

/// Why no value of a type is like a text, and what to write instead.
fn flaw(
    text: &str,
    ty: ArgType,
    how: TextMatch,
    for_tetragon: bool,
) -> Option<(&'static str, String)> {
    let kept = text.trim_end_matches('\0');
    if ty == ArgType::SockaddrUn {
        let name = text.strip_prefix(['@', '\0'])?;
        let help = format!("use `Prefix` with `{}`", name.trim_end_matches('\0'));
        return Some((
            "abstract names are compared without `@` and with all bytes behind them",
            help,
        ));
    }
    if matches!(ty, ArgType::CharBuf | ArgType::DataLoc) {
        let counts = kept.len() < text.len() && how != TextMatch::Prefix && !kept.is_empty();
        return counts.then(|| ("the NUL at its end counts", format!("write `{kept}`")));
    }
    if kept.contains('\0') {
        let before = kept.split('\0').next().unwrap_or_default();
        return Some(("a text ends at its first NUL", format!("write `{before}`")));
    }
    let long = for_tetragon && how == TextMatch::Prefix && text.len() == PREFIX + 1;
    long.then(|| {
        (
            "Tetragon compares 255 bytes of a prefix",
            "write a shorter one".to_owned(),
        )
    })
}

fn empty(context: &Context<'_>, found: &mut Found) {
    let for_tetragon = context.settings.targets.contains(&Target::Tetragon);
    let mut report = |value: &Spanned<String>, negated: bool, never: bool| {
        let message = match (never, negated) {
            (true, true) => "the value excepts nothing: no text is found to be empty",
            (true, false) => "the value matches nothing: no text is found to be empty",
            (false, true) => "the filter never matches: every text has the empty text",
            (false, false) => "the filter always matches: every text has the empty text",
        };
        found.push(
            finding(value.span, message)
                .help("write the text to compare with, or remove the value"),
        );
    };
    for Of { filter, .. } in context.filters() {
        let operator = filter.operator();
        let textual = filter
            .ty()
            .is_some_and(|ty| operators::family(ty).works.contains(&operator));
        let contains = matches!(operator, Operator::SubString | Operator::SubStringIgnCase);
        let part = contains || of_value(operator).is_some_and(|how| how != TextMatch::Equal);
        // The language refuses it: Tetragon does not survive it.
        let fatal =
            of_value(operator) == Some(TextMatch::Postfix) && filter.ty() != Some(ArgType::CharBuf);
        for value in filter
            .written
            .values
            .iter()
            .filter(|value| textual && part && !fatal && value.value.is_empty())
        {
            report(value, is_negated(operator), false);
        }
    }
    // Tetragon does not find an empty text equal to an empty value.
    for of in context.filters().filter(|_| for_tetragon) {
        let equal = of_value(of.filter.operator()) == Some(TextMatch::Equal);
        let text = of
            .filter
            .ty()
            .is_some_and(|ty| operators::family(ty).what == "texts");
        for value in of
            .filter
            .written
            .values
            .iter()
            .filter(|value| equal && text && value.value.is_empty())
        {
            report(value, is_negated(of.filter.operator()), true);
        }
    }
    for (_, selector) in context.judged_selectors() {
        for filter in selector.binaries.iter().chain(selector.parent_binaries) {
            let operator = filter.operator.value;
            let never = of_binary(operator) == TextMatch::Equal;
            for value in filter.values.iter().filter(|value| value.value.is_empty()) {
                report(value, excludes(operator), never);
            }
        }
    }
}

fn root(context: &Context<'_>, found: &mut Found) {
    for (values, how, _) in paths(context) {
        for value in values
            .iter()
            .filter(|value| how == TextMatch::Equal && value.value == "/")
        {
            let one = finding(
                value.span,
                "Tetragon does not match the root directory: its path is empty there",
            );
            found.push(one.help("remove the value"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DIRECTORIES;

    #[test]
    fn sorted() {
        assert!(DIRECTORIES.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

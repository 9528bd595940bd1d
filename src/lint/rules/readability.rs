//! Filters that a value which cannot be read, or a long one, defeats.

use crate::check::form::{Section, Subject};
use crate::check::operators;
use crate::lint::context::{Context, Of};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::ArgType;

use super::filter_without_values::{excludes, is_negated};
use super::whole_policy::enforces;

pub(in crate::lint) static DEFEATED: Rule = Rule::new(
    2204,
    "defeated-not-list",
    Group::Security,
    Level::Warning,
    Docs {
        summary: "a list of what is allowed, which a file without a name gets around",
        why: "A filter on a path that cannot be read is false, also when it is negated. A program that runs from memory \
              (memfd_create(2)) has no path for Tetragon: `NotIn` does not hold for it, so the selector does not match, and \
              nothing is killed or refused. A list of what is allowed lets everything without a name pass.",
        bad: r#"  kprobes:
  - call: security_bprm_check
    syscall: false
    args:
    - index: 0
      type: linux_binprm
    selectors:
    - matchArgs:
      - index: 0
        operator: «NotPrefix»
        values: [/usr/bin/, /usr/sbin/, /usr/lib/]
      matchNamespaces:
      - namespace: Pid
        operator: NotIn
        values: [host_ns]
      matchActions:
      - action: Sigkill
"#,
        good: r#"  kprobes:
  - call: security_bprm_check
    syscall: false
    args:
    - index: 0
      type: linux_binprm
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/usr/bin/, /usr/sbin/, /usr/lib/]
      matchActions:
      - action: NoPost
    - matchNamespaces:
      - namespace: Pid
        operator: NotIn
        values: [host_ns]
      matchActions:
      - action: Sigkill
"#,
        fix: "Turn it round: a first selector that matches what is allowed and does nothing, and a last one without the filter \
              that enforces.",
    },
    defeated,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static NAMELESS: Rule = Rule::new(
    2208,
    "nameless-file",
    Group::Security,
    Level::Note,
    Docs {
        summary: "a negated filter on a path does not see files without a name",
        why: "The root directory, files in memory, pipes and sockets have no path for Tetragon. No operator on paths matches them, \
              `NotEqual` and `NotPrefix` neither, so events about them are missing.",
        bad: r#"  kprobes:
  - call: security_mmap_file
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: «NotPrefix»
        values: [/usr/]
      matchActions:
      - action: Post
        rateLimit: 1m
"#,
        good: r#"  kprobes:
  - call: security_mmap_file
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/usr/]
      matchActions:
      - action: NoPost
    - matchActions:
      - action: Post
        rateLimit: 1m
"#,
        fix: "If they count, match what is to be left out in a first selector with `NoPost`, and the rest in a second one.",
    },
    nameless,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static BEHIND: Rule = Rule::new(
    2118,
    "filter-behind-long-value",
    Group::Tetragon,
    Level::Note,
    Docs {
        summary: "a filter on an argument that is declared behind a long one",
        why: "Tetragon finds the arguments of a call in a record, and looks for them in its first 2,048 bytes. Behind a text, path or \
              buffer that a process makes longer than that, the filter compares with other bytes, which the process may choose: \
              the rule is got around. Behind a closed `fd` it sees those of an earlier event.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 0
      type: string
    - index: 3
      type: uint64
    selectors:
    - matchArgs:
      - «index: 3
        operator: Mask
        values: ["4096"]»
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 3
      type: uint64
    - index: 0
      type: string
    selectors:
    - matchArgs:
      - index: 3
        operator: Mask
        values: ["4096"]
"#,
        fix: "Declare the arguments that filters look at first, numbers before texts. Filters name them by `index` all the same.",
    },
    behind,
)
.only_for(&[Target::Tetragon]);

/// Whether an operator says what a path is not.
fn is_negated_path(of: &Of<'_>) -> bool {
    let path = of
        .filter
        .ty()
        .is_some_and(|ty| operators::family(ty).what == "paths");
    path && is_negated(of.filter.operator())
}

fn defeated(context: &Context<'_>, found: &mut Found) {
    let help = "match what is allowed in a first selector with `NoPost`, and enforce in a last one without this filter";
    for of in context.filters() {
        let enforced = of.selector.actions.iter().any(enforces);
        if enforced && of.filter.of != Subject::Return && is_negated_path(&of) {
            let one = finding(
                of.filter.written.operator.span,
                "a file without a name does not match, and passes",
            );
            found.push(one.help(help));
        }
    }
    for (_, selector) in context.judged_selectors() {
        for filter in selector.binaries.iter().chain(selector.parent_binaries) {
            let operator = filter.operator;
            if selector.actions.iter().any(enforces)
                && excludes(operator.value)
                && !filter.values.is_empty()
            {
                let one = finding(
                    operator.span,
                    "a program that runs from memory does not match, and passes",
                );
                found.push(one.help(help));
            }
        }
    }
}

fn nameless(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        if is_negated_path(&of) && !of.selector.actions.iter().any(enforces) {
            let one = finding(
                of.filter.written.operator.span,
                "files without a name do not match",
            );
            found.push(
                one.help("if they count, leave out the others in a first selector with `NoPost`"),
            );
        }
    }
}

fn behind(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        let Subject::Arg(position) = of.filter.of else {
            continue;
        };
        let before = of.hook.args.iter().take(position);
        let mut long = before.filter(|value| {
            let ty = value.written.declared_type();
            is_long(ty) || ty == ArgType::Fd
        });
        let Some(value) = long
            .next()
            .filter(|_| of.hook.parts.section != Section::Usdts)
        else {
            continue;
        };
        let why = match value.written.declared_type() {
            ArgType::Fd => "closed, it shifts what comes behind it",
            _ => "can be longer than 2,047 bytes",
        };
        let one = finding(
            of.filter.written.span,
            "behind a long value Tetragon compares with other bytes",
        );
        let one = one.related(value.written.span, why);
        found.push(one.help("declare the argument in front of that one"));
    }
}

/// Whether values of a type can take half of what Tetragon looks through.
fn is_long(ty: ArgType) -> bool {
    use ArgType as T;
    matches!(
        ty,
        T::String
            | T::Filename
            | T::CharBuf
            | T::CharIovec
            | T::IovIter
            | T::DataLoc
            | T::File
            | T::Path
            | T::Dentry
            | T::Kiocb
            | T::LinuxBinprm
    )
}

//! Lists and macros that come to nothing.

use std::collections::BTreeSet;

use crate::check::form::Written;
use crate::diag::Spanned;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{List, ListKind};

pub(in crate::lint) static EMPTY: Rule = Rule::new(
    2009,
    "empty-list",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a hook on a list without values",
        why: "The hook has no functions to attach to. Tetragon leaves it out without a word.",
        bad: r#"  lists:
  - name: mounts
    type: syscalls
    values: []
  kprobes:
  - call: «list:mounts»
"#,
        good: r#"  lists:
  - name: mounts
    type: syscalls
    values: [sys_mount, sys_umount]
  kprobes:
  - call: list:mounts
"#,
        fix: "Add values to the list, or `type: generated_syscalls` or `type: generated_ftrace` if the node is to make them.",
    },
    empty,
);

pub(in crate::lint) static CALLS: Rule = Rule::new(
    2039,
    "functions-as-system-calls",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a list of kernel functions that is hooked as system calls",
        why: "`syscall` is true unless it is written. The functions of the list are hooked all the same, but their arguments are looked \
              for where system calls have theirs: filters compare with rubbish.",
        bad: r#"  lists:
  - name: mounts
    values: [security_sb_mount, security_sb_umount]
  kprobes:
  - call: «list:mounts»
"#,
        good: r#"  lists:
  - name: mounts
    values: [security_sb_mount, security_sb_umount]
  kprobes:
  - call: list:mounts
    syscall: false
"#,
        fix: "Add `syscall: false` to the hook, or `type: syscalls` to a list of system calls.",
    },
    calls,
);

pub(in crate::lint) static ORDER: Rule = Rule::new(
    2121,
    "list-of-unmade-calls",
    Group::Tetragon,
    Level::Warning,
    Docs {
        summary: "a generated list of system calls in a policy without kprobes",
        why: "Tetragon makes the values of `generated_syscalls` when it loads the first kprobe that hooks the list. In a \
              policy of tracepoints nothing makes them, and the filter compares with whatever another policy left.",
        bad: r#"  lists:
  - name: «calls»
    type: generated_syscalls
  tracepoints:
  - subsystem: raw_syscalls
    event: sys_enter
    args:
    - index: 4
      type: syscall64
    selectors:
    - matchArgs:
      - index: 4
        operator: InMap
        values: ["list:calls"]
"#,
        good: r#"  lists:
  - name: calls
    type: syscalls
    values: [sys_mount, sys_umount]
  tracepoints:
  - subsystem: raw_syscalls
    event: sys_enter
    args:
    - index: 4
      type: syscall64
    selectors:
    - matchArgs:
      - index: 4
        operator: InMap
        values: ["list:calls"]
"#,
        fix: "Write the calls into the list, with `type: syscalls`.",
    },
    order,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static UNUSED: Rule = Rule::new(
    2502,
    "unused-definition",
    Group::Redundancy,
    Level::Warning,
    Docs {
        summary: "a list or macro that nothing uses",
        why: "The hooks do not look at it. Often its name is misspelt where it should be used, or `list:` is missing.",
        bad: r#"  lists:
  - name: «mounts»
    type: syscalls
    values: [sys_mount, sys_umount]
  kprobes:
  - call: sys_mount
"#,
        good: r#"  lists:
  - name: mounts
    type: syscalls
    values: [sys_mount, sys_umount]
  kprobes:
  - call: list:mounts
"#,
        fix: "Use it, as `list:NAME` or under `macros`, or remove it.",
    },
    unused,
);

/// Prefix of a text that stands for the values of a list.
const LIST: &str = "list:";

fn empty(context: &Context<'_>, found: &mut Found) {
    let spec = &context.policy.spec;
    for call in spec
        .kprobes
        .iter()
        .chain(&spec.fentries)
        .map(|one| &one.call)
    {
        let list = named(call).and_then(|name| context.list(name));
        if let Some(list) = list.filter(|list| !is_generated(list) && list.values.is_empty()) {
            let one = finding(call.span, "the hook is left out: its list has no values");
            let one = one.related(list.name.span, "the list");
            found.push(one.help("add the functions to the list, or remove the hook"));
        }
    }
}

fn named(text: &Spanned<String>) -> Option<&str> {
    text.value.strip_prefix(LIST)
}

/// Whether the node makes the values. That `validated` keeps it from doing so is another rule's.
fn is_generated(list: &List) -> bool {
    let kind = list.kind.map(|kind| kind.value);
    matches!(
        kind,
        Some(ListKind::GeneratedFtrace | ListKind::GeneratedSyscalls)
    )
}

fn calls(context: &Context<'_>, found: &mut Found) {
    let spec = &context.policy.spec;
    let hooks = spec.kprobes.iter().chain(&spec.fentries);
    for hook in hooks.filter(|hook| hook.is_syscall()) {
        let Some(list) = named(&hook.call).and_then(|name| context.list(name)) else {
            continue;
        };
        let calls = match list.kind.map(|kind| kind.value) {
            Some(ListKind::Syscalls | ListKind::GeneratedSyscalls) => true,
            Some(ListKind::GeneratedFtrace) => list
                .pattern
                .as_ref()
                .is_some_and(|one| one.value.contains("sys_")),
            None => list.values.iter().all(|value| value.value.contains("sys_")),
        };
        if !calls {
            let one = finding(
                hook.call.span,
                "the functions of the list are no system calls",
            );
            let one = one.related(list.name.span, "the list");
            found.push(one.help("add `syscall: false`"));
        }
    }
}

fn order(context: &Context<'_>, found: &mut Found) {
    let spec = &context.policy.spec;
    let hooked = |list: &List| {
        let mut calls = spec.kprobes.iter().filter_map(|one| named(&one.call));
        calls.any(|name| name == list.name.value)
    };
    let by_number = used(context);
    for list in &spec.lists {
        let made = list
            .kind
            .is_some_and(|kind| kind.value == ListKind::GeneratedSyscalls);
        if made && by_number.contains(list.name.value.as_str()) && !hooked(list) {
            let one = finding(list.name.span, "nothing makes the values of this list");
            found.push(one.help("write the calls into it, with `type: syscalls`"));
        }
    }
}

/// Names of lists that something refers to.
fn used<'a>(context: &Context<'a>) -> BTreeSet<&'a str> {
    let spec = &context.policy.spec;
    let calls = spec
        .kprobes
        .iter()
        .chain(&spec.fentries)
        .map(|one| &one.call);
    let enforced = spec.enforcers.iter().flat_map(|one| &one.calls);
    let selectors = context
        .selectors()
        .into_iter()
        .map(|(_, selector)| selector);
    let compared = selectors.flat_map(|one| {
        let filters = one.match_args.iter().chain(&one.match_data);
        filters
            .chain(&one.match_return_args)
            .flat_map(|filter| &filter.values)
    });
    calls
        .chain(enforced)
        .chain(compared)
        .filter_map(named)
        .collect()
}

fn unused(context: &Context<'_>, found: &mut Found) {
    let spec = &context.policy.spec;
    let lists = used(context);
    for list in &spec.lists {
        if !lists.contains(list.name.value.as_str()) {
            let one = finding(
                list.name.span,
                format!("nothing uses the list `{}`", list.name.value),
            );
            found.push(one.help(format!(
                "write `list:{}` where it is meant, or remove it",
                list.name.value
            )));
        }
    }
    let selectors = Written::all(spec).flat_map(|hook| hook.parts().selectors);
    let macros: BTreeSet<&str> = selectors
        .flat_map(|one| &one.macros)
        .map(|name| name.value.as_str())
        .collect();
    for one in &spec.selectors_macros {
        if !macros.contains(one.name.value.as_str()) {
            let message = format!("nothing uses the macro `{}`", one.name.value);
            let help = format!(
                "write `macros: [{}]` in a selector, or remove it",
                one.name.value
            );
            found.push(finding(one.name.span, message).help(help));
        }
    }
}

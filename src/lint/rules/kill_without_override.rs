//! `Sigkill` where the call itself could be refused.

use crate::diag::{Code, Fix};
use crate::kernel::security;
use crate::lint::context::{Context, Hook, HookKind, action_of, kills};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::ActionKind;

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2202),
    name: "kill-without-override",
    group: Group::Security,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "the process is killed, but its call is not refused",
        why: "A signal takes effect when the process returns from the kernel. Until then the call goes on: the file \
              is truncated, the packet sent, the mount made. Killing is a punishment, not a prevention. `Override` \
              makes the call fail before it does anything, and can stand beside `Sigkill`. Calls that start a program \
              are an exception: the new program does not get to run.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: [/backups/]
      matchActions:
      - action: «Sigkill»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: [/backups/]
      matchActions:
      - action: Override
        argError: -1
      - action: Sigkill
"#,
        fix: "Put `Override` with `argError: -1` in front of `Sigkill`, or in its place; \
              `tpc lint --fix --unsafe-fixes` puts it in front. Few kernels can override system calls, \
              and other functions cannot be overridden at all: hook the `security_` function that the help names instead.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for hook in context.hooks() {
        let functions = context.functions(&hook);
        if functions.iter().any(|one| security::starts_program(one)) {
            continue;
        }
        let Some(way) = way_out(&hook, &functions) else {
            continue;
        };
        for selector in hook.selectors {
            let prevents = [ActionKind::Override, ActionKind::NotifyEnforcer];
            if prevents
                .iter()
                .any(|kind| action_of(selector, *kind).is_some())
            {
                continue;
            }
            let Some(action) = kills(selector) else {
                continue;
            };
            let span = action.action.span;
            let one = finding(
                span,
                "the call goes on: the process dies when it returns from it",
            )
            .related(hook.name.span, "what is not prevented")
            .help(way.help());
            let edit = context
                .layout()
                .add_item_before(span, "action: Override\nargError: -1");
            found.push(match edit.filter(|_| matches!(way, Way::Here)) {
                Some(edit) => one.fix(Fix::questionable("add `Override`", vec![edit])),
                None => one,
            });
        }
    }
}

/// How the call can be refused.
enum Way {
    /// In this hook.
    Here,
    /// In a hook on this function.
    Behind(&'static str),
}

impl Way {
    fn help(&self) -> String {
        match self {
            Self::Here => "put `Override` with `argError: -1` in front of it".to_owned(),
            Self::Behind(function) => {
                format!(
                    "hook `{function}` with `syscall: false`, and write `Override` with `argError: -1` there"
                )
            }
        }
    }
}

/// `None` where nothing is known. Every kernel lets the functions that decide be overridden, and few let system calls.
fn way_out(hook: &Hook<'_>, functions: &[String]) -> Option<Way> {
    let some = !functions.is_empty();
    let all = |prefix| functions.iter().all(|one: &String| one.starts_with(prefix));
    let mut decisions = functions.iter().map(|one| security::decision_behind(one));
    match hook.kind {
        HookKind::Lsm => Some(Way::Here),
        HookKind::Kprobe if some && all("security_") => Some(Way::Here),
        // Of several calls, each has a function of its own.
        HookKind::Kprobe if some && all("sys_") => match decisions.next().flatten() {
            Some(decision) if decisions.all(|other| other == Some(decision)) => {
                Some(Way::Behind(decision))
            }
            _ => Some(Way::Here),
        },
        HookKind::Kprobe | HookKind::Fentry | HookKind::Tracepoint => {
            decisions.flatten().next().map(Way::Behind)
        }
        HookKind::Uprobe | HookKind::Usdt => None,
    }
}

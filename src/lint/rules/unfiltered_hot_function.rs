//! An event for each of a million calls.

use crate::diag::Code;
use crate::kernel::hot;
use crate::lint::context::{Context, Hook, HookKind, action_of, is_unfiltered};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{Action, ActionKind, Selector};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2401),
    name: "unfiltered-hot-function",
    group: Group::Cost,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "every call of a busy function is reported",
        why: "A busy machine makes these calls thousands of times in a second. One event for each fills the ring \
              buffer, takes whole processors, and the events that matter are among those that get lost.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: «vfs_read»
    syscall: false
    args:
    - index: 0
      type: file
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: vfs_read
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/secrets/]
"#,
        fix: "Add a selector that names what is of interest, hook a function that is called less often, or limit the \
              events: `rateLimit: 1m` on the action `Post`.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for hook in context.hooks() {
        let reports_all = hook.selectors.is_empty() || hook.selectors.iter().any(reports_all);
        if !reports_all || !is_hot(context, &hook) {
            continue;
        }
        found.push(
            finding(hook.name.span, "every call of a busy function is reported")
                .label("called thousands of times in a second")
                .help("add a selector with filters, or `rateLimit` on the action `Post`"),
        );
    }
}

pub(super) fn is_hot(context: &Context<'_>, hook: &Hook<'_>) -> bool {
    match (hook.kind, hook.subsystem) {
        (HookKind::Tracepoint, Some(subsystem)) if !hook.is_syscall => {
            hot::is_hot_tracepoint(subsystem, &hook.name.value)
        }
        (HookKind::Tracepoint, Some("raw_syscalls")) => true,
        _ => context.functions(hook).iter().any(|one| hot::is_hot(one)),
    }
}

/// Whether a selector makes an event of every call.
fn reports_all(selector: &Selector) -> bool {
    let limited = |post: &Action| {
        post.rate_limit
            .as_ref()
            .is_some_and(|limit| !limit.value.is_empty())
    };
    let silent = action_of(selector, ActionKind::NoPost).is_some();
    let limited = action_of(selector, ActionKind::Post).is_some_and(limited);
    is_unfiltered(selector) && !silent && !limited
}

//! `rateLimitScope` that has nothing to limit.

use crate::diag::{Code, Fix, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::ActionKind;

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2006),
    name: "lonely-rate-limit-scope",
    group: Group::Correctness,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[code::NO_EFFECT],
    docs: Docs {
        summary: "`rateLimitScope` stands without `rateLimit`",
        why: "The scope says to whom a limit applies. Without a limit it is not even read, and every call is reported.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    selectors:
    - matchActions:
      - action: Post
        rateLimitScope: «global»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    selectors:
    - matchActions:
      - action: Post
        rateLimit: 1m
        rateLimitScope: global
"#,
        fix: "Add `rateLimit:` with a time, or remove the scope. `tpc lint --fix` removes it, which changes nothing \
              of what the policy does.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for action in context.actions() {
        let has_limit = action
            .rate_limit
            .as_ref()
            .is_some_and(|limit| !limit.value.is_empty());
        let Some(scope) = action.rate_limit_scope.as_ref().filter(|_| !has_limit) else {
            continue;
        };
        if action.action.value != ActionKind::Post || scope.value.is_empty() {
            continue;
        }
        let one = finding(
            scope.span,
            "`rateLimitScope` has no effect without `rateLimit`",
        )
        .help("add `rateLimit:`, for example `rateLimit: 1m`, or remove it");
        found.push(match context.layout().remove_entry(scope.span) {
            Some(edit) => one.fix(Fix::safe("remove `rateLimitScope`", vec![edit])),
            None => one,
        });
    }
}

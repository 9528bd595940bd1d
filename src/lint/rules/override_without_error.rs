//! `Override` that makes a call seem to succeed.

use crate::diag::{Code, Fix, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::ActionKind;

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2004),
    name: "override-without-error",
    group: Group::Correctness,
    level: Level::Error,
    since: "0.1.0",
    target: None,
    covers: &[code::BAD_ACTION],
    docs: Docs {
        summary: "`Override` has no error to return",
        why: "Without `argError` the value is 0, which callers take for success: a program believes that it has \
              opened a file or dropped its privileges, and goes on. A `security_` function that returns 0 even allows \
              what the policy was to refuse.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    selectors:
    - matchActions:
      - action: «Override»
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
      - action: Override
        argError: -1
"#,
        fix: "Say which error the caller gets: `argError: -1` is \"operation not permitted\", `-13` \"permission \
              denied\". `tpc lint --fix --unsafe-fixes` writes -1; if 0 is meant, write `argError: 0`.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for action in context.actions() {
        let is_override = action.action.value == ActionKind::Override;
        // Overrides of uprobes may set registers instead.
        if !is_override || action.arg_error.is_some() || !action.arg_regs.is_empty() {
            continue;
        }
        let span = action.action.span;
        let one = finding(
            span,
            "`Override` has no error to return: the call would seem to succeed",
        )
        .help("add `argError:` with an error as a negative number, for example -1 (EPERM)");
        found.push(match context.layout().add_entry(span, "argError: -1") {
            Some(edit) => one.fix(Fix::questionable("add `argError: -1`", vec![edit])),
            None => one,
        });
    }
}

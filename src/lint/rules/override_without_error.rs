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
    targets: &[],
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
  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchActions:
      - action: «Override»
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
  - call: security_sb_mount
    syscall: false
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
        // Overrides of uprobes may set registers or jump instead.
        let jumps = action.arg_new_symbol.is_some()
            || action.arg_new_addr.is_some()
            || action.arg_new_offset.is_some();
        let other = jumps || !action.arg_regs.is_empty();
        if !is_override || action.arg_error.is_some() || other {
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

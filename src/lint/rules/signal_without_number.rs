//! `Signal` that sends nothing.

use crate::diag::{Code, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::ActionKind;

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2005),
    name: "signal-without-number",
    group: Group::Correctness,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[code::BAD_ACTION],
    docs: Docs {
        summary: "`Signal` does not say which signal",
        why: "Without `argSig` the number is 0, and signal 0 is none: the action does nothing, while events say that \
              it was taken.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    selectors:
    - matchActions:
      - action: «Signal»
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
      - action: Signal
        argSig: 15
"#,
        fix: "Add `argSig:` with the number of the signal, for example 15 (SIGTERM) or 19 (SIGSTOP).",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for action in context.actions() {
        if action.action.value == ActionKind::Signal && action.arg_sig.is_none() {
            let message = "`Signal` does not say which signal: nothing would be sent";
            let help = "add `argSig:` with a number from 1 to 64, for example 15 (SIGTERM)";
            found.push(finding(action.action.span, message).help(help));
        }
    }
}

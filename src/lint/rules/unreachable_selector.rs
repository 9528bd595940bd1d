//! A selector behind one that matches every call.

use crate::diag::Code;
use crate::lint::context::{Context, is_unfiltered};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2007),
    name: "unreachable-selector",
    group: Group::Correctness,
    level: Level::Warning,
    since: "0.1.0",
    target: None,
    covers: &[],
    docs: Docs {
        summary: "a selector stands behind one that matches every call",
        why: "The first selector that matches decides, and its actions alone are taken. One without filters matches \
              always, so those behind it are never judged: an enforcing selector there enforces nothing.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchActions:
      - action: Post
        rateLimit: 1m
    - «matchArgs:
      - index: 0
        operator: Prefix
        values: [/secrets/]
      matchActions:
      - action: Override
        argError: -1»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/secrets/]
      matchActions:
      - action: Override
        argError: -1
    - matchActions:
      - action: Post
        rateLimit: 1m
"#,
        fix: "Put the selector without filters last, or give it filters.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for hook in context.hooks() {
        let Some(first) = hook.selectors.iter().position(is_unfiltered) else {
            continue;
        };
        let Some(always) = hook.selectors.get(first) else {
            continue;
        };
        for selector in hook.selectors.iter().skip(first + 1) {
            found.push(
                finding(
                    selector.span,
                    "the selector is never judged: one before it matches every call",
                )
                .label("never judged")
                .related(always.span, "has no filters")
                .help("put the selector without filters last, or give it filters"),
            );
        }
    }
}

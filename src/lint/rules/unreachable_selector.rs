//! A selector behind one that matches every call.

use crate::diag::Code;
use crate::lint::context::{Context, is_unfiltered};
use crate::lint::reason;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2007),
    name: "unreachable-selector",
    group: Group::Correctness,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a selector stands behind one that matches every call that it matches",
        why: "The first selector that matches decides, and its actions alone are taken. Behind one without filters, or with \
              a shorter prefix, a larger network or range, others are never judged: an enforcing selector there enforces \
              nothing.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  options:
  - name: disable-kprobe-multi
    value: "true"
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
  options:
  - name: disable-kprobe-multi
    value: "true"
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
    for hook in &context.judged.hooks {
        for (at, selector) in hook.selectors.iter().enumerate() {
            let mut before = hook.selectors.iter().take(at);
            let Some(broad) = before.find(|one| reason::shadows(one, selector)) else {
                continue;
            };
            let (why, how) = match is_unfiltered(broad.written) {
                true => ("one before it matches every call", "has no filters"),
                false => (
                    "one before it matches all that it does",
                    "matches the same and more",
                ),
            };
            found.push(
                finding(
                    selector.written.span,
                    format!("the selector is never judged: {why}"),
                )
                .label("never judged")
                .related(broad.written.span, how)
                .help("put the narrower selector first, or give the broader one filters"),
            );
        }
    }
}

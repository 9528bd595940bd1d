//! `validated: true` on a list that Tetragon generates.

use crate::diag::{Code, Fix};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::ListKind;

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2002),
    name: "validated-generated-list",
    group: Group::Correctness,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "`validated: true` leaves a generated list empty",
        why: "The flag says that the values of the list were checked already. Tetragon then does not generate any \
              either: the list stays empty, hooks that name it hook nothing, and the policy loads all the same. The \
              field is meant for Tetragon itself.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  lists:
  - name: all
    type: generated_ftrace
    pattern: ^security_sb_
    validated: «true»
  kprobes:
  - call: list:all
    syscall: false
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  lists:
  - name: all
    type: generated_ftrace
    pattern: ^security_sb_
  kprobes:
  - call: list:all
    syscall: false
"#,
        fix: "Remove the line. `tpc lint --fix` does.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for list in &context.policy.spec.lists {
        let Some(flag) = list.validated.filter(|flag| flag.value) else {
            continue;
        };
        let Some(kind) = list.kind.filter(|kind| kind.value != ListKind::Syscalls) else {
            continue;
        };
        let message = format!("the list `{}` stays empty", list.name.value);
        let one = finding(flag.span, message)
            .label("nothing is generated")
            .related(kind.span, "would be generated")
            .help("remove `validated`");
        found.push(match context.layout().remove_entry(flag.span) {
            Some(edit) => one.fix(Fix::safe("remove `validated`", vec![edit])),
            None => one,
        });
    }
}

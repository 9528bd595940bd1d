//! Two lists of one name.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2001),
    name: "duplicate-list-name",
    group: Group::Correctness,
    level: Level::Error,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a list has the name of an earlier one",
        why: "Where a hook names a list, the first of that name is taken. The second one is never looked at: its \
              functions are not hooked, and nothing says so.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  lists:
  - name: calls
    type: syscalls
    values: [sys_mount]
  - name: «calls»
    type: syscalls
    values: [sys_umount]
  kprobes:
  - call: "list:calls"
    syscall: true
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  lists:
  - name: calls
    type: syscalls
    values: [sys_mount, sys_umount]
  kprobes:
  - call: "list:calls"
    syscall: true
"#,
        fix: "Merge the two lists, or rename the second one and name it where it is meant.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    let lists = &context.policy.spec.lists;
    for (position, list) in lists.iter().enumerate() {
        let name = &list.name;
        let mut before = lists.iter().take(position);
        if let Some(first) = before.find(|first| first.name.value == name.value) {
            let message = format!("a list named `{}` is there already", name.value);
            found.push(
                finding(name.span, message)
                    .label("never looked at")
                    .related(first.name.span, "the list that counts")
                    .help("merge the two, or rename this one"),
            );
        }
    }
}

//! More than one entry of `matchPIDs`.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2102),
    name: "second-pid-filter",
    group: Group::Tetragon,
    level: Level::Error,
    since: "0.1.0",
    targets: &[Target::Tetragon],
    covers: &[],
    docs: Docs {
        summary: "a selector has more than one `matchPIDs` entry",
        why: "Tetragon's program in the kernel reads one entry. It takes the rest for the filters that follow, so \
              the selector as a whole means something else; the policy loads without a word. tpc judges them all.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    selectors:
    - matchPIDs:
      - operator: NotIn
        values: [1]
        followForks: true
      - operator: «NotIn»
        values: [0]
        isNamespacePID: true
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    selectors:
    - matchPIDs:
      - operator: NotIn
        values: [1]
        followForks: true
"#,
        fix: "Merge the values into one entry, or write a selector for each.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for (_, selector) in context.selectors() {
        let [first, second, ..] = selector.match_pids.as_slice() else {
            continue;
        };
        found.push(
            finding(
                second.operator.span,
                "Tetragon reads one `matchPIDs` entry of a selector",
            )
            .label("taken for other filters")
            .related(first.operator.span, "the entry that is read")
            .help("merge the entries, or write a selector for each"),
        );
    }
}

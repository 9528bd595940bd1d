//! More process ids than Tetragon compares.

use crate::diag::Code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2103),
    name: "fifth-pid",
    group: Group::Tetragon,
    level: Level::Error,
    since: "0.1.0",
    targets: &[Target::Tetragon],
    covers: &[],
    docs: Docs {
        summary: "a `matchPIDs` entry has more than four values",
        why: "Tetragon's program in the kernel compares four. Further ones are ignored, from the eighth on they spoil \
              the filters behind; the policy loads without a word. tpc compares them all.",
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
        values: [1, 2, 3, 4, «5»]
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
        values: [1, 2, 3, 4]
"#,
        fix: "With `In`, write several selectors with up to four values each. With `NotIn`, filter by something \
              else, such as `matchBinaries`: numbers of processes change with every start anyway.",
    },
    check,
};

/// Values that are compared (`bpf/process/pfilter.h`).
const COMPARED: usize = 4;

fn check(context: &Context<'_>, found: &mut Found) {
    let filters = context
        .selectors()
        .into_iter()
        .flat_map(|(_, one)| &one.match_pids);
    for filter in filters {
        if let Some(fifth) = filter.values.get(COMPARED) {
            let message = format!(
                "Tetragon compares {COMPARED} process ids of {}",
                filter.values.len()
            );
            found.push(
                finding(fifth.span, message)
                    .label("ignored from here on")
                    .help(
                        "spread the values over several selectors, or filter with `matchBinaries`",
                    ),
            );
        }
    }
}

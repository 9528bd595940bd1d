//! Names of fields in the wrong case.

use crate::diag::code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static RULE: Rule = Rule::new(
    code::MISCASED_FIELD.0,
    "miscased-field",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "the name of a field is in the wrong case",
        why: "Tetragon takes the field of a file whatever its case, but its schema knows the right name only: what the field holds \
              is not checked, and gets no defaults. Misspelt operators pass, `syscall` is false, `type` is `auto`. Kubernetes drops \
              the field, and the policy loads without it. tpc does not compile such a policy.",
        bad: r#"  kprobes:
  - call: sys_mount
    «Selectors»:
    - matchBinaries:
      - operator: NotIn
        values: [/usr/bin/mount]
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - operator: NotIn
        values: [/usr/bin/mount]
"#,
        fix: "Write the name as the help shows; `tpc lint --fix` does.",
    },
    check,
);

/// Decoding finds them, for it refuses the policy: see `policy::decode`.
fn check(_: &Context<'_>, _: &mut Found) {}

//! Options that nothing reads.

use std::collections::BTreeMap;

use crate::check;
use crate::diag::{Span, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::nearest;

pub(in crate::lint) static RULE: Rule = Rule::new(
    2008,
    "unknown-option",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "an option that does not exist, or is given twice",
        why: "Tetragon skips options that it does not know, and of two with one name the last one counts. A misspelt \
              `policy-mode` leaves the policy in the other mode.",
        bad: r#"  options:
  - name: «policy-mod»
    value: monitor
  kprobes:
  - call: sys_mount
"#,
        good: r#"  options:
  - name: policy-mode
    value: monitor
  kprobes:
  - call: sys_mount
"#,
        fix: "Write the name as the help shows; of two, remove one.",
    },
    check,
)
.covering(&[code::BAD_OPTION]);

fn check(context: &Context<'_>, found: &mut Found) {
    let names = check::option_names();
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for option in &context.policy.spec.options {
        let name = option.name.value.as_str();
        let span = option.name.span;
        if !names.contains(&name) {
            let message = format!("there is no option `{name}`: it is skipped");
            let help = match nearest(name, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("remove it; the options are {}", names.join(", ")),
            };
            found.push(finding(span, message).help(help));
        } else if let Some(first) = seen.insert(name, span) {
            let message = format!("option `{name}` is given twice: the last one counts");
            let one = finding(span, message).related(first, "first here");
            found.push(one.help("remove one of the two"));
        }
    }
}

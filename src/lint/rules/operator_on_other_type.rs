//! Operators that load with a type and do not work on it.

use crate::check::operators::{self, Fit};
use crate::diag::code;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::ArgType;

pub(in crate::lint) static RULE: Rule = Rule::new(
    2018,
    "operator-on-other-type",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "an operator that matches always or never on values of this type",
        why: "Tetragon does not look at the type of operators such as `Prefix` when it loads a policy. On numbers and sockets they \
              match never, also negated; on types such as `kiocb`, `char_iovec` and `cred` they match always, so that a rule for \
              one file hits every file.",
        bad: r#"  kprobes:
  - call: vfs_iter_write
    syscall: false
    args:
    - index: 0
      type: kiocb
    selectors:
    - matchArgs:
      - index: 0
        operator: «Prefix»
        values: [/etc/]
"#,
        good: r#"  kprobes:
  - call: vfs_iter_write
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/etc/]
"#,
        fix: "Declare the argument with the type that it has, or use an operator of its type.",
    },
    check,
)
.covering(&[code::BAD_OPERATOR]);

fn check(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        let Some(ty) = of.filter.ty().filter(|ty| *ty != ArgType::Auto) else {
            continue;
        };
        let family = operators::family(ty);
        let operator = of.filter.written.operator;
        let how = match family.fit(operator.value) {
            Fit::Always => "always matches",
            Fit::Never => "never matches",
            Fit::Works | Fit::Refused => continue,
        };
        let message = format!("`{}` {how} on {}", operator.value, family.what);
        let one = finding(operator.span, message);
        let place = of.filter.value.map(|value| value.written);
        let one = match place.and_then(|arg| arg.ty) {
            Some(ty) => one.related(ty.span, "the argument's type"),
            None => one,
        };
        found.push(match family.works {
            [] => one.help("declare the argument with another type, such as `file` or `string`, or remove the filter"),
            _ => one.help(format!("use one of {}", family.names())),
        });
    }
}

//! Paths that are symbolic links.

use crate::diag::{Code, Spanned};
use crate::lint::context::Context;
use crate::lint::facts::links::{self, Behind};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{ArgType, BinaryOperator, Operator};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2203),
    name: "symlink-path",
    group: Group::Security,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a path is a symbolic link on common distributions",
        why: "The kernel resolves links before it opens or runs a file, and filters see the result. `/bin/sh` is \
              `/usr/bin/dash` on Debian and `/usr/bin/bash` on Fedora, so a filter on `/bin/sh` matches nothing there: \
              a rule for it is silent, an exemption for it has no effect. Programs in scripts are their interpreter.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - operator: In
        values: [«/bin/sh»]
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/dash, /usr/bin/bash]
"#,
        fix: "Write the paths that the link leads to; `readlink -f PATH` on a node, or in the image of the container, \
              shows them. To cover several systems, list the path of each.",
    },
    check,
};

/// How a filter compares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Equal,
    Prefix,
}

fn check(context: &Context<'_>, found: &mut Found) {
    for (hook, selector) in context.selectors() {
        let binaries = selector.match_binaries.iter();
        for filter in binaries.chain(&selector.match_parent_binaries) {
            if let Some(how) = of_binary(filter.operator.value) {
                values(&filter.values, how, found);
            }
        }
        for filter in &selector.match_args {
            let ty = hook.and_then(|hook| hook.type_of(filter));
            if let Some(how) =
                of_value(filter.operator.value).filter(|_| ty.is_some_and(is_resolved))
            {
                values(&filter.values, how, found);
            }
        }
    }
}

fn of_binary(operator: BinaryOperator) -> Option<How> {
    match operator {
        BinaryOperator::In | BinaryOperator::NotIn => Some(How::Equal),
        BinaryOperator::Prefix | BinaryOperator::NotPrefix => Some(How::Prefix),
        BinaryOperator::Postfix | BinaryOperator::NotPostfix => None,
    }
}

fn of_value(operator: Operator) -> Option<How> {
    match operator {
        Operator::Equal | Operator::NotEqual => Some(How::Equal),
        Operator::Prefix | Operator::NotPrefix => Some(How::Prefix),
        _ => None,
    }
}

/// Whether values of the type are paths as the kernel has resolved them.
fn is_resolved(ty: ArgType) -> bool {
    use ArgType as T;
    matches!(
        ty,
        T::File | T::Path | T::Dentry | T::Fd | T::LinuxBinprm | T::Kiocb
    )
}

fn values(values: &[Spanned<String>], how: How, found: &mut Found) {
    let covered = |path: &str| {
        let covers = |value: &Spanned<String>| match how {
            How::Equal => path == value.value,
            How::Prefix => path.starts_with(&value.value),
        };
        values.iter().any(covers)
    };
    for value in values {
        let behind = match how {
            How::Equal => links::behind(&value.value),
            How::Prefix => links::directory_behind(&value.value),
        };
        if behind.is_empty() || behind.iter().any(|(path, _)| covered(path)) {
            continue;
        }
        let message = format!(
            "`{}` is a symbolic link on common distributions",
            value.value
        );
        let help = format!("write what it leads to: {}", shown(&behind));
        found.push(
            finding(value.span, message)
                .label("matches nothing there")
                .help(help),
        );
    }
}

fn shown(behind: &[Behind]) -> String {
    let one = |(path, on): &Behind| format!("`{path}` ({on})");
    behind.iter().map(one).collect::<Vec<_>>().join(", ")
}

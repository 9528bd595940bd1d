//! Busy functions whose events only exceptions keep down.

use crate::diag::Span;
use crate::lint::context::{Context, action_of, is_unfiltered};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{ActionKind, BinaryOperator, Selector, SetOperator};

use super::kill_of_essential_process::is_narrow;
use super::unfiltered_hot_function::is_hot;

pub(in crate::lint) static RULE: Rule = Rule::new(
    2402,
    "unlimited-events",
    Group::Cost,
    Level::Note,
    Docs {
        summary: "a busy function reports everything but some exceptions, without a limit",
        why: "The selector names what is left out, not what is meant. On a function that runs thousands of times in a second, \
              whatever is new on the node floods the events.",
        bad: r#"  kprobes:
  - call: «security_file_permission»
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchBinaries:
      - operator: NotIn
        values: [/usr/bin/cat]
"#,
        good: r#"  kprobes:
  - call: security_file_permission
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchBinaries:
      - operator: NotIn
        values: [/usr/bin/cat]
      matchActions:
      - action: Post
        rateLimit: 1m
"#,
        fix: "Say what is meant, with `Prefix` or `In`, or limit the events: `rateLimit: 1m` on the action `Post`.",
    },
    check,
);

fn check(context: &Context<'_>, found: &mut Found) {
    for hook in context.hooks() {
        let floods =
            |one: &&Selector| !is_unfiltered(one) && !names_anything(one) && !is_limited(one);
        let Some(selector) = hook.selectors.iter().find(floods) else {
            continue;
        };
        if is_hot(context, &hook) {
            let span: Span = selector.span;
            let one = finding(
                hook.name.span,
                "a busy function reports all but some exceptions",
            );
            let one = one.related(span, "names what is left out only");
            found.push(one.help("add `rateLimit` to the action `Post`, or say what is meant"));
        }
    }
}

/// Whether a filter of the selector says what it is about.
fn names_anything(selector: &Selector) -> bool {
    use BinaryOperator as O;
    let values = selector.match_args.iter().chain(&selector.match_data);
    let values = values
        .chain(&selector.match_return_args)
        .any(|filter| is_narrow(filter) || !is_negated(filter));
    let binaries = selector
        .match_binaries
        .iter()
        .chain(&selector.match_parent_binaries);
    let binaries = binaries
        .into_iter()
        .any(|filter| matches!(filter.operator.value, O::In | O::Prefix | O::Postfix));
    let pids = selector
        .match_pids
        .iter()
        .any(|filter| filter.operator.value == SetOperator::In);
    let namespaces = selector
        .match_namespaces
        .iter()
        .any(|filter| filter.operator.value == SetOperator::In);
    let changes = !selector.match_namespace_changes.is_empty()
        || !selector.match_capability_changes.is_empty();
    let others = selector.match_workloads.is_some()
        || !selector.macros.is_empty()
        || !selector.match_capabilities.is_empty();
    values || binaries || pids || namespaces || changes || others
}

fn is_negated(filter: &crate::policy::ArgFilter) -> bool {
    super::filter_without_values::is_negated(filter.operator.value)
}

fn is_limited(selector: &Selector) -> bool {
    let limited = action_of(selector, ActionKind::Post).and_then(|post| post.rate_limit.as_ref());
    action_of(selector, ActionKind::NoPost).is_some()
        || limited.is_some_and(|limit| !limit.value.is_empty())
}

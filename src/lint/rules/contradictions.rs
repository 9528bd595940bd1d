//! Filters of a selector against each other.

use crate::diag::code;
use crate::lint::context::Context;
use crate::lint::reason;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};

pub(in crate::lint) static NEVER: Rule = Rule::new(
    2025,
    "contradicting-filters",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "two filters of a selector that no call passes",
        why: "All filters of a selector must hold. Where one asks for what the other excludes, the selector never matches, and its \
              actions are never taken. Values of one filter are alternatives, filters are not.",
        bad: r#"  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: [/var/log/]
      - «index: 1
        operator: Prefix
        values: [/srv/backups/]»
"#,
        good: r#"  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: [/var/log/, /srv/backups/]
"#,
        fix: "Write alternatives as values of one filter, or as selectors of their own.",
    },
    never,
);

pub(in crate::lint) static CONSTANT: Rule = Rule::new(
    2026,
    "constant-filter",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a comparison of numbers that always or never holds",
        why: "No unsigned number is less than 0, none is greater than the largest of its type, and every number lies in a range over \
              the whole type. The filter says something else than was meant.",
        bad: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 3
      type: uint32
    selectors:
    - matchArgs:
      - «index: 3
        operator: LT
        values: ["0"]»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 3
      type: int32
    selectors:
    - matchArgs:
      - index: 3
        operator: LT
        values: ["0"]
"#,
        fix: "Correct the number or the argument's type, or remove the filter.",
    },
    constant,
)
.covering(&[code::NEVER_MATCHES]);

pub(in crate::lint) static IMPLIED: Rule = Rule::new(
    2503,
    "implied-filter",
    Group::Redundancy,
    Level::Note,
    Docs {
        summary: "a filter that another one of the selector implies",
        why: "Whatever passes the other filter passes this one too: it changes nothing. Often the other one is too narrow, because its \
              values were meant as further alternatives.",
        bad: r#"  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - «index: 1
        operator: Prefix
        values: [/var/]»
      - index: 1
        operator: Prefix
        values: [/var/log/]
"#,
        good: r#"  kprobes:
  - call: security_inode_unlink
    syscall: false
    args:
    - index: 1
      type: dentry
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: [/var/log/]
"#,
        fix: "Remove the filter, or write both values into one.",
    },
    implied,
);

fn never(context: &Context<'_>, found: &mut Found) {
    for (_, selector) in context.judged_selectors() {
        let claims = reason::claims(selector).unwrap_or_default();
        for (at, later) in claims.iter().enumerate() {
            let mut before = claims.iter().take(at);
            // What never holds by itself is another rule's.
            let by_itself = |claim: &reason::Claim| claim.is_constant() == Some(false);
            if let Some(earlier) =
                before.find(|one| later.excludes(one) && !by_itself(one) && !by_itself(later))
            {
                let one = finding(
                    later.span,
                    "the selector never matches: no value passes both filters",
                );
                let one = one.related(earlier.span, "excludes it");
                found.push(
                    one.help("write alternatives as values of one filter, or as another selector"),
                );
            }
        }
    }
}

fn constant(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        let claim = reason::of_filter(of.filter);
        let Some(always) = claim.is_constant() else {
            continue;
        };
        // Where no value is one of the type, that is said of the values.
        let values = super::numbers::limits(&of)
            .is_some_and(|limits| super::numbers::has_some(of.filter, limits));
        if !values {
            continue;
        }
        let how = if always { "always" } else { "never" };
        let one = finding(
            claim.span,
            format!("the filter {how} matches, whatever the number is"),
        );
        let declared = of.filter.value.and_then(|value| value.written.ty);
        let one = match declared {
            Some(ty) => one.related(ty.span, "by the argument's type"),
            None => one,
        };
        found.push(one.help("correct the number or the type, or remove the filter"));
    }
}

fn implied(context: &Context<'_>, found: &mut Found) {
    for (_, selector) in context.judged_selectors() {
        let claims = reason::claims(selector).unwrap_or_default();
        for (at, claim) in claims.iter().enumerate() {
            let implies = |(other, one): &(usize, &reason::Claim)| {
                let equal = claim.implies(one);
                *other != at && one.implies(claim) && (!equal || *other < at)
            };
            if claim.is_constant().is_some() || claims.iter().any(|one| one.excludes(claim)) {
                continue;
            }
            let by = claims.iter().enumerate().find(implies);
            if let Some((_, by)) =
                by.filter(|(_, by)| by.is_constant().is_none() && by.span != claim.span)
            {
                let one = finding(claim.span, "the filter changes nothing")
                    .related(by.span, "implies it");
                found.push(one.help("remove it, or write both values into one filter"));
            }
        }
    }
}

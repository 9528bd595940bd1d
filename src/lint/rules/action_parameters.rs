//! Parameters that their action does not look at, and actions that contradict each other.

use crate::check::form::Section;
use crate::diag::{Span, Spanned, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{Action, ActionKind};

pub(in crate::lint) static FOREIGN: Rule = Rule::new(
    2013,
    "foreign-parameter",
    Group::Correctness,
    Level::Warning,
    Docs {
        summary: "a parameter that its action does not have",
        why: "It is ignored. Who writes `argSig: 9` on `Post` or `argError` on `Sigkill` counts on a signal that is not sent or on \
              an error that is not returned.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchActions:
      - action: Post
        argSig: «9»
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchActions:
      - action: Post
"#,
        fix: "Remove it, or write the action that has it.",
    },
    foreign,
)
.covering(&[code::NO_EFFECT, code::BAD_ACTION]);

pub(in crate::lint) static CONTRADICTION: Rule = Rule::new(
    2034,
    "contradicting-actions",
    Group::Correctness,
    Level::Warning,
    Docs {
        summary: "two actions of a selector of which one undoes the other",
        why: "Actions are taken in their order. `NoPost` suppresses the event wherever a `Post` stands; of two `Override` the last one \
              counts; of two `Post` one limit counts.",
        bad: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchActions:
      - action: «Post»
      - action: NoPost
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchActions:
      - action: NoPost
"#,
        fix: "Remove one of the two.",
    },
    contradiction,
)
.covering(&[code::NO_EFFECT, code::BAD_ACTION]);

pub(in crate::lint) static JUMP: Rule = Rule::new(
    2032,
    "one-jump-for-many",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "several places of a program share one `argNewSymbol`",
        why: "The distance to the new symbol is computed once, from the first place. From all others the process jumps into the \
              middle of something else.",
        bad: r#"# tpc: ignore-file[newer-kernel] our kernels have it
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  uprobes:
  - path: /usr/bin/app
    symbols: [check_license, check_update]
    selectors:
    - matchActions:
      - action: Override
        argNewSymbol: «check_nothing»
"#,
        good: r#"# tpc: ignore-file[newer-kernel] our kernels have it
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  uprobes:
  - path: /usr/bin/app
    symbols: [check_license]
    selectors:
    - matchActions:
      - action: Override
        argNewSymbol: check_nothing
"#,
        fix: "Write an entry for each symbol.",
    },
    jump,
);

/// A parameter that is given: its place and name, and the actions that take it.
type Parameter = (Option<Span>, &'static str, &'static [ActionKind]);

fn parameters(action: &Action) -> [Parameter; 13] {
    use ActionKind as A;
    let text = |text: &Option<Spanned<String>>| {
        let text = text.as_ref().filter(|text| !text.value.is_empty());
        text.map(|text| text.span)
    };
    let flag = |flag: Option<Spanned<bool>>| flag.filter(|flag| flag.value).map(|flag| flag.span);
    [
        (text(&action.arg_url), "argUrl", &[A::GetUrl]),
        (text(&action.arg_fqdn), "argFqdn", &[A::DnsLookup]),
        (
            action.arg_error.map(|one| one.span),
            "argError",
            &[A::Override, A::NotifyEnforcer],
        ),
        (
            action.arg_sig.map(|one| one.span),
            "argSig",
            &[A::Signal, A::NotifyEnforcer],
        ),
        (
            action.arg_sock.map(|one| one.span),
            "argSock",
            &[A::TrackSock, A::UntrackSock],
        ),
        (action.arg_index.map(|one| one.span), "argIndex", &[A::Set]),
        (action.arg_value.map(|one| one.span), "argValue", &[A::Set]),
        (
            action.arg_regs.first().map(|one| one.span),
            "argRegs",
            &[A::Override],
        ),
        (text(&action.arg_new_symbol), "argNewSymbol", &[A::Override]),
        (
            action.arg_new_addr.map(|one| one.span),
            "argNewAddr",
            &[A::Override],
        ),
        (
            action.arg_new_offset.map(|one| one.span),
            "argNewOffset",
            &[A::Override],
        ),
        (flag(action.ima_hash), "imaHash", &[A::Post]),
        (
            flag(action.kernel_stack_trace).or(flag(action.user_stack_trace)),
            "stack traces",
            &[A::Post],
        ),
    ]
}

/// Parameters of `Override` that only uprobes have.
const OF_PROGRAMS: &[&str] = &["argRegs", "argNewSymbol", "argNewAddr", "argNewOffset"];

fn foreign(context: &Context<'_>, found: &mut Found) {
    for (hook, selector) in context.judged_selectors() {
        let section = hook.parts.section;
        // Kprobes and fentries refuse stack traces on other actions.
        let refuses = matches!(section, Section::Kprobes | Section::Fentries);
        for action in selector.actions.iter().chain(selector.return_actions) {
            let kind = action.action.value;
            for (span, what, owners) in parameters(action) {
                let Some(span) = span else { continue };
                let said = refuses && what == "stack traces";
                let idle = !(said || owners.contains(&kind));
                let elsewhere = OF_PROGRAMS.contains(&what) && section != Section::Uprobes;
                let message = match (idle, elsewhere) {
                    (true, _) => format!("`{what}` has no effect on `{kind}`"),
                    (false, true) => format!("`{what}` has an effect on uprobes only"),
                    (false, false) => continue,
                };
                let one = finding(span, message);
                found.push(match owners {
                    [owner, ..] if idle => {
                        one.help(format!("remove it, or write an action `{owner}` with it"))
                    }
                    _ => one.help("remove it"),
                });
            }
        }
    }
}

fn contradiction(context: &Context<'_>, found: &mut Found) {
    for (_, selector) in context.judged_selectors() {
        let of = |kind| {
            selector
                .actions
                .iter()
                .filter(move |action| action.action.value == kind)
        };
        let mut report = |span: Span, other: Span, message: &str| {
            let one = finding(span, message).related(other, "this one counts");
            found.push(one.help("remove one of the two"));
        };
        if let Some(silent) = of(ActionKind::NoPost).next() {
            for post in of(ActionKind::Post) {
                report(
                    post.action.span,
                    silent.action.span,
                    "`Post` has no effect beside `NoPost`",
                );
            }
        }
        for kind in [ActionKind::Override, ActionKind::Post] {
            let all: Vec<_> = of(kind).collect();
            for pair in all.windows(2) {
                if let [first, second] = pair {
                    let message = format!("the selector has two `{kind}` for one call");
                    report(first.action.span, second.action.span, &message);
                }
            }
        }
    }
}

fn jump(context: &Context<'_>, found: &mut Found) {
    for uprobe in &context.policy.spec.uprobes {
        let places = uprobe.symbols.len() + uprobe.offsets.len() + uprobe.addrs.len();
        if places < 2 {
            continue;
        }
        for selector in &uprobe.selectors {
            for symbol in selector
                .match_actions
                .iter()
                .filter_map(|action| action.arg_new_symbol.as_ref())
            {
                let one = finding(
                    symbol.span,
                    "the jump is right for the first place of the hook only",
                );
                found.push(one.help("write an entry for each place"));
            }
        }
    }
}

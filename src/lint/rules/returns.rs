//! What looks at return values, where there are none or they come too late.

use crate::check::form::{Hook, Section};
use crate::diag::{Span, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{Action, ActionKind, is_set};

pub(in crate::lint) static UNSEEN: Rule = Rule::new(
    2011,
    "unseen-return",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "filters or actions on a return value that the hook does not see",
        why: "Only kprobes, fentries and uprobes with `return: true` see what a function returns. Elsewhere \
              `matchReturnArgs` and `matchReturnActions` are ignored: a policy that should act on failed \
              calls acts on all.",
        bad: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchReturnArgs:
      - «index: 0
        operator: Equal
        values: ["-1"]»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    return: true
    returnArg:
      index: 0
      type: int
    selectors:
    - matchReturnArgs:
      - index: 0
        operator: Equal
        values: ["-1"]
"#,
        fix: "Add `return: true` and `returnArg` to the hook, or remove what looks at the return value.",
    },
    unseen,
)
.covering(&[code::NO_EFFECT]);

pub(in crate::lint) static EARLY: Rule = Rule::new(
    2035,
    "action-before-return",
    Group::Correctness,
    Level::Warning,
    Docs {
        summary: "an action that does not wait for the return value that the selector filters",
        why: "`matchActions` are taken when the function is entered, whatever `matchReturnArgs` says later: the filter on \
              the return value decides only whether an event is shown. A process is killed though the call would have \
              failed.",
        bad: r#"  kprobes:
  - call: sys_setuid
    return: true
    returnArg:
      index: 0
      type: int
    args:
    - index: 0
      type: int
    selectors:
    - matchArgs:
      - index: 0
        operator: Equal
        values: ["0"]
      matchReturnArgs:
      - index: 0
        operator: Equal
        values: ["0"]
      matchActions:
      - action: «Signal»
        argSig: 10
"#,
        good: r#"  kprobes:
  - call: sys_setuid
    return: true
    returnArg:
      index: 0
      type: int
    args:
    - index: 0
      type: int
    selectors:
    - matchArgs:
      - index: 0
        operator: Equal
        values: ["0"]
      matchReturnArgs:
      - index: 0
        operator: Equal
        values: ["0"]
"#,
        fix: "Remove the filter on the return value if the call itself is what counts. Otherwise only report it: what is \
              done at the return comes after the call.",
    },
    early,
)
.covering(&[code::NO_EFFECT]);

pub(in crate::lint) static TRACE: Rule = Rule::new(
    2111,
    "stack-trace-at-return",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a stack trace in `matchReturnActions` only",
        why: "Tetragon makes the map for stack traces when `matchActions` of the hook ask for one. Without it the agent \
              crashes at the first event.",
        bad: r#"  kprobes:
  - call: sys_mount
    return: true
    returnArg:
      index: 0
      type: int
    selectors:
    - matchReturnActions:
      - action: Post
        kernelStackTrace: «true»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    return: true
    returnArg:
      index: 0
      type: int
    selectors:
    - matchActions:
      - action: Post
        kernelStackTrace: true
"#,
        fix: "Ask for the stack trace in `matchActions`.",
    },
    trace,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static STALE: Rule = Rule::new(
    2126,
    "stale-return-filter",
    Group::Tetragon,
    Level::Warning,
    Docs {
        summary: "an action at the return is taken by filters that may be another call's",
        why: "The program at a function's return goes on with the selectors that the last hooked call on this CPU left \
              active. If the task slept or another hooked call came between, `matchReturnArgs` are skipped or those of \
              another selector are judged, and the action hits the wrong process or none. Filters and actions of later selectors are \
              taken too, though their other filters did not match. The mode of the policy is not \
              looked at either.",
        bad: r#"  kprobes:
  - call: sys_mount
    return: true
    returnArg:
      index: 0
      type: int
    selectors:
    - matchActions:
      - action: Signal
        argSig: 10
      matchReturnActions:
      - action: «Sigkill»
"#,
        good: r#"  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchActions:
      - action: Override
        argError: -1
"#,
        fix: "Act at the entry: refuse the call with `Override` where it is decided.",
    },
    stale,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static LONG: Rule = Rule::new(
    2036,
    "long-return-of-system-call",
    Group::Correctness,
    Level::Note,
    Docs {
        summary: "a system call's return value has the type `long`",
        why: "Tetragon expects `int` or `int64` and logs a warning for each such hook, in which others drown. The value is \
              read all the same.",
        bad: r#"  kprobes:
  - call: sys_mount
    return: true
    returnArg:
      index: 0
      type: «long»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    return: true
    returnArg:
      index: 0
      type: int64
"#,
        fix: "Write `type: int64`, which is the same; `tpc lint --fix` does.",
    },
    long,
)
.only_for(&[Target::Tetragon]);

fn unseen(context: &Context<'_>, found: &mut Found) {
    for hook in &context.judged.hooks {
        let parts = &hook.parts;
        if parts.section.sees_returns() && parts.returns.is_some() {
            continue;
        }
        let help = match parts.section.sees_returns() {
            true => "add `return: true` and `returnArg` to the hook, or remove it".to_owned(),
            false => format!("remove it: {} sees no return value", parts.section.hook()),
        };
        let mut report = |span: Span, what: &str| {
            let message = format!("{what} is ignored: the hook does not see return values");
            found.push(finding(span, message).help(help.as_str()));
        };
        for selector in parts.selectors {
            let refused = parts.section == Section::LsmHooks;
            for filter in selector.match_return_args.iter().filter(|_| !refused) {
                report(filter.span, "the filter");
            }
            for action in &selector.match_return_actions {
                report(action.span, "the action");
            }
        }
    }
}

fn early(context: &Context<'_>, found: &mut Found) {
    for (hook, selector) in context.judged_selectors() {
        let filter = selector.match_return_args.first();
        let Some(filter) = filter.filter(|_| hook.returned.is_some()) else {
            continue;
        };
        let acts = |action: &&Action| {
            let sends = action.arg_sig.is_some_and(|signal| signal.value != 0);
            match action.action.value {
                ActionKind::Sigkill | ActionKind::Override | ActionKind::NotifyEnforcer => true,
                ActionKind::Signal => sends,
                _ => false,
            }
        };
        if let Some(action) = selector.actions.iter().find(acts) {
            let message = "the action does not wait for the return value";
            let one = finding(action.action.span, message).related(filter.span, "judged after it");
            found.push(one.help("remove the filter on the return value, or the action"));
        }
    }
}

fn trace(context: &Context<'_>, found: &mut Found) {
    let asks =
        |action: &Action| is_set(action.kernel_stack_trace) || is_set(action.user_stack_trace);
    for hook in &context.judged.hooks {
        let selectors = || hook.selectors.iter();
        if hook.returned.is_none()
            || selectors().any(|one| one.written.match_actions.iter().any(asks))
        {
            continue;
        }
        for action in selectors().flat_map(|one| one.return_actions) {
            for flag in [action.kernel_stack_trace, action.user_stack_trace] {
                if let Some(flag) = flag.filter(|flag| flag.value) {
                    let one = finding(
                        flag.span,
                        "Tetragon crashes at the first event with this stack trace",
                    );
                    found.push(one.help("ask for it in `matchActions`, or remove it"));
                }
            }
        }
    }
}

fn stale(context: &Context<'_>, found: &mut Found) {
    for hook in context
        .judged
        .hooks
        .iter()
        .filter(|hook| hook.returned.is_some())
    {
        for (at, selector) in hook.selectors.iter().enumerate() {
            let acts = |action: &&Action| {
                matches!(
                    action.action.value,
                    ActionKind::Sigkill | ActionKind::Signal | ActionKind::NotifyEnforcer
                )
            };
            for action in selector.return_actions.iter().filter(acts) {
                let one = finding(
                    action.action.span,
                    "the action may hit the wrong process, or none",
                );
                let one = one.related(place(hook), "the return of this");
                found.push(one.help("act at the entry, where the call can still be refused"));
            }
            // Of the first selector nothing can leak into an earlier one.
            if let Some(filter) = selector.match_return_args.first().filter(|_| at > 0) {
                let message =
                    "the filter is judged for calls that an earlier selector has matched, too";
                found.push(
                    finding(filter.span, message)
                        .help("write a policy for each selector that looks at returned values"),
                );
            }
        }
    }
}

fn place(hook: &Hook<'_>) -> Span {
    hook.parts.place
}

fn long(context: &Context<'_>, found: &mut Found) {
    for kprobe in context
        .policy
        .spec
        .kprobes
        .iter()
        .filter(|one| one.is_syscall())
    {
        let ty = kprobe.return_arg.as_ref().and_then(|arg| arg.ty);
        let Some(ty) = ty else { continue };
        if context.sources.slice(ty.span).trim_matches(['"', '\'']) == "long" {
            let one = finding(ty.span, "Tetragon warns of the type `long` here");
            let fix = crate::diag::Fix::safe(
                "write `int64`",
                vec![context.layout().replace(ty.span, "int64")],
            );
            found.push(one.help("write `int64`, which is the same").fix(fix));
        }
    }
}

//! Actions and their parameters on hooks that do not have them: one table.

use crate::check::form::{Section, Written};
use crate::diag::Span;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{Action, ActionKind, is_set};

pub(in crate::lint) static ACTION: Rule = Rule::new(
    2012,
    "action-elsewhere",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "an action that its kind of hook does not have",
        why: "`Override` works on kprobes, uprobes and lsmhooks, `NotifyEnforcer` on kprobes and tracepoints, `Set` on usdts, \
              `TrackSock` on kprobes and fentries, and none of them at the return of `matchReturnActions` but signals. \
              Tetragon loads them elsewhere too, and nothing happens: the call is not refused.",
        bad: r#"  tracepoints:
  - subsystem: syscalls
    event: sys_enter_mount
    selectors:
    - matchActions:
      - action: «Override»
        argError: -1
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
        fix: "Hook the function that decides, as a kprobe or lsmhook, or use an action that the hook has.",
    },
    action,
);

pub(in crate::lint) static TRACE: Rule = Rule::new(
    2028,
    "stack-trace-elsewhere",
    Group::Correctness,
    Level::Warning,
    Docs {
        summary: "a stack trace on a hook that delivers none",
        why: "Stack traces come with the events of kprobes and fentries. On tracepoints, uprobes and usdts they are \
              accepted and never delivered.",
        bad: r#"  tracepoints:
  - subsystem: syscalls
    event: sys_enter_mount
    selectors:
    - matchActions:
      - action: Post
        kernelStackTrace: «true»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchActions:
      - action: Post
        kernelStackTrace: true
"#,
        fix: "Hook the function with `kprobes`, or remove the stack trace.",
    },
    trace,
);

pub(in crate::lint) static HASH: Rule = Rule::new(
    2033,
    "ima-hash-elsewhere",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a file's hash is asked for where there is none",
        why: "Only lsmhooks on files and on programs that start can deliver `imaHash`. On other lsmhooks Tetragon loses the \
              event; on other kinds of hooks the event has no hash.",
        bad: r#"  lsmhooks:
  - hook: socket_connect
    selectors:
    - matchActions:
      - action: Post
        imaHash: «true»
"#,
        good: r#"  lsmhooks:
  - hook: bprm_check_security
    selectors:
    - matchActions:
      - action: Post
        imaHash: true
"#,
        fix: "Use one of the hooks that the help names, or remove `imaHash`.",
    },
    hash,
);

pub(in crate::lint) static RATE: Rule = Rule::new(
    2110,
    "rate-limit-elsewhere",
    Group::Tetragon,
    Level::Warning,
    Docs {
        summary: "a rate limit that remembers one event only",
        why: "Tetragon makes the map for rate limits as large as needed where `matchActions` of a kprobe or fentry have one. On \
              other kinds of hooks, in macros and in `matchReturnActions` it has one entry: two processes that take turns \
              are not limited at all.",
        bad: r#"  tracepoints:
  - subsystem: syscalls
    event: sys_enter_mount
    selectors:
    - matchActions:
      - action: Post
        rateLimit: «1m»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchActions:
      - action: Post
        rateLimit: 1m
"#,
        fix: "Hook the function with `kprobes`, with the limit in `matchActions` of the hook.",
    },
    rate,
)
.only_for(&[Target::Tetragon]);

/// Security hooks that can deliver a file's hash, sorted (`pkg/sensors/tracing/genericlsm.go`).
const HASHED: &[&str] = &[
    "bprm_check_security",
    "bprm_committed_creds",
    "bprm_committing_creds",
    "bprm_creds_for_exec",
    "bprm_creds_from_file",
    "file_ioctl",
    "file_lock",
    "file_open",
    "file_post_open",
    "file_receive",
    "mmap_file",
];

/// Actions, and the sections that take them without effect (`pkg/selectors/kernel.go`, `bpf/process`).
const WITHOUT_EFFECT: &[(ActionKind, &[Section])] = {
    use Section as S;
    &[
        (
            ActionKind::Override,
            &[S::Tracepoints, S::RawTracepoints, S::Usdts],
        ),
        (
            ActionKind::NotifyEnforcer,
            &[S::RawTracepoints, S::Uprobes, S::Usdts],
        ),
        (
            ActionKind::Set,
            &[S::Kprobes, S::Tracepoints, S::RawTracepoints, S::Uprobes],
        ),
        (
            ActionKind::TrackSock,
            &[S::Tracepoints, S::RawTracepoints, S::Uprobes, S::Usdts],
        ),
        (
            ActionKind::UntrackSock,
            &[S::Tracepoints, S::RawTracepoints, S::Uprobes, S::Usdts],
        ),
    ]
};

fn action(context: &Context<'_>, found: &mut Found) {
    for (hook, selector) in context.judged_selectors() {
        let section = hook.parts.section;
        for action in selector.actions {
            let kind = action.action.value;
            let row = WITHOUT_EFFECT.iter().find(|(known, _)| *known == kind);
            if row.is_some_and(|(_, sections)| sections.contains(&section)) {
                let message = format!("`{kind}` has no effect on {}", section.hook());
                found.push(finding(action.action.span, message).help(instead(kind)));
            }
        }
        for action in selector
            .return_actions
            .iter()
            .filter(|_| hook.returned.is_some())
        {
            if action.action.value == ActionKind::Override {
                let one = finding(
                    action.action.span,
                    "`Override` has no effect at the return: the call is over",
                );
                found.push(one.help("put it into `matchActions`"));
            }
        }
    }
}

fn instead(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Override => {
            "hook the system call or a `security_` function with `kprobes`, or use `Sigkill`"
        }
        ActionKind::NotifyEnforcer => "notify from `kprobes`, or from a tracepoint without `raw`",
        ActionKind::Set => "it sets arguments of `usdts` only: remove it",
        _ => "hook a function with the socket as argument with `kprobes`",
    }
}

/// The flags of an action that are set.
fn traces(action: &Action) -> impl Iterator<Item = Span> {
    let flags = [action.kernel_stack_trace, action.user_stack_trace];
    flags
        .into_iter()
        .flatten()
        .filter(|flag| flag.value)
        .map(|flag| flag.span)
}

fn trace(context: &Context<'_>, found: &mut Found) {
    for (hook, selector) in context.judged_selectors() {
        let section = hook.parts.section;
        // Lsmhooks refuse them.
        if matches!(
            section,
            Section::Kprobes | Section::Fentries | Section::LsmHooks
        ) {
            continue;
        }
        for span in selector.actions.iter().flat_map(traces) {
            let message = format!("{} delivers no stack traces", section.hook());
            found.push(finding(span, message).help("hook a function with `kprobes`, or remove it"));
        }
    }
}

fn hash(context: &Context<'_>, found: &mut Found) {
    for (hook, selector) in context.judged_selectors() {
        let (message, help) = match hook.written {
            Written::LsmHook(one) if HASHED.binary_search(&one.hook.value.as_str()).is_ok() => {
                continue;
            }
            Written::LsmHook(one) => {
                let message = format!(
                    "`{}` delivers no hash, and the event is lost",
                    one.hook.value
                );
                (message, format!("use one of {}", HASHED.join(", ")))
            }
            _ => {
                let message = format!("{} delivers no hash of files", hook.parts.section.hook());
                (
                    message,
                    "use an lsmhook such as `file_open`, or remove it".to_owned(),
                )
            }
        };
        for action in selector
            .actions
            .iter()
            .filter(|action| is_set(action.ima_hash))
        {
            let span = action.ima_hash.map_or(action.span, |flag| flag.span);
            found.push(finding(span, message.as_str()).help(help.as_str()));
        }
    }
}

fn rate(context: &Context<'_>, found: &mut Found) {
    let limit = |action: &'_ Action| {
        let limit = action
            .rate_limit
            .as_ref()
            .filter(|limit| !limit.value.is_empty());
        limit.map(|limit| limit.span)
    };
    for hook in &context.judged.hooks {
        let section = hook.parts.section;
        let sized = matches!(section, Section::Kprobes | Section::Fentries);
        let mut own = hook
            .selectors
            .iter()
            .flat_map(|one| &one.written.match_actions);
        let sized = sized && own.any(|action| limit(action).is_some());
        for selector in &hook.selectors {
            let returns = match hook.returned {
                Some(_) => selector.return_actions,
                None => &[],
            };
            let entry = selector.actions.iter().filter(|_| !sized);
            for span in entry.chain(returns).filter_map(limit) {
                let message = "the limit remembers one event only: others are not limited";
                let help = "put the limit into `matchActions` of a kprobe";
                found.push(finding(span, message).help(help));
            }
        }
    }
}

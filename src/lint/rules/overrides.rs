//! Refusals that may not take place.

use crate::check::form::{Section, Written};
use crate::kernel::security;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::ActionKind;

pub(in crate::lint) static CALL: Rule = Rule::new(
    2207,
    "override-of-system-call",
    Group::Security,
    Level::Note,
    Docs {
        summary: "a system call is refused, which kernels must be built for",
        why: "`Override` of a system call needs `CONFIG_BPF_KPROBE_OVERRIDE`. Ubuntu's kernels have it, Debian's do not. Without it \
              Tetragon refuses the policy; where the program cannot be attached it logs a warning and loads the policy, and calls are \
              reported and not refused. Security functions can be overridden on every kernel with BPF trampolines, and also see \
              what the call acts on.",
        bad: r#"  kprobes:
  - call: sys_mount
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
        fix: "Hook the function that the help names.",
    },
    call,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static LSM: Rule = Rule::new(
    2125,
    "racing-lsm-override",
    Group::Tetragon,
    Level::Note,
    Docs {
        summary: "an lsmhook's `Override`, which Tetragon loses where two tasks meet",
        why: "Tetragon keeps the errors to return in a map that has one entry for lsmhooks, and hands the decision from one program to \
              the next in memory of the CPU. Where two tasks are refused at the same time, or a task moves to another CPU between, one \
              of the calls goes on.",
        bad: r#"  lsmhooks:
  - hook: sb_mount
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
        fix: "Override the `security_` function of the same name with `kprobes`, or compile the policy with tpc.",
    },
    lsm,
)
.only_for(&[Target::Tetragon]);

fn call(context: &Context<'_>, found: &mut Found) {
    // Facts say whether the kernels are built so (`impossible_override`).
    if !context.settings.nodes.is_empty() {
        return;
    }
    for (hook, selector) in context.judged_selectors() {
        let Written::Kprobe(kprobe) = hook.written else {
            continue;
        };
        if !kprobe.is_syscall() {
            continue;
        }
        let mut actions = selector.actions.iter();
        let Some(action) = actions.find(|one| one.action.value == ActionKind::Override) else {
            continue;
        };
        let one = finding(
            action.action.span,
            "kernels without CONFIG_BPF_KPROBE_OVERRIDE do not refuse the call",
        );
        let call = crate::lint::context::portable(&kprobe.call.value);
        found.push(match security::decision_behind(&call) {
            Some(function) => one.help(format!("hook `{function}` with `syscall: false`, which every kernel can refuse")),
            None => one.help("hook a `security_` function that the call asks, or make sure that all kernels have it"),
        });
    }
}

fn lsm(context: &Context<'_>, found: &mut Found) {
    for (hook, selector) in context.judged_selectors() {
        let Written::LsmHook(one) = hook.written else {
            continue;
        };
        let mut actions = selector
            .actions
            .iter()
            .filter(|_| hook.parts.section == Section::LsmHooks);
        if let Some(action) = actions.find(|one| one.action.value == ActionKind::Override) {
            let finding = finding(
                action.action.span,
                "Tetragon loses one of two refusals at the same time",
            );
            found.push(finding.help(format!("hook `security_{}` with `kprobes`", one.hook.value)));
        }
    }
}

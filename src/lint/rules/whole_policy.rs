//! Policies that as a whole do nothing, or less than they say.

use crate::check::form::{Section, Written};
use crate::diag::{Span, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{Action, ActionKind, Kind, is_set};

pub(in crate::lint) static HOOKLESS: Rule = Rule::new(
    2029,
    "hookless-policy",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a policy without hooks",
        why: "It loads, is listed, and does nothing.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: «example»
spec:
  options:
  - name: policy-mode
    value: monitor
"#,
        good: r#"  options:
  - name: policy-mode
    value: monitor
  kprobes:
  - call: sys_mount
"#,
        fix: "Add hooks, or remove the policy.",
    },
    hookless,
)
.covering(&[code::NO_HOOKS]);

pub(in crate::lint) static ENFORCER: Rule = Rule::new(
    2030,
    "idle-enforcer",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "enforcers that nothing notifies",
        why: "`enforcers` only names the calls that can be refused. A call is refused after an action `NotifyEnforcer` of the same \
              policy; without one, nothing is enforced.",
        bad: r#"  enforcers:
  - «calls: [sys_mount]»
  tracepoints:
  - subsystem: syscalls
    event: sys_enter_mount
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/fusermount3]
"#,
        good: r#"  enforcers:
  - calls: [sys_mount]
  tracepoints:
  - subsystem: syscalls
    event: sys_enter_mount
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/fusermount3]
      matchActions:
      - action: NotifyEnforcer
        argError: -1
"#,
        fix: "Add the action `NotifyEnforcer` to the selectors that should refuse.",
    },
    enforcer,
);

pub(in crate::lint) static WORKLOADS: Rule = Rule::new(
    2027,
    "workloads-in-macro",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a macro's `matchWorkloads`, which is dropped",
        why: "Macros add filters to the selectors that use them, but not this one. The selector then applies to every process of the \
              node.",
        bad: r#"  selectorsMacros:
    web:
      matchWorkloads:
        podSelector: «{matchLabels: {app: web}}»
  kprobes:
  - call: sys_mount
    selectors:
    - macros: [web]
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchWorkloads:
        podSelector: {matchLabels: {app: web}}
"#,
        fix: "Write `matchWorkloads` into the selectors.",
    },
    workloads,
);

pub(in crate::lint) static MONITOR: Rule = Rule::new(
    2109,
    "forced-monitor-mode",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "enforcement that stands only in a macro or in `matchReturnActions`",
        why: "Tetragon looks for actions that enforce in `matchActions` of the hooks. Where it finds none, it loads the policy in a \
              mode that cannot be switched: everything is reported, and nothing is killed or refused.",
        bad: r#"  options:
  - name: disable-kprobe-multi
    value: "true"
  selectorsMacros:
    deny:
      matchActions:
      - action: «Override»
        argError: -1
  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - macros: [deny]
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
        fix: "Write the action into `matchActions` of the selector.",
    },
    monitor,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static SCOPE: Rule = Rule::new(
    2122,
    "scope-without-cluster",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a policy is meant for some pods, containers or nodes, where nothing knows of them",
        why: "Without Kubernetes, Tetragon refuses `podSelector` and `containerSelector`, and ignores namespaces, `hostSelector`, \
              `nodeSelector` and `matchWorkloads`: the policy applies to every process of the node, jobs of others and the system's \
              services included.",
        bad: r#"  «podSelector»:
    matchLabels: {app: web}
  kprobes:
  - call: sys_mount
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - operator: Prefix
        values: [/opt/web/]
"#,
        fix: "Select processes by what the kernel knows: `matchBinaries`, `matchNamespaces`, `matchPIDs`. Load the policy on the \
              nodes that it is for.",
    },
    scope,
)
.only_for(&[Target::Nomad, Target::Host]);

fn hookless(context: &Context<'_>, found: &mut Found) {
    let spec = &context.policy.spec;
    let none = Written::all(spec).next().is_none();
    if none && !is_set(spec.loader) && spec.enforcers.is_empty() && !context.policy.incomplete {
        let message = format!("policy `{}` hooks nothing", context.policy.name.value);
        found.push(
            finding(context.policy.name.span, message).help("add hooks, for example `kprobes:`"),
        );
    }
}

fn enforcer(context: &Context<'_>, found: &mut Found) {
    let mut actions = context.actions().into_iter();
    if actions.any(|action| action.action.value == ActionKind::NotifyEnforcer) {
        return;
    }
    for one in &context.policy.spec.enforcers {
        let finding = finding(
            one.span,
            "nothing notifies the enforcer: it refuses no call",
        );
        found.push(
            finding.help("add the action `NotifyEnforcer` with `argError: -1` to a selector"),
        );
    }
}

fn workloads(context: &Context<'_>, found: &mut Found) {
    for one in &context.policy.spec.selectors_macros {
        if let Some(workloads) = &one.value.match_workloads {
            let selectors = [
                &workloads.pod_selector,
                &workloads.container_selector,
                &workloads.host_selector,
            ];
            let first = selectors.into_iter().flatten().next();
            let span = first.map_or(workloads.span, |selector| selector.span);
            let one = finding(span, "a macro's `matchWorkloads` is dropped");
            found.push(one.help("write it into the selectors"));
        }
    }
}

/// Whether an action kills, refuses or changes something.
pub(super) fn enforces(action: &Action) -> bool {
    use ActionKind as A;
    match action.action.value {
        A::Sigkill | A::Override | A::NotifyEnforcer | A::Set => true,
        A::Signal => action.arg_sig.is_some_and(|signal| signal.value != 0),
        _ => false,
    }
}

fn monitor(context: &Context<'_>, found: &mut Found) {
    let mut elsewhere: Option<Span> = None;
    for (hook, selector) in context.judged_selectors() {
        if selector.written.match_actions.iter().any(enforces) {
            return;
        }
        let returns = match hook.returned {
            Some(_) => selector.return_actions,
            None => &[],
        };
        // Where an action has no effect anyway, that has been said.
        let at_return = returns
            .iter()
            .filter(|one| one.action.value != ActionKind::Override);
        let mut hidden = selector
            .actions
            .iter()
            .chain(at_return)
            .filter(|one| enforces(one));
        if hook.parts.section != Section::Fentries {
            elsewhere = elsewhere.or(hidden.next().map(|one| one.action.span));
        }
    }
    if let Some(span) = elsewhere {
        let one = finding(span, "the policy is loaded in a mode that enforces nothing");
        found.push(one.help("write the action into `matchActions` of the selector"));
    }
}

fn scope(context: &Context<'_>, found: &mut Found) {
    let policy = context.policy;
    let spec = &policy.spec;
    let mut report = |span: Span, message: String| {
        let help = "select by `matchBinaries`, `matchNamespaces` or `matchPIDs`, or load it on some nodes only";
        found.push(finding(span, message).help(help));
    };
    if policy.kind.value == Kind::TracingPolicyNamespaced {
        report(
            policy.kind.span,
            "the namespace is ignored: the policy applies to the whole node".to_owned(),
        );
    }
    let key = |span: Span, name: &str| key_of(context, span, name);
    for (selector, name, refused) in [
        (&spec.pod_selector, "podSelector", true),
        (&spec.container_selector, "containerSelector", true),
        (&spec.host_selector, "hostSelector", false),
        (&spec.node_selector, "nodeSelector", false),
    ] {
        if let Some(selector) = selector {
            let message = match refused {
                true => format!("`{name}` is refused without Kubernetes"),
                false => format!(
                    "`{name}` is ignored without Kubernetes: the policy applies to the whole node"
                ),
            };
            report(key(selector.span, name), message);
        }
    }
    for (_, selector) in context.judged_selectors() {
        if let Some(workloads) = selector.workloads {
            report(
                workloads.span,
                "`matchWorkloads` is ignored without Kubernetes".to_owned(),
            );
        }
    }
}

/// The key of a value, if it stands directly in front of it.
fn key_of(context: &Context<'_>, value: Span, name: &str) -> Span {
    let text = context.sources.text(value.file);
    let before = text
        .get(..value.start as usize)
        .unwrap_or_default()
        .trim_end();
    let key = before.strip_suffix(':').filter(|key| key.ends_with(name));
    let end = key.and_then(|key| u32::try_from(key.len()).ok());
    let start = end.and_then(|end| end.checked_sub(u32::try_from(name.len()).ok()?));
    match (start, end) {
        (Some(start), Some(end)) => Span {
            file: value.file,
            start,
            end,
        },
        _ => value,
    }
}

//! Killing without a look at who is killed.

use crate::diag::Code;
use crate::lint::context::{Context, Hook, HookKind, kills, looks_at_process};
use crate::lint::facts::essential::{self, Shared};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{ArgFilter, BinaryFilter, BinaryOperator, Kind, Operator, Policy, Selector};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2301),
    name: "kill-of-essential-process",
    group: Group::Availability,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a rule can kill init, sshd or the container runtime",
        why: "The selector kills whoever makes the call. Nothing in it looks at the process, and the call is one that \
              the node's own services make too: every process opens files, sshd reads `/etc/shadow`, the runtime \
              mounts. When such a rule is loaded the node may lose its workloads, or the way to unload the rule.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchActions:
      - action: Override
        argError: -1
      - action: «Sigkill»
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchNamespaces:
      - namespace: Mnt
        operator: NotIn
        values: [host_ns]
      matchActions:
      - action: Override
        argError: -1
      - action: Sigkill
"#,
        fix: "Say whom the rule is about: containers only (`matchNamespaces` with `NotIn` and `host_ns`, or a \
              `podSelector`), certain programs (`matchBinaries` with `In`), or everybody but the services of the node \
              (`matchBinaries` with `NotIn`).",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    let scoped = has_scope(context.policy);
    for hook in context.hooks() {
        // Fentries do not act.
        if hook.kind == HookKind::Fentry {
            continue;
        }
        let of_program = matches!(hook.kind, HookKind::Uprobe | HookKind::Usdt);
        for selector in hook.selectors {
            let Some(action) = kills(selector) else {
                continue;
            };
            let reason = match selector.match_binaries.iter().find_map(names_essential) {
                Some(binary) => Some(format!("the rule is about `{binary}`")),
                None if scoped || of_program || looks_at_process(selector) => None,
                None => reason(&hook, selector),
            };
            let Some(reason) = reason else { continue };
            found.push(
                finding(
                    action.action.span,
                    "the rule can kill init, sshd, the container runtime or the loader",
                )
                .label(reason)
                .help(help()),
            );
        }
    }
}

/// A binary that a node needs, and that the filter lets pass.
fn names_essential(filter: &BinaryFilter) -> Option<&'static str> {
    use BinaryOperator as O;
    let matches = |binary: &str| {
        let mut values = filter.values.iter().map(|value| value.value.as_str());
        values.any(|value| match filter.operator.value {
            O::In => value == binary,
            O::Postfix => !value.is_empty() && binary.ends_with(value),
            // A prefix of many programs is about others.
            _ => false,
        })
    };
    essential::BINARIES
        .iter()
        .copied()
        .find(|binary| matches(binary))
}

/// Whether the policy leaves out the services of the node.
fn has_scope(policy: &Policy) -> bool {
    let spec = &policy.spec;
    policy.kind.value == Kind::TracingPolicyNamespaced
        || spec.pod_selector.is_some()
        || spec.container_selector.is_some()
        || spec.host_selector.is_some()
}

fn help() -> String {
    let binaries = essential::BINARIES.join(", ");
    format!(
        "add `matchNamespaces` with `operator: NotIn` and `values: [host_ns]`, or `matchBinaries` with `NotIn` and \
         what must live: {binaries}"
    )
}

/// Why the services of the node may make a call that matches.
fn reason(hook: &Hook<'_>, selector: &Selector) -> Option<String> {
    let filters = || selector.match_args.iter().chain(&selector.match_data);
    if let Some(shared) = filters().find_map(shared) {
        return Some(format!("{} opens `{}`", shared.by, shared.path));
    }
    let narrow = filters().any(is_narrow) || !selector.match_return_args.is_empty();
    (!narrow).then(|| format!("any process that calls `{}` dies", hook.name.value))
}

/// Whether a filter names what it is about, instead of leaving something out.
pub(super) fn is_narrow(filter: &ArgFilter) -> bool {
    use Operator as O;
    let narrow = [
        O::Equal,
        O::Prefix,
        O::Postfix,
        O::SubString,
        O::SubStringIgnCase,
        O::InMap,
        O::InRange,
        O::SPort,
        O::DPort,
        O::SAddr,
        O::DAddr,
        O::CelExpr,
        O::CapabilitiesGained,
    ];
    narrow.contains(&filter.operator.value)
}

/// A file that the filter lets pass and services of the node open.
fn shared(filter: &ArgFilter) -> Option<&'static Shared> {
    let matches = |path: &str| {
        let mut values = filter.values.iter().map(|one| one.value.as_str());
        values.any(|value| match filter.operator.value {
            _ if value.is_empty() => false,
            Operator::Equal => path == value,
            Operator::Prefix => path.starts_with(value),
            Operator::Postfix => path.ends_with(value),
            Operator::SubString => path.contains(value),
            _ => false,
        })
    };
    essential::FILES.iter().find(|shared| matches(shared.path))
}

//! Limits of Tetragon's interpreter: `check::limits` finds what is beyond, rules say what happens then.

use crate::check::limits::{self, Effect, Excess};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::history::Release;

pub(in crate::lint) static REFUSED: Rule = Rule::new(
    2104,
    "refused-by-tetragon",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a policy goes beyond a limit of Tetragon, which does not load it",
        why: "Tetragon walks every policy with the same programs, so it limits what a policy can have: five selectors, five values, \
              three actions and so on. A policy beyond is refused as a whole, on every node. tpc has none of these limits. With \
              `--compat tetragon-1.N`, those of that release count.",
        bad: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 3
      type: uint64
    selectors:
    - matchArgs:
      - index: 3
        operator: Equal
        values: ["1", "2", "4", "8", «"16"»]
"#,
        good: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 3
      type: uint64
    selectors:
    - matchArgs:
      - index: 3
        operator: InMap
        values: ["1", "2", "4", "8", "16"]
"#,
        fix: "Write less, or split the policy; for many numbers use `InMap`.",
    },
    refused,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static CRASHES: Rule = Rule::new(
    2105,
    "crash-of-tetragon",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a policy goes beyond a limit that Tetragon does not check",
        why: "Tetragon does not look before it writes: the agent crashes when it loads the policy, and again after every restart if \
              the policy is a file or a resource. Others fail when the kernel side is set up.",
        bad: r#"  uprobes:
  - path: /usr/lib/x86_64-linux-gnu/libssl.so.3
    symbols: [SSL_write]
    args:
    - index: 0
      type: uint64
    - index: 1
      type: uint64
    - index: 2
      type: int
    data:
    - index: 0
      type: int
      source: current_task
      resolve: pid
    - index: 1
      type: int
      source: current_task
      resolve: tgid
    - «index: 2
      type: int
      source: current_task
      resolve: flags»
"#,
        good: r#"  uprobes:
  - path: /usr/lib/x86_64-linux-gnu/libssl.so.3
    symbols: [SSL_write]
    args:
    - index: 0
      type: uint64
    - index: 1
      type: uint64
    - index: 2
      type: int
"#,
        fix: "Write less, or split the hook over several policies.",
    },
    crashes,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static IGNORED: Rule = Rule::new(
    2106,
    "ignored-by-tetragon",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a part of a policy that Tetragon loads and leaves out or misreads",
        why: "What is beyond some limits is neither refused nor done: a second entry of `matchCapabilities` garbles the first, \
              selectors beyond 1,024 encoded bytes are read from the beginning again, long messages are cut, and texts are not \
              looked for in a `filename`. The policy seems to work.",
        bad: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchCapabilities:
      - type: Effective
        operator: In
        values: [CAP_SYS_ADMIN]
      - «type: Inheritable
        operator: In
        values: [CAP_SYS_ADMIN]»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchCapabilities:
      - type: Effective
        operator: In
        values: [CAP_SYS_ADMIN]
"#,
        fix: "Write it within the limit that the finding names, or with other means.",
    },
    ignored,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static MULTI: Rule = Rule::new(
    2107,
    "refused-with-multi",
    Group::Tetragon,
    Level::Warning,
    Docs {
        summary: "a policy that Tetragon loads on old kernels only",
        why: "Since Linux 5.18 Tetragon attaches all kprobes of a policy at once (kprobe.multi), since 6.6 all uprobes. In this way \
              there can be one hook for a function, and `security_` functions cannot be overridden: Tetragon refuses the policy \
              on a new kernel that it loads on an old one.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
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
        fix: "Add the option `disable-kprobe-multi` (or `disable-uprobe-multi`) with `value: \"true\"`.",
    },
    multi,
)
.only_for(&[Target::Tetragon]);

/// Limits that rules of their own are about.
const ELSEWHERE: &[&str] = &["pid-filters", "pids"];

fn excesses(context: &Context<'_>) -> impl Iterator<Item = Excess> {
    let release = context.settings.release.unwrap_or(Release::Main);
    let all = limits::exceeded(context.judged).into_iter();
    all.filter(move |one| one.limit.since <= release && !ELSEWHERE.contains(&one.limit.name))
}

fn refused(context: &Context<'_>, found: &mut Found) {
    let refuses =
        |one: &Excess| one.limit.effect == Effect::Refused && one.limit.only_with.is_none();
    excesses(context)
        .filter(refuses)
        .for_each(|one| report(&one, found));
}

fn crashes(context: &Context<'_>, found: &mut Found) {
    let fails = |one: &Excess| matches!(one.limit.effect, Effect::Crashes | Effect::Fails);
    excesses(context)
        .filter(fails)
        .for_each(|one| report(&one, found));
}

fn ignored(context: &Context<'_>, found: &mut Found) {
    let ignores = |one: &Excess| one.limit.effect == Effect::Ignored;
    excesses(context)
        .filter(ignores)
        .for_each(|one| report(&one, found));
}

fn multi(context: &Context<'_>, found: &mut Found) {
    let with_multi = |one: &Excess| one.limit.only_with.is_some();
    excesses(context)
        .filter(with_multi)
        .for_each(|one| report(&one, found));
}

fn report(excess: &Excess, found: &mut Found) {
    let limit = excess.limit;
    let (what, count) = (limit.what, excess.found);
    let with = limit
        .only_with
        .map_or(String::new(), |link| format!("with {link} "));
    let then = match limit.effect {
        Effect::Refused => "Tetragon refuses the policy",
        Effect::Crashes => "Tetragon crashes",
        Effect::Fails => "Tetragon cannot load the policy",
        Effect::Ignored => "Tetragon ignores or misreads it",
    };
    let message = match limit.bound {
        Some(bound) if count > bound => {
            format!("{with}{then}: {count} is beyond {bound}, its limit of {what}")
        }
        Some(bound) if count > 0 => format!("{with}{then}: {count} is less than {bound}, {what}"),
        _ => format!("{with}{then}: {what}"),
    };
    let help = match (limit.only_with, limit.name) {
        (Some("kprobe.multi"), _) => "add the option `disable-kprobe-multi` with `value: \"true\"`",
        (Some(_), _) => "add the option `disable-uprobe-multi` with `value: \"true\"`",
        (None, "dac-override") => "write `DAC_OVERRIDE`",
        (None, "values") => "use `InMap`, or another selector",
        (None, "selectors") => "split the hook over two policies",
        (None, "host-namespace") => "write the number that `readlink /proc/1/ns/NAME` shows",
        (None, "filename-texts" | "filename-equal") => {
            "declare the argument as `string`, or hook a function with a `file`"
        }
        _ => {
            "write less, or split it over several policies; tpc compiles the policy without this limit"
        }
    };
    found.push(finding(excess.span, message).help(help));
}

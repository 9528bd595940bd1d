//! What a release of Tetragon or a kernel does not have yet, or no more.

use crate::check::form::{Section, Subject};
use crate::diag::Span;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::history::{self, Release};
use crate::policy::{ActionKind, ArgType, Operator, is_set, uses};

pub(in crate::lint) static RELEASE: Rule = Rule::new(
    2108,
    "unknown-to-release",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a field or word that the release of Tetragon does not have",
        why: "Policies are written for a release: with `--compat tetragon-1.N`, or `compat` in `tpc.toml`, everything that came later \
              or went before is an error. Tetragon refuses it, or skips the field and does less than the policy says.",
        bad: r#"  kprobes:
  - call: sys_mount
    selectors:
    - «matchParentBinaries»:
      - operator: In
        values: [/usr/sbin/sshd]
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/sbin/sshd]
        followChildren: true
"#,
        fix: "Write it with what the release has, or require a newer one.",
    },
    release,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static KERNEL: Rule = Rule::new(
    2124,
    "newer-kernel",
    Group::Tetragon,
    Level::Warning,
    Docs {
        summary: "a part of a policy that older kernels do not carry out",
        why: "Tetragon uses what the kernel offers and loads the policy without it: a filter that the kernel cannot judge matches \
              never or always. The kernels are those of `kernels` in `tpc.toml`; without them, Linux 5.15 and later.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 0
      type: string
    selectors:
    - matchArgs:
      - index: 0
        operator: «SubString»
        values: [loop]
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 0
      type: string
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/dev/loop]
"#,
        fix: "Use another operator or hook, or list your kernels in `tpc.toml` if all of them are new enough.",
    },
    kernel,
)
.only_for(&[Target::Tetragon]);

fn release(context: &Context<'_>, found: &mut Found) {
    let Some(release) = context
        .settings
        .release
        .filter(|release| *release < Release::Main)
    else {
        return;
    };
    let mut covered: Option<Span> = None;
    for used in uses(context.policy, context.sources) {
        let inside = |outer: Span| outer.start <= used.span.start && used.span.end <= outer.end;
        if covered.is_some_and(inside) {
            continue;
        }
        let history = match &used.word {
            Some(word) => history::word(used.record, used.field, word),
            None => history::field(used.record, used.field),
        };
        let Some(history) = history.filter(|history| !history.is_in(release)) else {
            continue;
        };
        covered = Some(used.whole);
        let name = used.word.as_deref().unwrap_or(used.field);
        let message = match history.until {
            Some(until) if until <= release => {
                format!("Tetragon {until} and later do not have `{name}`")
            }
            _ => format!(
                "`{name}` came with Tetragon {}: {release} does not have it",
                history.since
            ),
        };
        found.push(
            finding(used.span, message)
                .help("write it with what the release has, or require a newer one"),
        );
    }
}

type Version = (u16, u16);

/// The oldest kernel that is thought of where none is named.
const OLDEST: Version = (5, 15);

fn kernel(context: &Context<'_>, found: &mut Found) {
    let oldest = context
        .settings
        .kernels
        .iter()
        .min()
        .copied()
        .unwrap_or(OLDEST);
    let mut report = |span: Span, needs: Version, what: &str| {
        if oldest < needs {
            let message = format!("{what} before Linux {}.{}", needs.0, needs.1);
            let help = format!(
                "use something else, or set `kernels = [\"{}.{}\"]` in tpc.toml if all are as new",
                needs.0, needs.1
            );
            found.push(finding(span, message).help(help));
        }
    };
    of_filters(context, &mut report);
    for (hook, selector) in context.judged_selectors() {
        if let Some(filter) = selector.capability_changes.first() {
            report(
                filter.span,
                (5, 3),
                "`matchCapabilityChanges` matches always",
            );
        }
        let uprobe = hook.parts.section == Section::Uprobes;
        for action in selector
            .actions
            .iter()
            .filter(|action| action.action.value == ActionKind::Override && uprobe)
        {
            report(
                action.action.span,
                (6, 18),
                "registers of programs cannot be set",
            );
        }
        for action in selector
            .actions
            .iter()
            .filter(|action| is_set(action.ima_hash))
        {
            report(action.span, (5, 11), "hashes of files are not delivered");
        }
        // Words of the first are taken for a second action (bpf/process/generic_calls.h).
        if let [first, second, ..] = selector.actions
            && first.action.value == ActionKind::Post
        {
            report(
                second.action.span,
                (5, 11),
                "the action behind `Post` is lost",
            );
        }
    }
}

fn of_filters(context: &Context<'_>, report: &mut impl FnMut(Span, Version, &str)) {
    use Operator as O;
    for of in context.filters() {
        let operator = of.filter.written.operator;
        let span = operator.span;
        match operator.value {
            O::SubString if of.filter.of != Subject::Expression => {
                report(
                    span,
                    (6, 17),
                    "`SubString` matches nothing, or is refused on uprobes,",
                );
            }
            O::SubStringIgnCase => {
                report(
                    span,
                    (6, 19),
                    "`SubStringIgnCase` matches nothing, or is refused on uprobes,",
                );
            }
            O::InRange | O::NotInRange => report(span, (5, 3), "ranges match nothing"),
            _ => {}
        }
        match of.filter.ty() {
            Some(ArgType::SockaddrUn) => {
                report(span, (5, 11), "addresses of local sockets match always")
            }
            Some(ArgType::LinuxBinprm) => {
                report(span, (5, 3), "the type `linux_binprm` matches always")
            }
            Some(ArgType::Int8 | ArgType::Uint8 | ArgType::Int16 | ArgType::Uint16) => {
                report(span, (5, 3), "numbers of 8 and 16 bits match always");
            }
            _ => {}
        }
    }
}

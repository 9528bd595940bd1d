//! Names of system calls that there are not, and of scripts where binaries are meant.

use crate::diag::{Spanned, code};
use crate::kernel::syscalls;
use crate::lint::context::{Context, portable};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{BinaryOperator, ListKind, nearest};

pub(in crate::lint) static CALL: Rule = Rule::new(
    2037,
    "unknown-system-call",
    Group::Correctness,
    Level::Warning,
    Docs {
        summary: "a system call that Linux does not have, or that programs do not reach by this name",
        why: "Some calls have another name in the kernel: nobody reaches `sys_fstat`, programs that call fstat(2) end in `sys_newfstat`. \
              A policy with a misspelt call loads without the hook where `ignore.callNotFound` is set; elsewhere it does not load, \
              which `unknown-kernel-name` reports.",
        bad: r#"  kprobes:
  - call: «sys_uname»
"#,
        good: r#"  kprobes:
  - call: sys_newuname
"#,
        fix: "Write the name that the help shows. A call that only your kernel has can be ignored by a comment.",
    },
    call,
)
.covering(&[code::BAD_CALL, code::NEVER_MATCHES]);

pub(in crate::lint) static SCRIPT: Rule = Rule::new(
    2038,
    "script-as-binary",
    Group::Correctness,
    Level::Warning,
    Docs {
        summary: "a script where the binary of a process is compared",
        why: "The binary of a process that runs a script is its interpreter: `/usr/bin/bash`, not `/opt/backup.sh`. The value matches \
              nothing.",
        bad: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - operator: NotIn
        values: [«/opt/backup.sh»]
"#,
        good: r#"  kprobes:
  - call: sys_mount
    selectors:
    - matchBinaries:
      - operator: NotIn
        values: [/usr/bin/bash]
"#,
        fix: "Write the interpreter. To single out one script, give it an interpreter of its own or filter on what it does.",
    },
    script,
);

fn call(context: &Context<'_>, found: &mut Found) {
    let spec = &context.policy.spec;
    for kprobe in spec
        .kprobes
        .iter()
        .chain(&spec.fentries)
        .filter(|one| one.is_syscall())
    {
        if !kprobe.call.value.starts_with("list:") {
            named(context, &kprobe.call, found);
        }
    }
    for list in &spec.lists {
        if list
            .kind
            .is_some_and(|kind| kind.value == ListKind::Syscalls)
        {
            list.values
                .iter()
                .for_each(|value| named(context, value, found));
        }
    }
}

fn named(context: &Context<'_>, text: &Spanned<String>, found: &mut Found) {
    if context.placement.is_unknown(text.span) {
        return;
    }
    let call = portable(&text.value);
    let name = call.rsplit('/').next().unwrap_or_default();
    let Some(name) = name.strip_prefix("sys_") else {
        return;
    };
    if let Some(other) = syscalls::behind(name) {
        let message =
            format!("programs that call `{name}` do not reach `sys_{name}` in the kernel");
        found.push(finding(text.span, message).help(format!("write `sys_{other}`")));
    } else if !syscalls::is_known(name) && !text.value.contains(['$', '{']) {
        let known: Vec<&str> = syscalls::names().collect();
        let one = finding(
            text.span,
            format!("there is no system call `{name}` in Linux 6.18"),
        );
        found.push(match nearest(name, &known) {
            Some(near) => one.help(format!("did you mean `sys_{near}`?")),
            None => one
                .help("for a kernel function write `syscall: false`, and its name without `sys_`"),
        });
    }
}

/// Endings of files that an interpreter runs.
const SCRIPTS: &[&str] = &[".bash", ".js", ".php", ".pl", ".py", ".rb", ".sh"];

fn script(context: &Context<'_>, found: &mut Found) {
    for (_, selector) in context.judged_selectors() {
        for filter in selector.binaries.iter().chain(selector.parent_binaries) {
            if matches!(
                filter.operator.value,
                BinaryOperator::Prefix | BinaryOperator::NotPrefix
            ) {
                continue;
            }
            for value in filter
                .values
                .iter()
                .filter(|value| SCRIPTS.iter().any(|end| value.value.ends_with(end)))
            {
                let one = finding(value.span, "no process has a script as its binary");
                found.push(
                    one.help("write the interpreter, such as /usr/bin/bash or /usr/bin/python3.11"),
                );
            }
        }
    }
}

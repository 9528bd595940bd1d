//! Names that no kernel has, where the user names no kernels.

use crate::diag::code;
use crate::lint::context::Context;
use crate::lint::kernels::{Kind, report};
use crate::lint::rule::{Docs, Found, Group, Level, Rule};

pub(in crate::lint) static NAME: Rule = Rule::new(
    2610,
    "unknown-kernel-name",
    Group::Kernel,
    Level::Error,
    Docs {
        summary: "a system call, security hook, field of a tracepoint or member of a structure that no known kernel has",
        why: "Tetragon refuses the policy on such kernels. tpc knows those whose facts are part of it, from Linux 6.1 to 6.12, the \
              system calls of later ones, and what is often used of earlier ones. The rule runs where neither `--kernel` nor `tpc.toml` names kernels; with them, the \
              others of this group judge each.",
        bad: r#"  kprobes:
  - call: «sys_mont»
"#,
        good: r#"  kprobes:
  - call: sys_mount
"#,
        fix: "Write the name that the help shows. If your kernels have it, name them with `--kernel`.",
    },
    name,
)
.covering(&[code::BAD_CALL, code::NEVER_MATCHES]);

pub(in crate::lint) static SYMBOL: Rule = Rule::new(
    2611,
    "unknown-function",
    Group::Kernel,
    Level::Warning,
    Docs {
        summary: "a function, tracepoint or structure that no known kernel has",
        why: "Tetragon refuses the policy where the kernel lacks it. It may be misspelt, or inlined by the compiler; or a module or \
              another distribution's kernel has it, which tpc does not know unless it is named with `--kernel`. The rule runs where \
              none is.",
        bad: r#"  kprobes:
  - call: «security_sb_mounts»
    syscall: false
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
"#,
        fix: "Write the name that the help shows, or say with `tpc lint --kernel node.facts` what your nodes have. Where the policy is \
              right without it, add `ignore: {callNotFound: true}`.",
    },
    symbol,
);

fn name(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::Name, found);
}

fn symbol(context: &Context<'_>, found: &mut Found) {
    report(context, Kind::Symbol, found);
}

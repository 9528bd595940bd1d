//! Filters on memory that the process can change meanwhile.

use crate::diag::{Code, Diagnostic};
use crate::kernel::security;
use crate::lint::context::{Context, Hook, HookKind};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::{ArgFilter, ArgType};

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2201),
    name: "toctou-argument",
    group: Group::Security,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[],
    docs: Docs {
        summary: "a filter looks at memory that the process can change before the kernel does",
        why: "A system call gets the address of a path or of another structure in the memory of the process. The \
              hook reads it at the entry, the kernel reads it again later. A second thread of the process can swap \
              the text in between: the policy sees a harmless path, the kernel opens another one. The path is also \
              as the process writes it: relative, through symbolic links or `/proc/self/root`. The `security_` \
              functions, and LSM hooks, see what the kernel has resolved.",
        bad: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_openat
    syscall: true
    args:
    - index: 1
      type: string
    selectors:
    - matchArgs:
      - index: 1
        operator: «Prefix»
        values: [/secrets/]
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: [/secrets/]
"#,
        fix: "Hook the function of the kernel that decides about the call, which the help of the finding names, and \
              filter on its arguments. To report what processes attempt, keep the hook and say so in a comment.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    for hook in context.hooks().iter().filter(|hook| hook.is_syscall) {
        for selector in hook.selectors {
            for filter in &selector.match_args {
                found_in(context, hook, filter, found);
            }
        }
    }
}

fn found_in(context: &Context<'_>, hook: &Hook<'_>, filter: &ArgFilter, found: &mut Found) {
    let Some(arg) = hook
        .argument(filter)
        .filter(|arg| in_user_memory(arg.declared_type()))
    else {
        return;
    };
    let functions = context.functions(hook);
    let call = match functions.as_slice() {
        [one] => format!("`{one}`"),
        _ => "the system call".to_owned(),
    };
    let message = format!("{call} reads this argument again after the filter has looked at it");
    let one = finding(filter.operator.span, message)
        .label("the process can change the text in between")
        .help(way_out(&functions));
    found.push(declared(one, arg.ty.map_or(arg.span, |ty| ty.span), hook));
}

fn declared(one: Diagnostic, span: crate::diag::Span, hook: &Hook<'_>) -> Diagnostic {
    let text = match hook.kind {
        HookKind::Tracepoint => "read from the process at the entry of the system call",
        _ => "in the memory of the process",
    };
    one.related(span, text)
}

fn in_user_memory(ty: ArgType) -> bool {
    use ArgType as T;
    matches!(
        ty,
        T::String | T::CharBuf | T::CharIovec | T::Sockaddr | T::SockaddrUn | T::Filename
    )
}

fn way_out(functions: &[String]) -> String {
    let mut decisions = functions
        .iter()
        .filter_map(|call| security::decision_behind(call));
    match decisions.next() {
        Some(decision) => {
            format!("hook `{decision}` with `syscall: false`: it sees what the kernel acts on")
        }
        None => "hook the `security_` function that the kernel asks on the way: it sees what the kernel acts on".to_owned(),
    }
}

//! Parts of declarations that nothing reads, and values that cannot be read as declared.

use crate::check::form::{Hook, Section, Written};
use crate::diag::{Span, Spanned, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{Arg, ArgType, is_set};

pub(in crate::lint) static IDLE: Rule = Rule::new(
    2016,
    "idle-declaration",
    Group::Correctness,
    Level::Warning,
    Docs {
        summary: "a part of a declaration that nothing reads",
        why: "Some parts of a declaration count only beside others: `btfType` with `resolve`, `maxData` on buffers, one \
              `returnCopy` for each hook, labels on some kinds of hooks. Elsewhere they are accepted and ignored, and the \
              author believes that they do something.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 1
      type: path
      btfType: «path»
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 1
      type: path
"#,
        fix: "Remove it, or add what it needs.",
    },
    idle,
)
.covering(&[code::NO_EFFECT]);

pub(in crate::lint) static FIELD: Rule = Rule::new(
    2119,
    "unread-field",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a type that Tetragon does not read on this kind of hook",
        why: "Tracepoints deliver numbers, texts, buffers and sockets. Every other type reads as 0: a `file` is empty, and `fd` is \
              always descriptor 0, whatever file that is. Usdts read nothing for `auto`.",
        bad: r#"  tracepoints:
  - subsystem: syscalls
    event: sys_enter_fsync
    args:
    - index: 5
      type: «fd»
"#,
        good: r#"  kprobes:
  - call: sys_fsync
    args:
    - index: 0
      type: fd
"#,
        fix: "Hook the function with `kprobes`, or the tracepoint with `raw: true`; or read the number itself.",
    },
    field,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static RAW: Rule = Rule::new(
    2120,
    "misread-tracepoint-argument",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "an argument of a tracepoint that Tetragon reads from the wrong place",
        why: "Raw tracepoints have the arguments 0 to 4: number 5 is rubbish, and `source: current_task` is read from the \
              argument instead of the task. In filters, `index` is translated to a position for one argument after the other: \
              where the numbers of arguments and positions overlap, it is translated twice and ends at another argument.",
        bad: r#"  tracepoints:
  - subsystem: sched
    event: sched_process_exec
    raw: true
    args:
    - index: 1
      type: int
    - index: 0
      type: int
    selectors:
    - matchArgs:
      - index: «1»
        operator: Equal
        values: ["1"]
"#,
        good: r#"  tracepoints:
  - subsystem: sched
    event: sched_process_exec
    raw: true
    args:
    - index: 0
      type: int
    - index: 1
      type: int
    selectors:
    - matchArgs:
      - index: 1
        operator: Equal
        values: ["1"]
"#,
        fix: "Declare arguments in the order of their numbers from 0, or name positions in filters: `args: [1]`.",
    },
    raw,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static REGISTER: Rule = Rule::new(
    2031,
    "unread-register",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a register is read where there are none",
        why: "Fentries and lsmhooks do not run on a breakpoint: they have arguments, but no registers. `source: pt_regs` reads 0 \
              there.",
        bad: r#"  fentries:
  - call: security_sb_mount
    syscall: false
    data:
    - index: 0
      type: uint64
      source: «pt_regs»
      resolve: rdi
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    data:
    - index: 0
      type: uint64
      source: pt_regs
      resolve: rdi
"#,
        fix: "Hook the function with `kprobes`, or declare the parameter under `args`.",
    },
    register,
);

fn idle(context: &Context<'_>, found: &mut Found) {
    for hook in &context.judged.hooks {
        let mut report = |span: Span, message: &str, help: &str| {
            found.push(finding(span, message).help(help));
        };
        let parts = &hook.parts;
        for arg in parts.args.iter().chain(parts.data) {
            of_value(hook, arg, &mut report);
        }
        let copies = parts
            .args
            .iter()
            .filter_map(|arg| arg.return_copy.filter(|flag| flag.value));
        let copies: Vec<Spanned<bool>> = copies.collect();
        for flag in copies.iter().take(copies.len().saturating_sub(1)) {
            let message = "this `returnCopy` has no effect: only the last one of a hook is read";
            report(flag.span, message, "remove one of the two");
        }
        let Some(ret) = parts.return_arg else {
            continue;
        };
        if parts.returns.is_none() && parts.section.sees_returns() {
            let message = "`returnArg` has no effect without `return: true`";
            report(
                ret.span,
                message,
                "add `return: true` to the hook, or remove it",
            );
            continue;
        }
        for (span, what) in [
            (place(&ret.resolve), "resolve"),
            (place(&ret.label), "label"),
            (
                ret.max_data.filter(|flag| flag.value).map(|flag| flag.span),
                "maxData",
            ),
        ] {
            if let Some(span) = span {
                report(
                    span,
                    &format!("`{what}` has no effect on return values"),
                    "remove it",
                );
            }
        }
    }
}

/// Where a text is, if it is not empty.
fn place(text: &Option<Spanned<String>>) -> Option<Span> {
    let text = text.as_ref().filter(|text| !text.value.is_empty());
    text.map(|text| text.span)
}

fn of_value(hook: &Hook<'_>, arg: &Arg, report: &mut impl FnMut(Span, &str, &str)) {
    let section = hook.parts.section;
    let by_format = section == Section::Tracepoints;
    let resolves = place(&arg.resolve).filter(|_| !by_format).is_some();
    if let Some(span) = place(&arg.btf_type).filter(|_| !resolves) {
        report(
            span,
            "`btfType` has no effect without `resolve`",
            "add `resolve`, or remove it",
        );
    }
    if let Some(span) = place(&arg.btf_type_module).filter(|_| place(&arg.btf_type).is_none()) {
        report(
            span,
            "`btfTypeModule` has no effect without `btfType`",
            "add `btfType`, or remove it",
        );
    }
    let unlabelled = matches!(
        section,
        Section::Tracepoints | Section::RawTracepoints | Section::Uprobes
    );
    if let Some(span) = place(&arg.label).filter(|_| unlabelled) {
        let message = format!("the events of {} do not have labels", section.hook());
        report(span, &message, "remove it");
    }
    if by_format {
        for (span, what) in [
            (place(&arg.resolve), "resolve"),
            (place(&arg.source), "source"),
        ] {
            if let Some(span) = span {
                let message = format!("`{what}` has no effect on a tracepoint");
                report(
                    span,
                    &message,
                    "add `raw: true` and count the tracepoint's own arguments, or remove it",
                );
            }
        }
    }
    let ty = arg.declared_type();
    let is_long = matches!(ty, ArgType::CharBuf | ArgType::IovIter);
    if let Some(flag) = arg.max_data.filter(|flag| flag.value && !is_long) {
        report(
            flag.span,
            "`maxData` has an effect on `char_buf` arguments only",
            "remove it",
        );
    }
    let sized = matches!(ty, ArgType::CharBuf | ArgType::CharIovec | ArgType::Auto);
    let looked_at = section == Section::Usdts;
    if let Some(size) = arg
        .size_arg_index
        .filter(|size| size.value > 0 && !sized && !looked_at)
    {
        report(
            size.span,
            "`sizeArgIndex` has an effect on buffers only",
            "remove it",
        );
    }
}

/// Whether Tetragon reads fields of tracepoints with this type (`bpf/process/bpf_generic_tracepoint.c`).
fn is_read(ty: ArgType) -> bool {
    use ArgType as T;
    let number = crate::check::numbers_of(ty).is_some();
    let other = matches!(
        ty,
        T::Auto
            | T::Nop
            | T::CharBuf
            | T::String
            | T::DataLoc
            | T::ConstBuf
            | T::Skb
            | T::Sock
            | T::Sockaddr
            | T::Socket
    );
    number || other
}

fn field(context: &Context<'_>, found: &mut Found) {
    for hook in &context.judged.hooks {
        let section = hook.parts.section;
        for arg in hook.parts.args {
            let ty = arg.declared_type();
            let span = arg.ty.map_or(arg.span, |ty| ty.span);
            match section {
                Section::Tracepoints if !is_read(ty) => {
                    let one = finding(span, format!("`{ty}` is read as 0 on a tracepoint"));
                    found.push(one.help(
                        "hook the function with `kprobes`, or the tracepoint with `raw: true`",
                    ));
                }
                Section::Usdts if ty == ArgType::Auto => {
                    let one = finding(span, "a usdt's argument without a type is read as nothing");
                    found.push(one.help("write its type, for example `type: int32`"));
                }
                _ => {}
            }
        }
    }
}

fn raw(context: &Context<'_>, found: &mut Found) {
    for hook in &context.judged.hooks {
        let Written::Tracepoint(tracepoint) = hook.written else {
            continue;
        };
        for arg in tracepoint.args.iter().filter(|_| is_set(tracepoint.raw)) {
            if arg.index.value == 5 {
                let one = finding(
                    arg.index.span,
                    "raw tracepoints have the arguments 0 to 4: this one is rubbish",
                );
                found.push(one.help("read one of the others"));
            }
            let task = arg
                .source
                .as_ref()
                .filter(|source| source.value == "current_task");
            if let Some(source) = task {
                let one = finding(
                    source.span,
                    "the member is read from the argument, not from the task",
                );
                found.push(one.help("hook a function with `kprobes`, and put it under `data`"));
            }
        }
        for selector in &tracepoint.selectors {
            for filter in selector
                .match_args
                .iter()
                .filter(|filter| filter.args.is_empty())
            {
                if let Some(index) = filter
                    .index
                    .filter(|index| is_twice(&tracepoint.args, index.value))
                {
                    let one = finding(
                        index.span,
                        "`index` is translated twice, and names another argument",
                    );
                    found.push(one.help("name the position: `args: [0]` for the first argument"));
                }
            }
        }
    }
}

/// Whether the position that a number is translated to is the number of a later argument.
fn is_twice(args: &[Arg], number: u32) -> bool {
    let Some(position) = args.iter().position(|arg| arg.index.value == number) else {
        return false;
    };
    let later = args.iter().skip(position + 1);
    later
        .into_iter()
        .any(|arg| usize::try_from(arg.index.value) == Ok(position))
        && number as usize != position
}

fn register(context: &Context<'_>, found: &mut Found) {
    for hook in &context.judged.hooks {
        let values = match hook.parts.section {
            Section::Fentries => hook.parts.data,
            Section::LsmHooks => hook.parts.args,
            _ => continue,
        };
        // Where an lsmhook names the register, the language refuses it.
        let values = values.iter().filter(|value| {
            hook.parts.section != Section::LsmHooks || place(&value.resolve).is_none()
        });
        for source in values.filter_map(|value| value.source.as_ref()) {
            if source.value == "pt_regs" {
                let message = format!(
                    "{} has no registers: the value is 0",
                    hook.parts.section.hook()
                );
                let help =
                    "hook the function with `kprobes`, or declare the parameter under `args`";
                found.push(finding(source.span, message).help(help));
            }
        }
    }
}

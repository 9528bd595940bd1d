//! Buffers: where their length comes from, and when they can be read.

use crate::check::form::{Hook, Section, Subject};
use crate::diag::{Span, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{Arg, ArgType, is_set};

pub(in crate::lint) static LENGTH: Rule = Rule::new(
    2014,
    "buffer-without-length",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a buffer whose length nothing says",
        why: "Without `sizeArgIndex` or `returnCopy`, no byte of the buffer is read: events show nothing, and filters compare \
              with nothing. On raw tracepoints and usdts there is no way to say a length.",
        bad: r#"  kprobes:
  - call: sys_pwrite64
    args:
    - «index: 1
      type: char_buf»
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/dd]
"#,
        good: r#"  kprobes:
  - call: sys_pwrite64
    args:
    - index: 1
      type: char_buf
      sizeArgIndex: 3
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/dd]
"#,
        fix: "Name the parameter with the length, counted from 1: `sizeArgIndex: 3` for the third. For a buffer that the call \
              fills, write `returnCopy: true`.",
    },
    length,
)
.covering(&[code::BAD_ARGUMENT]);

pub(in crate::lint) static SIZE: Rule = Rule::new(
    2015,
    "wrong-size-argument",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "`sizeArgIndex` names something that is no length",
        why: "`index` counts from 0 and `sizeArgIndex` from 1, of parameters as of a tracepoint's fields. Who counts both from \
              0 names the buffer itself, or another parameter: the address is taken for a length. Tetragon knows five \
              parameters; beyond them the length is 0.",
        bad: r#"  kprobes:
  - call: sys_pwrite64
    args:
    - index: 1
      type: char_buf
      sizeArgIndex: «2»
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/dd]
"#,
        good: r#"  kprobes:
  - call: sys_pwrite64
    args:
    - index: 1
      type: char_buf
      sizeArgIndex: 3
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/dd]
"#,
        fix: "Write the number of the parameter or field with the length, plus 1.",
    },
    size,
)
.covering(&[code::BAD_ARGUMENT]);

pub(in crate::lint) static COPY: Rule = Rule::new(
    2017,
    "misplaced-return-copy",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "`returnCopy` on a value that is no buffer",
        why: "`returnCopy` reads a buffer when the function returns. With another type there is nothing to read, and where the \
              hook has no `return: true` the event waits for it for ever: nothing is reported.",
        bad: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 0
      type: string
      returnCopy: «true»
"#,
        good: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 0
      type: string
"#,
        fix: "Remove `returnCopy`.",
    },
    copy,
)
.covering(&[code::NO_EFFECT]);

pub(in crate::lint) static LATE: Rule = Rule::new(
    2112,
    "filter-on-late-buffer",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a filter on a buffer that is not there when it is judged",
        why: "Filters are judged when the function is entered. A buffer with `returnCopy` is filled later, and one with \
              `maxData` lies elsewhere in Tetragon's record: both filters compare with bytes that are something else, which \
              a process may control.",
        bad: r#"  kprobes:
  - call: __kernel_write
    syscall: false
    args:
    - index: 1
      type: char_buf
      sizeArgIndex: 3
      maxData: true
    selectors:
    - matchArgs:
      - «index: 1
        operator: Prefix
        values: ["BEGIN"]»
"#,
        good: r#"  kprobes:
  - call: __kernel_write
    syscall: false
    args:
    - index: 1
      type: char_buf
      sizeArgIndex: 3
    selectors:
    - matchArgs:
      - index: 1
        operator: Prefix
        values: ["BEGIN"]
"#,
        fix: "Remove `maxData` or `returnCopy`, or filter on something else.",
    },
    late,
)
.only_for(&[Target::Tetragon]);

fn is_buffer(ty: ArgType) -> bool {
    matches!(ty, ArgType::CharBuf | ArgType::CharIovec)
}

/// The flag, if it is set.
fn set(flag: Option<crate::diag::Spanned<bool>>) -> Option<Span> {
    flag.filter(|flag| flag.value).map(|flag| flag.span)
}

/// Declarations of buffers.
fn buffers<'a>(hook: &Hook<'a>) -> impl Iterator<Item = &'a Arg> {
    hook.parts
        .args
        .iter()
        .filter(|arg| is_buffer(arg.declared_type()))
}

fn length(context: &Context<'_>, found: &mut Found) {
    for hook in &context.judged.hooks {
        let section = hook.parts.section;
        let says = !matches!(section, Section::RawTracepoints | Section::Usdts);
        for arg in buffers(hook) {
            let size = arg.size_arg_index.is_some_and(|size| size.value > 0);
            if says && (size || is_set(arg.return_copy)) {
                continue;
            }
            let one = finding(arg.span, "the buffer has no length: nothing of it is read");
            found.push(match says {
                true => one.help(
                    "add `sizeArgIndex:` with the number of the parameter that has the length, counted from 1",
                ),
                false => one.help(format!("use another type: {} cannot say a length", section.hook())),
            });
        }
    }
}

/// Parameters that Tetragon knows as lengths.
const KNOWN: u32 = 5;

fn size(context: &Context<'_>, found: &mut Found) {
    let for_tetragon = context.settings.targets.contains(&Target::Tetragon);
    for hook in &context.judged.hooks {
        let section = hook.parts.section;
        let by_field = section == Section::Tracepoints;
        if matches!(section, Section::RawTracepoints | Section::Usdts) {
            continue;
        }
        for arg in buffers(hook) {
            let Some(size) = arg.size_arg_index.filter(|size| size.value > 0) else {
                continue;
            };
            let at = size.value - 1;
            let named = hook.parts.args.iter().find(|other| other.index.value == at);
            let what = if by_field { "field" } else { "parameter" };
            if at == arg.index.value {
                let one = finding(
                    size.span,
                    format!("the length of the buffer is the {what} of the buffer itself"),
                );
                let one = one.related(
                    arg.index.span,
                    "`index` counts from 0, `sizeArgIndex` from 1",
                );
                found.push(one.help(format!(
                    "write {}, if the {what} behind it has the length",
                    size.value + 1
                )));
            } else if let Some(other) = named.filter(|other| is_no_number(other.declared_type())) {
                let one = finding(
                    size.span,
                    format!("the length of the buffer is a {what} that is no number"),
                );
                let one = one.related(
                    other.span,
                    format!("has the type `{}`", other.declared_type()),
                );
                found.push(one.help(format!(
                    "write the number of the {what} with the length, counted from 1"
                )));
            } else if for_tetragon && !by_field && size.value > KNOWN {
                let one = finding(
                    size.span,
                    "Tetragon knows five parameters: this length is 0",
                );
                found.push(
                    one.help("hook a function that has the length among its first five parameters"),
                );
            }
        }
    }
}

fn is_no_number(ty: ArgType) -> bool {
    let unknown = matches!(ty, ArgType::Auto | ArgType::Nop);
    !unknown && crate::check::numbers_of(ty).is_none()
}

fn copy(context: &Context<'_>, found: &mut Found) {
    for hook in &context.judged.hooks {
        let waits = hook.parts.returns.is_none();
        for arg in hook.parts.args {
            let Some(span) = set(arg.return_copy).filter(|_| !is_buffer(arg.declared_type()))
            else {
                continue;
            };
            let message = match waits && hook.parts.section == Section::Kprobes {
                true => "the event is never reported: it waits for a buffer that is none",
                false => "`returnCopy` has an effect on buffers only",
            };
            found.push(finding(span, message).help("remove `returnCopy`"));
        }
    }
}

fn late(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        let (Subject::Arg(_), Some(value)) = (of.filter.of, of.filter.value) else {
            continue;
        };
        let arg = value.written;
        let copied = set(arg.return_copy).map(|span| (span, "filled when the function returns"));
        let long = set(arg.max_data).filter(|_| arg.declared_type() == ArgType::CharBuf);
        let late = copied.or(long.map(|span| (span, "puts the bytes elsewhere")));
        if let Some((span, why)) = late {
            let one = finding(
                of.filter.written.span,
                "the filter compares with other bytes than the buffer's",
            );
            found.push(
                one.related(span, why)
                    .help("remove the filter, or what makes the buffer late"),
            );
        }
    }
}

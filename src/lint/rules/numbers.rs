//! Numbers that no value equals.

use crate::check::{self, Range, form::Operand};
use crate::diag::{Spanned, code};
use crate::lint::context::{Context, Of};
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::{ArgType, Operator};

pub(in crate::lint) static BEYOND: Rule = Rule::new(
    2022,
    "number-beyond-type",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a number that values of the type do not have",
        why: "Tetragon reads the number into more bits than the value has and loads the policy: 300 is never the value of a \
              `uint8`, and there is no port 70000. The filter matches nothing, or excepts nothing if it is negated.",
        bad: r#"  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: DPort
        values: [«"70000"»]
"#,
        good: r#"  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: DPort
        values: ["7000"]
"#,
        fix: "Write a number in the range that the help shows, or remove it.",
    },
    beyond,
)
.covering(&[code::BAD_VALUE, code::NEVER_MATCHES]);

pub(in crate::lint) static RANGE: Rule = Rule::new(
    2023,
    "empty-range",
    Group::Correctness,
    Level::Error,
    Docs {
        summary: "a range that ends before it starts",
        why: "`InRange` takes the ends as they are written: no number is at least 9 and at most 1. The filter matches nothing, \
              and `NotInRange` everything.",
        bad: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 3
      type: uint64
    selectors:
    - matchArgs:
      - index: 3
        operator: InRange
        values: [«"9:1"»]
"#,
        good: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 3
      type: uint64
    selectors:
    - matchArgs:
      - index: 3
        operator: InRange
        values: ["1:9"]
"#,
        fix: "Write the lower end first.",
    },
    range,
)
.covering(&[code::BAD_VALUE]);

pub(in crate::lint) static NEGATIVE: Rule = Rule::new(
    2113,
    "negative-number",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a negative number that Tetragon does not compare as one",
        why: "Tetragon compares `int8` and `int16` without their sign, and `InMap` fills the value of a 32-bit type up with zeros \
              but the number with its sign. A negative number is then never equal, and greater than all others.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    return: true
    returnArg:
      index: 0
      type: int
    selectors:
    - matchReturnArgs:
      - index: 0
        operator: InMap
        values: [«"-1"», «"-13"»]
"#,
        good: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    return: true
    returnArg:
      index: 0
      type: int
    selectors:
    - matchReturnArgs:
      - index: 0
        operator: Equal
        values: ["-1", "-13"]
"#,
        fix: "Use `Equal` instead of `InMap`. For 8 and 16 bits, write the number with the same bits and no sign: 255 for -1.",
    },
    negative,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static HUGE: Rule = Rule::new(
    2403,
    "huge-range",
    Group::Cost,
    Level::Warning,
    Docs {
        summary: "a range of `InMap` with very many numbers",
        why: "Tetragon writes every number of the range into a map of the kernel: a range of millions takes minutes and gigabytes, \
              for each hook. `InRange` compares two ends.",
        bad: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 3
      type: uint64
    selectors:
    - matchArgs:
      - index: 3
        operator: InMap
        values: [«"0:1000000"»]
"#,
        good: r#"  kprobes:
  - call: sys_mount
    args:
    - index: 3
      type: uint64
    selectors:
    - matchArgs:
      - index: 3
        operator: InRange
        values: ["0:1000000"]
"#,
        fix: "Use `InRange` or `NotInRange`.",
    },
    huge,
)
.only_for(&[Target::Tetragon]);

/// Process ids are below this on 64-bit kernels, PID_MAX_LIMIT (include/linux/threads.h).
const PIDS: u32 = 4 << 20;

/// What numbers that an operator looks at can be; `None` for those that are no numbers.
pub(super) fn limits(of: &Of<'_>) -> Option<Range> {
    use Operator as O;
    match of.filter.operator() {
        O::SPort | O::NotSPort | O::DPort | O::NotDPort | O::Protocol | O::Family => {
            Some((0, 0xffff))
        }
        O::State => Some((0, 0xff)),
        _ => check::numbers_of(of.filter.ty()?),
    }
}

fn is_short(ty: Option<ArgType>) -> bool {
    matches!(ty, Some(ArgType::Int8 | ArgType::Int16))
}

/// The numbers of a filter with their texts.
fn numbers<'a>(of: &Of<'a>) -> impl Iterator<Item = (&'a Spanned<String>, Range)> {
    let ranges: &[Option<Range>] = match &of.filter.operand {
        Operand::Numbers(ranges) => ranges,
        _ => &[],
    };
    let texts = of.filter.written.values.iter();
    texts
        .zip(ranges)
        .filter_map(|(text, range)| Some((text, (*range)?)))
}

fn beyond(context: &Context<'_>, found: &mut Found) {
    let for_tetragon = context.settings.targets.contains(&Target::Tetragon);
    for of in context.filters() {
        let Some((lowest, mut highest)) = limits(&of) else {
            continue;
        };
        if for_tetragon && is_short(of.filter.ty()) {
            // Compared without a sign there: those who know write 255 for -1.
            highest = 2 * highest + 1;
        }
        for (text, (from, to)) in numbers(&of) {
            if from.min(to) > highest || from.max(to) < lowest {
                let message = format!("`{}` is not between {lowest} and {highest}", text.value);
                let one = finding(text.span, message);
                let declared = of.filter.value.and_then(|value| value.written.ty);
                let one = match declared {
                    Some(ty) => one.related(ty.span, "the argument's type"),
                    None => one,
                };
                found.push(one.help("write a number in this range, or remove this one"));
            }
        }
    }
    for (_, selector) in context.judged_selectors() {
        for pid in selector.pids.iter().flat_map(|filter| &filter.values) {
            if pid.value > PIDS {
                let one = finding(pid.span, format!("no process has the id {}", pid.value));
                found.push(one.help(format!("write a number up to {PIDS}")));
            }
        }
    }
}

fn range(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        for (text, (from, to)) in numbers(&of) {
            if from > to {
                let one = finding(
                    text.span,
                    format!("`{}` is empty: its end is below its start", text.value),
                );
                found.push(one.help(format!("write `{to}:{from}`")));
            }
        }
    }
}

fn negative(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        let ty = of.filter.ty();
        let operator = of.filter.operator();
        let in_map = matches!(operator, Operator::InMap | Operator::NotInMap);
        let narrow = matches!(ty, Some(ArgType::Int | ArgType::Int32)) || is_short(ty);
        if !(is_short(ty) || in_map && narrow) {
            continue;
        }
        for (text, (from, to)) in numbers(&of).filter(|(_, (from, to))| *from.min(to) < 0) {
            let help = match (ty, from == to) {
                (Some(ArgType::Int8), true) => {
                    format!("write `{}`, which has the same bits", from + 0x100)
                }
                (Some(ArgType::Int16), true) => {
                    format!("write `{}`, which has the same bits", from + 0x1_0000)
                }
                _ => "use `Equal` or `InRange`".to_owned(),
            };
            let message = format!(
                "Tetragon does not compare `{}` as a negative number",
                text.value
            );
            found.push(finding(text.span, message).help(help));
        }
    }
}

/// Numbers that a map may take for one range.
const MANY: i128 = 1 << 16;

fn huge(context: &Context<'_>, found: &mut Found) {
    for of in context.filters() {
        if !matches!(of.filter.operator(), Operator::InMap | Operator::NotInMap) {
            continue;
        }
        for (text, (from, to)) in numbers(&of) {
            let count = to.saturating_sub(from).saturating_add(1);
            if count > MANY {
                let one = finding(
                    text.span,
                    format!("the range becomes {count} entries of a map"),
                );
                let instead = match of.filter.operator() {
                    Operator::InMap => "InRange",
                    _ => "NotInRange",
                };
                found.push(one.help(format!("use `{instead}`")));
            }
        }
    }
}

/// Whether the type has one of the numbers of a filter.
pub(super) fn has_some(filter: &crate::check::form::Filter<'_>, (lowest, highest): Range) -> bool {
    let Operand::Numbers(ranges) = &filter.operand else {
        return false;
    };
    let has = |(from, to): &Range| from <= to && *to >= lowest && *from <= highest;
    ranges.iter().flatten().any(has)
}

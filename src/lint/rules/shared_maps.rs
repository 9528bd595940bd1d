//! What hooks of one policy share in Tetragon, and must not differ in.

use std::collections::BTreeMap;

use crate::check::form::{Filter, Hook, Section, Subject};
use crate::check::option_is_on;
use crate::diag::Span;
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, Target, finding};
use crate::policy::Operator;

pub(in crate::lint) static SHARED: Rule = Rule::new(
    2117,
    "shared-values",
    Group::Tetragon,
    Level::Warning,
    Docs {
        summary: "hooks of one policy that overwrite each other's values",
        why: "Since Linux 5.18 (6.6 for uprobes) Tetragon attaches all hooks of a policy with one program. The values of `matchBinaries`, \
              `InMap`, ports, addresses and substrings lie in maps that it fills for one hook after the other, in the same places: \
              the last hook's values apply to all, `matchBinaries` also to hooks without. A rule for one binary then hits another, \
              or nobody.",
        bad: r#"  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchBinaries:
      - «operator: In
        values: [/usr/bin/mount]»
  - call: security_sb_umount
    syscall: false
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/umount]
"#,
        good: r#"  options:
  - name: disable-kprobe-multi
    value: "true"
  kprobes:
  - call: security_sb_mount
    syscall: false
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/mount]
  - call: security_sb_umount
    syscall: false
    selectors:
    - matchBinaries:
      - operator: In
        values: [/usr/bin/umount]
"#,
        fix: "Add the option `disable-kprobe-multi` (or `disable-uprobe-multi`) with `value: \"true\"`, or write a policy for each hook.",
    },
    shared,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static SUBSTRINGS: Rule = Rule::new(
    2115,
    "second-substring",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "a second substring for a hook that has room for one",
        why: "Tetragon makes the map for substrings with one entry, but for uprobes. With a second value the kernel refuses to load the \
              policy.",
        bad: r#"# tpc: ignore-file[newer-kernel] our kernels have it
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 0
      type: string
    selectors:
    - matchArgs:
      - index: 0
        operator: SubString
        values: [loop, «nbd»]
"#,
        good: r#"# tpc: ignore-file[newer-kernel] our kernels have it
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: security_sb_mount
    syscall: false
    args:
    - index: 0
      type: string
    selectors:
    - matchArgs:
      - index: 0
        operator: SubString
        values: [loop]
"#,
        fix: "Write one value, and a policy for each further one.",
    },
    substrings,
)
.only_for(&[Target::Tetragon]);

pub(in crate::lint) static EXPRESSION: Rule = Rule::new(
    2116,
    "unjudged-expression",
    Group::Tetragon,
    Level::Error,
    Docs {
        summary: "`CelExpr` where Tetragon does not judge it",
        why: "Expressions are compiled into the programs of kprobes and uprobes, for arguments. Elsewhere the policy loads and the filter \
              never matches.",
        bad: r#"  lsmhooks:
  - hook: file_open
    args:
    - index: 1
      type: int
    selectors:
    - matchArgs:
      - operator: «CelExpr»
        values: ["arg0 == int32(1)"]
"#,
        good: r#"  lsmhooks:
  - hook: file_open
    args:
    - index: 1
      type: int
    selectors:
    - matchArgs:
      - index: 1
        operator: Equal
        values: ["1"]
"#,
        fix: "Write the condition with other operators, or hook the function with `kprobes`.",
    },
    expression,
)
.only_for(&[Target::Tetragon]);

/// Values that lie in one kind of map, in the order of their filters, and where the first filter is.
type Values<'a> = BTreeMap<&'static str, (Span, Vec<Vec<&'a str>>)>;

/// The map of `matchBinaries` and `matchParentBinaries`.
const BINARIES: &str = "binaries";

/// The map that the values of a filter lie in; texts have numbers of their own but in uprobes and usdts.
fn map_of(filter: &Filter<'_>, of_program: bool) -> Option<&'static str> {
    use Operator as O;
    match filter.operator() {
        O::InMap | O::NotInMap | O::SPort | O::NotSPort | O::DPort | O::NotDPort => Some("numbers"),
        O::SAddr | O::NotSAddr | O::DAddr | O::NotDAddr => Some("addresses"),
        O::SubString | O::SubStringIgnCase => Some("substrings"),
        O::Equal | O::NotEqual | O::Prefix | O::NotPrefix | O::Postfix | O::NotPostfix
            if of_program =>
        {
            let number = filter
                .ty()
                .is_some_and(|ty| crate::check::numbers_of(ty).is_some());
            (!number).then_some("texts")
        }
        _ => None,
    }
}

fn values<'a>(hook: &Hook<'a>) -> Values<'a> {
    let of_program = matches!(hook.parts.section, Section::Uprobes | Section::Usdts);
    let mut all: Values<'a> = BTreeMap::new();
    let mut add = |map: &'static str, span: Span, texts: Vec<&'a str>| {
        all.entry(map).or_insert((span, Vec::new())).1.push(texts);
    };
    for selector in &hook.selectors {
        for filter in &selector.filters {
            if let Some(map) = map_of(filter, of_program) {
                let texts = filter
                    .written
                    .values
                    .iter()
                    .map(|value| value.value.as_str());
                add(map, filter.written.span, texts.collect());
            }
        }
        for filter in selector.binaries.iter().chain(selector.parent_binaries) {
            let mut texts = vec![crate::policy::Word::name(filter.operator.value)];
            texts.extend(filter.values.iter().map(|value| value.value.as_str()));
            add(BINARIES, filter.span, texts);
        }
    }
    all
}

fn shared(context: &Context<'_>, found: &mut Found) {
    let options = &context.policy.spec.options;
    for (section, option) in [
        (Section::Kprobes, Some("disable-kprobe-multi")),
        (Section::Uprobes, Some("disable-uprobe-multi")),
        (Section::Usdts, None),
    ] {
        if option.is_some_and(|option| option_is_on(options, option)) {
            continue;
        }
        let hooks = context.judged.hooks.iter();
        let hooks: Vec<&Hook<'_>> = hooks.filter(|hook| hook.parts.section == section).collect();
        let all: Vec<Values<'_>> = hooks.iter().map(|hook| values(hook)).collect();
        let help = match option {
            Some(option) => {
                format!("add the option `{option}` with `value: \"true\"`, or split the policy")
            }
            None => "write a policy for each hook".to_owned(),
        };
        for (at, hook) in all.iter().enumerate() {
            for (map, (span, texts)) in hook {
                let mut behind = all
                    .iter()
                    .skip(at + 1)
                    .filter_map(|later| later.get(map))
                    .rev();
                let Some((last, _)) = behind.next().filter(|(_, others)| others != texts) else {
                    continue;
                };
                let one = finding(*span, format!("the {map} of a later hook apply here too"));
                found.push(one.related(*last, "overwrites them").help(help.as_str()));
            }
        }
        // A hook without a filter on binaries is judged by that of another.
        let binaries = all.iter().rev().find_map(|hook| hook.get(BINARIES));
        for (hook, _) in hooks
            .iter()
            .zip(&all)
            .filter(|(_, own)| !own.contains_key(BINARIES))
        {
            if let Some((span, _)) = binaries {
                let one = finding(
                    hook.parts.place,
                    "the binaries of another hook apply here too",
                );
                found.push(
                    one.related(*span, "applies to all hooks")
                        .help(help.as_str()),
                );
            }
        }
    }
}

fn substrings(context: &Context<'_>, found: &mut Found) {
    for hook in &context.judged.hooks {
        if hook.parts.section == Section::Uprobes {
            continue;
        }
        let filters = hook
            .selectors
            .iter()
            .flat_map(|one| one.filters.iter().chain(&one.return_filters));
        let searching = filters.filter(|one| {
            matches!(
                one.operator(),
                Operator::SubString | Operator::SubStringIgnCase
            )
        });
        let values: Vec<_> = searching
            .flat_map(|filter| &filter.written.values)
            .collect();
        if let [first, second, ..] = values.as_slice() {
            let one = finding(
                second.span,
                "there is room for one substring: the policy does not load",
            );
            found.push(
                one.related(first.span, "the first")
                    .help("write a policy for each further value"),
            );
        }
    }
}

fn expression(context: &Context<'_>, found: &mut Found) {
    for of in context
        .filters()
        .filter(|of| of.filter.of == Subject::Expression)
    {
        let section = of.hook.parts.section;
        let at_return = of
            .selector
            .return_filters
            .iter()
            .any(|one| std::ptr::eq(one, of.filter));
        let judged = matches!(section, Section::Kprobes | Section::Uprobes);
        if judged && !at_return {
            continue;
        }
        let wher = if at_return {
            "on return values"
        } else {
            section.hook()
        };
        let message = match at_return {
            true => format!("Tetragon does not judge expressions {wher}: the filter never matches"),
            false => {
                format!("Tetragon does not judge expressions in {wher}: the filter never matches")
            }
        };
        found.push(
            finding(of.filter.written.operator.span, message)
                .help("write the condition with other operators"),
        );
    }
}

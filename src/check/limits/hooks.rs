//! Limits of hooks, and of what they share.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{
    ARGUMENT_INDEX, ARGUMENTS, ARGUMENTS_CRASH, ARGUMENTS_FAIL, EXPRESSIONS, FOLLOWERS, Found,
    Limit, MESSAGE, MESSAGE_CUT, MIXED_ADDRESSES, OVERRIDE_MULTI, RAW_INDEX, RESOLVE_DEPTH,
    SAME_FUNCTION, SELECTORS, TAG, TAG_CUT, TAGS,
};
use crate::check::form::{Hook, Judged, Section, Subject, Written};
use crate::check::language::{self, SECURITY};
use crate::check::options;
use crate::diag::Span;
use crate::policy::{ActionKind, Arg, Kprobe, ListKind, Spec, Uprobe, is_set};

const KPROBE_MULTI: &str = "disable-kprobe-multi";
const UPROBE_MULTI: &str = "disable-uprobe-multi";

/// What the hooks of a policy have in common.
pub(super) fn across(judged: &Judged<'_>, found: &mut Found) {
    let spec = &judged.policy.spec;
    if !options::is_on(&spec.options, KPROBE_MULTI) {
        same_function(spec, found);
        override_multi(judged, found);
    }
    if !options::is_on(&spec.options, UPROBE_MULTI) {
        mixed_addresses(&spec.uprobes, found);
    }
    expressions(judged, found);
    followers(judged, found);
}

/// Functions that a kprobe hooks, as they are named, with the place of the name.
fn functions<'a>(kprobe: &'a Kprobe, spec: &'a Spec) -> Vec<(String, Span)> {
    let call = &kprobe.call;
    let Some(name) = language::list_name(&call.value) else {
        let symbol = match kprobe.is_syscall() {
            true => language::portable(&call.value),
            false => &call.value,
        };
        return vec![(symbol.to_owned(), call.span)];
    };
    let list = spec.lists.iter().find(|list| list.name.value == name);
    let is_syscalls = |kind: Option<ListKind>| kind == Some(ListKind::Syscalls);
    let symbol = |text: &'a str, of_syscalls: bool| match of_syscalls {
        true => language::portable(text),
        false => text,
    };
    let elements = list.into_iter().flat_map(|list| {
        let of_syscalls = is_syscalls(list.kind.map(|kind| kind.value));
        let one = move |value: &'a crate::diag::Spanned<String>| {
            (symbol(&value.value, of_syscalls).to_owned(), value.span)
        };
        list.values.iter().map(one)
    });
    elements.collect()
}

fn same_function(spec: &Spec, found: &mut Found) {
    let mut seen = BTreeMap::new();
    for kprobe in &spec.kprobes {
        for (symbol, span) in functions(kprobe, spec) {
            match seen.entry(symbol) {
                Entry::Occupied(_) => found.push(&SAME_FUNCTION, span, 2),
                Entry::Vacant(place) => {
                    place.insert(span);
                }
            }
        }
    }
}

fn override_multi(judged: &Judged<'_>, found: &mut Found) {
    for hook in &judged.hooks {
        let Written::Kprobe(kprobe) = hook.written else {
            continue;
        };
        let mut functions = functions(kprobe, &judged.policy.spec).into_iter();
        if !functions.any(|(symbol, _)| symbol.starts_with(SECURITY)) {
            continue;
        }
        let actions = hook.selectors.iter().flat_map(|selector| selector.actions);
        let mut actions = actions.filter(|action| action.action.value == ActionKind::Override);
        if let Some(action) = actions.next() {
            found.push(&OVERRIDE_MULTI, action.action.span, 0);
        }
    }
}

fn mixed_addresses(uprobes: &[Uprobe], found: &mut Found) {
    let way = |uprobe: &Uprobe| {
        (
            uprobe.symbols.is_empty(),
            uprobe.offsets.is_empty(),
            uprobe.addrs.is_empty(),
        )
    };
    let mut seen = BTreeMap::new();
    for uprobe in uprobes {
        let first = *seen
            .entry(uprobe.path.value.as_str())
            .or_insert(way(uprobe));
        if first != way(uprobe) {
            found.push(&MIXED_ADDRESSES, uprobe.path.span, 2);
        }
    }
}

/// Expressions on arguments are shared where all hooks share a program; those on return values are not.
fn expressions(judged: &Judged<'_>, found: &mut Found) {
    let options = &judged.policy.spec.options;
    let shares = |section| match section {
        Section::Kprobes => !options::is_on(options, KPROBE_MULTI),
        Section::Uprobes => !options::is_on(options, UPROBE_MULTI),
        _ => false,
    };
    let mut shared = Vec::new();
    for hook in &judged.hooks {
        let filters = hook.selectors.iter().flat_map(|selector| &selector.filters);
        let expressions = filters.filter(|filter| filter.of == Subject::Expression);
        let mut entry: Vec<Span> = expressions.map(|filter| filter.written.span).collect();
        match shares(hook.parts.section) {
            true => shared.append(&mut entry),
            false => found.count(&EXPRESSIONS, &entry, |span| *span),
        }
    }
    found.count(&EXPRESSIONS, &shared, |span| *span);
}

/// Filters that follow the children of a process need a number each.
fn followers(judged: &Judged<'_>, found: &mut Found) {
    let selectors = judged.hooks.iter().flat_map(|hook| &hook.selectors);
    let filters =
        selectors.flat_map(|selector| selector.binaries.iter().chain(selector.parent_binaries));
    let following =
        filters.filter(|filter| is_set(filter.follow_children) && !filter.values.is_empty());
    let spans: Vec<Span> = following.map(|filter| filter.span).collect();
    found.count(&FOLLOWERS, &spans, |span| *span);
}

/// A hook alone.
pub(super) fn one(hook: &Hook<'_>, found: &mut Found) {
    let parts = &hook.parts;
    found.count(&SELECTORS, parts.selectors, |selector| selector.span);
    found.count(&TAGS, parts.tags, |tag| tag.span);
    for tag in parts.tags {
        match tag.value.len() {
            1 => found.push(&TAG, tag.span, 1),
            _ => found.length(&TAG_CUT, &tag.value, tag.span),
        }
    }
    if let Some(message) = parts.message {
        match message.value.len() {
            1 => found.push(&MESSAGE, message.span, 1),
            _ => found.length(&MESSAGE_CUT, &message.value, message.span),
        }
    }
    values(hook, found);
}

/// The values that a hook reads.
fn values(hook: &Hook<'_>, found: &mut Found) {
    let section = hook.parts.section;
    let hidden = language::hidden_sizes(&hook.parts);
    let sizes = hook.parts.args.iter().filter(|arg| {
        let size = arg
            .size_arg_index
            .and_then(|size| size.value.checked_sub(1));
        size.is_some_and(|size| hidden.contains(&size))
    });
    let args = hook.parts.args.iter().chain(hook.parts.data);
    let spans: Vec<Span> = args
        .chain(sizes.take(hidden.len()))
        .map(|arg| arg.span)
        .collect();
    let limit: &'static Limit = match section {
        Section::Kprobes | Section::Fentries | Section::Usdts => &ARGUMENTS,
        Section::Uprobes | Section::LsmHooks => &ARGUMENTS_CRASH,
        Section::Tracepoints | Section::RawTracepoints => &ARGUMENTS_FAIL,
    };
    found.count(limit, &spans, |span| *span);
    for arg in hook.parts.args.iter().chain(hook.parts.data) {
        index(section, arg, found);
        depth(section, arg, found);
    }
}

fn index(section: Section, arg: &Arg, found: &mut Found) {
    let limit: &'static Limit = match section {
        Section::Kprobes | Section::Fentries | Section::Uprobes | Section::LsmHooks => {
            &ARGUMENT_INDEX
        }
        Section::RawTracepoints => &RAW_INDEX,
        Section::Tracepoints | Section::Usdts => return,
    };
    if limit
        .bound
        .is_some_and(|most| u64::from(arg.index.value) > most)
    {
        found.push(
            limit,
            arg.index.span,
            usize::try_from(arg.index.value).unwrap_or(usize::MAX),
        );
    }
}

fn depth(section: Section, arg: &Arg, found: &mut Found) {
    let is_register = |arg: &Arg| {
        arg.source
            .as_ref()
            .is_some_and(|source| source.value == language::PT_REGS)
    };
    let Some(path) = arg.resolve.as_ref().filter(|_| !is_register(arg)) else {
        return;
    };
    let steps = language::resolve::steps(&path.value).map_or(0, |steps| steps.len());
    let too_deep = RESOLVE_DEPTH.bound.is_some_and(|most| steps as u64 > most);
    if too_deep && section != Section::Tracepoints {
        found.push(&RESOLVE_DEPTH, path.span, steps);
    }
}

//! Questions about what hooks read, compare and do.

use super::hooks::numbers;
use super::{About, Asked, Feature, Place, Root, text};
use crate::check::form::{Filter, Hook, Section, Selector, Subject, Written};
use crate::check::language::{self, PT_REGS, SECURITY, resolve};
use crate::check::registers;
use crate::check::set_at;
use crate::policy::{Action, ActionKind, Arg, ArgType, Operator, Policy, is_set};

/// The values that a hook declares.
pub(super) fn of_hook<'a>(hook: &Hook<'a>, asked: &mut Asked<'a>) {
    for arg in hook.parts.args {
        match hook.written {
            Written::Tracepoint(tracepoint) if !is_set(tracepoint.raw) => {
                field(&tracepoint.event.value, arg, hook.parts.args, asked);
            }
            Written::Usdt(usdt) => {
                let about = About::ProbeArgument {
                    program: &usdt.path.value,
                    name: &usdt.name.value,
                    index: arg.index.value,
                    written: is_set_by(hook, arg),
                };
                asked.ask(about, arg.index.span);
                member(hook, arg, asked);
            }
            _ => member(hook, arg, asked),
        }
        let of_program = matches!(hook.parts.section, Section::Uprobes | Section::Usdts);
        user_string(arg, of_program, asked);
    }
    for datum in hook.parts.data {
        let source = text(&datum.source);
        if source == Some(PT_REGS) {
            let name = text(&datum.resolve).unwrap_or("");
            let mut machines = registers::machines(name);
            if let (Some(machine), None) = (machines.next(), machines.next()) {
                asked.ask(About::Machine(machine), datum.span);
            }
            user_string(datum, hook.parts.section == Section::Uprobes, asked);
        } else {
            member(hook, datum, asked);
        }
    }
}

/// Texts of programs are read before the hook runs.
fn user_string<'a>(arg: &'a Arg, of_program: bool, asked: &mut Asked<'a>) {
    if of_program && arg.declared_type() == ArgType::String {
        asked.feature(Feature::UserStrings, arg.span);
    }
}

/// A field of a tracepoint, and the one that holds its size.
fn field<'a>(event: &'a str, arg: &'a Arg, args: &[Arg], asked: &mut Asked<'a>) {
    let gives_type = arg.declared_type() == ArgType::Auto;
    let index = arg.index.value;
    asked.ask(
        About::Field {
            event,
            index,
            gives_type,
        },
        arg.index.span,
    );
    let size = arg.size_arg_index;
    if let Some((size, index)) = size.and_then(|size| Some((size, size.value.checked_sub(1)?))) {
        asked.ask(
            About::Field {
                event,
                index,
                // One that is declared has a type of its own.
                gives_type: !args.iter().any(|arg| arg.index.value == index),
            },
            size.span,
        );
    }
}

/// Whether an action writes to the argument.
fn is_set_by(hook: &Hook<'_>, arg: &Arg) -> bool {
    let actions = hook.selectors.iter().flat_map(|selector| selector.actions);
    let mut sets = actions.filter(|action| action.action.value == ActionKind::Set);
    let position = sets
        .next()
        .map(|action| action.arg_index.map_or(0, |index| index.value));
    let position = position.and_then(|position| usize::try_from(position).ok());
    let written = position.and_then(|position| hook.parts.args.get(position));
    written.is_some_and(|written| std::ptr::eq(written, arg))
}

/// The member that `resolve` leads to.
fn member<'a>(hook: &Hook<'a>, arg: &'a Arg, asked: &mut Asked<'a>) {
    let Some(path) = arg.resolve.as_ref().filter(|path| !path.value.is_empty()) else {
        return;
    };
    let Ok(steps) = resolve::steps(&path.value) else {
        return;
    };
    if let Some(of) = root(hook, arg) {
        let about = About::Member {
            of,
            path: steps,
            gives_type: matches!(arg.declared_type(), ArgType::Auto | ArgType::BpfCmd),
        };
        asked.ask(about, path.span);
    }
}

/// `None` where the policy does not say, which was reported.
fn root<'a>(hook: &Hook<'a>, arg: &'a Arg) -> Option<Root<'a>> {
    if text(&arg.source) == Some("current_task") {
        return Some(Root::Task);
    }
    let index = arg.index.value;
    let structure = text(&arg.btf_type);
    let types = match hook.written {
        Written::Uprobe(uprobe) => &uprobe.btf_path,
        Written::Usdt(usdt) => &usdt.btf_path,
        _ => {
            let module = text(&arg.btf_type_module);
            let structure = structure.map(|name| Root::Structure { name, module });
            return structure.or_else(|| parameter(hook, index));
        }
    };
    let (types, name) = (text(types)?, structure?);
    Some(Root::OfProgram { types, name })
}

/// What a hook of the kernel is called with.
fn parameter<'a>(hook: &Hook<'a>, index: u32) -> Option<Root<'a>> {
    match hook.written {
        Written::Kprobe(kprobe) | Written::Fentry(kprobe) => Some(Root::Parameter {
            function: &kprobe.call.value,
            index,
        }),
        Written::Tracepoint(tracepoint) => Some(Root::Argument {
            event: &tracepoint.event.value,
            index,
        }),
        Written::LsmHook(hook) => Some(Root::HookParameter {
            hook: &hook.hook.value,
            index,
        }),
        Written::Uprobe(_) | Written::Usdt(_) => None,
    }
}

/// Filters and actions.
pub(super) fn of_selector<'a>(
    policy: &'a Policy,
    hook: &Hook<'a>,
    selector: &Selector<'a>,
    asked: &mut Asked<'a>,
) {
    if let Some(filter) = selector.parent_binaries.first() {
        asked.feature(Feature::ParentBinaries, filter.span);
    }
    if let Some(workloads) = selector.workloads {
        asked.feature(Feature::Workloads, workloads.span);
    }
    for filter in selector.filters.iter().chain(&selector.return_filters) {
        of_filter(policy, filter, asked);
    }
    for action in selector.actions {
        of_action(policy, hook, action, asked);
    }
}

fn of_filter<'a>(policy: &'a Policy, filter: &Filter<'a>, asked: &mut Asked<'a>) {
    let span = filter.written.operator.span;
    match filter.operator() {
        Operator::SubString => asked.feature(Feature::SubString, span),
        Operator::SubStringIgnCase => asked.feature(Feature::SubStringIgnCase, span),
        Operator::CelExpr if filter.of == Subject::Expression => {
            asked.feature(Feature::Expressions, span);
        }
        Operator::InMap | Operator::NotInMap => {
            let names = filter.written.values.iter();
            for name in names.filter_map(|value| language::list_name(&value.value)) {
                let mut lists = policy.spec.lists.iter();
                if let Some(list) = lists.find(|list| list.name.value == name) {
                    numbers(list, asked);
                }
            }
        }
        _ => {}
    }
}

fn of_action<'a>(policy: &'a Policy, hook: &Hook<'a>, action: &'a Action, asked: &mut Asked<'a>) {
    let span = action.action.span;
    if let (Section::LsmHooks, Some(hash)) = (hook.parts.section, set_at(action.ima_hash)) {
        asked.feature(Feature::FileDigests, hash);
    }
    if action.action.value != ActionKind::Override {
        return;
    }
    match hook.written {
        Written::Kprobe(kprobe) => {
            let name = language::list_name(&kprobe.call.value);
            let lists = policy
                .spec
                .lists
                .iter()
                .filter(|list| Some(&*list.name.value) == name);
            let elements = lists
                .flat_map(|list| &list.values)
                .map(|value| value.value.as_str());
            let mut names = elements.chain([kprobe.call.value.as_str()]);
            asked.feature(
                match names.any(|name| name.starts_with(SECURITY)) {
                    true => Feature::ModifyReturn,
                    false => Feature::Override,
                },
                span,
            );
        }
        Written::Uprobe(uprobe) => {
            asked.feature(Feature::UserRegisters, span);
            target(&uprobe.path.value, action, asked);
        }
        _ => {}
    }
}

/// Where an `Override` jumps, and the machine whose registers it writes.
fn target<'a>(program: &'a str, action: &'a Action, asked: &mut Asked<'a>) {
    let symbol = action
        .arg_new_symbol
        .as_ref()
        .filter(|symbol| !symbol.value.is_empty());
    if let Some(symbol) = symbol {
        let place = Place::Symbol(&symbol.value);
        asked.ask(About::Place { program, place }, symbol.span);
    }
    let offset = action.arg_new_offset.filter(|offset| offset.value != 0);
    if let Some(offset) = offset {
        let place = Place::Offset(u64::try_from(offset.value).unwrap_or_default());
        asked.ask(About::Place { program, place }, offset.span);
    }
    for text in &action.arg_regs {
        for name in language::registers_of(&text.value) {
            let mut machines = registers::machines(name);
            if let (Some(machine), None) = (machines.next(), machines.next()) {
                asked.ask(About::Machine(machine), text.span);
            }
        }
    }
}

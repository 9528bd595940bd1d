//! What a rule sees of a policy.
//!
//! Rules look at hooks without caring for their kind: [`Hook`] is a view of what all kinds have.

use crate::check::{Judged, form};
use crate::diag::{Sources, Span, Spanned};
use crate::policy::{Action, ActionKind, Arg, ArgFilter, ArgType, List, Named, Policy, Selector};

use super::Settings;
use super::edit::Layout;

/// A policy and what is known about it.
pub struct Context<'a> {
    pub policy: &'a Policy,
    pub sources: &'a Sources,
    /// The policy taken apart: selectors with their macros, filters with their values. What `check` reported is not
    /// in it.
    pub judged: &'a Judged<'a>,
    pub settings: &'a Settings,
}

/// A filter and where it belongs.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    pub hook: &'a form::Hook<'a>,
    pub selector: &'a form::Selector<'a>,
    pub filter: &'a form::Filter<'a>,
}

/// The kind of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    Kprobe,
    Fentry,
    Tracepoint,
    Uprobe,
    Usdt,
    Lsm,
}

/// A hook of any kind.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    pub kind: HookKind,
    /// The whole entry.
    pub span: Span,
    /// `call` of a kprobe, `event` of a tracepoint, `hook` of an lsmhook, `path` of uprobes and usdts.
    pub name: &'a Spanned<String>,
    /// `subsystem` of a tracepoint.
    pub subsystem: Option<&'a str>,
    /// Whether the hook is on the entry of a system call.
    pub is_syscall: bool,
    pub args: &'a [Arg],
    pub selectors: &'a [Selector],
}

impl<'a> Context<'a> {
    /// Every hook in the order of the model: kprobes first, lsmhooks last.
    pub fn hooks(&self) -> Vec<Hook<'a>> {
        let spec = &self.policy.spec;
        let mut hooks = Vec::new();
        for (kind, entries) in [
            (HookKind::Kprobe, &spec.kprobes),
            (HookKind::Fentry, &spec.fentries),
        ] {
            hooks.extend(entries.iter().map(|one| Hook {
                is_syscall: one.is_syscall(),
                ..hook(kind, one.span, &one.call, &one.args, &one.selectors)
            }));
        }
        hooks.extend(spec.tracepoints.iter().map(|one| Hook {
            subsystem: Some(&one.subsystem.value),
            is_syscall: enters_syscall(&one.subsystem.value, &one.event.value),
            ..hook(
                HookKind::Tracepoint,
                one.span,
                &one.event,
                &one.args,
                &one.selectors,
            )
        }));
        hooks.extend(self.user_hooks());
        hooks.extend(spec.lsmhooks.iter().map(|one| {
            let kind = HookKind::Lsm;
            hook(kind, one.span, &one.hook, &one.args, &one.selectors)
        }));
        hooks
    }

    fn user_hooks(&self) -> Vec<Hook<'a>> {
        let spec = &self.policy.spec;
        let (mut uprobes, usdts) = (Vec::new(), spec.usdts.iter());
        for one in &spec.uprobes {
            let kind = HookKind::Uprobe;
            uprobes.push(hook(kind, one.span, &one.path, &one.args, &one.selectors));
        }
        let usdt = |one: &'a crate::policy::Usdt| {
            let kind = HookKind::Usdt;
            hook(kind, one.span, &one.path, &one.args, &one.selectors)
        };
        uprobes.extend(usdts.map(usdt));
        uprobes
    }

    /// Every selector: those of the hooks, then the macros, which belong to none.
    pub fn selectors(&self) -> Vec<(Option<Hook<'a>>, &'a Selector)> {
        let of_hook = |hook: Hook<'a>| hook.selectors.iter().map(move |one| (Some(hook), one));
        let mut all: Vec<_> = self.hooks().into_iter().flat_map(of_hook).collect();
        let macros = self.policy.spec.selectors_macros.iter();
        all.extend(macros.map(|one| (None, &one.value)));
        all
    }

    /// Every action, with those of macros and those at the return.
    pub fn actions(&self) -> Vec<&'a Action> {
        let of_selector = |(_, selector): (_, &'a Selector)| {
            let at_entry = selector.match_actions.iter();
            at_entry.chain(&selector.match_return_actions)
        };
        self.selectors().into_iter().flat_map(of_selector).collect()
    }

    /// Every filter on values that has been understood, with its hook and selector; those of macros for each selector
    /// that uses them.
    pub fn filters(&self) -> impl Iterator<Item = Of<'a>> {
        self.judged.hooks.iter().flat_map(|hook| {
            hook.selectors.iter().flat_map(move |selector| {
                let filters = selector.filters.iter().chain(&selector.return_filters);
                filters.map(move |filter| Of {
                    hook,
                    selector,
                    filter,
                })
            })
        })
    }

    /// Every selector that has been understood, with its hook.
    pub fn judged_selectors(
        &self,
    ) -> impl Iterator<Item = (&'a form::Hook<'a>, &'a form::Selector<'a>)> {
        let hooks = self.judged.hooks.iter();
        hooks.flat_map(|hook| hook.selectors.iter().map(move |selector| (hook, selector)))
    }

    pub fn list(&self, name: &str) -> Option<&'a List> {
        let mut lists = self.policy.spec.lists.iter();
        lists.find(|list| list.name.value == name)
    }

    /// The functions or system calls that a hook names, those of its list too. System calls have their portable
    /// name, `sys_openat`; the security decisions of lsmhooks that of their function, `security_file_open`.
    pub fn functions(&self, hook: &Hook<'a>) -> Vec<String> {
        let name = hook.name.value.as_str();
        match hook.kind {
            HookKind::Kprobe | HookKind::Fentry => match name.strip_prefix("list:") {
                Some(list) => {
                    let values = self.list(list).map_or(&[][..], |list| &list.values);
                    values.iter().map(|one| portable(&one.value)).collect()
                }
                None => vec![portable(name)],
            },
            HookKind::Lsm => vec![format!("security_{name}")],
            HookKind::Tracepoint if hook.is_syscall => {
                let call = name
                    .strip_prefix("sys_enter_")
                    .map(|call| format!("sys_{call}"));
                call.into_iter().collect()
            }
            HookKind::Tracepoint | HookKind::Uprobe | HookKind::Usdt => Vec::new(),
        }
    }

    /// Where things are written, for edits.
    pub fn layout(&self) -> Layout<'a> {
        Layout::new(self.policy.file, self.sources.text(self.policy.file))
    }

    /// The macros that a selector uses.
    pub fn macros(&self, selector: &'a Selector) -> Vec<&'a Named<Selector>> {
        let all = &self.policy.spec.selectors_macros;
        let named = |name: &Spanned<String>| all.iter().find(|one| one.name.value == name.value);
        selector.macros.iter().filter_map(named).collect()
    }
}

fn hook<'a>(
    kind: HookKind,
    span: Span,
    name: &'a Spanned<String>,
    args: &'a [Arg],
    selectors: &'a [Selector],
) -> Hook<'a> {
    Hook {
        kind,
        span,
        name,
        subsystem: None,
        is_syscall: false,
        args,
        selectors,
    }
}

fn enters_syscall(subsystem: &str, event: &str) -> bool {
    let one = subsystem == "syscalls" && event.starts_with("sys_enter");
    one || subsystem == "raw_syscalls" && event == "sys_enter"
}

/// A system call's name without the prefix of one machine.
pub(super) fn portable(name: &str) -> String {
    let at = name.find("_sys_").filter(|_| name.starts_with("__"));
    at.and_then(|at| name.get(at + 1..))
        .unwrap_or(name)
        .to_owned()
}

impl<'a> Hook<'a> {
    /// The declaration of the argument that a filter looks at, and whether it is the first that it names.
    pub fn argument(&self, filter: &ArgFilter) -> Option<&'a Arg> {
        match filter.args.first() {
            Some(position) => self.args.get(usize::try_from(position.value).ok()?),
            None => {
                let index = filter.index.map_or(0, |index| index.value);
                self.args.iter().find(|arg| arg.index.value == index)
            }
        }
    }

    pub fn type_of(&self, filter: &ArgFilter) -> Option<ArgType> {
        self.argument(filter).map(Arg::declared_type)
    }
}

/// Whether a selector lets every call of its hook pass.
pub(super) fn is_unfiltered(selector: &Selector) -> bool {
    let Selector {
        span: _,
        label: _,
        match_pids,
        match_args,
        match_data,
        match_return_args,
        match_binaries,
        match_parent_binaries,
        match_namespaces,
        match_namespace_changes,
        match_capabilities,
        match_capability_changes,
        match_workloads,
        match_actions: _,
        match_return_actions: _,
        macros,
    } = selector;
    match_pids.is_empty()
        && match_args.is_empty()
        && match_data.is_empty()
        && match_return_args.is_empty()
        && match_binaries.is_empty()
        && match_parent_binaries.is_empty()
        && match_namespaces.is_empty()
        && match_namespace_changes.is_empty()
        && match_capabilities.is_empty()
        && match_capability_changes.is_empty()
        && match_workloads.is_none()
        && macros.is_empty()
}

/// Whether a selector looks at which process makes the call.
pub(super) fn looks_at_process(selector: &Selector) -> bool {
    !(selector.match_pids.is_empty()
        && selector.match_binaries.is_empty()
        && selector.match_parent_binaries.is_empty()
        && selector.match_namespaces.is_empty()
        && selector.match_namespace_changes.is_empty()
        && selector.match_capabilities.is_empty()
        && selector.match_capability_changes.is_empty()
        && selector.match_workloads.is_none()
        && selector.macros.is_empty())
}

/// The first action of a kind.
pub(super) fn action_of(selector: &Selector, kind: ActionKind) -> Option<&Action> {
    let mut actions = selector.match_actions.iter();
    actions.find(|action| action.action.value == kind)
}

/// SIGKILL (include/uapi/asm-generic/signal.h).
const SIGKILL: u32 = 9;

/// The action that kills the process, if there is one.
pub(super) fn kills(selector: &Selector) -> Option<&Action> {
    let kills = |action: &&Action| match action.action.value {
        ActionKind::Sigkill => true,
        ActionKind::Signal => action.arg_sig.is_some_and(|one| one.value == SIGKILL),
        _ => false,
    };
    selector.match_actions.iter().find(kills)
}

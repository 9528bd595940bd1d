//! A policy taken apart: what the judgement of the language leaves to the questions that follow it.
//!
//! Whoever asks something more of a policy (can tpc compile it, where does it exceed Tetragon's limits, what must the
//! node have) reads this form instead of the model. Selectors have the filters of their macros, every filter knows
//! the value that it looks at, and values are parsed.
//!
//! Holds: what was reported is not in here. A filter whose value or operator has an error is left out of its selector, a
//! declaration with an error has [`Type::Refused`], a value with an error is `None`. So nothing that reads the form
//! reports a mistake a second time.

use ipnet::IpNet;

use super::expression::Expression;
use super::numbers::Range;
use crate::diag::{Span, Spanned};
use crate::policy::{
    self, Action, Arg, ArgFilter, ArgType, BinaryFilter, CapabilityFilter, Kprobe, LsmHook,
    NamespaceChangeFilter, NamespaceFilter, Operator, PidFilter, Policy, Tracepoint, Uprobe, Usdt,
    Workloads,
};

/// A policy whose language has been judged. Made by [`language`](super::language()) only.
#[derive(Debug)]
pub struct Judged<'a> {
    pub policy: &'a Policy,
    /// Of all sections, in their order.
    pub hooks: Vec<Hook<'a>>,
}

/// The sections of hooks; raw tracepoints count as a section of their own, for nearly every rule differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    Kprobes,
    Fentries,
    Tracepoints,
    RawTracepoints,
    Uprobes,
    Usdts,
    LsmHooks,
}

/// The record that declares a hook.
#[derive(Clone, Copy, Debug)]
pub enum Written<'a> {
    Kprobe(&'a Kprobe),
    Fentry(&'a Kprobe),
    Tracepoint(&'a Tracepoint),
    Uprobe(&'a Uprobe),
    Usdt(&'a Usdt),
    LsmHook(&'a LsmHook),
}

/// What hooks of all sections have, each as far as its section has it.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub section: Section,
    /// Where the hook says what it is attached to.
    pub place: Span,
    pub args: &'a [Arg],
    pub data: &'a [Arg],
    /// The flag, if it is set.
    pub returns: Option<Span>,
    pub return_arg: Option<&'a Arg>,
    pub message: Option<&'a Spanned<String>>,
    pub tags: &'a [Spanned<String>],
    pub selectors: &'a [policy::Selector],
}

/// A hook of any section.
#[derive(Debug)]
pub struct Hook<'a> {
    pub written: Written<'a>,
    pub parts: Parts<'a>,
    /// In the order of the policy, like the next.
    pub args: Vec<Value<'a>>,
    pub data: Vec<Value<'a>>,
    /// Of a hook that observes the return.
    pub returned: Option<Value<'a>>,
    pub selectors: Vec<Selector<'a>>,
}

/// A value that a hook declares.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    pub written: &'a Arg,
    pub ty: Type,
}

/// The type by which filters look at a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Known(ArgType),
    /// Depends on the format of a tracepoint or on BTF: only a node knows.
    OfNode,
    /// The declaration has an error, which has been reported.
    Refused,
}

/// A selector with what its macros add to it.
#[derive(Debug)]
pub struct Selector<'a> {
    pub written: &'a policy::Selector,
    pub pids: &'a [PidFilter],
    pub binaries: &'a [BinaryFilter],
    pub parent_binaries: &'a [BinaryFilter],
    pub namespaces: &'a [NamespaceFilter],
    pub namespace_changes: &'a [NamespaceChangeFilter],
    pub capabilities: &'a [CapabilityFilter],
    pub capability_changes: &'a [CapabilityFilter],
    /// Macros have none.
    pub workloads: Option<&'a Workloads>,
    pub match_args: &'a [ArgFilter],
    pub match_data: &'a [ArgFilter],
    pub match_return_args: &'a [ArgFilter],
    pub actions: &'a [Action],
    pub return_actions: &'a [Action],
    /// The sound ones of `match_args` and `match_data`.
    pub filters: Vec<Filter<'a>>,
    /// The sound ones of `match_return_args`, of a hook that observes the return.
    pub return_filters: Vec<Filter<'a>>,
}

/// A filter on a value.
#[derive(Debug)]
pub struct Filter<'a> {
    pub written: &'a ArgFilter,
    pub of: Subject,
    /// The value's declaration; an expression has none, for it names its values itself.
    pub value: Option<Value<'a>>,
    pub operand: Operand,
}

/// What a filter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Position in `args`.
    Arg(usize),
    /// Position in `data`.
    Data(usize),
    Return,
    Expression,
}

/// The values of a filter: as many as are written, in their order. `None` stands for one that was reported, and
/// for the numbers of a list.
#[derive(Debug)]
pub enum Operand {
    /// The operator takes none; those that are written mean nothing.
    Nothing,
    /// Taken as they are written.
    Texts,
    /// Integers, and what has names: a range for each value. Ranges are as they are written: a range with its
    /// end below its start is empty, and numbers may be none of the type.
    Numbers(Vec<Option<Range>>),
    /// Masks of capabilities.
    Masks(Vec<Option<u64>>),
    /// Addresses are networks of one.
    Networks(Vec<Option<IpNet>>),
    Expression(Expression),
    /// The value's type is not known here.
    Unjudged,
}

impl Filter<'_> {
    pub fn operator(&self) -> Operator {
        self.written.operator.value
    }

    /// The value's type, where it is known.
    pub fn ty(&self) -> Option<ArgType> {
        match self.value?.ty {
            Type::Known(ty) => Some(ty),
            Type::OfNode | Type::Refused => None,
        }
    }
}

impl Section {
    /// A hook of the section, for messages.
    pub fn hook(self) -> &'static str {
        match self {
            Self::Kprobes => "a kprobe",
            Self::Fentries => "a fentry",
            Self::Tracepoints => "a tracepoint",
            Self::RawTracepoints => "a raw tracepoint",
            Self::Uprobes => "a uprobe",
            Self::Usdts => "a usdt",
            Self::LsmHooks => "an lsmhook",
        }
    }

    /// The field of the spec.
    pub fn field(self) -> &'static str {
        match self {
            Self::Kprobes => "kprobes",
            Self::Fentries => "fentries",
            Self::Tracepoints | Self::RawTracepoints => "tracepoints",
            Self::Uprobes => "uprobes",
            Self::Usdts => "usdts",
            Self::LsmHooks => "lsmhooks",
        }
    }

    /// Whether hooks of the section can observe the return, and then filter and act on it.
    pub fn sees_returns(self) -> bool {
        matches!(self, Self::Kprobes | Self::Fentries | Self::Uprobes)
    }
}

impl<'a> Written<'a> {
    /// Every hook of a policy.
    pub fn all(spec: &'a policy::Spec) -> impl Iterator<Item = Written<'a>> {
        let kprobes = spec.kprobes.iter().map(Written::Kprobe);
        let fentries = spec.fentries.iter().map(Written::Fentry);
        let tracepoints = spec.tracepoints.iter().map(Written::Tracepoint);
        let uprobes = spec.uprobes.iter().map(Written::Uprobe);
        let usdts = spec.usdts.iter().map(Written::Usdt);
        let lsmhooks = spec.lsmhooks.iter().map(Written::LsmHook);
        let kernel = kprobes.chain(fentries).chain(tracepoints);
        kernel.chain(uprobes).chain(usdts).chain(lsmhooks)
    }

    pub fn parts(self) -> Parts<'a> {
        match self {
            Self::Kprobe(kprobe) => of_function(kprobe, Section::Kprobes),
            Self::Fentry(kprobe) => of_function(kprobe, Section::Fentries),
            Self::Tracepoint(tracepoint) => of_tracepoint(tracepoint),
            Self::Uprobe(uprobe) => of_uprobe(uprobe),
            Self::Usdt(usdt) => of_usdt(usdt),
            Self::LsmHook(hook) => of_lsm_hook(hook),
        }
    }
}

// The records are taken apart, so that a new field does not compile until it has its place.

fn of_function(kprobe: &Kprobe, section: Section) -> Parts<'_> {
    let Kprobe {
        span: _,
        call,
        syscall: _,
        returns,
        args,
        data,
        return_arg,
        return_arg_action: _,
        message,
        tags,
        selectors,
        ignore: _,
    } = kprobe;
    Parts {
        section,
        place: call.span,
        args,
        data,
        returns: set(*returns),
        return_arg: return_arg.as_ref(),
        message: message.as_ref(),
        tags,
        selectors,
    }
}

fn of_tracepoint(tracepoint: &Tracepoint) -> Parts<'_> {
    let Tracepoint {
        span: _,
        subsystem: _,
        event,
        raw,
        args,
        message,
        tags,
        selectors,
    } = tracepoint;
    Parts {
        section: match set(*raw) {
            Some(_) => Section::RawTracepoints,
            None => Section::Tracepoints,
        },
        place: event.span,
        args,
        data: &[],
        returns: None,
        return_arg: None,
        message: message.as_ref(),
        tags,
        selectors,
    }
}

fn of_uprobe(uprobe: &Uprobe) -> Parts<'_> {
    let Uprobe {
        span: _,
        path,
        symbols: _,
        offsets: _,
        addrs: _,
        ref_ctr_offsets: _,
        btf_path: _,
        args,
        data,
        returns,
        return_arg,
        message,
        tags,
        selectors,
        binary_digests: _,
        ignore: _,
    } = uprobe;
    Parts {
        section: Section::Uprobes,
        place: path.span,
        args,
        data,
        returns: set(*returns),
        return_arg: return_arg.as_ref(),
        message: message.as_ref(),
        tags,
        selectors,
    }
}

fn of_usdt(usdt: &Usdt) -> Parts<'_> {
    let Usdt {
        span: _,
        path: _,
        provider: _,
        name,
        btf_path: _,
        args,
        message,
        tags,
        selectors,
    } = usdt;
    Parts {
        section: Section::Usdts,
        place: name.span,
        args,
        data: &[],
        returns: None,
        return_arg: None,
        message: message.as_ref(),
        tags,
        selectors,
    }
}

fn of_lsm_hook(hook: &LsmHook) -> Parts<'_> {
    let LsmHook {
        span: _,
        hook,
        args,
        message,
        tags,
        selectors,
    } = hook;
    Parts {
        section: Section::LsmHooks,
        place: hook.span,
        args,
        data: &[],
        returns: None,
        return_arg: None,
        message: message.as_ref(),
        tags,
        selectors,
    }
}

/// Place of a flag that is set.
fn set(flag: Option<Spanned<bool>>) -> Option<Span> {
    flag.filter(|flag| flag.value).map(|flag| flag.span)
}

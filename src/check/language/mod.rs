//! Whether a policy is one of the language: everything that Tetragon refuses when it loads a policy, as far as the
//! text alone decides it.
//!
//! In: a decoded [`Policy`]. Out: errors in the sink, and the policy taken apart ([`Judged`]). No warnings: what loads
//! and then does nothing is not for this stage to say, nor is what tpc does not compile.
//!
//! Not judged here:
//! * what only a node knows (functions, tracepoints, members, files, features): see [`super::facts`];
//! * what only Tetragon's interpreter limits (five selectors, four values, …): see [`super::limits`].
//!
//! One mistake is one error: what depends on a declaration that was refused stays silent.
//!
//! Rules: the load-time checks of Tetragon at 4fbfe2d7 (`pkg/sensors/tracing`, `pkg/selectors`, the CEL rules of the
//! CRD), each cited where it is.

mod actions;
mod args;
mod assignment;
mod call;
mod enforcers;
mod filters;
mod lists;
mod macros;
mod operands;
mod places;
mod process;
mod regexp;
pub(super) mod resolve;
mod schema;
mod scope;
mod sockets;
mod texts;

use super::form::{Hook, Judged, Parts, Selector, Value, Written};
use super::{options, refuse};
use crate::diag::{Diagnostic, Sink, code};
use crate::policy::{self, Policy, Spec};

pub(super) use actions::{SECURITY, milliseconds};
pub(super) use args::{MAX_SIZE_INDEX, PT_REGS, REGISTERS, RETURN_ACTIONS, size_beyond};
pub(super) use assignment::registers_of;
pub(super) use call::{is_impossible, of_other_machine, portable};
pub(super) use filters::hidden_sizes;
pub(super) use lists::name as list_name;
pub(super) use lists::number_name;
pub(super) use operands::report;
pub(super) use process::{HOST, OTHER_NAME, capability_number, inode};
pub(super) use sockets::network_help;
pub(super) use texts::{MAX_TEXT, empty};

/// Judges a policy; it is one of the language if the sink gets no error.
pub fn language<'a>(policy: &'a Policy, sink: &mut Sink) -> Judged<'a> {
    let spec = &policy.spec;
    schema::judge(spec, sink);
    scope::judge(policy, sink);
    options::judge(&spec.options, sink);
    lists::judge(&spec.lists, sink);
    enforcers::judge(spec, sink);
    one_section(spec, sink);
    let judge = |written| hook(written, policy, sink);
    let hooks = Written::all(spec).map(judge).collect();
    Judged { policy, hooks }
}

/// A policy has hooks of one section.
fn one_section(spec: &Spec, sink: &mut Sink) {
    let mut hooks = Written::all(spec).map(Written::parts);
    let Some(first) = hooks.next() else {
        return;
    };
    let other = |parts: &Parts<'_>| parts.section.field() != first.section.field();
    if let Some(second) = hooks.find(other) {
        let message = format!(
            "a policy cannot have both `{}` and `{}`",
            first.section.field(),
            second.section.field()
        );
        let error = Diagnostic::error(code::MIXED_SECTIONS, message).at(second.place);
        let error = error.related(first.place, "the first hook is of another section");
        sink.push(error.help("write a policy for each section"));
    }
}

/// What the selectors of a hook can refer to.
struct Declared<'a> {
    policy: &'a Policy,
    written: Written<'a>,
    parts: Parts<'a>,
    args: Vec<Value<'a>>,
    data: Vec<Value<'a>>,
    /// Of a hook that observes the return.
    returned: Option<Value<'a>>,
    /// Fields of a tracepoint that are read for their size; filters can name them.
    hidden_sizes: Vec<u32>,
}

fn hook<'a>(written: Written<'a>, policy: &'a Policy, sink: &mut Sink) -> Hook<'a> {
    let parts = written.parts();
    let spec = &policy.spec;
    match written {
        Written::Kprobe(kprobe) | Written::Fentry(kprobe) => call::judge(kprobe, spec, sink),
        Written::Tracepoint(tracepoint) => places::tracepoint(tracepoint, sink),
        Written::Uprobe(uprobe) => places::uprobe(uprobe, sink),
        Written::Usdt(usdt) => places::usdt(usdt, sink),
        Written::LsmHook(hook) => places::lsm_hook(hook, sink),
    }
    for tag in parts.tags.iter().filter(|tag| tag.value.is_empty()) {
        let help = "write a word, or remove the tag";
        refuse(sink, code::BAD_VALUE, tag.span, "a tag is empty", help);
    }
    let declared = Declared {
        policy,
        written,
        parts,
        args: args::arguments(written, sink),
        data: args::data(&parts, sink),
        returned: args::returned(&parts, sink),
        hidden_sizes: filters::hidden_sizes(&parts),
    };
    let judge = |one| selector(&declared, one, sink);
    let selectors: Vec<Selector<'a>> = parts.selectors.iter().map(judge).collect();
    if let Written::Usdt(_) = written {
        actions::set(&selectors, declared.args.len(), sink);
    }
    Hook {
        written,
        parts,
        args: declared.args,
        data: declared.data,
        returned: declared.returned,
        selectors,
    }
}

fn selector<'a>(
    declared: &Declared<'a>,
    written: &'a policy::Selector,
    sink: &mut Sink,
) -> Selector<'a> {
    let mut selector = macros::expanded(written, &declared.policy.spec, sink);
    selector.filters = filters::on_entry(declared, &selector, sink);
    selector.return_filters = filters::on_return(declared, &selector, sink);
    process::judge(&selector, sink);
    actions::judge(declared, &selector, sink);
    selector
}

//! Parameters of functions: whether they are what a policy reads.

use super::hooks::Called;
use super::{Kind, Look, Placement};
use crate::attach::{self, Argument, Expected, Kind as Lack, Means, Wanted};
use crate::check::form::Hook;
use crate::policy::{Arg, ArgType, Word};

/// Reports every parameter that is not what the policy reads, and a return value that is not there. Whether all are.
pub(super) fn report(
    look: &Look<'_>,
    hook: &Hook<'_>,
    one: &Called<'_>,
    placement: &mut Placement,
) -> bool {
    let facts = &look.node.facts;
    let (false, Some(prototype)) = (one.syscall, facts.prototype(one.name)) else {
        return true;
    };
    let mut fit = true;
    let probe = |arguments, returned| {
        let wanted = Wanted {
            call: one.name,
            target: one.name,
            means: Means::Kprobe,
            syscall: false,
            arguments,
            returned,
            helpers: Vec::new(),
        };
        let reason = attach::check(facts, &wanted).err();
        reason.filter(|reason| matches!(reason.kind, Lack::Argument(_) | Lack::Return))
    };
    let help = || format!("its prototype is `{prototype}`");
    for arg in hook.parts.args {
        let Some(reason) = argument(arg).and_then(|wanted| probe(vec![wanted], None)) else {
            continue;
        };
        let is_there = facts.parameter(prototype, index(arg)).is_some();
        let span = match arg.ty.filter(|_| is_there) {
            Some(ty) => ty.span,
            None => arg.index.span,
        };
        let what = reason.what.strip_prefix("a ").unwrap_or(&reason.what);
        let message = format!("there is no {what}");
        fit = false;
        placement.push(Kind::Parameter, span, look.node, message, help());
    }
    let reason = returned(hook).and_then(|value| probe(Vec::new(), Some(value)));
    if let Some(reason) = reason {
        let ty = hook.parts.return_arg.and_then(|arg| arg.ty);
        let span = ty.map(|ty| ty.span).or(hook.parts.returns);
        let what = reason.what.strip_prefix("a ").unwrap_or(&reason.what);
        let message = format!("there is no {what}");
        fit = false;
        let span = span.unwrap_or(one.span);
        placement.push(Kind::Parameter, span, look.node, message, help());
    }
    fit
}

fn index(arg: &Arg) -> usize {
    usize::try_from(arg.index.value).unwrap_or(usize::MAX)
}

/// The return value, if the hook reads it.
pub(super) fn returned(hook: &Hook<'_>) -> Option<Argument> {
    hook.parts.returns?;
    argument(hook.parts.return_arg?)
}

/// A parameter that is read as a type. What is resolved further or comes from elsewhere is none.
pub(super) fn argument(arg: &Arg) -> Option<Argument> {
    let elsewhere = [&arg.source, &arg.resolve];
    if elsewhere
        .iter()
        .any(|one| one.as_ref().is_some_and(|text| !text.value.is_empty()))
    {
        return None;
    }
    let ty = arg.declared_type();
    Some(Argument {
        index: index(arg),
        expected: expected(ty),
        ty: ty.name().to_owned(),
    })
}

/// What a parameter of a type must be.
fn expected(ty: ArgType) -> Expected {
    use ArgType as T;
    match ty {
        T::Nop | T::Auto | T::DataLoc | T::Syscall64 => Expected::Nothing,
        T::Int
        | T::Int8
        | T::Uint8
        | T::Int16
        | T::Uint16
        | T::Int32
        | T::Uint32
        | T::Int64
        | T::Uint64
        | T::SizeT
        | T::Fd
        | T::Capability
        | T::BpfCmd => Expected::Number,
        T::String | T::CharBuf | T::ConstBuf => Expected::Text,
        T::CharIovec => Expected::Structure(&["iovec"]),
        T::Skb => Expected::Structure(&["sk_buff"]),
        T::Sock => Expected::Structure(&["sock"]),
        T::Socket => Expected::Structure(&["socket"]),
        T::Sockaddr | T::SockaddrUn => Expected::SOCKET_ADDRESS,
        T::File => Expected::Structure(&["file"]),
        T::Filename => Expected::Structure(&["filename"]),
        T::Path => Expected::Structure(&["path"]),
        T::Dentry => Expected::Structure(&["dentry"]),
        T::BpfAttr => Expected::Structure(&["bpf_attr"]),
        T::BpfMap => Expected::Structure(&["bpf_map"]),
        T::BpfProg => Expected::Structure(&["bpf_prog"]),
        T::PerfEvent => Expected::Structure(&["perf_event"]),
        T::UserNamespace => Expected::Structure(&["user_namespace"]),
        T::Kiocb => Expected::Structure(&["kiocb"]),
        T::IovIter => Expected::Structure(&["iov_iter"]),
        T::Cred => Expected::Structure(&["cred"]),
        T::LoadInfo => Expected::Structure(&["load_info"]),
        T::Module => Expected::Structure(&["module"]),
        T::LinuxBinprm => Expected::Structure(&["linux_binprm"]),
        T::NetDevice => Expected::Structure(&["net_device"]),
        // A structure without a name, up to 6.2 with the name of the type.
        T::KernelCap | T::CapInheritable | T::CapPermitted | T::CapEffective => {
            Expected::Structure(&["", "kernel_cap_struct"])
        }
    }
}

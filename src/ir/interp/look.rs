//! Filters: a question to a value.
//!
//! A question has three answers: yes, no, and none, because the value cannot be read or the question does not fit it.

use super::{Address, Endpoint, Event, Namespaces, Process, Readable, Sockaddr, Text, Value};
use crate::ir::{
    CapSet, End, IntSet, Namespace, Predicate, Subject, Test, TextMatch, TextValue, V4Set, V6Set,
};

/// Parents that `followForks` looks at.
const MAX_PARENTS: usize = 63;

/// Whether a filter holds. Without an answer it does not, negated or not.
pub(super) fn holds(test: &Test, event: &Event, host: &Namespaces) -> bool {
    match answer(&test.predicate, event, host) {
        Some(yes) => yes != test.negate,
        None => false,
    }
}

/// The answer of an event to a question; `host` are the namespaces of process 1.
pub fn answer(predicate: &Predicate, event: &Event, host: &Namespaces) -> Option<bool> {
    let process = &event.process;
    match predicate {
        Predicate::Int { of, set } => Some(set.contains(int(*of, event)?)),
        // Sign-extended, as the number is.
        Predicate::Mask { of, mask } => Some(int(*of, event)? as u64 & mask != 0),
        Predicate::Text { of, how, values } => text(*of, *how, values, event),
        Predicate::Addr { of, end, v4, v6 } => {
            address(endpoint(*of, *end, event)?.address?, v4, v6)
        }
        Predicate::Port { of, end, set } => Some(set.contains(port(*of, *end, event)?.into())),
        Predicate::Protocol { of, set } => match value(*of, event)? {
            Value::Sock(sock) => Some(set.contains(sock.as_ref()?.protocol.into())),
            _ => None,
        },
        Predicate::State { of, set } => match value(*of, event)? {
            Value::Sock(sock) => Some(set.contains(sock.as_ref()?.state.into())),
            _ => None,
        },
        Predicate::Family { of, set } => Some(set.contains(family(*of, event)?.into())),
        Predicate::Pid {
            set,
            namespaced,
            follow_forks,
        } => Some(pid(set, *namespaced, *follow_forks, process)),
        Predicate::Namespace {
            kind,
            inodes,
            host: or_host,
        } => {
            let inode = *process.namespaces.get(kind)?;
            Some(
                inodes.contains(inode.into())
                    || (*or_host && Some(inode) == host_inode(*kind, host)),
            )
        }
        Predicate::Capability {
            set,
            mask,
            namespaced,
        } => capability(*set, *mask, *namespaced, process),
    }
}

fn value(of: Subject, event: &Event) -> Option<&Value> {
    match of {
        Subject::Arg(position) => event.args.get(position),
        Subject::Return => event.ret.as_ref(),
        Subject::Exe => None,
    }
}

fn int(of: Subject, event: &Event) -> Option<i128> {
    match value(of, event)? {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn text(of: Subject, how: TextMatch, values: &[TextValue], event: &Event) -> Option<bool> {
    let (text, end_is_known) = match (of, value(of, event)) {
        (Subject::Exe, _) => (&event.process.binary, true),
        (_, Some(Value::Path { path, .. })) => (path, true),
        (_, Some(Value::String(text) | Value::Buffer { bytes: text, .. })) => (text, false),
        _ => return None,
    };
    let Text { known, complete } = text.as_ref()?;
    let decidable = match how {
        _ if *complete => true,
        TextMatch::Equal => false,
        TextMatch::Prefix => !end_is_known,
        TextMatch::Postfix => end_is_known,
    };
    let one = |value: &TextValue| match how {
        TextMatch::Equal => *known == value.bytes,
        TextMatch::Prefix => known.starts_with(&value.bytes),
        TextMatch::Postfix => known.ends_with(&value.bytes),
    };
    Some(decidable && values.iter().any(one))
}

fn endpoint(of: Subject, end: End, event: &Event) -> Readable<Endpoint> {
    match (value(of, event)?, end) {
        (Value::Sock(sock), End::Source) => Some(sock.as_ref()?.source),
        (Value::Sock(sock), End::Destination) => Some(sock.as_ref()?.destination),
        // The port is asked for by itself: it may be readable where the address is not, and the other way round.
        (Value::Sockaddr(Sockaddr { address, .. }), _) => Some(Endpoint {
            address: *address,
            port: 0,
        }),
        _ => None,
    }
}

fn port(of: Subject, end: End, event: &Event) -> Readable<u16> {
    match value(of, event)? {
        Value::Sockaddr(address) => address.port,
        _ => Some(endpoint(of, end, event)?.port),
    }
}

fn family(of: Subject, event: &Event) -> Readable<u16> {
    match value(of, event)? {
        Value::Sock(sock) => Some(sock.as_ref()?.family),
        Value::Sockaddr(address) => address.family,
        _ => None,
    }
}

fn address(address: Address, v4: &V4Set, v6: &V6Set) -> Option<bool> {
    Some(match address {
        Address::V4(address) => v4.contains(address.into()),
        Address::V6(address) => match address.to_ipv4_mapped() {
            Some(carried) => v4.contains(carried.into()),
            None => v6.contains(address.into()),
        },
    })
}

fn pid(set: &IntSet, namespaced: bool, follow_forks: bool, process: &Process) -> bool {
    let own = (process.pid, process.ns_pid);
    let parents = process.ancestors.iter().map(|one| (one.pid, one.ns_pid));
    let parents = parents.take(if follow_forks { MAX_PARENTS } else { 0 });
    // Process 0, which is idle, is the last.
    let mut is_last = false;
    std::iter::once(own)
        .chain(parents)
        .take_while(|(pid, _)| !std::mem::replace(&mut is_last, *pid == 0))
        .any(|(pid, inner)| set.contains(if namespaced { inner } else { pid }.into()))
}

fn host_inode(kind: Namespace, host: &Namespaces) -> Option<u32> {
    host.get(&kind).copied()
}

fn capability(set: CapSet, mask: u64, namespaced: bool, process: &Process) -> Option<bool> {
    let credentials = &process.credentials;
    if namespaced && credentials.user_namespace.level == 0 {
        return None;
    }
    let held = match set {
        CapSet::Effective => credentials.capabilities.effective,
        CapSet::Inheritable => credentials.capabilities.inheritable,
        CapSet::Permitted => credentials.capabilities.permitted,
    };
    Some(held & mask != 0)
}

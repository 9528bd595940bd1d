//! Rate limits: which reports count as the same, and when the next one is due.
//!
//! Numbers and socket addresses count as equal if they are; texts if their lengths and first [`BYTES`] bytes agree; sockets if both ends,
//! the protocol and the family do; credentials if the ids do. Values that cannot be read are equal to each other.

use std::collections::BTreeMap;

use super::{Address, Credentials, Endpoint, Process, Sock, Sockaddr, Text, Value};
use crate::ir::RateScope;

/// Bytes of a text that tell it from others.
pub const BYTES: usize = 32;

/// What a rate limit counts reports under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Hook and selector.
    pub rule: (usize, usize),
    /// Thread or process id, 0 for all together.
    pub who: u32,
    pub args: Vec<Print>,
}

/// What identifies an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Print {
    Unreadable,
    Number(i128),
    /// Completeness, length, first bytes.
    Bytes(bool, usize, Vec<u8>),
    Sock([Option<Address>; 2], [u16; 2], u16, u16),
    Sockaddr(Option<u16>, Option<u16>, Option<Address>),
    Ids([u32; 8]),
}

/// The key of a report.
pub(super) fn key(
    rule: (usize, usize),
    scope: RateScope,
    args: &[Value],
    process: &Process,
) -> Key {
    let who = match scope {
        RateScope::Thread => process.tid,
        RateScope::Process => process.pid,
        RateScope::Global => 0,
    };
    Key {
        rule,
        who,
        args: args.iter().map(print).collect(),
    }
}

fn print(value: &Value) -> Print {
    match value {
        Value::Int(number) => Print::Number(*number),
        Value::String(text)
        | Value::Buffer { bytes: text, .. }
        | Value::Path { path: text, .. } => text.as_ref().map_or(Print::Unreadable, bytes),
        Value::Sock(sock) => sock.as_ref().map_or(Print::Unreadable, ends),
        Value::Sockaddr(Sockaddr {
            family,
            port,
            address,
        }) => Print::Sockaddr(*family, *port, *address),
        Value::Cred(cred) => cred.as_ref().map_or(Print::Unreadable, ids),
        Value::Nop => Print::Unreadable,
    }
}

fn bytes(Text { known, complete }: &Text) -> Print {
    let first = known.iter().copied().take(BYTES);
    Print::Bytes(*complete, known.len(), first.collect())
}

fn ends(sock: &Sock) -> Print {
    let [source, destination]: [&Endpoint; 2] = [&sock.source, &sock.destination];
    Print::Sock(
        [source.address, destination.address],
        [source.port, destination.port],
        sock.protocol,
        sock.family,
    )
}

fn ids(cred: &Credentials) -> Print {
    Print::Ids(cred.ids)
}

/// When each key was last let through.
#[derive(Clone, Debug, Default)]
pub(super) struct Limiter(BTreeMap<Key, u64>);

impl Limiter {
    /// Whether a report is due, which it then counts.
    pub(super) fn admits(&mut self, key: &Key, interval_ms: u32, now: u64) -> bool {
        let interval = u64::from(interval_ms) * 1_000_000;
        let early = |last: &u64| now.saturating_sub(*last) < interval;
        if self.0.get(key).is_some_and(early) {
            return false;
        }
        self.0.insert(key.clone(), now);
        true
    }
}

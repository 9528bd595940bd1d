//! Filters on sockets and socket addresses.

use super::frame::{Frame, Target, Value};
use super::matchers::{Exits, addrs};
use super::mir::{AluOp, Cond, Field, Label, Reg, Size};
use crate::ir::{Abi, ArgType, End, IntType, Predicate, Subject, Test, V4Set, V6Set};
use crate::kernel::helpers;

/// `AF_INET`, `AF_INET6` (include/linux/socket.h).
const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;
/// Bytes 8 to 11 of an IPv4-mapped IPv6 address, `00 00 ff ff`, as loaded.
const MAPPED: u32 = 0xffff_0000;

impl Frame<'_> {
    pub(super) fn socket_filter(&mut self, test: &Test, next: &mut Target) {
        let (negate, u16s) = (test.negate, IntType::U16);
        match &test.predicate {
            Predicate::Addr { of, end, v4, v6 } => {
                self.address_filter((*of, *end), v4, v6, negate, next);
            }
            Predicate::Port { of, end, set } => {
                let port = self.port(*of, *end, next);
                self.decide_int(port, u16s, set, negate, next);
            }
            Predicate::Protocol { of, set } => {
                let sock = self.sock(*of, next);
                let protocol = self.field(sock, "sock", "sk_protocol");
                self.decide_int(protocol, u16s, set, negate, next);
            }
            Predicate::Family { of, set } => {
                let family = self.family(*of, next);
                self.decide_int(family, u16s, set, negate, next);
            }
            Predicate::State { of, set } => {
                let sock = self.sock(*of, next);
                let state = self.field(sock, "sock", "__sk_common.skc_state");
                self.decide_int(state, IntType::U8, set, negate, next);
            }
            _ => unreachable!("only socket filters come here"),
        }
    }

    fn is_sock(&self, of: Subject) -> bool {
        self.declared(of).ty == ArgType::Sock
    }

    /// The socket's pointer, not NULL.
    fn sock(&mut self, of: Subject, next: &mut Target) -> Reg {
        let sock = self.raw(of);
        let label = self.to(next);
        self.b.branch(Cond::Eq, sock, 0, label);
        if of == Subject::Return && self.known(Value::Family(of)).is_none() {
            // Functions return errors as pointers to sockets.
            let path = "__sk_common.skc_family";
            let address = self.b.field_addr(sock, Field { root: "sock", path });
            let (family, failed) = self.probe(address, Size::B2);
            self.b.branch(Cond::Ne, failed, 0, label);
            self.learn(Value::Family(of), &[family]);
        }
        sock
    }

    fn family(&mut self, of: Subject, next: &mut Target) -> Reg {
        if let Some(known) = self.known(Value::Family(of)) {
            return known;
        }
        let family = if self.is_sock(of) {
            let sock = self.sock(of, next);
            if let Some(known) = self.known(Value::Family(of)) {
                return known;
            }
            self.field(sock, "sock", "__sk_common.skc_family")
        } else {
            let label = self.to(next);
            self.sockaddr_field(of, 0, Size::B2, label)
        };
        self.learn(Value::Family(of), &[family]);
        family
    }

    fn port(&mut self, of: Subject, end: End, next: &mut Target) -> Reg {
        if !self.is_sock(of) {
            return self.sockaddr_port(of, next);
        }
        let sock = self.sock(of, next);
        match end {
            // Kept in host byte order by the kernel, the other in network byte order.
            End::Source => self.field(sock, "sock", "__sk_common.skc_num"),
            End::Destination => {
                let port = self.field(sock, "sock", "__sk_common.skc_dport");
                self.b.to_be(port, 16);
                port
            }
        }
    }

    /// The port of a `sockaddr`; 0 when its family has none.
    fn sockaddr_port(&mut self, of: Subject, next: &mut Target) -> Reg {
        let family = self.family(of, next);
        let port = self.b.mov(0);
        let (read, done) = (self.b.label(), self.b.label());
        self.b.branch(Cond::Eq, family, AF_INET, read);
        self.b.branch(Cond::Ne, family, AF_INET6, done);
        self.b.bind(read);
        let label = self.to(next);
        let raw = self.sockaddr_field(of, 2, Size::B2, label);
        self.b.assign(port, raw);
        self.b.to_be(port, 16);
        self.b.bind(done);
        port
    }

    fn address_filter(
        &mut self,
        (of, end): (Subject, End),
        v4: &V4Set,
        v6: &V6Set,
        negate: bool,
        next: &mut Target,
    ) {
        let family = self.family(of, next);
        // Known from here on, on both ways.
        self.raw(of);
        let (inet, holds) = (self.b.label(), self.b.label());
        let fails = self.to(next);
        let (hit, miss) = if negate {
            (fails, holds)
        } else {
            (holds, fails)
        };
        let exits = Exits { hit, miss };
        self.b.branch(Cond::Eq, family, AF_INET, inet);
        self.b.branch(Cond::Ne, family, AF_INET6, fails);
        let words = self.v6_words(of, end, fails);
        self.v6_exits(words, v4, v6, exits);
        self.b.bind(inet);
        let address = self.v4_address(of, end, fails);
        self.v4(address, v4, exits);
        self.b.bind(holds);
    }

    /// An IPv6 address: one that carries an IPv4 address is judged as that.
    fn v6_exits(&mut self, words: [Reg; 2], v4: &V4Set, v6: &V6Set, exits: Exits) {
        let [high, low] = words;
        let native = self.b.label();
        self.b.branch(Cond::Ne, high, 0, native);
        let prefix = self.b.mov32(low);
        let mapped = self.b.constant(u64::from(MAPPED));
        self.b.branch(Cond::Ne, prefix, mapped, native);
        let address = self.b.mov(low);
        self.b.alu(AluOp::Rsh, address, 32);
        self.v4(address, v4, exits);
        self.b.bind(native);
        let fits = addrs::emit_v6(&mut self.b, self.module, words, v6, exits);
        self.note(fits);
    }

    fn v4(&mut self, address: Reg, set: &V4Set, exits: Exits) {
        let fits = addrs::emit_v4(&mut self.b, self.module, address, set, exits);
        self.note(fits);
    }

    /// An IPv4 address as it lies in memory.
    fn v4_address(&mut self, of: Subject, end: End, unreadable: Label) -> Reg {
        if !self.is_sock(of) {
            return self.sockaddr_field(of, 4, Size::B4, unreadable);
        }
        let sock = self.raw(of);
        match end {
            End::Source => self.field(sock, "sock", "__sk_common.skc_rcv_saddr"),
            End::Destination => self.field(sock, "sock", "__sk_common.skc_daddr"),
        }
    }

    /// An IPv6 address as two words as they lie in memory.
    fn v6_words(&mut self, of: Subject, end: End, unreadable: Label) -> [Reg; 2] {
        if !self.is_sock(of) {
            return [
                self.sockaddr_field(of, 8, Size::B8, unreadable),
                self.sockaddr_field(of, 16, Size::B8, unreadable),
            ];
        }
        let sock = self.raw(of);
        let path = match end {
            End::Source => "__sk_common.skc_v6_rcv_saddr",
            End::Destination => "__sk_common.skc_v6_daddr",
        };
        let address = self.b.field_addr(sock, Field { root: "sock", path });
        if self.typed() {
            return [
                self.b.load(Size::B8, address, 0),
                self.b.load(Size::B8, address, 8),
            ];
        }
        let raw = self.b.temp(16);
        let to = self.b.slot_addr(raw);
        let bytes = self.b.mov(16);
        self.b
            .call(helpers::PROBE_READ_KERNEL, &[to, bytes, address]);
        [
            self.b.load_slot(Size::B8, raw, 0),
            self.b.load_slot(Size::B8, raw, 8),
        ]
    }

    /// Reads some bytes of a `sockaddr`, in user memory for system calls.
    fn sockaddr_field(&mut self, of: Subject, offset: i32, size: Size, unreadable: Label) -> Reg {
        let base = self.raw(of);
        let address = self.plus(base, offset);
        let raw = self.b.temp(8);
        let read = self.b.label();
        if self.hook.abi == Abi::Function {
            let to = self.b.slot_addr(raw);
            let bytes = self.b.mov(size.bytes() as i32);
            let failed = self
                .b
                .call(helpers::PROBE_READ_KERNEL, &[to, bytes, address]);
            self.b.branch(Cond::Eq, failed, 0, read);
        }
        let to = self.b.slot_addr(raw);
        let bytes = self.b.mov(size.bytes() as i32);
        let failed = self.b.call(helpers::PROBE_READ_USER, &[to, bytes, address]);
        self.b.branch(Cond::Ne, failed, 0, unreadable);
        self.b.bind(read);
        self.b.load_slot(size, raw, 0)
    }
}

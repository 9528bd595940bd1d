//! What a policy means: the reference interpreter, and the language's semantics in words.
//!
//! In: a [`Program`] and one call as an [`Event`]. Out: an [`Outcome`]: what is done, what the call returns, what is reported.
//! The code says what happens and not how: nothing here is fast, and nothing is shared with the code generator. A machine
//! compares the two on random policies and calls (`docs/testing.md`).
//!
//! # Calls and selectors
//!
//! A policy lists functions. Each call of one is an event. Its selectors ([`Rule`]s) are tried in their order, and **the first whose
//! filters all hold** decides; later ones are not looked at. If none holds, nothing happens. A selector without filters always
//! holds; a function without selectors has one such selector, which reports. Hooks of one policy know nothing of each other, also
//! where they name the same function: each has its selectors and decides for itself. (Only one of them may override the function.)
//!
//! A system call (`syscall: true`, `sys_openat`) is that of 64-bit programs. 32-bit programs, and 64-bit ones by `int 0x80`, come in by
//! other functions: hooks of `security_` functions see all of them. A function that the kernel lacks makes loading fail, unless
//! `ignore.callNotFound` says that the policy works without it.
//!
//! Within a selector all filters must hold (AND). Within a filter one of its values is enough (OR); a negative operator
//! (`NotEqual`, `NotIn`, `NotDAddr` …) holds where *none* of the values does. The order of filters and of values has no meaning.
//!
//! # Operators
//!
//! | operator | holds if for one of its values |
//! |---|---|
//! | `Equal` | the value is it |
//! | `InMap`, `InRange` | the number is it, or lies in the range `1:5`, both ends included; of `InMap` also `5:1` |
//! | `GT`, `LT` | the number is above, below it |
//! | `Mask` | the number and it have a bit in common |
//! | `Prefix`, `Postfix` | the text begins, ends with it |
//! | `SAddr`, `DAddr` | the address of the source, destination is in its network |
//! | `SPort`, `DPort` | the port is it, or in the range |
//! | `SPortPriv`, `DPortPriv` | (without values) the port is below 1024; 0, which families without ports have, is |
//! | `Protocol`, `Family`, `State` | the number is it |
//! | `In` of `matchBinaries`, `matchPIDs`, `matchNamespaces` | path, process or inode is it |
//! | `In` of `matchCapabilities` | the thread has it |
//!
//! Each has its negative, but `GT`, `LT`, `Mask`, `Protocol`, `Family` and `State`. Of a range only the part counts that the type
//! can hold: `-5:70000` of an `int16` is `-5:32767`.
//!
//! # Values that cannot be read
//!
//! A filter whose value cannot be read is **false, also when it is negative**: a policy neither kills nor reports on a guess. Such values
//! are: a text at an address that is not mapped; the path of a descriptor that is not open, of a pipe or of a socket; the executable of a
//! kernel thread; the namespaces, but `Pid` and `User`, of a process that has given them up. A value that the question does not fit counts the same:
//! the address of a socket that is neither IPv4 nor IPv6, and a capability *within* a user namespace asked of a process that is in
//! the host's.
//!
//! # Numbers
//!
//! A number has the width and sign of its declared type, whatever the rest of its register holds; it compares as
//! the mathematical integer. `Mask` looks at its bits, extended to 64 by the sign.
//!
//! # Texts
//!
//! Texts are bytes; upper and lower case differ. A string ends before its first NUL. A buffer has as many bytes as its length
//! parameter says: in the 32 bits that some system calls look at, else with the width that the policy declares, or the whole register.
//!
//! A path is the one that the mount namespace of the file knows, resolved, from the top of its tree of mounts; in a container that is the
//! container's own view. `chroot(2)` changes nothing. The top itself is `/`; `" (deleted)"` follows when the file has no name any more. A
//! file in memory is `/memfd:NAME (deleted)`; pipes, sockets and other files that were never in a directory have no path. A value of type
//! `dentry` knows no mount: its path begins at the root of its filesystem. The executable of a script's process is its interpreter.
//! `matchBinaries` looks at the executable's path as it is now, not as it was when the process began: a file that was renamed has its new
//! name. One that was unlinked or replaced, as by an upgrade, keeps the path that it had, without the mark; events show the mark.
//!
//! Of a text that is longer than programs read, only a part is known: **the end of a path, the beginning of everything else**. Such a text
//! is *incomplete*. It equals nothing; it starts (or ends) with a value if the known part does; where the other part would
//! decide, it does not. Negative filters hold where the plain one does not: a rule that lets a few paths pass and refuses the rest
//! refuses one that is too long to tell. Programs read texts of up to 4,096 bytes, and
//! paths of up to 2,047 components and mounts.
//!
//! # Sockets and addresses
//!
//! Ports and addresses are those of the call's socket or `sockaddr`; a `sockaddr` has one end, its source. Ports are numbers in
//! host order, 0 where the family has none. **An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is the IPv4 address that it carries**: IPv4
//! networks contain it, IPv6 networks do not, not even `::/0`. `NotDAddr` with IPv4 networks only holds for every
//! other IPv6 address, which is in none of them; it does not hold for other families, which have no address (see above).
//!
//! Of a `sockaddr` that ends too early each filter sees the part that it asks for, or counts as not readable; events
//! show it as one that cannot be read.
//!
//! # Processes
//!
//! A process id is that of the thread group. `isNamespacePID` means the id in the process' own pid namespace, and 0 for
//! processes in the host's. `followForks` looks at the process and at its parents, the next 63 of them, up to process 0: those that
//! it has now. A process whose parent has ended belongs to another, as a rule to process 1.
//!
//! `matchNamespaces` compares inode numbers; `host_ns` is that of process 1, whatever its number. `matchCapabilities` holds if the
//! thread has one of the capabilities in the set.
//!
//! # Actions
//!
//! Actions run in the order of the selector: signals go to the calling process, `Override` makes the call return a value
//! instead of running: an error from -4095 to -1, or, with a warning, another number from 0 on; of several the last counts. The kernel
//! lets programs send no signals to process 1, to kernel threads and to processes that have begun to exit (`bpf_send_signal_common`,
//! kernel/trace/bpf_trace.c). Actions never wait for a report and do not depend on one: what the ring buffer has no room for is counted
//! and lost, and the actions have happened.
//!
//! Of several policies that override one function the kernel asks the one that was loaded last first, and no other when that
//! replaces the call: the others then neither act nor report.
//!
//! # Reports
//!
//! A selector reports unless it has the action `NoPost`. The event names the function, the selector, the last action of the selector
//! (`Post` if it has none), and the values of all arguments but those of type `nop`, also of those that cannot be read, as such.
//!
//! A rate limit belongs to one selector: `rateLimit: 5` or `5s` is in seconds, `5m` in minutes, `5h` in hours; 0 is none. It lets one report in an interval through for each thread (if `rateLimitScope` says nothing
//! else), process, or altogether, **for
//! equal arguments**; of texts the lengths and first 32 bytes count ([`limit`]). The interval starts at the
//! entry of a call that is reported, also if the ring buffer has no room for the report.
//!
//! Filters on the return value (`matchReturnArgs`) decide only whether the event is reported: **actions happen at the entry**. A call that
//! `Override` has replaced returns its value. The event of a call whose return is not seen has no return value; if filters had to decide
//! about it, there is none. A call that they keep out starts no interval; until it returns, it counts as one that is reported.

mod event;
pub mod limit;
mod look;

pub use event::{
    Address, Ancestor, Capabilities, Credentials, Endpoint, Event, Namespaces, Process, Readable,
    Sock, Sockaddr, Text, UserNamespace, Value,
};

pub use look::answer;

use super::{Action, ArgType, Hook, Program, Rule, Shown, Test};
use limit::Limiter;

/// What a policy does to a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The selector that decided; `None`: nothing happens.
    pub rule: Option<usize>,
    /// Signals in their order.
    pub signals: Vec<u32>,
    /// The value that the call returns instead of running.
    pub result: Option<i32>,
    pub report: Option<Report>,
}

/// What an event shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Index in the policy.
    pub hook: usize,
    /// Index in the hook.
    pub rule: usize,
    pub shown: Shown,
    /// Those that are read, in the order of the policy.
    pub args: Vec<Value>,
    /// Of a hook that observes the return of a call that returned.
    pub ret: Option<Value>,
    /// What a rate limit counted the report under.
    pub key: Option<limit::Key>,
}

/// A policy at work: it remembers what its rate limits have let through.
#[derive(Clone, Debug)]
pub struct Interpreter<'a> {
    program: &'a Program,
    /// Of process 1.
    host: Namespaces,
    limiter: Limiter,
}

impl<'a> Interpreter<'a> {
    pub fn new(program: &'a Program, host: Namespaces) -> Self {
        Self {
            program,
            host,
            limiter: Limiter::default(),
        }
    }

    /// Judges a call of a hook of the policy; of no hook nothing happens.
    pub fn judge(&mut self, hook: usize, event: &Event) -> Outcome {
        let Some(of) = self.program.hooks.get(hook) else {
            return Outcome::default();
        };
        let holds = |rule: &Rule| {
            rule.tests
                .iter()
                .all(|test| look::holds(test, event, &self.host))
        };
        let Some(number) = of.rules.iter().position(holds) else {
            return Outcome::default();
        };
        let rule = &of.rules[number];
        let result = result(rule);
        let returned = match (result, &of.ret) {
            (Some(value), Some(declared)) => Some(Value::overridden(declared.ty, value)),
            _ => event.ret.clone(),
        };
        let event = Event {
            ret: returned,
            ..event.clone()
        };
        Outcome {
            rule: Some(number),
            signals: signals(rule, &event.process),
            result,
            report: self.report((hook, of), (number, rule), &event),
        }
    }

    fn report(
        &mut self,
        (hook, of): (usize, &Hook),
        (number, rule): (usize, &Rule),
        event: &Event,
    ) -> Option<Report> {
        let holds = |test: &Test| look::holds(test, event, &self.host);
        let kept = rule.return_tests.iter().all(holds);
        let returns = event.ret.is_some();
        if returns && !kept {
            return None;
        }
        let args = shown_args(of, event);
        let key = rule
            .post?
            .rate
            .map(|rate| limit::key((hook, number), rate.scope, &args, &event.process));
        if let (Some(key), Some(rate)) = (&key, rule.post?.rate)
            && !self.limiter.admits(key, rate.interval_ms, event.time)
        {
            return None;
        }
        (returns || rule.return_tests.is_empty()).then(|| Report {
            hook,
            rule: number,
            shown: rule.shown,
            args,
            ret: of.ret.as_ref().and(event.ret.as_ref()).map(Value::shown),
            key,
        })
    }
}

fn signals(rule: &Rule, process: &Process) -> Vec<u32> {
    if process.pid == 1 || !process.has_memory {
        return Vec::new();
    }
    let number = |action: &Action| match action {
        Action::Signal { number, .. } => Some(*number),
        Action::Override { .. } => None,
    };
    rule.actions.iter().filter_map(number).collect()
}

fn result(rule: &Rule) -> Option<i32> {
    let value = |action: &Action| match action {
        Action::Override { value, .. } => Some(*value),
        Action::Signal { .. } => None,
    };
    rule.actions.iter().filter_map(value).next_back()
}

fn shown_args(hook: &Hook, event: &Event) -> Vec<Value> {
    let pairs = hook.args.iter().zip(&event.args);
    let read = pairs.filter(|(arg, _)| arg.ty != ArgType::Nop);
    read.map(|(_, value)| value.shown()).collect()
}

#[cfg(test)]
mod tests;

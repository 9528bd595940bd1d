//! What programs did to a call, against what the reference interpreter says of it.
//!
//! In: a [`Run`] and an [`Outcome`]. Out: the first difference: signals, their place in front of reports, the result, and every
//! field of the event. What a crowded record has no room for may be missing, and nothing else.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use super::kernel::Kernel;
use super::scene::{AF_INET, AF_INET6, Scene};
use super::{Effect, Run, Simulator};
use crate::bundle::{Record, Section};
use crate::ir::interp::{
    Address, Capabilities, Credentials, Endpoint, Event, Outcome, Process, Readable, Report, Sock,
    Sockaddr, Text, UserNamespace, Value,
};
use crate::ir::{ArgType, Hook, Program, Rule};

/// A call, and what the policy means for it.
pub struct Call<'a> {
    pub program: &'a Program,
    pub hook: usize,
    pub scene: &'a Scene,
    pub event: &'a Event,
    pub outcome: &'a Outcome,
}

impl Call<'_> {
    /// Makes the call on a kernel, on the programs of every way to attach them.
    ///
    /// # Errors
    /// The number of the first way that does something else, and the difference.
    pub fn judge(&self, kernel: &Kernel, ways: &mut [Simulator]) -> Result<(), (usize, String)> {
        let placed = self.scene.place(kernel);
        let expected = Expected {
            program: self.program,
            hook: self.hook,
            event: self.event,
            outcome: self.outcome,
            has_audit: kernel.field("task_struct", "loginuid").is_some(),
            ring_is_full: self.scene.ring_is_full,
        };
        for (way, simulator) in ways.iter_mut().enumerate() {
            let before = simulator.lost();
            let run = simulator.call(self.hook, &placed);
            run.and_then(|run| expected.check(&run, simulator.lost() - before))
                .map_err(|error| (way, error))?;
        }
        Ok(())
    }
}

/// What is to be expected of a call on one kernel.
struct Expected<'a> {
    program: &'a Program,
    hook: usize,
    event: &'a Event,
    outcome: &'a Outcome,
    /// Whether the kernel knows login users.
    has_audit: bool,
    ring_is_full: bool,
}

impl Expected<'_> {
    /// Compares; `counted` are the reports that the programs have counted as lost.
    fn check(&self, run: &Run, counted: u64) -> Result<(), String> {
        let lost = run.effects.iter().filter(|effect| **effect == Effect::Lost);
        let lost = lost.count();
        same("lost reports", &counted, &(lost as u64))?;
        same("signals", &run.signals(), &self.outcome.signals)?;
        same("result", &run.result, &self.outcome.result)?;
        self.order(run)?;
        let records: Vec<Record> = run
            .records()
            .into_iter()
            .collect::<Option<_>>()
            .ok_or("a record cannot be decoded")?;
        let (sent, refused) = match self.ring_is_full {
            true => (lost, records.len()),
            false => (records.len(), lost),
        };
        same("records where they do not belong", &refused, &0)?;
        let due = self.due();
        if !due.contains(&sent) {
            return Err(format!("{sent} records instead of {due:?}"));
        }
        if self.ring_is_full {
            return Ok(());
        }
        match (self.joined(&records)?, &self.outcome.report) {
            (None, None) => Ok(()),
            (Some(_), None) => Err("an event that should not be".to_owned()),
            (None, Some(_)) => Err("the event is missing".to_owned()),
            (Some((entry, returned)), Some(report)) => self.event(entry, returned, report),
        }
    }

    fn hook(&self) -> &Hook {
        &self.program.hooks[self.hook]
    }

    /// Actions do not wait for reports.
    fn order(&self, run: &Run) -> Result<(), String> {
        let is_signal = |effect: &&Effect| matches!(effect, Effect::Signal(_));
        let leading = run.effects.iter().take_while(is_signal).count();
        same(
            "signals in front of reports",
            &leading,
            &self.outcome.signals.len(),
        )
    }

    /// How many records programs send: of the entry, and of the return where that is shown. An entry whose filters on the return value
    /// decide later has a record whatever they decide, unless a rate limit holds it back: outcomes do not tell the two apart.
    fn due(&self) -> RangeInclusive<usize> {
        if let Some(report) = &self.outcome.report {
            let count = 1 + usize::from(report.ret.is_some());
            return count..=count;
        }
        let rule = self
            .outcome
            .rule
            .and_then(|rule| self.hook().rules.get(rule));
        match rule.filter(|rule| !rule.return_tests.is_empty()) {
            Some(Rule {
                post: Some(post), ..
            }) => usize::from(post.rate.is_none())..=1,
            _ => 0..=0,
        }
    }

    /// The record of the entry with that of the return, as readers of the ring join them.
    fn joined<'r>(
        &self,
        records: &'r [Record],
    ) -> Result<Option<(&'r Record, Option<&'r Record>)>, String> {
        let (entry, returned) = match records {
            [] => return Ok(None),
            [entry] if !entry.returns => (entry, None),
            [entry, returned] if !entry.returns && returned.returns => (entry, Some(returned)),
            _ => {
                return Err(format!(
                    "{} records, the first of a return: {}",
                    records.len(),
                    records[0].returns
                ));
            }
        };
        if let Some(returned) = returned {
            self.returned(entry, returned)?;
        }
        same("hook", &entry.hook, &self.hook)?;
        same("selector", &Some(entry.selector), &self.outcome.rule)?;
        let rule = self
            .hook()
            .rules
            .get(entry.selector)
            .ok_or("a selector that does not exist")?;
        let awaits = !rule.return_tests.is_empty();
        Ok((returned.is_some() || !awaits).then_some((entry, returned)))
    }

    /// The record of a return says what it completes, and nothing that the entry has said.
    fn returned(&self, entry: &Record, returned: &Record) -> Result<(), String> {
        let ids = |record: &Record| (record.process.pid, record.tid);
        same("hook of the return", &returned.hook, &entry.hook)?;
        same(
            "selector of the return",
            &returned.selector,
            &entry.selector,
        )?;
        same("action of the return", &returned.action, &0)?;
        same("thread of the return", &ids(returned), &ids(entry))?;
        same(
            "time of the return",
            &(returned.time, returned.enter),
            &(self.event.time, entry.enter),
        )?;
        same("sections of the return", &returned.sections.len(), &1)
    }

    fn event(
        &self,
        entry: &Record,
        returned: Option<&Record>,
        report: &Report,
    ) -> Result<(), String> {
        same("action", &entry.action, &(report.shown as u8))?;
        same(
            "time",
            &(entry.time, entry.enter),
            &(self.event.time, self.event.time),
        )?;
        let types: Vec<ArgType> = self
            .hook()
            .args
            .iter()
            .map(|arg| arg.ty)
            .filter(|ty| *ty != ArgType::Nop)
            .collect();
        same(
            "sections",
            &entry.sections.len(),
            &(types.len() + PROCESS_SECTIONS),
        )?;
        let (args, process) = entry.sections.split_at(types.len());
        let mut room = Room::default();
        for ((number, ty), (section, value)) in
            types.iter().enumerate().zip(args.iter().zip(&report.args))
        {
            room.section(section, |section| value_of(*ty, section), value)
                .map_err(|error| format!("argument {number}: {error}"))?;
        }
        self.process(entry, process, room)?;
        match (
            returned.and_then(|record| record.sections.first()),
            &report.ret,
            &self.hook().ret,
        ) {
            (Some(section), Some(value), Some(declared)) => {
                let mut room = Room::default();
                room.section(section, |section| value_of(declared.ty, section), value)
                    .map_err(|error| format!("return value: {error}"))
            }
            (None, None, _) => Ok(()),
            (found, wanted, _) => Err(format!("return value: {found:?} instead of {wanted:?}")),
        }
    }

    fn process(&self, record: &Record, sections: &[Section], mut room: Room) -> Result<(), String> {
        let Process {
            pid,
            tid,
            uid,
            auid,
            start,
            exe,
            arguments,
            cwd,
            ancestors,
            ..
        } = &self.event.process;
        same("thread", &record.tid, tid)?;
        same(
            "process",
            &(record.process.pid, record.process.uid, record.process.start),
            &(*pid, *uid, *start),
        )?;
        let auid = if self.has_audit { *auid } else { u32::MAX };
        same("login user", &record.auid, &auid)?;
        let parent = ancestors.first().cloned().unwrap_or_default();
        let shown = (record.parent.pid, record.parent.uid, record.parent.start);
        same("parent", &shown, &(parent.pid, parent.uid, parent.start))?;
        for (section, (what, wanted)) in sections.iter().zip([
            ("executable", exe),
            ("arguments", arguments),
            ("directory", cwd),
            ("parent's executable", &parent.exe),
        ]) {
            let wanted = Value::String(wanted.clone());
            room.section(
                section,
                |section| Ok(Value::String(text_of(section, 0))),
                &wanted,
            )
            .map_err(|error| format!("{what}: {error}"))?;
        }
        Ok(())
    }
}

/// Executable, arguments, directory, parent's executable.
const PROCESS_SECTIONS: usize = 4;

/// Bytes of a record that earlier sections took.
#[derive(Default)]
struct Room(usize);

/// A record that is fuller than this need not have room for a whole text.
const CROWDED: usize = 6200;
/// One that is fuller than this need not have room for anything.
const FULL: usize = 12_000;
/// Bytes of a text that found no room.
const CUT: [usize; 3] = [0, 120, 1024];

impl Room {
    /// Compares a section with what it should show, or with the beginning of it that found room.
    fn section(
        &mut self,
        section: &Section,
        decode: impl Fn(&Section) -> Result<Value, String>,
        wanted: &Value,
    ) -> Result<(), String> {
        let before = self.0;
        self.0 += 8 + section.bytes.len().next_multiple_of(8);
        if before > FULL && section.is_unreadable() && section.is_incomplete() {
            return Ok(());
        }
        let len = section.bytes.len();
        let cut = before > CROWDED && section.is_incomplete() && CUT.contains(&len);
        match beginning(wanted, len).filter(|_| cut) {
            Some(_) if len == 0 => Ok(()),
            Some(beginning) => same("value that was cut", &decode(section)?, &beginning),
            None => same("value", &decode(section)?, wanted),
        }
    }
}

/// The first bytes of a text's section as a value.
fn beginning(value: &Value, len: usize) -> Option<Value> {
    let mut value = value.clone();
    let (text, head) = match &mut value {
        Value::String(text) => (text, 0),
        Value::Buffer { bytes, .. } => (bytes, 8),
        Value::Path { path, .. } => (path, 8),
        _ => return None,
    };
    if let Some(text) = text {
        text.known.truncate(len.saturating_sub(head));
        text.complete = false;
    }
    Some(value)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{what}: {found:?} instead of {wanted:?}"))
}

/// A section as the value that it shows.
fn value_of(ty: ArgType, section: &Section) -> Result<Value, String> {
    if let ArgType::Int(_) = ty {
        same("bytes of a number", &section.bytes.len(), &8)?;
        same("unreadable number", &section.is_unreadable(), &false)?;
    }
    if let ArgType::Int(_) | ArgType::Sock | ArgType::Sockaddr | ArgType::Cred = ty {
        same("incomplete value", &section.is_incomplete(), &false)?;
    }
    Ok(match ty {
        ArgType::Int(int) => {
            let word = section.u64(0);
            let number = if int.signed() {
                i128::from(word.cast_signed())
            } else {
                word.into()
            };
            Value::Int(number)
        }
        ArgType::String | ArgType::Filename => Value::String(text_of(section, 0)),
        ArgType::CharBuf { .. } => Value::Buffer {
            wanted: section.u64(0),
            bytes: text_of(section, 8),
        },
        ArgType::Sock => Value::Sock(readable(section).map(sock_of)),
        ArgType::Sockaddr => Value::Sockaddr(sockaddr_of(section)),
        ArgType::Cred => Value::Cred(readable(section).map(cred_of)),
        _ => Value::Path {
            mode: section.u16(0),
            path: text_of(section, 8),
        },
    })
}

fn readable(section: &Section) -> Readable<&Section> {
    (!section.is_unreadable()).then_some(section)
}

fn text_of(section: &Section, from: usize) -> Readable<Text> {
    let known = readable(section)?.bytes.get(from..)?.to_vec();
    Some(Text {
        known,
        complete: !section.is_incomplete(),
    })
}

fn address_of(family: u16, section: &Section, at: usize) -> Option<Address> {
    match family {
        AF_INET => section
            .array::<4>(at)
            .map(|bytes| Address::V4(Ipv4Addr::from(bytes))),
        AF_INET6 => section
            .array::<16>(at)
            .map(|bytes| Address::V6(Ipv6Addr::from(bytes))),
        _ => None,
    }
}

fn sock_of(section: &Section) -> Sock {
    let family = section.u16(0);
    let end = |port, address| Endpoint {
        address: address_of(family, section, address),
        port: section.u16(port),
    };
    Sock {
        family,
        kind: section.u16(2),
        protocol: section.u16(4),
        state: section.bytes.get(6).copied().unwrap_or(0),
        mark: section.u32(8),
        priority: section.u32(12),
        source: end(16, 24),
        destination: end(18, 40),
    }
}

/// Shown as a whole or not at all.
fn sockaddr_of(section: &Section) -> Sockaddr {
    let family = readable(section).map(|section| section.u16(0));
    Sockaddr {
        family,
        port: family.map(|_| section.u16(2)),
        address: family.and_then(|family| address_of(family, section, 8)),
    }
}

fn cred_of(section: &Section) -> Credentials {
    let word = |at: usize| section.u32(at);
    Credentials {
        ids: [0, 4, 8, 12, 16, 20, 24, 28].map(word),
        securebits: word(32),
        capabilities: Capabilities {
            permitted: section.u64(40),
            effective: section.u64(48),
            inheritable: section.u64(56),
        },
        user_namespace: UserNamespace {
            level: word(64).cast_signed(),
            owner: word(68),
            group: word(72),
            inode: word(76),
        },
    }
}

#[cfg(test)]
pub(super) mod tests;

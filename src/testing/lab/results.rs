//! What the guest wrote: for each pass how loading went, the events, and the slots of its calls.

use serde_json::Value as Json;

use super::Pass;
use super::slot::{NOT_ENDED, SIZE};

/// What became of a pass.
#[derive(Clone, Debug)]
pub(super) struct PassResult {
    /// What the loader said, if it did not load the bundle.
    pub(super) refused: Option<String>,
    pub(super) events: Vec<Json>,
    /// In the order of the pass' calls.
    pub(super) calls: Vec<CallResult>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallResult {
    pub(super) begun: bool,
    /// The step of its preparation that failed, and the error.
    pub(super) step: u64,
    pub(super) error: i64,
    /// What the call returned.
    pub(super) returned: Option<i64>,
    pub(super) became: bool,
    /// Signals that wait, as a mask; the one that ended the process.
    pub(super) pending: u64,
    pub(super) killed: Option<u32>,
    pub(super) still_running: bool,
}

impl CallResult {
    /// Signals that the process got while it made the call. One that neither ends nor returns was stopped.
    pub(super) fn signals(&self) -> Vec<u32> {
        const SIGSTOP: u32 = 19;
        let waiting = (1..=64).filter(|number| self.pending >> (number - 1) & 1 != 0);
        let stopped = self.still_running.then_some(SIGSTOP);
        waiting.chain(self.killed).chain(stopped).collect()
    }

    fn read(slot: &[u8]) -> Self {
        let member = |at: usize| {
            let bytes = slot.get(at..at + 8).and_then(|bytes| bytes.first_chunk());
            u64::from_le_bytes(*bytes.unwrap_or(&[0; 8]))
        };
        let status = member(8) as u32;
        let still_running = status == u32::from(NOT_ENDED);
        let signal = status & 0x7f;
        Self {
            step: member(16),
            error: member(24) as i64,
            begun: member(40) != 0,
            returned: (member(48) != 0).then(|| member(56) as i64),
            pending: member(64),
            became: member(72) != 0,
            killed: (!still_running && signal != 0).then_some(signal),
            still_running,
        }
    }
}

/// What init writes last.
pub(super) const END: &[u8] = b"@@end\n";

/// What the guest is at, for messages: the last line that begins with the sign of marks.
pub(super) fn last_mark(bytes: &[u8]) -> String {
    let from = bytes.windows(2).rposition(|pair| pair == b"@@");
    let line = from.and_then(|from| bytes[from + 2..].split(|byte| *byte == b'\n').next());
    match line {
        Some(line) => format!("the pass `{}`", String::from_utf8_lossy(line)),
        None => "its preparation".to_owned(),
    }
}

/// Passes that have arrived whole, and whether the end has.
pub(super) fn decode(mut bytes: &[u8], passes: &[Pass<'_>]) -> (Vec<PassResult>, bool) {
    let mut out = Vec::new();
    for (number, pass) in passes.iter().enumerate() {
        let Some((result, rest)) = decode_pass(bytes, number, pass) else {
            return (out, false);
        };
        out.push(result);
        bytes = rest;
    }
    let complete = bytes.starts_with(END);
    (out, complete)
}

fn decode_pass<'a>(
    bytes: &'a [u8],
    number: usize,
    pass: &Pass<'_>,
) -> Option<(PassResult, &'a [u8])> {
    let mut rest = bytes;
    let mut part = |word: &str| {
        let mark = format!("@@{word} {number}\n");
        let at = find(rest, mark.as_bytes())?;
        let before = String::from_utf8_lossy(&rest[..at]).into_owned();
        rest = &rest[at + mark.len()..];
        Some(before)
    };
    part("load")?;
    let said = part("events")?;
    let events = part("unload")?;
    part("slots")?;
    let size = SIZE as usize;
    let (slots, rest) = rest.split_at_checked(size * (pass.calls.len() + 1))?;
    let (calls, own) = slots.split_at(size * pass.calls.len());
    let own = CallResult::read(own);
    let status = u64::from_le_bytes(*slots[slots.len() - size + 8..].first_chunk()?);
    let event = |line: &str| {
        serde_json::from_str::<Json>(line)
            .ok()?
            .get("process_kprobe")
            .cloned()
    };
    let loaded = status == 0 && !own.still_running;
    Some((
        PassResult {
            refused: (!loaded).then_some(said),
            events: events.lines().filter_map(event).collect(),
            calls: calls.chunks(size).map(CallResult::read).collect(),
        },
        rest,
    ))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(members: &[(usize, u64)]) -> Vec<u8> {
        let mut slot = vec![0; SIZE as usize];
        for (at, value) in members {
            slot[*at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        slot
    }

    #[test]
    fn the_last_mark_is_found() {
        assert_eq!(last_mark(b"BEGIN\n"), "its preparation");
        assert_eq!(
            last_mark(b"@@load 1\nx\n@@events 1\n"),
            "the pass `events 1`"
        );
    }

    #[test]
    fn slots_say_how_a_call_ended() {
        let denied = CallResult::read(&slot(&[
            (40, 1),
            (48, 1),
            (56, -13_i64 as u64),
            (64, 1 << 14),
        ]));
        assert_eq!((denied.returned, denied.signals()), (Some(-13), vec![15]));
        let killed = CallResult::read(&slot(&[(8, 9), (40, 1)]));
        assert_eq!((killed.returned, killed.signals()), (None, vec![9]));
        let hangs = CallResult::read(&slot(&[(8, NOT_ENDED.into()), (40, 1)]));
        assert_eq!((hangs.still_running, hangs.signals()), (true, vec![19]));
    }
}

//! Where things lie in a program's scratch value.
//!
//! Every program owns one value of the per-CPU map `scratch`: the kernel never runs a
//! program twice at once on a CPU, so nothing else writes there while it runs.
//!
//! ```text
//! 0        a word through which pointers become plain numbers for the verifier
//! 8        what the return has to know of a report: time of the entry, first word of the header
//! 24       key of the rate limit
//! ...      text buffers, `BUFFER` bytes each: 64 bytes of state, then 4096 of text, then 8 that show whether more follows
//! record   the event under construction, or slack behind the last text
//! ```

/// Bytes of a text: the longest path or string that filters and events see.
pub(super) const TEXT: u32 = 4096;
/// Bytes in front of a buffer's text.
pub(super) const STATE: u32 = 64;
/// Bytes behind a buffer's text: a string's reader takes two bytes more than a text has, and knows by them whether it is whole.
const TAIL: u32 = 8;
/// Bytes of a text buffer.
pub(super) const BUFFER: u32 = STATE + TEXT + TAIL;
/// Room for an event.
const RECORD: u32 = 12 * 1024;
/// Readable bytes behind the last text buffer of a program that reports nothing: matchers
/// look a whole text ahead, name copies 255 bytes.
const SLACK: u32 = TEXT + 320;
/// Bytes of the record's header, before its sections.
pub(super) const HEADER: u32 = 96;
/// Bytes of a text in a record that is filling up, and in one that is almost full.
pub(super) const PART: u32 = 1024;
pub(super) const BIT: u32 = 120;
/// Byte of what the return has to know.
pub(super) const AWAITED: u32 = 8;
/// Bytes of it without the rate limit's key, which follows.
pub(super) const AWAITED_HEAD: u32 = 16;
/// Byte of the rate limit's key.
pub(super) const KEY: u32 = AWAITED + AWAITED_HEAD;
/// Bytes of a rate limit's key for the hook and its scope.
pub(super) const KEY_HEAD: u32 = 8;
/// Bytes of a rate limit's key for each argument.
pub(super) const KEY_ARG: u32 = 40;

/// The scratch value of all programs of one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Arguments in a rate limit's key; `None` without rate limits.
    pub(super) rate_args: Option<u32>,
    /// Whether returns have to know the rate limit's key.
    pub(super) gives_back: bool,
    /// Text buffers. The first is free for the report when `reports`.
    pub(super) buffers: u32,
    pub(super) reports: bool,
}

impl Layout {
    /// Bytes of a rate limit's key.
    pub(super) fn key_bytes(&self) -> u32 {
        self.rate_args.map_or(0, |args| KEY_HEAD + KEY_ARG * args)
    }

    /// Bytes of what the return has to know.
    pub(super) fn awaited_bytes(&self) -> u32 {
        AWAITED_HEAD + if self.gives_back { self.key_bytes() } else { 0 }
    }

    /// Byte of a text buffer.
    pub(super) fn buffer(&self, number: u32) -> u32 {
        KEY + self.key_bytes() + BUFFER * number
    }

    /// Byte of the event's record.
    pub(super) fn record(&self) -> u32 {
        self.buffer(self.buffers)
    }

    /// Bytes of the event's record.
    pub(super) fn record_bytes(&self) -> u32 {
        if self.reports { RECORD } else { SLACK }
    }

    /// Bytes of the whole value.
    pub(super) fn size(&self) -> u32 {
        self.record() + self.record_bytes()
    }

    /// Last byte at which a text buffer can start.
    pub(super) fn last_buffer(&self) -> u32 {
        self.buffer(self.buffers.saturating_sub(1))
    }

    /// Last byte of the record at which a short section can start.
    pub(super) fn last_section(&self) -> u32 {
        self.record_bytes() - 128
    }

    /// Last byte of the record at which a section with a whole text and its head can start; one with a
    /// [`PART`] of a text has room behind it.
    pub(super) fn last_text(&self) -> u32 {
        self.last_part() - (TEXT + 16)
    }

    /// Last byte of the record at which a section with a [`PART`] of a text can start; four with a [`BIT`] have room behind it.
    pub(super) fn last_part(&self) -> u32 {
        self.last_bit() - (8 + PART) - 4 * (8 + BIT)
    }

    /// Last byte of the record at which a section with a [`BIT`] of a text can start; some empty ones have room behind it.
    pub(super) fn last_bit(&self) -> u32 {
        self.last_section() - (BIT + 64)
    }

    /// Last byte of the value from which a text section can be copied.
    pub(super) fn last_source(&self) -> u32 {
        self.size() - (TEXT + 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_can_be_read_a_whole_text_ahead_from_its_end() {
        for reports in [false, true] {
            let layout = Layout {
                rate_args: None,
                gives_back: false,
                buffers: 1,
                reports,
            };
            let end = layout.buffer(0) + BUFFER;
            assert!(end + TEXT + 256 <= layout.size());
        }
    }

    #[test]
    fn six_long_arguments_leave_room_for_the_caller() {
        let layout = Layout {
            rate_args: None,
            gives_back: false,
            buffers: 1,
            reports: true,
        };
        let mut at = HEADER;
        for section in 0..10 {
            let len = match at {
                at if at <= layout.last_text() => 8 + TEXT,
                at if at <= layout.last_part() => PART,
                at if at <= layout.last_bit() => BIT,
                _ => panic!("no room for section {section}"),
            };
            at += 8 + len;
        }
    }

    #[test]
    fn sections_stay_inside_the_record() {
        let layout = Layout {
            rate_args: Some(2),
            gives_back: true,
            buffers: 3,
            reports: true,
        };
        assert!(layout.last_bit() + 8 + BIT + 8 + 3 * 8 <= layout.last_section());
        assert!(layout.last_source() + TEXT + 8 <= layout.size());
        assert_eq!(layout.size() % 8, 0);
    }
}

//! The kernel's helper functions, as far as generated code calls them.
//!
//! Arguments are checked as the verifier does: memory that a helper reads must have been written, memory that it writes must be
//! stack or a map's value. Reads of bad addresses fail as in kernel/trace/bpf_trace.c, mm/maccess.c and arch/x86/mm/maccess.c, Linux 6.12:
//! they leave zeros.

use super::machine::{Machine, Tag, Word};
use super::memory::{self, Area};
use super::world::{Context, Effect};
use crate::kernel::helpers as id;

const EPERM: i64 = -1;
const EFAULT: i64 = -14;
const ENOENT: i64 = -2;
const EAGAIN: i64 = -11;
const ERANGE: i64 = -34;
/// Bytes in front of each record of a ring buffer (BPF_RINGBUF_HDR_SZ, include/uapi/linux/bpf.h).
const RECORD_HEADER: usize = 8;

fn error(number: i64) -> Word {
    Word::number(number.cast_unsigned())
}

/// What a read that found nothing says: `copy_from_kernel_nofault` does not try every address.
fn refusal(area: Area, from: u64) -> Word {
    match area {
        Area::Kernel if !memory::may_be_kernel(from) => error(ERANGE),
        _ => error(EFAULT),
    }
}

impl Machine<'_, '_> {
    /// The helper's result.
    pub(super) fn helper(&mut self, number: u32) -> Result<Word, String> {
        match number {
            id::MAP_LOOKUP_ELEM => self.map_lookup(),
            id::MAP_UPDATE_ELEM => self.map_update(),
            id::MAP_DELETE_ELEM => self.map_delete(),
            id::PROBE_READ_KERNEL => self.probe_read(Area::Kernel),
            id::PROBE_READ_USER => self.probe_read(Area::User),
            id::PROBE_READ_KERNEL_STR => self.probe_read_str(Area::Kernel),
            id::PROBE_READ_USER_STR => self.probe_read_str(Area::User),
            id::GET_CURRENT_TASK_BTF => Ok(Word::kernel(self.world.task)),
            id::GET_CURRENT_PID_TGID => {
                let (process, thread) = self.world.ids;
                Ok(Word::number(u64::from(process) << 32 | u64::from(thread)))
            }
            id::KTIME_GET_BOOT_NS => Ok(Word::number(self.world.time)),
            id::SEND_SIGNAL => {
                let signal = self.number(1)?;
                if !self.world.takes_signals {
                    // bpf_send_signal_common (kernel/trace/bpf_trace.c).
                    return Ok(error(EPERM));
                }
                self.world.effects.push(Effect::Signal(signal as u32));
                Ok(Word::number(0))
            }
            id::OVERRIDE_RETURN => self.override_return(),
            id::GET_FUNC_RET => self.get_func_ret(),
            id::RINGBUF_OUTPUT => self.ringbuf_output(),
            _ => Err(format!("helper {number} is not simulated")),
        }
    }

    fn number(&self, reg: u8) -> Result<u64, String> {
        match self.get(reg)? {
            Word {
                tag: Tag::Number,
                bits,
            } => Ok(bits),
            Word { tag, .. } => Err(format!("R{reg} is {tag:?}, not a number")),
        }
    }

    /// Map in a register, with its sizes of key and value.
    fn map(&self, reg: u8) -> Result<(usize, (usize, usize)), String> {
        match self.get(reg)? {
            Word {
                tag: Tag::Map,
                bits,
            } => {
                let sizes = self.world.maps.sizes(bits as usize).ok_or("no such map")?;
                Ok((bits as usize, sizes))
            }
            Word { tag, .. } => Err(format!("R{reg} is {tag:?}, not a map")),
        }
    }

    /// Bytes that a helper reads.
    fn input(&self, reg: u8, len: usize) -> Result<Vec<u8>, String> {
        let Word { tag, bits } = self.get(reg)?;
        match tag {
            Tag::Stack => self.read_stack(bits, len).map(<[u8]>::to_vec),
            Tag::Value => {
                let spot = self
                    .world
                    .maps
                    .spot(bits, len)
                    .ok_or("outside of the map's value")?;
                Ok(self.world.maps.read(spot, len).to_vec())
            }
            _ => Err(format!("R{reg} is {tag:?}, not memory")),
        }
    }

    /// Writes what a helper puts where a register points.
    fn output(&mut self, reg: u8, bytes: &[u8]) -> Result<(), String> {
        let Word { tag, bits } = self.get(reg)?;
        match tag {
            Tag::Stack => self.write_stack(bits, bytes),
            Tag::Value => {
                let spot = self
                    .world
                    .maps
                    .spot(bits, bytes.len())
                    .ok_or("outside of the map's value")?;
                self.world.maps.write(spot, bytes)
            }
            _ => Err(format!("R{reg} is {tag:?}, not memory")),
        }
    }

    fn map_lookup(&mut self) -> Result<Word, String> {
        let (map, (key, _)) = self.map(1)?;
        let key = self.input(2, key)?;
        let found = self.world.maps.lookup(map, &key)?;
        Ok(found.map_or(Word::number(0), |address| Word::new(Tag::Value, address)))
    }

    fn map_update(&mut self) -> Result<Word, String> {
        let (map, (key, value)) = self.map(1)?;
        let (key, value) = (self.input(2, key)?, self.input(3, value)?);
        if self.number(4)? != 0 {
            return Err("an update with flags".to_owned());
        }
        self.world.maps.update(map, &key, &value)?;
        Ok(Word::number(0))
    }

    fn map_delete(&mut self) -> Result<Word, String> {
        let (map, (key, _)) = self.map(1)?;
        let key = self.input(2, key)?;
        let was_there = self.world.maps.delete(map, &key)?;
        Ok(if was_there {
            Word::number(0)
        } else {
            error(ENOENT)
        })
    }

    /// Length of memory that a helper reads or writes: below BPF_MAX_VAR_SIZ (include/linux/bpf_verifier.h).
    fn length(&self, reg: u8) -> Result<usize, String> {
        let len = self.number(reg)?;
        usize::try_from(len)
            .ok()
            .filter(|len| *len < 1 << 29)
            .ok_or_else(|| format!("R{reg} unbounded memory access"))
    }

    fn probe_read(&mut self, area: Area) -> Result<Word, String> {
        let (len, from) = (self.length(2)?, self.get(3)?);
        let found = self.source(area, from, len).map(<[u8]>::to_vec);
        let result = match found {
            Some(_) => Word::number(0),
            None => refusal(area, from.bits),
        };
        self.output(1, &found.unwrap_or_else(|| vec![0; len]))?;
        Ok(result)
    }

    /// Memory at an address that may be any number.
    fn source(&self, area: Area, from: Word, len: usize) -> Option<&[u8]> {
        match area {
            Area::User => self.world.memory.user(from.bits, len),
            Area::Kernel => match self.world.maps.spot(from.bits, len) {
                Some(spot) => Some(self.world.maps.read(spot, len)),
                None => self.world.memory.kernel(from.bits, len),
            },
        }
    }

    fn probe_read_str(&mut self, area: Area) -> Result<Word, String> {
        let (size, from) = (self.length(2)?, self.get(3)?.bits);
        // The helper may write all that it was given, whatever it finds.
        self.reachable(1, size)?;
        if size == 0 {
            return Ok(Word::number(0));
        }
        let mapped = match self.world.maps.tail(from) {
            Some(value) if area == Area::Kernel => value,
            _ => self.world.memory.tail(area, from),
        };
        let within = &mapped[..mapped.len().min(size)];
        let text = match within.iter().position(|byte| *byte == 0) {
            Some(end) => Some(within[..=end].to_vec()),
            None if within.len() == size => {
                let mut cut = within.to_vec();
                cut[size - 1] = 0;
                Some(cut)
            }
            None => None,
        };
        match text {
            Some(bytes) => {
                self.output(1, &bytes)?;
                // The NUL counts only behind others in memory of the process (strncpy_from_user_nofault, mm/maccess.c).
                let is_empty = area == Area::User && bytes.len() == 1;
                Ok(Word::number(if is_empty { 0 } else { bytes.len() as u64 }))
            }
            None => {
                self.output(1, &vec![0; size])?;
                Ok(refusal(area, from))
            }
        }
    }

    /// Checks that a helper may write so many bytes.
    fn reachable(&self, reg: u8, len: usize) -> Result<(), String> {
        let Word { tag, bits } = self.get(reg)?;
        match tag {
            Tag::Stack => self.stack_place(bits, len).map(|_| ()),
            Tag::Value if self.world.maps.spot(bits, len).is_some() => Ok(()),
            Tag::Value => Err("outside of the map's value".to_owned()),
            _ => Err(format!("R{reg} is {tag:?}, not memory")),
        }
    }

    fn override_return(&mut self) -> Result<Word, String> {
        if self.get(1)?.tag != Tag::Context || !self.world.may_override {
            return Err("an override where there is none".to_owned());
        }
        let value = self.number(2)?;
        self.world.effects.push(Effect::Override(value));
        Ok(Word::number(0))
    }

    fn get_func_ret(&mut self) -> Result<Word, String> {
        let returned = match &self.world.context {
            Context::Trampoline {
                returned: Some(returned),
                ..
            } if self.get(1)?.tag == Tag::Context => *returned,
            _ => return Err("no return value here".to_owned()),
        };
        self.output(2, &returned.to_le_bytes())?;
        Ok(Word::number(0))
    }

    fn ringbuf_output(&mut self) -> Result<Word, String> {
        let (map, _) = self.map(1)?;
        let ring = self.world.maps.ring(map);
        let ring = ring.ok_or("R1 is not a ring buffer")?;
        let bytes = self.input(2, self.length(3)?)?;
        if self.number(4)? != 0 {
            return Err("an output with flags".to_owned());
        }
        let needed = (bytes.len() + RECORD_HEADER).next_multiple_of(8);
        if self.world.ring_is_full || needed > ring {
            self.world.effects.push(Effect::Lost);
            return Ok(error(EAGAIN));
        }
        self.world.effects.push(Effect::Record(bytes));
        Ok(Word::number(0))
    }
}

#[cfg(test)]
mod tests;

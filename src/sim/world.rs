//! What a program sees outside of itself, and what it does to it.

use super::machine::{Tag, Word};
use super::maps::Maps;
use super::memory::Memory;

/// Address of the context.
const CONTEXT: u64 = 0xffff_c9a0_0000_0000;

/// What a program gets when it starts.
#[derive(Clone, Debug)]
pub(super) enum Context {
    /// Parameters of the function, and what it returned.
    Trampoline {
        params: Vec<Word>,
        returned: Option<u64>,
    },
    /// `struct pt_regs` of the processor.
    Registers(Registers),
}

/// Registers in the order of `struct pt_regs` (arch/x86/include/uapi/asm/ptrace.h).
pub(super) type Registers = [u64; 21];

impl Context {
    pub(super) fn address(&self) -> u64 {
        CONTEXT
    }

    pub(super) fn load(&self, address: u64, len: usize) -> Result<Word, String> {
        let at = address
            .checked_sub(CONTEXT)
            .ok_or("in front of the context")?;
        if len != 8 || !at.is_multiple_of(8) {
            return Err("a load of a part of a context's word".to_owned());
        }
        let word = (at / 8) as usize;
        match self {
            Self::Trampoline { params, .. } => params.get(word).copied(),
            Self::Registers(registers) => registers.get(word).map(|bits| Word::number(*bits)),
        }
        .ok_or_else(|| format!("byte {at} of the context, which has none"))
    }
}

/// Something that a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A signal to the process.
    Signal(u32),
    /// The call returns this instead of running.
    Override(u64),
    /// Bytes in the ring buffer.
    Record(Vec<u8>),
    /// Bytes that the ring buffer had no room for.
    Lost,
}

/// The world of one run.
pub(super) struct World<'a> {
    pub(super) memory: &'a Memory,
    pub(super) maps: &'a mut Maps,
    pub(super) context: Context,
    /// Address of the current task's structure.
    pub(super) task: u64,
    /// Thread group and thread.
    pub(super) ids: (u32, u32),
    /// Whether programs may send signals to the process.
    pub(super) takes_signals: bool,
    /// Nanoseconds since boot.
    pub(super) time: u64,
    /// Whether the ring buffer takes no more.
    pub(super) ring_is_full: bool,
    /// Whether the program may replace the function's result.
    pub(super) may_override: bool,
    pub(super) effects: Vec<Effect>,
}

impl Word {
    /// A pointer to a structure of the kernel.
    pub(super) fn kernel(address: u64) -> Self {
        Self::new(Tag::Kernel, address)
    }
}

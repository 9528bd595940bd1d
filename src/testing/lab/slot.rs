//! The memory that all programs of the guest share: a slot for each call and each pass.

/// Where programs see the slots.
pub(super) const SLOTS: u32 = 0x2000_0000;
/// Bytes of a slot.
pub(super) const SIZE: u32 = 128;

/// The 64-bit members of a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot(u32);

impl Slot {
    pub(super) fn of(number: usize) -> Self {
        Self(SLOTS + SIZE * number as u32)
    }

    /// Process that the caller's life depends on, a child of init.
    pub(super) fn launcher(self) -> u32 {
        self.0
    }

    /// As wait4 says: how the caller ended; of a pass: how loading did.
    pub(super) fn status(self) -> u32 {
        self.0 + 8
    }

    /// The last step of the preparation, and its error.
    pub(super) fn step(self) -> u32 {
        self.0 + 16
    }

    pub(super) fn error(self) -> u32 {
        self.0 + 24
    }

    /// Whether the call may be made, has begun and has returned; what it returned.
    pub(super) fn go(self) -> u32 {
        self.0 + 32
    }

    pub(super) fn begun(self) -> u32 {
        self.0 + 40
    }

    pub(super) fn returned(self) -> u32 {
        self.0 + 48
    }

    pub(super) fn result(self) -> u32 {
        self.0 + 56
    }

    /// Signals that wait.
    pub(super) fn pending(self) -> u32 {
        self.0 + 64
    }

    /// The caller has become another program.
    pub(super) fn became(self) -> u32 {
        self.0 + 72
    }

    pub(super) fn scratch(self) -> u32 {
        self.0 + 80
    }

    /// The child of a caller that has one.
    pub(super) fn child(self) -> u32 {
        self.0 + 88
    }

    /// Two 32-bit numbers that the caller shall have: in its own pid namespace, in the host's.
    pub(super) fn numbers(self) -> u32 {
        self.0 + 96
    }

    /// Process 1 of the caller's pid namespace, and the caller, as their parents know them. Nobody else writes there: they run at the same
    /// time.
    pub(super) fn first(self) -> u32 {
        self.0 + 112
    }

    pub(super) fn caller(self) -> u32 {
        self.0 + 120
    }
}

/// A status that no process ends with: it is still running.
pub(super) const NOT_ENDED: u16 = 0xffff;

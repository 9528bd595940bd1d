//! A simulated address space: memory of the kernel and of one process.
//!
//! In: objects to allocate and bytes to write. Out: addresses, and reads that fail where nothing is. Between two objects lies
//! memory that is not mapped, so a read over an object's end fails; what an object does not set holds rubbish.

use std::ops::Range;

/// Start of the kernel's objects: the direct mapping of x86_64 (Documentation/arch/x86/x86_64/mm.rst).
const KERNEL: u64 = 0xffff_8880_0000_0000;
/// Start of the process' memory.
const USER: u64 = 0x0000_7f00_0000_0000;
/// First address that is not the process': TASK_SIZE_MAX (arch/x86/include/asm/page_64.h).
pub(super) const USER_END: u64 = 0x0000_7fff_ffff_f000;
/// First address that `copy_from_kernel_nofault` looks at: one page above the process' (arch/x86/mm/maccess.c).
const KERNEL_FIRST: u64 = USER_END + PAGE;
const PAGE: u64 = 4096;
/// The page of VSYSCALL_ADDR (arch/x86/include/uapi/asm/vsyscall.h), which it does not look at since Linux 6.8.
const VSYSCALL: u64 = 0xffff_ffff_ff60_0000;
/// Bytes that are not mapped behind each object, at least.
const GAP: usize = 16;
/// What memory holds that nobody wrote.
const RUBBISH: u8 = 0xa5;

/// Who owns an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Area {
    Kernel,
    User,
}

/// Memory that is allocated from the bottom up.
#[derive(Clone, Debug)]
struct Arena {
    base: u64,
    bytes: Vec<u8>,
    /// First byte of each object, and of what is behind it.
    objects: Vec<(usize, usize)>,
    /// Which object each [`GAP`] bytes touch: not more than one, as the gaps are so long.
    owners: Vec<Option<u32>>,
}

impl Arena {
    fn new(base: u64) -> Self {
        Self {
            base,
            bytes: Vec::new(),
            objects: Vec::new(),
            owners: Vec::new(),
        }
    }

    fn alloc(&mut self, size: usize, align: usize) -> u64 {
        let start = (self.bytes.len() + GAP).next_multiple_of(align.max(1));
        self.bytes.resize(start + size, RUBBISH);
        let owner = u32::try_from(self.objects.len()).ok();
        self.objects.push((start, start + size));
        self.owners.resize(start / GAP, None);
        self.owners.resize((start + size).div_ceil(GAP), owner);
        self.base + start as u64
    }

    /// From an address to the end of the object that it lies in.
    fn rest(&self, address: u64) -> Option<Range<usize>> {
        let start = usize::try_from(address.checked_sub(self.base)?).ok()?;
        let owner = (*self.owners.get(start / GAP)?)?;
        let (first, end) = *self.objects.get(owner as usize)?;
        (first <= start && start < end).then_some(start..end)
    }

    fn range(&self, address: u64, len: usize) -> Option<Range<usize>> {
        let rest = self.rest(address)?;
        (len <= rest.len()).then(|| rest.start..rest.start + len)
    }

    fn read(&self, address: u64, len: usize) -> Option<&[u8]> {
        self.bytes.get(self.range(address, len)?)
    }

    /// Mapped bytes from an address on.
    fn tail(&self, address: u64) -> &[u8] {
        self.rest(address)
            .and_then(|rest| self.bytes.get(rest))
            .unwrap_or_default()
    }
}

/// Objects of the kernel and of the process.
#[derive(Clone, Debug)]
pub struct Memory {
    kernel: Arena,
    user: Arena,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            kernel: Arena::new(KERNEL),
            user: Arena::new(USER),
        }
    }
}

impl Memory {
    fn arena(&mut self, area: Area) -> &mut Arena {
        match area {
            Area::Kernel => &mut self.kernel,
            Area::User => &mut self.user,
        }
    }

    /// A new object full of rubbish.
    pub fn alloc(&mut self, area: Area, size: usize, align: usize) -> u64 {
        self.arena(area).alloc(size, align)
    }

    /// A new object with these bytes.
    pub fn store(&mut self, area: Area, bytes: &[u8]) -> u64 {
        let address = self.alloc(area, bytes.len(), 1);
        self.write(address, bytes);
        address
    }

    /// Overwrites a part of an object; what lies outside of objects is ignored.
    pub fn write(&mut self, address: u64, bytes: &[u8]) {
        let area = if address < USER_END {
            Area::User
        } else {
            Area::Kernel
        };
        let arena = self.arena(area);
        if let Some(range) = arena.range(address, bytes.len()) {
            arena.bytes[range].copy_from_slice(bytes);
        }
    }

    /// Kernel memory; `None` where there is none.
    pub(super) fn kernel(&self, address: u64, len: usize) -> Option<&[u8]> {
        if len == 0 && may_be_kernel(address) {
            return Some(&[]);
        }
        self.kernel.read(address, len)
    }

    /// Memory of the process; `None` where there is none.
    pub(super) fn user(&self, address: u64, len: usize) -> Option<&[u8]> {
        let end = address.checked_add(len as u64)?;
        if len == 0 && end <= USER_END {
            return Some(&[]);
        }
        self.user.read(address, len)
    }

    /// All that is mapped from an address on.
    pub(super) fn tail(&self, area: Area, address: u64) -> &[u8] {
        match area {
            Area::Kernel => self.kernel.tail(address),
            Area::User => self.user.tail(address),
        }
    }
}

/// Whether `copy_from_kernel_nofault` tries at all.
pub(super) fn may_be_kernel(address: u64) -> bool {
    address >= KERNEL_FIRST && address >> 47 == 0x1_ffff && address & !(PAGE - 1) != VSYSCALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_end_where_objects_do() {
        let mut memory = Memory::default();
        let first = memory.store(Area::Kernel, b"abc");
        let second = memory.alloc(Area::Kernel, 8, 8);
        assert!(second.is_multiple_of(8) && second >= first + 3 + GAP as u64);
        assert_eq!(memory.kernel(first, 3), Some(&b"abc"[..]));
        assert_eq!(memory.kernel(first + 1, 3), None);
        assert_eq!(memory.tail(Area::Kernel, first + 1), b"bc");
        assert_eq!(memory.kernel(second, 8), Some(&[RUBBISH; 8][..]));
        assert_eq!(memory.kernel(0, 1), None);
        assert_eq!(memory.kernel(u64::MAX, 2), None);
    }

    #[test]
    fn areas_do_not_overlap() {
        let mut memory = Memory::default();
        let (kernel, user) = (
            memory.store(Area::Kernel, b"k"),
            memory.store(Area::User, b"u"),
        );
        assert_eq!(
            (memory.kernel(user, 1), memory.user(kernel, 1)),
            (None, None)
        );
        assert_eq!(memory.user(user, 1), Some(&b"u"[..]));
        memory.write(user, b"v");
        assert_eq!(memory.user(user, 1), Some(&b"v"[..]));
        assert_eq!(memory.user(0, 0), Some(&[][..]));
        assert_eq!(memory.kernel(0, 0), None);
    }
}

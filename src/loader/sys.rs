//! The kernel's interfaces: `bpf(2)`, `perf_event_open(2)`, ring buffers, and what std lacks.
//!
//! Each function is one call with checked arguments; errors are those of the kernel. The only file with `unsafe`: the
//! layouts of structures that the kernel reads are those of include/uapi/linux/{bpf,perf_event}.h (Linux 6.12).

#![expect(unsafe_code, reason = "system calls")]

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Commands of `bpf(2)` (`enum bpf_cmd`).
#[derive(Clone, Copy)]
enum Command {
    MapCreate = 0,
    MapLookup = 1,
    MapUpdate = 2,
    ProgLoad = 5,
    ObjPin = 6,
    ObjGet = 7,
    ObjGetInfo = 15,
    RawTracepointOpen = 17,
    BtfLoad = 18,
    MapFreeze = 22,
    LinkCreate = 28,
}

/// Calls `bpf(2)` with an attribute structure.
fn bpf<T>(command: Command, attr: &mut T) -> io::Result<i64> {
    // SAFETY: `attr` is a live structure of the size that is passed; the kernel treats missing bytes as zero.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_int,
            std::ptr::from_mut(attr),
            size_of::<T>(),
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn bpf_fd<T>(command: Command, attr: &mut T) -> io::Result<OwnedFd> {
    let fd = bpf(command, attr)?;
    let fd = i32::try_from(fd).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    // SAFETY: the call returned a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn address<T>(slice: &[T]) -> u64 {
    slice.as_ptr() as u64
}

fn length<T>(slice: &[T]) -> u32 {
    u32::try_from(slice.len()).unwrap_or(u32::MAX)
}

/// A name as the kernel keeps it: at most 15 characters of `[A-Za-z0-9_.]`.
fn object_name(name: &str) -> [u8; 16] {
    let mut out = [0; 16];
    let kept = name.bytes().map(|b| {
        if b.is_ascii_alphanumeric() || b == b'_' || b == b'.' {
            b
        } else {
            b'_'
        }
    });
    out.iter_mut()
        .take(15)
        .zip(kept)
        .for_each(|(to, from)| *to = from);
    out
}

/// A map to create.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewMap<'a> {
    pub(super) name: &'a str,
    /// `enum bpf_map_type`.
    pub(super) kind: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    /// `BPF_F_*`.
    pub(super) flags: u32,
}

pub(super) fn create_map(map: &NewMap<'_>) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attr {
        kind: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        flags: u32,
        inner_map_fd: u32,
        numa_node: u32,
        name: [u8; 16],
    }
    bpf_fd(
        Command::MapCreate,
        &mut Attr {
            kind: map.kind,
            key_size: map.key_size,
            value_size: map.value_size,
            max_entries: map.max_entries,
            flags: map.flags,
            inner_map_fd: 0,
            numa_node: 0,
            name: object_name(map.name),
        },
    )
}

#[repr(C)]
struct ElementAttr {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Sets the value of a key in a map whose keys and values have the sizes of the slices.
pub(super) fn update(map: BorrowedFd<'_>, key: &[u8], value: &[u8]) -> io::Result<()> {
    let mut attr = ElementAttr {
        map_fd: map.as_raw_fd().cast_unsigned(),
        pad: 0,
        key: address(key),
        value: address(value),
        flags: 0,
    };
    bpf(Command::MapUpdate, &mut attr).map(|_| ())
}

/// Reads the value of a key; `value` must have the size of the map's values (of all processors for per-CPU maps).
pub(super) fn lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> io::Result<()> {
    let mut attr = ElementAttr {
        map_fd: map.as_raw_fd().cast_unsigned(),
        pad: 0,
        key: address(key),
        value: value.as_mut_ptr() as u64,
        flags: 0,
    };
    bpf(Command::MapLookup, &mut attr).map(|_| ())
}

/// The sum over all processors of a 64-bit number in a per-CPU array.
pub(super) fn per_cpu_sum(map: BorrowedFd<'_>, index: u32) -> io::Result<u64> {
    let mut value = vec![0; 8 * possible_processors()?];
    lookup(map, &index.to_ne_bytes(), &mut value)?;
    let words = value.as_chunks::<8>().0.iter();
    Ok(words.fold(0, |sum: u64, word| {
        sum.wrapping_add(u64::from_ne_bytes(*word))
    }))
}

/// Sets a 64-bit number in a per-CPU array, so that its sum is `value`.
pub(super) fn set_per_cpu_sum(map: BorrowedFd<'_>, index: u32, value: u64) -> io::Result<()> {
    let mut values = vec![0; 8 * possible_processors()?];
    values[..8].copy_from_slice(&value.to_ne_bytes());
    update(map, &index.to_ne_bytes(), &values)
}

/// How many values a per-CPU map has for each key: the last number of `0-7` plus one.
fn possible_processors() -> io::Result<usize> {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/possible")?;
    let last = text
        .trim()
        .rsplit([',', '-'])
        .next()
        .and_then(|digits| digits.parse::<usize>().ok());
    last.map(|last| last + 1)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Bytes of a map's values, by `struct bpf_map_info`.
pub(super) fn value_size(map: BorrowedFd<'_>) -> io::Result<u32> {
    map_info(map).map(|info| info[3])
}

/// Greatest number of a map's entries; bytes of a ring buffer.
pub(super) fn max_entries(map: BorrowedFd<'_>) -> io::Result<u32> {
    map_info(map).map(|info| info[4])
}

/// The first members of `struct bpf_map_info`: type, id, key size, value size, entries.
fn map_info(map: BorrowedFd<'_>) -> io::Result<[u32; 5]> {
    #[repr(C)]
    struct Attr {
        fd: u32,
        len: u32,
        info: u64,
    }
    let mut info = [0_u32; 5];
    let mut attr = Attr {
        fd: map.as_raw_fd().cast_unsigned(),
        len: size_of::<[u32; 5]>() as u32,
        info: info.as_mut_ptr() as u64,
    };
    bpf(Command::ObjGetInfo, &mut attr)?;
    Ok(info)
}

/// Makes a map read-only for user space, for good.
pub(super) fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    #[repr(C)]
    struct Attr {
        map_fd: u32,
    }
    bpf(
        Command::MapFreeze,
        &mut Attr {
            map_fd: map.as_raw_fd().cast_unsigned(),
        },
    )
    .map(|_| ())
}

/// `BTF` in the kernel.
pub(super) fn load_btf(bytes: &[u8]) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attr {
        btf: u64,
        log_buf: u64,
        btf_size: u32,
        log_size: u32,
        log_level: u32,
        pad: u32,
    }
    let mut attr = Attr {
        btf: address(bytes),
        log_buf: 0,
        btf_size: length(bytes),
        log_size: 0,
        log_level: 0,
        pad: 0,
    };
    bpf_fd(Command::BtfLoad, &mut attr)
}

/// Kinds of programs (`enum bpf_prog_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProgramKind {
    Kprobe = 2,
    Tracing = 26,
}

/// Where a tracing program runs (`enum bpf_attach_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TracePoint {
    /// Not a tracing program.
    None = 0,
    Entry = 24,
    Exit = 25,
    ModifyReturn = 26,
}

/// A program to load.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewProgram<'a> {
    pub(super) name: &'a str,
    pub(super) kind: ProgramKind,
    pub(super) at: TracePoint,
    /// BTF id of the function that a tracing program attaches to.
    pub(super) function: u32,
    /// Instructions of eight bytes.
    pub(super) code: &'a [u8],
    pub(super) license: &'a str,
    /// The BTF that function and line records refer to.
    pub(super) btf: Option<BorrowedFd<'a>>,
    /// Records of `struct bpf_func_info`.
    pub(super) functions: &'a [[u32; 2]],
    /// Records of `struct bpf_line_info`.
    pub(super) lines: &'a [[u32; 4]],
}

/// Bytes for the verifier's log, as many as every kernel takes: before 6.4 it has to fit whole, or its end, where the reason
/// stands, is missing (`bpf_verifier_log_attr_valid`).
const LOG: usize = (1 << 24) - 1;

/// Loads a program; a refusal comes with the verifier's log.
pub(super) fn load_program(program: &NewProgram<'_>) -> Result<OwnedFd, (io::Error, String)> {
    match load_logged(program, &mut []) {
        Ok(fd) => Ok(fd),
        Err(error) => {
            // Once more for the log: it costs the verifier time, so only when something is wrong. A log that is too long is an error
            // of its own and not why the program was refused.
            let mut log = vec![0; LOG];
            let _ = load_logged(program, &mut log);
            let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
            Err((error, String::from_utf8_lossy(&log[..end]).into_owned()))
        }
    }
}

fn load_logged(program: &NewProgram<'_>, log: &mut [u8]) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attr {
        kind: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log_buf: u64,
        kern_version: u32,
        flags: u32,
        name: [u8; 16],
        ifindex: u32,
        expected_attach_type: u32,
        btf_fd: u32,
        func_info_rec_size: u32,
        func_info: u64,
        func_info_cnt: u32,
        line_info_rec_size: u32,
        line_info: u64,
        line_info_cnt: u32,
        attach_btf_id: u32,
    }
    let license = CString::new(program.license)?;
    let records = program.btf.is_some();
    let mut attr = Attr {
        kind: program.kind as u32,
        insn_cnt: length(program.code) / 8,
        insns: address(program.code),
        license: license.as_ptr() as u64,
        log_level: u32::from(!log.is_empty()),
        log_size: length(log),
        log_buf: if log.is_empty() {
            0
        } else {
            log.as_mut_ptr() as u64
        },
        kern_version: 0,
        flags: 0,
        name: object_name(program.name),
        ifindex: 0,
        expected_attach_type: program.at as u32,
        btf_fd: program.btf.map_or(0, |fd| fd.as_raw_fd().cast_unsigned()),
        func_info_rec_size: if records { 8 } else { 0 },
        func_info: if records {
            address(program.functions)
        } else {
            0
        },
        func_info_cnt: if records {
            length(program.functions)
        } else {
            0
        },
        line_info_rec_size: if records { 16 } else { 0 },
        line_info: if records { address(program.lines) } else { 0 },
        line_info_cnt: if records { length(program.lines) } else { 0 },
        attach_btf_id: program.function,
    };
    bpf_fd(Command::ProgLoad, &mut attr)
}

/// Attaches a tracing program where it was loaded for.
pub(super) fn attach_tracing(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attr {
        name: u64,
        prog_fd: u32,
        pad: u32,
    }
    bpf_fd(
        Command::RawTracepointOpen,
        &mut Attr {
            name: 0,
            prog_fd: program.as_raw_fd().cast_unsigned(),
            pad: 0,
        },
    )
}

/// Attaches a kprobe program to a perf event.
pub(super) fn attach_perf(program: BorrowedFd<'_>, event: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    /// `BPF_PERF_EVENT` of `enum bpf_attach_type`.
    const PERF_EVENT: u32 = 41;
    #[repr(C)]
    struct Attr {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        cookie: u64,
    }
    let mut attr = Attr {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_fd: event.as_raw_fd().cast_unsigned(),
        attach_type: PERF_EVENT,
        flags: 0,
        cookie: 0,
    };
    bpf_fd(Command::LinkCreate, &mut attr)
}

/// A perf event for a probe on a kernel function's entry or return. `kind` is that of the machine's kprobe events
/// (`/sys/bus/event_source/devices/kprobe/type`).
pub(super) fn open_kprobe(kind: u32, function: &str, returns: bool) -> io::Result<OwnedFd> {
    /// `PERF_FLAG_FD_CLOEXEC`.
    const FD_CLOEXEC: libc::c_ulong = 1 << 3;
    /// `struct perf_event_attr` up to `PERF_ATTR_SIZE_VER1`.
    #[repr(C)]
    #[derive(Default)]
    struct Attr {
        kind: u32,
        size: u32,
        config: u64,
        sample_period: u64,
        sample_type: u64,
        read_format: u64,
        flags: u64,
        wakeup_events: u32,
        bp_type: u32,
        /// `kprobe_func`.
        config1: u64,
        /// `probe_offset`.
        config2: u64,
    }
    let function = CString::new(function)?;
    let attr = Attr {
        kind,
        size: size_of::<Attr>() as u32,
        config: u64::from(returns),
        config1: function.as_ptr() as u64,
        ..Attr::default()
    };
    // SAFETY: `attr` and the name it points to live until the call returns.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attr,
            -1 as libc::pid_t,
            0 as libc::c_int,
            -1 as libc::c_int,
            FD_CLOEXEC,
        )
    };
    match i32::try_from(fd) {
        // SAFETY: the call returned a new descriptor that nobody else owns.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[repr(C)]
struct ObjAttr {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Keeps a map, program or link under a path on bpffs.
pub(super) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let mut attr = ObjAttr {
        pathname: path.as_ptr() as u64,
        bpf_fd: object.as_raw_fd().cast_unsigned(),
        file_flags: 0,
    };
    bpf(Command::ObjPin, &mut attr).map(|_| ())
}

/// Opens what is kept under a path on bpffs.
pub(super) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    bpf_fd(
        Command::ObjGet,
        &mut ObjAttr {
            pathname: path.as_ptr() as u64,
            bpf_fd: 0,
            file_flags: 0,
        },
    )
}

/// Whether a path lies on bpffs.
pub(super) fn is_bpffs(path: &Path) -> io::Result<bool> {
    /// `BPF_FS_MAGIC` (include/uapi/linux/magic.h).
    const MAGIC: i64 = 0xcafe_4a11;
    let path = c_path(path)?;
    let mut stat = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: both pointers are valid for the call.
    let result = unsafe { libc::statfs(path.as_ptr(), stat.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded and filled the structure.
    Ok(unsafe { stat.assume_init() }.f_type == MAGIC)
}

/// Waits for an exclusive lock on an open file or directory; it lasts until the file is closed.
pub(super) fn lock(file: &File) -> io::Result<()> {
    loop {
        // SAFETY: the descriptor is open.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Takes an exclusive lock on an open file if nobody holds it.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    // SAFETY: the descriptor is open.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

/// The effective user.
pub(super) fn euid() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

/// `uname -n`.
pub(super) fn host_name() -> String {
    uname(|name| &name.nodename)
}

fn uname(part: fn(&libc::utsname) -> &[libc::c_char; 65]) -> String {
    let mut name = std::mem::MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the pointer is valid; a zeroed structure is valid too.
    let name = unsafe {
        libc::uname(name.as_mut_ptr());
        name.assume_init()
    };
    let bytes: Vec<u8> = part(&name)
        .iter()
        .take_while(|&&c| c != 0)
        .map(|&c| c.cast_unsigned())
        .collect();
    OsStr::from_bytes(&bytes).to_string_lossy().into_owned()
}

/// Nanoseconds that the wall clock is ahead of the time since boot.
pub(super) fn boot_offset() -> i128 {
    // An interruption between two readings would shift the times of all events, so the closest readings of some count.
    let reading = |_| {
        let before = clock(libc::CLOCK_BOOTTIME);
        let wall = clock(libc::CLOCK_REALTIME);
        let after = clock(libc::CLOCK_BOOTTIME);
        (after - before, wall - (before + after) / 2)
    };
    (0..8).map(reading).min().map_or(0, |(_, offset)| offset)
}

fn clock(id: libc::clockid_t) -> i128 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is valid; these clocks always exist.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// Waits until one of the descriptors is readable, at most so long.
pub(super) fn wait_readable(fds: &[BorrowedFd<'_>], timeout: Duration) -> io::Result<()> {
    let mut polls: Vec<libc::pollfd> = fds
        .iter()
        .map(|fd| libc::pollfd {
            fd: fd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the array lives until the call returns.
    let result = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, timeout) };
    match result {
        0.. => Ok(()),
        _ => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            error => Err(error),
        },
    }
}

/// Raises the limit of locked memory, from which kernels before 5.11 take that of maps and programs.
pub(super) fn raise_memlock() {
    let unlimited = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the pointer is valid. A refusal shows later, as the error of what needs the memory.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const unlimited) };
}

/// Raises the number of files that this process may open to what it may have: each policy takes about ten.
pub(super) fn raise_files() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointers are valid. A refusal shows later, as the error of what needs a file.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// The reader's side of a ring buffer (kernel/bpf/ringbuf.c, Linux 6.12).
///
/// Pages: the consumer's position, the producer's, then the data twice in a row, so that each record is contiguous.
pub(super) struct Ring {
    fd: OwnedFd,
    base: *mut u8,
    page: usize,
    size: usize,
}

/// Flags in the length of a record.
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
/// Bytes in front of each record.
const RECORD_HEAD: usize = 8;

impl Ring {
    /// Maps a ring buffer map of `size` bytes.
    pub(super) fn open(fd: OwnedFd, size: usize) -> io::Result<Self> {
        // SAFETY: no arguments beyond a constant.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        let total = 2 * page + 2 * size;
        // SAFETY: a reservation of addresses at a place of the kernel's choice.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                total,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let ring = Self {
            fd,
            base: base.cast(),
            page,
            size,
        };
        ring.map_at(0, page, libc::PROT_READ | libc::PROT_WRITE)?;
        ring.map_at(page, page + 2 * size, libc::PROT_READ)?;
        Ok(ring)
    }

    /// Maps bytes of the buffer over the reservation.
    fn map_at(&self, offset: usize, bytes: usize, protection: i32) -> io::Result<()> {
        // SAFETY: the range lies inside the reservation that `self` owns.
        let at = unsafe {
            libc::mmap(
                self.base.add(offset).cast(),
                bytes,
                protection,
                libc::MAP_SHARED | libc::MAP_FIXED,
                self.fd.as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if at == libc::MAP_FAILED {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    fn position(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: an aligned word of a page that stays mapped as long as `self`; the kernel writes it atomically.
        unsafe { AtomicU64::from_ptr(self.base.add(offset).cast()) }
    }

    /// Hands every record that is ready to `take`, in order.
    pub(super) fn drain(&mut self, mut take: impl FnMut(&[u8])) {
        let mut at = self.position(0).load(Ordering::Relaxed);
        while at < self.position(self.page).load(Ordering::Acquire) {
            let offset = at as usize & (self.size - 1);
            let data = 2 * self.page + offset;
            // SAFETY: records are aligned to eight bytes and start inside the data, which is mapped twice in a row.
            let head =
                unsafe { AtomicU32::from_ptr(self.base.add(data).cast()) }.load(Ordering::Acquire);
            if head & BUSY != 0 {
                return;
            }
            let len = (head & !(BUSY | DISCARDED)) as usize;
            if len > self.size - RECORD_HEAD {
                // Not possible unless somebody else wrote to the buffer: give up what is in it.
                at = self.position(self.page).load(Ordering::Acquire);
                self.position(0).store(at, Ordering::Release);
                return;
            }
            if head & DISCARDED == 0 {
                // SAFETY: `len` bytes from here lie inside the doubled data, and the kernel does not write to them
                // before the consumer's position has passed.
                take(unsafe { std::slice::from_raw_parts(self.base.add(data + RECORD_HEAD), len) });
            }
            at += (len + RECORD_HEAD).next_multiple_of(8) as u64;
            self.position(0).store(at, Ordering::Release);
        }
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the reservation of `open`, which nothing refers to any more.
        unsafe { libc::munmap(self.base.cast(), 2 * self.page + 2 * self.size) };
    }
}

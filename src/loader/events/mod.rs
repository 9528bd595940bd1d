//! The events of loaded policies, as lines of JSON.
//!
//! In: the ring buffers and counters of every generation on bpffs. Out: one line for each event, in the order of its buffer; a line for events
//! that were lost. The entry and the return of a call are two records, joined here. The kernel never waits for the reader: what finds no
//! room is counted.

mod args;
mod json;
mod pending;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::Error;
use super::meta::Meta;
use super::pins::{self, Generation, Root};
use super::sys::{self, Ring};
use crate::bundle::{Record, sha256};
use json::{Context, Source};
use pending::Pending;

/// Entries of the map `lost`: events that found no room, counted by the programs; how many of them readers have reported.
const LOST: u32 = 0;
const REPORTED: u32 = 1;
/// How often policies that came or went, and lost events, are looked for.
const RESCAN: Duration = Duration::from_secs(1);

/// Which events, and for how long.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only those of these policies; all if empty.
    pub policies: Vec<String>,
    /// Print what is there and end.
    pub once: bool,
}

/// Streams events until the output is closed.
pub fn stream(options: &Options, out: &mut dyn Write) -> Result<(), Error> {
    match run(options, out) {
        Err(Error::Kernel { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Error> {
    let mut reader = Reader::new(options)?;
    loop {
        reader.rescan(out)?;
        written(reader.drain(out).and_then(|()| reader.count_lost(out)))?;
        if options.once {
            return written(reader.finish(out));
        }
        written(out.flush())?;
        let until = Instant::now() + RESCAN;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            reader.wait(left)?;
            written(reader.drain(out).and_then(|()| out.flush()))?;
        }
    }
}

fn written(result: io::Result<()>) -> Result<(), Error> {
    result.map_err(Error::kernel("write events"))
}

struct Reader<'a> {
    options: &'a Options,
    context: Context,
    generations: BTreeMap<Identity, Tap>,
}

/// Path and inode of a generation: a policy that is loaded again may get the path of an earlier one.
type Identity = (PathBuf, u64);

/// One generation that is read.
struct Tap {
    meta: Meta,
    /// `None` for a policy that reports nothing.
    ring: Option<Ring>,
    lost: Option<OwnedFd>,
    /// Lost events that were reported, by this reader or one before it.
    reported: u64,
    pending: Pending,
    /// The generation's directory, locked: a ring has one reader.
    _lock: File,
}

impl<'a> Reader<'a> {
    fn new(options: &'a Options) -> Result<Self, Error> {
        let node = ["NODE_NAME", "HUBBLE_NODE_NAME"]
            .iter()
            .find_map(|name| std::env::var(name).ok());
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let secret = u64::from_str_radix(&sha256(&boot)[..16], 16).unwrap_or(0);
        let context = Context {
            node: node
                .filter(|name| !name.is_empty())
                .unwrap_or_else(sys::host_name),
            offset: sys::boot_offset(),
            secret,
        };
        Ok(Self {
            options,
            context,
            generations: BTreeMap::new(),
        })
    }

    /// Opens generations that came and closes those that went, when they are empty.
    fn rescan(&mut self, out: &mut dyn Write) -> Result<(), Error> {
        let found = current()?;
        let mut known = std::mem::take(&mut self.generations);
        for identity in found {
            if let Some(tap) = known.remove(&identity) {
                self.generations.insert(identity, tap);
                continue;
            }
            // One that is being removed has no whole content any more.
            let Ok(meta) = Meta::read(&identity.0) else {
                continue;
            };
            let wanted = &self.options.policies;
            if wanted.is_empty() || wanted.contains(&meta.manifest.policy) {
                let tap = Tap::open(meta, &identity.0)?;
                self.generations.insert(identity, tap);
            }
        }
        known.into_values().try_for_each(|mut gone| {
            written(gone.drain(&self.context, out))?;
            written(gone.count_lost(&self.context, out))?;
            written(gone.finish(&self.context, out))
        })
    }

    fn drain(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.generations
            .values_mut()
            .try_for_each(|tap| tap.drain(&self.context, out))
    }

    fn count_lost(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.generations
            .values_mut()
            .try_for_each(|tap| tap.count_lost(&self.context, out))
    }

    /// Prints what would wait for more, and what is buffered.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.generations
            .values_mut()
            .try_for_each(|tap| tap.finish(&self.context, out))?;
        out.flush()
    }

    fn wait(&self, timeout: Duration) -> Result<(), Error> {
        let rings = self
            .generations
            .values()
            .filter_map(|tap| tap.ring.as_ref());
        let fds: Vec<_> = rings.map(AsFd::as_fd).collect();
        sys::wait_readable(&fds, timeout).map_err(Error::kernel("wait for events"))
    }
}

/// The generations that are loaded now.
fn current() -> Result<Vec<Identity>, Error> {
    let Some(root) = Root::peek()? else {
        return Ok(Vec::new());
    };
    let found = pins::all(&root)?.into_iter();
    // One without an inode has just gone.
    let identity = |generation: Generation| {
        let inode = std::fs::metadata(&generation.path).ok()?.ino();
        Some((generation.path, inode))
    };
    Ok(found.filter_map(identity).collect())
}

impl Tap {
    fn open(meta: Meta, generation: &Path) -> Result<Self, Error> {
        let what = || Error::kernel(format!("lock `{}`", generation.display()));
        let lock = File::open(generation).map_err(what())?;
        if !sys::try_lock(&lock).map_err(what())? {
            return Err(Error::Busy(meta.manifest.policy));
        }
        let open = |map: &str| {
            let path = generation.join(pins::pin_name("map", map));
            if !path.exists() {
                return Ok(None);
            }
            sys::open_pin(&path)
                .map(Some)
                .map_err(Error::kernel(format!("open `{}`", path.display())))
        };
        let ring = match open("events")? {
            None => None,
            Some(fd) => {
                let what = || Error::kernel("map the ring buffer");
                let size = sys::max_entries(fd.as_fd()).map_err(what())?;
                Some(Ring::open(fd, size as usize).map_err(what())?)
            }
        };
        let lost = open("lost")?;
        let reported = lost
            .as_ref()
            .map(|map| sys::per_cpu_sum(map.as_fd(), REPORTED));
        Ok(Self {
            meta,
            ring,
            lost,
            reported: reported.and_then(Result::ok).unwrap_or(0),
            pending: Pending::default(),
            _lock: lock,
        })
    }

    fn source(&self, record: &Record) -> Option<Source<'_>> {
        let hook = self.meta.manifest.hooks.get(record.hook)?;
        let function = match self.meta.attached.get(record.hook)? {
            Some(attachment) => &attachment.target,
            None => &hook.call,
        };
        Some(Source {
            policy: &self.meta.manifest.policy,
            function,
            hook,
        })
    }

    fn drain(&mut self, context: &Context, out: &mut dyn Write) -> io::Result<()> {
        let mut records = Vec::new();
        if let Some(ring) = &mut self.ring {
            ring.drain(|bytes| records.extend(Record::decode(bytes)));
        }
        records
            .into_iter()
            .try_for_each(|record| self.take(record, context, out))
    }

    fn take(&mut self, record: Record, context: &Context, out: &mut dyn Write) -> io::Result<()> {
        if record.returns {
            let entry = self.pending.take(&record);
            let Some(entry) = entry else {
                return Ok(());
            };
            return self.print(&entry, Some(&record), context, out);
        }
        if self
            .source(&record)
            .is_some_and(|source| source.hook.ret.is_some())
        {
            return match self.pending.put(record) {
                Some(evicted) => self.print_unreturned(&evicted, context, out),
                None => Ok(()),
            };
        }
        self.print(&record, None, context, out)
    }

    fn print(
        &self,
        entry: &Record,
        returned: Option<&Record>,
        context: &Context,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let section = returned.and_then(|record| record.sections.first());
        let line = self
            .source(entry)
            .and_then(|source| json::event(source, entry, section, context));
        match line {
            Some(line) => writeln!(out, "{line}"),
            None => Ok(()),
        }
    }

    /// An entry whose return was not seen: shown without it, unless a filter on the return decides.
    fn print_unreturned(
        &self,
        entry: &Record,
        context: &Context,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let hook = self.meta.manifest.hooks.get(entry.hook);
        let selector = hook.and_then(|hook| hook.selectors.get(entry.selector));
        if selector.is_some_and(|selector| selector.filters_return) {
            return Ok(());
        }
        self.print(entry, None, context, out)
    }

    fn finish(&mut self, context: &Context, out: &mut dyn Write) -> io::Result<()> {
        let rest = self.pending.drain();
        rest.iter()
            .try_for_each(|entry| self.print_unreturned(entry, context, out))
    }

    fn count_lost(&mut self, context: &Context, out: &mut dyn Write) -> io::Result<()> {
        let Some(counter) = &self.lost else {
            return Ok(());
        };
        let count = sys::per_cpu_sum(counter.as_fd(), LOST).unwrap_or(self.reported);
        let fresh = count.saturating_sub(self.reported);
        if fresh == 0 {
            return Ok(());
        }
        self.reported = count;
        writeln!(
            out,
            "{}",
            json::lost(&self.meta.manifest.policy, fresh, context)
        )?;
        // Where this fails, the next reader reports the same once more.
        let _ = sys::set_per_cpu_sum(counter.as_fd(), REPORTED, count);
        Ok(())
    }
}

/// The lines of some records of a policy that is loaded.
pub(super) fn lines(manifest: &crate::bundle::Manifest, records: &[&[u8]]) -> io::Result<Vec<u8>> {
    let mut tap = Tap {
        meta: Meta {
            manifest: manifest.clone(),
            attached: manifest.hooks.iter().map(|_| None).collect(),
        },
        ring: None,
        lost: None,
        reported: 0,
        pending: Pending::default(),
        _lock: File::open("/dev/null")?,
    };
    let context = Context {
        node: "node".to_owned(),
        offset: 0,
        secret: 0,
    };
    let mut out = Vec::new();
    for record in records.iter().filter_map(|bytes| Record::decode(bytes)) {
        tap.take(record, &context, &mut out)?;
    }
    tap.finish(&context, &mut out)?;
    Ok(out)
}

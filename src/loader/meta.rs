//! What is remembered of a loaded policy: its manifest and how its hooks are attached.
//!
//! It lies in a frozen one-entry map beside the programs, so it appears, disappears and is protected like them. Value: the
//! length of what follows (`u32`, little endian), then compressed JSON.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::sys::{self, NewMap};
use crate::bundle::{Attach, Manifest};

/// Pin of the map.
pub(super) const PIN: &str = "meta";
/// Longest value, and longest text, that are believed.
const MAX: usize = 64 << 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) manifest: Manifest,
    /// One for each hook of the manifest.
    pub(super) attached: Vec<Attached>,
}

/// How a hook is attached; `None` where the kernel lacks the function of an optional hook.
pub(super) type Attached = Option<Attachment>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Attachment {
    pub(super) attach: Attach,
    pub(super) target: String,
}

impl Meta {
    /// A frozen map with this content.
    pub(super) fn store(&self) -> Result<OwnedFd, Error> {
        let value = self
            .encode()
            .map_err(Error::kernel("compress the manifest"))?;
        let map = NewMap {
            name: "tpc_meta",
            kind: 2, // BPF_MAP_TYPE_ARRAY
            key_size: 4,
            value_size: u32::try_from(value.len()).unwrap_or(u32::MAX),
            max_entries: 1,
            flags: 0,
        };
        let what = || Error::kernel("store the manifest");
        let fd = sys::create_map(&map).map_err(what())?;
        sys::update(fd.as_fd(), &[0; 4], &value).map_err(what())?;
        sys::freeze(fd.as_fd()).map_err(what())?;
        Ok(fd)
    }

    fn encode(&self) -> std::io::Result<Vec<u8>> {
        let mut encoder = DeflateEncoder::new(vec![0; 4], Compression::best());
        serde_json::to_writer(&mut encoder, self)?;
        encoder.flush()?;
        let mut value = encoder.finish()?;
        let len = u32::try_from(value.len() - 4).unwrap_or(0);
        value[..4].copy_from_slice(&len.to_le_bytes());
        value.resize(value.len().next_multiple_of(8), 0);
        Ok(value)
    }

    /// The content of a generation's map.
    pub(super) fn read(generation: &Path) -> Result<Self, Error> {
        let path = generation.join(PIN);
        let untrusted = || Error::Untrusted {
            path: path.clone(),
            why: "is not what the loader stores there",
        };
        let fd =
            sys::open_pin(&path).map_err(Error::kernel(format!("open `{}`", path.display())))?;
        let size = sys::value_size(fd.as_fd())
            .map_err(Error::kernel(format!("read `{}`", path.display())))?;
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= MAX)
            .ok_or_else(untrusted)?;
        let mut value = vec![0; size];
        sys::lookup(fd.as_fd(), &[0; 4], &mut value)
            .map_err(Error::kernel(format!("read `{}`", path.display())))?;
        Self::decode(&value).ok_or_else(untrusted)
    }

    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (len, rest) = value.split_first_chunk::<4>()?;
        let packed = rest.get(..u32::from_le_bytes(*len) as usize)?;
        let mut text = Vec::new();
        DeflateDecoder::new(packed)
            .take(MAX as u64)
            .read_to_end(&mut text)
            .ok()?;
        serde_json::from_slice(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Arch, FORMAT, Memory};

    #[test]
    fn it_reads_as_it_was_stored_and_cut_values_do_not() {
        let manifest = Manifest {
            format: FORMAT,
            compiler: "tpc".to_owned(),
            policy: "p".to_owned(),
            arch: Arch::X86_64,
            files: Vec::new(),
            memory: Memory {
                fixed: 0,
                per_cpu: 0,
            },
            hooks: Vec::new(),
            host_namespaces: Vec::new(),
        };
        let attachment = Attachment {
            attach: Attach::Fentry,
            target: "tcp_connect".to_owned(),
        };
        let meta = Meta {
            manifest: manifest.clone(),
            attached: vec![Some(attachment), None],
        };
        let value = meta.encode().expect("memory can be written");
        assert_eq!(Meta::decode(&value).expect("a value").manifest, manifest);
        for len in 0..value.len() - 8 {
            assert!(Meta::decode(&value[..len]).is_none(), "cut at {len}");
        }
    }
}

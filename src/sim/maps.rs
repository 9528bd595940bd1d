//! Maps as the kernel's: per-CPU and plain arrays, LRU hashes, ring buffers.
//!
//! In: the maps of an object. Out: values at addresses, whose bounds are checked. Holds: a map that the kernel would refuse is an
//! error; values keep what earlier calls left in them. One processor is simulated.

use std::collections::BTreeMap;

use crate::object;

/// Address of the first value of map 0.
const VALUES: u64 = 0xffff_c980_0000_0000;
/// Distance of the values of two maps.
const STRIDE: u64 = 1 << 32;
/// Largest key of a hash: MAX_BPF_STACK (kernel/bpf/hashtab.c, Linux 5.10).
const MAX_KEY: u32 = 512;
/// Ring buffers have whole pages (`ringbuf_map_alloc`, kernel/bpf/ringbuf.c).
const PAGE: u32 = 4096;

/// `enum bpf_map_type`, include/uapi/linux/bpf.h.
const ARRAY: u32 = 2;
const PERCPU_ARRAY: u32 = 6;
const LRU_HASH: u32 = 9;
const RINGBUF: u32 = 27;

/// One map.
#[derive(Clone, Debug)]
struct Map {
    name: String,
    kind: u32,
    key_size: usize,
    value_size: usize,
    max_entries: usize,
    /// Whether programs must not write.
    constant: bool,
    values: Vec<u8>,
    /// Of a hash: place of each key's value, and when it was last used.
    keys: BTreeMap<Vec<u8>, (usize, u64)>,
    /// Places of keys that were deleted.
    free: Vec<usize>,
    clock: u64,
}

/// All maps of an object.
#[derive(Clone, Debug)]
pub(super) struct Maps(Vec<Map>);

/// Name of the map that counts what the ring buffer had no room for.
const LOST: &str = "lost";

/// A place in a map's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    map: usize,
    /// Byte of all values.
    at: usize,
}

impl Maps {
    /// Creates the maps; the error says which one the kernel would refuse.
    pub(super) fn new(maps: &[object::Map]) -> Result<Self, String> {
        maps.iter()
            .map(Map::new)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Overwrites a part of the constants.
    pub(super) fn set_constant(&mut self, at: usize, bytes: &[u8]) -> Result<(), String> {
        let constants = self.0.iter_mut().find(|map| map.constant);
        let place = constants.and_then(|map| map.values.get_mut(at..at + bytes.len()));
        place.ok_or("no such constant")?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn lookup(&mut self, map: usize, key: &[u8]) -> Result<Option<u64>, String> {
        let of = self.map(map)?;
        let slot = match of.kind {
            ARRAY | PERCPU_ARRAY => {
                let index = key
                    .try_into()
                    .map_or(usize::MAX, |key| u32::from_le_bytes(key) as usize);
                (index < of.max_entries).then_some(index)
            }
            LRU_HASH => of.touch(key),
            kind => return Err(format!("a look-up in a map of type {kind}")),
        };
        Ok(slot.map(|slot| address(map, slot * of.value_size)))
    }

    pub(super) fn update(&mut self, map: usize, key: &[u8], value: &[u8]) -> Result<(), String> {
        let of = self.map(map)?;
        if of.kind != LRU_HASH {
            return Err("an update of something that is no hash".to_owned());
        }
        let slot = of.touch(key).unwrap_or_else(|| of.insert(key));
        of.values[slot * of.value_size..][..of.value_size].copy_from_slice(value);
        Ok(())
    }

    /// Whether the key was there.
    pub(super) fn delete(&mut self, map: usize, key: &[u8]) -> Result<bool, String> {
        let of = self.map(map)?;
        match of.kind {
            LRU_HASH => {
                let gone = of.keys.remove(key).map(|(slot, _)| slot);
                of.free.extend(gone);
                Ok(gone.is_some())
            }
            _ => Err("a deletion from something that is no hash".to_owned()),
        }
    }

    /// Reports that the programs have counted as lost.
    pub(super) fn lost(&self) -> u64 {
        let map = self.0.iter().find(|map| map.name == LOST);
        let count = map.and_then(|map| map.values.first_chunk::<8>());
        count.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    pub(super) fn sizes(&self, map: usize) -> Option<(usize, usize)> {
        self.0.get(map).map(|map| (map.key_size, map.value_size))
    }

    /// Bytes of a ring buffer; `None` for other maps.
    pub(super) fn ring(&self, map: usize) -> Option<usize> {
        let ring = self.0.get(map).filter(|map| map.kind == RINGBUF)?;
        Some(ring.max_entries)
    }

    /// Address of a byte of the only value of an array (`array_map_direct_value_addr`, kernel/bpf/arraymap.c).
    pub(super) fn value(&self, map: usize, offset: u32) -> Option<u64> {
        let of = self.0.get(map)?;
        let offset = offset as usize;
        let inside = of.kind == ARRAY && of.max_entries == 1 && offset < of.value_size;
        inside.then(|| address(map, offset))
    }

    /// The place behind an address, if all bytes lie in one value.
    pub(super) fn spot(&self, address: u64, len: usize) -> Option<Spot> {
        let from = address.checked_sub(VALUES)?;
        let (map, at) = (
            usize::try_from(from / STRIDE).ok()?,
            usize::try_from(from % STRIDE).ok()?,
        );
        let of = self.0.get(map)?;
        let inside = of.value_size > 0
            && at % of.value_size + len <= of.value_size
            && at + len <= of.values.len();
        inside.then_some(Spot { map, at })
    }

    /// From an address to the end of the value that it lies in.
    pub(super) fn tail(&self, address: u64) -> Option<&[u8]> {
        let spot = self.spot(address, 1)?;
        let size = self.0[spot.map].value_size;
        Some(self.read(spot, size - spot.at % size))
    }

    pub(super) fn read(&self, spot: Spot, len: usize) -> &[u8] {
        &self.0[spot.map].values[spot.at..spot.at + len]
    }

    pub(super) fn write(&mut self, spot: Spot, bytes: &[u8]) -> Result<(), String> {
        let map = &mut self.0[spot.map];
        if map.constant {
            return Err("a write to constants".to_owned());
        }
        map.values[spot.at..spot.at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn map(&mut self, map: usize) -> Result<&mut Map, String> {
        self.0.get_mut(map).ok_or_else(|| format!("no map {map}"))
    }
}

fn address(map: usize, at: usize) -> u64 {
    VALUES + map as u64 * STRIDE + at as u64
}

impl Map {
    fn new(of: &object::Map) -> Result<Self, String> {
        let refused = |why: &str| Err(format!("map `{}`: {why}", of.name));
        let values = match of.kind {
            ARRAY | PERCPU_ARRAY
                if of.key_size != 4 || of.value_size == 0 || of.max_entries == 0 =>
            {
                return refused("not the sizes of an array");
            }
            PERCPU_ARRAY if of.value_size > 32 * 1024 => {
                return refused("a per-CPU value above 32 KiB");
            }
            ARRAY | PERCPU_ARRAY => of.max_entries as usize * of.value_size as usize,
            LRU_HASH if of.key_size == 0 || of.value_size == 0 || of.max_entries == 0 => {
                return refused("not the sizes of a hash");
            }
            LRU_HASH if of.key_size > MAX_KEY => return refused("a key above 512 bytes"),
            LRU_HASH => 0,
            RINGBUF
                if of.key_size != 0
                    || of.value_size != 0
                    || !of.max_entries.is_power_of_two()
                    || !of.max_entries.is_multiple_of(PAGE) =>
            {
                return refused("not the sizes of a ring buffer");
            }
            RINGBUF => 0,
            _ => return refused("a type that is not simulated"),
        };
        Ok(Self {
            name: of.name.clone(),
            kind: of.kind,
            key_size: of.key_size as usize,
            value_size: of.value_size as usize,
            max_entries: of.max_entries as usize,
            constant: of.contents.is_some(),
            values: of.contents.clone().unwrap_or_else(|| vec![0; values]),
            keys: BTreeMap::new(),
            free: Vec::new(),
            clock: 0,
        })
    }

    /// The slot of a key, which has been used now.
    fn touch(&mut self, key: &[u8]) -> Option<usize> {
        self.clock += 1;
        let (slot, used) = self.keys.get_mut(key)?;
        *used = self.clock;
        Some(*slot)
    }

    /// A slot for a new key: the kernel drops an entry that has not been used for long.
    fn insert(&mut self, key: &[u8]) -> usize {
        let freed = if self.keys.len() >= self.max_entries {
            self.evict()
        } else {
            self.free.pop()
        };
        let slot = freed.unwrap_or(self.values.len() / self.value_size);
        self.values
            .resize(self.values.len().max((slot + 1) * self.value_size), 0);
        self.keys.insert(key.to_vec(), (slot, self.clock));
        slot
    }

    fn evict(&mut self) -> Option<usize> {
        let oldest = self
            .keys
            .iter()
            .min_by_key(|(_, (_, used))| *used)?
            .0
            .clone();
        self.keys.remove(&oldest).map(|(slot, _)| slot)
    }
}

#[cfg(test)]
mod tests;

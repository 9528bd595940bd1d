//! Calls whose entry was read and whose return was not yet.

use std::collections::{HashMap, VecDeque};

use crate::bundle::Record;

/// Entries that wait at one time; more push out the oldest.
const MAX: usize = 4096;

/// A call: hook, thread, time of entry.
type Key = (usize, u32, u64);

/// Entries by call.
#[derive(Debug, Default)]
pub(super) struct Pending {
    entries: HashMap<Key, Record>,
    /// Calls in order of arrival, also some that are gone.
    order: VecDeque<Key>,
}

fn key(record: &Record) -> Key {
    (record.hook, record.tid, record.enter)
}

impl Pending {
    /// Adds an entry; returns the one that it pushes out.
    pub(super) fn put(&mut self, entry: Record) -> Option<Record> {
        let key = key(&entry);
        self.order.push_back(key);
        self.entries.insert(key, entry);
        if self.order.len() > 4 * MAX {
            self.order.retain(|key| self.entries.contains_key(key));
        }
        while self.entries.len() > MAX {
            let oldest = self.order.pop_front()?;
            if let Some(entry) = self.entries.remove(&oldest) {
                return Some(entry);
            }
        }
        None
    }

    /// The entry of a call that returned.
    pub(super) fn take(&mut self, returned: &Record) -> Option<Record> {
        self.entries.remove(&key(returned))
    }

    /// All entries, oldest first.
    pub(super) fn drain(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.order)
            .into_iter()
            .filter_map(|key| self.entries.remove(&key))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::tests::record;

    fn entry(tid: u32) -> Record {
        Record {
            tid,
            ..Record::decode(&record(&[])).expect("a record")
        }
    }

    #[test]
    fn a_return_finds_the_entry_of_its_thread() {
        let mut pending = Pending::default();
        assert!(pending.put(entry(1)).is_none());
        assert!(pending.put(entry(2)).is_none());
        assert_eq!(pending.take(&entry(2)), Some(entry(2)));
        assert_eq!(pending.take(&entry(2)), None);
        assert_eq!(pending.drain(), [entry(1)]);
    }

    #[test]
    fn the_oldest_entry_is_pushed_out() {
        let mut pending = Pending::default();
        for tid in 0..MAX as u32 {
            assert!(pending.put(entry(tid)).is_none());
        }
        pending.take(&entry(0));
        assert!(pending.put(entry(9_999_998)).is_none());
        assert_eq!(pending.put(entry(9_999_999)), Some(entry(1)));
    }
}

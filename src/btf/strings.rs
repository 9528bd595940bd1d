//! The string section.

use std::collections::HashMap;

use super::StrOff;

/// Strings in order of first use, each stored once.
#[derive(Clone, Debug)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    seen: HashMap<String, StrOff>,
}

impl Strings {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0],
            seen: HashMap::new(),
        }
    }

    /// Offset of `text`, adding it if it is new. Text ends at its first NUL.
    pub(super) fn add(&mut self, text: &str) -> StrOff {
        let text = text.split('\0').next().unwrap_or("");
        if text.is_empty() {
            return StrOff(0);
        }
        if let Some(&off) = self.seen.get(text) {
            return off;
        }
        let off = StrOff(u32::try_from(self.bytes.len()).expect("strings stay below 4 GiB"));
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.seen.insert(text.to_owned(), off);
        off
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

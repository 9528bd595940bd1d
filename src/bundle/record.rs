//! Records of the ring buffer, as `bpf-templates/emit.bpft` and its callers write them.
//!
//! A header of 96 bytes, then sections: length, status, bytes, padding to eight. All numbers are little endian. In: any
//! bytes. Out: a [`Record`], or nothing if they are too short for what they claim.

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Index in the manifest.
    pub hook: usize,
    /// Index in the hook's selectors.
    pub selector: usize,
    /// Whether it is the record of a return, which completes that of the entry.
    pub returns: bool,
    /// Number of the action in Tetragon's API.
    pub action: u8,
    /// Nanoseconds since boot.
    pub time: u64,
    /// The same at the call's entry.
    pub enter: u64,
    pub process: Process,
    pub parent: Process,
    pub tid: u32,
    /// `loginuid`; `u32::MAX` if it is not set.
    pub auid: u32,
    pub sections: Vec<Section>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// 0 if it is not known.
    pub pid: u32,
    /// Effective user.
    pub uid: u32,
    /// Nanoseconds since boot.
    pub start: u64,
}

/// A value of variable length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    pub bytes: Vec<u8>,
    status: u32,
}

impl Section {
    pub fn is_unreadable(&self) -> bool {
        self.status & 1 != 0
    }

    /// Whether there was more than what the bytes hold.
    pub fn is_incomplete(&self) -> bool {
        self.status & 2 != 0
    }

    pub fn u16(&self, at: usize) -> u16 {
        self.array(at).map_or(0, u16::from_le_bytes)
    }

    pub fn u32(&self, at: usize) -> u32 {
        self.array(at).map_or(0, u32::from_le_bytes)
    }

    pub fn u64(&self, at: usize) -> u64 {
        self.array(at).map_or(0, u64::from_le_bytes)
    }

    pub fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }

    /// The bytes from one place on, as text.
    pub fn text(&self, from: usize) -> String {
        String::from_utf8_lossy(self.bytes.get(from..).unwrap_or_default()).into_owned()
    }
}

const HEADER: usize = 96;

impl Record {
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEADER)?;
        let head = Section {
            bytes: head.to_vec(),
            status: 0,
        };
        Some(Self {
            hook: head.u16(0).into(),
            selector: head.u16(2).into(),
            returns: head.bytes[4] == 1,
            action: head.bytes[5],
            time: head.u64(8),
            enter: head.u64(16),
            tid: head.u32(24),
            process: Process {
                pid: head.u32(28),
                uid: head.u32(48),
                start: head.u64(32),
            },
            parent: Process {
                pid: head.u32(56),
                uid: head.u32(64),
                start: head.u64(40),
            },
            auid: head.u32(52),
            sections: sections(rest, head.u16(6).into())?,
        })
    }
}

fn sections(mut bytes: &[u8], count: usize) -> Option<Vec<Section>> {
    let mut sections = Vec::new();
    for _ in 0..count {
        if bytes.is_empty() {
            // The record was full.
            sections.push(Section {
                bytes: Vec::new(),
                status: 3,
            });
            continue;
        }
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (status, rest) = rest.split_first_chunk::<4>()?;
        let len = u32::from_le_bytes(*len) as usize;
        let content = rest.get(..len)?;
        sections.push(Section {
            bytes: content.to_vec(),
            status: u32::from_le_bytes(*status),
        });
        // The last section may lack its padding.
        bytes = rest.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    Some(sections)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record with these sections and an otherwise empty header.
    pub(crate) fn record(sections: &[(&[u8], u32)]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[6] = sections.len() as u8;
        for (content, status) in sections {
            bytes.extend((content.len() as u32).to_le_bytes());
            bytes.extend(status.to_le_bytes());
            bytes.extend(*content);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes
    }

    #[test]
    fn sections_are_padded_to_eight_bytes() {
        let bytes = record(&[(b"abc", 0), (b"", 1), (b"12345678", 2)]);
        let record = Record::decode(&bytes).expect("a record");
        assert_eq!(record.sections[0].text(0), "abc");
        assert!(record.sections[1].is_unreadable());
        assert_eq!(record.sections[2].u64(0), u64::from_le_bytes(*b"12345678"));
        assert!(record.sections[2].is_incomplete());
    }

    #[test]
    fn cut_records_are_none() {
        let bytes = record(&[(b"abc", 0), (b"12345678", 0)]);
        for len in 0..bytes.len() {
            let decoded = Record::decode(&bytes[..len]);
            // Between two sections: the others had no room.
            let full = len == HEADER || (HEADER + 11..=HEADER + 16).contains(&len);
            let missing = decoded.and_then(|record| record.sections.last().cloned());
            assert_eq!(missing.is_some(), full, "cut at {len}");
            assert!(
                missing.is_none_or(|section| section.is_unreadable() && section.is_incomplete())
            );
        }
    }
}

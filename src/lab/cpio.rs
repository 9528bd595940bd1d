//! Initramfs archives: cpio's "newc" format.
//!
//! In: directories, files and symbolic links by absolute path. Out: bytes that the kernel unpacks. Source of the
//! format: Documentation/driver-api/early-userspace/buffer-format.rst.

use std::collections::BTreeMap;

/// The content of an archive; parents of a path are added by themselves.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    entries: BTreeMap<String, (u32, Vec<u8>)>,
}

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

impl Archive {
    /// A regular file with these permissions, in place of one that has its path.
    pub fn file(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        self.insert(path, REGULAR | mode, content);
    }

    /// A directory; those above it are made by the caller.
    pub fn directory(&mut self, path: &str) {
        self.insert(path, DIRECTORY | 0o755, Vec::new());
    }

    fn insert(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        let name = path.trim_start_matches('/');
        for (at, _) in name.match_indices('/') {
            self.entries
                .entry(name[..at].to_owned())
                .or_insert((DIRECTORY | 0o755, Vec::new()));
        }
        self.entries.insert(name.to_owned(), (mode, content));
    }
}

/// One initramfs of several archives; of a path in two, the later one counts.
pub fn join(archives: &[&Archive]) -> Vec<u8> {
    let mut all = BTreeMap::new();
    for archive in archives {
        all.extend(
            archive
                .entries
                .iter()
                .map(|(name, entry)| (name.as_str(), entry)),
        );
    }
    let mut out = Vec::new();
    for (inode, (name, (mode, content))) in (1..).zip(&all) {
        put(&mut out, inode, name, *mode, content);
    }
    put(&mut out, 0, "TRAILER!!!", 0, &[]);
    out
}

fn put(out: &mut Vec<u8>, inode: u32, name: &str, mode: u32, content: &[u8]) {
    let size = u32::try_from(content.len()).expect("guest files are smaller than 4 GiB");
    let name_size = u32::try_from(name.len() + 1).expect("guest paths are short");
    // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    let fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    pad(out);
    out.extend_from_slice(content);
    pad(out);
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

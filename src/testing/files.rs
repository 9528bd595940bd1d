//! Files by the paths that a test writes.
//!
//! There is one file system, mounted at the top. A path names what policies see: `/a/b (deleted)` is a file that has no name any more,
//! `/memfd:a (deleted)` one in memory.

use std::collections::BTreeMap;

use crate::sim::scene::{Dentry, Filesystem, MAX_TEXT, Mount, Spot, Vfs};

/// Files under construction.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) vfs: Vfs,
    /// Entries that are in their directory, by it, their name and their mode.
    known: BTreeMap<(usize, Vec<u8>, u16), usize>,
}

/// Kinds of file systems (include/uapi/linux/magic.h): ext4, tmpfs.
const EXT4: u64 = 0xef53;
const TMPFS: u64 = 0x0102_1994;

/// Modes of what is there without a word: a directory, a file that may be run.
const DIRECTORY: u16 = 0o040_755;
pub(super) const FILE: u16 = 0o100_755;

const DELETED: &str = " (deleted)";
/// Bytes of the longest name: NAME_MAX (include/uapi/linux/limits.h).
const NAME_MAX: usize = 255;

impl Files {
    pub(super) fn new() -> Self {
        let mut files = Self {
            vfs: Vfs::default(),
            known: BTreeMap::new(),
        };
        files.filesystem(EXT4);
        files
    }

    /// The root directory.
    pub(super) fn root(&self) -> Spot {
        Spot::default()
    }

    /// The file of a path.
    ///
    /// # Errors
    /// Why no file has it.
    pub(super) fn at(&mut self, path: &str, mode: u16) -> Result<Spot, String> {
        let (named, is_linked) = match path.strip_suffix(DELETED) {
            Some(named) => (named, false),
            None => (path, true),
        };
        if let (Some(name), false) = (named.strip_prefix("/memfd:"), is_linked) {
            return Ok(self.in_memory(&format!("memfd:{name}"), mode));
        }
        let names = components(named)?;
        let Some((last, directories)) = names.split_last() else {
            return match is_linked {
                true => Ok(self.root()),
                false => Err("the root directory cannot be deleted".to_owned()),
            };
        };
        let mut at = self.root().dentry;
        for name in directories {
            at = self.child(at, name, DIRECTORY);
        }
        let dentry = match is_linked {
            true => self.child(at, last, mode),
            false => self.entry(at, last, mode, false),
        };
        Ok(Spot { mount: 0, dentry })
    }

    /// The entry of that name in a directory; made if it is missing.
    fn child(&mut self, parent: usize, name: &str, mode: u16) -> usize {
        let key = (parent, name.as_bytes().to_vec(), mode);
        match self.known.get(&key) {
            Some(dentry) => *dentry,
            None => {
                let dentry = self.entry(parent, name, mode, true);
                self.known.insert(key, dentry);
                dentry
            }
        }
    }

    fn entry(&mut self, parent: usize, name: &str, mode: u16, linked: bool) -> usize {
        let filesystem = self.vfs.dentries[parent].filesystem;
        self.vfs.dentries.push(Dentry {
            filesystem,
            name: name.into(),
            parent,
            linked,
            mode: Some(mode),
        });
        self.vfs.dentries.len() - 1
    }

    /// A file that was never in a directory, on a mount that nobody sees.
    fn in_memory(&mut self, name: &str, mode: u16) -> Spot {
        let Spot { mount, dentry } = self.filesystem(TMPFS);
        let dentry = self.alone(self.vfs.dentries[dentry].filesystem, name, mode, false);
        Spot { mount, dentry }
    }

    fn filesystem(&mut self, magic: u64) -> Spot {
        let number = self.vfs.filesystems.len();
        let root = self.alone(number, "/", DIRECTORY, true);
        self.vfs.filesystems.push(Filesystem { magic, root });
        self.vfs.mounts.push(Mount { root, at: None });
        Spot {
            mount: self.vfs.mounts.len() - 1,
            dentry: root,
        }
    }

    /// An entry that is its own parent.
    fn alone(&mut self, filesystem: usize, name: &str, mode: u16, linked: bool) -> usize {
        let parent = self.vfs.dentries.len();
        self.vfs.dentries.push(Dentry {
            filesystem,
            name: name.into(),
            parent,
            linked,
            mode: Some(mode),
        });
        parent
    }
}

/// The names of a path, as the kernel has resolved it.
fn components(path: &str) -> Result<Vec<&str>, String> {
    let Some(relative) = path.strip_prefix('/') else {
        return Err("the kernel knows absolute paths: it begins with `/`".to_owned());
    };
    if relative.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = relative.split('/').collect();
    for name in &names {
        let fault = match *name {
            "" => "a name in it is empty; the kernel resolves `//` and a `/` at the end",
            "." | ".." => "the kernel resolves `.` and `..`",
            name if name.len() > NAME_MAX => "a name in it has more than 255 bytes",
            name if name.contains('\0') => "names have no NUL",
            _ => continue,
        };
        return Err(fault.to_owned());
    }
    if path.len() > 4 * MAX_TEXT {
        return Err(format!("it has more than {} bytes", 4 * MAX_TEXT));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_paths_that_they_were_asked_for() {
        let mut files = Files::new();
        for path in [
            "/",
            "/etc",
            "/etc/passwd",
            "/etc/passwd (deleted)",
            "/memfd:x (deleted)",
        ] {
            let spot = files.at(path, FILE).expect("a file");
            let text = files.vfs.path(spot).expect("a path");
            assert_eq!(String::from_utf8_lossy(&text.known), path);
            assert!(text.complete);
        }
        assert_eq!(files.at("/etc/passwd", FILE), files.at("/etc/passwd", FILE));
    }

    #[test]
    fn paths_that_no_file_has_are_refused() {
        let mut files = Files::new();
        let long = format!("/{}", "x".repeat(256));
        for path in ["", "etc", "//", "/etc/", "/a/../b", "/ (deleted)", &long] {
            assert!(files.at(path, FILE).is_err(), "{path}");
        }
    }
}

//! Files: names, mounts, and the paths that they make.

use serde::{Deserialize, Serialize};

use super::{Bytes, MAX_TEXT};
use crate::ir::interp::{Readable, Text};

/// Directory entries and mounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vfs {
    pub filesystems: Vec<Filesystem>,
    pub dentries: Vec<Dentry>,
    pub mounts: Vec<Mount>,
}

/// A superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filesystem {
    /// Number of its kind (include/uapi/linux/magic.h).
    pub magic: u64,
    /// Index of its first entry.
    pub root: usize,
}

/// A directory entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dentry {
    pub filesystem: usize,
    pub name: Bytes,
    /// Index of the parent; its own for the root of a filesystem and for files that are in none.
    pub parent: usize,
    /// Still in its directory.
    pub linked: bool,
    /// The file's mode; `None` for an entry without a file.
    pub mode: Option<u16>,
}

/// A mounted tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Index of the entry that is seen at the mount point.
    pub root: usize,
    /// Where it is mounted; `None` at the top, or nowhere.
    pub at: Option<Spot>,
}

/// A file as a mount shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    pub mount: usize,
    pub dentry: usize,
}

/// Components and mounts of the longest path that programs resolve.
pub const MAX_STEPS: usize = 2047;

/// Kinds of filesystems whose files in memory have names (include/uapi/linux/magic.h): tmpfs, hugetlbfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x9584_58f6];

/// A step towards the top.
enum Step {
    /// To the parent: a component.
    Up(usize),
    /// To the mount point.
    Out(Spot),
    /// The root of the mount that is mounted nowhere.
    Top,
    /// An entry without parent that is not the root of its mount.
    Alone,
}

impl Vfs {
    /// The path of a file from the top of its tree of mounts, as far as programs resolve it.
    pub fn path(&self, file: Spot) -> Readable<Text> {
        self.walk(file.dentry, Some(file.mount), true)
    }

    /// The path that a file has, or had before it was unlinked.
    pub fn former_path(&self, file: Spot) -> Readable<Text> {
        self.walk(file.dentry, Some(file.mount), false)
    }

    /// The path of an entry from its filesystem's root.
    pub fn entry(&self, dentry: usize) -> Readable<Text> {
        self.walk(dentry, None, true)
    }

    fn walk(&self, dentry: usize, mount: Option<usize>, says_deleted: bool) -> Readable<Text> {
        let start = self.dentries.get(dentry)?;
        let is_deleted = says_deleted && !start.linked && start.parent != dentry;
        let mut components: Vec<&[u8]> = Vec::new();
        let (mut at, mut within) = (dentry, mount);
        let mut len = if is_deleted { DELETED.len() } else { 0 };
        for _ in 0..=MAX_STEPS {
            match self.step(at, within)? {
                Step::Up(parent) => {
                    let name: &[u8] = &self.dentries[at].name;
                    len += 1 + name.len();
                    if len > MAX_TEXT {
                        break;
                    }
                    components.push(name);
                    at = parent;
                }
                Step::Out(spot) => (at, within) = (spot.dentry, Some(spot.mount)),
                Step::Alone if components.is_empty() && !self.is_root(at) => {
                    return self.anonymous(at);
                }
                Step::Top | Step::Alone => {
                    return Some(Text {
                        known: text(&components, is_deleted),
                        complete: true,
                    });
                }
            }
        }
        Some(Text {
            known: text(&components, is_deleted),
            complete: false,
        })
    }

    fn step(&self, dentry: usize, mount: Option<usize>) -> Option<Step> {
        if let Some(mount) = mount {
            let mount = self.mounts.get(mount)?;
            if mount.root == dentry {
                return Some(mount.at.map_or(Step::Top, Step::Out));
            }
        }
        let parent = self.dentries.get(dentry)?.parent;
        Some(if parent == dentry {
            Step::Alone
        } else {
            Step::Up(parent)
        })
    }

    fn is_root(&self, dentry: usize) -> bool {
        self.filesystem(dentry)
            .is_some_and(|filesystem| filesystem.root == dentry)
    }

    fn filesystem(&self, dentry: usize) -> Option<&Filesystem> {
        self.filesystems.get(self.dentries.get(dentry)?.filesystem)
    }

    /// A file that was never in a directory: in memory it has a name, pipes and sockets have no path.
    fn anonymous(&self, dentry: usize) -> Readable<Text> {
        let in_memory = IN_MEMORY.contains(&self.filesystem(dentry)?.magic);
        in_memory.then(|| Text {
            known: text(&[&self.dentries[dentry].name], true),
            complete: true,
        })
    }
}

/// What follows the path of a file that has no name any more.
const DELETED: &[u8] = b" (deleted)";

/// Components from the last to the first as text.
fn text(components: &[&[u8]], is_deleted: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for component in components.iter().rev() {
        text.push(b'/');
        text.extend_from_slice(component);
    }
    if text.is_empty() {
        text.push(b'/');
    }
    if is_deleted {
        text.extend_from_slice(DELETED);
    }
    text
}

//! Random file systems: directories, mounts, a task's root, and files in strange places.

use tpc::sim::scene::{Dentry, Filesystem, Mount, Spot, Vfs};

use super::dice::Dice;
use super::words;

/// Files under construction.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) vfs: Vfs,
    root: Spot,
}

/// Kinds of filesystems: ext4, tmpfs, hugetlbfs, pipefs.
const MAGICS: [u64; 4] = [0xef53, 0x0102_1994, 0x9584_58f6, 0x5049_5045];

/// Modes of files.
const MODES: [Option<u16>; 6] = [
    Some(0o100_644),
    Some(0o104_755),
    Some(0o040_755),
    Some(0o120_777),
    Some(0o020_620),
    None,
];

impl Tree {
    /// A file system, in which the task's root is the top most often.
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut tree = Self {
            vfs: Vfs::default(),
            root: Spot::default(),
        };
        tree.root = tree.filesystem(dice, None);
        if dice.once_in(5) {
            let path = words::path(dice);
            let directory = tree.below(dice, tree.root, &path);
            tree.root = directory;
        }
        tree
    }

    /// The task's root, which changes nothing.
    pub(crate) fn root(&self) -> Spot {
        self.root
    }

    /// An entry in a directory.
    fn dentry(&mut self, name: &[u8], parent: usize, mode: Option<u16>) -> usize {
        let filesystem = self.vfs.dentries[parent].filesystem;
        self.entry(filesystem, name, Some(parent), mode)
    }

    fn entry(
        &mut self,
        filesystem: usize,
        name: &[u8],
        parent: Option<usize>,
        mode: Option<u16>,
    ) -> usize {
        let index = self.vfs.dentries.len();
        self.vfs.dentries.push(Dentry {
            filesystem,
            name: name.into(),
            parent: parent.unwrap_or(index),
            linked: parent.is_some(),
            mode,
        });
        index
    }

    /// A new filesystem that is mounted somewhere, or at the top.
    fn filesystem(&mut self, dice: &mut Dice, at: Option<Spot>) -> Spot {
        let root = self.vfs.dentries.len();
        self.vfs.filesystems.push(Filesystem {
            magic: dice.one(&MAGICS),
            root,
        });
        self.entry(self.vfs.filesystems.len() - 1, b"/", None, Some(0o040_755));
        self.vfs.mounts.push(Mount { root, at });
        Spot {
            mount: self.vfs.mounts.len() - 1,
            dentry: root,
        }
    }

    /// A file with this path, or in a place where paths are not what they seem.
    pub(crate) fn file(&mut self, dice: &mut Dice, path: &[u8]) -> Spot {
        match dice.below(24) {
            18 => self.elsewhere(dice, path),
            19 => self.unlinked(dice, path),
            20 => self.long(dice, path),
            21 => self.pipe(dice),
            22 => self.bind_mount(dice, path),
            23 => self.filesystem(dice, None),
            _ => self.below(dice, Spot::default(), path),
        }
    }

    /// Walks down, making what is missing.
    fn below(&mut self, dice: &mut Dice, from: Spot, path: &[u8]) -> Spot {
        let mut at = from;
        for name in path
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
        {
            let name = &name[..name.len().min(255)];
            at = self.child(dice, at, name);
        }
        at
    }

    fn child(&mut self, dice: &mut Dice, at: Spot, name: &[u8]) -> Spot {
        let is_child =
            |dentry: &Dentry| dentry.parent == at.dentry && dentry.linked && *dentry.name == *name;
        let found = (0..self.vfs.dentries.len())
            .find(|index| *index != at.dentry && is_child(&self.vfs.dentries[*index]));
        let mode = dice.one(&MODES);
        let dentry = found.unwrap_or_else(|| self.dentry(name, at.dentry, mode));
        let spot = Spot {
            mount: at.mount,
            dentry,
        };
        let mounted =
            (0..self.vfs.mounts.len()).find(|mount| self.vfs.mounts[*mount].at == Some(spot));
        match mounted {
            Some(mount) => Spot {
                mount,
                dentry: self.vfs.mounts[mount].root,
            },
            None if dice.once_in(8) => self.filesystem(dice, Some(spot)),
            None => spot,
        }
    }

    /// Beside the task's root, or in another tree of mounts.
    fn elsewhere(&mut self, dice: &mut Dice, path: &[u8]) -> Spot {
        let top = if dice.flip() {
            Spot::default()
        } else {
            self.filesystem(dice, None)
        };
        self.below(dice, top, path)
    }

    fn unlinked(&mut self, dice: &mut Dice, path: &[u8]) -> Spot {
        // The text that is looked for may already say so.
        let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
        let spot = self.below(dice, Spot::default(), path);
        self.vfs.dentries[spot.dentry].linked = false;
        spot
    }

    /// A path about as long or as deep as programs read.
    fn long(&mut self, dice: &mut Dice, path: &[u8]) -> Spot {
        let tail = path.iter().filter(|byte| **byte == b'/').count();
        let (len, count) = match dice.below(3) {
            0 => (254, dice.within(15, 17)),
            1 => (1, dice.within(2044, 2049).saturating_sub(tail as u64)),
            _ => (dice.one(&[0, 15, 31]), dice.within(100, 300)),
        };
        let mut at = Spot::default();
        for number in 0..count {
            let digit = b'a' + (number % 26) as u8;
            at.dentry = self.dentry(&vec![digit; len.max(1)], at.dentry, None);
        }
        // To the byte: 4096 are read.
        if dice.flip() {
            let used = (count as usize) * (len.max(1) + 1) + path.len();
            let missing = (4096 + dice.index(3)).saturating_sub(used + 2);
            if (1..=255).contains(&missing) {
                at.dentry = self.dentry(&vec![b'z'; missing], at.dentry, None);
            }
        }
        self.below(dice, at, path)
    }

    /// A file that was never in a directory, on a mount that nobody sees: a pipe, or a file in memory.
    fn pipe(&mut self, dice: &mut Dice) -> Spot {
        let Spot { mount, dentry } = self.filesystem(dice, None);
        let name = words::name(dice);
        let filesystem = self.vfs.dentries[dentry].filesystem;
        let dentry = self.entry(filesystem, &name, None, Some(0o010_600));
        Spot { mount, dentry }
    }

    /// A file that is mounted on another.
    fn bind_mount(&mut self, dice: &mut Dice, path: &[u8]) -> Spot {
        let source = {
            let name = words::path(dice);
            self.below(dice, Spot::default(), &name)
        };
        let at = self.below(dice, Spot::default(), path);
        self.vfs.mounts.push(Mount {
            root: source.dentry,
            at: Some(at),
        });
        let spot = Spot {
            mount: self.vfs.mounts.len() - 1,
            dentry: source.dentry,
        };
        match dice.flip() {
            true => {
                let name = words::path(dice);
                self.below(dice, spot, &name)
            }
            false => spot,
        }
    }
}

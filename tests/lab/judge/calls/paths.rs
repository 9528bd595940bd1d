//! Calls that name files.

use super::{By, Kind, any_file, n, text};
use crate::judge::call::{Call, Param, Raw};
use crate::judge::files::{self, Node, directory, nothing, split};
use crate::random::dice::Dice;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        variants: 40,
        by: By::Any,
        make: openat,
    },
    Kind {
        variants: 10,
        by: By::Any,
        make: open_that_fails,
    },
    Kind {
        variants: 12,
        by: By::Root,
        make: chmod,
    },
    Kind {
        variants: 12,
        by: By::Root,
        make: unlink,
    },
    Kind {
        variants: 12,
        by: By::Root,
        make: rename,
    },
    Kind {
        variants: 10,
        by: By::Root,
        make: mkdir,
    },
    Kind {
        variants: 4,
        by: By::Root,
        make: rmdir,
    },
    Kind {
        variants: 10,
        by: By::Root,
        make: symlink,
    },
    Kind {
        variants: 10,
        by: By::Root,
        make: link,
    },
    Kind {
        variants: 8,
        by: By::Root,
        make: truncate,
    },
    Kind {
        variants: 14,
        by: By::Host,
        make: mount,
    },
];

/// `AT_FDCWD`.
const HERE: u64 = -100i64 as u64;
/// Flags that open what is there as it is: `O_RDONLY`, `O_NONBLOCK`, `O_CLOEXEC`, `O_NOFOLLOW`.
const FLAGS: &[u64] = &[0, 0o4000, 0o2_000_000, 0o400_000];

/// Another way to write a path.
fn spelled(dice: &mut Dice, path: &str) -> Vec<u8> {
    let text = match dice.below(6) {
        0 => path.replacen("/t/", "/t//", 1),
        1 => path.replacen("/t/", "/t/./", 1),
        2 => path.replacen("/t/", "/t/dir/../", 1),
        _ => path.to_owned(),
    };
    text.into_bytes()
}

/// A file that everybody may read, with the text that names it.
fn readable(dice: &mut Dice) -> (Node, Vec<u8>, &'static str) {
    loop {
        let node = any_file(dice);
        if node.mode & 0o444 != 0o444 {
            continue;
        }
        let path = String::from_utf8(node.path.clone()).expect("paths are text");
        return match (dice.below(8), path.strip_prefix("/t/")) {
            (0, _) => (files::file("/t/dir/passwd"), b"/t/link".to_vec(), "/"),
            (1, _) => (
                Node {
                    path: b"/t/hard".to_vec(),
                    inner: b"/t/hard".to_vec(),
                    ..files::file("/t/a")
                },
                b"/t/hard".to_vec(),
                "/",
            ),
            (2, _) => (directory("/t/dir"), b"/t/dir".to_vec(), "/"),
            (3, Some(rest)) => (node, rest.as_bytes().to_vec(), "/t"),
            _ => (node, spelled(dice, &path), "/"),
        };
    }
}

fn openat(dice: &mut Dice) -> Call {
    let (node, path, cwd) = readable(dice);
    let flags = dice.one(FLAGS);
    // A symbolic link that is not followed cannot be opened.
    let flags = if path == b"/t/link" { 0 } else { flags };
    let rubbish = dice.bits() << 32;
    let (number, symbol, mut raw) = match dice.below(3) {
        0 => (2, "sys_open", vec![]),
        _ => (257, "sys_openat", vec![n(HERE)]),
    };
    raw.extend([
        text(&path),
        n(flags | rubbish),
        n(dice.below(0o1000) | rubbish),
    ]);
    let mut call = Call::new(number, symbol, raw)
        .reach("do_filp_open", vec![Param::number(HERE), Param::text(path)])
        .reach("vfs_open", vec![Param::File(node.clone()), Param::Other])
        .reach("security_file_open", vec![Param::File(node)]);
    call.caller.cwd = cwd;
    call
}

fn open_that_fails(dice: &mut Dice) -> Call {
    let path = match dice.below(5) {
        0 => Raw::Unmapped,
        1 => Raw::Null,
        2 => text([&b"/t/"[..], &vec![b'x'; dice.one(&[252, 253, 4000, 4092])]].concat()),
        3 => text("/t/dir/no such file"),
        _ => text("/t/nothing"),
    };
    let call = Call::new(
        257,
        "sys_openat",
        vec![n(HERE), path.clone(), n(dice.one(FLAGS)), n(0)],
    );
    match path {
        Raw::Text(path) => call.reach("do_filp_open", vec![Param::number(HERE), Param::text(path)]),
        _ => call,
    }
}

fn chmod(dice: &mut Dice) -> Call {
    let node = any_file(dice);
    let mode = dice.one(&[0o644, 0o4755, 0o2711, 0o777, 0o1777, 0]);
    let raw = vec![text(&node.path), n(mode)];
    Call::new(90, "sys_chmod", raw)
        .reach(
            "security_path_chmod",
            vec![Param::File(node), Param::number(mode)],
        )
        .messy()
}

/// A parent as a path, a name in it as an entry.
fn place(node: &Node) -> [Param; 2] {
    let path = std::str::from_utf8(&node.path).expect("paths are text");
    [
        Param::File(directory(split(path).0)),
        Param::Dentry(node.clone()),
    ]
}

fn unlink(dice: &mut Dice) -> Call {
    let node = any_file(dice);
    let path = node.path.clone();
    let entry = vec![Param::Other, Param::Dentry(node.clone())];
    Call::new(87, "sys_unlink", vec![text(&path)])
        .reach("do_unlinkat", vec![Param::number(HERE), Param::text(path)])
        .reach("security_path_unlink", place(&node).to_vec())
        .reach("security_inode_unlink", entry)
        .messy()
}

fn free(dice: &mut Dice) -> Node {
    nothing(dice.one(files::FREE))
}

/// A file on the same filesystem and mount as a free name.
fn beside(dice: &mut Dice, free: &Node) -> Node {
    let mounted = |node: &Node| node.path.starts_with(b"/t/mnt");
    loop {
        let node = any_file(dice);
        if !node.path.starts_with(b"/t/bind") && mounted(&node) == mounted(free) {
            return node;
        }
    }
}

fn rename(dice: &mut Dice) -> Call {
    let to = free(dice);
    let from = beside(dice, &to);
    let [old_directory, old] = place(&from);
    let [new_directory, new] = place(&to);
    let flags = Param::number(0);
    let inode = vec![
        Param::Other,
        old.clone(),
        Param::Other,
        new.clone(),
        flags.clone(),
    ];
    let names = vec![
        Param::number(HERE),
        Param::text(from.path.clone()),
        Param::number(HERE),
        Param::text(to.path.clone()),
        flags.clone(),
    ];
    Call::new(82, "sys_rename", vec![text(&from.path), text(&to.path)])
        .reach("do_renameat2", names)
        .reach(
            "security_path_rename",
            vec![old_directory, old, new_directory, new, flags],
        )
        .reach("security_inode_rename", inode)
        .messy()
}

fn mkdir(dice: &mut Dice) -> Call {
    let to = free(dice);
    let mode = dice.one(&[0o755, 0o1777, 0o700, 0]);
    let [parent, entry] = place(&to);
    Call::new(83, "sys_mkdir", vec![text(&to.path), n(mode)])
        .reach(
            "do_mkdirat",
            vec![
                Param::number(HERE),
                Param::text(to.path),
                Param::number(mode),
            ],
        )
        .reach(
            "security_path_mkdir",
            vec![parent, entry.clone(), Param::number(mode)],
        )
        .reach(
            "security_inode_mkdir",
            vec![Param::Other, entry, Param::number(mode)],
        )
        .messy()
}

fn rmdir(_: &mut Dice) -> Call {
    let node = directory("/t/empty");
    Call::new(84, "sys_rmdir", vec![text(&node.path)])
        .reach(
            "do_rmdir",
            vec![Param::number(HERE), Param::text(node.path.clone())],
        )
        .reach("security_path_rmdir", place(&node).to_vec())
        .messy()
}

fn symlink(dice: &mut Dice) -> Call {
    let to = free(dice);
    let target = dice.one(&[
        "/etc/shadow",
        "x",
        "/t/dir/passwd",
        "../a",
        "/t/dir/passwd-",
    ]);
    let [parent, entry] = place(&to);
    Call::new(88, "sys_symlink", vec![text(target), text(&to.path)])
        .reach(
            "do_symlinkat",
            vec![
                Param::text(target),
                Param::number(HERE),
                Param::text(to.path),
            ],
        )
        .reach(
            "security_path_symlink",
            vec![parent, entry, Param::text(target)],
        )
        .messy()
}

fn link(dice: &mut Dice) -> Call {
    let to = free(dice);
    let from = beside(dice, &to);
    let [parent, entry] = place(&to);
    Call::new(86, "sys_link", vec![text(&from.path), text(&to.path)])
        .reach(
            "security_path_link",
            vec![Param::Dentry(from), parent, entry],
        )
        .messy()
}

fn truncate(dice: &mut Dice) -> Call {
    let node = any_file(dice);
    let raw = vec![text(&node.path), n(dice.one(&[0, 1, 3, 5000]))];
    Call::new(76, "sys_truncate", raw)
        .reach("security_path_truncate", vec![Param::File(node)])
        .messy()
}

fn mount(dice: &mut Dice) -> Call {
    // MS_BIND of something that does not exist: decided about, and refused afterwards.
    let source = dice.one(&["/t/nothing", "/none", "tmpfs", ""]);
    let target = dice.one(&["/t/mnt", "/t/dir", "/t/bind"]);
    let kind = dice.one(&["tmpfs", "", "ext4", "proc"]);
    let flags = 4096 | dice.one(&[0, 1, 2, 16384]);
    // The magic number of old is taken away.
    let written = flags | if dice.once_in(3) { 0xc0ed_0000 } else { 0 };
    let raw = vec![
        text(source),
        text(target),
        text(kind),
        n(written),
        Raw::Null,
    ];
    let params = vec![
        Param::text(source),
        Param::File(mounted(target)),
        Param::text(kind),
        Param::number(flags),
    ];
    Call::new(165, "sys_mount", raw).reach("security_sb_mount", params)
}

/// The directory that one sees at a path where something may be mounted.
fn mounted(path: &str) -> Node {
    directory(path)
}

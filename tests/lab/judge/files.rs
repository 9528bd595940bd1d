//! The files that calls work with, and the lines by which the driver makes them.

/// A file as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) path: Vec<u8>,
    /// From the root of its filesystem.
    pub(super) inner: Vec<u8>,
    /// With the bits of its type; 0 if there is nothing.
    pub(super) mode: u16,
}

/// Files: path, permissions, content.
pub(super) const FILES: &[(&str, u16, &str)] = &[
    ("/t/a", 0o644, "hello"),
    ("/t/ab", 0o644, "hello, hello"),
    ("/t/b.conf", 0o600, "k = v"),
    ("/t/dir/passwd", 0o644, "root:x:0:0"),
    ("/t/dir/passwd-", 0o600, "root:x:0:0"),
    ("/t/dir/deep/secret.key", 0o640, "secret"),
    ("/t/dir/deep/x.log", 0o666, "log"),
    ("/t/\u{fc} n", 0o644, "name"),
    ("/t/mnt/file", 0o644, "mounted"),
    ("/t/mnt/sub/other.conf", 0o4755, "mounted"),
    (LONG, 0o644, "long"),
    ("/t/run.sh", 0o755, "#!/j/tool\n"),
    ("/t/x.sh", 0o755, "#!/j/deep/er/tool2 -x\n"),
];

/// A name of 200 letters.
pub(super) const LONG: &str = "/t/dir/llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll";

/// Parents stand in front of what is in them.
pub(super) const DIRECTORIES: &[(&str, u16)] = &[
    ("/t", 0o755),
    ("/t/dir", 0o755),
    ("/t/dir/deep", 0o755),
    ("/t/mnt", 0o1777),
    ("/t/bind", 0o755),
];
/// Directories in mounts.
const INNER_DIRECTORIES: &[(&str, u16)] = &[("/t/mnt/sub", 0o755), ("/t/empty", 0o700)];

/// Names at which calls make things.
pub(super) const FREE: &[&str] = &[
    "/t/new",
    "/t/dir/new.conf",
    "/t/mnt/sub/new",
    "/t/dir/deep/n",
];

/// Programs that callers are, and that they become. All are the driver.
pub(super) const PROGRAMS: &[&str] = &[
    "/j/a",
    "/j/ab",
    "/j/tool",
    "/j/deep/er/tool2",
    "/j/pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp",
];

/// Directories in which callers are.
pub(super) const PLACES: &[&str] = &["/", "/t", "/t/dir/deep", "/t/mnt/sub"];

/// A file by its path.
pub(super) fn file(path: &str) -> Node {
    let of = FILES.iter().find(|(name, _, _)| *name == origin(path));
    let (_, mode, _) = of.unwrap_or_else(|| panic!("no file {path}"));
    node(path, 0o100_000 | mode)
}

pub(super) fn directory(path: &str) -> Node {
    let mut all = DIRECTORIES.iter().chain(INNER_DIRECTORIES);
    let mode = match path {
        // The initial root filesystem's, and those of the bound directory.
        "/" => 0o755,
        _ => {
            all.find(|(name, _)| *name == origin(path))
                .unwrap_or_else(|| panic!("no directory {path}"))
                .1
        }
    };
    node(path, 0o040_000 | mode)
}

/// A name at which there is nothing.
pub(super) fn nothing(path: &str) -> Node {
    node(path, 0)
}

/// Directory and name.
pub(super) fn split(path: &str) -> (&str, &str) {
    let (directory, name) = path.rsplit_once('/').expect("an absolute path");
    (if directory.is_empty() { "/" } else { directory }, name)
}

fn node(path: &str, mode: u16) -> Node {
    let inner = match path.strip_prefix("/t/mnt") {
        Some("") => "/".to_owned(),
        Some(rest) => rest.to_owned(),
        None => origin(path),
    };
    Node {
        path: path.into(),
        inner: inner.into(),
        mode,
    }
}

/// What lies at a path of the bound directory.
fn origin(path: &str) -> String {
    match path.strip_prefix("/t/bind") {
        Some(rest) => format!("/t/dir{rest}"),
        None => path.to_owned(),
    }
}

/// The lines of a script that make all this.
pub(super) fn lines() -> String {
    let text = |text: &str| super::script::text(text.as_bytes());
    let mut lines = String::new();
    for (path, mode) in DIRECTORIES {
        lines += &format!("D {} {mode}\n", text(path));
    }
    lines += &format!(
        "M {}\nB {} {}\n",
        text("/t/mnt"),
        text("/t/dir"),
        text("/t/bind")
    );
    for path in FREE {
        lines += &format!("A {}\n", text(path));
    }
    for (path, mode) in INNER_DIRECTORIES.iter().chain(&DIRECTORIES[3..4]) {
        lines += &format!("D {} {mode}\n", text(path));
    }
    for (path, mode, content) in FILES {
        lines += &format!("F {} {mode} {}\n", text(path), text(content));
    }
    lines += &format!("L {} {}\n", text("/t/dir/passwd"), text("/t/link"));
    lines += &format!("H {} {}\n", text("/t/a"), text("/t/hard"));
    lines
}

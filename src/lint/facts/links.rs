//! Symbolic links of common distributions: paths that no process has after the kernel has resolved them.
//!
//! As Debian 12, Ubuntu 24.04, Fedora 41, RHEL 9 and Alpine 3.20 install them; written down by hand. What a path leads
//! to is advice only: whether a node has the link is for `readlink -f` there.

/// A path that is a link, and what it leads to.
struct Link {
    path: &'static str,
    to: &'static [(&'static str, &'static str)],
}

/// Distributions whose `/bin` is `/usr/bin`.
const MERGED: &str = "Debian, Ubuntu, Fedora, RHEL, SUSE";

/// Directories, with what replaces them.
const DIRECTORIES: &[(&str, &str)] = &[
    ("/bin/", "/usr/bin/"),
    ("/lib/", "/usr/lib/"),
    ("/lib64/", "/usr/lib64/"),
    ("/sbin/", "/usr/sbin/"),
    ("/var/lock/", "/run/lock/"),
    ("/var/run/", "/run/"),
];

/// Files below a directory of [`DIRECTORIES`] that are no link there: Alpine's.
const REAL: &[&str] = &["/bin/busybox", "/bin/bbsuid", "/sbin/apk"];

const DEBIAN: &str = "Debian, Ubuntu";
const FEDORA: &str = "Fedora, RHEL";

/// Files, sorted by path.
const FILES: &[Link] = &[
    link("/etc/localtime", &[("/usr/share/zoneinfo/", "everywhere")]),
    link("/etc/mtab", &[("/proc/self/mounts", "everywhere")]),
    link("/etc/os-release", &[("/usr/lib/os-release", "everywhere")]),
    link(
        "/usr/bin/awk",
        &[("/usr/bin/mawk", DEBIAN), ("/usr/bin/gawk", FEDORA)],
    ),
    link("/usr/bin/editor", &[("/usr/bin/nano", DEBIAN)]),
    link(
        "/usr/bin/nc",
        &[("/usr/bin/nc.openbsd", DEBIAN), ("/usr/bin/ncat", FEDORA)],
    ),
    link("/usr/bin/netcat", &[("/usr/bin/nc.openbsd", DEBIAN)]),
    link("/usr/bin/pager", &[("/usr/bin/less", DEBIAN)]),
    link(
        "/usr/bin/python",
        &[
            ("/usr/bin/python3.9", "RHEL 9"),
            ("/usr/bin/python3.13", "Fedora 41"),
        ],
    ),
    link(
        "/usr/bin/python3",
        &[
            ("/usr/bin/python3.11", "Debian 12"),
            ("/usr/bin/python3.12", "Ubuntu 24.04"),
            ("/usr/bin/python3.9", "RHEL 9"),
        ],
    ),
    link(
        "/usr/bin/sh",
        &[
            ("/usr/bin/dash", DEBIAN),
            ("/usr/bin/bash", FEDORA),
            ("/bin/busybox", "Alpine"),
        ],
    ),
    link(
        "/usr/bin/vi",
        &[("/usr/bin/vim.basic", DEBIAN), ("/bin/busybox", "Alpine")],
    ),
    link("/usr/bin/view", &[("/usr/bin/vim.basic", DEBIAN)]),
    link("/usr/bin/vim", &[("/usr/bin/vim.basic", DEBIAN)]),
    link("/usr/sbin/init", &[("/usr/lib/systemd/systemd", MERGED)]),
    link(
        "/usr/sbin/iptables",
        &[("/usr/sbin/xtables-nft-multi", "everywhere")],
    ),
];

const fn link(path: &'static str, to: &'static [(&'static str, &'static str)]) -> Link {
    Link { path, to }
}

/// A path behind a link, and the distributions that have it there.
pub type Behind = (String, &'static str);

/// What a path leads to, where it is a link or lies below one; empty where it is not known to.
pub fn behind(path: &str) -> Vec<Behind> {
    if REAL.contains(&path) {
        return Vec::new();
    }
    let merged = DIRECTORIES.iter().find_map(|(from, to)| {
        let rest = path.strip_prefix(from)?;
        Some(format!("{to}{rest}"))
    });
    let resolved = merged.as_deref().unwrap_or(path);
    let row = FILES.binary_search_by(|link| link.path.cmp(resolved));
    if let Some(link) = row.ok().and_then(|row| FILES.get(row)) {
        let all = link.to.iter().map(|&(to, on)| (to.to_owned(), on));
        return all.collect();
    }
    merged.map(|path| (path, MERGED)).into_iter().collect()
}

/// What the directory that a prefix names leads to.
pub fn directory_behind(prefix: &str) -> Vec<Behind> {
    let whole = format!("{}/", prefix.trim_end_matches('/'));
    let found = DIRECTORIES.iter().find_map(|(from, to)| {
        let rest = whole.strip_prefix(from)?;
        Some((format!("{to}{rest}"), MERGED))
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_sorted_and_resolved() {
        assert!(FILES.windows(2).all(|pair| pair[0].path < pair[1].path));
        assert!(DIRECTORIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let first = |path: &str| behind(path).first().map(|(to, _)| to.clone());
        assert_eq!(first("/bin/sh").as_deref(), Some("/usr/bin/dash"));
        assert_eq!(first("/bin/cat").as_deref(), Some("/usr/bin/cat"));
        assert_eq!(
            first("/var/run/docker.sock").as_deref(),
            Some("/run/docker.sock")
        );
        assert_eq!(first("/usr/bin/cat"), None);
        assert_eq!(first("/bin/busybox"), None);
        assert_eq!(first("/binary"), None);
        let directory = |path: &str| directory_behind(path).first().map(|(to, _)| to.clone());
        assert_eq!(directory("/bin").as_deref(), Some("/usr/bin/"));
        assert_eq!(directory("/sbin/x").as_deref(), Some("/usr/sbin/x/"));
        assert_eq!(directory("/etc"), None);
    }
}

//! Processes that a node cannot do without, and files that they open.

/// Binaries whose death takes the node, its workloads or the way to repair it along.
pub const BINARIES: &[&str] = &[
    "/usr/lib/systemd/systemd",
    "/usr/sbin/sshd",
    "/usr/bin/containerd",
    "/usr/bin/dockerd",
    "/usr/bin/kubelet",
    "/usr/bin/nomad",
    "/usr/bin/tetragon",
    "/usr/bin/tpc-loader",
];

/// A file and who opens it in the course of things.
#[derive(Debug)]
pub struct Shared {
    pub path: &'static str,
    pub by: &'static str,
}

/// Files that such processes open, sorted by path.
pub const FILES: &[Shared] = &[
    shared("/dev/null", "nearly every program"),
    shared("/etc/group", "nearly every program"),
    shared("/etc/gshadow", "systemd, login and useradd"),
    shared("/etc/hosts", "every program that looks up names"),
    shared("/etc/ld.so.cache", "every program at its start"),
    shared("/etc/nsswitch.conf", "nearly every program"),
    shared("/etc/pam.d/sshd", "sshd"),
    shared("/etc/passwd", "nearly every program"),
    shared("/etc/resolv.conf", "every program that looks up names"),
    shared("/etc/shadow", "sshd, login and cron"),
    shared("/etc/ssh/sshd_config", "sshd"),
    shared("/etc/sudoers", "sudo"),
    shared("/proc/mounts", "systemd and the container runtime"),
    shared("/proc/self/mountinfo", "systemd and the container runtime"),
    shared("/run/containerd/containerd.sock", "kubelet"),
    shared("/run/docker.sock", "dockerd"),
    shared(
        "/sys/fs/cgroup/cgroup.procs",
        "systemd and the container runtime",
    ),
];

const fn shared(path: &'static str, by: &'static str) -> Shared {
    Shared { path, by }
}

#[cfg(test)]
mod tests {
    use super::FILES;

    #[test]
    fn sorted() {
        assert!(FILES.windows(2).all(|pair| pair[0].path < pair[1].path));
    }
}

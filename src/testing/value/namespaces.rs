//! Inode numbers of namespaces.

use crate::ir::Namespace;
use crate::ir::interp;

/// Every kind.
const KINDS: [Namespace; 10] = [
    Namespace::Uts,
    Namespace::Ipc,
    Namespace::Mnt,
    Namespace::Pid,
    Namespace::PidForChildren,
    Namespace::Net,
    Namespace::Time,
    Namespace::TimeForChildren,
    Namespace::Cgroup,
    Namespace::User,
];

/// Those of process 1.
pub(in crate::testing) fn of_host() -> interp::Namespaces {
    KINDS.into_iter().map(|kind| (kind, host(kind))).collect()
}

/// Inode number of the first namespace of a kind (include/uapi/linux/nsfs.h, 6.18).
pub(in crate::testing) fn host(kind: Namespace) -> u32 {
    match kind {
        Namespace::Ipc => 0xefff_ffff,
        Namespace::Uts => 0xefff_fffe,
        Namespace::User => 0xefff_fffd,
        Namespace::Pid | Namespace::PidForChildren => 0xefff_fffc,
        Namespace::Cgroup => 0xefff_fffb,
        Namespace::Time | Namespace::TimeForChildren => 0xefff_fffa,
        Namespace::Net => 0xefff_fff9,
        Namespace::Mnt => 0xefff_fff8,
    }
}

/// Inode number of a namespace that is not the host's.
pub(in crate::testing) fn other(kind: Namespace) -> u32 {
    const FIRST: u32 = 0xf000_0200;
    FIRST + (0xefff_ffff - host(kind))
}

/// The host's namespace of a file below `/proc/1/ns`.
pub(in crate::testing) fn by_file(name: &str) -> Option<u32> {
    let kind = match name {
        "uts" => Namespace::Uts,
        "ipc" => Namespace::Ipc,
        "mnt" => Namespace::Mnt,
        "pid" => Namespace::Pid,
        "pid_for_children" => Namespace::PidForChildren,
        "net" => Namespace::Net,
        "time" => Namespace::Time,
        "time_for_children" => Namespace::TimeForChildren,
        "cgroup" => Namespace::Cgroup,
        "user" => Namespace::User,
        _ => return None,
    };
    Some(host(kind))
}

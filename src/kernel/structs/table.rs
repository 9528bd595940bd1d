//! The members that programs read, one row for each structure, sorted by name.
//!
//! Names are those of Linux 5.10 to 7.x (`include/linux/*.h`, checked against the BTF of real kernels). Order and
//! types of members need not be the kernel's: CO-RE matches by name, through anonymous structures and unions.
//! Where a member was renamed, a second row with a `___flavour` names it as the other kernels do.

use super::Ty::{Array, I32, I64, Ptr, Struct, U8, U16, U32, U64};
use super::{Field, StructDef, Ty};

const fn s(name: &'static str, fields: &'static [Field]) -> StructDef {
    StructDef {
        name,
        fields,
        union: false,
    }
}

const fn f(name: &'static str, ty: Ty) -> Field {
    Field { name, ty }
}

#[rustfmt::skip]
pub(super) static STRUCTS: &[StructDef] = &[
    s("atomic64_t", &[f("counter", I64)]),
    s("cgroup_namespace", &[f("ns", Struct("ns_common"))]),
    s("cred", &[
        f("uid", Struct("kuid_t")), f("gid", Struct("kgid_t")), f("suid", Struct("kuid_t")), f("sgid", Struct("kgid_t")),
        f("euid", Struct("kuid_t")), f("egid", Struct("kgid_t")), f("fsuid", Struct("kuid_t")), f("fsgid", Struct("kgid_t")),
        f("securebits", U32), f("cap_inheritable", Struct("kernel_cap_t")), f("cap_permitted", Struct("kernel_cap_t")),
        f("cap_effective", Struct("kernel_cap_t")), f("user_ns", Ptr("user_namespace")),
    ]),
    s("dentry", &[
        f("d_flags", U32), f("d_hash", Struct("hlist_bl_node")), f("d_parent", Ptr("dentry")), f("d_name", Struct("qstr")),
        f("d_inode", Ptr("inode")), f("d_sb", Ptr("super_block")),
    ]),
    s("fdtable", &[f("max_fds", U32), f("fd", Ptr(""))]),
    s("file", &[f("f_path", Struct("path")), f("f_inode", Ptr("inode")), f("f_flags", U32), f("f_mode", U32)]),
    s("filename", &[f("name", Ptr(""))]),
    s("files_struct", &[f("fdt", Ptr("fdtable"))]),
    s("fs_struct", &[f("root", Struct("path")), f("pwd", Struct("path"))]),
    s("hlist_bl_node", &[f("next", Ptr("hlist_bl_node")), f("pprev", Ptr(""))]),
    s("in6_addr", &[f("in6_u", Struct("in6_addr_bytes"))]),
    s("in6_addr_bytes", &[f("u6_addr8", Array(&U8, 16))]),
    s("inet_sock", &[f("sk", Struct("sock")), f("inet_sport", U16), f("inet_saddr", U32)]),
    s("inode", &[
        f("i_mode", U16), f("i_uid", Struct("kuid_t")), f("i_gid", Struct("kgid_t")), f("i_ino", U64), f("i_sb", Ptr("super_block")),
        f("i_rdev", U32),
    ]),
    s("ipc_namespace", &[f("ns", Struct("ns_common"))]),
    s("kernel_cap_t", &[f("val", U64)]),
    s("kgid_t", &[f("val", U32)]),
    s("kuid_t", &[f("val", U32)]),
    s("linux_binprm", &[f("file", Ptr("file")), f("cred", Ptr("cred")), f("filename", Ptr(""))]),
    s("mm_struct", &[f("exe_file", Ptr("file")), f("arg_start", U64), f("arg_end", U64)]),
    s("mnt_namespace", &[f("ns", Struct("ns_common"))]),
    s("mount", &[
        f("mnt_parent", Ptr("mount")), f("mnt_mountpoint", Ptr("dentry")), f("mnt", Struct("vfsmount")), f("mnt_ns", Ptr("mnt_namespace")),
    ]),
    s("net", &[f("ns", Struct("ns_common"))]),
    s("ns_common", &[f("inum", U32)]),
    s("nsproxy", &[
        f("uts_ns", Ptr("uts_namespace")), f("ipc_ns", Ptr("ipc_namespace")), f("mnt_ns", Ptr("mnt_namespace")),
        f("pid_ns_for_children", Ptr("pid_namespace")), f("net_ns", Ptr("net")), f("time_ns", Ptr("time_namespace")),
        f("time_ns_for_children", Ptr("time_namespace")), f("cgroup_ns", Ptr("cgroup_namespace")),
    ]),
    s("path", &[f("mnt", Ptr("vfsmount")), f("dentry", Ptr("dentry"))]),
    s("pid", &[f("level", U32), f("numbers", Array(&Struct("upid"), 0))]),
    s("pid_namespace", &[f("level", U32), f("ns", Struct("ns_common"))]),
    s("pt_regs", &[f("r10", U64), f("r9", U64), f("r8", U64), f("dx", U64), f("si", U64), f("di", U64)]),
    s("qstr", &[f("len", U32), f("name", Ptr(""))]),
    s("signal_struct", &[f("flags", U32)]),
    s("sock", &[
        f("__sk_common", Struct("sock_common")), f("sk_type", U16), f("sk_protocol", U16), f("sk_mark", U32), f("sk_priority", U32),
        f("sk_socket", Ptr("socket")),
    ]),
    s("sock_common", &[
        f("skc_daddr", U32), f("skc_rcv_saddr", U32), f("skc_dport", U16), f("skc_num", U16), f("skc_family", U16), f("skc_state", U8),
        f("skc_v6_daddr", Struct("in6_addr")), f("skc_v6_rcv_saddr", Struct("in6_addr")), f("skc_cookie", Struct("atomic64_t")),
    ]),
    s("socket", &[f("sk", Ptr("sock")), f("type", U16)]),
    s("super_block", &[f("s_dev", U32), f("s_magic", U64), f("s_root", Ptr("dentry"))]),
    s("task_struct", &[
        f("pid", I32), f("tgid", I32), f("flags", U32), f("real_parent", Ptr("task_struct")), f("group_leader", Ptr("task_struct")),
        f("mm", Ptr("mm_struct")), f("cred", Ptr("cred")), f("real_cred", Ptr("cred")), f("nsproxy", Ptr("nsproxy")),
        f("start_boottime", U64), f("files", Ptr("files_struct")), f("fs", Ptr("fs_struct")), f("thread_pid", Ptr("pid")),
        f("signal", Ptr("signal_struct")), f("loginuid", Struct("kuid_t")), f("exit_code", I32),
    ]),
    s("time_namespace", &[f("ns", Struct("ns_common"))]),
    s("upid", &[f("nr", I32), f("ns", Ptr("pid_namespace"))]),
    s("user_namespace", &[
        f("parent", Ptr("user_namespace")), f("level", I32), f("owner", Struct("kuid_t")), f("group", Struct("kgid_t")),
        f("ns", Struct("ns_common")),
    ]),
    s("uts_namespace", &[f("ns", Struct("ns_common"))]),
    s("vfsmount", &[f("mnt_root", Ptr("dentry")), f("mnt_sb", Ptr("super_block")), f("mnt_flags", I32)]),
];

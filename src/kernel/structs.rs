//! The members of kernel structures that generated code reads.
//!
//! These are minimal local definitions for CO-RE: offsets here are those of a C compiler for
//! just these members; the loader replaces them by the running kernel's. Members of the
//! kernel's anonymous structs and unions are listed flat, as CO-RE matches through them.

/// Type of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    U8,
    U16,
    U32,
    U64,
    I32,
    /// Pointer to a structure of the table, or to `void` for "".
    Ptr(&'static str),
    /// Structure of the table, by value.
    Struct(&'static str),
    Array(&'static Ty, u32),
}

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: &'static str,
    pub ty: Ty,
}

/// A structure with the members that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructDef {
    pub name: &'static str,
    pub members: &'static [Member],
}

/// Where a path of members leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Index of the member at each step.
    pub indices: Vec<u32>,
    /// Bytes from the start of the first structure, in the local definitions.
    pub offset: u32,
    /// Bytes of the last member.
    pub size: u32,
    pub ty: Ty,
}

impl Ty {
    /// Bytes.
    pub fn size(self) -> u32 {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 | Self::I32 => 4,
            Self::U64 | Self::Ptr(_) => 8,
            Self::Struct(name) => lookup(name).map_or(0, StructDef::size),
            Self::Array(element, count) => element.size() * count,
        }
    }

    /// Bytes to whose multiples it is aligned.
    pub fn align(self) -> u32 {
        match self {
            Self::Struct(name) => lookup(name).map_or(1, StructDef::align),
            Self::Array(element, _) => element.align(),
            scalar => scalar.size(),
        }
    }
}

impl StructDef {
    /// Members with their byte offsets.
    pub fn layout(&self) -> impl Iterator<Item = (u32, &'static Member)> + use<> {
        self.members.iter().scan(0, |end: &mut u32, member| {
            let offset = end.next_multiple_of(member.ty.align());
            *end = offset + member.ty.size();
            Some((offset, member))
        })
    }

    pub fn size(&self) -> u32 {
        let end = self
            .layout()
            .last()
            .map_or(0, |(offset, member)| offset + member.ty.size());
        end.next_multiple_of(self.align())
    }

    fn align(&self) -> u32 {
        self.members
            .iter()
            .map(|member| member.ty.align())
            .max()
            .unwrap_or(1)
    }
}

/// The definition of a structure.
pub fn lookup(name: &str) -> Option<&'static StructDef> {
    STRUCTS.iter().find(|def| def.name == name)
}

/// Follows a path of member names, `f_path.dentry`, from a structure.
pub fn access(root: &str, path: &str) -> Option<Access> {
    let mut def = lookup(root)?;
    let mut found = Access {
        indices: Vec::new(),
        offset: 0,
        size: 0,
        ty: Ty::U8,
    };
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let position = def.members.iter().position(|member| member.name == name)?;
        let (offset, member) = def.layout().nth(position)?;
        found.indices.push(u32::try_from(position).ok()?);
        found.offset += offset;
        found.size = member.ty.size();
        found.ty = member.ty;
        if names.peek().is_some() {
            let Ty::Struct(inner) = member.ty else {
                return None;
            };
            def = lookup(inner)?;
        }
    }
    Some(found)
}

const fn m(name: &'static str, ty: Ty) -> Member {
    Member { name, ty }
}

macro_rules! structs {
    ($($name:ident { $($member:ident: $ty:expr),* $(,)? })*) => {
        /// All structures, in alphabetical order.
        pub const STRUCTS: &[StructDef] = &[
            $(StructDef {
                name: stringify!($name),
                members: &[$(m(stringify!($member), $ty)),*],
            }),*
        ];
    };
}

use Ty::{Array, I32, Ptr, Struct, U8, U16, U32, U64};

structs! {
    cgroup_namespace { ns: Struct("ns_common") }
    cred {
        uid: Struct("kuid_t"), gid: Struct("kgid_t"),
        suid: Struct("kuid_t"), sgid: Struct("kgid_t"),
        euid: Struct("kuid_t"), egid: Struct("kgid_t"),
        fsuid: Struct("kuid_t"), fsgid: Struct("kgid_t"),
        securebits: U32,
        cap_inheritable: Struct("kernel_cap_t"),
        cap_permitted: Struct("kernel_cap_t"),
        cap_effective: Struct("kernel_cap_t"),
        user_ns: Ptr("user_namespace"),
    }
    dentry {
        d_hash: Struct("hlist_bl_node"), d_parent: Ptr("dentry"), d_name: Struct("qstr"),
        d_inode: Ptr("inode"),
    }
    fdtable { max_fds: U32, fd: Ptr("") }
    file { f_path: Struct("path") }
    filename { name: Ptr("") }
    files_struct { fdt: Ptr("fdtable") }
    fs_struct { root: Struct("path"), pwd: Struct("path") }
    hlist_bl_node { next: Ptr("hlist_bl_node"), pprev: Ptr("") }
    in6_addr { in6_u: Array(&U8, 16) }
    inode { i_mode: U16 }
    ipc_namespace { ns: Struct("ns_common") }
    kernel_cap_t { val: U64 }
    kgid_t { val: U32 }
    kuid_t { val: U32 }
    linux_binprm { file: Ptr("file") }
    mm_struct { arg_start: U64, arg_end: U64, exe_file: Ptr("file") }
    mnt_namespace { ns: Struct("ns_common") }
    mount { mnt_parent: Ptr("mount"), mnt_mountpoint: Ptr("dentry"), mnt: Struct("vfsmount") }
    net { ns: Struct("ns_common") }
    ns_common { inum: U32 }
    nsproxy {
        uts_ns: Ptr("uts_namespace"), ipc_ns: Ptr("ipc_namespace"), mnt_ns: Ptr("mnt_namespace"),
        pid_ns_for_children: Ptr("pid_namespace"), net_ns: Ptr("net"),
        time_ns: Ptr("time_namespace"), time_ns_for_children: Ptr("time_namespace"),
        cgroup_ns: Ptr("cgroup_namespace"),
    }
    path { mnt: Ptr("vfsmount"), dentry: Ptr("dentry") }
    pid { level: U32, numbers: Array(&Struct("upid"), 1) }
    pid_namespace { ns: Struct("ns_common") }
    pt_regs { r10: U64, r9: U64, r8: U64, dx: U64, si: U64, di: U64 }
    qstr { len: U32, name: Ptr("") }
    sock {
        __sk_common: Struct("sock_common"), sk_type: U16, sk_protocol: U16, sk_mark: U32,
        sk_priority: U32,
    }
    sock_common {
        skc_daddr: U32, skc_rcv_saddr: U32, skc_dport: U16, skc_num: U16, skc_family: U16,
        skc_state: U8, skc_v6_daddr: Struct("in6_addr"), skc_v6_rcv_saddr: Struct("in6_addr"),
    }
    task_struct {
        mm: Ptr("mm_struct"), pid: I32, tgid: I32, real_parent: Ptr("task_struct"),
        group_leader: Ptr("task_struct"), thread_pid: Ptr("pid"), start_boottime: U64,
        cred: Ptr("cred"), fs: Ptr("fs_struct"), files: Ptr("files_struct"),
        nsproxy: Ptr("nsproxy"), loginuid: Struct("kuid_t"),
    }
    time_namespace { ns: Struct("ns_common") }
    upid { nr: I32, ns: Ptr("pid_namespace") }
    user_namespace {
        level: I32, owner: Struct("kuid_t"), group: Struct("kgid_t"), ns: Struct("ns_common"),
    }
    uts_namespace { ns: Struct("ns_common") }
    vfsmount { mnt_root: Ptr("dentry") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_adds_up_offsets_like_a_c_compiler() {
        let found = access("sock", "__sk_common.skc_family").expect("in the table");
        assert_eq!((found.offset, found.size), (12, 2));
        assert_eq!(found.indices, [0, 4]);
        let found = access("pid", "numbers").expect("in the table");
        assert_eq!((found.offset, found.size), (8, 16));
    }

    #[test]
    fn unknown_members_and_pointers_on_the_way_are_refused() {
        assert_eq!(access("file", "f_nothing"), None);
        assert_eq!(access("task_struct", "mm.exe_file"), None);
    }

    #[test]
    fn every_named_structure_is_in_the_table() {
        assert!(STRUCTS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for member in STRUCTS.iter().flat_map(|def| def.members) {
            if let Ty::Ptr(name) | Ty::Struct(name) = member.ty {
                assert!(name.is_empty() || lookup(name).is_some(), "{name}");
            }
        }
    }
}

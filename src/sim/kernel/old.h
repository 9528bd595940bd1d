# The structures of another kernel: names as Linux 5.10 has them, in an order that no kernel has. `loginuid` is missing, as without
# CONFIG_AUDIT; capabilities are two words, as before 6.3. Only what the kernel guarantees is kept: parts of a `path` and a `qstr`; `d_name`
# behind `d_parent`; `mnt_mountpoint` behind `mnt_parent`.

struct atomic64_t { i64 counter; };
struct kuid_t { u32 val; };
struct kgid_t { u32 val; };
struct kernel_cap_t { u32 cap[2]; };
struct hlist_bl_node { hlist_bl_node *next; void *pprev; };
struct qstr { union { struct { u32 hash; u32 len; }; u64 hash_len; }; void *name; };
struct path { vfsmount *mnt; dentry *dentry; };
struct super_block { dentry *s_root; u64 s_magic; u32 s_dev; };
struct inode { super_block *i_sb; u64 i_ino; u32 i_rdev; u16 i_opflags; u16 i_mode; kgid_t i_gid; kuid_t i_uid; };
struct dentry { inode *d_inode; u64 d_time; dentry *d_parent; qstr d_name; u8 d_iname[32]; super_block *d_sb; hlist_bl_node d_hash; u32 d_flags; };
struct vfsmount { i32 mnt_flags; super_block *mnt_sb; u64 mnt_pad[5]; dentry *mnt_root; };
struct mount { u32 mnt_id; mnt_namespace *mnt_ns; vfsmount mnt; u64 mnt_list[2]; mount *mnt_parent; dentry *mnt_mountpoint; u64 mnt_hash[2]; };
struct file { u64 f_u[2]; path f_path; inode *f_inode; void *f_op; u32 f_flags; u32 f_mode; };
struct filename { u32 refcnt; u8 iname[8]; void *aname; void *name; };
struct fdtable { void *fd; u64 close_on_exec; u32 full_fds; u32 max_fds; };
struct files_struct { u64 pad[9]; fdtable *fdt; u32 count; };
struct fs_struct { path pwd; i32 umask; path root; };
struct linux_binprm { file *file; void *filename; cred *cred; u64 p; };
struct mm_struct { file *exe_file; struct { u64 pgd; struct { u64 arg_end; u64 env_start; u64 arg_start; }; }; };
struct ns_common { u32 inum; u64 stashed; };
struct uts_namespace { ns_common ns; u8 name[24]; };
struct ipc_namespace { ns_common ns; u64 ids[2]; };
struct mnt_namespace { u64 count; u64 list[3]; ns_common ns; };
struct pid_namespace { ns_common ns; pid_namespace *parent; u32 level; };
struct net { u64 list[40]; ns_common ns; };
struct time_namespace { u64 offsets[4]; ns_common ns; };
struct cgroup_namespace { u32 count; ns_common ns; };
struct user_namespace { ns_common ns; kgid_t group; kuid_t owner; i32 level; user_namespace *parent; };
struct nsproxy { cgroup_namespace *cgroup_ns; net *net_ns; time_namespace *time_ns_for_children; time_namespace *time_ns; u32 count;
  pid_namespace *pid_ns_for_children; mnt_namespace *mnt_ns; ipc_namespace *ipc_ns; uts_namespace *uts_ns; };
struct upid { i32 nr; pid_namespace *ns; };
struct pid { u64 rcu[2]; u32 level; upid numbers[1]; };
struct cred {
  user_namespace *user_ns; kernel_cap_t cap_bset; kernel_cap_t cap_effective; u32 securebits; kernel_cap_t cap_permitted; kernel_cap_t cap_inheritable;
  kgid_t fsgid; kuid_t fsuid; kgid_t egid; kuid_t euid; kgid_t sgid; kuid_t suid; kgid_t gid; kuid_t uid; i32 usage;
};
struct signal_struct { u64 pad; u32 flags; };
struct task_struct {
  nsproxy *nsproxy; u64 sched[200]; i32 tgid; i32 pid; u64 start_boottime; pid *thread_pid; task_struct *group_leader; files_struct *files;
  cred *cred; cred *real_cred; fs_struct *fs; i32 exit_code; u32 flags; mm_struct *mm; signal_struct *signal; task_struct *real_parent;
};
struct in6_addr { u8 u6_addr8[16]; };
struct sock_common {
  in6_addr skc_v6_rcv_saddr; u8 skc_state; u16 skc_family; u16 skc_num; u16 skc_dport; u32 skc_rcv_saddr; u32 skc_daddr; u64 skc_pad;
  in6_addr skc_v6_daddr; atomic64_t skc_cookie;
};
struct sock { u64 sk_pad[3]; sock_common __sk_common; u16 sk_protocol; u16 sk_type; u32 sk_mark; u64 sk_more[7]; u32 sk_priority; void *sk_socket; };
struct socket { sock *sk; u16 type; };
struct inet_sock { sock sk; u16 inet_sport; u32 inet_saddr; };
struct pt_regs { u64 di; u64 si; u64 dx; u64 cx; u64 r8; u64 r9; u64 r10; u64 ax; u64 orig_ax; u64 ip; u64 sp; };

# The structures of a recent kernel, x86_64: names and order of Linux 6.18, with the members that programs read, their neighbours,
# and room for the rest.

struct atomic64_t { i64 counter; };
struct kuid_t { u32 val; };
struct kgid_t { u32 val; };
struct kernel_cap_t { u64 val; };
struct hlist_node { hlist_node *next; void *pprev; };
struct hlist_bl_node { hlist_bl_node *next; void *pprev; };
struct qstr { union { struct { u32 hash; u32 len; }; u64 hash_len; }; void *name; };
struct path { vfsmount *mnt; dentry *dentry; };
struct super_block { u64 s_list[2]; u32 s_dev; u64 s_magic; dentry *s_root; };
struct inode { u16 i_mode; u16 i_opflags; u32 i_flags; kuid_t i_uid; kgid_t i_gid; u64 i_ino; super_block *i_sb; u32 i_rdev; };
struct dentry {
  u32 d_flags; u32 d_seq; hlist_bl_node d_hash; dentry *d_parent;
  union { qstr __d_name; qstr d_name; };
  inode *d_inode; u8 d_iname[40]; void *d_op; super_block *d_sb; u64 d_time;
};
struct vfsmount { dentry *mnt_root; super_block *mnt_sb; i32 mnt_flags; void *mnt_idmap; };
struct mount { hlist_node mnt_hash; mount *mnt_parent; dentry *mnt_mountpoint; vfsmount mnt; u64 mnt_rcu[2]; mnt_namespace *mnt_ns; u32 mnt_id; };
struct file { u64 f_lock; u32 f_mode; void *f_op; void *f_mapping; void *private_data; inode *f_inode; u32 f_flags; u32 f_iocb_flags;
  cred *f_cred; union { path f_path; path __f_path; }; u64 f_pos; };
struct filename { void *name; u32 refcnt; void *aname; u8 iname[16]; };
struct fdtable { u32 max_fds; void *fd; u64 close_on_exec; };
struct files_struct { u32 count; u8 resize_in_progress; u64 resize_wait[3]; fdtable *fdt; fdtable fdtab; };
struct fs_struct { i32 users; u32 seq; i32 umask; i32 in_exec; path root; path pwd; };
struct linux_binprm { void *vma; u64 vma_pages; mm_struct *mm; u64 p; u32 bits; file *executable; file *interpreter; file *file; cred *cred; i32 unsafe; void *filename; };
struct mm_struct { struct { u64 mm_count; u64 pgd; u64 start_code; u64 end_code; u64 arg_lock; u64 start_brk; u64 start_stack;
  u64 arg_start; u64 arg_end; u64 env_start; user_namespace *user_ns; file *exe_file; }; u64 cpu_bitmap[2]; };
struct ns_common { u64 stashed; void *ops; u32 inum; u32 ns_type; u64 count; };
struct uts_namespace { u8 name[64]; user_namespace *user_ns; ns_common ns; };
struct ipc_namespace { u64 ids[6]; ns_common ns; };
struct mnt_namespace { ns_common ns; mount *root; u64 seq; };
struct pid_namespace { u64 idr[4]; task_struct *child_reaper; u32 level; u32 pad; pid_namespace *parent; ns_common ns; };
struct net { u32 passive; u32 lock; u64 list[4]; ns_common ns; };
struct time_namespace { user_namespace *user_ns; ns_common ns; };
struct cgroup_namespace { ns_common ns; void *root_cset; };
struct user_namespace { u64 uid_map[8]; user_namespace *parent; i32 level; kuid_t owner; kgid_t group; ns_common ns; u64 flags; };
struct nsproxy { u32 count; uts_namespace *uts_ns; ipc_namespace *ipc_ns; mnt_namespace *mnt_ns; pid_namespace *pid_ns_for_children;
  net *net_ns; time_namespace *time_ns; time_namespace *time_ns_for_children; cgroup_namespace *cgroup_ns; };
struct upid { i32 nr; pid_namespace *ns; };
struct pid { u32 count; u32 level; u32 lock; void *stashed; u64 ino; u64 tasks[4]; u64 inodes; u64 rcu[2]; upid numbers[0]; };
struct cred {
  atomic64_t usage; kuid_t uid; kgid_t gid; kuid_t suid; kgid_t sgid; kuid_t euid; kgid_t egid; kuid_t fsuid; kgid_t fsgid; u32 securebits;
  kernel_cap_t cap_inheritable; kernel_cap_t cap_permitted; kernel_cap_t cap_effective; kernel_cap_t cap_bset; kernel_cap_t cap_ambient;
  u8 jit_keyring; void *session_keyring; void *user; user_namespace *user_ns; void *group_info;
};
struct signal_struct { u32 flags; };
struct task_struct {
  u64 thread_info[3]; u32 __state; u32 saved_state;
  struct { void *stack; u32 usage; u32 flags; u64 sched[8]; u64 tasks[2]; mm_struct *mm; mm_struct *active_mm; i32 exit_state; i32 exit_code;
    i32 pid; i32 tgid; u64 stack_canary; task_struct *real_parent; task_struct *parent; u64 children[4]; task_struct *group_leader;
    pid *thread_pid; u64 utime; u64 start_time; u64 start_boottime; cred *ptracer_cred; cred *real_cred; cred *cred; u8 comm[16];
    fs_struct *fs; files_struct *files; nsproxy *nsproxy; signal_struct *signal; kuid_t loginuid; u32 sessionid; };
  u64 thread[4];
};
struct in6_addr { union { u8 u6_addr8[16]; u32 u6_addr32[4]; }; };
struct sock_common {
  union { u64 skc_addrpair; struct { u32 skc_daddr; u32 skc_rcv_saddr; }; };
  u32 skc_hash;
  union { u32 skc_portpair; struct { u16 skc_dport; u16 skc_num; }; };
  u16 skc_family; u8 skc_state; u8 skc_reuse; i32 skc_bound_dev_if; u64 skc_bind_node[2]; void *skc_prot; net *skc_net;
  in6_addr skc_v6_daddr; in6_addr skc_v6_rcv_saddr; atomic64_t skc_cookie; u64 skc_flags;
};
struct sock {
  sock_common __sk_common; u64 sk_rx[6]; u64 sk_write[4]; u32 sk_uid; u32 sk_priority; u32 sk_mark; u16 sk_gso_type; u16 sk_type; u16 sk_protocol;
  u16 sk_err; void *sk_socket; void *sk_user_data;
};
struct socket { u32 state; u16 type; u64 flags; void *file; sock *sk; };
struct inet_sock { sock sk; void *pinet6; u64 inet_flags; u32 inet_saddr; i16 uc_ttl; u16 inet_sport; };
struct pt_regs { u64 r15; u64 r14; u64 r13; u64 r12; u64 bp; u64 bx; u64 r11; u64 r10; u64 r9; u64 r8; u64 ax; u64 cx; u64 dx; u64 si; u64 di;
  u64 orig_ax; u64 ip; u64 cs; u64 flags; u64 sp; u64 ss; };

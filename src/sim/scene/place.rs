//! A scene in the memory of a kernel.
//!
//! In: a scene and a kernel's structures. Out: a [`Placed`] one: memory and the registers that lead into it. Members that the kernel lacks
//! are left out; members that no scene describes hold rubbish.

use super::{AF_INET, AF_INET6};
use super::{Area, Bytes, Cred, Data, Ids, Param, Scene, Sock, Spot, Task, UserNamespace};
use crate::sim::kernel::{Field, Kernel, Layout};
use crate::sim::memory::Memory;

/// A scene in memory.
#[derive(Clone, Debug)]
pub struct Placed {
    pub memory: Memory,
    /// Of the function's parameters.
    pub registers: [u64; 6],
    pub returned: Option<u64>,
    /// Address of the current task's structure.
    pub task: u64,
    /// Thread group and thread.
    pub ids: (u32, u32),
    /// Not process 1 and not without memory of its own: programs may send signals to the process.
    pub takes_signals: bool,
    /// Nanoseconds since boot.
    pub time: u64,
    pub ring_is_full: bool,
    /// The kernel's name for the six registers, for system calls.
    pub inner_registers: u64,
}

impl Scene {
    /// Lays the scene out as this kernel would: the same scene always lies at the same addresses.
    pub fn place(&self, kernel: &Kernel) -> Placed {
        let mut placer = Placer::new(kernel, self);
        let task = placer.task(&self.task);
        let mut registers = [0; 6];
        for (register, param) in registers.iter_mut().zip(&self.params) {
            *register = placer.param(param);
        }
        let returned = self.returned.as_ref().map(|param| placer.param(param));
        let inner_registers = placer.inner_registers(registers);
        Placed {
            registers,
            returned,
            task,
            ids: (self.task.ids.process, self.task.ids.thread),
            takes_signals: self.task.ids.process != 1 && self.task.memory.is_some(),
            time: self.time,
            ring_is_full: self.ring_is_full,
            inner_registers,
            memory: placer.memory,
        }
    }
}

/// Registers of the parameters of a system call in `struct pt_regs` (arch/x86/entry/entry_64.S).
static SYSCALL_REGISTERS: [&str; 6] = ["di", "si", "dx", "r10", "r8", "r9"];
/// Members that scenes set.
static DENTRY: [&str; 6] = [
    "d_sb",
    "d_parent",
    "d_name.len",
    "d_name.name",
    "d_inode",
    "d_hash.pprev",
];
static MOUNT: [&str; 3] = ["mnt_parent", "mnt_mountpoint", "mnt.mnt_root"];
static SOCK: [&str; 8] = [
    "__sk_common.skc_family",
    "__sk_common.skc_state",
    "__sk_common.skc_num",
    "__sk_common.skc_dport",
    "sk_type",
    "sk_protocol",
    "sk_mark",
    "sk_priority",
];
static V4_ADDRESSES: [&str; 2] = ["__sk_common.skc_rcv_saddr", "__sk_common.skc_daddr"];
static V6_ADDRESSES: [&str; 2] = ["__sk_common.skc_v6_rcv_saddr", "__sk_common.skc_v6_daddr"];
static IDS: [&str; 8] = [
    "uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid",
];
static CRED: [&str; 5] = [
    "securebits",
    "cap_permitted",
    "cap_effective",
    "cap_inheritable",
    "user_ns",
];
static PROXY: [&str; 8] = [
    "uts_ns",
    "ipc_ns",
    "mnt_ns",
    "pid_ns_for_children",
    "net_ns",
    "time_ns",
    "time_ns_for_children",
    "cgroup_ns",
];
const START: (&str, &[&str; 1]) = ("task_struct", &["start_boottime"]);
const PROCESS: (&str, &[&str; 3]) = ("task_struct", &["real_parent", "mm", "cred"]);
/// Bytes of an entry of `pid.numbers`: an int, padding, a pointer.
const UPID: u64 = 16;

struct Placer<'a> {
    kernel: &'a Kernel,
    scene: &'a Scene,
    memory: Memory,
    /// Addresses of `struct super_block`, `struct dentry` and `struct mount`, by index.
    filesystems: Vec<u64>,
    dentries: Vec<u64>,
    mounts: Vec<u64>,
}

impl<'a> Placer<'a> {
    fn new(kernel: &'a Kernel, scene: &'a Scene) -> Self {
        let memory = Memory::default();
        let mut placer = Self {
            kernel,
            scene,
            memory,
            filesystems: Vec::new(),
            dentries: Vec::new(),
            mounts: Vec::new(),
        };
        placer.filesystems = placer.blanks("super_block", scene.vfs.filesystems.len());
        placer.dentries = placer.blanks("dentry", scene.vfs.dentries.len());
        placer.mounts = placer.blanks("mount", scene.vfs.mounts.len());
        placer.dentries();
        placer.mounts();
        placer
    }

    fn blanks(&mut self, name: &'static str, count: usize) -> Vec<u64> {
        let size = self.kernel.layout(name, &[]).size.unwrap_or(8);
        let blank = |_| self.memory.alloc(Area::Kernel, size as usize, 8);
        (0..count).map(blank).collect()
    }

    /// A new structure full of rubbish.
    fn blank(&mut self, name: &'static str) -> u64 {
        let size = self.kernel.layout(name, &[]).size.unwrap_or(8);
        self.memory.alloc(Area::Kernel, size as usize, 8)
    }

    /// A new structure with these members.
    fn structure<const N: usize>(
        &mut self,
        name: &'static str,
        paths: &'static [&'static str; N],
        values: [u64; N],
    ) -> u64 {
        let at = self.blank(name);
        self.set(at, (name, paths), values);
        at
    }

    /// Sets numbers, pointers or addresses of a structure.
    fn set<const N: usize>(
        &mut self,
        base: u64,
        (root, paths): (&'static str, &'static [&'static str; N]),
        values: [u64; N],
    ) {
        self.fill(base, &self.kernel.layout(root, paths), values);
    }

    fn fill<const N: usize>(&mut self, base: u64, layout: &Layout, values: [u64; N]) {
        for (field, value) in layout.fields.iter().zip(values) {
            if let Some(field) = field {
                let bytes = value.to_le_bytes();
                let len = (field.size as usize).min(bytes.len());
                self.memory
                    .write(base + u64::from(field.offset), &bytes[..len]);
            }
        }
    }

    fn member(&self, root: &'static str, path: &'static [&'static str; 1]) -> Option<Field> {
        self.kernel.layout(root, path).fields.first().copied()?
    }

    /// Address of a member.
    fn inside(&self, base: u64, root: &'static str, path: &'static [&'static str; 1]) -> u64 {
        base + self
            .member(root, path)
            .map_or(0, |field| u64::from(field.offset))
    }

    fn dentries(&mut self) {
        let scene = self.scene;
        let (layout, room) = (
            self.kernel.layout("dentry", &DENTRY),
            self.member("dentry", &["d_iname"]),
        );
        for (index, dentry) in scene.vfs.dentries.iter().enumerate() {
            let at = self.dentries[index];
            let name = self.name(at, &dentry.name, room);
            let parent = self.dentries.get(dentry.parent).copied().unwrap_or(0);
            let inode = dentry.mode.map_or(0, |mode| {
                self.structure("inode", &["i_mode"], [mode.into()])
            });
            // Of a list that runs through all entries of a bucket; where it points to does not matter.
            let hashed = if dentry.linked { at } else { 0 };
            let filesystem = self.filesystems.get(dentry.filesystem);
            let block = filesystem.copied().unwrap_or(0);
            let len = dentry.name.len() as u64;
            self.fill(at, &layout, [block, parent, len, name, inode, hashed]);
        }
    }

    fn mounts(&mut self) {
        let scene = self.scene;
        for (index, filesystem) in scene.vfs.filesystems.iter().enumerate() {
            let at = self.filesystems[index];
            let root = self.dentries.get(filesystem.root).copied().unwrap_or(0);
            self.set(
                at,
                ("super_block", &["s_magic", "s_root"]),
                [filesystem.magic, root],
            );
        }
        for (index, mount) in scene.vfs.mounts.iter().enumerate() {
            let at = self.mounts[index];
            let parent = mount.at.map_or(at, |spot| {
                self.mounts.get(spot.mount).copied().unwrap_or(at)
            });
            let point = mount.at.map_or(mount.root, |spot| spot.dentry);
            let [point, root] =
                [point, mount.root].map(|entry| self.dentries.get(entry).copied().unwrap_or(0));
            self.set(at, ("mount", &MOUNT), [parent, point, root]);
        }
    }

    /// Short names lie in the entry, longer ones elsewhere.
    fn name(&mut self, dentry: u64, name: &Bytes, room: Option<Field>) -> u64 {
        let with_nul = [name, &b"\0"[..]].concat();
        match room.filter(|room| with_nul.len() <= room.size as usize) {
            Some(room) => {
                let at = dentry + u64::from(room.offset);
                self.memory.write(at, &with_nul);
                at
            }
            None => self.memory.store(Area::Kernel, &with_nul),
        }
    }

    /// `struct vfsmount *` and `struct dentry *` of a file.
    fn spot(&self, spot: Spot) -> (u64, u64) {
        let mount = self
            .mounts
            .get(spot.mount)
            .map_or(0, |mount| self.inside(*mount, "mount", &["mnt"]));
        (mount, self.dentries.get(spot.dentry).copied().unwrap_or(0))
    }

    fn file(&mut self, spot: Spot) -> u64 {
        let (mount, dentry) = self.spot(spot);
        self.structure("file", &["f_path.mnt", "f_path.dentry"], [mount, dentry])
    }

    fn data(&mut self, data: &Data) -> u64 {
        match data {
            Data::In(area, bytes) => self.memory.store(*area, bytes),
            Data::At(address) => *address,
        }
    }

    fn param(&mut self, param: &Param) -> u64 {
        match param {
            Param::Number(bits) => *bits,
            Param::Bytes(data) => self.data(data),
            Param::Filename(data) => {
                let text = self.data(data);
                self.structure("filename", &["name"], [text])
            }
            Param::File(spot) => self.file(*spot),
            Param::Path(spot) => {
                let (mount, dentry) = self.spot(*spot);
                self.structure("path", &["mnt", "dentry"], [mount, dentry])
            }
            Param::Dentry(dentry) => self.dentries.get(*dentry).copied().unwrap_or(0),
            Param::Binprm(spot) => {
                let file = spot.map_or(0, |spot| self.file(spot));
                self.structure("linux_binprm", &["file"], [file])
            }
            Param::Sock(sock) => self.sock(sock),
            Param::Cred(cred) => self.cred(cred),
        }
    }

    fn sock(&mut self, of: &Sock) -> u64 {
        let sock = self.structure(
            "sock",
            &SOCK,
            [
                of.family.into(),
                of.state.into(),
                of.ports[0].into(),
                of.ports[1].to_be().into(),
                of.kind.into(),
                of.protocol.into(),
                of.mark.into(),
                of.priority.into(),
            ],
        );
        let (paths, len) = match of.family {
            AF_INET => (&V4_ADDRESSES, 4),
            AF_INET6 => (&V6_ADDRESSES, 16),
            _ => return sock,
        };
        let layout = self.kernel.layout("sock", paths);
        for (field, address) in layout.fields.iter().zip(&of.addresses) {
            let at = field.map_or(0, |field| u64::from(field.offset));
            self.memory.write(sock + at, &address[..len]);
        }
        sock
    }

    fn cred(&mut self, of: &Cred) -> u64 {
        let user = self.user_namespace(of.user);
        let cred = self.structure("cred", &IDS, of.ids.map(u64::from));
        let rest = [
            of.securebits.into(),
            of.permitted,
            of.effective,
            of.inheritable,
            user,
        ];
        self.set(cred, ("cred", &CRED), rest);
        cred
    }

    fn user_namespace(&mut self, of: UserNamespace) -> u64 {
        self.structure(
            "user_namespace",
            &["level", "owner", "group", "ns.inum"],
            [of.level.cast_unsigned(), of.owner, of.group, of.inode].map(u64::from),
        )
    }

    /// A namespace of one of the simple kinds.
    fn namespace(&mut self, name: &'static str, inode: u32) -> u64 {
        self.structure(name, &["ns.inum"], [inode.into()])
    }

    /// `struct pid` with the numbers of one thread, from the host's namespace down.
    fn pid(&mut self, numbers: &[u32], namespace: u32) -> u64 {
        let size = self.kernel.layout("pid", &[]).size.unwrap_or(0) as usize;
        let pid = self
            .memory
            .alloc(Area::Kernel, size + numbers.len() * UPID as usize, 8);
        self.set(pid, ("pid", &["level"]), [numbers.len() as u64 - 1]);
        let first = self.inside(pid, "pid", &["numbers"]);
        let innermost = self.namespace("pid_namespace", namespace);
        for (level, number) in numbers.iter().enumerate() {
            let entry = first + UPID * level as u64;
            let namespace = if level + 1 == numbers.len() {
                innermost
            } else {
                self.blank("pid_namespace")
            };
            self.set(
                entry,
                ("upid", &["nr", "ns"]),
                [(*number).into(), namespace],
            );
        }
        pid
    }

    /// Structures of a thread and of the leader of its group; they are one for the first thread.
    fn thread(&mut self, ids: &Ids, start: u64, namespace: u32) -> (u64, u64) {
        let leader = self.blank("task_struct");
        let numbers: Vec<u32> = [ids.process]
            .into_iter()
            .chain(ids.inner.iter().map(|(process, _)| *process))
            .collect();
        let pid = self.pid(&numbers, namespace);
        self.identify(leader, (ids.process, ids.process), (leader, pid));
        self.set(leader, START, [start]);
        if ids.thread == ids.process {
            return (leader, leader);
        }
        let thread = self.blank("task_struct");
        let numbers: Vec<u32> = [ids.thread]
            .into_iter()
            .chain(ids.inner.iter().map(|(_, thread)| *thread))
            .collect();
        let pid = self.pid(&numbers, namespace);
        self.identify(thread, (ids.process, ids.thread), (leader, pid));
        // A thread starts after its process.
        self.set(thread, START, [start.wrapping_add(1)]);
        (thread, leader)
    }

    fn identify(&mut self, task: u64, (process, thread): (u32, u32), (leader, pid): (u64, u64)) {
        self.set(
            task,
            (
                "task_struct",
                &["tgid", "pid", "group_leader", "thread_pid"],
            ),
            [process.into(), thread.into(), leader, pid],
        );
    }

    /// The current thread's structure.
    fn task(&mut self, of: &Task) -> u64 {
        let (thread, leader) = self.thread(&of.ids, of.start, of.pid_namespace);
        let cred = self.cred(&of.cred);
        let memory = of.memory.as_ref().map_or(0, |image| {
            let exe = image.exe.map_or(0, |exe| self.file(exe));
            let start = self.data(&image.arguments);
            let len = match &image.arguments {
                Data::In(_, bytes) => bytes.len() as u64,
                Data::At(_) => 16,
            };
            self.mm(exe, (start, start.wrapping_add(len)))
        });
        let parent = self.parents(of);
        for task in [thread, leader] {
            self.set(task, PROCESS, [parent, memory, cred]);
        }
        let (fs, files, proxy) = (self.fs(of), self.descriptors(of), self.proxy(of));
        self.set(
            thread,
            ("task_struct", &["fs", "files", "nsproxy", "loginuid"]),
            [fs, files, proxy, of.auid.into()],
        );
        thread
    }

    fn mm(&mut self, exe: u64, (start, end): (u64, u64)) -> u64 {
        self.structure(
            "mm_struct",
            &["exe_file", "arg_start", "arg_end"],
            [exe, start, end],
        )
    }

    /// The chain of parents; the nearest is the result.
    fn parents(&mut self, of: &Task) -> u64 {
        let (idle, _) = self.thread(&Ids::default(), 0, 0);
        let cred = self.cred(&Cred::default());
        self.set(idle, PROCESS, [idle, 0, cred]);
        let mut above = idle;
        for parent in of.parents.iter().rev() {
            let (thread, leader) = self.thread(&parent.ids, parent.start, 0);
            let mut cred = Cred::default();
            cred.ids[2] = parent.uid;
            let cred = self.cred(&cred);
            let memory = parent.exe.map_or(0, |exe| {
                let exe = self.file(exe);
                self.mm(exe, (0, 0))
            });
            for task in [thread, leader] {
                self.set(task, PROCESS, [above, memory, cred]);
            }
            above = thread;
        }
        above
    }

    fn fs(&mut self, of: &Task) -> u64 {
        let Some(of) = of.fs else {
            return 0;
        };
        let ((root_mount, root), (cwd_mount, cwd)) = (self.spot(of.root), self.spot(of.cwd));
        self.structure(
            "fs_struct",
            &["root.mnt", "root.dentry", "pwd.mnt", "pwd.dentry"],
            [root_mount, root, cwd_mount, cwd],
        )
    }

    fn descriptors(&mut self, of: &Task) -> u64 {
        let Some(open) = &of.files else {
            return 0;
        };
        let files: Vec<u64> = open
            .iter()
            .map(|spot| spot.map_or(0, |spot| self.file(spot)))
            .collect();
        // What lies behind the last descriptor may look like one.
        let behind = files.iter().find(|file| **file != 0);
        let array = files.iter().chain(behind);
        let array: Vec<u8> = array.flat_map(|file| file.to_le_bytes()).collect();
        let array = self.memory.store(Area::Kernel, &array);
        let table = self.structure("fdtable", &["max_fds", "fd"], [open.len() as u64, array]);
        self.structure("files_struct", &["fdt"], [table])
    }

    fn proxy(&mut self, of: &Task) -> u64 {
        let Some(of) = of.namespaces else {
            return 0;
        };
        let namespaces = [
            ("uts_namespace", of.uts),
            ("ipc_namespace", of.ipc),
            ("mnt_namespace", of.mnt),
            ("pid_namespace", of.pid_for_children),
            ("net", of.net),
            ("time_namespace", of.time),
            ("time_namespace", of.time_for_children),
            ("cgroup_namespace", of.cgroup),
        ]
        .map(|(name, inode)| self.namespace(name, inode));
        self.structure("nsproxy", &PROXY, namespaces)
    }

    fn inner_registers(&mut self, registers: [u64; 6]) -> u64 {
        self.structure("pt_regs", &SYSCALL_REGISTERS, registers)
    }
}

//! A scene in the memory of a kernel.
//!
//! In: a scene and a kernel's structures. Out: a [`Placed`] one: memory and the registers that lead into it. Members that the kernel lacks
//! are left out; members that no scene describes hold rubbish.

use super::{AF_INET, AF_INET6};
use super::{Area, Bytes, Cred, Data, Ids, Param, Scene, Sock, Spot, Task, UserNamespace};
use crate::sim::kernel::Kernel;
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
    /// Nanoseconds since boot.
    pub time: u64,
    pub ring_is_full: bool,
    /// The kernel's name for the six registers, for system calls.
    pub inner_registers: u64,
}

impl Scene {
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
            time: self.time,
            ring_is_full: self.ring_is_full,
            inner_registers,
            memory: placer.memory,
        }
    }
}

/// Registers of the parameters of a system call in `struct pt_regs` (arch/x86/entry/entry_64.S).
const SYSCALL_REGISTERS: [&str; 6] = ["di", "si", "dx", "r10", "r8", "r9"];
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
        placer.filesystems = scene
            .vfs
            .filesystems
            .iter()
            .map(|_| placer.structure("super_block"))
            .collect();
        placer.dentries = scene
            .vfs
            .dentries
            .iter()
            .map(|_| placer.structure("dentry"))
            .collect();
        placer.mounts = scene
            .vfs
            .mounts
            .iter()
            .map(|_| placer.structure("mount"))
            .collect();
        placer.files();
        placer
    }

    /// A new structure full of rubbish.
    fn structure(&mut self, name: &'static str) -> u64 {
        let size = self.kernel.size(name).unwrap_or(8);
        self.memory.alloc(Area::Kernel, size as usize, 8)
    }

    /// Sets a number, pointer or address of a structure.
    fn put(&mut self, base: u64, (root, path): (&'static str, &'static str), value: u64) {
        if let Some(field) = self.kernel.field(root, path) {
            let bytes = value.to_le_bytes();
            let len = (field.size as usize).min(bytes.len());
            self.memory
                .write(base + u64::from(field.offset), &bytes[..len]);
        }
    }

    fn put_bytes(&mut self, base: u64, (root, path): (&'static str, &'static str), bytes: &[u8]) {
        if let Some(field) = self.kernel.field(root, path) {
            self.memory.write(base + u64::from(field.offset), bytes);
        }
    }

    /// Address of a member.
    fn inside(&self, base: u64, root: &'static str, path: &'static str) -> u64 {
        base + self
            .kernel
            .field(root, path)
            .map_or(0, |field| u64::from(field.offset))
    }

    fn files(&mut self) {
        let scene = self.scene;
        for (index, dentry) in scene.vfs.dentries.iter().enumerate() {
            let at = self.dentries[index];
            let name = self.name(at, &dentry.name);
            let parent = self.dentries.get(dentry.parent).copied().unwrap_or(0);
            let inode = dentry.mode.map_or(0, |mode| {
                let inode = self.structure("inode");
                self.put(inode, ("inode", "i_mode"), mode.into());
                inode
            });
            // Of a list that runs through all entries of a bucket; where it points to does not matter.
            let hashed = if dentry.linked { at } else { 0 };
            let block = self
                .filesystems
                .get(dentry.filesystem)
                .copied()
                .unwrap_or(0);
            self.put(at, ("dentry", "d_sb"), block);
            self.put(at, ("dentry", "d_parent"), parent);
            self.put(at, ("dentry", "d_name.len"), dentry.name.len() as u64);
            self.put(at, ("dentry", "d_name.name"), name);
            self.put(at, ("dentry", "d_inode"), inode);
            self.put(at, ("dentry", "d_hash.pprev"), hashed);
        }
        for (index, filesystem) in scene.vfs.filesystems.iter().enumerate() {
            let at = self.filesystems[index];
            let root = self.dentries.get(filesystem.root).copied().unwrap_or(0);
            self.put(at, ("super_block", "s_magic"), filesystem.magic);
            self.put(at, ("super_block", "s_root"), root);
        }
        for (index, mount) in scene.vfs.mounts.iter().enumerate() {
            let at = self.mounts[index];
            let parent = mount.at.map_or(at, |spot| {
                self.mounts.get(spot.mount).copied().unwrap_or(at)
            });
            let point = mount.at.map_or(mount.root, |spot| spot.dentry);
            self.put(at, ("mount", "mnt_parent"), parent);
            self.put(
                at,
                ("mount", "mnt_mountpoint"),
                self.dentries.get(point).copied().unwrap_or(0),
            );
            self.put(
                at,
                ("mount", "mnt.mnt_root"),
                self.dentries.get(mount.root).copied().unwrap_or(0),
            );
        }
    }

    /// Short names lie in the entry, longer ones elsewhere.
    fn name(&mut self, dentry: u64, name: &Bytes) -> u64 {
        let with_nul = [name, &b"\0"[..]].concat();
        let room = self
            .kernel
            .field("dentry", "d_iname")
            .map_or(0, |field| field.size as usize);
        if with_nul.len() > room {
            return self.memory.store(Area::Kernel, &with_nul);
        }
        self.put_bytes(dentry, ("dentry", "d_iname"), &with_nul);
        self.inside(dentry, "dentry", "d_iname")
    }

    /// `struct vfsmount *` and `struct dentry *` of a file.
    fn spot(&self, spot: Spot) -> (u64, u64) {
        let mount = self
            .mounts
            .get(spot.mount)
            .map_or(0, |mount| self.inside(*mount, "mount", "mnt"));
        (mount, self.dentries.get(spot.dentry).copied().unwrap_or(0))
    }

    fn file(&mut self, spot: Spot) -> u64 {
        let (mount, dentry) = self.spot(spot);
        let file = self.structure("file");
        self.put(file, ("file", "f_path.mnt"), mount);
        self.put(file, ("file", "f_path.dentry"), dentry);
        file
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
                let (text, filename) = (self.data(data), self.structure("filename"));
                self.put(filename, ("filename", "name"), text);
                filename
            }
            Param::File(spot) => self.file(*spot),
            Param::Path(spot) => {
                let ((mount, dentry), path) = (self.spot(*spot), self.structure("path"));
                self.put(path, ("path", "mnt"), mount);
                self.put(path, ("path", "dentry"), dentry);
                path
            }
            Param::Dentry(dentry) => self.dentries.get(*dentry).copied().unwrap_or(0),
            Param::Binprm(spot) => {
                let file = spot.map_or(0, |spot| self.file(spot));
                let binprm = self.structure("linux_binprm");
                self.put(binprm, ("linux_binprm", "file"), file);
                binprm
            }
            Param::Sock(sock) => self.sock(sock),
            Param::Cred(cred) => self.cred(cred),
        }
    }

    fn sock(&mut self, of: &Sock) -> u64 {
        let sock = self.structure("sock");
        for (path, value) in [
            ("__sk_common.skc_family", of.family.into()),
            ("__sk_common.skc_state", of.state.into()),
            ("__sk_common.skc_num", of.ports[0].into()),
            ("__sk_common.skc_dport", of.ports[1].to_be().into()),
            ("sk_type", of.kind.into()),
            ("sk_protocol", of.protocol.into()),
            ("sk_mark", u64::from(of.mark)),
            ("sk_priority", u64::from(of.priority)),
        ] {
            self.put(sock, ("sock", path), value);
        }
        let (paths, len) = match of.family {
            AF_INET => (["__sk_common.skc_rcv_saddr", "__sk_common.skc_daddr"], 4),
            AF_INET6 => (
                ["__sk_common.skc_v6_rcv_saddr", "__sk_common.skc_v6_daddr"],
                16,
            ),
            _ => return sock,
        };
        for (path, address) in paths.into_iter().zip(&of.addresses) {
            self.put_bytes(sock, ("sock", path), &address[..len]);
        }
        sock
    }

    fn cred(&mut self, of: &Cred) -> u64 {
        let cred = self.structure("cred");
        let ids = [
            "uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid",
        ];
        for (path, id) in ids.into_iter().zip(of.ids) {
            self.put(cred, ("cred", path), id.into());
        }
        let user = self.user_namespace(of.user);
        for (path, value) in [
            ("securebits", of.securebits.into()),
            ("cap_permitted", of.permitted),
            ("cap_effective", of.effective),
            ("cap_inheritable", of.inheritable),
            ("user_ns", user),
        ] {
            self.put(cred, ("cred", path), value);
        }
        cred
    }

    fn user_namespace(&mut self, of: UserNamespace) -> u64 {
        let user = self.structure("user_namespace");
        for (path, value) in [
            ("level", of.level.cast_unsigned()),
            ("owner", of.owner),
            ("group", of.group),
            ("ns.inum", of.inode),
        ] {
            self.put(user, ("user_namespace", path), value.into());
        }
        user
    }

    /// A namespace of one of the simple kinds.
    fn namespace(&mut self, name: &'static str, inode: u32) -> u64 {
        let namespace = self.structure(name);
        self.put(namespace, (name, "ns.inum"), inode.into());
        namespace
    }

    /// `struct pid` with the numbers of one thread, from the host's namespace down.
    fn pid(&mut self, numbers: &[u32], namespace: u32) -> u64 {
        let size = self.kernel.size("pid").unwrap_or(0) as usize + numbers.len() * UPID as usize;
        let pid = self.memory.alloc(Area::Kernel, size, 8);
        self.put(pid, ("pid", "level"), numbers.len() as u64 - 1);
        let first = self.inside(pid, "pid", "numbers");
        let innermost = self.namespace("pid_namespace", namespace);
        for (level, number) in numbers.iter().enumerate() {
            let entry = first + UPID * level as u64;
            let outer = self.structure("pid_namespace");
            let namespace = if level + 1 == numbers.len() {
                innermost
            } else {
                outer
            };
            self.put(entry, ("upid", "nr"), (*number).into());
            self.put(entry, ("upid", "ns"), namespace);
        }
        pid
    }

    /// Structures of a thread and of the leader of its group; they are one for the first thread.
    fn thread(&mut self, ids: &Ids, start: u64, namespace: u32) -> (u64, u64) {
        let leader = self.structure("task_struct");
        let numbers: Vec<u32> = [ids.process]
            .into_iter()
            .chain(ids.inner.iter().map(|(process, _)| *process))
            .collect();
        let pid = self.pid(&numbers, namespace);
        self.identify(leader, (ids.process, ids.process), (leader, pid));
        self.put(leader, ("task_struct", "start_boottime"), start);
        if ids.thread == ids.process {
            return (leader, leader);
        }
        let thread = self.structure("task_struct");
        let numbers: Vec<u32> = [ids.thread]
            .into_iter()
            .chain(ids.inner.iter().map(|(_, thread)| *thread))
            .collect();
        let pid = self.pid(&numbers, namespace);
        self.identify(thread, (ids.process, ids.thread), (leader, pid));
        // A thread starts after its process.
        self.put(
            thread,
            ("task_struct", "start_boottime"),
            start.wrapping_add(1),
        );
        (thread, leader)
    }

    fn identify(&mut self, task: u64, (process, thread): (u32, u32), (leader, pid): (u64, u64)) {
        for (path, value) in [
            ("tgid", u64::from(process)),
            ("pid", thread.into()),
            ("group_leader", leader),
            ("thread_pid", pid),
        ] {
            self.put(task, ("task_struct", path), value);
        }
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
            for (path, value) in [("real_parent", parent), ("mm", memory), ("cred", cred)] {
                self.put(task, ("task_struct", path), value);
            }
        }
        let (fs, files, proxy) = (self.fs(of), self.descriptors(of), self.proxy(of));
        for (path, value) in [
            ("fs", fs),
            ("files", files),
            ("nsproxy", proxy),
            ("loginuid", of.auid.into()),
        ] {
            self.put(thread, ("task_struct", path), value);
        }
        thread
    }

    fn mm(&mut self, exe: u64, (start, end): (u64, u64)) -> u64 {
        let mm = self.structure("mm_struct");
        for (path, value) in [("exe_file", exe), ("arg_start", start), ("arg_end", end)] {
            self.put(mm, ("mm_struct", path), value);
        }
        mm
    }

    /// The chain of parents; the nearest is the result.
    fn parents(&mut self, of: &Task) -> u64 {
        let (idle, _) = self.thread(&Ids::default(), 0, 0);
        let cred = self.cred(&Cred::default());
        for (path, value) in [("real_parent", idle), ("cred", cred), ("mm", 0)] {
            self.put(idle, ("task_struct", path), value);
        }
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
                for (path, value) in [("real_parent", above), ("cred", cred), ("mm", memory)] {
                    self.put(task, ("task_struct", path), value);
                }
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
        let fs = self.structure("fs_struct");
        for (path, value) in [
            ("root.mnt", root_mount),
            ("root.dentry", root),
            ("pwd.mnt", cwd_mount),
            ("pwd.dentry", cwd),
        ] {
            self.put(fs, ("fs_struct", path), value);
        }
        fs
    }

    fn descriptors(&mut self, of: &Task) -> u64 {
        let Some(open) = &of.files else {
            return 0;
        };
        let files: Vec<u64> = open
            .iter()
            .map(|spot| spot.map_or(0, |spot| self.file(spot)))
            .collect();
        let array: Vec<u8> = files.iter().flat_map(|file| file.to_le_bytes()).collect();
        let array = self.memory.store(Area::Kernel, &array);
        let (files, table) = (self.structure("files_struct"), self.structure("fdtable"));
        self.put(table, ("fdtable", "max_fds"), open.len() as u64);
        self.put(table, ("fdtable", "fd"), array);
        self.put(files, ("files_struct", "fdt"), table);
        files
    }

    fn proxy(&mut self, of: &Task) -> u64 {
        let Some(of) = of.namespaces else {
            return 0;
        };
        let proxy = self.structure("nsproxy");
        for (path, name, inode) in [
            ("uts_ns", "uts_namespace", of.uts),
            ("ipc_ns", "ipc_namespace", of.ipc),
            ("mnt_ns", "mnt_namespace", of.mnt),
            ("pid_ns_for_children", "pid_namespace", of.pid_for_children),
            ("net_ns", "net", of.net),
            ("time_ns", "time_namespace", of.time),
            (
                "time_ns_for_children",
                "time_namespace",
                of.time_for_children,
            ),
            ("cgroup_ns", "cgroup_namespace", of.cgroup),
        ] {
            let namespace = self.namespace(name, inode);
            self.put(proxy, ("nsproxy", path), namespace);
        }
        proxy
    }

    fn inner_registers(&mut self, registers: [u64; 6]) -> u64 {
        let inner = self.structure("pt_regs");
        for (path, value) in SYSCALL_REGISTERS.into_iter().zip(registers) {
            self.put(inner, ("pt_regs", path), value);
        }
        inner
    }
}

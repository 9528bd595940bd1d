//! A scene as an event for the reference interpreter: what a policy can know of the call.

use super::{
    AF_INET, AF_INET6, Area, Cred, Data, MAX_ARGUMENTS, MAX_TEXT, Param, Parent, Scene, Sock, Spot,
    Task,
};
use crate::ir::interp::Sock as Socket;
use crate::ir::interp::{
    Address, Ancestor, Capabilities, Credentials, Endpoint, Event, Namespaces, Process, Readable,
    Sockaddr, Text, UserNamespace, Value,
};
use crate::ir::{Abi, Arg, ArgType, Hook, IntType, Namespace};
use crate::sim::memory::USER_END;

impl Scene {
    /// The call of a hook as policies see it.
    pub fn event(&self, hook: &Hook) -> Event {
        let value = |arg: &Arg| self.value(hook, arg, self.params.get(usize::from(arg.index)));
        let returned = self.returned.as_ref();
        Event {
            time: self.time,
            args: hook.args.iter().map(value).collect(),
            ret: hook
                .ret
                .as_ref()
                .zip(returned)
                .map(|(arg, returned)| self.value(hook, arg, Some(returned))),
            process: self.process(),
        }
    }

    /// A parameter as the value of a declared argument; without one it is 0.
    pub fn value(&self, hook: &Hook, arg: &Arg, param: Option<&Param>) -> Value {
        let param = param.unwrap_or(&Param::Number(0));
        match arg.ty {
            ArgType::Int(ty) => Value::Int(number(param, ty)),
            ArgType::String => {
                Value::String(bytes_of(param).and_then(|data| string(&data, areas(hook.abi))))
            }
            ArgType::Filename => Value::String(match param {
                Param::Filename(data) => string(data, &[Area::Kernel, Area::User]),
                _ => None,
            }),
            ArgType::CharBuf { size_from } => self.buffer(hook, size_from, param),
            ArgType::File
            | ArgType::Path
            | ArgType::Dentry
            | ArgType::Fd
            | ArgType::LinuxBinprm => self.file(arg.ty, param),
            ArgType::Sock => Value::Sock(match param {
                Param::Sock(sock) => Some(socket(sock)),
                _ => None,
            }),
            ArgType::Sockaddr => {
                Value::Sockaddr(sockaddr(bytes_of(param).as_ref(), areas(hook.abi)))
            }
            ArgType::Cred => Value::Cred(match param {
                Param::Cred(cred) => Some(credentials(cred)),
                _ => None,
            }),
            ArgType::Nop => Value::Nop,
        }
    }

    fn buffer(&self, hook: &Hook, size_from: Option<u8>, param: &Param) -> Value {
        // As the register of the length has it, extended by its type.
        let size = |index| {
            let param = self.params.get(usize::from(index))?;
            Some(number(param, hook.length_type(index)) as u64)
        };
        let wanted = size_from.and_then(size).unwrap_or(0);
        Value::Buffer {
            wanted,
            bytes: bytes_of(param).and_then(|data| buffer(&data, wanted, areas(hook.abi))),
        }
    }

    fn file(&self, ty: ArgType, param: &Param) -> Value {
        let spot = match (ty, param) {
            (ArgType::File, Param::File(spot))
            | (ArgType::Path, Param::Path(spot))
            | (ArgType::LinuxBinprm, Param::Binprm(Some(spot))) => Some(*spot),
            (ArgType::Fd, Param::Number(fd)) => self.open(*fd as u32),
            (ArgType::Dentry, Param::Dentry(dentry)) => {
                let path = self.vfs.entry(*dentry);
                return Value::Path {
                    mode: self.mode(*dentry),
                    path,
                };
            }
            _ => None,
        };
        Value::Path {
            mode: spot.map_or(0, |spot| self.mode(spot.dentry)),
            path: spot.and_then(|spot| self.vfs.path(spot)),
        }
    }

    fn open(&self, fd: u32) -> Option<Spot> {
        *self.task.files.as_ref()?.get(fd as usize)?
    }

    fn mode(&self, dentry: usize) -> u16 {
        self.vfs
            .dentries
            .get(dentry)
            .and_then(|dentry| dentry.mode)
            .unwrap_or(0)
    }

    fn process(&self) -> Process {
        let task = &self.task;
        let exe = task.memory.as_ref().and_then(|memory| memory.exe);
        Process {
            pid: task.ids.process,
            tid: task.ids.thread,
            ns_pid: task.ids.inner_process(),
            uid: task.cred.ids[2],
            auid: task.auid,
            start: task.start,
            exe: exe.and_then(|exe| self.vfs.path(exe)),
            binary: exe.and_then(|exe| self.vfs.former_path(exe)),
            arguments: task
                .memory
                .as_ref()
                .and_then(|memory| arguments(&memory.arguments)),
            has_memory: task.memory.is_some(),
            cwd: task.fs.and_then(|fs| self.vfs.path(fs.cwd)),
            namespaces: namespaces(task),
            credentials: credentials(&task.cred),
            ancestors: task
                .parents
                .iter()
                .map(|parent| self.ancestor(parent))
                .chain([Ancestor::default()])
                .collect(),
        }
    }

    fn ancestor(&self, parent: &Parent) -> Ancestor {
        Ancestor {
            pid: parent.ids.process,
            ns_pid: parent.ids.inner_process(),
            uid: parent.uid,
            start: parent.start,
            exe: parent.exe.and_then(|exe| self.vfs.path(exe)),
        }
    }
}

/// Where the addresses of a hook's texts may point. Functions of the kernel get both kinds.
fn areas(abi: Abi) -> &'static [Area] {
    match abi {
        Abi::Syscall => &[Area::User],
        Abi::Function => &[Area::Kernel, Area::User],
    }
}

fn number(param: &Param, ty: IntType) -> i128 {
    let Param::Number(bits) = param else {
        return 0;
    };
    ty.of_register(*bits)
}

fn bytes_of(param: &Param) -> Option<Data> {
    match param {
        Param::Bytes(data) => Some(data.clone()),
        Param::Number(address) => Some(Data::At(*address)),
        _ => None,
    }
}

/// Mapped bytes, if programs look where they lie.
fn mapped<'a>(data: &'a Data, areas: &[Area]) -> Option<&'a [u8]> {
    match data {
        Data::In(area, bytes) if areas.contains(area) => Some(bytes),
        _ => None,
    }
}

fn string(data: &Data, areas: &[Area]) -> Readable<Text> {
    let mapped = mapped(data, areas)?;
    // The NUL of the longest text, and one byte more that shows that a text is longer.
    let looked_at = &mapped[..mapped.len().min(MAX_TEXT + 2)];
    let (known, complete) = match looked_at.iter().position(|byte| *byte == 0) {
        Some(end) if end <= MAX_TEXT => (&looked_at[..end], true),
        _ => (looked_at.get(..MAX_TEXT + 2)?.get(..MAX_TEXT)?, false),
    };
    Some(Text {
        known: known.to_vec(),
        complete,
    })
}

fn buffer(data: &Data, wanted: u64, areas: &[Area]) -> Readable<Text> {
    let len = usize::try_from(wanted).map_or(MAX_TEXT, |wanted| wanted.min(MAX_TEXT));
    let area = match data {
        Data::In(area, _) => *area,
        Data::At(address) if *address < USER_END => Area::User,
        Data::At(_) => Area::Kernel,
    };
    let known = match mapped(data, areas) {
        // Of nothing nothing can be missing.
        _ if len == 0 && areas.contains(&area) => &[],
        mapped => mapped?.get(..len)?,
    };
    Some(Text {
        known: known.to_vec(),
        complete: wanted == len as u64,
    })
}

fn arguments(data: &Data) -> Readable<Text> {
    let all: &[u8] = match data {
        Data::In(Area::User, bytes) => bytes,
        Data::In(Area::Kernel, _) => return None,
        Data::At(_) => return None,
    };
    let known = all[..all.len().min(MAX_ARGUMENTS)].to_vec();
    Some(Text {
        complete: known.len() == all.len(),
        known,
    })
}

fn socket(sock: &Sock) -> Socket {
    let end = |end: usize| {
        let bytes = sock.addresses[end];
        let address = match sock.family {
            AF_INET => Some(v4(&bytes)),
            AF_INET6 => Some(Address::V6(bytes.into())),
            _ => None,
        };
        Endpoint {
            address,
            port: sock.ports[end],
        }
    };
    Socket {
        family: sock.family,
        kind: sock.kind,
        protocol: sock.protocol,
        state: sock.state,
        mark: sock.mark,
        priority: sock.priority,
        source: end(0),
        destination: end(1),
    }
}

fn v4(bytes: &[u8]) -> Address {
    let bytes = bytes.first_chunk::<4>().copied().unwrap_or_default();
    Address::V4(bytes.into())
}

/// `struct sockaddr_in`, `sockaddr_in6` (include/uapi/linux/in.h, in6.h): each part by itself.
fn sockaddr(data: Option<&Data>, areas: &[Area]) -> Sockaddr {
    let bytes = data
        .and_then(|data| mapped(data, areas))
        .unwrap_or_default();
    let part = |at: usize, len: usize| bytes.get(at..at + len);
    let family = part(0, 2).map(|part| u16::from_le_bytes([part[0], part[1]]));
    let port = part(2, 2).map(|part| u16::from_be_bytes([part[0], part[1]]));
    Sockaddr {
        family,
        port: match family {
            Some(AF_INET | AF_INET6) => port,
            other => other.map(|_| 0),
        },
        address: match family {
            Some(AF_INET) => part(4, 4).map(v4),
            Some(AF_INET6) => {
                part(8, 16).and_then(|part| Some(Address::V6((*part.first_chunk::<16>()?).into())))
            }
            _ => None,
        },
    }
}

fn credentials(cred: &Cred) -> Credentials {
    Credentials {
        ids: cred.ids,
        securebits: cred.securebits,
        capabilities: Capabilities {
            permitted: cred.permitted,
            effective: cred.effective,
            inheritable: cred.inheritable,
        },
        user_namespace: UserNamespace {
            level: cred.user.level,
            owner: cred.user.owner,
            group: cred.user.group,
            inode: cred.user.inode,
        },
    }
}

fn namespaces(task: &Task) -> Namespaces {
    let mut all = Namespaces::from([
        (Namespace::Pid, task.pid_namespace),
        (Namespace::User, task.cred.user.inode),
    ]);
    if let Some(own) = &task.namespaces {
        all.extend([
            (Namespace::Uts, own.uts),
            (Namespace::Ipc, own.ipc),
            (Namespace::Mnt, own.mnt),
            (Namespace::PidForChildren, own.pid_for_children),
            (Namespace::Net, own.net),
            (Namespace::Time, own.time),
            (Namespace::TimeForChildren, own.time_for_children),
            (Namespace::Cgroup, own.cgroup),
        ]);
    }
    all
}

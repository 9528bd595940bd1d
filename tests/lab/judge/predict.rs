//! A call as the reference interpreter sees it.

use tpc::ir::interp::{
    Address, Ancestor, Capabilities, Credentials, Event, Namespaces, Process, Readable, Sockaddr,
    Text, UserNamespace, Value,
};
use tpc::ir::{Arg, ArgType, Hook, IntType, Namespace};
use tpc::sim::scene::{MAX_ARGUMENTS, MAX_TEXT};

use super::call::{Call, Descriptor, FIRST_FD, Param, Raw, Reached, Returned};
use super::script::Answer;

/// A function that a call has reached, as an event of a policy's hook.
pub(super) fn event(
    hook: &Hook,
    call: &Call,
    reached: &Reached,
    answer: &Answer,
    returned: i64,
) -> Event {
    let of = Seen {
        call,
        answer,
        params: &reached.params,
        hook,
    };
    let ret = match reached.returned {
        Returned::AsCall => returned,
        Returned::Number(number) => number,
    };
    Event {
        time: 0,
        args: hook.args.iter().map(|arg| of.value(arg)).collect(),
        ret: hook.ret.as_ref().map(|arg| match arg.ty {
            ArgType::Int(ty) => Value::Int(int(ret.cast_unsigned(), ty)),
            _ => Value::Nop,
        }),
        process: process(call, answer),
    }
}

struct Seen<'a> {
    call: &'a Call,
    answer: &'a Answer,
    params: &'a [Param],
    hook: &'a Hook,
}

impl Seen<'_> {
    fn value(&self, arg: &Arg) -> Value {
        let param = self
            .params
            .get(usize::from(arg.index))
            .unwrap_or(&Param::Other);
        match (arg.ty, param) {
            (ArgType::Nop, _) => Value::Nop,
            (ArgType::Int(ty), _) => Value::Int(int(self.register(param), ty)),
            (ArgType::String | ArgType::Filename, Param::Raw(raw)) => Value::String(string(raw)),
            (ArgType::CharBuf { size_from }, Param::Raw(raw)) => self.buffer(size_from, raw),
            (ArgType::Fd, _) => self.descriptor(self.register(param)),
            (ArgType::Dentry, Param::Dentry(node)) => path(node.mode, &node.inner),
            (ArgType::File | ArgType::Path | ArgType::LinuxBinprm, Param::File(node)) => {
                path(node.mode, &node.path)
            }
            (ArgType::Sock, Param::Sock(sock)) => Value::Sock(Some((**sock).clone())),
            (ArgType::Sockaddr, Param::Raw(raw)) => Value::Sockaddr(sockaddr(raw)),
            (ArgType::Cred, Param::Cred(cred)) => Value::Cred(cred.as_deref().cloned()),
            (ty, param) => panic!("{}: {param:?} is no {ty:?}", self.hook.symbol),
        }
    }

    fn register(&self, param: &Param) -> u64 {
        match param {
            Param::Raw(Raw::Number(number)) => *number,
            Param::Raw(Raw::Parent) => self.answer.parent.into(),
            Param::Raw(Raw::Own) => self.answer.caller.into(),
            other => panic!("{}: {other:?} is no number", self.hook.symbol),
        }
    }

    fn buffer(&self, size_from: Option<u8>, raw: &Raw) -> Value {
        let index = size_from.expect("buffers have a length");
        let ty = self.hook.length_type(index);
        let wanted = int(self.register(&self.params[usize::from(index)]), ty) as u64;
        let len = usize::try_from(wanted).map_or(MAX_TEXT, |wanted| wanted.min(MAX_TEXT));
        let mapped = match raw {
            Raw::Edge(bytes) => bytes.get(..len),
            _ if len == 0 => Some(&[][..]),
            _ => None,
        };
        let text = |bytes: &[u8]| Text {
            known: bytes.to_vec(),
            complete: wanted == len as u64,
        };
        Value::Buffer {
            wanted,
            bytes: mapped.map(text),
        }
    }

    fn descriptor(&self, number: u64) -> Value {
        let at = (number & 0xffff_ffff).checked_sub(FIRST_FD);
        match at.and_then(|at| self.call.descriptors.get(at as usize)) {
            Some(Descriptor::File { node, .. }) => path(node.mode, &node.path),
            _ => panic!(
                "{}: {number} is not the descriptor of a file",
                self.hook.symbol
            ),
        }
    }
}

/// The lower bits of a register.
fn int(bits: u64, ty: IntType) -> i128 {
    match ty {
        IntType::I8 => i128::from(bits as i8),
        IntType::I16 => i128::from(bits as i16),
        IntType::I32 => i128::from(bits as i32),
        IntType::I64 => i128::from(bits as i64),
        IntType::U8 => i128::from(bits as u8),
        IntType::U16 => i128::from(bits as u16),
        IntType::U32 => i128::from(bits as u32),
        IntType::U64 => i128::from(bits),
    }
}

fn path(mode: u16, path: &[u8]) -> Value {
    Value::Path {
        mode,
        path: Some(whole(path)),
    }
}

fn whole(bytes: &[u8]) -> Text {
    Text {
        known: bytes.to_vec(),
        complete: true,
    }
}

fn string(raw: &Raw) -> Readable<Text> {
    let Raw::Text(bytes) = raw else {
        return None;
    };
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    Some(Text {
        known: bytes[..bytes.len().min(MAX_TEXT)].to_vec(),
        complete: bytes.len() <= MAX_TEXT,
    })
}

fn sockaddr(raw: &Raw) -> Sockaddr {
    let bytes: &[u8] = match raw {
        Raw::Edge(bytes) => bytes,
        _ => &[],
    };
    let half = |at: usize| bytes.get(at..at + 2).map(|part| [part[0], part[1]]);
    let family = half(0).map(u16::from_le_bytes);
    let internet = matches!(family, Some(2 | 10));
    Sockaddr {
        family,
        port: if internet {
            half(2).map(u16::from_be_bytes)
        } else {
            family.map(|_| 0)
        },
        address: match family {
            Some(2) => bytes
                .get(4..8)
                .and_then(|part| part.first_chunk::<4>())
                .map(|part| Address::V4((*part).into())),
            Some(10) => bytes
                .get(8..24)
                .and_then(|part| part.first_chunk::<16>())
                .map(|part| Address::V6((*part).into())),
            _ => None,
        },
    }
}

fn process(call: &Call, answer: &Answer) -> Process {
    let caller = &call.caller;
    let [effective, permitted, inheritable] = caller.capabilities;
    let new_users = caller.namespaces.contains('U');
    let inner = caller.namespaces.contains('p');
    let ids = [caller.uid; 8];
    let (arguments, whole_line) = command_line(&caller.argv);
    Process {
        pid: answer.caller,
        tid: answer.caller,
        ns_pid: u32::from(inner),
        uid: caller.uid,
        auid: u32::MAX,
        start: 0,
        exe: Some(whole(caller.exe.as_bytes())),
        binary: Some(whole(caller.exe.as_bytes())),
        arguments: Some(Text {
            known: arguments,
            complete: whole_line,
        }),
        cwd: Some(whole(caller.cwd.as_bytes())),
        has_memory: true,
        namespaces: namespaces(answer),
        credentials: Credentials {
            ids,
            securebits: 0,
            capabilities: Capabilities {
                permitted,
                effective,
                inheritable,
            },
            user_namespace: UserNamespace {
                level: i32::from(new_users),
                owner: 0,
                group: 0,
                inode: answer.namespaces[9],
            },
        },
        ancestors: vec![
            ancestor(answer.parent, caller.uid, caller.exe),
            ancestor(answer.driver, 0, super::DRIVER),
            ancestor(1, 0, "/init"),
            Ancestor::default(),
        ],
    }
}

fn ancestor(pid: u32, uid: u32, exe: &str) -> Ancestor {
    Ancestor {
        pid,
        ns_pid: 0,
        uid,
        start: 0,
        exe: Some(whole(exe.as_bytes())),
    }
}

fn command_line(argv: &[Vec<u8>]) -> (Vec<u8>, bool) {
    let mut line: Vec<u8> = argv
        .iter()
        .flat_map(|word| [&word[..], &[0]].concat())
        .collect();
    let whole = line.len() <= MAX_ARGUMENTS;
    line.truncate(MAX_ARGUMENTS);
    (line, whole)
}

/// The order of the driver's table.
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

pub(super) fn namespaces(answer: &Answer) -> Namespaces {
    KINDS
        .into_iter()
        .zip(answer.namespaces.iter().copied())
        .collect()
}

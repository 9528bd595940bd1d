//! Calls on processes.

use tpc::ir::interp::{Capabilities, Credentials, UserNamespace};

use super::{By, Kind, n, text};
use crate::judge::call::{ALL_CAPABILITIES, Call, Param, Raw};
use crate::judge::files::{self, Node};
use crate::random::dice::Dice;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        variants: 24,
        by: By::Any,
        make: kill,
    },
    Kind {
        variants: 24,
        by: By::Any,
        make: execve,
    },
    Kind {
        variants: 10,
        by: By::Host,
        make: setuid,
    },
    Kind {
        variants: 8,
        by: By::Host,
        make: setresuid,
    },
    Kind {
        variants: 16,
        by: By::Root,
        make: setpriority,
    },
    Kind {
        variants: 4,
        by: By::Host,
        make: ptrace,
    },
    Kind {
        variants: 8,
        by: By::Any,
        make: chdir,
    },
];

fn kill(dice: &mut Dice) -> Call {
    // Signals that change nothing: 0, SIGURG, SIGWINCH, SIGCHLD.
    let signal = dice.one(&[0, 23, 28, 17]);
    let target = dice.one(&[0, 1, 2]);
    let to = match target {
        0 => Raw::Own,
        1 => Raw::Parent,
        _ => n(dice.one(&[3_999_999, 0x7fff_ffff])),
    };
    let call = Call::new(62, "sys_kill", vec![to, n(signal | dice.bits() << 32)]);
    if target == 2 {
        return call;
    }
    let params = vec![
        Param::Other,
        Param::Other,
        Param::number(signal),
        Param::Cred(None),
    ];
    call.reach("security_task_kill", params)
}

/// A program, where it lies.
fn program(path: &str) -> Node {
    Node {
        path: path.into(),
        inner: path.into(),
        mode: 0o100_755,
    }
}

fn execve(dice: &mut Dice) -> Call {
    // The file that is asked for, and those that are decided about.
    let (path, decided) = match dice.below(6) {
        0 => (
            "/t/run.sh",
            vec![files::file("/t/run.sh"), program("/j/tool")],
        ),
        1 => (
            "/t/x.sh",
            vec![files::file("/t/x.sh"), program("/j/deep/er/tool2")],
        ),
        2 => ("/j/nothing", vec![]),
        _ => {
            let path = dice.one(files::PROGRAMS);
            (path, vec![program(path)])
        }
    };
    let words = vec![b"x".to_vec(), b"-y".to_vec()];
    let raw = vec![text(path), Raw::Arguments(words), Raw::Environment];
    let call = Call::new(59, "sys_execve", raw);
    let call = decided.into_iter().fold(call, |call, node| {
        call.reach("security_bprm_check", vec![Param::File(node)])
    });
    call.also(&[
        "security_file_open",
        "security_file_permission",
        "vfs_open",
        "vfs_read",
        "commit_creds",
        "do_filp_open",
    ])
}

/// Root's credentials with these users: real, effective, saved, of files.
fn users(ids: [u32; 4]) -> Credentials {
    let [uid, euid, suid, fsuid] = ids;
    Credentials {
        ids: [uid, 0, euid, 0, suid, 0, fsuid, 0],
        securebits: 0,
        capabilities: Capabilities {
            permitted: ALL_CAPABILITIES,
            effective: ALL_CAPABILITIES,
            inheritable: 0,
        },
        user_namespace: UserNamespace {
            level: 0,
            owner: 0,
            group: 0,
            inode: HOST_USERS,
        },
    }
}

/// `PROC_USER_INIT_INO` (include/linux/proc_ns.h).
const HOST_USERS: u32 = 0xEFFF_FFFD;

fn cred(ids: [u32; 4]) -> Param {
    Param::Cred(Some(Box::new(users(ids))))
}

/// What becomes of the capabilities of root's credentials when users change (`cap_emulate_setxuid`, security/commoncap.c).
fn committed(ids: [u32; 4]) -> Param {
    let mut cred = users(ids);
    if ids[..3].iter().all(|id| *id != 0) {
        cred.capabilities.permitted = 0;
    }
    if ids[1] != 0 || cred.capabilities.permitted == 0 {
        cred.capabilities.effective = 0;
    }
    Param::Cred(Some(Box::new(cred)))
}

fn setuid(dice: &mut Dice) -> Call {
    let uid = dice.one(&[0, 1, 1000, 65534, 0x7fff_ffff]);
    let ids = [uid; 4];
    let raw = vec![n(u64::from(uid) | dice.bits() << 32)];
    // LSM_SETID_ID
    let decision = vec![cred(ids), cred([0; 4]), Param::number(1)];
    Call::new(105, "sys_setuid", raw)
        .reach("security_task_fix_setuid", decision)
        .reach("commit_creds", vec![committed(ids)])
}

fn setresuid(dice: &mut Dice) -> Call {
    let mut id = || dice.one(&[0, 1, 1000, u32::MAX]);
    let asked = [id(), id(), id()];
    let raw = asked.map(|id| n(u64::from(id)));
    let call = Call::new(117, "sys_setresuid", raw.to_vec());
    if asked.iter().all(|id| [0, u32::MAX].contains(id)) {
        // Nothing would change.
        return call.also(&["security_task_fix_setuid", "commit_creds"]);
    }
    let set = |id: u32| if id == u32::MAX { 0 } else { id };
    let ids = [set(asked[0]), set(asked[1]), set(asked[2]), set(asked[1])];
    // LSM_SETID_RES
    let decision = vec![cred(ids), cred([0; 4]), Param::number(4)];
    call.reach("security_task_fix_setuid", decision)
        .reach("commit_creds", vec![committed(ids)])
}

fn setpriority(dice: &mut Dice) -> Call {
    let nice = dice.one(&[-20i64, -19, -5, -1, 0, 1, 5, 19, 40, -100]);
    let raw = vec![n(0), n(0), n(nice.cast_unsigned())];
    let params = vec![
        Param::Other,
        Param::number(nice.clamp(-20, 19).cast_unsigned()),
    ];
    Call::new(141, "sys_setpriority", raw).reach("security_task_setnice", params)
}

fn ptrace(_: &mut Dice) -> Call {
    // PTRACE_SEIZE; PTRACE_MODE_ATTACH with the real credentials.
    let raw = vec![n(0x4206), Raw::Parent, n(0), n(0)];
    Call::new(101, "sys_ptrace", raw).reach(
        "security_ptrace_access_check",
        vec![Param::Other, Param::number(0x12)],
    )
}

fn chdir(dice: &mut Dice) -> Call {
    let path = match dice.below(3) {
        0 => text(dice.one(&["/t/dir", "/t", "/", "/t/nothing"])),
        1 => text([b"/".to_vec(), vec![b'c'; dice.one(&[254, 255, 300])]].concat()),
        _ => Raw::Null,
    };
    Call::new(80, "sys_chdir", vec![path])
}

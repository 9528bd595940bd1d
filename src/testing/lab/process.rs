//! Calls on processes, users, mounts and modules.

use super::guest::CODE;
use super::trigger::{Errors, FD, File, Given, SECOND_FD, Trigger, step};
use crate::lab::program::Value;
use crate::sim::scene::Param;

/// Bits of capabilities (include/uapi/linux/capability.h).
const CAP_SETUID: u64 = 1 << 7;
const CAP_NET_ADMIN: u64 = 1 << 12;
const CAP_SYS_MODULE: u64 = 1 << 16;
const CAP_SYS_ADMIN: u64 = 1 << 21;

/// Where init keeps the number of a caller's child; the program of the caller knows the place.
pub(super) const CHILD: u32 = u32::MAX;

/// `MS_BIND` (include/uapi/linux/mount.h), `MNT_DETACH`.
const BIND: u64 = 0x1000;
const DETACH: u64 = 2;

pub(super) fn mount(given: &Given<'_>) -> Result<Trigger, String> {
    let Some(Param::Path(spot)) = given.declared(1) else {
        return Err("the policy does not declare the target".to_owned());
    };
    let target = super::context::text_of(given.scene, *spot)?;
    let flags = given.number(3);
    let texts = [0, 2].map(|index| given.address(index));
    let [source, kind] = texts;
    let call = Trigger::call(
        "mount",
        [
            source.clone(),
            Value::text(&target),
            kind,
            flags.into(),
            0.into(),
        ],
    );
    let undo = step("umount", [Value::text(&target), DETACH.into()]);
    let mut trigger = Trigger {
        after: vec![undo],
        ..call
    };
    let of_kernel = ["/proc", "/sys", "/dev"];
    if of_kernel.iter().all(|top| !target.starts_with(top)) {
        let file = match flags & BIND {
            0 => File::Directory,
            _ => File::Regular {
                mode: 0o644,
                is_callers: true,
            },
        };
        trigger.files.insert(target, file);
    }
    if let (Value::Bytes(bytes), true) = (&source, flags & BIND != 0) {
        let path = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        if let Ok(path) = std::str::from_utf8(path)
            && path.starts_with('/')
        {
            let file = File::Regular {
                mode: 0o644,
                is_callers: true,
            };
            trigger.files.insert(path.to_owned(), file);
        }
    }
    Ok(trigger)
}

/// `LSM_SETID_ID`, `LSM_SETID_RE`, `LSM_SETID_RES`, `LSM_SETID_FS` (include/linux/security.h).
pub(super) fn set_user(given: &Given<'_>) -> Result<Trigger, String> {
    let (Some(Param::Cred(new)), Some(Param::Cred(old))) = (given.declared(0), given.declared(1))
    else {
        return Err("the policy does not declare the old and the new credentials".to_owned());
    };
    let [uid, _, euid, _, suid, _, fsuid, _] = new.ids.map(|id| Value::Number(id.into()));
    let call = match given.number(2) {
        1 => Trigger::call("setuid", [uid]),
        2 => Trigger::call("setreuid", [uid, euid]),
        4 => Trigger::call("setresuid", [uid, euid, suid]),
        8 => Trigger::call("setfsuid", [fsuid]),
        flags => return Err(format!("no call that sets users has the flags {flags:#x}")),
    };
    Ok(Trigger {
        users: Some([old.ids[0], old.ids[2], old.ids[4]]),
        needs: CAP_SETUID,
        ..call
    })
}

/// `PTRACE_MODE_ATTACH` with the caller's real credentials (include/linux/ptrace.h): reading the memory of another process asks for it.
pub(super) fn access(given: &Given<'_>) -> Result<Trigger, String> {
    const ATTACH: u64 = 0x12;
    match given.number(1) {
        ATTACH => {
            // One byte of the child's, over the same of the caller's.
            let place = Value::Bytes([u64::from(CODE), 1].map(u64::to_le_bytes).concat());
            let params = [
                Value::At(CHILD),
                place.clone(),
                1.into(),
                place,
                1.into(),
                0.into(),
            ];
            Ok(Trigger {
                child: true,
                errors: Errors::Translated,
                ..Trigger::call("process_vm_readv", params)
            })
        }
        mode => Err(format!(
            "no call is made that asks for the access {mode:#x}"
        )),
    }
}

/// `LOADING_MODULE` and `READING_MODULE` (include/linux/kernel_read_file.h).
const MODULE: u64 = 2;

pub(super) fn read_module(given: &Given<'_>) -> Result<Trigger, String> {
    let Some(Param::File(spot)) = given.declared(0) else {
        return Err("the policy does not declare the file".to_owned());
    };
    let path = super::context::text_of(given.scene, *spot)?;
    if given.number(1) != MODULE {
        return Err("only modules are read".to_owned());
    }
    let call = Trigger::call("finit_module", [FD.into(), Value::text(""), 0.into()]);
    let memory = path.strip_prefix("/memfd:");
    let call = match memory.and_then(|path| path.strip_suffix(" (deleted)")) {
        Some(name) => {
            // Nobody may have it open for writing when it is read.
            let again = format!("/proc/self/fd/{SECOND_FD}");
            let memory = step("memfd_create", [Value::text(name), 0.into()]).to(SECOND_FD);
            let text = Value::Bytes(vec![0; 8]);
            call.after(memory)
                .after(step("write", [SECOND_FD.into(), text, 8.into()]))
                .after(step("open", [Value::text(again), 0.into()]).to(FD))
                .after(step("close", [SECOND_FD.into()]))
        }
        None if path.ends_with(" (deleted)") => {
            return Err("a module that has lost its name is not made".to_owned());
        }
        None => call
            .after(step("open", [Value::text(&path), 0.into()]).to(FD))
            .with(
                path,
                File::Regular {
                    mode: 0o644,
                    is_callers: true,
                },
            ),
    };
    Ok(Trigger {
        needs: CAP_SYS_MODULE,
        ..call
    })
}

pub(super) fn load_module(given: &Given<'_>) -> Result<Trigger, String> {
    match (given.number(0), given.number(1)) {
        (MODULE, 1) => Ok(Trigger {
            needs: CAP_SYS_MODULE,
            ..Trigger::call(
                "init_module",
                [Value::Bytes(vec![0; 128]), 128.into(), Value::text("")],
            )
        }),
        (MODULE, _) => Err("content always follows where a module is loaded".to_owned()),
        _ => Err("only modules are loaded".to_owned()),
    }
}

/// `SIOCGIFFLAGS` (include/uapi/linux/sockios.h).
const GET_FLAGS: u64 = 0x8913;
/// `AF_INET`, `SOCK_DGRAM`.
const UDP: [u64; 2] = [2, 2];

/// The caller goes on without the module.
pub(super) fn request_module(given: &Given<'_>) -> Result<Trigger, String> {
    Ok(Trigger {
        errors: Errors::Swallowed,
        ..asks_for_module(given)?
    })
}

fn asks_for_module(given: &Given<'_>) -> Result<Trigger, String> {
    let name = given.bytes(0).unwrap_or_default();
    let name = String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name)).into_owned();
    if let Some(family) = name
        .strip_prefix("net-pf-")
        .and_then(|text| text.parse::<u64>().ok())
    {
        return Ok(Trigger::call("socket", [family.into(), 1.into(), 0.into()]));
    }
    if let Some(kind) = name.strip_prefix("fs-") {
        let dir = "/mnt";
        let call = Trigger::call(
            "mount",
            [
                Value::text("none"),
                Value::text(dir),
                Value::text(kind),
                0.into(),
                0.into(),
            ],
        );
        return Ok(Trigger {
            needs: CAP_SYS_ADMIN,
            ..call.with(dir.to_owned(), File::Directory)
        });
    }
    if let Some(device) = name.strip_prefix("netdev-").filter(|name| name.len() < 16) {
        let [family, kind] = UDP;
        let mut request = device.as_bytes().to_vec();
        request.resize(40, 0);
        let socket = step("socket", [family.into(), kind.into(), 0.into()]).to(FD);
        return Ok(Trigger {
            needs: CAP_NET_ADMIN,
            ..Trigger::call(
                "ioctl",
                [FD.into(), GET_FLAGS.into(), Value::Bytes(request)],
            )
            .after(socket)
        });
    }
    Err(format!(
        "no call is known that asks for the module `{name}`"
    ))
}

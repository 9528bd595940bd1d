//! Calls that differ from others in one respect.

use tpc::ir::{Arg, ArgType, Hook};
use tpc::sim::scene::{Bytes, Cred, Data, Param, Scene, Sock, Spot, Vfs};

use super::dice::Dice;

/// Changes one thing of a call.
pub(crate) fn vary(dice: &mut Dice, hook: &Hook, scene: &mut Scene) {
    let sizes: Vec<u8> = hook.args.iter().filter_map(size_of).collect();
    if !sizes.is_empty() && dice.once_in(4) {
        let register = usize::from(dice.one(&sizes));
        size(dice, &mut scene.params[register]);
    } else {
        one_thing(dice, scene);
    }
}

/// The register that says how long a buffer is.
fn size_of(arg: &Arg) -> Option<u8> {
    match arg.ty {
        ArgType::CharBuf { size_from } => size_from,
        _ => None,
    }
}

/// A byte more or less of the same buffer: what lies behind it now was part of it before.
fn size(dice: &mut Dice, of: &mut Param) {
    if let Param::Number(size) = of {
        *size = match dice.once_in(3) {
            true => size.wrapping_add(1),
            false => size.wrapping_sub(1),
        };
    }
}

fn one_thing(dice: &mut Dice, scene: &mut Scene) {
    let Scene {
        params,
        returned,
        vfs,
        task,
        ..
    } = scene;
    let count = 2 * params.len();
    match dice.index(count + 4) {
        at if at < count => param(dice, &mut params[at / 2], vfs),
        at if at == count => {
            returned.iter_mut().for_each(|of| param(dice, of, vfs));
        }
        at if at == count + 1 => cred(dice, &mut task.cred),
        at if at == count + 2 => {
            // Another thread of the process, or a process of its own.
            task.ids.thread = task.ids.thread.wrapping_add(1);
            if dice.flip() && task.ids.process != 0 {
                task.ids.process = task.ids.thread;
            }
        }
        _ => {
            if let Some(exe) = task.memory.as_ref().and_then(|image| image.exe) {
                name(dice, vfs, exe.dentry);
            }
        }
    }
}

fn param(dice: &mut Dice, of: &mut Param, vfs: &mut Vfs) {
    match of {
        // Perhaps a pointer to nothing.
        Param::Number(0) => {}
        Param::Number(number) => {
            *number = match dice.below(3) {
                0 => number.wrapping_add(1),
                1 => number.wrapping_sub(1),
                _ => *number ^ 1 << dice.below(64),
            }
        }
        Param::Bytes(data) | Param::Filename(data) => {
            if let Data::In(_, bytes) = data {
                text(dice, bytes);
            }
        }
        Param::File(Spot { dentry, .. })
        | Param::Path(Spot { dentry, .. })
        | Param::Binprm(Some(Spot { dentry, .. }))
        | Param::Dentry(dentry) => name(dice, vfs, *dentry),
        Param::Binprm(None) => {}
        Param::Sock(of) => sock(dice, of),
        Param::Cred(of) => cred(dice, of),
    }
}

/// Another byte somewhere, or one more or less at the end.
fn text(dice: &mut Dice, bytes: &mut Bytes) {
    let at = dice.index(bytes.len());
    match (dice.below(4), bytes.0.get_mut(at)) {
        (0, _) => bytes.0.push(b'z'),
        (1, _) => {
            bytes.0.pop();
        }
        (_, Some(byte)) => *byte ^= dice.one(&[1, 2, 0x80]),
        (_, None) => {}
    }
}

/// Another name for an entry or for one of those above it.
fn name(dice: &mut Dice, vfs: &mut Vfs, mut dentry: usize) {
    for _ in 0..dice.below(3) {
        dentry = vfs.dentries[dentry].parent;
    }
    let name = &mut vfs.dentries[dentry].name;
    let before = name.clone();
    text(dice, name);
    if name.is_empty() || name.len() > 255 || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
        *name = before;
    }
}

fn sock(dice: &mut Dice, of: &mut Sock) {
    match dice.below(12) {
        0 => of.kind ^= 1,
        1 => of.protocol ^= 1,
        2 => of.state ^= 1,
        3 => of.mark ^= 1,
        4 => of.priority ^= 1,
        5 => of.family = dice.one(&[2, 10, 1]),
        6 => {
            let end = dice.index(2);
            of.ports[end] ^= 1;
        }
        _ => {
            let (end, at) = (dice.index(2), dice.index(16));
            of.addresses[end][at] ^= dice.one(&[1, 0x80]);
        }
    }
    if !matches!(of.family, 2 | 10) {
        of.ports = [0, 0];
    }
}

fn cred(dice: &mut Dice, of: &mut Cred) {
    let bit = 1 << dice.below(41);
    match dice.below(6) {
        0 => of.permitted ^= bit,
        1 => of.effective ^= bit,
        2 => of.inheritable ^= bit,
        3 => of.user.level = i32::from(of.user.level == 0),
        4 => of.securebits ^= 1,
        _ => {
            let id = dice.index(8);
            of.ids[id] ^= 1;
        }
    }
}

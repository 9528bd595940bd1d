//! Calls on files.

use super::trigger::{FD, File, Given, HERE, Trigger, callers, prepared};
use crate::lab::program::Value;

pub(super) fn execve(given: &Given<'_>) -> Result<Trigger, String> {
    let (path, mode) = given.file(0)?;
    let argv = Value::Texts(vec![path.clone().into_bytes()]);
    let call = Trigger::call("execve", [Value::text(&path), argv, 0.into()]);
    Ok(call.with(path, callers(mode | 0o111)))
}

pub(super) fn open(given: &Given<'_>) -> Result<Trigger, String> {
    let (path, mode) = given.file(0)?;
    let call = Trigger::call("openat", [HERE.into(), Value::text(&path), 0.into()]);
    Ok(call.with(path, callers(mode)))
}

/// `MAY_WRITE`, `MAY_READ` (include/linux/fs.h): reading and writing ask for one each.
pub(super) fn permission(given: &Given<'_>) -> Result<Trigger, String> {
    let (path, mode) = given.file(0)?;
    let name = match given.number(1) {
        2 => "write",
        4 => "read",
        mask => return Err(format!("neither reading nor writing asks for {mask:#x}")),
    };
    let call = Trigger::call(name, [FD.into(), Value::Bytes(vec![b'x']), 1.into()]);
    Ok(call.open(path, mode, FD))
}

pub(super) fn truncate(given: &Given<'_>) -> Result<Trigger, String> {
    let (path, mode) = given.file(0)?;
    let call = Trigger::call("truncate", [Value::text(&path), 0.into()]);
    Ok(call.with(path, callers(mode)))
}

pub(super) fn ftruncate(given: &Given<'_>) -> Result<Trigger, String> {
    let (path, mode) = given.file(0)?;
    Ok(Trigger::call("ftruncate", [FD.into(), 0.into()]).open(path, mode, FD))
}

pub(super) fn chmod(given: &Given<'_>) -> Result<Trigger, String> {
    let (path, mode) = given.file(0)?;
    let wanted = given.number(1) & 0o7777;
    let call = Trigger::call("chmod", [Value::text(&path), wanted.into()]);
    Ok(call.with(path, callers(mode)))
}

pub(super) fn unlink(given: &Given<'_>) -> Result<Trigger, String> {
    let (path, mode) = given.file(1)?;
    let call = Trigger::call("unlink", [Value::text(&path)]);
    Ok(Trigger {
        consumes: true,
        ..call.with(path, callers(mode))
    })
}

pub(super) fn rename(given: &Given<'_>) -> Result<Trigger, String> {
    let ((from, mode), (to, _)) = (given.file(1)?, given.file(3)?);
    let call = Trigger::call("rename", [Value::text(&from), Value::text(&to)]);
    let call = call.with(to, File::Absent).with(from, callers(mode));
    Ok(Trigger {
        consumes: true,
        ..call
    })
}

pub(super) fn do_unlinkat(given: &Given<'_>) -> Result<Trigger, String> {
    let at = given.declared(0).map_or(HERE, |_| given.number(0));
    let call = Trigger::call("unlinkat", [at.into(), given.address(1), 0.into()]);
    let path = given.bytes(1).unwrap_or_default();
    let path = path.strip_suffix(&[0]).unwrap_or(path);
    let mut trigger = Trigger {
        consumes: true,
        ..call
    };
    if let Ok(path) = std::str::from_utf8(path) {
        trigger.files.extend(prepared(given, path));
    }
    Ok(trigger)
}

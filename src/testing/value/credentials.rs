//! Credentials.

use super::super::format::Sets;
use super::super::shape::Many;
use super::super::terms::{Capability, Place};
use super::{CredentialsForm, namespaces};
use crate::diag::Spanned;
use crate::ir::Namespace;
use crate::sim::scene::{Cred, UserNamespace};

/// `struct cred` of what a test says of an argument.
pub(super) fn cred(form: &CredentialsForm) -> Cred {
    let uid = of(form.uid, 0);
    let gid = of(form.gid, uid);
    let nothing = Sets::default();
    let sets = form.capabilities.as_ref().unwrap_or(&nothing);
    let place = form.user_namespace.unwrap_or(Place::Host);
    let base = cred_of((uid, of(form.euid, uid), gid), sets, place);
    let ids = [
        uid,
        gid,
        of(form.euid, uid),
        of(form.egid, gid),
        of(form.suid, uid),
        of(form.sgid, gid),
        of(form.fsuid, of(form.euid, uid)),
        of(form.fsgid, of(form.egid, gid)),
    ];
    Cred {
        ids,
        securebits: of(form.securebits, 0),
        ..base
    }
}

fn of<T: Into<u32>>(field: Option<Spanned<T>>, other: u32) -> u32 {
    field.map_or(other, |field| field.value.into())
}

/// Credentials of a process: user, effective user, group.
pub(in crate::testing) fn cred_of(
    (uid, euid, gid): (u32, u32, u32),
    sets: &Sets,
    place: Place,
) -> Cred {
    let bits = |set: &Option<Many<Capability>>| set.as_ref().map_or(0, Many::bits);
    Cred {
        ids: [uid, gid, euid, gid, uid, gid, euid, gid],
        securebits: 0,
        permitted: bits(&sets.permitted),
        effective: bits(&sets.effective),
        inheritable: bits(&sets.inheritable),
        user: user_namespace(place, uid),
    }
}

/// A user namespace; any but the host's lies directly below it and belongs to the process' user.
fn user_namespace(place: Place, uid: u32) -> UserNamespace {
    let inode = match place {
        Place::Host => namespaces::host(Namespace::User),
        Place::Other => namespaces::other(Namespace::User),
        Place::Inode(inode) => inode,
    };
    if inode == namespaces::host(Namespace::User) {
        return UserNamespace {
            inode,
            ..UserNamespace::default()
        };
    }
    UserNamespace {
        level: 1,
        owner: uid,
        group: uid,
        inode,
    }
}

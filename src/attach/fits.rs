//! Whether a parameter is what a policy takes it for.

use std::fmt;

use crate::btf::{Btf, Kind, TypeId};

/// What a parameter or a return value of a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Described<'a> {
    Void,
    Number,
    /// Pointer to the structure or union of this name; the empty name is one without a name.
    Struct(&'a str),
    /// Pointer to something else.
    Pointer,
    /// A structure by value, a floating-point number.
    Other,
}

impl<'a> Described<'a> {
    /// What a type of a kernel is.
    pub fn of(btf: &'a Btf, ty: TypeId) -> Self {
        match btf.resolve(ty).map(|(_, ty)| &ty.kind) {
            Some(Kind::Int { .. } | Kind::Enum { .. }) => Self::Number,
            Some(Kind::Ptr(to)) => match btf.resolve(*to) {
                Some((_, to)) if to.kind.is_composite() => Self::Struct(btf.str(to.name)),
                Some((_, to)) if matches!(to.kind, Kind::Fwd { .. }) => {
                    Self::Struct(btf.str(to.name))
                }
                _ => Self::Pointer,
            },
            None if ty == TypeId::VOID => Self::Void,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Void => f.write_str("nothing"),
            Self::Number => f.write_str("a number"),
            Self::Struct(name) => write!(f, "a `struct {name} *`"),
            Self::Pointer => f.write_str("a pointer to something else"),
            Self::Other => f.write_str("a structure by value"),
        }
    }
}

/// What a policy reads a parameter as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is not read.
    Nothing,
    /// A number, or any address as one.
    Number,
    /// Text or bytes behind a pointer.
    Text,
    /// Pointer to one of these structures.
    Structure(&'static [&'static str]),
}

/// Structures that an address of a socket comes in.
const SOCKET_ADDRESSES: &[&str] = &[
    "sockaddr",
    "sockaddr_unsized",
    "sockaddr_storage",
    "__kernel_sockaddr_storage",
    "sockaddr_in",
    "sockaddr_in6",
];

impl Expected {
    /// A socket's address.
    pub const SOCKET_ADDRESS: Self = Self::Structure(SOCKET_ADDRESSES);

    /// Whether a parameter can be read so. Trampolines read through the verifier's types, so these must be right; probes
    /// read any address.
    pub fn fits(self, found: Described<'_>, typed: bool) -> bool {
        match (self, found) {
            (Self::Nothing, _) | (Self::Text, Described::Pointer) => true,
            (Self::Text, _) => false,
            (Self::Number, found) => found != Described::Other,
            (Self::Structure(names), Described::Struct(name)) => names.contains(&name),
            (Self::Structure(_), Described::Pointer) => !typed || self == Self::SOCKET_ADDRESS,
            (Self::Structure(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_must_be_those_of_the_declaration() {
        let file = Expected::Structure(&["file"]);
        assert!(file.fits(Described::Struct("file"), true));
        assert!(!file.fits(Described::Struct("dentry"), true));
        assert!(!file.fits(Described::Struct("dentry"), false));
        assert!(!file.fits(Described::Pointer, true));
        assert!(file.fits(Described::Pointer, false));
        assert!(!file.fits(Described::Number, false));
        assert!(Expected::SOCKET_ADDRESS.fits(Described::Pointer, true));
        assert!(Expected::Number.fits(Described::Struct("file"), true));
        assert!(Expected::Number.fits(Described::Number, true));
        assert!(!Expected::Text.fits(Described::Struct("file"), false));
        assert!(!Expected::Number.fits(Described::Other, false));
    }
}

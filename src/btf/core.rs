//! CO-RE: what a local access means on another kernel.
//!
//! In: a relocation record (root type, access string, kind) with the BTF it belongs to, and the kernel's BTF. Out: the
//! value that the instruction holds now and the one it must hold there. The matching rules are libbpf's
//! (`tools/lib/bpf/relo_core.c`, Linux 6.12): names count without `___flavour`, members are found by name through
//! anonymous structures and unions, their types must be of compatible kinds, and if several kernel types
//! match they must agree.

mod compat;
mod field;
mod spec;

use std::fmt;

use super::{Btf, Kind, StrOff, TypeId};
use spec::Spec;

/// Deepest access and deepest nesting of anonymous members.
const MAX_DEPTH: usize = 64;

/// What a relocation asks for (`enum bpf_core_relo_kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelocKind {
    FieldByteOffset = 0,
    FieldByteSize = 1,
    FieldExists = 2,
    FieldSigned = 3,
    FieldLshiftU64 = 4,
    FieldRshiftU64 = 5,
    TypeIdLocal = 6,
    TypeIdTarget = 7,
    TypeExists = 8,
    TypeSize = 9,
    EnumvalExists = 10,
    EnumvalValue = 11,
}

impl RelocKind {
    const ALL: [RelocKind; 12] = [
        RelocKind::FieldByteOffset,
        RelocKind::FieldByteSize,
        RelocKind::FieldExists,
        RelocKind::FieldSigned,
        RelocKind::FieldLshiftU64,
        RelocKind::FieldRshiftU64,
        RelocKind::TypeIdLocal,
        RelocKind::TypeIdTarget,
        RelocKind::TypeExists,
        RelocKind::TypeSize,
        RelocKind::EnumvalExists,
        RelocKind::EnumvalValue,
    ];

    /// The kind with this number, if it is supported. (`TYPE_MATCHES`, 12, is not.)
    pub fn from_raw(raw: u32) -> Option<Self> {
        Self::ALL.get(raw as usize).copied()
    }

    pub fn raw(self) -> u32 {
        self as u32
    }

    fn is_field(self) -> bool {
        self.raw() <= 5
    }

    fn is_enumval(self) -> bool {
        matches!(self, RelocKind::EnumvalExists | RelocKind::EnumvalValue)
    }

    /// Whether "not there" is an answer (0) and not a failure.
    fn may_be_absent(self) -> bool {
        use RelocKind::{EnumvalExists, FieldExists, TypeExists, TypeIdTarget, TypeSize};
        matches!(
            self,
            FieldExists | TypeExists | TypeSize | TypeIdTarget | EnumvalExists
        )
    }
}

/// A resolved relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The value by the object's own types, which the instruction holds.
    pub local: u64,
    /// Whether the instruction must hold `local` now: not so for type ids, which linking changes, and for bit-fields,
    /// which can be read by loads of several sizes.
    pub check_local: bool,
    /// The value on the target; `None` if the target lacks it, and then the instruction must not be reached.
    pub target: Option<u64>,
    /// For [`RelocKind::FieldByteOffset`]: bytes of the member here and there (0: not known, e.g. a bit-field).
    pub local_size: u32,
    pub target_size: u32,
    /// Whether a load of `local_size` may become one of `target_size`: both are pointers or unsigned integers.
    pub resizable: bool,
}

/// A relocation record that makes no sense, or a target that answers it twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreError {
    /// The access string does not fit the local type.
    Access { root: String, access: String },
    /// The root type has no name or is of the wrong kind.
    Root(TypeId),
    /// Target types of one name disagree.
    Ambiguous { root: String, access: String },
    /// A bit-field that no load of up to eight bytes covers.
    Bitfield { root: String, access: String },
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CoreError::Access { root, access } => {
                write!(f, "access {access} does not fit type {root}")
            }
            CoreError::Root(TypeId(id)) => write!(f, "type {id} cannot be relocated"),
            CoreError::Ambiguous { root, access } => {
                write!(
                    f,
                    "the kernel has several types {root} that disagree on access {access}"
                )
            }
            CoreError::Bitfield { root, access } => {
                write!(
                    f,
                    "access {access} of {root} is a bit-field wider than a load"
                )
            }
        }
    }
}

impl std::error::Error for CoreError {}

/// The name without its CO-RE flavour: `task_struct___old` is `task_struct`.
pub fn essential_name(name: &str) -> &str {
    match name.rfind("___") {
        Some(at) if at > 0 && at + 3 < name.len() => &name[..at],
        _ => name,
    }
}

/// Resolves one relocation of `local` against `target`.
pub fn resolve(
    local: &Btf,
    root: TypeId,
    access: &str,
    kind: RelocKind,
    target: &Btf,
) -> Result<Resolution, CoreError> {
    let request = Request {
        local,
        target,
        kind,
        spec: Spec::parse(local, root, access, kind)?,
        access,
    };
    if kind == RelocKind::TypeIdLocal {
        let value = request.value(local, &request.spec)?;
        return Ok(value.alone());
    }
    let ours = request.value(local, &request.spec)?;
    let theirs = request.search()?;
    Ok(request.combine(ours, theirs))
}

/// A relocation being resolved.
struct Request<'a> {
    local: &'a Btf,
    target: &'a Btf,
    kind: RelocKind,
    spec: Spec<'a>,
    access: &'a str,
}

/// What one side says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value {
    value: u64,
    /// Size and type of a field that a load may read whole.
    field: Option<(u32, TypeId)>,
    fixed: bool,
}

impl Value {
    fn plain(value: u64) -> Self {
        Self {
            value,
            field: None,
            fixed: true,
        }
    }

    fn alone(self) -> Resolution {
        Resolution {
            local: self.value,
            check_local: false,
            target: Some(self.value),
            local_size: 0,
            target_size: 0,
            resizable: false,
        }
    }
}

impl Request<'_> {
    fn root_name(&self) -> &str {
        essential_name(self.local.name(self.spec.root))
    }

    /// The agreed answer of all target types that match; `None` if no type does.
    fn search(&self) -> Result<Option<Value>, CoreError> {
        let mut agreed: Option<Value> = None;
        for id in self.target.named(self.root_name()) {
            if !self.is_candidate(id) {
                continue;
            }
            let Some(spec) = self.spec.find_in(self.local, self.target, id) else {
                continue;
            };
            let value = self.value(self.target, &spec)?;
            match agreed {
                Some(first) if !agree(first, value) => {
                    return Err(CoreError::Ambiguous {
                        root: self.root_name().to_owned(),
                        access: self.access.to_owned(),
                    });
                }
                Some(_) => {}
                None => agreed = Some(value),
            }
        }
        Ok(agreed)
    }

    fn is_candidate(&self, id: TypeId) -> bool {
        match (self.local.ty(self.spec.root), self.target.ty(id)) {
            (Some(ours), Some(theirs)) => compat::same_kind(&ours.kind, &theirs.kind),
            _ => false,
        }
    }

    /// The value of a matched spec on its own side.
    fn value(&self, btf: &Btf, spec: &Spec<'_>) -> Result<Value, CoreError> {
        if self.kind.is_field() {
            return field::value(btf, spec, self.kind).ok_or_else(|| CoreError::Bitfield {
                root: self.root_name().to_owned(),
                access: self.access.to_owned(),
            });
        }
        Ok(match self.kind {
            RelocKind::TypeSize => Value::plain(btf.size_of(spec.root).unwrap_or(0).into()),
            RelocKind::TypeIdLocal | RelocKind::TypeIdTarget => Value {
                fixed: false,
                ..Value::plain(spec.root.0.into())
            },
            RelocKind::EnumvalValue => Value::plain(spec.enum_value),
            _ => Value::plain(1),
        })
    }

    fn combine(&self, ours: Value, theirs: Option<Value>) -> Resolution {
        let absent = self.kind.may_be_absent().then_some(0);
        let fields = ours.field.zip(theirs.and_then(|v| v.field));
        Resolution {
            local: ours.value,
            check_local: ours.fixed,
            target: theirs.map(|v| v.value).or(absent),
            local_size: fields.map_or(0, |((size, _), _)| size),
            target_size: fields.map_or(0, |(_, (size, _))| size),
            resizable: fields.is_some_and(|((_, a), (_, b))| {
                compat::both_zero_extend(self.local, a, self.target, b)
            }),
        }
    }
}

/// Whether two target types give one answer. Their ids may differ.
fn agree(a: Value, b: Value) -> bool {
    let size = |v: Value| v.field.map(|(size, _)| size);
    a.value == b.value && size(a) == size(b)
}

#[cfg(test)]
mod tests;

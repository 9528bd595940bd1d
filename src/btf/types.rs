//! The type graph.

/// Index of a type; 0 is `void`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

impl TypeId {
    pub const VOID: TypeId = TypeId(0);
}

/// Byte offset in the string section; 0 is the empty string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrOff(pub u32);

/// Bits of an integer's encoding (`BTF_INT_*`).
pub mod encoding {
    pub const SIGNED: u8 = 1;
    pub const CHAR: u8 = 2;
    pub const BOOL: u8 = 4;
}

/// A type with its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    pub name: StrOff,
    pub kind: Kind,
}

/// What a type is. Sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Int {
        size: u32,
        encoding: u8,
        /// Bit offset of the deprecated bit-field integers; 0 elsewhere.
        offset: u8,
        bits: u8,
    },
    Ptr(TypeId),
    Array {
        elem: TypeId,
        index: TypeId,
        len: u32,
    },
    Struct {
        size: u32,
        members: Vec<Member>,
    },
    Union {
        size: u32,
        members: Vec<Member>,
    },
    /// `ENUM`, or `ENUM64` if `wide`. Values are sign- or zero-extended to 64 bits.
    Enum {
        size: u32,
        signed: bool,
        wide: bool,
        values: Vec<EnumValue>,
    },
    Fwd {
        union: bool,
    },
    Typedef(TypeId),
    Volatile(TypeId),
    Const(TypeId),
    Restrict(TypeId),
    Func {
        proto: TypeId,
        linkage: Linkage,
    },
    FuncProto {
        ret: TypeId,
        params: Vec<Param>,
    },
    Var {
        ty: TypeId,
        linkage: Linkage,
    },
    Datasec {
        size: u32,
        vars: Vec<SecVar>,
    },
    Float {
        size: u32,
    },
    /// `component` is -1 for the type itself, else a member or parameter.
    DeclTag {
        ty: TypeId,
        component: i32,
        attribute: bool,
    },
    TypeTag {
        ty: TypeId,
        attribute: bool,
    },
    /// A kind newer than this program, skipped with the help of the layout table.
    Unknown {
        kind: u8,
    },
}

/// Linkage of functions and variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linkage {
    Static,
    Global,
    Extern,
    /// A value that the format does not define.
    Other(u32),
}

impl Linkage {
    pub(super) fn from_raw(raw: u32) -> Self {
        match raw {
            0 => Linkage::Static,
            1 => Linkage::Global,
            2 => Linkage::Extern,
            n => Linkage::Other(n),
        }
    }

    pub(super) fn raw(self) -> u32 {
        match self {
            Linkage::Static => 0,
            Linkage::Global => 1,
            Linkage::Extern => 2,
            Linkage::Other(n) => n,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    pub name: StrOff,
    pub ty: TypeId,
    /// Offset from the start of the structure in bits.
    pub bit_offset: u32,
    /// Width of a bit-field in bits, 0 for an ordinary member.
    pub bits: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnumValue {
    pub name: StrOff,
    pub value: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Param {
    pub name: StrOff,
    pub ty: TypeId,
}

/// A variable in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecVar {
    pub ty: TypeId,
    pub offset: u32,
    pub size: u32,
}

/// Number of a kind in the format (`BTF_KIND_*`).
pub(super) mod raw {
    pub(in crate::btf) const INT: u8 = 1;
    pub(in crate::btf) const PTR: u8 = 2;
    pub(in crate::btf) const ARRAY: u8 = 3;
    pub(in crate::btf) const STRUCT: u8 = 4;
    pub(in crate::btf) const UNION: u8 = 5;
    pub(in crate::btf) const ENUM: u8 = 6;
    pub(in crate::btf) const FWD: u8 = 7;
    pub(in crate::btf) const TYPEDEF: u8 = 8;
    pub(in crate::btf) const VOLATILE: u8 = 9;
    pub(in crate::btf) const CONST: u8 = 10;
    pub(in crate::btf) const RESTRICT: u8 = 11;
    pub(in crate::btf) const FUNC: u8 = 12;
    pub(in crate::btf) const FUNC_PROTO: u8 = 13;
    pub(in crate::btf) const VAR: u8 = 14;
    pub(in crate::btf) const DATASEC: u8 = 15;
    pub(in crate::btf) const FLOAT: u8 = 16;
    pub(in crate::btf) const DECL_TAG: u8 = 17;
    pub(in crate::btf) const TYPE_TAG: u8 = 18;
    pub(in crate::btf) const ENUM64: u8 = 19;
}

/// `magic`, `version` of the header of `.BTF` and `.BTF.ext`.
pub(super) const MAGIC: u16 = 0xeb9f;
pub(super) const VERSION: u8 = 1;

impl Kind {
    /// Number of the kind in the format.
    pub fn raw(&self) -> u8 {
        match self {
            Kind::Int { .. } => raw::INT,
            Kind::Ptr(_) => raw::PTR,
            Kind::Array { .. } => raw::ARRAY,
            Kind::Struct { .. } => raw::STRUCT,
            Kind::Union { .. } => raw::UNION,
            Kind::Enum { wide: false, .. } => raw::ENUM,
            Kind::Enum { wide: true, .. } => raw::ENUM64,
            Kind::Fwd { .. } => raw::FWD,
            Kind::Typedef(_) => raw::TYPEDEF,
            Kind::Volatile(_) => raw::VOLATILE,
            Kind::Const(_) => raw::CONST,
            Kind::Restrict(_) => raw::RESTRICT,
            Kind::Func { .. } => raw::FUNC,
            Kind::FuncProto { .. } => raw::FUNC_PROTO,
            Kind::Var { .. } => raw::VAR,
            Kind::Datasec { .. } => raw::DATASEC,
            Kind::Float { .. } => raw::FLOAT,
            Kind::DeclTag { .. } => raw::DECL_TAG,
            Kind::TypeTag { .. } => raw::TYPE_TAG,
            Kind::Unknown { kind } => *kind,
        }
    }

    /// Members of a structure or union.
    pub fn members(&self) -> Option<&[Member]> {
        match self {
            Kind::Struct { members, .. } | Kind::Union { members, .. } => Some(members),
            _ => None,
        }
    }

    pub fn is_composite(&self) -> bool {
        self.members().is_some()
    }

    pub fn is_enum(&self) -> bool {
        matches!(self, Kind::Enum { .. })
    }

    /// The type behind a modifier or typedef.
    pub(super) fn alias_of(&self) -> Option<TypeId> {
        match *self {
            Kind::Typedef(ty)
            | Kind::Volatile(ty)
            | Kind::Const(ty)
            | Kind::Restrict(ty)
            | Kind::TypeTag { ty, .. } => Some(ty),
            _ => None,
        }
    }
}

//! Two small worlds: the object's types and a kernel's, which differ the way kernels do.

use super::*;
use crate::btf::{Builder, EnumValue, Linkage, Member, encoding};

fn int(b: &mut Builder, name: &str, size: u32, encoding: u8) -> TypeId {
    let kind = Kind::Int {
        size,
        encoding,
        offset: 0,
        bits: (size * 8) as u8,
    };
    b.add(name, kind)
}

fn member(b: &mut Builder, name: &str, ty: TypeId, bit_offset: u32) -> Member {
    Member {
        name: b.string(name),
        ty,
        bit_offset,
        bits: 0,
    }
}

fn structure(b: &mut Builder, name: &str, size: u32, members: Vec<Member>) -> TypeId {
    b.add(name, Kind::Struct { size, members })
}

fn enumeration(b: &mut Builder, name: &str, wide: bool, values: &[(&str, u64)]) -> TypeId {
    let values = values
        .iter()
        .map(|&(name, value)| EnumValue {
            name: b.string(name),
            value,
        })
        .collect();
    b.add(
        name,
        Kind::Enum {
            size: if wide { 8 } else { 4 },
            signed: false,
            wide,
            values,
        },
    )
}

/// `struct task___v1 { int pid; void *mm; struct qstr name; u64 wide; char comm[16]; int gone; } ` and friends.
fn object() -> (Btf, TypeId, TypeId) {
    let mut b = Builder::new();
    let i = int(&mut b, "int", 4, encoding::SIGNED);
    let u = int(&mut b, "u32", 4, 0);
    let c = int(&mut b, "char", 1, 0);
    let p = b.add("", Kind::Ptr(TypeId::VOID));
    let len = member(&mut b, "len", u, 0);
    let qstr = structure(&mut b, "qstr", 8, vec![len]);
    let comm = b.add(
        "",
        Kind::Array {
            elem: c,
            index: u,
            len: 16,
        },
    );
    let members = vec![
        member(&mut b, "pid", i, 0),
        member(&mut b, "mm", p, 64),
        member(&mut b, "name", qstr, 128),
        member(&mut b, "narrow", u, 192),
        member(&mut b, "comm", comm, 256),
        member(&mut b, "gone", i, 384),
        member(&mut b, "mode", u, 416),
    ];
    let task = structure(&mut b, "task___v1", 56, members);
    let state = enumeration(&mut b, "state", false, &[("DEAD___old", 4), ("NEVER", 9)]);
    (b.finish(), task, state)
}

/// The kernel hides `pid` in an anonymous union, has `name.len` deeper and `mode` as a bit-field, and lacks `gone`.
fn kernel() -> Btf {
    let mut b = Builder::new();
    let i = int(&mut b, "int", 4, encoding::SIGNED);
    let u = int(&mut b, "unsigned int", 4, 0);
    let u64_ = int(&mut b, "unsigned long", 8, 0);
    let c = int(&mut b, "char", 1, 0);
    let mm = b.declare("mm_struct", false);
    let p = b.add("", Kind::Ptr(mm));
    let hash = member(&mut b, "hash", u, 0);
    let len = member(&mut b, "len", u, 32);
    let both = structure(&mut b, "", 8, vec![hash, len]);
    let anon = member(&mut b, "", both, 0);
    let inner = b.add(
        "",
        Kind::Union {
            size: 8,
            members: vec![anon],
        },
    );
    let anon = member(&mut b, "", inner, 0);
    let qstr = structure(&mut b, "qstr", 16, vec![anon]);
    let qstr_alias = b.add("qstr_t", Kind::Typedef(qstr));
    let pid = member(&mut b, "pid", i, 0);
    let union = b.add(
        "",
        Kind::Union {
            size: 4,
            members: vec![pid],
        },
    );
    let comm = b.add(
        "",
        Kind::Array {
            elem: c,
            index: u,
            len: 8,
        },
    );
    let comm_const = b.add("", Kind::Const(comm));
    let mut members = vec![
        member(&mut b, "flags", u64_, 0),
        member(&mut b, "", union, 64),
        member(&mut b, "mm", p, 128),
        member(&mut b, "narrow", u64_, 192),
        member(&mut b, "name", qstr_alias, 320),
        member(&mut b, "comm", comm_const, 448),
    ];
    let mut mode = member(&mut b, "mode", u, 512 + 3);
    mode.bits = 5;
    members.push(mode);
    structure(&mut b, "task", 72, members);
    b.add("task", Kind::Typedef(i));
    enumeration(&mut b, "state", true, &[("RUN", 0), ("DEAD", 1 << 40)]);
    b.finish()
}

fn field(access: &str, kind: RelocKind) -> Resolution {
    let (btf, task, _) = object();
    resolve(&btf, task, access, kind, &kernel()).expect("a well-formed access")
}

#[test]
fn members_are_found_by_name_through_anonymous_ones() {
    let offset = |access| {
        let r = field(access, RelocKind::FieldByteOffset);
        (r.local, r.target)
    };
    assert_eq!(offset("0:0"), (0, Some(8)));
    assert_eq!(offset("0:1"), (8, Some(16)));
    assert_eq!(offset("0:2:0"), (16, Some(44)));
    assert_eq!(offset("0:4:3"), (35, Some(59)));
    assert_eq!(offset("1:0"), (56, Some(72 + 8)));
}

#[test]
fn sizes_say_whether_a_load_may_change() {
    let narrow = field("0:3", RelocKind::FieldByteOffset);
    assert_eq!(
        (narrow.local_size, narrow.target_size, narrow.resizable),
        (4, 8, true)
    );
    let pid = field("0:0", RelocKind::FieldByteOffset);
    assert!(!pid.resizable && pid.local_size == pid.target_size);
    assert_eq!(field("0:3", RelocKind::FieldByteSize).target, Some(8));
    assert_eq!(field("0:0", RelocKind::FieldSigned).target, Some(1));
}

#[test]
fn what_the_kernel_lacks_is_absent_or_zero() {
    assert_eq!(field("0:5", RelocKind::FieldByteOffset).target, None);
    assert_eq!(field("0:5", RelocKind::FieldExists).target, Some(0));
    assert_eq!(field("0:0", RelocKind::FieldExists).target, Some(1));
    // Element 8 of an array that has 8 there and 16 here.
    assert_eq!(field("0:4:8", RelocKind::FieldExists).target, Some(0));
}

#[test]
fn bit_fields_have_offset_size_and_shifts() {
    let value = |kind| field("0:6", kind).target;
    assert_eq!(value(RelocKind::FieldByteOffset), Some(64));
    assert_eq!(value(RelocKind::FieldByteSize), Some(4));
    assert_eq!(value(RelocKind::FieldLshiftU64), Some(64 - 8));
    assert_eq!(value(RelocKind::FieldRshiftU64), Some(64 - 5));
}

#[test]
fn types_match_by_kind_and_name() {
    let (btf, task, _) = object();
    let ask = |kind| {
        resolve(&btf, task, "0", kind, &kernel())
            .expect("a named type")
            .target
    };
    assert_eq!(ask(RelocKind::TypeExists), Some(1));
    assert_eq!(ask(RelocKind::TypeSize), Some(72));
    let id = kernel().find("task", Kind::is_composite).expect("defined");
    assert_eq!(ask(RelocKind::TypeIdTarget), Some(id.0.into()));
    let empty = Builder::new().finish();
    let r = resolve(&btf, task, "0", RelocKind::TypeExists, &empty).expect("a named type");
    assert_eq!(r.target, Some(0));
}

#[test]
fn enumerators_match_without_flavour_and_width() {
    let (btf, _, state) = object();
    let ask = |access, kind| {
        let r = resolve(&btf, state, access, kind, &kernel()).expect("an enumerator");
        (r.local, r.target)
    };
    assert_eq!(ask("0", RelocKind::EnumvalValue), (4, Some(1 << 40)));
    assert_eq!(ask("1", RelocKind::EnumvalValue), (9, None));
    assert_eq!(ask("1", RelocKind::EnumvalExists), (1, Some(0)));
}

#[test]
fn kernel_types_that_disagree_are_refused() {
    let (btf, task, _) = object();
    let mut b = Builder::new();
    let i = int(&mut b, "int", 4, encoding::SIGNED);
    for offset in [32, 64] {
        let pid = member(&mut b, "pid", i, offset);
        structure(&mut b, "task", 16, vec![pid]);
    }
    let r = resolve(&btf, task, "0:0", RelocKind::FieldByteOffset, &b.finish());
    assert!(matches!(r, Err(CoreError::Ambiguous { .. })));
}

#[test]
fn malformed_records_are_refused() {
    let (btf, task, state) = object();
    let kernel = kernel();
    let ask = |root, access, kind| resolve(&btf, root, access, kind, &kernel);
    for access in ["", "0:", "0:99", "0:0:0", "x", "-1", "0:4:16"] {
        let r = ask(task, access, RelocKind::FieldByteOffset);
        assert!(matches!(r, Err(CoreError::Access { .. })), "{access:?}");
    }
    assert!(ask(TypeId(9999), "0", RelocKind::TypeExists).is_err());
    assert!(ask(state, "2", RelocKind::EnumvalValue).is_err());
    assert!(ask(task, "0", RelocKind::EnumvalValue).is_err());
}

#[test]
fn a_type_that_contains_itself_ends_the_search() {
    let (btf, task, _) = object();
    let mut b = Builder::new();
    let id = b.declare("task", false);
    let members = vec![member(&mut b, "", id, 0), member(&mut b, "", id, 0)];
    b.define(id, Kind::Struct { size: 8, members });
    let r = resolve(&btf, task, "0:0", RelocKind::FieldExists, &b.finish());
    assert_eq!(r.expect("a well-formed access").target, Some(0));
}

#[test]
fn flavours_end_at_three_underscores() {
    assert_eq!(essential_name("task_struct___old"), "task_struct");
    assert_eq!(essential_name("a___b___c"), "a___b");
    assert_eq!(essential_name("___x"), "___x");
    assert_eq!(essential_name("x___"), "x___");
    assert_eq!(essential_name("__sk_common"), "__sk_common");
}

#[test]
fn functions_are_no_structures() {
    let (btf, task, _) = object();
    let mut b = Builder::new();
    let proto = b.add(
        "",
        Kind::FuncProto {
            ret: TypeId::VOID,
            params: vec![],
        },
    );
    b.add(
        "task",
        Kind::Func {
            proto,
            linkage: Linkage::Static,
        },
    );
    let r = resolve(&btf, task, "0", RelocKind::TypeExists, &b.finish());
    assert_eq!(r.expect("a named type").target, Some(0));
}

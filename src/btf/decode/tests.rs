//! Round trips, lookups, and bytes that are not BTF.

use proptest::prelude::*;

use super::*;
use crate::btf::ext::{CoreRelo, Ext, FuncInfo, LineInfo, Section};
use crate::btf::{Builder, encoding};

/// One type of every kind.
fn zoo() -> Btf {
    let mut b = Builder::new();
    let int = b.add(
        "int",
        Kind::Int {
            size: 4,
            encoding: encoding::SIGNED,
            offset: 0,
            bits: 32,
        },
    );
    let list = b.declare("list", false);
    let next = b.add("", Kind::Ptr(list));
    let array = b.add(
        "",
        Kind::Array {
            elem: int,
            index: int,
            len: 3,
        },
    );
    let member = |b: &mut Builder, name, ty, bit_offset, bits| Member {
        name: b.string(name),
        ty,
        bit_offset,
        bits,
    };
    let members = vec![
        member(&mut b, "next", next, 0, 0),
        member(&mut b, "items", array, 64, 0),
        member(&mut b, "flag", int, 160, 1),
    ];
    b.define(list, Kind::Struct { size: 24, members });
    let members = vec![member(&mut b, "i", int, 0, 0)];
    b.add("u", Kind::Union { size: 4, members });
    for (wide, value) in [(false, (-3i64).cast_unsigned()), (true, 1 << 40)] {
        let name = b.string("V");
        b.add(
            "e",
            Kind::Enum {
                size: 4,
                signed: !wide,
                wide,
                values: vec![EnumValue { name, value }],
            },
        );
    }
    b.add("f", Kind::Fwd { union: true });
    for kind in [
        Kind::Typedef(list),
        Kind::Volatile(list),
        Kind::Const(list),
        Kind::Restrict(next),
    ] {
        b.add("", kind);
    }
    let name = b.string("arg");
    let params = vec![Param { name, ty: int }];
    let proto = b.add("", Kind::FuncProto { ret: int, params });
    let linkage = Linkage::Global;
    b.add("func", Kind::Func { proto, linkage });
    let var = b.add("v", Kind::Var { ty: array, linkage });
    let vars = vec![SecVar {
        ty: var,
        offset: 0,
        size: 12,
    }];
    b.add(".data", Kind::Datasec { size: 12, vars });
    b.add("float", Kind::Float { size: 8 });
    b.add(
        "tag",
        Kind::DeclTag {
            ty: list,
            component: -1,
            attribute: false,
        },
    );
    b.add(
        "rcu",
        Kind::TypeTag {
            ty: list,
            attribute: true,
        },
    );
    b.finish()
}

fn ext() -> Ext {
    let name = StrOff(1);
    Ext {
        funcs: vec![Section {
            name,
            records: vec![FuncInfo {
                insn_off: 0,
                ty: TypeId(7),
            }],
        }],
        lines: vec![Section {
            name,
            records: vec![LineInfo {
                insn_off: 8,
                file: StrOff(2),
                text: StrOff(3),
                line: 70_000,
                column: 1023,
            }],
        }],
        core: vec![Section {
            name,
            records: vec![CoreRelo {
                insn_off: 16,
                root: TypeId(2),
                access: StrOff(4),
                kind: 0,
            }],
        }],
    }
}

#[test]
fn every_kind_survives_a_round_trip() {
    let btf = zoo();
    let again = Btf::decode(&btf.encode()).expect("own bytes");
    assert_eq!(again.types, btf.types);
    assert_eq!(again.strings, btf.strings);
    let mut kinds: Vec<u8> = btf.types.iter().map(|t| t.kind.raw()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, (1..=19).collect::<Vec<u8>>());
}

#[test]
fn equal_types_and_strings_are_stored_once() {
    let mut b = Builder::new();
    let a = b.add("x", Kind::Float { size: 4 });
    assert_eq!(b.add("x", Kind::Float { size: 4 }), a);
    assert_ne!(b.add("x", Kind::Float { size: 8 }), a);
    assert_eq!(b.finish().strings, b"\0x\0");
}

#[test]
fn names_lead_to_types() {
    let btf = zoo();
    let func = btf.function("func").expect("defined");
    let (ret, params) = btf.signature(func).expect("a function");
    assert_eq!((btf.name(ret), btf.str(params[0].name)), ("int", "arg"));
    assert_eq!(btf.function("list"), None);
    assert_eq!(btf.named("e").count(), 2);
    assert_eq!(btf.named("nothing").count(), 0);
}

#[test]
fn sizes_follow_arrays_and_aliases() {
    let btf = zoo();
    let size = |name| btf.size_of(btf.named(name).next().expect("defined"));
    assert_eq!(size("list"), Some(24));
    assert_eq!(size("v"), Some(12));
    assert_eq!(size("func"), None);
    assert_eq!(btf.size_of(TypeId::VOID), None);
}

#[test]
fn chains_without_end_are_cut() {
    let mut b = Builder::new();
    let id = b.declare("loop", false);
    b.define(id, Kind::Typedef(id));
    let array = b.declare("array", false);
    b.define(
        array,
        Kind::Array {
            elem: array,
            index: array,
            len: 1,
        },
    );
    let btf = b.finish();
    assert!(btf.resolve(id).is_none());
    assert_eq!(btf.size_of(array), None);
}

#[test]
fn split_tables_continue_their_base() {
    let base = Arc::new(zoo());
    let mut module = Builder::new().finish();
    module.types = vec![Type {
        name: StrOff(base.str_end()),
        kind: Kind::Ptr(TypeId(1)),
    }];
    module.strings = b"mod\0".to_vec();
    let bytes = module.encode();
    let split = Btf::decode_split(&bytes, base.clone()).expect("own bytes");
    let id = TypeId(base.end());
    assert_eq!(split.name(id), "mod");
    assert_eq!(split.find("mod", |_| true), Some(id));
    assert_eq!(split.find("list", Kind::is_composite), Some(TypeId(2)));
    assert_eq!(split.name(TypeId(1)), "int");
}

#[test]
fn kinds_of_a_later_kernel_are_skipped_by_the_layout_table() {
    let mut types = Vec::new();
    // Kind 20 with two elements of 4 bytes after 8 fixed ones, then an int.
    for word in [0u32, 2 | (20 << 24), 0, 1, 2, 3, 4] {
        types.extend_from_slice(&word.to_le_bytes());
    }
    for word in [1u32, 1 << 24, 4, 32] {
        types.extend_from_slice(&word.to_le_bytes());
    }
    let strings = b"\0int\0\0\0\0";
    let mut layout = vec![0u8; 21 * 4];
    layout[80..82].copy_from_slice(&[8, 4]);
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    let (t, s, l) = (
        types.len() as u32,
        strings.len() as u32,
        layout.len() as u32,
    );
    for word in [32, 0, t, t, s, t + s, l] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend(types);
    bytes.extend_from_slice(strings);
    let without = bytes.clone();
    bytes.extend(layout);
    let btf = Btf::decode(&bytes).expect("a layout for kind 20");
    assert_eq!(
        btf.types().next().map(|(_, t)| &t.kind),
        Some(&Kind::Unknown { kind: 20 })
    );
    assert_eq!(btf.name(TypeId(2)), "int");
    assert_eq!(
        Btf::decode(&without).err(),
        Some(Error::Truncated("layout table"))
    );
    bytes[24..32].fill(0);
    assert_eq!(
        Btf::decode(&bytes).err(),
        Some(Error::Kind { id: 1, kind: 20 })
    );
}

#[test]
fn headers_are_checked() {
    let bytes = zoo().encode();
    let with = |at: usize, value: u8| {
        let mut b = bytes.clone();
        b[at] = value;
        Btf::decode(&b).err()
    };
    assert_eq!(with(0, 0), Some(Error::Magic));
    assert_eq!(with(2, 2), Some(Error::Version(2)));
    assert_eq!(with(19, 0xff), Some(Error::Truncated("strings")));
    assert_eq!(with(bytes.len() - 1, b'x'), Some(Error::Strings));
    assert_eq!(
        Btf::decode(&bytes[..10]).err(),
        Some(Error::Truncated("header"))
    );
}

#[test]
fn ext_survives_a_round_trip() {
    assert_eq!(Ext::decode(&ext().encode()), Ok(ext()));
    let empty = Ext::default();
    assert_eq!(Ext::decode(&empty.encode()), Ok(empty));
}

#[test]
fn ext_records_longer_than_ours_are_cut() {
    let mut bytes = ext().encode();
    // func_info is first: its record size, then name, count, and the record itself.
    bytes[32..36].copy_from_slice(&12u32.to_le_bytes());
    let tail = bytes.split_off(52);
    bytes.extend([0; 4]);
    bytes.extend(tail);
    bytes[12..16].copy_from_slice(&24u32.to_le_bytes());
    for at in [16, 24] {
        let off = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) + 4;
        bytes[at..at + 4].copy_from_slice(&off.to_le_bytes());
    }
    assert_eq!(Ext::decode(&bytes), Ok(ext()));
    bytes[32..36].copy_from_slice(&4u32.to_le_bytes());
    assert!(matches!(
        Ext::decode(&bytes),
        Err(Error::RecordSize { size: 4, .. })
    ));
}

proptest! {
    /// Changed bytes are refused or decoded, and whatever is decoded can be walked.
    #[test]
    fn mutated_bytes_never_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>()) {
        for mut bytes in [zoo().encode(), ext().encode()] {
            for (at, value) in &edits {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if edits.len() % 3 == 0 {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = Ext::decode(&bytes);
            if let Ok(btf) = Btf::decode(&bytes) {
                for (id, _) in btf.types() {
                    btf.size_of(id);
                    btf.signature(id);
                    prop_assert!(btf.named(btf.name(id)).count() <= btf.types.len());
                    for kind in [core::RelocKind::FieldByteOffset, core::RelocKind::TypeExists] {
                        let _ = core::resolve(&btf, id, "0:1", kind, &btf);
                    }
                }
                prop_assume!(btf.types().all(|(_, t)| !matches!(t.kind, Kind::Unknown { .. })));
                prop_assert_eq!(Btf::decode(&btf.encode()).map(|b| b.types.len()), Ok(btf.types.len()));
            }
        }
    }
}

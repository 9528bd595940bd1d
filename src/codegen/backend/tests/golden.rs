//! Small functions and the code that one would write for them by hand.

use super::super::{AssembleError, assemble};
use super::listing::listing;
use crate::codegen::mir::{AluOp, Builder, Cond, Field, FunctionId, MapId, Reg, Size};
use crate::diag::{FileId, Span};

const LOOKUP: u32 = 1;
const KTIME: u32 = 5;
const PROBE: u32 = 113;

#[track_caller]
fn check(b: Builder, expected: &str) {
    let code = assemble(&b.finish()).expect("small functions fit");
    let lines: Vec<&str> = expected.lines().map(str::trim).collect();
    let text = listing(&code);
    let found: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(found, lines[1..lines.len() - 1], "{text}");
}

fn field(root: &'static str, path: &'static str) -> Field {
    Field { root, path }
}

#[test]
fn a_parameter_becomes_the_result_in_one_move() {
    let mut b = Builder::new("f");
    let x = b.param(0);
    b.alu(AluOp::Add, x, 1);
    b.exit(x);
    check(
        b,
        "
        0: r0 = r1
        1: r0 += 1
        2: exit
        ",
    );
}

#[test]
fn dead_values_and_jumps_to_the_next_instruction_go() {
    let mut b = Builder::new("f");
    let context = b.param(0);
    let next = b.label();
    b.load(Size::B8, context, 8);
    b.map(MapId(1));
    b.jump(next);
    b.bind(next);
    b.exit(0);
    check(
        b,
        "
        0: r0 = 0
        1: exit
        ",
    );
}

#[test]
fn a_jump_around_a_jump_is_inverted_and_exits_are_shared() {
    let mut b = Builder::new("f");
    let x = b.param(0);
    let (yes, no) = (b.label(), b.label());
    b.branch(Cond::Eq, x, 7, yes);
    b.jump(no);
    b.bind(yes);
    let found = b.label();
    let y = b.load(Size::B8, x, 0);
    b.branch(Cond::Ne, y, 0, found);
    b.exit(0);
    b.bind(found);
    b.store(Size::B4, y, 4, 1);
    b.exit(0);
    b.bind(no);
    b.exit(0);
    check(
        b,
        "
        0: if r1 != 7 goto 4
        1: r0 = *(u64 *)(r1 +0)
        2: if r0 == 0 goto 4
        3: *(u32 *)(r0 +4) = 1
        4: r0 = 0
        5: exit
        ",
    );
}

#[test]
fn arguments_change_places_without_a_detour() {
    let mut b = Builder::new("f");
    let params: Vec<Reg> = (0..3).map(|index| b.param(index)).collect();
    let five = b.mov(5);
    let result = b.call_function(
        FunctionId(9),
        &[params[1], params[2], params[0], params[1], five],
    );
    b.exit(result);
    check(
        b,
        "
        0: r4 = r2
        1: r2 = r3
        2: r3 = r1
        3: r1 = r4
        4: r5 = 5
        5: call function 9
        6: exit
        ",
    );
}

#[test]
fn a_map_value_is_found_and_counted() {
    let mut b = Builder::new("f");
    let key = b.slot(4);
    b.store_slot(Size::B4, key, 0, 0);
    let map = b.map(MapId(2));
    let at = b.slot_addr(key);
    let value = b.call(LOOKUP, &[map, at]);
    let end = b.label();
    b.branch(Cond::Eq, value, 0, end);
    let count = b.load(Size::B8, value, 0);
    b.alu(AluOp::Add, count, 1);
    b.store(Size::B8, value, 0, count);
    b.bind(end);
    b.exit(0);
    check(
        b,
        "
        0: *(u32 *)(r10 -8) = 0
        1: r1 = map 2
        3: r2 = r10
        4: r2 += -8
        5: call 1
        6: if r0 == 0 goto 10
        7: r5 = *(u64 *)(r0 +0)
        8: r5 += 1
        9: *(u64 *)(r0 +0) = r5
        10: r0 = 0
        11: exit
        ",
    );
}

#[test]
fn fields_are_loads_additions_and_constants() {
    let mut b = Builder::new("f");
    let file = b.param(0);
    let dentry = b.load_field(Size::B8, file, field("file", "f_path.dentry"));
    let address = b.field_addr(dentry, field("dentry", "d_parent"));
    let (slot, bytes) = (b.slot(8), b.mov(8));
    let to = b.slot_addr(slot);
    b.call(PROBE, &[to, bytes, address]);
    let parent = b.load_slot(Size::B8, slot, 0);
    let zero = b.mov(0);
    let offset = b.field_addr(zero, field("dentry", "d_name.name"));
    b.alu(AluOp::Add, parent, offset);
    let known = b.field_exists(field("task_struct", "loginuid"));
    b.alu(AluOp::Add, parent, known);
    b.exit(parent);
    check(
        b,
        "
        0: r3 = *(u64 *)(r1 +8)  ; file.f_path.dentry
        1: r3 += 24  ; dentry.d_parent
        2: r1 = r10
        3: r1 += -8
        4: r2 = 8
        5: call 113
        6: r0 = *(u64 *)(r10 -8)
        7: r5 = 40  ; dentry.d_name.name
        8: r0 += r5
        9: r5 = 1  ; task_struct.loginuid?
        10: r0 += r5
        11: exit
        ",
    );
}

#[test]
fn arithmetic_with_constants_folds() {
    let mut b = Builder::new("f");
    let x = b.param(0);
    let (eight, three) = (b.mov(8), b.mov(3));
    let sum = b.mov(eight);
    b.alu(AluOp::Lsh, sum, three);
    b.alu(AluOp::Mul, x, eight);
    b.alu(AluOp::Mod, x, sum);
    b.alu(AluOp::Add, x, 0);
    let low = b.mov32(x);
    let again = b.mov32(low);
    b.exit(again);
    check(
        b,
        "
        0: r1 <<= 3
        1: r1 &= 63
        2: w0 = w1
        3: exit
        ",
    );
}

/// Six values that live across a call, with four registers to hold them.
fn crowded() -> (Builder, Vec<Reg>) {
    let mut b = Builder::new("f");
    let context = b.param(0);
    let values = (0..6).map(|n| b.load(Size::B8, context, 8 * n)).collect();
    b.call(KTIME, &[]);
    (b, values)
}

#[test]
fn values_across_a_call_go_to_the_stack_when_registers_end() {
    let (mut b, values) = crowded();
    let sum = b.mov(0);
    for value in values {
        b.alu(AluOp::Add, sum, value);
    }
    b.exit(sum);
    check(
        b,
        "
        0: r6 = *(u64 *)(r1 +0)
        1: r5 = *(u64 *)(r1 +8)
        2: *(u64 *)(r10 -8) = r5
        3: r5 = *(u64 *)(r1 +16)
        4: *(u64 *)(r10 -16) = r5
        5: r7 = *(u64 *)(r1 +24)
        6: r8 = *(u64 *)(r1 +32)
        7: r9 = *(u64 *)(r1 +40)
        8: call 5
        9: r0 = *(u64 *)(r10 -8)
        10: r6 += r0
        11: r0 = *(u64 *)(r10 -16)
        12: r6 += r0
        13: r6 += r7
        14: r6 += r8
        15: r6 += r9
        16: r0 = r6
        17: exit
        ",
    );
}

/// Linux 5.10 forgets the bounds of a number that is stored, so what is compared stays in its register.
#[test]
fn numbers_with_bounds_are_the_last_to_go_to_the_stack() {
    let (mut b, values) = crowded();
    let (low, end) = (values[0], b.label());
    b.branch(Cond::Gt, low, 64, end);
    let sum = b.mov(values[1]);
    b.alu(AluOp::Add, sum, low);
    for value in &values[2..] {
        b.branch(Cond::Eq, *value, sum, end);
    }
    b.store(Size::B1, sum, 0, 0);
    b.bind(end);
    b.exit(0);
    check(
        b,
        "
        0: r6 = *(u64 *)(r1 +0)
        1: r7 = *(u64 *)(r1 +8)
        2: r0 = *(u64 *)(r1 +16)
        3: *(u64 *)(r10 -8) = r0
        4: r0 = *(u64 *)(r1 +24)
        5: *(u64 *)(r10 -16) = r0
        6: r8 = *(u64 *)(r1 +32)
        7: r9 = *(u64 *)(r1 +40)
        8: call 5
        9: if r6 > 64 goto 18
        10: r7 += r6
        11: r0 = *(u64 *)(r10 -8)
        12: if r0 == r7 goto 18
        13: r0 = *(u64 *)(r10 -16)
        14: if r0 == r7 goto 18
        15: if r8 == r7 goto 18
        16: if r9 == r7 goto 18
        17: *(u8 *)(r7 +0) = 0
        18: r0 = 0
        19: exit
        ",
    );
}

/// A second load would be a number without bounds to the verifier.
#[test]
fn a_value_is_used_from_the_register_that_was_compared() {
    let (mut b, values) = crowded();
    let end = b.label();
    for value in &values {
        b.branch(Cond::Gt, *value, 64, end);
        let sum = b.mov(*value);
        b.alu(AluOp::Add, sum, *value);
        b.branch(Cond::Eq, sum, 7, end);
    }
    b.bind(end);
    b.exit(0);
    let code = assemble(&b.finish()).expect("it fits");
    let loads = code
        .insns
        .iter()
        .filter(|insn| insn.code == 0x79 && insn.src == 10);
    assert_eq!(loads.count(), 2, "{}", listing(&code));
}

#[test]
fn constants_are_made_again() {
    let mut b = Builder::new("f");
    let map = b.map(MapId(0));
    let big = b.constant(0x1234_5678_9abc_def0);
    for _ in 0..2 {
        let time = b.call(KTIME, &[]);
        b.call(KTIME, &[map, time, big]);
    }
    b.exit(0);
    check(
        b,
        "
        0: call 5
        1: r2 = r0
        2: r1 = map 0
        4: r3 = 0x123456789abcdef0 ll
        6: call 5
        7: call 5
        8: r2 = r0
        9: r1 = map 0
        11: r3 = 0x123456789abcdef0 ll
        13: call 5
        14: r0 = 0
        15: exit
        ",
    );
}

#[test]
fn places_of_the_policy_are_kept_where_they_change() {
    let place = |start| {
        Some(Span {
            file: FileId(0),
            start,
            end: start + 1,
        })
    };
    let mut b = Builder::new("f");
    let x = b.param(0);
    let end = b.label();
    b.set_span(place(10));
    b.branch(Cond::Eq, x, 1, end);
    b.branch(Cond::Eq, x, 2, end);
    b.set_span(place(20));
    b.store(Size::B1, x, 0, 0);
    b.bind(end);
    b.exit(0);
    let code = assemble(&b.finish()).expect("it fits");
    let spans: Vec<(usize, u32)> = code
        .lines
        .iter()
        .map(|(at, span)| (*at, span.start))
        .collect();
    assert_eq!(spans, [(0, 10), (2, 20)]);
}

#[test]
fn a_frame_has_512_bytes() {
    let mut b = Builder::new("f");
    let (full, more) = (b.slot(508), b.slot(4));
    b.store_slot(Size::B4, full, 0, 0);
    b.exit(0);
    let mut function = b.finish();
    let code = assemble(&function).expect("an unused slot takes no place");
    assert_eq!(code.stack, 512);
    let mut b = Builder::new("g");
    b.store_slot(Size::B4, more, 0, 0);
    function.insns.splice(0..0, b.finish().insns);
    assert_eq!(assemble(&function), Err(AssembleError::Stack(520)));
}

#[test]
fn a_jump_has_16_bits() {
    let long = |count| {
        let mut b = Builder::new("f");
        let x = b.param(0);
        let end = b.label();
        b.branch(Cond::Eq, x, 1, end);
        for _ in 0..count {
            b.store(Size::B1, x, 0, 0);
        }
        b.bind(end);
        b.exit(0);
        assemble(&b.finish()).map(|code| code.insns[0].off)
    };
    assert_eq!(long(32_767), Ok(i16::MAX));
    assert_eq!(long(32_768), Err(AssembleError::Distance(32_768)));
}

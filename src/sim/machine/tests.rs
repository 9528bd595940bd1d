use super::super::bench::*;
use super::*;

const MIN: u64 = i32::MIN as i64 as u64;
const MINUS: u64 = u64::MAX;
/// The lower half of -1.
const LOW: u64 = 0xffff_ffff;
const WORD: u64 = 0x0102_0304_0506_0708;

fn run(parts: &[Vec<Insn>]) -> Result<u64, String> {
    Bench::new(&[]).run(parts)
}

/// Both operands as constants of 64 bits, one instruction, its first operand as the result.
fn computed(code: u8, left: u64, right: u64, imm: i32) -> Result<u64, String> {
    let src = if code & op::SRC_MASK == op::X { 2 } else { 0 };
    let operation = one(code, 1, src, 0, imm);
    run(&[wide(1, left), wide(2, right), operation, copy(0, 1)])
}

/// Operation, operands, results with 64 and 32 bits.
#[test]
fn arithmetic_is_that_of_the_interpreter() {
    for (operation, left, right, long, short) in [
        (op::ADD, 0x1_ffff_ffff, 1, 0x2_0000_0000, 0),
        (op::ADD, 5, MINUS, 4, 4),
        (op::SUB, 0, 1, MINUS, LOW),
        (op::SUB, 0, MIN, 0x8000_0000, 0x8000_0000),
        (
            op::MUL,
            0x1_0000_0003,
            MINUS,
            0xffff_fffe_ffff_fffd,
            0xffff_fffd,
        ),
        (op::DIV, 0x1_0000_0008, 2, 0x8000_0004, 4),
        (op::DIV, MIN, MINUS, 0, 0),
        (op::DIV, 7, 0, 0, 0),
        (op::MOD, 0x1_0000_0009, 4, 1, 1),
        (op::MOD, MIN, MINUS, MIN, 0x8000_0000),
        (op::MOD, 0x1_0000_0009, 0, 0x1_0000_0009, 9),
        (
            op::OR,
            0xf0_0000_0000,
            -16i64 as u64,
            -16i64 as u64,
            0xffff_fff0,
        ),
        (op::AND, WORD, -256i64 as u64, WORD & !0xff, 0x0506_0700),
        (op::XOR, 0xff, MINUS, !0xff, 0xffff_ff00),
        (op::LSH, 0x1_8000_0001, 1, 0x3_0000_0002, 2),
        (op::LSH, 1, 31, 0x8000_0000, 0x8000_0000),
        (op::LSH, 1, 33, 0x2_0000_0000, 2),
        (op::LSH, 3, 64, 3, 3),
        (op::RSH, MIN, 31, 0x1_ffff_ffff, 1),
        (op::ARSH, MIN, 31, MINUS, LOW),
        (op::ARSH, 0x8000_0000, 4, 0x0800_0000, 0xf800_0000),
        (op::MOV, WORD, MINUS, MINUS, LOW),
        (op::MOV, WORD, MIN, MIN, 0x8000_0000),
    ] {
        for (class, wanted, wide) in [(op::ALU64, long, true), (op::ALU, short, false)] {
            let code = class | operation;
            let what = format!("{code:#x} {left:#x} {right:#x}");
            assert_eq!(computed(code | op::X, left, right, 0), Ok(wanted), "{what}");
            let imm = i32::try_from(right.cast_signed()).ok();
            if let Some(imm) = imm.filter(|imm| takes(operation, wide, *imm).is_ok()) {
                assert_eq!(computed(code | op::K, left, 0, imm), Ok(wanted), "{what}");
            }
        }
    }
    for (value, long, short) in [
        (1, MINUS, LOW),
        (MIN, 0x8000_0000, 0x8000_0000),
        (0x1_0000_0000, 0xffff_ffff_0000_0000, 0),
    ] {
        assert_eq!(computed(op::ALU64 | op::NEG, value, 0, 0), Ok(long));
        assert_eq!(computed(op::ALU | op::NEG, value, 0, 0), Ok(short));
    }
}

/// Width, results as big and as little endian.
#[test]
fn swaps_cut_to_their_width() {
    for (bits, big, little) in [
        (16, 0x0807, 0x0708),
        (32, 0x0807_0605, 0x0506_0708),
        (64, 0x0807_0605_0403_0201, WORD),
    ] {
        let swap = |order| computed(op::ALU | op::END | order, WORD, 0, bits);
        assert_eq!((swap(op::X), swap(op::K)), (Ok(big), Ok(little)));
    }
}

/// Condition, operands, whether it holds with 64 and 32 bits.
#[test]
fn jumps_compare_in_their_width() {
    const HIGH: u64 = 0x1_0000_0000;
    for (operation, left, right, long, short) in [
        (op::JEQ, 5, 5, true, true),
        (op::JEQ, HIGH | 5, 5, false, true),
        (op::JNE, 5, MINUS, true, true),
        (op::JNE, HIGH | 5, 5, true, false),
        (op::JGT, MINUS, 1, true, true),
        (op::JGT, HIGH, 1, true, false),
        (op::JGT, 1, 1, false, false),
        (op::JGE, 1, 1, true, true),
        (op::JGE, HIGH, 1, true, false),
        (op::JLT, 1, MINUS, true, true),
        (op::JLT, HIGH, 1, false, true),
        (op::JLT, 1, 1, false, false),
        (op::JLE, 1, 1, true, true),
        (op::JLE, HIGH | 1, 1, false, true),
        (op::JSGT, 1, MINUS, true, true),
        (op::JSGT, 0x8000_0000, 1, true, false),
        (op::JSGE, MINUS, MINUS, true, true),
        (op::JSGE, 0x8000_0000, 1, true, false),
        (op::JSLT, MINUS, 1, true, true),
        (op::JSLT, 0x8000_0000, 1, false, true),
        (op::JSLE, MINUS, MINUS, true, true),
        (op::JSLE, 1, MINUS, false, false),
        (op::JSET, 4, 6, true, true),
        (op::JSET, 4, 3, false, false),
        (op::JSET, HIGH, MINUS, true, false),
    ] {
        for (class, wanted) in [(op::JMP, long), (op::JMP32, short)] {
            let taken = |code, right, imm| {
                let src = if code & op::SRC_MASK == op::X { 2 } else { 0 };
                let jump = one(code, 1, src, 1, imm);
                run(&[wide(1, left), wide(2, right), mov(0, 1), jump, mov(0, 0)])
            };
            let (code, wanted) = (class | operation, Ok(u64::from(wanted)));
            assert_eq!(taken(code | op::X, right, 0), wanted, "{code:#x} {left:#x}");
            if let Ok(imm) = i32::try_from(right.cast_signed()) {
                assert_eq!(taken(code | op::K, 0, imm), wanted, "{code:#x} {left:#x}");
            }
        }
    }
}

#[test]
fn stack_and_context_keep_what_they_hold() {
    let spill = [
        copy(6, 1),
        store(op::DW, 10, -8, 6),
        load(op::DW, 3, 10, -8),
    ]
    .concat();
    assert_eq!(run(&[spill, load(op::DW, 0, 3, 8)]), Ok(7));
    let bytes = [put(10, -8, -2), load(op::B, 0, 10, -8)].concat();
    assert_eq!(run(&[bytes]), Ok(0xfe));
    let over = [store(op::DW, 10, -8, 1), put(10, -8, 1)].concat();
    assert_eq!(run(&[over, load(op::W, 0, 10, -4)]), Ok(0));
}

/// What the verifier would not take, and what is said of it.
#[test]
fn programs_are_refused() {
    let alu = |code, off, imm| [mov(1, 1), one(code, 1, 0, off, imm)].concat();
    let spilled = || store(op::DW, 10, -8, 1);
    for (code, why) in [
        (copy(0, 2), "R2 !read_ok"),
        (mov(10, 1), "R10 is read only"),
        (alu(op::ALU64 | op::DIV, 0, 0), "div by zero"),
        (alu(op::ALU | op::MOD, 0, 0), "div by zero"),
        (alu(op::ALU64 | op::LSH, 0, 64), "invalid shift 64"),
        (alu(op::ALU | op::RSH, 0, 32), "invalid shift 32"),
        (alu(op::ALU | op::ARSH, 0, -1), "invalid shift -1"),
        (alu(op::ALU64 | op::END, 0, 16), "newer instruction set"),
        (alu(op::ALU64 | op::DIV, 1, 2), "newer instruction set"),
        (alu(op::ALU | op::END, 0, 8), "unknown width"),
        (alu(op::ALU64 | 0xe0, 0, 0), "unknown operation"),
        (one(op::LDX | op::MEMSX, 0, 10, -8, 0), "unknown mode"),
        (one(op::STX | op::ATOMIC, 10, 1, -8, 0), "unknown mode"),
        (one(op::JMP32 | op::JA, 0, 0, 0, 0), "R0 !read_ok"),
        (alu(op::JMP32 | op::CALL, 0, 0), "unknown jump"),
        (one(op::JMP | op::JA, 0, 0, -1, 0), "too many instructions"),
        (
            one(op::JMP | op::JA, 0, 0, -9, 0),
            "in front of the program",
        ),
        (one(op::JMP | op::JA, 0, 0, 9, 0), "nothing there"),
        (
            [spilled(), load(op::W, 0, 10, -8)].concat(),
            "register fill",
        ),
        (store(op::W, 10, -8, 1), "register spill"),
        (load(op::DW, 0, 10, -8), "nobody wrote"),
        (load(op::W, 0, 10, -6), "misaligned"),
        (put(10, -6, 0), "misaligned"),
        (put(10, 0, 0), "outside of the stack"),
        (
            [stack(2, -8), put(2, -8, 0)].concat(),
            "outside of the stack",
        ),
        (
            [mov(2, 5), load(op::B, 0, 2, 0)].concat(),
            "a load through Number",
        ),
        ([mov(2, 5), put(2, 0, 0)].concat(), "a store through Number"),
        (
            one(op::ALU64 | op::MUL, 1, 0, 0, 2),
            "arithmetic on Context",
        ),
        (one(op::ALU | op::NEG, 1, 0, 0, 0), "arithmetic on Context"),
        (one(op::ALU64 | op::ADD | op::X, 1, 10, 0, 0), "a sum of"),
        (copy(0, 1), "R0 is not a number"),
        (load(op::W, 0, 1, 0), "a part of a context's word"),
        (load(op::DW, 0, 1, 168), "which has none"),
        (call(POISON.cast_unsigned()), "this kernel lacks"),
        (one(op::JMP | op::CALL, 0, 2, 0, 1), "unknown kind"),
        (call(4), "not simulated"),
        (enter(0), "middle of a function"),
    ] {
        refused(run(&[code]), why);
    }
    let half = Image::of(wide(0, 1)[..1].to_vec(), &[]).expect("no calls");
    refused(Bench::new(&[]).image(&half), "half a load");
}

#[test]
fn functions_take_numbers_and_keep_registers() {
    // r6 = 3; r0 = f(4) + r6, where f(x) = x + 1 spoils r6.
    let add = |dst, src| one(op::ALU64 | op::ADD | op::X, dst, src, 0, 0);
    let program = [mov(6, 3), mov(1, 4), enter(2), add(0, 6), exit()].concat();
    let function = [mov(0, 1), mov(6, 0), add(0, 1), exit()].concat();
    let image = |program: &[Insn], function: &[Insn]| {
        Image::of([program, function].concat(), &[(program.len(), 1)])
    };
    let mut bench = Bench::new(&[]);
    let whole = image(&program, &function).expect("it fits");
    assert_eq!(bench.image(&whole), Ok(8));
    let spoiled = [mov(1, 4), enter(2), copy(0, 1), exit()].concat();
    for (program, function, why) in [
        ([enter(1), exit()].concat(), &function, "R1 is not a number"),
        (spoiled, &function, "R1 !read_ok"),
        (program.clone(), &copy(0, 2), "R2 !read_ok"),
    ] {
        let image = image(&program, function).expect("it fits");
        refused(bench.image(&image), why);
    }
    let forever = [mov(1, 4), enter(-2), exit()].concat();
    refused(image(&program, &forever).map(|_| 0), "too many calls");
}

/// Bytes of the program and of its function, and whether they fit: each counts in steps of 32, and at least one.
#[test]
fn calls_share_the_stack() {
    for (outer, inner, fits) in [
        (256, 256, true),
        (264, 256, false),
        (480, 0, true),
        (488, 0, false),
        (8, 480, true),
    ] {
        let put = |bytes: i16| {
            if bytes > 0 {
                put(10, -bytes, 0)
            } else {
                Vec::new()
            }
        };
        let program = [put(outer), enter(1), exit()].concat();
        let code = [program.clone(), put(inner), mov(0, 0), exit()].concat();
        let image = Image::of(code, &[(program.len(), 0)]);
        assert_eq!(image.is_ok(), fits, "{outer} and {inner}");
    }
}

use super::assemble;
use crate::codegen::mir::{AluOp, Builder, Cond, Op};

fn words(b: Builder) -> Vec<(u8, u8, u8, i16, i32)> {
    let assembled = assemble(&b.finish()).expect("small functions fit");
    assembled
        .insns
        .iter()
        .map(|i| (i.code, i.dst, i.src, i.off, i.imm))
        .collect()
}

#[test]
fn a_parameter_stays_where_it_comes_in() {
    let mut b = Builder::new("f");
    let x = b.param(0);
    b.alu(AluOp::Add, x, 1);
    b.exit(x);
    // r1 += 1; r0 = r1; exit
    assert_eq!(
        words(b),
        [(0x07, 1, 0, 0, 1), (0xbf, 0, 1, 0, 0), (0x95, 0, 0, 0, 0)]
    );
}

#[test]
fn dead_values_and_jumps_to_the_next_instruction_go() {
    let mut b = Builder::new("f");
    let next = b.label();
    b.mov(5);
    b.jump(next);
    b.bind(next);
    b.exit(0);
    assert_eq!(words(b), [(0xb7, 0, 0, 0, 0), (0x95, 0, 0, 0, 0)]);
}

#[test]
fn a_jump_around_a_jump_is_inverted() {
    let mut b = Builder::new("f");
    let x = b.param(0);
    let (yes, no) = (b.label(), b.label());
    b.branch(Cond::Eq, x, 7, yes);
    b.jump(no);
    b.bind(yes);
    b.exit(1);
    b.bind(no);
    b.exit(2);
    assert_eq!(words(b)[0], (0x55, 1, 0, 2, 7));
}

#[test]
fn more_values_across_a_call_than_registers_go_to_the_stack() {
    let mut b = Builder::new("f");
    let ctx = b.param(0);
    let values: Vec<_> = (0..7)
        .map(|n| b.load(crate::codegen::mir::Size::B8, ctx, 8 * n))
        .collect();
    b.push(Op::Call {
        callee: crate::codegen::mir::Callee::Helper(14),
        args: Vec::new(),
        result: None,
    });
    let sum = b.mov(0);
    for value in values {
        b.alu(AluOp::Add, sum, value);
    }
    b.exit(sum);
    let assembled = assemble(&b.finish()).expect("it fits");
    assert_eq!(assembled.stack, 24);
}

mod check;
mod machine;
mod random;
mod reference;
mod world;

use world::World;

/// Runs a function and its code on the same world; both must do the same.
fn compare(seed: u64, size: u32) -> Result<(), String> {
    let function = random::function(seed, size);
    let code = match assemble(&function) {
        Ok(code) => code,
        // Long-lived values of a large function need more than a frame.
        Err(super::AssembleError::Stack(_)) => return Ok(()),
        Err(error) => return Err(format!("{error:?}")),
    };
    check::registers(&code)?;
    for input in 0..4 {
        let params = std::array::from_fn(|index| match index {
            0 => world::CONTEXT,
            _ => world::mix(seed ^ input ^ index as u64) >> (index as u64 * 15),
        });
        let (mut meant, mut done) = (World::new(seed ^ input), World::new(seed ^ input));
        let expected = reference::run(&function, params, &mut meant)?;
        let result = machine::run(&code, params, &mut done)?;
        if result != expected {
            return Err(format!("{result:#x} instead of {expected:#x}"));
        }
        if meant.calls != done.calls {
            return Err(format!(
                "calls {:?} instead of {:?}",
                done.calls, meant.calls
            ));
        }
    }
    Ok(())
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(1500))]
    #[test]
    fn code_does_what_the_function_means(seed in proptest::num::u64::ANY, size in 1..120u32) {
        proptest::prop_assert_eq!(compare(seed, size), Ok(()));
    }
}

use super::{AssembleError, assemble, flow, fold, webs};
use crate::codegen::mir::Function;
use world::World;

mod check;
mod golden;
mod listing;
mod machine;
mod random;
mod reference;
mod world;

/// Runs a function and its code on the same world; both must do the same.
fn compare(seed: u64, size: u32) -> Result<(), String> {
    let function = random::function(seed, size);
    let code = match assemble(&function) {
        Ok(code) => code,
        // Long-lived values of a large function need more than a frame.
        Err(AssembleError::Stack(_)) => return Ok(()),
        Err(error) => return Err(format!("{error:?}")),
    };
    check::registers(&code)?;
    for input in 0..4 {
        let params = params(seed, input);
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

/// Parameters of a function: the context, and numbers that get shorter.
fn params(seed: u64, input: u64) -> [u64; 5] {
    std::array::from_fn(|index| match index {
        0 => world::CONTEXT,
        _ => world::mix(seed ^ input ^ index as u64) >> (index as u64 * 15),
    })
}

type Pass = fn(&mut Function);

/// What turns functions into functions, in its order.
const PASSES: [(&str, Pass); 5] = [
    ("simplify", flow::simplify),
    ("split", webs::split),
    ("fold", fold::fold),
    ("share exits", flow::share_exits),
    ("simplify again", flow::simplify),
];

/// Runs a function before and after each pass on the same world; both must do the same.
fn compare_passes(seed: u64, size: u32) -> Result<(), String> {
    let mut function = random::function(seed, size);
    for (name, pass) in PASSES {
        let before = function.clone();
        pass(&mut function);
        for input in 0..4 {
            let run = |function: &Function| {
                let mut world = World::new(seed ^ input);
                let result = reference::run(function, params(seed, input), &mut world);
                result.map(|result| (result, world.calls))
            };
            let (meant, found) = (run(&before)?, run(&function)?);
            if found != meant {
                return Err(format!("{name}: {found:?} instead of {meant:?}"));
            }
        }
    }
    Ok(())
}

fn config() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        failure_persistence: None,
        ..Default::default()
    }
}

proptest::proptest! {
    #![proptest_config(config())]
    #[test]
    fn each_pass_keeps_what_the_function_means(seed in proptest::num::u64::ANY, size in 1..120u32) {
        proptest::prop_assert_eq!(compare_passes(seed, size), Ok(()));
    }

    #[test]
    fn code_does_what_the_function_means(seed in proptest::num::u64::ANY, size in 1..120u32) {
        proptest::prop_assert_eq!(compare(seed, size), Ok(()));
    }
}

//! The oracle: random policies and calls, judged by the reference interpreter and by the programs that were compiled for them.
//!
//! A case is a policy and some calls of its hooks. Each call runs on the programs of every way to attach them, on two kernels of
//! different layouts; signals, results and events must be those of the interpreter. All that is random comes from one seed; a failing case
//! gets smaller by itself and is printed as a test.

pub(crate) mod built;
pub(crate) mod dice;
pub(crate) mod policies;
pub(crate) mod run;
pub(crate) mod rust;
pub(crate) mod scenes;
pub(crate) mod shrink;
pub(crate) mod smaller;
pub(crate) mod tree;
pub(crate) mod vary;
pub(crate) mod words;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tpc::ir::Program;
use tpc::ir::interp::{Interpreter, Outcome};
use tpc::sim::Simulator;
use tpc::sim::compare::Call;
use tpc::sim::kernel::Kernel;
use tpc::sim::scene::Scene;

use built::{Built, Refusal};
use dice::Dice;
use scenes::Calls;
use smaller::Case;

/// Kernels that programs run on.
pub(crate) struct Kernels([Kernel; 2]);

impl Default for Kernels {
    fn default() -> Self {
        Self([Kernel::recent(), Kernel::old()])
    }
}

/// A policy at work in every way.
pub(crate) struct Bench<'a> {
    program: &'a Program,
    interpreter: Interpreter<'a>,
    /// For each kernel a machine for each way to attach.
    simulators: Vec<(&'a Kernel, Vec<Simulator>)>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(built: &'a Built, kernels: &'a Kernels) -> Result<Self, String> {
        let simulators = |kernel| {
            let simulators = (0..built.ways()).map(|way| built.simulator(way, kernel));
            Ok((kernel, simulators.collect::<Result<_, String>>()?))
        };
        Ok(Self {
            program: &built.program,
            interpreter: built.interpreter(),
            simulators: kernels
                .0
                .iter()
                .map(simulators)
                .collect::<Result<_, String>>()?,
        })
    }

    /// Judges a call by all means; the error is the first difference.
    pub(crate) fn judge(&mut self, hook: usize, scene: &Scene) -> Result<Outcome, String> {
        let event = scene.event(&self.program.hooks[hook]);
        let outcome = self.interpreter.judge(hook, &event);
        let call = Call {
            program: self.program,
            hook,
            scene,
            event: &event,
            outcome: &outcome,
        };
        for (number, (kernel, simulators)) in self.simulators.iter_mut().enumerate() {
            call.judge(kernel, simulators)
                .map_err(|(way, error)| format!("kernel {number}, way {way}: {error}"))?;
        }
        Ok(outcome)
    }
}

/// What a case came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    pub(crate) pairs: u64,
    /// Calls in which a selector held.
    pub(crate) matched: u64,
    pub(crate) reported: u64,
    /// Policies that were too large.
    pub(crate) refused: BTreeMap<Refusal, u64>,
}

impl Count {
    pub(crate) fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.matched += other.matched;
        self.reported += other.reported;
        for (refusal, count) in &other.refused {
            *self.refused.entry(*refusal).or_default() += count;
        }
    }
}

/// A case that failed, up to the call that did.
pub(crate) struct Failure {
    pub(crate) case: Case,
    pub(crate) error: String,
}

/// Runs a random policy with random calls.
pub(crate) fn random(seed: u64, calls: usize, kernels: &Kernels) -> Result<Count, Failure> {
    let made = catch_unwind(|| {
        let mut dice = Dice::new(seed);
        let program = policies::program(&mut dice);
        let mut source = Calls::new(&program);
        let calls = (0..calls).map(|_| source.next(&mut dice)).collect();
        Case { program, calls }
    });
    let case = made.map_err(|panic| Failure {
        case: Case::empty(),
        error: format!("no case: {}", said(&*panic)),
    })?;
    check(&case, kernels)
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("?"))
}

/// Runs a case.
pub(crate) fn check(case: &Case, kernels: &Kernels) -> Result<Count, Failure> {
    let mut done = 0;
    let mut count = Count::default();
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let built = match Built::new(case.program.clone()) {
            Ok(built) => built,
            Err(refusal) => {
                count.refused.insert(refusal, 1);
                return Ok(());
            }
        };
        let mut bench = Bench::new(&built, kernels)?;
        for (hook, scene) in &case.calls {
            done += 1;
            let outcome = bench.judge(*hook, scene)?;
            count.pairs += 1;
            count.matched += u64::from(outcome.rule.is_some());
            count.reported += u64::from(outcome.report.is_some());
        }
        Ok(())
    }));
    let error = match ran {
        Ok(Ok(())) => return Ok(count),
        Ok(Err(error)) => error,
        Err(panic) => said(&*panic),
    };
    let calls = case.calls[..done].to_vec();
    Err(Failure {
        case: Case {
            program: case.program.clone(),
            calls,
        },
        error,
    })
}

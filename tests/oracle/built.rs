//! A policy in both forms: its meaning, and the programs that shall have it.

use tpc::bundle;
use tpc::codegen::backend::AssembleError;
use tpc::codegen::{self, Attach, Output, Role, TooLarge};
use tpc::diag::Sources;
use tpc::ir::{Abi, Hook, Program, interp};
use tpc::object::{self, Object};
use tpc::sim::kernel::Kernel;
use tpc::sim::{self, Programs, Simulator};

use super::scenes::host;

/// What a policy has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// Values of a filter.
    Set,
    /// Arguments of its hooks.
    Scratch,
    /// Stack of one function.
    Stack,
    /// Instructions between a jump and its target.
    Distance,
}

/// A policy that was compiled.
pub(crate) struct Built {
    pub(crate) program: Program,
    object: Object,
    /// Ways to attach, best first, for each hook.
    hooks: Vec<Vec<Programs>>,
    /// Offset and value of what the loader writes.
    constants: Vec<(u32, u32)>,
}

impl Built {
    /// Compiles a meaning, or says why it is too large.
    ///
    /// # Panics
    /// If a stage contradicts the one before it.
    pub(crate) fn new(program: Program) -> Result<Self, Refusal> {
        let mut sources = Sources::new();
        sources.add("policy.yaml", "meaning");
        let output = codegen::generate(&program).map_err(|all| match all[0] {
            TooLarge::Set { .. } => Refusal::Set,
            TooLarge::Scratch { .. } => Refusal::Scratch,
        })?;
        let unit = output.assemble("policy.yaml");
        let unit = unit.map_err(|(_, error)| match error {
            AssembleError::Stack(_) => Refusal::Stack,
            AssembleError::Distance(_) => Refusal::Distance,
        })?;
        let bytes = object::write(&unit, &sources).expect("the object can be written");
        let object = Object::read(&bytes).expect("the object can be read");
        Ok(Self::from_parts(program, &output, object))
    }

    pub(crate) fn from_parts(program: Program, output: &Output, object: Object) -> Self {
        let hooks = program.hooks.iter().zip(&output.hooks);
        let ways = |(hook, variants): (&Hook, &Vec<codegen::Variant>)| {
            variants
                .iter()
                .map(|variant| programs(hook, variant, output))
                .collect()
        };
        let host = host();
        let constant = |of: &codegen::HostNamespace| (of.offset, host[&of.kind]);
        Self {
            hooks: hooks.map(ways).collect(),
            constants: output.host_namespaces.iter().map(constant).collect(),
            object,
            program,
        }
    }

    /// The most ways that a hook has.
    pub(crate) fn ways(&self) -> usize {
        self.hooks.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// All hooks, attached in the way of this number, or in their last one.
    pub(crate) fn simulator(&self, way: usize, kernel: &Kernel) -> Result<Simulator, String> {
        let chosen: Vec<Programs> = self
            .hooks
            .iter()
            .map(|ways| ways[way.min(ways.len() - 1)].clone())
            .collect();
        Simulator::new(&self.object, kernel, &chosen, &self.constants)
    }

    pub(crate) fn interpreter(&self) -> interp::Interpreter<'_> {
        interp::Interpreter::new(&self.program, host())
    }
}

fn programs(hook: &Hook, variant: &codegen::Variant, output: &Output) -> Programs {
    let name = |role| {
        let found = variant.programs.iter().find(|(of, _)| *of == role);
        found.map(|(_, id)| output.functions[id.0].code.name.clone())
    };
    Programs {
        attach: match variant.attach {
            Attach::Fentry => bundle::Attach::Fentry,
            Attach::FmodRet => bundle::Attach::FmodRet,
            Attach::Kprobe => bundle::Attach::Kprobe,
            Attach::KprobeOverride => bundle::Attach::KprobeOverride,
        },
        is_syscall: hook.abi == Abi::Syscall,
        pointers: sim::pointers(hook),
        entry: name(Role::Entry).expect("every way has a program for the entry"),
        ret: name(Role::Return),
    }
}

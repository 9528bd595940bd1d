//! The machines that run a case.
//!
//! The reference interpreter says what the policy means. The compiled programs run on two kernels of different layouts, attached in every
//! way that the manifest offers. All must do the same; a difference is a mistake of tpc.

use crate::bundle::{self, MANIFEST, Manifest};
use crate::compile::Compiled;
use crate::ir::interp::{Event, Interpreter, Outcome};
use crate::ir::{Hook, Program};
use crate::sim::compare::Call;
use crate::sim::kernel::Kernel;
use crate::sim::scene::Scene;
use crate::sim::{self, Programs, Simulator};

use super::value::namespaces;

/// The kernels that programs run on, with their names.
#[derive(Debug)]
pub struct Kernels([(&'static str, Kernel); 2]);

impl Default for Kernels {
    fn default() -> Self {
        Self([("recent", Kernel::recent()), ("old", Kernel::old())])
    }
}

/// A policy at work on every machine, in the state after it was loaded.
#[derive(Clone)]
pub(super) struct Machines<'a> {
    program: &'a Program,
    interpreter: Interpreter<'a>,
    machines: Vec<Machine<'a>>,
}

/// A kernel with the policy attached in every way.
#[derive(Clone)]
struct Machine<'a> {
    kernel: &'a (&'static str, Kernel),
    ways: Vec<Simulator>,
}

/// What a call came to.
pub(super) struct Judged {
    pub(super) event: Event,
    pub(super) outcome: Outcome,
}

impl<'a> Machines<'a> {
    /// Loads a policy everywhere.
    ///
    /// # Errors
    /// What a loader or a kernel would refuse.
    pub(super) fn new(compiled: &'a Compiled, kernels: &'a Kernels) -> Result<Self, String> {
        let manifest =
            Manifest::parse(&compiled.files[MANIFEST]).map_err(|error| error.to_string())?;
        let host = namespaces::of_host();
        let constants = constants(&manifest)?;
        let count = manifest.hooks.iter().map(|hook| hook.variants.len()).max();
        let way = |way| -> Vec<Programs> {
            let hooks = compiled.ir.hooks.iter().zip(&manifest.hooks);
            hooks
                .map(|(hook, described)| programs(hook, described, way))
                .collect()
        };
        let ways: Vec<Vec<Programs>> = (0..count.unwrap_or(0)).map(way).collect();
        let mut machines = Vec::new();
        for kernel in &kernels.0 {
            let load = |programs: &Vec<Programs>| {
                Simulator::new(&compiled.object, &kernel.1, programs, &constants)
            };
            machines.push(Machine {
                kernel,
                ways: ways.iter().map(load).collect::<Result<_, String>>()?,
            });
        }
        Ok(Self {
            program: &compiled.ir,
            interpreter: Interpreter::new(&compiled.ir, host),
            machines,
        })
    }

    /// What a call of a policy that has just been loaded comes to, by the policy's meaning alone.
    pub(super) fn judge_by_meaning(&self, hook: usize, scene: &Scene) -> Option<Judged> {
        let event = scene.event(self.program.hooks.get(hook)?);
        let outcome = self.interpreter.clone().judge(hook, &event);
        Some(Judged { event, outcome })
    }

    /// Makes a call on every machine.
    ///
    /// # Errors
    /// The first difference.
    pub(super) fn judge(&mut self, hook: usize, scene: &Scene) -> Result<Judged, String> {
        let event = scene.event(&self.program.hooks[hook]);
        let outcome = self.interpreter.judge(hook, &event);
        let call = Call {
            program: self.program,
            hook,
            scene,
            event: &event,
            outcome: &outcome,
        };
        for Machine { kernel, ways } in &mut self.machines {
            call.judge(&kernel.1, ways).map_err(|(way, error)| {
                format!("kernel `{}`, way {} to attach: {error}", kernel.0, way + 1)
            })?;
        }
        Ok(Judged { event, outcome })
    }
}

/// What the loader writes into the object: inode numbers of the host's namespaces.
fn constants(manifest: &Manifest) -> Result<Vec<(u32, u32)>, String> {
    let one = |of: &bundle::HostNamespace| {
        let inode = namespaces::by_file(&of.namespace);
        let inode =
            inode.ok_or_else(|| format!("the manifest names the namespace `{}`", of.namespace))?;
        Ok((of.offset, inode))
    };
    manifest.host_namespaces.iter().map(one).collect()
}

/// The programs of a hook, attached in the way of this number or in its last one.
fn programs(hook: &Hook, described: &bundle::Hook, way: usize) -> Programs {
    let variant = &described.variants[way.min(described.variants.len() - 1)];
    Programs {
        attach: variant.attach,
        is_syscall: described.syscall,
        pointers: sim::pointers(hook),
        entry: variant.entry.name.clone(),
        ret: variant.ret.as_ref().map(|program| program.name.clone()),
    }
}

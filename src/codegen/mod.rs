//! `ir` to BPF machine code.
//!
//! In: a [`Program`]. Out: an [`Output`]: maps, functions before register allocation, and which
//! functions are the programs of which hook. [`backend`] turns each function into instructions.
//!
//! Every hook gets one program for each way to attach it, best way first; a hook that
//! reports return values gets a second program for the return. A program judges the rules
//! in order with the values it needs, read where they are first needed, acts, and reports.
//! Longer routines are shared functions made from the texts in `bpf-templates/`.

mod attach;
pub mod backend;
mod filter;
mod filter_process;
mod filter_socket;
mod filter_text;
mod frame;
mod layout;
mod matchers;
pub mod mir;
mod module;
mod program;
mod report;
mod routine;
mod shortcut;
mod template;
mod unit;
mod values;

pub use attach::{Attach, Role};
pub use module::{HostNamespace, Map, MapKind, Routed, TooLarge};

use crate::ir::{Abi, ArgType, Hook, Program, Rule, Test};
use layout::Layout;
use mir::FunctionId;
use module::Module;
use program::Numbered;

/// The code of a policy.
#[derive(Clone, Debug)]
pub struct Output {
    pub maps: Vec<Map>,
    pub functions: Vec<Routed>,
    /// One for each hook of the policy, in its order.
    pub hooks: Vec<Vec<Variant>>,
    /// Read-only data for the loader to fill.
    pub host_namespaces: Vec<HostNamespace>,
}

/// One way to attach a hook.
#[derive(Clone, Debug)]
pub struct Variant {
    pub attach: Attach,
    /// The kernel function.
    pub target: String,
    pub programs: Vec<(Role, FunctionId)>,
}

/// Largest value of a per-CPU map: `PCPU_MIN_UNIT_SIZE` (include/linux/percpu.h).
const MAX_SCRATCH: u32 = 32 * 1024;

/// Compiles every hook of a policy; the error lists what is too large.
pub fn generate(program: &Program) -> Result<Output, Vec<TooLarge>> {
    let layout = layout(program);
    if layout.size() > MAX_SCRATCH {
        let largest = program.hooks.iter().max_by_key(|hook| shown_args(hook));
        let hook = largest.map(|hook| hook.span).unwrap_or_default();
        let bytes = layout.size();
        return Err(vec![TooLarge::Scratch { hook, bytes }]);
    }
    let values = program.hooks.iter().map(slots).sum();
    let mut module = Module::new(layout, values);
    let mut slot = 0;
    let mut hooks = Vec::new();
    for (number, hook) in program.hooks.iter().enumerate() {
        hooks.push(variants(&Numbered { number, slot, hook }, &mut module));
        slot += slots(hook);
    }
    let too_large = std::mem::take(&mut module.too_large);
    let (maps, functions, host_namespaces) = module.into_parts();
    if !too_large.is_empty() {
        return Err(too_large);
    }
    Ok(Output {
        maps,
        functions,
        hooks,
        host_namespaces,
    })
}

/// Scratch values of a hook: one for each of its programs that run at the same time.
fn slots(hook: &Hook) -> u32 {
    1 + u32::from(shows_return(hook))
}

/// Whether a hook has a second program, for its return: what is reported may show it.
fn shows_return(hook: &Hook) -> bool {
    hook.ret.is_some() && hook.rules.iter().any(|rule| rule.post.is_some())
}

/// Whether returns decide about reports that have started the interval of a rate limit.
fn gives_back(hook: &Hook) -> bool {
    let undecided = |rule: &Rule| !rule.return_tests.is_empty();
    let limited = |rule: &Rule| rule.post.is_some_and(|post| post.rate.is_some());
    hook.rules
        .iter()
        .any(|rule| undecided(rule) && limited(rule))
}

fn variants(numbered: &Numbered<'_>, module: &mut Module) -> Vec<Variant> {
    let target = target(numbered.hook);
    let variant = |attach| {
        let code = numbered.entry(module, attach);
        let section = attach.section(Role::Entry, &target);
        let mut programs = vec![(Role::Entry, module.add_function(section, None, code))];
        if shows_return(numbered.hook) {
            let code = numbered.exit(module, attach);
            let section = attach.section(Role::Return, &target);
            programs.push((Role::Return, module.add_function(section, None, code)));
        }
        Variant {
            attach,
            target: target.clone(),
            programs,
        }
    };
    program::ladder(numbered.hook)
        .into_iter()
        .map(variant)
        .collect()
}

/// Name of the kernel function behind a hook on x86_64.
fn target(hook: &Hook) -> String {
    match hook.abi {
        Abi::Function => hook.symbol.clone(),
        Abi::Syscall => format!("__x64_{}", hook.symbol),
    }
}

fn layout(program: &Program) -> Layout {
    let rules = || program.hooks.iter().flat_map(|hook| &hook.rules);
    let reports = rules().any(|rule| rule.post.is_some());
    let limited = rules().any(|rule| rule.post.is_some_and(|post| post.rate.is_some()));
    let texts = program.hooks.iter().map(texts).max().unwrap_or(0);
    let args = program.hooks.iter().map(shown_args).max().unwrap_or(0);
    Layout {
        rate_args: limited.then_some(args),
        gives_back: program.hooks.iter().any(gives_back),
        buffers: u32::from(reports) + texts.min(frame::MAX_BUFFERS),
        reports,
    }
}

/// Texts that the filters of one of a hook's programs look at.
fn texts(hook: &Hook) -> u32 {
    let count = |tests: fn(&Rule) -> &Vec<Test>| {
        let tests = hook.rules.iter().flat_map(tests);
        let mut subjects: Vec<_> = tests.filter_map(program::text_subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects.len() as u32
    };
    count(|rule| &rule.tests).max(count(|rule| &rule.return_tests))
}

/// Arguments that events of a hook show.
fn shown_args(hook: &Hook) -> u32 {
    hook.args
        .iter()
        .filter(|arg| arg.ty != ArgType::Nop)
        .count() as u32
}

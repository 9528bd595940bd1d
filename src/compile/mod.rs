//! The pipeline: a policy to its bundle.

mod describe;

use crate::bundle::{Files, MANIFEST, OBJECT, SOURCE};
use crate::check::check;
use crate::codegen::backend::AssembleError;
use crate::codegen::{self, Output, TooLarge, generate};
use crate::diag::{Diagnostic, Sink, Sources, Span, code};
use crate::ir;
use crate::lower::lower;
use crate::object::{self, Object};
use crate::policy::Policy;

/// Everything that comes out of a policy.
#[derive(Debug)]
pub struct Compiled {
    pub name: String,
    pub ir: ir::Program,
    /// The object as the loader reads it.
    pub object: Object,
    /// The files of the bundle.
    pub files: Files,
}

/// Compiles a policy; `None` means that the sink has errors.
pub fn compile(policy: &Policy, sources: &Sources, sink: &mut Sink) -> Option<Compiled> {
    let checked = check(policy, sink)?;
    emit(lower(&checked), sources.text(policy.file), sources, sink)
}

/// Generates code for a policy's meaning; `source` is the file of the bundle that its places are in.
pub fn emit(ir: ir::Program, source: &str, sources: &Sources, sink: &mut Sink) -> Option<Compiled> {
    let code = generate(&ir).map_err(|all| too_large(&all, sink)).ok()?;
    let unit = code
        .assemble(SOURCE)
        .map_err(|(function, error)| too_complex(&ir, &code, function, error, sink))
        .ok()?;
    let bytes = object::write(&unit, sources).expect("codegen makes consistent units");
    let object = Object::read(&bytes).expect("objects read as they were written");
    let mut files = Files::from([
        (OBJECT.to_owned(), bytes),
        (SOURCE.to_owned(), source.into()),
    ]);
    let manifest = describe::manifest(&ir, &code, &object, &files, sources);
    files.insert(MANIFEST.to_owned(), manifest.to_json());
    Some(Compiled {
        name: ir.policy.clone(),
        ir,
        object,
        files,
    })
}

fn too_large(all: &[TooLarge], sink: &mut Sink) {
    for one in all {
        sink.push(match *one {
            TooLarge::Set { filter, slots } => {
                let message = format!(
                    "the filter's values take {slots} instructions, more than the kernel checks"
                );
                let help = "split the values over several selectors or policies";
                Diagnostic::error(code::SET_TOO_LARGE, message)
                    .at(filter)
                    .help(help)
            }
            TooLarge::Scratch { hook, bytes } => {
                let message = format!(
                    "rate limits over this hook's arguments take {bytes} bytes on each processor"
                );
                let help = "declare fewer arguments, or remove `rateLimit`";
                Diagnostic::error(code::TOO_COMPLEX, message)
                    .at(hook)
                    .help(help)
            }
        });
    }
}

fn too_complex(
    ir: &ir::Program,
    code: &Output,
    function: codegen::mir::FunctionId,
    error: AssembleError,
    sink: &mut Sink,
) {
    let programs = |variants: &[codegen::Variant]| {
        variants
            .iter()
            .any(|variant| variant.programs.iter().any(|(_, id)| *id == function))
    };
    let hook = code.hooks.iter().position(|variants| programs(variants));
    let span: Span = hook.map_or_else(Span::default, |hook| ir.hooks[hook].span);
    let message = match error {
        AssembleError::Stack(bytes) => {
            format!("the hook needs {bytes} bytes of stack; BPF programs have 512")
        }
        AssembleError::Distance(slots) => {
            format!("the hook needs a jump over {slots} instructions; BPF jumps reach 32767")
        }
    };
    let help = "split the hook's selectors over several policies";
    sink.push(
        Diagnostic::error(code::TOO_COMPLEX, message)
            .at(span)
            .help(help),
    );
}

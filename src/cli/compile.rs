//! `tpc compile`: policies to bundles.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use rayon::prelude::*;

use super::Exit;
use super::input;
use super::output::{self, Target};
use super::report::{Color, Options};
use crate::bundle::{MANIFEST, OBJECT};
use crate::compile::{Compiled, compile};
use crate::diag::{Diagnostic, Sink, Sources, code};
use crate::object;
use crate::policy::Policy;

/// Compile policies to bundles that tpc-loader loads
///
/// All policies are compiled before anything is written; if one has errors, nothing
/// is. The same input gives the same bytes on every machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tpc compile policy.yaml -o bundles/           bundles/NAME/ with manifest and object
  tpc compile policies/ -o policies.tar.gz      every policy of a directory, as one archive
  helm template chart | tpc compile - -o out/   rendered templates from standard input
  tpc compile policy.yaml --emit asm            the instructions, on standard output

Exit status: 0 compiled, 1 problems in a policy, 2 wrong usage or input/output failure.")]
pub(super) struct Args {
    /// Policy files, directories (all *.yaml and *.yml below, hidden ones excepted), or - for standard input
    #[arg(required = true, value_name = "FILE|DIR|-")]
    inputs: Vec<PathBuf>,
    /// Directory for one bundle per policy, or an archive if the name ends in .tar.gz
    #[arg(
        short,
        long,
        value_name = "DIR|FILE.tar.gz",
        required_unless_present = "emit"
    )]
    output: Option<PathBuf>,
    /// Print a stage of one policy on standard output instead of writing a bundle
    #[arg(long, value_enum, value_name = "STAGE", conflicts_with = "output")]
    emit: Option<Stage>,
    #[command(flatten)]
    report: Options,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// The policy's meaning, before instructions are selected
    Ir,
    /// BPF instructions as text
    Asm,
    /// The BPF object (ELF)
    Object,
    /// The bundle's manifest (JSON)
    Manifest,
}

pub(super) fn run(args: &Args, color: Color) -> Exit {
    let report = &args.report;
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let policies = match input::read(&args.inputs, &mut sources, &mut sink) {
        Ok(policies) => policies,
        Err(diagnostic) => {
            sink.push(*diagnostic);
            report.print(color, sink, &sources);
            return Exit::Failure;
        }
    };
    input::refuse_same_names(&policies, &mut sink);
    let compiled = compile_all(&policies, &sources, &mut sink);
    if sink.has_errors() {
        return report.print(color, sink, &sources);
    }
    let done = match (args.emit, &args.output) {
        (Some(stage), _) => emit(stage, &compiled).map(|()| None),
        (None, Some(path)) => write(path.clone(), &compiled).map(Some),
        (None, None) => Ok(None),
    };
    match done {
        Ok(remark) => {
            let exit = report.print(color, sink, &sources);
            report.remark(remark.as_deref());
            exit
        }
        Err(diagnostic) => {
            sink.push(*diagnostic);
            report.print(color, sink, &sources);
            Exit::Failure
        }
    }
}

/// Compiles in parallel; results and diagnostics keep the order of the policies.
fn compile_all(policies: &[Policy], sources: &Sources, sink: &mut Sink) -> Vec<Compiled> {
    let one = |policy: &Policy| {
        let mut own = Sink::new();
        (compile(policy, sources, &mut own), own)
    };
    let results: Vec<(Option<Compiled>, Sink)> = policies.par_iter().map(one).collect();
    let mut compiled = Vec::new();
    for (result, own) in results {
        compiled.extend(result);
        sink.append(own);
    }
    compiled
}

/// Writes the bundles and says where.
fn write(path: PathBuf, compiled: &[Compiled]) -> Result<String, Box<Diagnostic>> {
    let target = Target::of(path);
    output::write(&target, compiled).map_err(|error| {
        let message = format!("cannot write {error}");
        Box::new(Diagnostic::error(code::NOT_WRITTEN, message))
    })?;
    let names: Vec<&str> = compiled
        .iter()
        .map(|compiled| compiled.name.as_str())
        .collect();
    Ok(format!(
        "wrote {} to {}",
        names.join(", "),
        target.path().display()
    ))
}

fn emit(stage: Stage, compiled: &[Compiled]) -> Result<(), Box<Diagnostic>> {
    let [one] = compiled else {
        let message = format!(
            "--emit prints one policy, and the input has {}",
            compiled.len()
        );
        return Err(Box::new(Diagnostic::error(code::NOT_WRITTEN, message)));
    };
    let bytes = match stage {
        Stage::Ir => one.ir.to_string().into_bytes(),
        Stage::Asm => object::dump(&one.object).into_bytes(),
        Stage::Object => one.files[OBJECT].clone(),
        Stage::Manifest => one.files[MANIFEST].clone(),
    };
    match std::io::stdout().lock().write_all(&bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let message = format!("cannot write to standard output: {error}");
            Err(Box::new(Diagnostic::error(code::NOT_WRITTEN, message)))
        }
        _ => Ok(()),
    }
}

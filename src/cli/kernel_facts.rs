//! `tpc kernel-facts`: what a kernel has, for `tpc lint --kernel`.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use clap::ValueHint;

use super::Exit;
use super::report::say;
use crate::facts::{Facts, Files, Source, capture};

/// Write down what a kernel has, for `tpc lint --kernel`
///
/// Reads the running kernel, or files that were copied from one. Nothing on the machine changes. What could not be read
/// is said on standard error and is in the file, with what that costs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo tpc kernel-facts -o node.facts                  the running kernel
  tpc kernel-facts --root copy/ -o node.facts          a copy of its /proc, /sys and /boot
  tpc kernel-facts --btf vmlinux --config .config -o mine.facts
                                                       a kernel that was built, not booted
  tpc lint --kernel node.facts policies/

Exit status: 0 done, 2 wrong usage, or a file that cannot be read or is not what it should be.")]
pub(super) struct Args {
    /// File to write, or - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Directory that /proc, /sys and /boot are in
    #[arg(long, value_name = "DIR", default_value = "/", value_hint = ValueHint::DirPath)]
    root: PathBuf,
    /// Types of a kernel: a file with BTF, or an ELF file that has it (vmlinux)
    #[arg(long, value_name = "FILE", conflicts_with = "root", value_hint = ValueHint::FilePath)]
    btf: Option<PathBuf>,
    /// Its symbols: System.map, or the contents of /proc/kallsyms
    #[arg(long, value_name = "FILE", requires = "btf", value_hint = ValueHint::FilePath)]
    symbols: Option<PathBuf>,
    /// Its configuration
    #[arg(long, value_name = "FILE", requires = "btf", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Write JSON without compressing it
    #[arg(long)]
    json: bool,
    /// Do not say what could not be read
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> Exit {
    if to_stdout(args) && !args.json && std::io::stdout().is_terminal() {
        return fail("facts are not for terminals: give --output FILE, or --json");
    }
    let source = match &args.btf {
        Some(types) => Source::Files(Files {
            types: types.clone(),
            symbols: args.symbols.clone(),
            config: args.config.clone(),
        }),
        None => Source::Root(args.root.clone()),
    };
    match capture(&source) {
        Ok(facts) => write(args, &facts),
        Err(error) => fail(&error.to_string()),
    }
}

fn write(args: &Args, facts: &Facts) -> Exit {
    if !args.quiet {
        for gap in &facts.gaps {
            say(&format!("tpc: {}; {}\n", gap.unread, gap.cost));
        }
    }
    let bytes = match args.json {
        true => facts.to_json(),
        false => facts.write(),
    };
    let written = match to_stdout(args) {
        true => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&bytes).and_then(|()| stdout.flush())
        }
        false => std::fs::write(&args.output, bytes),
    };
    match written {
        Ok(()) => Exit::Clean,
        // A reader that has gone is no failure.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Clean,
        Err(error) => fail(&format!("cannot write {}: {error}", args.output.display())),
    }
}

fn to_stdout(args: &Args) -> bool {
    args.output.as_os_str() == "-"
}

fn fail(message: &str) -> Exit {
    say(&format!("tpc: {message}\n"));
    Exit::Failure
}

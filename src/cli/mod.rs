//! The command line: parse, call, print.
//!
//! Standard output carries the result, standard error everything said about it.
//! Exit status: 0 clean, 1 problems in the policies, 2 wrong usage, input or output
//! failures, internal errors.

mod compile;
mod input;
mod output;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Compiles Tetragon TracingPolicy YAML ahead of time to small BPF objects.
#[derive(Debug, Parser)]
#[command(name = "tpc", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    report: report::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compile(compile::Args),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Clean,
    /// The policies have errors.
    Findings,
    /// The command itself failed.
    Failure,
}

/// Runs the command line of the process.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("tpc: internal error, please report it: {panic}");
        std::process::exit(2);
    }));
    let cli = Cli::parse();
    let exit = match &cli.command {
        Command::Compile(args) => compile::run(args, &cli.report),
    };
    match exit {
        Exit::Clean => ExitCode::SUCCESS,
        Exit::Findings => ExitCode::from(1),
        Exit::Failure => ExitCode::from(2),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}

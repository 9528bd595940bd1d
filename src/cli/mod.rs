//! The command line: parse, call, print.
//!
//! Standard output carries the result, standard error everything said about it.
//! Exit status: 0 clean, 1 problems in the policies, 2 wrong usage, input or output
//! failures, internal errors.

mod compile;
mod explain;
mod first_tests;
mod fixes;
mod input;
mod kernel_facts;
mod known;
mod lab;
mod lint;
mod nodes;
mod output;
mod outputs;
mod project;
mod report;
mod schema;
mod shell;
mod test;
mod test_files;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Compiles Tetragon TracingPolicy YAML ahead of time to small BPF objects, finds what is wrong with it, and tests it
#[derive(Debug, Parser)]
#[command(name = "tpc", version, arg_required_else_help = true)]
struct Cli {
    /// When to color output for people; auto means on a terminal without NO_COLOR
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    color: report::Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compile(compile::Args),
    Lint(lint::Args),
    Test(test::Args),
    Explain(explain::Explain),
    Rules(explain::Rules),
    Schema(schema::Args),
    KernelFacts(kernel_facts::Args),
    Completions(shell::Completions),
    Man(shell::Man),
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
        Command::Compile(args) => compile::run(args, cli.color),
        Command::Lint(args) => lint::run(args, cli.color),
        Command::Test(args) => test::run(args, cli.color),
        Command::Explain(args) => explain::explain(args, cli.color),
        Command::Rules(args) => explain::rules(args),
        Command::Schema(args) => schema::run(args),
        Command::KernelFacts(args) => kernel_facts::run(args),
        Command::Completions(args) => shell::completions(args),
        Command::Man(args) => shell::man(args),
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

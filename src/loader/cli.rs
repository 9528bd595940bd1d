//! The loader's command line.
//!
//! Standard output carries the result, standard error what is said about it. Exit status: 0 done, 1 a bundle is refused or a policy is in
//! the wrong state, 2 wrong usage or a failed call, 3 the node cannot run the policies (nothing was changed).

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use super::error::{Error, Lack};
use super::{EventOptions, Loaded, LoadedHook, Policy, check, list, load, stream, unload};
use crate::bundle::{self, Attach, Bundle, Effect};

/// Loads bundles of tpc into the kernel and prints the events of their policies.
///
/// What is loaded stays loaded when the loader ends; it lies under /sys/fs/bpf/tpc.
#[derive(Debug, Parser)]
#[command(name = "tpc-loader", version, arg_required_else_help = true)]
struct Cli {
    /// How results and errors are printed
    #[arg(long, global = true, value_enum, default_value = "human")]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people
    Human,
    /// One JSON document
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load the policies of bundles: all of them, or none
    #[command(
        after_help = "Exit status: 0 loaded, 1 a bundle is refused, 2 failed, 3 the node lacks something."
    )]
    Load {
        /// Bundle directories, directories of bundles, or .tar.gz archives
        #[arg(required = true, value_name = "BUNDLE")]
        bundles: Vec<PathBuf>,
        /// Take the place of policies that are loaded; the old ones enforce until the new ones do
        #[arg(long)]
        replace: bool,
    },
    /// Say whether this node could load bundles, without changing anything
    Check {
        /// Bundle directories, directories of bundles, or .tar.gz archives
        #[arg(required = true, value_name = "BUNDLE")]
        bundles: Vec<PathBuf>,
    },
    /// Stop policies and remove everything of them
    Unload {
        /// Names of policies
        #[arg(required_unless_present = "all", value_name = "POLICY")]
        policies: Vec<String>,
        /// Every policy that is loaded
        #[arg(long, conflicts_with = "policies")]
        all: bool,
    },
    /// Show what is loaded, how it is attached and what it achieves
    List,
    /// Print events as lines of JSON until the output is closed
    Events {
        /// Only the events of this policy; may be repeated
        #[arg(long = "policy", value_name = "POLICY")]
        policies: Vec<String>,
        /// Print the events that are waiting, and end
        #[arg(long)]
        once: bool,
    },
}

/// Runs the command line of the process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&match cli.format {
                Format::Human => describe(&error),
                Format::Json => as_json(&error),
            });
            exit(&error)
        }
    }
}

fn run(cli: &Cli) -> Result<(), Error> {
    match &cli.command {
        Command::Load { bundles, replace } => {
            let loaded = load(&open(bundles)?, *replace)?;
            // What is loaded is loaded, whatever there is to say of it.
            let all = list().unwrap_or_default();
            let warnings: Vec<String> = loaded.iter().flat_map(|one| rivals(one, &all)).collect();
            match cli.format {
                Format::Human => {
                    say(&loaded.iter().map(summary).collect::<String>());
                    for warning in warnings {
                        say(&format!("warning: {warning}\n"));
                    }
                }
                Format::Json if warnings.is_empty() => {}
                Format::Json => say(&format!(
                    "{:#}\n",
                    serde_json::json!({ "warnings": warnings })
                )),
            }
            Ok(())
        }
        Command::Check { bundles } => {
            let bundles = open(bundles)?;
            check(&bundles)?;
            if cli.format == Format::Human {
                say(&bundles
                    .iter()
                    .map(|one| format!("{} would load\n", one.manifest.policy))
                    .collect::<String>());
            }
            Ok(())
        }
        Command::Unload { policies, all } => {
            let names = if *all {
                list()?.into_iter().map(|one| one.policy).collect()
            } else {
                policies.clone()
            };
            unload(&names)
        }
        Command::List => print_list(&list()?, cli.format),
        Command::Events { policies, once } => {
            let options = EventOptions {
                policies: policies.clone(),
                once: *once,
            };
            stream(&options, &mut io::BufWriter::new(io::stdout().lock()))
        }
    }
}

fn open(paths: &[PathBuf]) -> Result<Vec<Bundle>, Error> {
    let mut bundles = Vec::new();
    for path in paths {
        bundles.extend(bundle::open(path)?);
    }
    Ok(bundles)
}

fn exit(error: &Error) -> ExitCode {
    ExitCode::from(match error {
        Error::Node(_) => 3,
        Error::Bundle(bundle::Error::Io(..)) | Error::Kernel { .. } | Error::Verifier(_) => 2,
        _ => 1,
    })
}

/// Writes to standard error; there is nobody to tell if that fails.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn summary(loaded: &Loaded) -> String {
    let mut text = format!("loaded {}\n", loaded.policy);
    for LoadedHook {
        call,
        attach,
        passed,
    } in &loaded.hooks
    {
        let _ = match attach {
            Some(attach) => writeln!(text, "  {call}: {}", mechanism(*attach)),
            None => writeln!(
                text,
                "  {call}: not on this kernel, ignored as the policy says"
            ),
        };
        for (better, why) in passed.iter().filter(|_| attach.is_some()) {
            let _ = writeln!(text, "    not by {}: {why}", mechanism(*better));
        }
    }
    text
}

/// A warning for each function that other policies override too: the kernel asks the program that was attached last first, and no other
/// one when that replaces the call.
fn rivals(loaded: &Loaded, all: &[list::Policy]) -> Vec<String> {
    let overrides = |attach| matches!(attach, Some(Attach::FmodRet | Attach::KprobeOverride));
    let mut warnings = Vec::new();
    for hook in loaded.hooks.iter().filter(|hook| overrides(hook.attach)) {
        let same = |other: &list::ListedHook| other.call == hook.call && overrides(other.attach);
        let others: Vec<&str> = all
            .iter()
            .filter(|policy| policy.policy != loaded.policy && policy.hooks.iter().any(same))
            .map(|policy| policy.policy.as_str())
            .collect();
        if !others.is_empty() {
            warnings.push(format!(
                "{} overrides {} as {} does: of a call that one of them refuses, the others neither act nor report",
                loaded.policy,
                hook.call,
                others.join(", ")
            ));
        }
    }
    warnings
}

fn mechanism(attach: Attach) -> &'static str {
    match attach {
        Attach::Fentry => "fentry",
        Attach::FmodRet => "fmod_ret",
        Attach::Kprobe => "kprobe",
        Attach::KprobeOverride => "kprobe with bpf_override_return",
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Prevents => "prevents",
        Effect::Signals => "signals",
        Effect::Observes => "observes",
    }
}

fn print_list(policies: &[Policy], format: Format) -> Result<(), Error> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(policies).unwrap_or_default() + "\n",
        Format::Human => {
            let mut rows = vec![["POLICY", "HOOK", "ATTACHED", "EFFECT"].map(str::to_owned)];
            for policy in policies {
                for hook in &policy.hooks {
                    let attach = hook.attach.map_or("not on this kernel", mechanism);
                    rows.push(
                        [
                            policy.policy.as_str(),
                            &hook.call,
                            attach,
                            effect(hook.effect),
                        ]
                        .map(str::to_owned),
                    );
                }
            }
            if policies.is_empty() {
                String::new()
            } else {
                table(&rows)
            }
        }
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Kernel {
            what: "write to standard output".to_owned(),
            error,
        }),
        _ => Ok(()),
    }
}

/// Rows with columns of equal width.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// An error for people.
fn describe(error: &Error) -> String {
    let mut text = format!("error[{}]: {error}\n", error.code());
    match error {
        Error::Node(lacks) => {
            text += &lacks_table(lacks);
            text += "nothing was changed\n";
        }
        Error::Verifier(refusal) if !refusal.log.is_empty() => {
            text += "  the verifier's last words:\n";
            for line in refusal.log.lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        _ => {}
    }
    if let Some(help) = error.help() {
        let _ = writeln!(text, "  help: {help}");
    }
    text
}

fn lacks_table(lacks: &[Lack]) -> String {
    let mut rows = vec![["POLICY", "LINE", "HOOK", "MISSING", "WAY OUT"].map(str::to_owned)];
    for lack in lacks {
        let (call, line) = match &lack.hook {
            Some((call, line)) => (call.clone(), line.to_string()),
            None => (String::new(), String::new()),
        };
        rows.push([
            lack.policy.clone(),
            line,
            call,
            lack.what.clone(),
            lack.remedy.clone(),
        ]);
    }
    table(&rows)
}

/// An error as a document.
fn as_json(error: &Error) -> String {
    let lacks = match error {
        Error::Node(lacks) => lacks.as_slice(),
        _ => &[],
    };
    let lacks: Vec<serde_json::Value> = lacks
        .iter()
        .map(|lack| {
            let (hook, line) = lack.hook.clone().unzip();
            serde_json::json!({
                "policy": lack.policy, "hook": hook, "line": line, "missing": lack.what, "remedy": lack.remedy,
            })
        })
        .collect();
    let document = serde_json::json!({
        "code": error.code().to_string(),
        "message": error.to_string(),
        "help": error.help(),
        "missing": lacks,
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}

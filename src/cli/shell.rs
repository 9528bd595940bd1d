//! `tpc completions` and `tpc man`: files for the shell and for `man`, made from the command line's own description.

use std::path::PathBuf;

use clap::{CommandFactory, ValueHint};
use clap_complete::Shell;

use super::explain::done;
use super::lint::print;
use super::{Cli, Exit};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tpc completions bash > /etc/bash_completion.d/tpc
  tpc completions zsh > \"${fpath[1]}/_tpc\"
  tpc completions fish > ~/.config/fish/completions/tpc.fish")]
pub(super) struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

/// Write manual pages to a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  tpc man /usr/local/share/man/man1")]
pub(super) struct Man {
    /// Directory for tpc.1 and a page for each command; made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: PathBuf,
}

pub(super) fn completions(args: &Completions) -> Exit {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tpc", &mut out);
    done(print(&String::from_utf8_lossy(&out)))
}

pub(super) fn man(args: &Man) -> Exit {
    let made = std::fs::create_dir_all(&args.directory);
    let written = made.and_then(|()| clap_mangen::generate_to(Cli::command(), &args.directory));
    done(
        written.map_err(|error| format!("cannot write to `{}`: {error}", args.directory.display())),
    )
}

//! Finding and reading `tpc.toml`.

use std::path::{Path, PathBuf};

use clap::ValueHint;

use super::input::unreadable;
use super::nodes;
use crate::config::{self, Config};
use crate::diag::{Diagnostic, Sources};
use crate::lint::Settings;

/// Options that choose the configuration.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Configuration file, instead of the next tpc.toml in this directory or one above
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, conflicts_with = "isolated")]
    config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    isolated: bool,
}

/// The configuration and the directory that its paths begin at.
pub(super) struct Project {
    pub(super) config: Config,
    /// `None` without a configuration file.
    pub(super) root: Option<PathBuf>,
}

impl Project {
    /// Reads the configuration, if there is one.
    pub(super) fn find(args: &Choice, sources: &mut Sources) -> Result<Self, Box<Diagnostic>> {
        let path = match &args.config {
            Some(path) => Some(path.clone()),
            None if args.isolated => None,
            None => above(),
        };
        let Some(path) = path else {
            return Ok(Self {
                config: Config::default(),
                root: None,
            });
        };
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        let file = sources.add(path.display().to_string(), text);
        let config = config::read(file, sources)?;
        Ok(Self {
            config,
            root: std::path::absolute(&path)
                .ok()
                .and_then(|path| path.parent().map(Path::to_owned)),
        })
    }

    /// The kernels of the configuration; files are relative to it.
    pub(super) fn add_kernels(&self, settings: &mut Settings) -> Result<(), Box<Diagnostic>> {
        nodes::add(&self.config.kernels, self.root.as_deref(), settings)
    }

    /// Whether a file is looked at.
    pub(super) fn takes(&self, path: &Path, found: bool) -> bool {
        let Some(root) = &self.root else {
            return true;
        };
        relative(path, root).is_none_or(|path| self.config.files.takes(&path, found))
    }
}

/// The nearest `tpc.toml` in this directory or one above it, by a short name where that is possible.
fn above() -> Option<PathBuf> {
    let here = PathBuf::from(config::NAME);
    if here.is_file() {
        return Some(here);
    }
    let directory = std::env::current_dir().ok()?;
    let mut above = directory
        .ancestors()
        .skip(1)
        .map(|one| one.join(config::NAME));
    above.find(|path| path.is_file())
}

/// A path seen from a directory above it, with `/` between its names; `None` if it lies elsewhere.
pub(super) fn relative(path: &Path, root: &Path) -> Option<String> {
    let clean = |path: &Path| {
        let canonical = path.canonicalize();
        canonical.or_else(|_| std::path::absolute(path)).ok()
    };
    // A file that is a link has its own name, not that of what it leads to.
    let (directory, name) = (path.parent()?, path.file_name()?);
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let inside = clean(directory)?
        .strip_prefix(clean(root)?)
        .ok()?
        .join(name);
    let names = inside
        .components()
        .map(|one| one.as_os_str().to_string_lossy().into_owned());
    Some(names.collect::<Vec<_>>().join("/"))
}

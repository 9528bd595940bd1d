//! Baselines: files of known findings.

use std::path::{Path, PathBuf};

use super::Exit;
use super::input::unreadable;
use super::lint::write_file;
use super::project::{Project, relative};
use super::report::say;
use crate::diag::{Diagnostic, Sources, code};
use crate::lint::baseline::Baseline;

/// Writes everything that was found.
pub(super) fn write(path: &Path, found: &[Diagnostic], sources: &Sources, quiet: bool) -> Exit {
    let baseline = Baseline::of(found, sources, &|name| seen_from(path, name));
    if let Err(message) = write_file(path, &baseline.to_json()) {
        say(&format!("tpc: {message}\n"));
        return Exit::Failure;
    }
    if !quiet {
        say(&format!(
            "wrote {} findings to {}\n",
            found.len(),
            path.display()
        ));
    }
    Exit::Clean
}

/// Takes the known findings out; says how many there were.
pub(super) fn subtract(
    named: Option<&Path>,
    project: &Project,
    found: &mut Vec<Diagnostic>,
    sources: &Sources,
) -> Result<usize, Box<Diagnostic>> {
    let Some(path) = path(named, project) else {
        return Ok(0);
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
    let baseline = Baseline::read(&text).map_err(|why| {
        let message = format!("`{}` is no baseline: {why}", path.display());
        let help = "write it anew with --write-baseline";
        Box::new(Diagnostic::error(code::BAD_CONFIG, message).help(help))
    })?;
    let (known, gone) = baseline.subtract(found, sources, &|name| seen_from(&path, name));
    if gone > 0 {
        let text = "entries of the baseline were not found; write it anew when they are repaired";
        say(&format!("tpc: {gone} {text}\n"));
    }
    Ok(known)
}

fn path(named: Option<&Path>, project: &Project) -> Option<PathBuf> {
    let configured = || {
        let name = project.config.lint.baseline.as_ref()?;
        Some(project.root.as_ref()?.join(name))
    };
    named.map(Path::to_owned).or_else(configured)
}

/// A file's name as seen from the directory of the baseline.
fn seen_from(baseline: &Path, name: &str) -> String {
    let root = baseline
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    relative(Path::new(name), root.unwrap_or(Path::new("."))).unwrap_or_else(|| name.to_owned())
}

//! Kernels by their name, or by a file of facts.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::diag::{Diagnostic, code};
use crate::facts::{Error, Facts, NAMES, shipped};
use crate::lint::{Node, Settings};
use crate::policy::nearest;

/// Adds kernels to the settings. Files are looked for from a directory, or where the command runs.
///
/// # Errors
/// A name is neither a version, nor that of a kernel that ships, nor that of a file of facts.
pub(super) fn add(
    names: &[String],
    directory: Option<&Path>,
    settings: &mut Settings,
) -> Result<(), Box<Diagnostic>> {
    let (versions, names): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| version(name).is_some());
    let names: Vec<&String> = unique(names);
    let short: Vec<String> = names.iter().map(|name| called(name)).collect();
    let one = |name: &&String| {
        let facts = match shipped(name) {
            Some(facts) => facts,
            None => read(name, directory),
        };
        let node = |facts| {
            let short_name = called(name);
            let taken = short.iter().filter(|other| **other == short_name).count() > 1;
            Arc::new(Node {
                name: if taken { (*name).clone() } else { short_name },
                facts,
            })
        };
        facts.map(node).map_err(|error| unusable(name, &error))
    };
    let nodes: Result<Vec<Arc<Node>>, _> = names.par_iter().map(one).collect();
    settings.nodes = nodes?;
    settings.kernels = versions
        .into_iter()
        .filter_map(|text| version(text))
        .collect();
    let known = settings
        .nodes
        .iter()
        .map(|node| node.facts.release_numbers());
    settings
        .kernels
        .extend(known.filter(|version| *version != (0, 0)));
    Ok(())
}

/// `5.10`: a version alone, of which rules know some things.
fn version(text: &str) -> Option<(u16, u16)> {
    let number = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| digits)
    };
    let (major, minor) = text.split_once('.')?;
    Some((number(major)?, number(minor)?))
}

/// Each name once, in their order: a kernel is a column of a table.
fn unique(names: Vec<&String>) -> Vec<&String> {
    let mut all: Vec<&String> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn read(name: &str, directory: Option<&Path>) -> Result<Facts, Error> {
    let path = directory.map_or_else(|| name.into(), |directory| directory.join(name));
    let bytes = std::fs::read(&path).map_err(|error| Error::Unreadable(path, error))?;
    Facts::read(&bytes)
}

/// A file by its name alone, as the columns of a table need it.
fn called(name: &str) -> String {
    let path = Path::new(name.strip_suffix(".facts").unwrap_or(name));
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn unusable(name: &str, error: &Error) -> Box<Diagnostic> {
    let absent = matches!(error, Error::Unreadable(_, error) if error.kind() == std::io::ErrorKind::NotFound);
    let help = match nearest(name, NAMES).filter(|_| absent) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "name one of {}, a file that `tpc kernel-facts` wrote, or a version such as 5.10",
            NAMES.join(", ")
        ),
    };
    let message = match absent {
        true => format!("there is no kernel and no file `{name}`"),
        false => format!("the kernel `{name}` cannot be used: {error}"),
    };
    Box::new(Diagnostic::error(code::UNREADABLE, message).help(help))
}

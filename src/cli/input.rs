//! Files, directories and standard input to policies.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::diag::{Diagnostic, FileId, Sink, Sources, Span, code};
use crate::policy::{self, Policy};
use crate::yaml::{self, MAX_BYTES};

/// A file to read.
struct Input {
    /// `None` is standard input.
    path: Option<PathBuf>,
    /// Found in a directory: skipped silently if it has nothing to do with policies.
    found: bool,
}

/// Reads every policy below the arguments, in their order; directories in the order
/// of their file names. Problems with the texts go to the sink.
///
/// # Errors
/// A file or directory that cannot be read.
pub(super) fn read(
    arguments: &[PathBuf],
    sources: &mut Sources,
    sink: &mut Sink,
) -> Result<Vec<Policy>, Box<Diagnostic>> {
    let mut inputs = Vec::new();
    for argument in arguments {
        if argument.as_os_str() == "-" {
            inputs.push(Input {
                path: None,
                found: false,
            });
        } else if argument.is_dir() {
            walk(argument, &mut inputs).map_err(|error| unreadable(argument, &error))?;
        } else {
            inputs.push(Input {
                path: Some(argument.clone()),
                found: false,
            });
        }
    }
    let mut files = Vec::new();
    for input in &inputs {
        let (name, bytes) = load(input)?;
        let mut own = Sink::new();
        let file = yaml::text(&name, &bytes, sources, &mut own);
        if !(input.found && file.is_none()) {
            sink.append(own);
        }
        files.extend(file.map(|file| (file, input.found)));
    }
    let decoded: Vec<(Vec<Policy>, Sink)> = files
        .par_iter()
        .map(|&(file, found)| decode(file, found, sources))
        .collect();
    let mut policies = Vec::new();
    for (some, own) in decoded {
        policies.extend(some);
        sink.append(own);
    }
    if policies.is_empty() && !sink.has_errors() {
        sink.push(
            Diagnostic::error(code::NO_POLICY, "no TracingPolicy was found")
                .help("only files named *.yaml or *.yml are read in directories"),
        );
    }
    Ok(policies)
}

/// Files of a directory and its subdirectories, sorted. Hidden entries are skipped: a
/// mounted ConfigMap keeps second copies of its files in them.
fn walk(directory: &Path, inputs: &mut Vec<Input>) -> io::Result<()> {
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    for path in entries {
        if fs::symlink_metadata(&path)?.is_dir() {
            walk(&path, inputs)?;
        } else if is_yaml(&path) && path.is_file() {
            inputs.push(Input {
                path: Some(path),
                found: true,
            });
        }
    }
    Ok(())
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Name and content of an input; of a file that is too large only as much as shows it.
fn load(input: &Input) -> Result<(String, Vec<u8>), Box<Diagnostic>> {
    let limit = MAX_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let (name, result) = match &input.path {
        None => (
            "<stdin>".to_owned(),
            io::stdin().lock().take(limit).read_to_end(&mut bytes),
        ),
        Some(path) => {
            let read = |file: File| file.take(limit).read_to_end(&mut bytes);
            (path.display().to_string(), File::open(path).and_then(read))
        }
    };
    match result {
        Ok(_) => Ok((name, bytes)),
        Err(error) => Err(unreadable(Path::new(&name), &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Box<Diagnostic> {
    let message = format!("cannot read `{}`: {error}", path.display());
    Box::new(Diagnostic::error(code::UNREADABLE, message))
}

fn decode(file: FileId, found: bool, sources: &Sources) -> (Vec<Policy>, Sink) {
    let mut sink = Sink::new();
    let policies = policy::decode(file, sources, &mut sink);
    let foreign = policies.is_empty() && !sources.text(file).contains("TracingPolicy");
    if found && foreign {
        return (policies, Sink::new());
    }
    if !found && policies.is_empty() && !sink.has_errors() {
        let span = Span {
            file,
            start: 0,
            end: 0,
        };
        let diagnostic = Diagnostic::error(code::NO_POLICY, "the file contains no TracingPolicy");
        sink.push(
            diagnostic
                .at(span)
                .help("a policy has `kind: TracingPolicy` or `kind: TracingPolicyNamespaced`"),
        );
    }
    (policies, sink)
}

/// Two policies of one name would write the same bundle.
pub(super) fn refuse_same_names(policies: &[Policy], sink: &mut Sink) {
    let mut seen: std::collections::BTreeMap<&str, &Policy> = std::collections::BTreeMap::new();
    for policy in policies {
        let name = policy.name.value.as_str();
        if let Some(first) = seen.get(name) {
            let message = format!("two policies have the name `{name}`");
            sink.push(
                Diagnostic::error(code::SAME_NAME, message)
                    .at(policy.name.span)
                    .label("second policy of this name")
                    .related(first.name.span, "first policy of this name")
                    .help("rename one: the name is the directory of the bundle"),
            );
        } else {
            seen.insert(name, policy);
        }
    }
}

//! Files, directories and standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::diag::{Diagnostic, FileId, Sink, Sources, Span, code};
use crate::policy::{self, Policy};
use crate::testing::is_test_file;
use crate::yaml::{self, MAX_BYTES};

/// A file to read.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// `None` is standard input.
    pub(super) path: Option<PathBuf>,
    /// Found in a directory: skipped silently if it has nothing to do with policies.
    pub(super) found: bool,
}

impl Input {
    /// The name under which problems are reported.
    pub(super) fn name(&self) -> String {
        let shown = |path: &PathBuf| path.display().to_string();
        self.path
            .as_ref()
            .map_or_else(|| "<stdin>".to_owned(), shown)
    }

    /// Whether it holds tests of a policy, to which only `tpc test` has something to say. A policy stays one whatever its name.
    pub(super) fn is_test(&self, bytes: &[u8]) -> bool {
        let named = self.path.as_deref().is_some_and(is_test_file);
        let is_kind = |line: &[u8]| {
            line.trim_ascii_start().starts_with(b"kind:")
                && line.windows(KIND.len()).any(|part| part == KIND)
        };
        named && !bytes.split(|byte| *byte == b'\n').any(is_kind)
    }

    /// The content; of a file that is too large only as much as shows it.
    pub(super) fn load(&self) -> Result<Vec<u8>, Box<Diagnostic>> {
        let limit = MAX_BYTES as u64 + 1;
        let mut bytes = Vec::new();
        let result = match &self.path {
            None => io::stdin().lock().take(limit).read_to_end(&mut bytes),
            Some(path) => {
                let read = |file: File| file.take(limit).read_to_end(&mut bytes);
                File::open(path).and_then(read)
            }
        };
        match result {
            Ok(_) => Ok(bytes),
            Err(error) => Err(unreadable(Path::new(&self.name()), &error)),
        }
    }
}

const KIND: &[u8] = b"TracingPolicy";

/// The files that the arguments name, in their order; those of a directory in the order of their names.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn collect(arguments: &[PathBuf]) -> Result<Vec<Input>, Box<Diagnostic>> {
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
    Ok(inputs)
}

/// Reads every policy below the arguments. Problems with the texts go to the sink.
///
/// # Errors
/// A file or directory that cannot be read.
pub(super) fn read(
    arguments: &[PathBuf],
    sources: &mut Sources,
    sink: &mut Sink,
) -> Result<Vec<Policy>, Box<Diagnostic>> {
    let mut files = Vec::new();
    for input in collect(arguments)? {
        let bytes = input.load()?;
        if input.is_test(&bytes) {
            continue;
        }
        let mut own = Sink::new();
        let file = yaml::text(&input.name(), &bytes, sources, &mut own);
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
    let mut entries: Vec<(PathBuf, fs::FileType)> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push((entry.path(), entry.file_type()?));
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (path, kind) in entries {
        if kind.is_dir() {
            walk(&path, inputs)?;
        } else if is_yaml(&path) && (kind.is_file() || path.is_file()) {
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

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Box<Diagnostic> {
    let message = format!("cannot read `{}`: {error}", path.display());
    let help = "check the name and who may read it";
    Box::new(Diagnostic::error(code::UNREADABLE, message).help(help))
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

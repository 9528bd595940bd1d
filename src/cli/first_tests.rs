//! `tpc test --init`: the first test file of a policy.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::Exit;
use super::input::Input;
use super::report::{Color, Format, say};
use crate::diag::render::Report;
use crate::diag::{Diagnostic, Sink, Sources, code};
use crate::policy;
use crate::testing::{self, Kernels};
use crate::yaml;

/// Writes a test file beside a policy, or one for each policy of a file.
pub(super) fn init(path: &Path, color: Color) -> Exit {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let (exit, written) = match write(path, &mut sources, &mut sink) {
        Ok(Some(written)) => (Exit::Clean, written),
        Ok(None) => (Exit::Findings, Vec::new()),
        Err(failure) => {
            sink.push(*failure);
            (Exit::Failure, Vec::new())
        }
    };
    let all = sink.into_sorted();
    let report = Report::new(&all, &sources);
    say(&Format::Human.render(&report, color.applies(&std::io::stderr())));
    for test in written {
        say(&format!("wrote {}\n", test.display()));
    }
    exit
}

/// The files that were written; `None` means that a policy has errors.
fn write(
    path: &Path,
    sources: &mut Sources,
    sink: &mut Sink,
) -> Result<Option<Vec<PathBuf>>, Box<Diagnostic>> {
    let refuse = |message: String, help: &str| {
        let error = Diagnostic::error(code::NO_TESTED_POLICY, message);
        Err(Box::new(error.help(help)))
    };
    let Some(test) = testing::test_of(path) else {
        let message = format!("`{}` has no name of a policy", path.display());
        return refuse(message, "policies are in files named *.yaml or *.yml");
    };
    let input = Input {
        path: Some(path.to_owned()),
        found: false,
    };
    let Some(file) = yaml::text(&input.name(), &input.load()?, sources, sink) else {
        return Ok(None);
    };
    let policies = policy::decode(file, sources, sink);
    if sink.has_errors() {
        return Ok(None);
    }
    let name = path.file_name().map(|name| name.to_string_lossy());
    let places: Vec<(PathBuf, Option<&str>)> = match &policies[..] {
        [] => {
            let message = format!("`{}` contains no TracingPolicy", path.display());
            return refuse(message, "a policy has `kind: TracingPolicy`");
        }
        [_] => vec![(test, None)],
        several => several
            .iter()
            .map(|policy| {
                let test = testing::test_of_one(&test, &policy.name.value);
                (test, name.as_deref())
            })
            .collect(),
    };
    let mut texts = Vec::new();
    for (policy, (test, file)) in policies.iter().zip(places) {
        let text = testing::init(policy, file, sources, &Kernels::default(), sink);
        texts.extend(text.map(|text| (test, text)));
    }
    if texts.len() < policies.len() {
        return Ok(None);
    }
    for (test, _) in &texts {
        free(test)?;
    }
    for (test, text) in &texts {
        create(test, text)?;
    }
    Ok(Some(texts.into_iter().map(|(test, _)| test).collect()))
}

/// Refuses to replace a file before anything is written.
fn free(path: &Path) -> Result<(), Box<Diagnostic>> {
    match path.symlink_metadata() {
        Ok(_) => Err(not_written(path, &ErrorKind::AlreadyExists.into())),
        Err(_) => Ok(()),
    }
}

/// Writes a file that is not there yet.
fn create(path: &Path, text: &str) -> Result<(), Box<Diagnostic>> {
    let file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| not_written(path, &error))
}

fn not_written(path: &Path, error: &std::io::Error) -> Box<Diagnostic> {
    let message = format!("cannot write `{}`: {error}", path.display());
    let help = match error.kind() {
        ErrorKind::AlreadyExists => "tests that are there are not replaced; rename them first",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "tests are written beside the policy: its directory has to be writable"
        }
        _ => "tests are written beside the policy",
    };
    Box::new(Diagnostic::error(code::NOT_WRITTEN, message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kept_a_file_from_being_written_is_said() {
        let help = |kind: ErrorKind| not_written(Path::new("a"), &kind.into()).help;
        let text = |kind| help(kind).expect("a help");
        assert!(text(ErrorKind::AlreadyExists).contains("not replaced"));
        assert!(text(ErrorKind::PermissionDenied).contains("has to be writable"));
    }
}

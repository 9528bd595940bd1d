//! `tpc test --init`: the first test file of a policy.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Exit;
use super::input::Input;
use super::report::{Color, Format, say};
use crate::diag::render::Report;
use crate::diag::{Diagnostic, Sink, Sources, code};
use crate::policy;
use crate::testing::{self, Kernels};
use crate::yaml;

/// Writes the test file beside a policy.
pub(super) fn init(path: &Path, color: Color) -> Exit {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let (exit, remark) = match write(path, &mut sources, &mut sink) {
        Ok(Some(test)) => (Exit::Clean, format!("wrote {}\n", test.display())),
        Ok(None) => (Exit::Findings, String::new()),
        Err(failure) => {
            sink.push(*failure);
            (Exit::Failure, String::new())
        }
    };
    let all = sink.into_sorted();
    let report = Report::new(&all, &sources);
    say(&Format::Human.render(&report, color.applies(&std::io::stderr())));
    say(&remark);
    exit
}

/// The file that was written; `None` means that the policy has errors.
fn write(
    path: &Path,
    sources: &mut Sources,
    sink: &mut Sink,
) -> Result<Option<PathBuf>, Box<Diagnostic>> {
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
    let policy = match &policies[..] {
        [policy] => policy,
        _ if sink.has_errors() => return Ok(None),
        _ => {
            let message = format!("`{}` contains {} policies", path.display(), policies.len());
            return refuse(
                message,
                "tests are written for one policy in a file of its own",
            );
        }
    };
    match testing::init(policy, sources, &Kernels::default(), sink) {
        Some(text) => create(&test, &text).map(|()| Some(test)),
        None => Ok(None),
    }
}

/// Writes a file that is not there yet.
fn create(path: &Path, text: &str) -> Result<(), Box<Diagnostic>> {
    let file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let message = format!("cannot write `{}`: {error}", path.display());
        let help = "tests that are there are not replaced; rename them first";
        Box::new(Diagnostic::error(code::NOT_WRITTEN, message).help(help))
    })
}

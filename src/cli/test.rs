//! `tpc test`: policies do what their tests say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::ValueHint;
use rayon::prelude::*;

use super::input::Input;
use super::lab;
use super::lint::{print, write_file};
use super::outputs::Outputs;
use super::project::{self, Project};
use super::report::{Color, Format, say};
use super::{Exit, first_tests, test_files};
use crate::diag::render::Report;
use crate::diag::{Diagnostic, FileId, Severity, Sink, Sources, Span, code};
use crate::lint::explain;
use crate::policy::{self, Policy};
use crate::testing::{self, FileResult, Kernels, Results, Tests, Verdict};
use crate::yaml;

/// Run the tests of policies
///
/// A policy a.yaml has its tests in a.test.yaml beside it: calls of the hooked functions and what they shall lead to. Each call
/// runs in the compiled programs, in user space, and in an interpreter of the language; no root and no kernel is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tpc test                                      every *.test.yaml below the current directory
  tpc test --init policy.yaml                   write the first tests, policy.test.yaml
  tpc test policy.yaml --cover                  also what no case has exercised
  tpc test policy.yaml --lab debian-12          also on a real kernel, under QEMU
  tpc test policies/ --cover-min 100 --format human --format junit --output tests.xml

Exit status: 0 all as expected, 1 a case failed, a file has errors or too little is covered,
2 nothing to run, wrong usage, input/output failure, or a mistake of tpc.")]
pub(super) struct Args {
    /// Test files, policies with a test file beside them, or directories (all *.test.yaml and *.test.yml below)
    #[arg(value_name = "FILE|DIR", default_value = ".", value_hint = ValueHint::AnyPath)]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    outputs: Outputs,
    /// Run the cases whose name contains this
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    filter: String,
    /// Say which selectors, filters and values no case has exercised
    #[arg(long)]
    cover: bool,
    /// Fail if a policy has a smaller share of its selectors or filters covered, in percent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    cover_min: Option<u8>,
    #[command(flatten)]
    lab: lab::Lab,
    /// Show failures only
    #[arg(short, long)]
    quiet: bool,
    /// Write a first test file beside a policy: for each selector a call that matches, and for each filter one that it keeps out
    #[arg(long, value_name = "POLICY", value_hint = ValueHint::FilePath, conflicts_with_all = ["inputs", "filter", "cover", "cover_min", "lab"])]
    init: Option<PathBuf>,
}

pub(super) fn run(args: &Args, color: Color) -> Exit {
    if let Some(path) = &args.init {
        return first_tests::init(path, color);
    }
    let mut run = Run::default();
    let subjects = match run.load(args) {
        Ok(subjects) => subjects,
        Err(failure) => {
            run.sink.push(*failure);
            run.failed = true;
            Vec::new()
        }
    };
    let mut results = run.results(&subjects, args);
    run.on_kernels(&subjects, &mut results, args);
    run.report(results, args, color)
}

/// A test file with its policy.
struct Subject {
    tests: Tests,
    policy: Policy,
}

/// What is known of a run so far.
#[derive(Default)]
struct Run {
    sources: Sources,
    /// Problems that kept tests from running.
    sink: Sink,
    /// Something could not be read, or there was nothing to run.
    failed: bool,
    /// Files of policies, each read once; `None` is one with errors.
    policies: BTreeMap<PathBuf, Option<Vec<Policy>>>,
    /// Files that tests with errors are about.
    claimed: BTreeSet<PathBuf>,
}

impl Run {
    /// Reads test files and their policies. Problems of one do not keep the others from running.
    fn load(&mut self, args: &Args) -> Result<Vec<Subject>, Box<Diagnostic>> {
        let files = test_files::find(&args.inputs)?;
        let mut subjects = Vec::new();
        for input in &files.tests {
            subjects.extend(self.subject(input));
        }
        if files.tests.is_empty() {
            let message = "no test file was found";
            let error = Diagnostic::error(code::NO_TEST, message);
            return Err(Box::new(error.help(
                "tests of a.yaml are in a.test.yaml; write the first ones with `tpc test --init a.yaml`",
            )));
        }
        let severity = match args.cover_min {
            Some(least) if least > 0 => Severity::Error,
            _ => Severity::Note,
        };
        self.untested(&files.others, &subjects, severity)?;
        Ok(subjects)
    }

    /// A test file with its policy; `None` means reported.
    fn subject(&mut self, input: &Input) -> Option<Subject> {
        let path = input.path.as_deref().unwrap_or(Path::new(""));
        let beside = testing::policy_of(path).unwrap_or_default();
        let tests = self
            .text(input)
            .and_then(|file| testing::decode(file, &self.sources, &mut self.sink));
        let Some(tests) = tests else {
            self.claimed.insert(canonical(&beside));
            return None;
        };
        let (policy, span) = match tests.policy() {
            Some(policy) => (path.with_file_name(&policy.value), policy.span),
            None => (beside, start(tests.file)),
        };
        if !policy.is_file() {
            let message = format!("there is no policy `{}`", policy.display());
            let error = Diagnostic::error(code::NO_TESTED_POLICY, message).at(span);
            let help = "name the policy: `policy: PATH`, from the directory of this file";
            self.sink.push(error.help(help));
            return None;
        }
        let found = self.policy(&policy, &tests, span);
        if found.is_none() {
            self.claimed.insert(canonical(&policy));
        }
        Some(Subject {
            policy: found?,
            tests,
        })
    }

    fn text(&mut self, input: &Input) -> Option<FileId> {
        match input.load() {
            Ok(bytes) => yaml::text(&input.name(), &bytes, &mut self.sources, &mut self.sink),
            Err(failure) => {
                self.sink.push(*failure);
                self.failed = true;
                None
            }
        }
    }

    /// The policy of a file that the tests are about; `None` means reported.
    fn policy(&mut self, path: &Path, tests: &Tests, span: Span) -> Option<Policy> {
        let key = canonical(path);
        if !self.policies.contains_key(&key) {
            let policies = self.read_policies(path);
            self.policies.insert(key.clone(), policies);
        }
        let policies = self.policies.get(&key)?.as_ref()?;
        let is_meant = |policy: &&Policy| {
            let name = tests.policy_name();
            name.is_none_or(|name| policy.name.value == name.value)
        };
        let mut meant = policies.iter().filter(is_meant);
        if let (Some(one), None) = (meant.next(), meant.next()) {
            return Some(one.clone());
        }
        let names = policies.iter().map(|policy| policy.name.value.as_str());
        let names: Vec<&str> = names.collect();
        let shown = path.display();
        let message = match names.len() {
            0 => format!("`{shown}` contains no TracingPolicy"),
            count => format!("`{shown}` contains {count} policies: {}", names.join(", ")),
        };
        let span = tests.policy_name().map_or(span, |name| name.span);
        let error = Diagnostic::error(code::NO_TESTED_POLICY, message).at(span);
        self.sink
            .push(error.help("choose one by its `metadata.name`: `name: NAME`"));
        None
    }

    /// The policies of a file; `None` means reported.
    fn read_policies(&mut self, path: &Path) -> Option<Vec<Policy>> {
        let input = Input {
            path: Some(path.to_owned()),
            found: false,
        };
        let file = self.text(&input)?;
        let errors = self.sink.errors();
        let policies = policy::decode(file, &self.sources, &mut self.sink);
        (self.sink.errors() == errors).then_some(policies)
    }

    /// Reports policies that the arguments lead to and no test file is about. What a policy is, is decided as for the linter.
    fn untested(
        &mut self,
        files: &[Input],
        subjects: &[Subject],
        severity: Severity,
    ) -> Result<(), Box<Diagnostic>> {
        let project = Project::find(&project::Choice::default(), &mut self.sources)?;
        for input in files {
            let Some(path) = &input.path else { continue };
            let is_claimed = self.claimed.contains(&canonical(path));
            if is_claimed || !project.takes(path, input.found) {
                continue;
            }
            for policy in self.policies_of(path, input)? {
                let is_its = |subject: &Subject| subject.policy.name.span == policy.name.span;
                if !subjects.iter().any(is_its) {
                    self.sink.push(no_tests(path, &policy, severity));
                }
            }
        }
        Ok(())
    }

    /// The policies of a file as far as they can be read. What is wrong with those that no test is about says the linter.
    fn policies_of(&mut self, path: &Path, input: &Input) -> Result<Vec<Policy>, Box<Diagnostic>> {
        if let Some(known) = self.policies.get(&canonical(path)) {
            return Ok(known.clone().unwrap_or_default());
        }
        let bytes = input.load()?;
        if !crate::lint::may_concern(&bytes) {
            return Ok(Vec::new());
        }
        let mut sink = Sink::new();
        let file = yaml::text(&input.name(), &bytes, &mut self.sources, &mut sink);
        let policies = file.map(|file| policy::decode(file, &self.sources, &mut sink));
        Ok(policies.unwrap_or_default())
    }

    /// Runs all cases, several files at once.
    fn results(&mut self, subjects: &[Subject], args: &Args) -> Vec<FileResult> {
        let sources = &self.sources;
        let one = |kernels: &mut Kernels, subject: &Subject| {
            let mut sink = Sink::new();
            let Subject { tests, policy } = subject;
            let result = testing::run(tests, policy, sources, &args.filter, kernels, &mut sink);
            (result, sink)
        };
        let all: Vec<_> = subjects
            .par_iter()
            .map_init(Kernels::default, one)
            .collect();
        let mut results = Vec::new();
        for (result, sink) in all {
            results.extend(result);
            self.sink.append(sink);
        }
        let ran: usize = results.iter().map(|result| result.cases.len()).sum();
        if ran == 0 && !self.sink.has_errors() {
            let message = format!("no case has `{}` in its name", args.filter);
            let error = Diagnostic::error(code::NO_TEST, message);
            self.sink.push(error.help("write a part of a case's name"));
            self.failed = true;
        }
        results
    }

    /// Performs the cases on the kernels that were asked for.
    fn on_kernels(&mut self, subjects: &[Subject], results: &mut [FileResult], args: &Args) {
        let tested: Vec<(&Tests, &Policy)> = subjects
            .iter()
            .map(|subject| (&subject.tests, &subject.policy))
            .collect();
        let mut perform = || {
            for guest in args.lab.guests()? {
                let done =
                    testing::lab::perform(&tested, results, &args.filter, &self.sources, &guest);
                done.map_err(|error| Box::new(lab::diagnostic(&error)))?;
            }
            Ok::<_, Box<Diagnostic>>(())
        };
        if let Err(failure) = perform() {
            self.sink.push(*failure);
            self.failed = true;
        }
    }

    /// Reports what no case exercises of each policy.
    fn gaps(&mut self, results: &[FileResult], least: u8) {
        for cover in testing::of_policies(results) {
            let too_little = cover.shares().percent() < usize::from(least);
            for mut gap in cover.gaps() {
                if too_little && !gap.is_about_values() {
                    gap.diagnostic.severity = Severity::Error;
                }
                self.sink.push(gap.diagnostic);
            }
        }
    }

    fn report(mut self, results: Vec<FileResult>, args: &Args, color: Color) -> Exit {
        let cover = args.cover || args.cover_min.is_some();
        if cover {
            self.gaps(&results, args.cover_min.unwrap_or(0));
        }
        let rest = std::mem::take(&mut self.sink).into_sorted();
        let all = Results {
            files: &results,
            rest: &rest,
            cover,
        };
        let written = self.write(&all, args, color);
        let cases = || results.iter().flat_map(|result| &result.cases);
        let disagreed = cases().any(|case| matches!(case.verdict, Verdict::Disagreed(..)));
        let wrong = rest.iter().any(|one| one.severity == Severity::Error);
        if self.failed || disagreed || written.is_err() {
            Exit::Failure
        } else if wrong || cases().any(|case| !case.passed()) {
            Exit::Findings
        } else {
            Exit::Clean
        }
    }

    /// Writes every report; `Err` means that one could not be written.
    fn write(&self, results: &Results<'_>, args: &Args, color: Color) -> Result<(), ()> {
        let mut done = Ok(());
        for (format, path) in &args.outputs.0 {
            let colored = path.is_none() && color.applies(&std::io::stdout());
            let text = self.text_of(results, *format, args, colored);
            let written = match path {
                Some(path) => write_file(path, &text),
                None => print(&text),
            };
            if let Err(message) = written {
                say(&format!("tpc: {message}\n"));
                done = Err(());
            }
        }
        done
    }

    fn text_of(&self, results: &Results<'_>, format: Format, args: &Args, colored: bool) -> String {
        let sources = &self.sources;
        match format {
            Format::Json => return results.json(sources),
            Format::Junit => return results.junit(sources),
            _ => {}
        }
        let cases = results.files.iter().flat_map(|file| &file.cases);
        let mut all: Vec<Diagnostic> = cases.flat_map(testing::CaseResult::problems).collect();
        all.extend(results.rest.iter().cloned());
        if args.quiet {
            all.retain(|one| one.severity == Severity::Error);
        }
        let files: Vec<FileId> = results.files.iter().map(|file| file.file).collect();
        let report = Report {
            files: &files,
            about: &explain::about,
            ..Report::new(&all, sources)
        };
        let mut text = format.render(&report, colored);
        if format == Format::Human {
            text.push_str(&results.calls());
            if !args.quiet {
                text.push_str(&results.summary(sources));
            }
        }
        text
    }
}

/// A policy without tests.
fn no_tests(path: &Path, policy: &Policy, severity: Severity) -> Diagnostic {
    let message = format!("no test file is about the policy `{}`", policy.name.value);
    let help = format!(
        "write the first tests with `tpc test --init {}`",
        path.display()
    );
    Diagnostic {
        severity,
        ..Diagnostic::note(code::NOT_COVERED, message)
            .at(policy.name.span)
            .help(help)
    }
}

/// One path for each file.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The place of a remark about a file as a whole.
fn start(file: FileId) -> Span {
    Span {
        file,
        start: 0,
        end: 0,
    }
}

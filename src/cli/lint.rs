//! `tpc lint`: what is wrong with policies, and what could be better.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, ValueEnum, ValueHint};
use rayon::prelude::*;

use super::input::{self, Input};
use super::outputs::Outputs;
use super::project::{self, Project};
use super::report::{Color, Format, say, summary};
use super::{Exit, fixes, known, nodes};
use crate::config;
use crate::diag::render::{Hidden, Hooking, Report, kernels};
use crate::diag::{Diagnostic, FileId, Severity, Sources, code};
use crate::lint::{self, Level, Outcome, Settings, Target, explain};
use crate::policy::history::Release;
use crate::yaml;

/// Find mistakes, bypasses and needless cost in policies
///
/// Reads policies as tpc and Tetragon do, judges their meaning, and applies the rules that `tpc rules` lists. Files
/// that hold no TracingPolicy are skipped in silence.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tpc lint                                      every policy below the current directory
  helm template chart | tpc lint -              rendered templates from standard input
  tpc lint --fix policies/                      apply the fixes that change nothing but the mistake
  tpc lint --format github --format sarif --output tpc.sarif
                                                annotations, and a report to upload
  tpc explain TPC2201                           what a finding means

Exit status: 0 no findings at or above --fail-on, 1 findings, 2 wrong usage or input/output failure.")]
pub(super) struct Args {
    /// Policy files, directories (all *.yaml and *.yml below, hidden ones excepted), or - for standard input
    #[arg(value_name = "FILE|DIR|-", default_value = ".", value_hint = ValueHint::AnyPath)]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    outputs: Outputs,
    /// The least severity that makes the exit status 1 [default: warning, or that of tpc.toml]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Threshold>,
    /// Exit with status 0 whatever is found
    #[arg(long, conflicts_with = "fail_on")]
    exit_zero: bool,
    /// Severity of a rule, code or group, or `all`: error, warning, note or off; may be given several times
    #[arg(long = "level", value_name = "NAME=LEVEL", action = ArgAction::Append, value_parser = level)]
    levels: Vec<(String, Level)>,
    /// Where the policies run: the system, or what manages the node; may be given several times [default: tetragon,
    /// or those of tpc.toml]
    #[arg(long = "target", value_parser = PossibleValuesParser::new(Target::WORDS.map(|(word, _)| word)), value_name = "WHERE", action = ArgAction::Append)]
    targets: Vec<String>,
    /// The release of Tetragon that the policies are for, such as tetragon-1.6 [default: the newest, or that of tpc.toml]
    #[arg(long, value_name = "RELEASE", value_parser = config::release)]
    compat: Option<Release>,
    /// A kernel that the policies run on: one of debian-12, debian-12-6.12, debian-13, or a file that
    /// `tpc kernel-facts` wrote; may be given several times [default: those of tpc.toml]
    #[arg(long = "kernel", value_name = "NAME|FILE", action = ArgAction::Append, value_hint = ValueHint::FilePath)]
    kernels: Vec<String>,
    #[command(flatten)]
    project: project::Choice,
    /// Report what comments ask to ignore, too
    #[arg(long)]
    no_ignores: bool,
    /// Report only what is not in this file of known findings
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    baseline: Option<PathBuf>,
    /// Write everything that is found to a file for --baseline, and exit with status 0
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["baseline", "fix", "diff"])]
    write_baseline: Option<PathBuf>,
    /// Apply safe fixes to the files; with standard input, print the fixed text and report on standard error
    #[arg(long, group = "fixing")]
    fix: bool,
    /// With --fix or --diff: fixes too that may change what the policy does
    #[arg(long, requires = "fixing")]
    unsafe_fixes: bool,
    /// Print what --fix would change, as a unified diff, instead of the findings; status 1 if there is anything
    #[arg(long, group = "fixing")]
    diff: bool,
    /// Print how often each code was found, instead of the findings
    #[arg(long, conflicts_with_all = ["format", "diff"])]
    statistics: bool,
    /// Print findings and nothing else
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Threshold {
    Error,
    Warning,
    Note,
}

impl Threshold {
    fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        }
    }
}

fn level(text: &str) -> Result<(String, Level), String> {
    let (name, level) = text.split_once('=').ok_or("write NAME=LEVEL")?;
    let words = Level::WORDS.map(|(word, _)| word).join(", ");
    let level = Level::parse(level).ok_or(format!("the level is one of {words}"))?;
    Ok((name.to_owned(), level))
}

/// A file that was read.
pub(super) struct Loaded {
    pub(super) input: Input,
    pub(super) file: FileId,
    pub(super) bytes: Vec<u8>,
}

/// Everything of a run.
struct Run {
    sources: Sources,
    files: Vec<Loaded>,
    /// Problems with files and arguments, not with policies.
    failures: Vec<Diagnostic>,
    settings: Settings,
    project: Project,
}

pub(super) fn run(args: &Args, color: Color) -> Exit {
    match prepare(args, color) {
        Ok(run) => judge(args, color, run),
        Err(exit) => exit,
    }
}

/// Reads the configuration and the files.
fn prepare(args: &Args, color: Color) -> Result<Run, Exit> {
    let fail = |diagnostic: &Diagnostic, sources: &Sources| {
        let report = Report::new(std::slice::from_ref(diagnostic), sources);
        say(&Format::Human.render(&report, color.applies(&std::io::stderr())));
        Exit::Failure
    };
    let mut sources = Sources::new();
    let project = Project::find(&args.project, &mut sources).map_err(|one| fail(&one, &sources))?;
    let settings = settings(args, &project).map_err(|one| fail(&one, &sources))?;
    let mut run = Run {
        sources,
        files: Vec::new(),
        failures: Vec::new(),
        settings,
        project,
    };
    match input::collect(&args.inputs) {
        Ok(inputs) => run.load(inputs),
        Err(diagnostic) => run.failures.push(*diagnostic),
    }
    Ok(run)
}

fn settings(args: &Args, project: &Project) -> Result<Settings, Box<Diagnostic>> {
    let mut settings = project.config.settings();
    settings.levels.layer();
    for (name, level) in &args.levels {
        let set = settings.levels.set(name, *level);
        set.map_err(|why| config::not_configurable(name, &why))?;
    }
    if !args.targets.is_empty() {
        let named = |text: &String| Target::parse(text);
        settings.aim(args.targets.iter().filter_map(named));
    }
    match args.kernels.is_empty() {
        true => project.add_kernels(&mut settings)?,
        false => nodes::add(&args.kernels, None, &mut settings)?,
    }
    settings.fit(args.compat.or(settings.release));
    settings.ignores = !args.no_ignores;
    Ok(settings)
}

impl Run {
    /// Reads the files that are about policies.
    fn load(&mut self, inputs: Vec<Input>) {
        for input in inputs {
            let taken = |path: &PathBuf| self.project.takes(path, input.found);
            if !input.path.as_ref().is_none_or(taken) {
                continue;
            }
            let bytes = match input.load() {
                Ok(bytes) => bytes,
                Err(diagnostic) => {
                    self.failures.push(*diagnostic);
                    continue;
                }
            };
            if input.is_test(&bytes) || !lint::may_concern(&bytes) {
                continue;
            }
            let mut sink = crate::diag::Sink::new();
            let file = yaml::text(&input.name(), &bytes, &mut self.sources, &mut sink);
            self.failures.extend(sink.into_sorted());
            self.files
                .extend(file.map(|file| Loaded { input, file, bytes }));
        }
    }

    /// Judges every file; the order is that of the files.
    fn outcomes(&self) -> Vec<Outcome> {
        let one = |loaded: &Loaded| lint::lint(loaded.file, &self.sources, &self.settings);
        self.files.par_iter().map(one).collect()
    }
}

fn judge(args: &Args, color: Color, mut run: Run) -> Exit {
    let mut fixed = 0;
    if args.fix || args.diff {
        let changes = fixes::changes(&run.files, &run.sources, &run.settings, args.unsafe_fixes);
        if args.diff {
            return fixes::print(&changes, &run.files, &run.sources, &run.failures, color);
        }
        let (count, failures) = fixes::write(&changes, &mut run.files, &mut run.sources);
        fixed = count;
        run.failures.extend(failures);
    }
    let outcomes = run.outcomes();
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut hidden = Hidden::default();
    let mut hookings = Vec::new();
    let policies = outcomes.iter().map(|one| one.policies).sum();
    for outcome in outcomes {
        found.extend(outcome.diagnostics);
        hidden.ignored += outcome.ignored;
        hookings.extend(outcome.hookings);
    }
    if let Some(path) = &args.write_baseline {
        return known::write(path, &found, &run.sources, args.quiet);
    }
    match known::subtract(
        args.baseline.as_deref(),
        &run.project,
        &mut found,
        &run.sources,
    ) {
        Ok(known) => hidden.known = known,
        Err(diagnostic) => run.failures.push(*diagnostic),
    }
    Judged {
        found,
        hidden,
        hookings,
        policies,
        fixed,
    }
    .report(args, color, run)
}

/// What came out of a run.
struct Judged {
    found: Vec<Diagnostic>,
    hidden: Hidden,
    hookings: Vec<Hooking>,
    policies: usize,
    fixed: usize,
}

impl Judged {
    fn report(mut self, args: &Args, color: Color, run: Run) -> Exit {
        let threshold = args.fail_on.map(Threshold::severity);
        let threshold = threshold.or(run.project.config.lint.fail_on.map(Severity::from));
        let threshold = threshold.unwrap_or(Severity::Warning);
        let mut all = run.failures;
        let failed = all.iter().any(|one| one.code.0 < 1000);
        all.append(&mut self.found);
        let files: Vec<FileId> = run.files.iter().map(|loaded| loaded.file).collect();
        let report = Report {
            diagnostics: &all,
            sources: &run.sources,
            files: &files,
            about: &explain::about,
            hidden: self.hidden,
            hookings: &self.hookings,
        };
        let written = self.print(args, color, &report, &run.files);
        let severe = |one: &Diagnostic| lint::at_least(one.severity, threshold);
        if failed || written.is_err() {
            Exit::Failure
        } else if !args.exit_zero && all.iter().any(severe) {
            Exit::Findings
        } else {
            Exit::Clean
        }
    }

    /// Writes every report; `Err` means that one could not be written.
    fn print(
        &self,
        args: &Args,
        color: Color,
        report: &Report<'_>,
        files: &[Loaded],
    ) -> Result<(), ()> {
        // The fixed text of standard input is the result then.
        let to_stderr = args.fix && files.iter().any(|loaded| loaded.input.path.is_none());
        let mut result = Ok(());
        for (format, path) in &args.outputs.0 {
            let colored = path.is_none()
                && match to_stderr {
                    true => color.applies(&std::io::stderr()),
                    false => color.applies(&std::io::stdout()),
                };
            let mut text = match args.statistics {
                true => statistics(report.diagnostics),
                false => format.render(report, colored),
            };
            if *format == Format::Human && path.is_none() && !args.quiet {
                text.push_str(&kernels(report));
                text.push_str(&self.summary(report.diagnostics, args));
            }
            let written = match path {
                Some(path) => write_file(path, &text),
                None if to_stderr => {
                    say(&text);
                    Ok(())
                }
                None => print(&text),
            };
            if let Err(message) = written {
                say(&format!("tpc: {message}\n"));
                result = Err(());
            }
        }
        result
    }

    fn summary(&self, all: &[Diagnostic], args: &Args) -> String {
        let count = |severity| all.iter().filter(|one| one.severity == severity).count();
        let counts = [
            (count(Severity::Error), "error"),
            (count(Severity::Warning), "warning"),
            (count(Severity::Note), "note"),
        ];
        let policies = match self.policies {
            1 => "1 policy".to_owned(),
            count => format!("{count} policies"),
        };
        let mut text = match (summary(&counts), self.policies) {
            (found, 0) if found.is_empty() => "no policies found".to_owned(),
            (found, _) if found.is_empty() => format!("no findings in {policies}"),
            (found, 0) => found,
            (found, _) => format!("{found} in {policies}"),
        };
        let remarks = self.remarks(all, args);
        for (count, what) in remarks.iter().filter(|(count, _)| *count > 0) {
            text.push_str(&format!("; {count} {what}"));
        }
        text.push('\n');
        text
    }

    fn remarks(&self, all: &[Diagnostic], args: &Args) -> Vec<(usize, &'static str)> {
        let mut remarks = vec![
            (self.fixed, "fixed"),
            (self.hidden.ignored, "ignored"),
            (self.hidden.known, "in the baseline"),
        ];
        let fixable = |with_unsafe| {
            let fixes = all.iter().filter_map(|one| one.fix.as_ref());
            let wanted = fixes.filter(|fix| lint::fix::is_wanted(fix, with_unsafe));
            wanted.count()
        };
        let safe = fixable(false);
        if !args.fix {
            remarks.push((safe, "can be fixed with --fix"));
        }
        if !args.unsafe_fixes {
            let questionable = fixable(true) - safe;
            remarks.push((questionable, "can be fixed with --fix --unsafe-fixes"));
        }
        remarks
    }
}

/// One line for each code that was found, the most frequent first.
fn statistics(all: &[Diagnostic]) -> String {
    let mut counts: std::collections::BTreeMap<_, (usize, bool)> =
        std::collections::BTreeMap::new();
    for one in all {
        let (count, fixable) = counts.entry((one.code, one.severity)).or_default();
        *count += 1;
        *fixable |= one.fix.is_some();
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|((code, _), (count, _))| (std::cmp::Reverse(*count), *code));
    let row =
        |((code, severity), (count, fixable)): &((crate::diag::Code, Severity), (usize, bool))| {
            let name = explain::about(*code).name;
            let star = if *fixable { " [fix]" } else { "" };
            format!("{count:6}  {:7}  {code}  {name}{star}\n", severity.name())
        };
    rows.iter().map(row).collect()
}

/// Writes to standard output. A reader that has gone is no failure.
pub(super) fn print(text: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

pub(super) fn write_file(path: &Path, text: &str) -> Result<(), String> {
    let written = std::fs::write(path, text);
    written.map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

/// A file that could not be written.
pub(super) fn not_written(message: String) -> Diagnostic {
    Diagnostic::error(code::NOT_WRITTEN, message)
        .help("check that the directory is there and may be written to")
}

//! Results of a run as text, as JSON and as JUnit XML. The other formats show problems only, as for every command.

use std::fmt::{self, Write};

use serde::Serialize;

use super::cover::{Share, Shares, of_policies};
use super::on_kernels;
use super::run::{CaseResult, FileResult, OnKernel, Performed, Verdict};
use crate::diag::render::{Entry, Report, entries, xml};
use crate::diag::{Diagnostic, Sources};

/// Version of the JSON document's form.
const VERSION: u32 = 1;

/// The results of a run, in the order of the files.
pub struct Results<'a> {
    pub files: &'a [FileResult],
    /// Problems that kept tests from running, and what is not covered.
    pub rest: &'a [Diagnostic],
    /// Whether it was asked how much is covered.
    pub cover: bool,
}

impl Results<'_> {
    fn cases(&self) -> impl Iterator<Item = &CaseResult> {
        self.files.iter().flat_map(|file| &file.cases)
    }

    fn failed(&self) -> usize {
        self.cases().filter(|case| !case.passed()).count()
    }

    fn cover(&self) -> Shares {
        let mut sum = Shares::default();
        let policies = of_policies(self.files);
        policies.iter().for_each(|one| sum.add(&one.shares()));
        sum
    }

    /// One line for each file and one for all.
    pub fn summary(&self, sources: &Sources) -> String {
        let mut out = String::new();
        for file in self.files {
            let failed = file.cases.iter().filter(|case| !case.passed()).count();
            let word = if failed == 0 { "ok  " } else { "FAIL" };
            let count = counted(file.cases.len(), failed);
            let cover = if self.cover {
                format!("; {}", cover_text(&file.cover.shares()))
            } else {
                String::new()
            };
            out.push_str(&format!(
                "{word} {}: {count}{cover}\n",
                sources.name(file.file)
            ));
            out.push_str(&on_kernels::summary(&file.cases));
        }
        if self.files.len() > 1 {
            let count = counted(self.cases().count(), self.failed());
            let cover = if self.cover {
                format!("; {}", cover_text(&self.cover()))
            } else {
                String::new()
            };
            out.push_str(&format!("{} files: {count}{cover}\n", self.files.len()));
            out.push_str(&on_kernels::sums(self.cases()));
        }
        out
    }

    /// The calls that tpc contradicts itself on, for reports of its mistakes.
    pub fn calls(&self) -> String {
        let call = |case: &CaseResult| match &case.verdict {
            Verdict::Disagreed(_, call) => Some(format!("call of `{}`: {call}\n", case.name)),
            _ => None,
        };
        self.cases().filter_map(call).collect()
    }

    /// One JSON document.
    pub fn json(&self, sources: &Sources) -> String {
        let document = Document {
            version: VERSION,
            cases: self.cases().count(),
            failed: self.failed(),
            cover: self.cover.then(|| self.cover().into()),
            files: self
                .files
                .iter()
                .map(|file| self.file(file, sources))
                .collect(),
            diagnostics: entries(&Report::new(self.rest, sources)),
        };
        let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
        text.push('\n');
        text
    }

    fn file(&self, file: &FileResult, sources: &Sources) -> FileEntry {
        let case = |case: &CaseResult| CaseEntry {
            name: case.name.clone(),
            line: sources.line_col(case.span).line,
            result: match case.verdict {
                Verdict::Passed => Word::Passed,
                Verdict::Failed(_) => Word::Failed,
                Verdict::Disagreed(..) => Word::Disagreed,
            },
            call: match &case.verdict {
                Verdict::Disagreed(_, scene) => serde_json::from_str(scene).ok(),
                _ => None,
            },
            diagnostics: entries(&Report::new(&case.problems(), sources)),
            kernels: case.kernels.iter().map(on_kernels::entry).collect(),
        };
        FileEntry {
            name: sources.name(file.file).to_owned(),
            cases: file.cases.iter().map(case).collect(),
            cover: self.cover.then(|| file.cover.shares().into()),
        }
    }

    /// JUnit XML: a test suite for each file, a test case for each case. Problems that kept tests from running are errors.
    pub fn junit(&self, sources: &Sources) -> String {
        let mut out = String::new();
        self.suites(&mut out, sources)
            .expect("writing to a String cannot fail");
        out
    }

    fn suites(&self, out: &mut String, sources: &Sources) -> fmt::Result {
        let errors: Vec<&Diagnostic> = self
            .rest
            .iter()
            .filter(|one| one.severity == crate::diag::Severity::Error)
            .collect();
        let on_kernels = self.cases().map(|case| case.kernels.len());
        let tests = self.cases().count() + on_kernels.sum::<usize>() + errors.len();
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(
            out,
            "<testsuites name=\"tpc test\" tests=\"{tests}\" failures=\"{}\" errors=\"{}\">",
            self.cases().map(failures).sum::<usize>(),
            errors.len()
        )?;
        for file in self.files {
            suite(out, file, sources)?;
        }
        if !errors.is_empty() {
            let count = errors.len();
            writeln!(
                out,
                "  <testsuite name=\"tpc\" tests=\"{count}\" failures=\"0\" errors=\"{count}\">"
            )?;
            for one in errors {
                let place = one.span.map_or_else(String::new, |span| {
                    format!(
                        " {}:{}",
                        sources.name(span.file),
                        sources.line_col(span).line
                    )
                });
                let name = xml(&format!("{}{place}", one.code));
                writeln!(
                    out,
                    "    <testcase name=\"{name}\" classname=\"tpc\"><error type=\"{}\" message=\"{}\"/></testcase>",
                    one.code,
                    xml(&one.message)
                )?;
            }
            writeln!(out, "  </testsuite>")?;
        }
        writeln!(out, "</testsuites>")
    }
}

fn suite(out: &mut String, file: &FileResult, sources: &Sources) -> fmt::Result {
    let name = xml(sources.name(file.file));
    let cases = file.cases.iter();
    let tests: usize = cases.clone().map(|case| 1 + case.kernels.len()).sum();
    let failed: usize = cases.map(failures).sum();
    writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\">",
    )?;
    for case in &file.cases {
        let line = sources.line_col(case.span).line;
        let head = |name: &str| {
            let (case, file) = (xml(name), xml(sources.name(file.file)));
            format!(
                "    <testcase name=\"{case}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\""
            )
        };
        let problems = case.own_problems();
        test_case(out, &head(&case.name), &problems, None, sources)?;
        for one in &case.kernels {
            let head = head(&format!("{} on {}", case.name, one.kernel));
            let (problems, skipped) = match &one.performed {
                Performed::AsExpected => (Vec::new(), None),
                Performed::Failed(error) => (vec![(**error).clone()], None),
                Performed::NoTrigger(reason) => (Vec::new(), Some(reason.as_str())),
            };
            test_case(out, &head, &problems, skipped, sources)?;
        }
    }
    writeln!(out, "  </testsuite>")
}

/// Test cases of a case that failed.
fn failures(case: &CaseResult) -> usize {
    let own = usize::from(!matches!(case.verdict, Verdict::Passed));
    let failed = |one: &&OnKernel| matches!(one.performed, Performed::Failed(_));
    own + case.kernels.iter().filter(failed).count()
}

fn test_case(
    out: &mut String,
    head: &str,
    problems: &[Diagnostic],
    skipped: Option<&str>,
    sources: &Sources,
) -> fmt::Result {
    if let Some(reason) = skipped {
        let reason = xml(&format!("no trigger: {reason}"));
        return writeln!(out, "{head}><skipped message=\"{reason}\"/></testcase>");
    }
    if problems.is_empty() {
        return writeln!(out, "{head}/>");
    }
    writeln!(out, "{head}>")?;
    for one in problems {
        let text = crate::diag::render::human(std::slice::from_ref(one), sources, false);
        writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>",
            one.code,
            xml(&one.message),
            xml(&text)
        )?;
    }
    writeln!(out, "    </testcase>")
}

fn counted(all: usize, failed: usize) -> String {
    let cases = |count| {
        if count == 1 {
            "1 case".to_owned()
        } else {
            format!("{count} cases")
        }
    };
    match failed {
        0 => format!("{} passed", cases(all)),
        _ => format!("{failed} of {} failed", cases(all)),
    }
}

fn cover_text(cover: &Shares) -> String {
    let share = |name, share: Share| format!("{name} {}/{}", share.covered, share.all);
    let shares = [
        share("selectors", cover.selectors),
        share("filters", cover.filters),
        share("values", cover.values),
    ];
    format!("covers {}", shares.join(", "))
}

/// JSON Schema of the document.
pub fn report_schema() -> String {
    let schema = schemars::schema_for!(Document);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// The results of a run.
#[derive(Serialize, schemars::JsonSchema)]
struct Document {
    /// Version of this form; readers ignore fields that they do not know.
    version: u32,
    /// Cases that ran; each row of a table is one.
    cases: usize,
    failed: usize,
    /// Of all policies; with `--cover`.
    cover: Option<CoverEntry>,
    files: Vec<FileEntry>,
    /// What kept tests from running, and what is not covered.
    diagnostics: Vec<Entry>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct FileEntry {
    /// Of the test file.
    name: String,
    cases: Vec<CaseEntry>,
    cover: Option<CoverEntry>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct CaseEntry {
    name: String,
    line: u32,
    result: Word,
    /// Why it failed.
    diagnostics: Vec<Entry>,
    /// The call that tpc contradicts itself on, for a report.
    call: Option<serde_json::Value>,
    /// On real kernels, with `--lab`.
    kernels: Vec<on_kernels::Entry>,
}

#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Word {
    Passed,
    Failed,
    /// tpc contradicts itself.
    Disagreed,
}

/// Covered, and all.
#[derive(Serialize, schemars::JsonSchema)]
struct CoverEntry {
    selectors: (usize, usize),
    filters: (usize, usize),
    values: (usize, usize),
}

impl From<Shares> for CoverEntry {
    fn from(shares: Shares) -> Self {
        let pair = |share: Share| (share.covered, share.all);
        Self {
            selectors: pair(shares.selectors),
            filters: pair(shares.filters),
            values: pair(shares.values),
        }
    }
}

impl CaseResult {
    /// Whether all happened that was expected, and nothing else.
    pub fn passed(&self) -> bool {
        let failed = |one: &OnKernel| matches!(one.performed, Performed::Failed(_));
        matches!(self.verdict, Verdict::Passed) && !self.kernels.iter().any(failed)
    }

    /// What is wrong.
    pub fn problems(&self) -> Vec<Diagnostic> {
        let on_kernels = self.kernels.iter().filter_map(|one| match &one.performed {
            Performed::Failed(error) => Some((**error).clone()),
            _ => None,
        });
        self.own_problems().into_iter().chain(on_kernels).collect()
    }

    /// What is wrong without a real kernel.
    fn own_problems(&self) -> Vec<Diagnostic> {
        match &self.verdict {
            Verdict::Passed => Vec::new(),
            Verdict::Failed(failures) => failures.clone(),
            Verdict::Disagreed(difference, _) => vec![(**difference).clone()],
        }
    }
}

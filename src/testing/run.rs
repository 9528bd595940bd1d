//! Running the cases of a test file.

use super::cover::Cover;
use super::format::File;
use super::machines::{Kernels, Machines};
use super::plan::{Planned, plan};
use super::why::why;
use super::written::Written;
use crate::compile::{Compiled, compile};
use crate::diag::{Diagnostic, FileId, Sink, Sources, Span, Spanned, code};
use crate::policy::{Decode, Policy};
use crate::yaml;

/// A test file whose form is right.
#[derive(Clone, Debug)]
pub struct Tests {
    pub file: FileId,
    pub(super) form: File,
}

impl Tests {
    /// Where the file says that its policy is, from the file's directory.
    pub fn policy(&self) -> Option<&Spanned<String>> {
        self.form.policy.as_ref()
    }

    /// `metadata.name` of the policy, if the file says it.
    pub fn policy_name(&self) -> Option<&Spanned<String>> {
        self.form.name.as_ref()
    }
}

/// Decodes a test file; `None` means that the sink has errors.
pub fn decode(file: FileId, sources: &Sources, sink: &mut Sink) -> Option<Tests> {
    let errors = sink.errors();
    let documents = yaml::parse(file, sources.text(file), sink);
    let mut roots = documents
        .iter()
        .filter_map(|document| document.root.as_ref());
    let start = Span {
        file,
        start: 0,
        end: 0,
    };
    let Some(root) = roots.next() else {
        if sink.errors() == errors {
            let error = Diagnostic::error(code::NO_TEST, "the test file is empty").at(start);
            sink.push(error.help("write the first one with `tpc test --init POLICY.yaml`"));
        }
        return None;
    };
    if let Some(second) = roots.next() {
        let message = "a test file has one document";
        let error = Diagnostic::error(code::BAD_TEST, message).at(second.span);
        sink.push(error.help("move these tests to the first document, or to a file of their own"));
    }
    let form = File::decode(root, "the test file", sink)?;
    if form.tests.is_empty() {
        let error = Diagnostic::error(code::NO_TEST, "the test file has no cases").at(root.span);
        sink.push(error.help("add a case below `tests:`"));
    }
    (sink.errors() == errors).then_some(Tests { file, form })
}

/// What came out of a test file.
#[derive(Debug)]
pub struct FileResult {
    pub file: FileId,
    /// Every case that ran; each row of a table is one.
    pub cases: Vec<CaseResult>,
    /// What they exercise of the policy.
    pub cover: Cover,
}

/// A case that ran.
#[derive(Debug)]
pub struct CaseResult {
    pub name: String,
    pub span: Span,
    pub verdict: Verdict,
    /// What real kernels did, of those that were asked.
    pub kernels: Vec<OnKernel>,
}

/// A case on a real kernel.
#[derive(Debug)]
pub struct OnKernel {
    pub kernel: String,
    pub performed: Performed,
}

/// Whether a real kernel does what a case expects.
#[derive(Debug)]
pub enum Performed {
    AsExpected,
    Failed(Box<Diagnostic>),
    /// The call was not made: why.
    NoTrigger(String),
}

/// How a case ended.
#[derive(Debug)]
pub enum Verdict {
    Passed,
    /// The policy does something else.
    Failed(Vec<Diagnostic>),
    /// tpc contradicts itself: the difference, and the call as JSON.
    Disagreed(Box<Diagnostic>, String),
}

/// Runs the cases whose name contains a text; `None` means that the sink has errors.
pub fn run(
    tests: &Tests,
    policy: &Policy,
    sources: &Sources,
    filter: &str,
    kernels: &Kernels,
    sink: &mut Sink,
) -> Option<FileResult> {
    let compiled = compile(policy, sources, sink)?;
    let written = Written::of(policy, &compiled.ir, sources);
    run_compiled(tests, (&compiled, &written), filter, kernels, sink)
}

fn run_compiled(
    tests: &Tests,
    (compiled, written): (&Compiled, &Written),
    filter: &str,
    kernels: &Kernels,
    sink: &mut Sink,
) -> Option<FileResult> {
    let errors = sink.errors();
    let planned = plan(&tests.form, &compiled.ir, sink);
    if sink.errors() > errors {
        return None;
    }
    let mut cover = Cover::new(&compiled.ir, written);
    let machines = Machines::new(compiled, kernels);
    let mut cases = Vec::new();
    for case in planned.iter().filter(|case| case.name.contains(filter)) {
        let verdict = match &machines {
            Ok(machines) => run_case(case, machines.clone(), compiled, written, &mut cover),
            Err(difference) => disagreed(case, case.span, difference, String::new()),
        };
        cases.push(CaseResult {
            name: case.name.clone(),
            span: case.span,
            verdict,
            kernels: Vec::new(),
        });
    }
    Some(FileResult {
        file: tests.file,
        cases,
        cover,
    })
}

fn run_case(
    case: &Planned,
    mut machines: Machines<'_>,
    compiled: &Compiled,
    written: &Written,
    cover: &mut Cover,
) -> Verdict {
    let mut failures = Vec::new();
    for call in &case.calls {
        let judged = match machines.judge(call.hook, &call.scene) {
            Ok(judged) => judged,
            Err(difference) => {
                let scene = serde_json::to_string(&call.scene).unwrap_or_default();
                return disagreed(case, call.wanted.span, &difference, scene);
            }
        };
        let hook = &compiled.ir.hooks[call.hook];
        cover.count(call.hook, &hook.rules, written, &judged);
        let differences =
            call.wanted
                .differences(&judged.outcome, &judged.event, (hook, &call.scene));
        if !differences.is_empty() {
            let name = match &call.label {
                Some(label) => format!("{}: {label}", case.name),
                None => case.name.clone(),
            };
            let reasons = match call.wanted.is_decided_right(&judged.outcome) {
                true => Vec::new(),
                false => why((call.hook, hook), &judged, written),
            };
            failures.push(failure(&name, differences, reasons));
        }
    }
    match failures.is_empty() {
        true => Verdict::Passed,
        false => Verdict::Failed(failures),
    }
}

/// Differences with their places in the test, and the reasons for them with theirs in the policy.
fn failure(
    name: &str,
    differences: Vec<(Span, String)>,
    reasons: Vec<(Span, String)>,
) -> Diagnostic {
    let (message, label) = match &differences[..] {
        [(_, only)] => (format!("`{name}`: {only}"), None),
        [(_, first), ..] => {
            let count = differences.len();
            let message = format!("`{name}`: {count} things are different from what is expected");
            (message, Some(first.clone()))
        }
        [] => (format!("`{name}`"), None),
    };
    let mut places = differences.into_iter();
    let span = places.next().map(|(span, _)| span).unwrap_or_default();
    let error = Diagnostic {
        label,
        ..Diagnostic::error(code::TEST_FAILED, message).at(span)
    };
    places
        .chain(reasons)
        .fold(error, |error, (span, text)| error.related(span, text))
}

fn disagreed(case: &Planned, span: Span, difference: &str, scene: String) -> Verdict {
    let message = format!(
        "`{}`: the compiled program does not do what the policy means",
        case.name
    );
    let error = Diagnostic::error(code::MACHINES_DISAGREE, message)
        .at(span)
        .label(difference)
        .help("this is a mistake of tpc: please report it with the policy and this file");
    Verdict::Disagreed(Box::new(error), scene)
}

#[cfg(test)]
mod unit {
    use super::*;

    fn policy(sources: &mut Sources, actions: &str) -> Policy {
        let text = format!(
            "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {{name: p}}\nspec:\n  kprobes:\n  - call: sys_setuid\n    \
             syscall: true\n    args: [{{index: 0, type: uint32}}]\n    selectors:\n    - matchArgs: [{{index: 0, operator: Equal, \
             values: ['0']}}]\n{actions}"
        );
        let file = sources.add("p.yaml", text);
        let mut sink = Sink::new();
        let policies = crate::policy::decode(file, sources, &mut sink);
        assert!(sink.is_empty());
        policies.into_iter().next().expect("a policy")
    }

    /// A compiler that is wrong: the meaning of one policy with the programs of another.
    #[test]
    fn a_program_that_does_something_else_is_a_mistake_of_the_compiler() {
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let kills = policy(&mut sources, "      matchActions: [{action: Sigkill}]\n");
        let warns = policy(
            &mut sources,
            "      matchActions: [{action: Signal, argSig: 15}]\n",
        );
        let text = "tests:\n- {name: root, args: {0: 0}, expect: [Sigkill, event]}\n- {name: other, args: {0: 1}, expect: nothing}\n";
        let file = sources.add("p.test.yaml", text);
        let tests = decode(file, &sources, &mut sink).expect("tests");
        let kernels = Kernels::default();
        let mut compiled = compile(&kills, &sources, &mut sink).expect("a sound policy");
        let written = Written::of(&kills, &compiled.ir, &sources);
        let result = run_compiled(&tests, (&compiled, &written), "", &kernels, &mut sink);
        assert!(
            result
                .expect("it runs")
                .cases
                .iter()
                .all(CaseResult::passed)
        );
        let other = compile(&warns, &sources, &mut sink).expect("a sound policy");
        (compiled.object, compiled.files) = (other.object, other.files);
        let result = run_compiled(&tests, (&compiled, &written), "", &kernels, &mut sink);
        let cases = result.expect("it runs").cases;
        let Verdict::Disagreed(difference, call) = &cases[0].verdict else {
            panic!("{:?}", cases[0].verdict);
        };
        let label = difference.label.as_deref().unwrap_or_default();
        assert!(label.contains("signals: [15] instead of [9]"), "{label}");
        assert!(serde_json::from_str::<crate::sim::scene::Scene>(call).is_ok());
        assert!(cases[1].passed(), "where both do the same nothing is wrong");
    }
}

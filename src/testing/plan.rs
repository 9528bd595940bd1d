//! Cases to calls.
//!
//! In: a test file and the policy's meaning. Out: for each case, or row of one, the calls to make and what is expected of them. Everything
//! that a case asks of a policy that does not have it is reported here, and so is what a case leaves out although filters look at it:
//! such a case would prove nothing.

use super::call::{Builder, Call, is_same};
use super::format::{Case, Defaults, Expect, File, Process};
use super::shape::{Many, Raw};
use super::titles::unique_names;
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::Program;
use crate::policy::Named;
use crate::yaml::{Node, Value};

/// A case, or a row of one: calls of which rate limits know each other.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// With what tells the row from others.
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) calls: Vec<Call>,
}

/// Most calls of one case: some seconds of work.
const MAX_OF_CASE: usize = 10_000;
/// Most calls of a file.
const MAX_OF_FILE: usize = 50_000;

/// What a case, and the row or step of it, says of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Part<'a> {
    pub(super) call: Option<&'a Spanned<String>>,
    /// Of each level, the more special ones last.
    pub(super) args: Vec<Vec<Given<'a>>>,
    pub(super) returned: Option<&'a Node>,
    pub(super) process: Process,
    pub(super) binary: Option<&'a Spanned<String>>,
    pub(super) expect: Option<&'a Expect>,
}

/// The value of an argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) key: &'a Spanned<String>,
    pub(super) value: &'a Node,
}

impl<'a> Part<'a> {
    fn of(
        call: Option<&'a Spanned<String>>,
        args: Option<&'a Vec<Named<Raw>>>,
        returned: Option<&'a Raw>,
        process: Option<&Process>,
        expect: Option<&'a Expect>,
    ) -> Self {
        let given = |named: &'a Named<Raw>| Given {
            key: &named.name,
            value: &named.value.0,
        };
        Self {
            call,
            args: args
                .map(|args| args.iter().map(given).collect())
                .into_iter()
                .collect(),
            returned: returned.map(|raw| &raw.0),
            process: process.cloned().unwrap_or_default(),
            binary: None,
            expect,
        }
    }

    fn defaults(of: &'a Defaults) -> Self {
        let process = of.process.as_ref();
        Self::of(of.call.as_ref(), None, None, process, of.expect.as_ref())
    }

    fn over(self, base: &Self) -> Self {
        Self {
            call: self.call.or(base.call),
            args: base.args.iter().cloned().chain(self.args).collect(),
            returned: self.returned.or(base.returned),
            process: self.process.over(&base.process),
            binary: None,
            expect: self.expect.or(base.expect),
        }
    }
}

/// The parts of anything that describes a call.
macro_rules! part {
    ($of:expr) => {
        Part::of(
            $of.call.as_ref(),
            $of.args.as_ref(),
            $of.returned.as_ref(),
            $of.process.as_ref(),
            $of.expect.as_ref(),
        )
    };
}

/// The calls of every case; those with errors are left out and reported.
pub(super) fn plan(file: &File, program: &Program, sink: &mut Sink) -> Vec<Planned> {
    unique_names(file, sink);
    let base = file
        .defaults
        .as_ref()
        .map(Part::defaults)
        .unwrap_or_default();
    let counts = counts(file, &base, program, sink);
    if counts.iter().map(|(_, count)| count).sum::<usize>() > MAX_OF_FILE {
        too_many(&counts, sink);
        return Vec::new();
    }
    let mut all = Vec::new();
    for (case, _) in counts {
        all.extend(rows(case, &base, program, sink));
    }
    all
}

/// How many calls each case makes; those with too many are left out and reported.
fn counts<'f>(
    file: &'f File,
    base: &Part<'f>,
    program: &Program,
    sink: &mut Sink,
) -> Vec<(&'f Case, usize)> {
    let mut counts = Vec::new();
    for case in &file.tests {
        let count = calls(case, base, program);
        if count <= MAX_OF_CASE {
            counts.push((case, count));
            continue;
        }
        let message = format!("the case makes {count} calls, more than {MAX_OF_CASE}");
        let error = Diagnostic::error(code::BAD_TEST, message).at(case.name.span);
        sink.push(error.help("write the values that matter"));
    }
    counts
}

/// Reports the case with which a file has too many calls.
fn too_many(counts: &[(&Case, usize)], sink: &mut Sink) {
    let mut sum = 0;
    let first = counts.iter().find(|(_, count)| {
        sum += count;
        sum > MAX_OF_FILE
    });
    if let Some((case, _)) = first {
        let message = format!("up to here the cases make {sum} calls, more than {MAX_OF_FILE}");
        let error = Diagnostic::error(code::BAD_TEST, message).at(case.name.span);
        sink.push(error.help("write the values that matter, or several files"));
    }
}

/// How many calls a case makes.
fn calls<'f>(case: &'f Case, base: &Part<'f>, program: &Program) -> usize {
    if !case.steps.is_empty() {
        return case.steps.len();
    }
    let parts = parts(case, &part!(case).over(base));
    let counts = parts.iter().map(|(_, part)| combinations(part, program));
    counts.fold(0, usize::saturating_add)
}

/// One for each combination of the values in lists.
fn combinations(part: &Part<'_>, program: &Program) -> usize {
    let binaries = part.process.binary.as_ref();
    let binaries = binaries.map_or(1, |Many(binaries)| binaries.len().max(1));
    let lists = lists(part, program).map(|(_, _, values)| values.len());
    lists.fold(binaries, usize::saturating_mul)
}

/// Level and position of each argument that has a list of values, with the values.
fn lists<'p, 'a>(
    part: &'p Part<'a>,
    program: &'p Program,
) -> impl Iterator<Item = (usize, usize, &'a Vec<Node>)> + use<'p, 'a> {
    let levels = part.args.iter().enumerate();
    let all = levels.flat_map(|(level, args)| {
        let args = args.iter().enumerate();
        args.map(move |(position, given)| (level, position, given))
    });
    all.filter_map(|(level, position, given)| match &given.value.value {
        Value::Sequence(values) if !is_overridden(program, part, level, given.key) => {
            Some((level, position, values))
        }
        _ => None,
    })
}

fn rows<'f>(case: &'f Case, base: &Part<'f>, program: &Program, sink: &mut Sink) -> Vec<Planned> {
    let own = part!(case).over(base);
    if !case.steps.is_empty() {
        return steps(case, &own, program, sink).into_iter().collect();
    }
    let mut planned = Vec::new();
    for (name, part) in parts(case, &own) {
        table(case, &name, &part, program, &mut planned, sink);
    }
    planned
}

/// The rows of a case with their names; of a case without rows the case itself.
fn parts<'a>(case: &'a Case, own: &Part<'a>) -> Vec<(String, Part<'a>)> {
    if case.rows.is_empty() {
        return vec![(case.name.value.clone(), own.clone())];
    }
    let rows = case.rows.iter().enumerate();
    rows.map(|(number, row)| {
        let name = match &row.name {
            Some(name) => format!("{}: {}", case.name.value, name.value),
            None => format!("{}: row {}", case.name.value, number + 1),
        };
        (name, part!(row).over(own))
    })
    .collect()
}

/// One call for each combination of the values in lists.
fn table<'a>(
    case: &Case,
    name: &str,
    part: &Part<'a>,
    program: &Program,
    planned: &mut Vec<Planned>,
    sink: &mut Sink,
) {
    let binaries = part.process.binary.clone();
    let mut rows: Vec<(String, Part<'a>)> = vec![(String::new(), part.clone())];
    for (level, position, values) in lists(part, program) {
        let set = |row: &mut Part<'a>, value| row.args[level][position].value = value;
        rows = multiplied(rows, values, set);
    }
    let binaries = binaries.map(|Many(binaries)| binaries).unwrap_or_default();
    if rows.is_empty() {
        let message = "a list of values is empty: the case makes no call";
        let error = Diagnostic::error(code::BAD_TEST, message).at(case.name.span);
        sink.push(error.help("write the values that matter"));
        return;
    }
    for (label, row) in &rows {
        let many = binaries.len() > 1;
        let choices: Vec<Option<&Spanned<String>>> = match binaries.is_empty() {
            true => vec![None],
            false => binaries.iter().map(Some).collect(),
        };
        for binary in choices {
            let mut label = label.clone();
            if let (Some(binary), true) = (binary, many) {
                append(&mut label, &binary.value);
            }
            let mut builder = Builder::new(program, case, sink);
            let part = Part {
                binary,
                ..row.clone()
            };
            // The same mistake in each row is one mistake.
            let Some(call) = builder.call(&part, 0, None) else {
                return;
            };
            let name = match label.is_empty() {
                true => name.to_owned(),
                false => format!("{name}: {label}"),
            };
            planned.push(Planned {
                name,
                span: case.name.span,
                calls: vec![call],
            });
        }
    }
}

/// Whether a later level gives a value to the same argument, under this name or another.
fn is_overridden(program: &Program, part: &Part<'_>, level: usize, key: &Spanned<String>) -> bool {
    let mut later = part.args.iter().skip(level + 1).flatten();
    later.any(|given| is_same(program, part.call, [key, given.key]))
}

/// Each row with each value.
fn multiplied<'a>(
    rows: Vec<(String, Part<'a>)>,
    values: &'a [Node],
    set: impl Fn(&mut Part<'a>, &'a Node),
) -> Vec<(String, Part<'a>)> {
    let mut out = Vec::new();
    for (label, row) in &rows {
        for value in values {
            let (mut label, mut row) = (label.clone(), row.clone());
            append(&mut label, &shown(value));
            set(&mut row, value);
            out.push((label, row));
        }
    }
    out
}

fn append(label: &mut String, text: &str) {
    if !label.is_empty() {
        label.push_str(", ");
    }
    label.push_str(text);
}

/// A value as it tells one row from another.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.escape_debug().to_string(),
        Value::Mapping(mapping) => {
            let pair =
                |entry: &crate::yaml::Entry| format!("{} {}", entry.key.value, shown(&entry.value));
            let pairs: Vec<String> = mapping.entries.iter().map(pair).collect();
            pairs.join(" ")
        }
        Value::Sequence(_) | Value::Bad => String::new(),
    }
}

fn steps(case: &Case, own: &Part<'_>, program: &Program, sink: &mut Sink) -> Option<Planned> {
    if let Some(row) = case.rows.first() {
        let span = row.name.as_ref().map_or(case.name.span, |name| name.span);
        let message = "a case has either `rows` or `steps`";
        let error = Diagnostic::error(code::BAD_TEST, message).at(span);
        sink.push(error.help(
            "rows are independent of each other, steps come one after the other: make two cases",
        ));
        return None;
    }
    let (mut calls, mut time) = (Vec::new(), 0);
    let mut complete = true;
    for (number, step) in case.steps.iter().enumerate() {
        time += step.after.map_or(0, |after| after.nanoseconds);
        let label = match &step.name {
            Some(name) => name.value.clone(),
            None => format!("step {}", number + 1),
        };
        let mut part = part!(step).over(own);
        let binaries = part.process.binary.clone();
        let binaries = binaries.map(|Many(binaries)| binaries).unwrap_or_default();
        if binaries.len() > 1 {
            refuse_table(binaries[1].span, sink);
            return None;
        }
        if let Some(given) = part
            .args
            .iter()
            .flatten()
            .find(|given| super::format::is_table(given.value))
        {
            refuse_table(given.value.span, sink);
            return None;
        }
        part.binary = binaries.first();
        match Builder::new(program, case, sink).call(&part, time, Some(label)) {
            Some(call) => calls.push(call),
            None => complete = false,
        }
    }
    complete.then(|| Planned {
        name: case.name.value.clone(),
        span: case.name.span,
        calls,
    })
}

fn refuse_table(span: Span, sink: &mut Sink) {
    let message = "a list of values makes a table, and steps come one after the other";
    let error = Diagnostic::error(code::BAD_TEST, message).at(span);
    sink.push(error.help("write one value, and a step for each of the others"));
}

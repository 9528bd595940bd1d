//! Applies the edits that findings carry.
//!
//! Fixes are applied from the top of the file; one that touches what another has changed waits for the next round.
//! Rounds go on until there is nothing to fix. A fix after which the file can be read worse than before, or has an error that it had not, is left out.

use super::{Settings, lint};
use crate::diag::{Applicability, Diagnostic, Edit, FileId, Fix, Severity, Sources, code};

/// More rounds than fixes of the same place can need; two rules that undo each other would go on for ever.
const ROUNDS: usize = 16;

/// A file after its fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub text: String,
    /// Fixes that were applied.
    pub count: usize,
}

/// Applies fixes to a text until none is left.
pub fn fix(name: &str, text: &str, settings: &Settings, with_unsafe: bool) -> Fixed {
    let mut fixed = Fixed {
        text: text.to_owned(),
        count: 0,
    };
    for _ in 0..ROUNDS {
        let (found, file, sources) = findings(name, &fixed.text, settings);
        let wanted: Vec<&Fix> = wanted(&found, file, with_unsafe);
        let Some((text, count)) = round(name, &sources, file, &wanted, settings) else {
            break;
        };
        fixed.text = text;
        fixed.count += count;
    }
    fixed
}

/// The fixes that may be applied.
pub fn is_wanted(fix: &Fix, with_unsafe: bool) -> bool {
    with_unsafe || fix.applicability == Applicability::Safe
}

fn findings(name: &str, text: &str, settings: &Settings) -> (Vec<Diagnostic>, FileId, Sources) {
    let mut sources = Sources::new();
    let file = sources.add(name, text);
    let outcome = lint(file, &sources, settings);
    (outcome.diagnostics, file, sources)
}

fn wanted(found: &[Diagnostic], file: FileId, with_unsafe: bool) -> Vec<&Fix> {
    let here = |fix: &&Fix| fix.edits.iter().all(|edit| edit.span.file == file);
    let fixes = found.iter().filter_map(|one| one.fix.as_ref());
    let fixes = fixes.filter(|fix| is_wanted(fix, with_unsafe));
    fixes.filter(here).collect()
}

/// The text after one round; `None` if nothing can be done.
fn round(
    name: &str,
    sources: &Sources,
    file: FileId,
    fixes: &[&Fix],
    settings: &Settings,
) -> Option<(String, usize)> {
    let text = sources.text(file);
    let before = errors(name, text, settings);
    let sound = |after: &str| after != text && errors(name, after, settings) <= before;
    let (after, count) = apply(text, fixes);
    if sound(&after) {
        return Some((after, count));
    }
    // One of them is wrong: the first that is not, alone.
    let alone = fixes.iter().map(|fix| apply(text, &[fix]).0);
    alone
        .into_iter()
        .find(|after| sound(after))
        .map(|after| (after, 1))
}

/// How bad a text is.
fn errors(name: &str, text: &str, settings: &Settings) -> [usize; 3] {
    weigh(&findings(name, text, settings).0)
}

/// How bad a text is, to be compared in this order: fields that are not looked into, errors of reading, all errors. Where more can be
/// read, more errors may be seen.
pub fn weigh(found: &[Diagnostic]) -> [usize; 3] {
    let count = |of: &dyn Fn(&Diagnostic) -> bool| found.iter().filter(|one| of(one)).count();
    [
        count(&|one| one.code == code::MISCASED_FIELD),
        count(&|one| one.severity == Severity::Error && one.code.0 < 1000),
        count(&|one| one.severity == Severity::Error),
    ]
}

/// Makes the edits of all fixes that do not touch each other, the first of those that do. Says how many it made.
pub fn apply(text: &str, fixes: &[&Fix]) -> (String, usize) {
    let mut edits: Vec<&Edit> = Vec::new();
    let mut count = 0;
    for fix in fixes {
        let same = fix.edits.iter().all(|edit| edits.contains(&edit));
        let free = |edit: &Edit| edits.iter().all(|other| !touches(edit, other));
        if !same && fix.edits.iter().all(free) {
            edits.extend(&fix.edits);
            count += 1;
        }
    }
    edits.sort_by_key(|edit| edit.span.start);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        let start = edit.span.start as usize;
        out.push_str(text.get(at..start).unwrap_or(""));
        out.push_str(&edit.text);
        at = edit.span.end as usize;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    (out, count)
}

/// Whether two edits have a byte or a border in common.
fn touches(a: &Edit, b: &Edit) -> bool {
    a.span.start <= b.span.end && b.span.start <= a.span.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;

    fn edit(start: u32, end: u32, text: &str) -> Edit {
        let span = Span {
            file: FileId(0),
            start,
            end,
        };
        Edit {
            span,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_fix_that_the_kernel_refuses_is_left_out() {
        let text = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: a}
spec:
  kprobes:
  - call: sys_setpriority
    syscall: true
    selectors:
    - matchActions:
      - action: Sigkill
";
        let fixed = |settings: &Settings| fix("a.yaml", text, settings, true).text;
        let mut settings = Settings::default();
        assert!(fixed(&settings).contains("Override"));
        let facts = crate::facts::shipped("debian-12").expect("a kernel that ships");
        settings.nodes.push(std::sync::Arc::new(crate::lint::Node {
            name: "debian-12".to_owned(),
            facts: facts.expect("its facts can be read"),
        }));
        assert!(!fixed(&settings).contains("Override"));
    }

    #[test]
    fn a_name_in_the_wrong_case_is_mended_though_errors_come_to_light() {
        let text = "\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: a}
spec:
  kprobes:
  - call: sys_mount
    Selectors:
    - matchActions:
      - action: Sigkil
";
        let fixed = fix("a.yaml", text, &Settings::default(), false);
        assert_eq!(fixed.text, text.replace("Selectors", "selectors"));
    }

    #[test]
    fn edits_that_touch_wait() {
        let first = Fix::safe("", vec![edit(1, 2, "X"), edit(4, 4, "+")]);
        let touching = Fix::safe("", vec![edit(2, 3, "Y")]);
        let free = Fix::safe("", vec![edit(5, 6, "")]);
        let fixes = [&first, &touching, &free];
        assert_eq!(apply("abcdef", &fixes), ("aXcd+e".to_owned(), 2));
        assert_eq!(apply("abc", &[]), ("abc".to_owned(), 0));
    }
}

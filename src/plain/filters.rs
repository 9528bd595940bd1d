//! Filters as conditions: "the second parameter (file) begins with `/etc/`".

use super::{labelled, or, some};
use crate::check::form::{Filter, Hook, Section, Selector, Subject, Value};
use crate::diag::Spanned;
use crate::policy::{
    Arg, ArgType, BinaryFilter, BinaryOperator, Operator, SetOperator, Word, is_set,
};

/// What must hold for a selector at the entry of its hook.
pub(super) fn conditions(selector: &Selector<'_>, hook: &Hook<'_>) -> Vec<String> {
    let section = hook.parts.section;
    let mut all: Vec<String> = selector
        .filters
        .iter()
        .map(|filter| condition(filter, section))
        .collect();
    all.extend(process(selector));
    all
}

/// What must hold of the return value.
pub(super) fn at_return(selector: &Selector<'_>, hook: &Hook<'_>) -> Vec<String> {
    let section = hook.parts.section;
    selector
        .return_filters
        .iter()
        .map(|filter| condition(filter, section))
        .collect()
}

/// A value's name for people.
pub(super) fn name(value: &Value<'_>, section: Section, data: bool) -> String {
    let arg = value.written;
    let label = arg.label.as_ref().filter(|label| !label.value.is_empty());
    let member = arg.resolve.as_ref().filter(|path| !path.value.is_empty());
    let base = match (label, data) {
        (Some(label), _) => format!("`{}`", label.value),
        (None, true) => match (source(arg), member) {
            ("pt_regs", Some(register)) => return format!("the register `{}`", register.value),
            (_, Some(member)) => return format!("`{}` of the task", member.value),
            (_, None) => "a value of the task".to_owned(),
        },
        (None, false) => of_parameter(arg.index.value, section),
    };
    match member {
        Some(member) if label.is_none() => format!("`{}` of {base}", member.value),
        _ => base,
    }
}

fn source(arg: &Arg) -> &str {
    arg.source
        .as_ref()
        .map_or("", |source| source.value.as_str())
}

fn of_parameter(index: u32, section: Section) -> String {
    const WORDS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];
    let word = usize::try_from(index)
        .ok()
        .and_then(|index| WORDS.get(index));
    match (section, word) {
        (Section::Tracepoints, _) => format!("the field {index}"),
        (Section::RawTracepoints | Section::Usdts, _) => format!("the argument {index}"),
        (_, Some(word)) => format!("the {word} parameter"),
        (_, None) => format!("the parameter {index}"),
    }
}

fn condition(filter: &Filter<'_>, section: Section) -> String {
    let written = filter.written;
    let subject = match (filter.of, &filter.value) {
        (Subject::Return, _) => "the return value".to_owned(),
        (Subject::Data(_), Some(value)) => named(value, section, true),
        (Subject::Arg(_), Some(value)) => named(value, section, false),
        _ => "a field".to_owned(),
    };
    let values: Vec<String> = written
        .values
        .iter()
        .map(|value| format!("`{}`", value.value))
        .collect();
    let ty = filter.value.map(|value| value.written.declared_type());
    // The language calls the one address that they have the source.
    let ends = match ty {
        Some(ArgType::Sockaddr | ArgType::SockaddrUn) => ("address", "port"),
        _ => ("source address", "source port"),
    };
    says(&subject, written.operator.value, &values, ends)
}

/// A value's name with what kind of thing it is.
fn named(value: &Value<'_>, section: Section, data: bool) -> String {
    let name = name(value, section, data);
    match kind(value.written.declared_type()) {
        Some(kind) => format!("{name} ({kind})"),
        None => name,
    }
}

fn kind(ty: ArgType) -> Option<&'static str> {
    use ArgType as T;
    Some(match ty {
        T::File | T::Path | T::Dentry | T::Fd | T::Kiocb => "a file",
        T::LinuxBinprm => "the program to start",
        T::Sock | T::Socket => "a socket",
        T::Sockaddr | T::SockaddrUn => "an address",
        T::Skb => "a packet",
        T::String | T::Filename | T::DataLoc => "a text",
        T::CharBuf | T::CharIovec | T::IovIter => "a buffer",
        T::KernelCap | T::CapInheritable | T::CapPermitted | T::CapEffective => "capabilities",
        _ => return None,
    })
}

fn says(subject: &str, operator: Operator, values: &[String], ends: (&str, &str)) -> String {
    use Operator as O;
    let many = values.len() > 1;
    let list = some(values);
    let is = |what: &str| match many {
        true => format!("{what} is one of {list}"),
        false => format!("{what} is {list}"),
    };
    let is_not = |what: &str| match many {
        true => format!("{what} is none of {list}"),
        false => format!("{what} is not {list}"),
    };
    let of = |what: &str| format!("the {what} of {subject}");
    match operator {
        O::Equal | O::InMap => is(subject),
        O::NotEqual | O::NotInMap => is_not(subject),
        O::Prefix => format!("{subject} begins with {list}"),
        O::NotPrefix => format!("{subject} does not begin with {list}"),
        O::Postfix => format!("{subject} ends with {list}"),
        O::NotPostfix => format!("{subject} does not end with {list}"),
        O::SubString => format!("{subject} contains {list}"),
        O::SubStringIgnCase => format!("{subject} contains {list}, in any case of letters"),
        O::GreaterThan => format!("{subject} is greater than {list}"),
        O::LessThan => format!("{subject} is less than {list}"),
        O::Mask => format!("{subject} has a bit of {list}"),
        O::InRange => format!("{subject} lies in {list}"),
        O::NotInRange => format!("{subject} does not lie in {list}"),
        O::SPort => is(&of(ends.1)),
        O::NotSPort => is_not(&of(ends.1)),
        O::DPort => is(&of("destination port")),
        O::NotDPort => is_not(&of("destination port")),
        O::SPortPriv => format!("{} is below 1024", of(ends.1)),
        O::NotSPortPriv => format!("{} is 1024 or above", of(ends.1)),
        O::DPortPriv => format!("{} is below 1024", of("destination port")),
        O::NotDPortPriv => format!("{} is 1024 or above", of("destination port")),
        O::SAddr => format!("{} lies in {list}", of(ends.0)),
        O::NotSAddr => format!("{} does not lie in {list}", of(ends.0)),
        O::DAddr => format!("{} lies in {list}", of("destination address")),
        O::NotDAddr => format!("{} does not lie in {list}", of("destination address")),
        O::Protocol => is(&of("protocol")),
        O::Family => is(&of("address family")),
        O::State => is(&of("state")),
        O::CapabilitiesGained => "the process gains capabilities".to_owned(),
        O::CelExpr => format!("{list} is true"),
        O::FileType => is(&of("file type")),
        O::NotFileType => is_not(&of("file type")),
    }
}

fn process(selector: &Selector<'_>) -> Vec<String> {
    let mut all: Vec<String> = selector
        .binaries
        .iter()
        .map(|filter| binary(filter, "the program"))
        .collect();
    all.extend(
        selector
            .parent_binaries
            .iter()
            .map(|filter| binary(filter, "the parent's program")),
    );
    for filter in selector.pids {
        let values: Vec<String> = filter
            .values
            .iter()
            .map(|value| value.value.to_string())
            .collect();
        let what = match is_set(filter.is_namespace_pid) {
            true => "the process id, as its namespace counts,",
            false => "the process id",
        };
        let mut text = set(what, filter.operator.value, &values);
        if is_set(filter.follow_forks) {
            text.push_str(of_ancestors(filter.operator.value == SetOperator::NotIn));
        }
        all.push(text);
    }
    for filter in selector.namespaces {
        let name = filter.namespace.value.name().to_lowercase();
        let values: Vec<String> = filter.values.iter().map(namespace).collect();
        all.push(set(
            &format!("the {name} namespace of the process"),
            filter.operator.value,
            &values,
        ));
    }
    for filter in selector.namespace_changes {
        let verb = changes(filter.operator.value);
        all.push(format!(
            "the process {verb} its namespace {} since it started",
            or(&quoted(&filter.values))
        ));
    }
    for filter in selector.capabilities {
        let kind = filter.set.map_or("effective".to_owned(), |set| {
            set.value.name().to_lowercase()
        });
        let verb = match filter.operator.value {
            SetOperator::In => "has",
            SetOperator::NotIn => "does not have",
        };
        let wher = match is_set(filter.is_namespace_capability) {
            true => " in a user namespace of its own",
            false => "",
        };
        all.push(format!(
            "the process {verb} {} ({kind}){wher}",
            or(&quoted(&filter.values))
        ));
    }
    for filter in selector.capability_changes {
        let verb = changes(filter.operator.value);
        all.push(format!(
            "the process {verb} {} since it started",
            or(&quoted(&filter.values))
        ));
    }
    if let Some(workloads) = selector.workloads {
        let selectors = [
            (&workloads.pod_selector, "pods"),
            (&workloads.container_selector, "containers"),
        ];
        for (selector, what) in selectors {
            if let Some(selector) = selector {
                all.push(format!(
                    "the process belongs to {}",
                    labelled(what, selector)
                ));
            }
        }
        if workloads.host_selector.is_some() {
            all.push("the process belongs to the host".to_owned());
        }
    }
    all
}

fn changes(operator: SetOperator) -> &'static str {
    match operator {
        SetOperator::In => "has changed",
        SetOperator::NotIn => "has not changed",
    }
}

fn quoted(values: &[Spanned<String>]) -> Vec<String> {
    values
        .iter()
        .map(|value| format!("`{}`", value.value))
        .collect()
}

fn namespace(value: &Spanned<String>) -> String {
    match value.value.as_str() {
        "host_ns" => "the host's".to_owned(),
        number => format!("number {number}"),
    }
}

fn set(what: &str, operator: SetOperator, values: &[String]) -> String {
    let list = some(values);
    match (operator, values.len()) {
        (SetOperator::In, 0 | 1) => format!("{what} is {list}"),
        (SetOperator::In, _) => format!("{what} is one of {list}"),
        (SetOperator::NotIn, 0 | 1) => format!("{what} is not {list}"),
        (SetOperator::NotIn, _) => format!("{what} is none of {list}"),
    }
}

fn binary(filter: &BinaryFilter, what: &str) -> String {
    use BinaryOperator as O;
    let values = quoted(&filter.values);
    let list = some(&values);
    let mut text = match filter.operator.value {
        O::In => set(what, SetOperator::In, &values),
        O::NotIn => set(what, SetOperator::NotIn, &values),
        O::Prefix => format!("{what} lies below {list}"),
        O::NotPrefix => format!("{what} does not lie below {list}"),
        O::Postfix => format!("{what} ends with {list}"),
        O::NotPostfix => format!("{what} does not end with {list}"),
    };
    if is_set(filter.follow_children) {
        text.push_str(of_ancestors(matches!(
            filter.operator.value,
            O::NotIn | O::NotPrefix | O::NotPostfix
        )));
    }
    text
}

fn of_ancestors(negated: bool) -> &'static str {
    match negated {
        true => ", nor that of an ancestor",
        false => ", or that of an ancestor",
    }
}

//! Whether an operator takes the type of its value, and the values that it compares with.
//!
//! Source: `parseMatchArg` and what it calls in `pkg/selectors/kernel.go`.

use super::lists::{self, Use};
use super::{Declared, filters, process, sockets, texts};
use crate::check::form::{Filter, Operand, Section, Subject, Type, Value};
use crate::check::numbers::{self, Grammar, Integer, Range, Wrong};
use crate::check::operators::{self, Fit};
use crate::check::{bad_value, is_placeholder, not_filled_in, refuse, shown};
use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::policy::{Arg, ArgFilter, ArgType, ListKind, Operator, nearest};

/// What `FileType` compares with (`fileTypeTable`).
const FILE_TYPES: &[&str] = &[
    "sock", "socket", "lnk", "link", "reg", "regular", "blk", "block", "dir", "chr", "char",
    "fifo", "pipe",
];

/// A filter whose value has been found; `value` is missing for a field that is not declared.
pub(super) struct Judge<'j, 'a> {
    pub(super) declared: &'j Declared<'a>,
    pub(super) filter: &'a ArgFilter,
    pub(super) value: Option<Value<'a>>,
    /// The list that the value is in.
    pub(super) siblings: &'j [Value<'a>],
}

impl<'a> Judge<'_, 'a> {
    pub(super) fn operator(&self) -> Operator {
        self.filter.operator.value
    }

    pub(super) fn filter(&self, of: Subject, sink: &mut Sink) -> Option<Filter<'a>> {
        let operand = match self.value.map(|value| value.ty) {
            Some(Type::Refused) => return None,
            Some(Type::Known(ty)) => self.judged(ty, sink)?,
            Some(Type::OfNode) | None => self.unjudged(sink),
        };
        Some(Filter {
            written: self.filter,
            of,
            value: self.value,
            operand,
        })
    }

    /// What can be said of values whose type is not known.
    fn unjudged(&self, sink: &mut Sink) -> Operand {
        for text in &self.filter.values {
            self.list(text, None, sink);
        }
        Operand::Unjudged
    }

    fn judged(&self, ty: ArgType, sink: &mut Sink) -> Option<Operand> {
        let operator = self.operator();
        let family = operators::family(ty);
        let nothing_to_judge =
            operators::is_judged_by_value(operator) || operator == Operator::CelExpr;
        if nothing_to_judge && self.filter.values.is_empty() {
            return Some(Operand::Texts);
        }
        if operator == Operator::CelExpr {
            let message = "`CelExpr` compares arguments only, under `matchArgs`";
            let help = "write a filter with another operator";
            refuse(
                sink,
                code::BAD_OPERATOR,
                self.filter.operator.span,
                message,
                help,
            );
            return None;
        }
        if family.fit(operator) == Fit::Refused {
            self.wrong_operator(ty, sink);
            return None;
        }
        if operator == Operator::CapabilitiesGained {
            return self.both_sets(sink).then_some(Operand::Nothing);
        }
        Some(self.operand(ty, sink))
    }

    /// Reports an operator that does not fit.
    fn wrong_operator(&self, ty: ArgType, sink: &mut Sink) {
        let operator = self.filter.operator;
        let family = operators::family(ty);
        let message = format!("`{}` does not work on {}", operator.value, family.what);
        let help = match family.works {
            [] if ty == ArgType::Auto => {
                "declare the `type` of the value: filters compare by it".to_owned()
            }
            [] => "remove the filter: no operator works on them".to_owned(),
            _ => format!("use one of {}", family.names()),
        };
        let error = Diagnostic::error(code::BAD_OPERATOR, message).at(operator.span);
        let declared = self.value.map(|value| value.written);
        let place = declared.map(|arg| arg.ty.map_or(arg.span, |ty| ty.span));
        sink.push(match place {
            Some(place) => error.related(place, "the argument's type").help(help),
            None => error.help(help),
        });
    }

    fn operand(&self, ty: ArgType, sink: &mut Sink) -> Operand {
        use Operator as O;
        let values = &self.filter.values;
        match self.operator() {
            O::SPortPriv | O::NotSPortPriv | O::DPortPriv | O::NotDPortPriv => {
                return Operand::Nothing;
            }
            O::SAddr | O::NotSAddr | O::DAddr | O::NotDAddr => {
                let one = |text| sockets::network(text, sink);
                return Operand::Networks(values.iter().map(one).collect());
            }
            O::SPort | O::NotSPort | O::DPort | O::NotDPort => {
                let one = |text| self.number(text, Grammar::DecimalRange, sockets::PORT, sink);
                return Operand::Numbers(values.iter().map(one).collect());
            }
            O::Protocol | O::Family | O::State => {
                let one = |text| sockets::named(self, text, sink);
                return Operand::Numbers(values.iter().map(one).collect());
            }
            O::FileType | O::NotFileType => {
                for text in values {
                    file_type(text, sink);
                }
                return Operand::Texts;
            }
            _ => {}
        }
        if let Some(integer) = Integer::of(ty).filter(|_| !is_textual(self.operator())) {
            return self.integers(integer, ty, sink);
        }
        if operators::family(ty).works.contains(&O::CapabilitiesGained)
            && !is_textual(self.operator())
        {
            return Operand::Masks(values.iter().map(|text| mask(text, sink)).collect());
        }
        for text in values {
            texts::judge(text, self.operator(), ty, sink);
        }
        Operand::Texts
    }

    fn integers(&self, integer: Integer, ty: ArgType, sink: &mut Sink) -> Operand {
        let values = &self.filter.values;
        let grammar = Grammar::of(self.operator());
        let is_list = |text: &Spanned<String>| {
            grammar == Grammar::DecimalRange && lists::name(&text.value).is_some()
        };
        let one = |text: &Spanned<String>| match is_list(text) {
            true => {
                self.list(text, Some(ty), sink);
                None
            }
            false => self.number(text, grammar, integer, sink),
        };
        Operand::Numbers(values.iter().map(one).collect())
    }

    /// A number or range; `None` means reported.
    pub(super) fn number(
        &self,
        text: &Spanned<String>,
        grammar: Grammar,
        integer: Integer,
        sink: &mut Sink,
    ) -> Option<Range> {
        match numbers::parse(&text.value, grammar, integer) {
            Ok(range) => Some(range),
            Err(wrong) => {
                report(self.value.map(|value| value.written), text, wrong, sink);
                None
            }
        }
    }

    /// Judges `list:NAME`, if the text is one, and InMap reads it; only tracepoints read lists of system calls.
    fn list(&self, text: &Spanned<String>, ty: Option<ArgType>, sink: &mut Sink) {
        let in_map = matches!(self.operator(), Operator::InMap | Operator::NotInMap);
        let Some(name) = lists::name(&text.value).filter(|_| in_map) else {
            return;
        };
        let section = self.declared.parts.section;
        if !matches!(section, Section::Tracepoints | Section::RawTracepoints) {
            let message = format!("{} does not read lists", section.hook());
            let help = "write the numbers themselves";
            return refuse(sink, code::BAD_LIST, text.span, message, help);
        }
        if let Some(other) = ty.filter(|ty| *ty != ArgType::Syscall64) {
            let message = format!("lists of system calls are not compared with the type `{other}`");
            let error = Diagnostic::error(code::BAD_LIST, message).at(text.span);
            let declared = self.value.and_then(|value| value.written.ty);
            let error = match declared {
                Some(ty) => error.related(ty.span, "the argument's type"),
                None => error,
            };
            return sink.push(error.help("declare the argument with `type: syscall64`"));
        }
        let Some(list) = lists::find(text, name, &self.declared.policy.spec, sink) else {
            return;
        };
        match list.kind.map(|kind| kind.value) {
            Some(ListKind::Syscalls) => lists::elements(list, Use::Numbers, sink),
            Some(ListKind::GeneratedSyscalls) => {}
            None | Some(ListKind::GeneratedFtrace) => {
                let message = format!("the list `{}` is not of system calls", shown(name));
                let error = Diagnostic::error(code::BAD_LIST, message).at(text.span);
                let place = list.kind.map_or(list.name.span, |kind| kind.span);
                let help = "write `type: syscalls` in the list, and system calls as values";
                sink.push(error.related(place, "the list").help(help));
            }
        }
    }

    /// Whether `CapabilitiesGained` has the old and the new set.
    fn both_sets(&self, sink: &mut Sink) -> bool {
        let filter = self.filter;
        let help = "write `args: [OLD, NEW]` with the positions of two arguments of type kernel_cap_t, cap_effective, cap_permitted or cap_inheritable";
        let [_, second] = filter.args.as_slice() else {
            let span = filter
                .args
                .get(2)
                .map_or(filter.operator.span, |third| third.span);
            let message = "`CapabilitiesGained` compares two arguments";
            refuse(sink, code::NO_SUCH_ARG, span, message, help);
            return false;
        };
        let Some((_, other)) = filters::at_position(self.siblings, second, sink) else {
            return false;
        };
        let ty = other.map(|other| other.ty);
        let is_set =
            |ty: ArgType| operators::family(ty).fit(Operator::CapabilitiesGained) == Fit::Works;
        match ty {
            Some(Type::Known(ty)) if !is_set(ty) => {
                let message =
                    format!("the argument has type `{ty}`, which is no set of capabilities");
                let error = Diagnostic::error(code::BAD_OPERATOR, message).at(second.span);
                let place = other.map_or(second.span, |other| other.written.span);
                sink.push(error.related(place, "declared here").help(help));
                false
            }
            Some(Type::Refused) => false,
            _ => true,
        }
    }
}

/// Operators that compare the beginning, end or middle of texts, whatever the type.
fn is_textual(operator: Operator) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::Prefix | O::NotPrefix | O::Postfix | O::NotPostfix | O::SubString | O::SubStringIgnCase
    )
}

/// Reports a text that is no number, or none of its argument's type.
pub(in crate::check) fn report(
    declared: Option<&Arg>,
    text: &Spanned<String>,
    wrong: Wrong,
    sink: &mut Sink,
) {
    if is_placeholder(text) {
        return not_filled_in(text, sink);
    }
    let message = format!("`{}` {}", shown(&text.value), wrong.what);
    let mut error = Diagnostic::error(code::BAD_VALUE, message).at(text.span);
    let mut help = wrong.help;
    if wrong.by_type {
        let integer = declared.filter(|arg| Integer::of(arg.declared_type()).is_some());
        match integer.and_then(|arg| arg.ty) {
            Some(ty) => error = error.related(ty.span, "the argument's type"),
            None => help = "write a number in this range, or remove this one".to_owned(),
        }
    }
    sink.push(error.help(help));
}

/// A mask of capabilities: a number, or names separated by commas.
fn mask(text: &Spanned<String>, sink: &mut Sink) -> Option<u64> {
    if let Some(mask) = numbers::unsigned(&text.value) {
        return Some(mask);
    }
    let one = |name: &str| process::capability_number(name).map(|number| 1u64 << number);
    let masks: Option<Vec<u64>> = text.value.split(',').map(one).collect();
    if masks.is_none() {
        let mut names = text.value.split(',');
        let bad = names
            .find(|name| process::capability_number(name).is_none())
            .unwrap_or("");
        let help = match text.value.split(',').count() {
            2.. if bad.trim().is_empty() => "remove the comma before or behind nothing".to_owned(),
            1 if bad
                .trim()
                .starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) =>
            {
                "write a number of 64 bits without a sign".to_owned()
            }
            _ => process::capability_help(bad),
        };
        bad_value(text, "a mask of capabilities", help, sink);
    }
    masks.map(|masks| masks.into_iter().fold(0, |all, one| all | one))
}

fn file_type(text: &Spanned<String>, sink: &mut Sink) {
    if FILE_TYPES.contains(&text.value.as_str()) {
        return;
    }
    let help = match nearest(&text.value, FILE_TYPES) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", FILE_TYPES.join(", ")),
    };
    bad_value(text, "a type of files", help, sink);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;
    use crate::kernel::capabilities;

    #[test]
    fn masks_are_numbers_or_names() {
        let mask = |text: &str| {
            mask(
                &Spanned::new(text.to_owned(), Span::default()),
                &mut Sink::new(),
            )
        };
        let kill = capabilities::by_name("CAP_KILL").map(|number| 1 << number);
        assert_eq!(mask("0x1f"), Some(31));
        assert_eq!(mask(" cap_kill "), kill);
        assert_eq!(mask("CAP_KILL,CAP_CHOWN"), kill.map(|kill: u64| kill | 1));
        for bad in [
            "",
            ",",
            "CAP_KILL,",
            "0x1,CAP_KILL",
            "-1",
            "KILL",
            "18446744073709551616",
        ] {
            assert_eq!(mask(bad), None, "{bad}");
        }
    }
}

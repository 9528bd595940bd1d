//! One call of a case.

use std::collections::BTreeMap;

use super::expect::Wanted;
use super::files::Files;
use super::format::Case;
use super::plan::{Given, Part};
use super::process;
use super::value::{self, Declared, Ground};
use super::words;
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{Arg, ArgType, Hook, Program, Subject};
use crate::policy::{advice, nearest};
use crate::sim::scene::{Data, Param, Scene};
use crate::yaml::Node;

/// A call and what is expected of it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) hook: usize,
    pub(super) scene: Scene,
    pub(super) wanted: Wanted,
    /// Of a step.
    pub(super) label: Option<String>,
}

/// Values by parameter: the position of the declaration that the case names, and the value.
type Values<'n> = BTreeMap<u8, (usize, &'n Node)>;

/// Nanoseconds since boot of a case's first call.
const START: u64 = 1_000_000_000_000;

/// Makes the calls of a case.
pub(super) struct Builder<'a, 's> {
    program: &'a Program,
    case: &'a Case,
    sink: &'s mut Sink,
}

impl<'a, 's> Builder<'a, 's> {
    pub(super) fn new(program: &'a Program, case: &'a Case, sink: &'s mut Sink) -> Self {
        Self {
            program,
            case,
            sink,
        }
    }

    /// The call, some nanoseconds after the case's first; `None` means reported.
    pub(super) fn call(
        &mut self,
        part: &Part<'_>,
        time: u64,
        label: Option<String>,
    ) -> Option<Call> {
        let number = self.hook(part)?;
        let hook = &self.program.hooks[number];
        let mut files = Files::new();
        let mut task = process::task(&part.process, part.binary, &mut files, self.sink)?;
        // Standard input, output and error are there and are pipes.
        let mut open = vec![None; 3];
        let given = self.given(hook, part)?;
        let ground = &mut Ground {
            files: &mut files,
            open: &mut open,
        };
        let params = self.params(hook, &given, ground)?;
        let returned = self.returned(hook, part, ground)?;
        let Some(expect) = part.expect else {
            let message = "the case does not say what it expects";
            self.report(
                code::MISSING_FIELD,
                self.case.name.span,
                message,
                "add a line such as `expect: [Sigkill, event]` or `expect: nothing`",
            );
            return None;
        };
        let wanted = Wanted::of(expect, hook, ground, self.sink)?;
        task.files = Some(open);
        let scene = Scene {
            time: START + time,
            vfs: files.vfs,
            task,
            params,
            returned,
            ring_is_full: false,
        };
        Some(Call {
            hook: number,
            wanted,
            scene,
            label,
        })
    }

    fn report(&mut self, code: crate::diag::Code, span: Span, message: &str, help: &str) {
        let error = Diagnostic::error(code, message).at(span);
        self.sink.push(error.help(help));
    }

    /// The hook that the case calls.
    fn hook(&mut self, part: &Part<'_>) -> Option<usize> {
        let count = self.program.hooks.len();
        let names: Vec<String> = (0..count)
            .map(|hook| hook_name(self.program, hook))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let Some(call) = part.call else {
            if count == 1 {
                return Some(0);
            }
            let help = format!(
                "add a line `call: {}`; the policy has {}",
                names[0],
                names.join(", ")
            );
            let message = "the case does not say which function is called";
            self.report(code::MISSING_FIELD, self.case.name.span, message, &help);
            return None;
        };
        let found = hook_of(self.program, Some(call));
        if found.is_none() {
            let several: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| {
                    name.split_once('/')
                        .is_some_and(|(name, _)| name == portable(&call.value))
                })
                .collect();
            let (message, help) = match several.is_empty() {
                false => (
                    format!("the policy hooks `{}` several times", call.value),
                    format!("write one of {}", several.join(", ")),
                ),
                true => (
                    format!("the policy does not hook `{}`", call.value),
                    match nearest(&call.value, &names) {
                        Some(_) => advice(&call.value, &names),
                        None => format!("it hooks {}", names.join(", ")),
                    },
                ),
            };
            self.report(code::BAD_TEST, call.span, &message, &help);
        }
        found
    }

    /// Values by parameter: the declaration that the case names, and the value.
    fn given<'n>(&mut self, hook: &Hook, part: &Part<'n>) -> Option<Values<'n>> {
        let mut all = BTreeMap::new();
        let mut complete = true;
        for level in &part.args {
            let mut own: BTreeMap<u8, Span> = BTreeMap::new();
            for Given { key, value } in level {
                let Some(position) = position(hook, key, self.sink) else {
                    complete = false;
                    continue;
                };
                let index = hook.args[position].index;
                if let Some(first) = own.insert(index, key.span) {
                    let message = format!("argument {index} gets two values");
                    let error = Diagnostic::error(code::BAD_TEST, message).at(key.span);
                    self.sink.push(
                        error
                            .related(first, "the first")
                            .help("remove one of the two"),
                    );
                    complete = false;
                }
                all.insert(index, (position, *value));
            }
        }
        complete.then_some(all)
    }

    fn params(
        &mut self,
        hook: &Hook,
        given: &Values<'_>,
        ground: &mut Ground<'_>,
    ) -> Option<Vec<Param>> {
        let mut params = vec![Param::Number(0); 6];
        let mut lengths = Vec::new();
        let mut complete = true;
        for (position, arg) in hook.args.iter().enumerate() {
            let name = format!("argument {}", arg.index);
            let declared = Declared {
                ty: arg.ty,
                abi: hook.abi,
                name: &name,
            };
            let first = hook.args.iter().position(|other| other.index == arg.index);
            let param = match given.get(&arg.index) {
                Some((of, node)) if *of == position => {
                    value::param(node, declared, ground, self.sink)
                }
                // Another declaration of the parameter has its value.
                Some(_) => continue,
                None if first != Some(position) => continue,
                None => Some(value::unspecified(arg.ty, ground, hook.abi)),
            };
            let Some(param) = param else {
                complete = false;
                continue;
            };
            if let (
                ArgType::CharBuf {
                    size_from: Some(size),
                },
                Param::Bytes(Data::In(_, bytes)),
            ) = (arg.ty, &param)
            {
                lengths.push((size, bytes.len() as u64));
            }
            params[usize::from(arg.index)] = param;
        }
        // A buffer is as long as its bytes unless the case says otherwise.
        for (size, len) in &lengths {
            if !given.contains_key(size) {
                params[usize::from(*size)] = Param::Number(*len);
            }
        }
        let is_length = |index: u8| lengths.iter().any(|(size, _)| *size == index);
        for (position, arg) in hook.args.iter().enumerate() {
            let is_given = given.contains_key(&arg.index) || is_length(arg.index);
            if !is_given && looks_at(hook, Subject::Arg(position)) {
                let message = format!(
                    "the case gives no value to argument {}, which filters look at",
                    arg.index
                );
                let help = format!("add `args: {{{}: {}}}`", arg.index, words::example(arg.ty));
                self.report(code::BAD_TEST, self.case.name.span, &message, &help);
                complete = false;
            }
        }
        complete.then_some(params)
    }

    /// The return value, of a hook that observes it; the outer `None` means reported.
    fn returned(
        &mut self,
        hook: &Hook,
        part: &Part<'_>,
        ground: &mut Ground<'_>,
    ) -> Option<Option<Param>> {
        let Some(arg) = &hook.ret else {
            if let Some(node) = part.returned {
                let message = format!("the policy does not observe what `{}` returns", hook.symbol);
                self.report(
                    code::BAD_TEST,
                    node.span,
                    &message,
                    "remove the line; actions happen at the entry",
                );
                return None;
            }
            return Some(None);
        };
        let declared = Declared {
            ty: arg.ty,
            abi: hook.abi,
            name: "the return value",
        };
        match part.returned {
            Some(node) => value::param(node, declared, ground, self.sink).map(Some),
            None if looks_at(hook, Subject::Return) => {
                let message = "the case gives no return value, which filters look at";
                self.report(
                    code::BAD_TEST,
                    self.case.name.span,
                    message,
                    "add a line such as `return: 0`",
                );
                None
            }
            None => Some(Some(value::unspecified(arg.ty, ground, hook.abi))),
        }
    }
}

/// The name of a hook: its function, with a number if the policy hooks that several times.
pub(super) fn hook_name(program: &Program, hook: usize) -> String {
    let symbol = &program.hooks[hook].symbol;
    let of = |hooks: &[Hook]| hooks.iter().filter(|hook| hook.symbol == *symbol).count();
    match of(&program.hooks) {
        1 => symbol.clone(),
        _ => format!("{symbol}/{}", of(&program.hooks[..=hook])),
    }
}

/// Whether a filter of the hook looks at a value.
fn looks_at(hook: &Hook, subject: Subject) -> bool {
    let tests = hook
        .rules
        .iter()
        .flat_map(|rule| rule.tests.iter().chain(&rule.return_tests));
    tests
        .into_iter()
        .any(|test| words::subject(&test.predicate) == Some(subject))
}

/// Policies may name the kernel's function of a system call; the hook has the portable name.
fn portable(call: &str) -> &str {
    call.strip_prefix("__x64_").unwrap_or(call)
}

/// The hook that a case calls, by its name or because there is no other.
fn hook_of(program: &Program, call: Option<&Spanned<String>>) -> Option<usize> {
    let count = program.hooks.len();
    match call {
        None => (count == 1).then_some(0),
        Some(call) => (0..count).find(|hook| hook_name(program, *hook) == portable(&call.value)),
    }
}

/// Whether two names are of one argument of the function that a case calls.
pub(super) fn is_same(
    program: &Program,
    call: Option<&Spanned<String>>,
    names: [&Spanned<String>; 2],
) -> bool {
    let index = |name: &Spanned<String>| {
        let hook = &program.hooks[hook_of(program, call)?];
        match named(hook, &name.value)[..] {
            [one] => Some(hook.args[one].index),
            _ => None,
        }
    };
    let [first, second] = names;
    first.value == second.value || index(first).is_some_and(|one| index(second) == Some(one))
}

/// The argument that an index, a label or a type names; several if that says too little.
fn named(hook: &Hook, text: &str) -> Vec<usize> {
    let all = |is: &dyn Fn(&Arg) -> bool| {
        let found = hook.args.iter().enumerate().filter(|(_, arg)| is(arg));
        found.map(|(position, _)| position).collect::<Vec<_>>()
    };
    // A parameter may be declared several times; it has one value.
    let by_index = all(&|arg| text.parse() == Ok(arg.index));
    let by_label = || all(&|arg| arg.label.as_deref() == Some(text));
    let by_type = || all(&|arg| words::type_name(arg.ty) == text);
    match by_index.first() {
        Some(first) => vec![*first],
        None => Some(by_label())
            .filter(|found| !found.is_empty())
            .unwrap_or_else(by_type),
    }
}

/// The argument that a name means; `None` means reported.
pub(super) fn position(hook: &Hook, key: &Spanned<String>, sink: &mut Sink) -> Option<usize> {
    let text = key.value.as_str();
    let found = named(hook, text);
    if let [one] = found[..] {
        return Some(one);
    }
    let shown = |arg: &Arg| match &arg.label {
        Some(label) => format!("{} ({label})", arg.index),
        None => format!("{} ({})", arg.index, words::type_name(arg.ty)),
    };
    let known: Vec<String> = hook.args.iter().map(shown).collect();
    let (message, help) = match (found.is_empty(), known.is_empty()) {
        (false, _) => {
            let meant: Vec<String> = found.iter().map(|one| shown(&hook.args[*one])).collect();
            (
                format!(
                    "`{text}` is ambiguous: it names the arguments {}",
                    words::listed(&meant)
                ),
                "write the index".to_owned(),
            )
        }
        (true, is_empty) => (
            format!("`{}` has no argument `{text}` in the policy", hook.symbol),
            match is_empty {
                true => "remove it: the policy declares no arguments of this hook".to_owned(),
                false => format!(
                    "arguments are named by index, label or type; there are {}",
                    known.join(", ")
                ),
            },
        ),
    };
    let error = Diagnostic::error(code::BAD_TEST, message).at(key.span);
    sink.push(error.help(help));
    None
}

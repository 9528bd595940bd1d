//! Values that a case expects an event to show.

use super::format::ShownProcess;
use super::shape::Many;
use super::value::{self, Declared, Ground};
use super::words::{self, short};
use crate::diag::{Sink, Span};
use crate::ir::interp::{Event, Value};
use crate::ir::{Arg, ArgType, Hook};
use crate::sim::scene::{Param, Scene};
use crate::yaml::{self, Node};

/// A value that the event shows.
#[derive(Clone, Debug)]
pub(super) struct WantedValue {
    /// Position in the hook's arguments; without meaning for a return value.
    pub(super) position: usize,
    param: Param,
    /// Fields that count.
    fields: Fields,
    pub(super) span: Span,
}

#[derive(Clone, Debug)]
enum Fields {
    All,
    These(Vec<String>),
}

impl Fields {
    /// Those that a value says something of.
    fn of(node: &Node, ty: ArgType) -> Self {
        let these =
            |names: &[&str]| Self::These(names.iter().map(|&name| name.to_owned()).collect());
        match &node.value {
            yaml::Value::Mapping(mapping)
                if matches!(ty, ArgType::Sock | ArgType::Cred | ArgType::Sockaddr)
                    || is_path(ty) =>
            {
                Self::These(
                    mapping
                        .entries
                        .iter()
                        .map(|entry| entry.key.value.clone())
                        .collect(),
                )
            }
            yaml::Value::Scalar(scalar) => match ty {
                ty if is_path(ty) => these(&["path"]),
                ArgType::Sock if scalar.text.contains("->") => {
                    these(&["saddr", "sport", "daddr", "dport"])
                }
                ArgType::Sock => these(&["daddr", "dport"]),
                _ => Self::All,
            },
            _ => Self::All,
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => name.is_empty() || names.iter().any(|known| known == name),
        }
    }
}

fn is_path(ty: ArgType) -> bool {
    use ArgType as T;
    matches!(ty, T::File | T::Path | T::Dentry | T::Fd | T::LinuxBinprm)
}

/// Judges a value; `None` means reported.
pub(super) fn wanted_value(
    (position, arg): (usize, &Arg),
    name: &str,
    hook: &Hook,
    node: &Node,
    ground: &mut Ground<'_>,
    sink: &mut Sink,
) -> Option<WantedValue> {
    let declared = Declared {
        ty: arg.ty,
        abi: hook.abi,
        name,
    };
    Some(WantedValue {
        position,
        param: value::param(node, declared, ground, sink)?,
        fields: Fields::of(node, arg.ty),
        span: node.span,
    })
}

impl WantedValue {
    /// Adds what is different.
    pub(super) fn compare(
        &self,
        name: &str,
        arg: &Arg,
        got: &Value,
        (hook, scene): (&Hook, &Scene),
        out: &mut Vec<(Span, String)>,
    ) {
        let wanted = words::fields(&scene.value(hook, arg, Some(&self.param)));
        let got = words::fields(got);
        let of = |fields: &[words::Field], key: &str| {
            let found = fields.iter().find(|(name, _)| *name == key);
            found.and_then(|(_, text)| text.clone())
        };
        for (key, wanted) in wanted.iter().filter(|(key, _)| self.fields.has(key)) {
            let got = of(&got, key);
            if got != *wanted {
                let field = if key.is_empty() {
                    String::new()
                } else {
                    format!(" {key}")
                };
                let text = format!(
                    "the event shows {name}{field} {}, not {}",
                    quoted(&got),
                    quoted(wanted)
                );
                out.push((self.span, text));
            }
        }
    }
}

fn quoted(text: &Option<String>) -> String {
    match text {
        Some(text) => format!("`{}`", short(text)),
        None => "as unreadable".to_owned(),
    }
}

/// Compares what the event shows of the process.
pub(super) fn compare_process(wanted: &ShownProcess, event: &Event, out: &mut Vec<(Span, String)>) {
    let process = &event.process;
    let numbers = [
        ("pid", wanted.pid, process.pid),
        ("tid", wanted.tid, process.tid),
        ("uid", wanted.uid.map(|uid| uid.map(u32::from)), process.uid),
    ];
    for (name, wanted, got) in numbers {
        if let Some(wanted) = wanted.filter(|wanted| wanted.value != got) {
            let text = format!("the event shows {name} {got}, not {}", wanted.value);
            out.push((wanted.span, text));
        }
    }
    for (name, wanted, got) in [
        ("binary", &wanted.binary, &process.exe),
        ("cwd", &wanted.cwd, &process.cwd),
    ] {
        let got = words::shown(got);
        if let Some(wanted) = wanted
            .as_ref()
            .filter(|wanted| got.as_ref() != Some(&wanted.value))
        {
            let text = format!(
                "the event shows {name} {}, not `{}`",
                quoted(&got),
                wanted.value
            );
            out.push((wanted.span, text));
        }
    }
    if let Some(Many(arguments)) = &wanted.arguments {
        let known = process
            .arguments
            .as_ref()
            .map_or(&[][..], |text| &text.known);
        let line = known.strip_suffix(&[0]).unwrap_or(known);
        // The first word is the program's name.
        let got: Vec<String> = line
            .split(|byte| *byte == 0)
            .skip(1)
            .map(words::escaped)
            .collect();
        let want: Vec<&str> = arguments.iter().map(|word| word.value.as_str()).collect();
        if got != want {
            let span = arguments
                .first()
                .map_or_else(Span::default, |word| word.span);
            out.push((
                span,
                format!("the event shows the arguments {got:?}, not {want:?}"),
            ));
        }
    }
}

//! Words and numbers of test files: effects, times, namespaces, capabilities.

use serde_json::{Value as Json, json};

use super::format::{Kinds, Sets};
use super::shape::{Many, Shape, any_of, text};
use crate::diag::{Diagnostic, Sink, Spanned, code};
use crate::kernel::capabilities;
use crate::policy::{Decode, advice, wrong_type};
use crate::yaml::{Node, Resolved, Value};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Event,
    /// An `Override` with any error.
    Denied,
    Signal(u32),
    Override(i32),
}

const EFFECTS: &[&str] = &[
    "nothing",
    "event",
    "denied",
    "Sigkill",
    "Signal 15",
    "Override -1",
];

impl Decode for Spanned<Effect> {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let word = text(node, field, sink)?;
        let effect = match word.split_once(' ') {
            None => match word {
                "nothing" => Some(Effect::Nothing),
                "event" => Some(Effect::Event),
                "denied" => Some(Effect::Denied),
                "Sigkill" => Some(Effect::Signal(9)),
                _ => None,
            },
            Some(("Signal", number)) => number_of(number).map(Effect::Signal),
            Some(("Override", number)) => number_of(number).map(Effect::Override),
            Some(_) => None,
        };
        if effect.is_none() {
            let message = format!("`{word}` is nothing that can happen");
            let help = advice(word, EFFECTS);
            let error = Diagnostic::error(code::UNKNOWN_WORD, message).at(node.span);
            sink.push(error.help(help));
        }
        effect.map(|effect| Spanned::new(effect, node.span))
    }
}

/// A decimal number of up to nine digits, without a plus sign.
fn number_of<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl Shape for Spanned<Effect> {
    fn schema() -> Json {
        json!({
            "type": "string",
            "pattern": "^(nothing|event|denied|Sigkill|Signal [0-9]{1,9}|Override -?[0-9]{1,9})$",
        })
    }
}

/// Time between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duration {
    pub(super) nanoseconds: u64,
}

/// Units of durations, in nanoseconds.
const UNITS: &[(&str, u64)] = &[
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Decode for Duration {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        if let Some(number) = bare_number(node) {
            let message = format!("the time `{number}` has no unit");
            let help = format!("write `{number}s`, or another unit: `ms`, `m`, `h`");
            let error = Diagnostic::error(code::BAD_TEST_VALUE, message).at(node.span);
            sink.push(error.help(help));
            return None;
        }
        let text = text(node, field, sink)?;
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = UNITS
            .iter()
            .find(|(name, _)| *name == &text[digits.len()..]);
        let is_number =
            (1..=6).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit());
        let number = digits.parse::<u64>().ok().filter(|_| is_number);
        let Some((number, (_, unit))) = number.zip(unit) else {
            let message = format!("`{text}` is not a time");
            let error = Diagnostic::error(code::BAD_TEST_VALUE, message).at(node.span);
            sink.push(
                error.help(
                    "write a number of up to six digits and a unit: `500ms`, `30s`, `5m`, `1h`",
                ),
            );
            return None;
        };
        Some(Self {
            nanoseconds: number * unit,
        })
    }
}

/// A number where a time should be.
fn bare_number(node: &Node) -> Option<&str> {
    let Value::Scalar(scalar) = &node.value else {
        return None;
    };
    let text = scalar.text.as_str();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(text)
}

impl Shape for Duration {
    fn schema() -> Json {
        json!({"type": "string", "pattern": "^[0-9]{1,6}(ms|s|m|h)$"})
    }
}

/// Namespaces of a process.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Namespaces {
    /// All of them.
    All(Place),
    Each(Kinds),
}

impl Decode for Namespaces {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match node.value {
            Value::Mapping(_) => Kinds::decode(node, field, sink).map(Self::Each),
            _ => Place::decode(node, field, sink).map(Self::All),
        }
    }
}

impl Shape for Namespaces {
    fn schema() -> Json {
        any_of([Place::schema(), Kinds::schema()])
    }
}

/// One namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// That of process 1.
    Host,
    /// Another.
    Other,
    /// The one with this inode number.
    Inode(u32),
}

impl Decode for Place {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        if let Value::Scalar(scalar) = &node.value {
            match scalar.resolved {
                Resolved::Int(number) => {
                    if let Ok(inode) = u32::try_from(number) {
                        return Some(Self::Inode(inode));
                    }
                    let message = format!("`{number}` is no inode number: they have 32 bits");
                    sink.push(Diagnostic::error(code::OUT_OF_RANGE, message).at(node.span));
                    return None;
                }
                Resolved::Text if scalar.text == "host" => return Some(Self::Host),
                Resolved::Text if scalar.text == "other" => return Some(Self::Other),
                _ => {}
            }
        }
        wrong_type(node, field, "`host`, `other` or an inode number", sink);
        None
    }
}

impl Shape for Place {
    fn schema() -> Json {
        any_of([
            json!({"enum": ["host", "other"]}),
            json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        ])
    }
}

/// Capabilities of a process.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Capabilities {
    /// Effective and permitted.
    Usable(Many<Capability>),
    Each(Sets),
}

impl Decode for Capabilities {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match node.value {
            Value::Mapping(_) => Sets::decode(node, field, sink).map(Self::Each),
            _ => Many::decode(node, field, sink).map(Self::Usable),
        }
    }
}

impl Shape for Capabilities {
    fn schema() -> Json {
        any_of([Many::<Capability>::schema(), Sets::schema()])
    }
}

/// The bits of a capability, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capability(pub(super) u64);

/// Every capability that has a name.
const ALL: u64 = (1 << capabilities::NAMES.len()) - 1;

/// The kernel's name of what Tetragon calls `DAC_OVERRIDE`.
const DAC_OVERRIDE: &str = "CAP_DAC_OVERRIDE";

impl Decode for Capability {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        let word = text(node, field, sink)?;
        let known = match word {
            "all" => Some(ALL),
            DAC_OVERRIDE => Some(1 << 1),
            _ => capabilities::by_name(word).map(|number| 1 << number),
        };
        if known.is_none() {
            let names: Vec<&str> = names().collect();
            let message = format!("unknown capability `{word}`");
            let error = Diagnostic::error(code::UNKNOWN_WORD, message).at(node.span);
            sink.push(error.help(advice(word, &names)));
        }
        known.map(Self)
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    let named = capabilities::NAMES.iter().map(|(_, name)| *name);
    ["all", DAC_OVERRIDE].into_iter().chain(named)
}

impl Shape for Capability {
    fn schema() -> Json {
        json!({"enum": names().collect::<Vec<_>>()})
    }
}

impl Many<Capability> {
    pub(super) fn bits(&self) -> u64 {
        self.0.iter().fold(0, |bits, one| bits | one.0)
    }
}

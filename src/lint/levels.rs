//! How bad each finding is, as the user has it.
//!
//! A setting names a rule, a code, a group or `all`. Settings come in layers, the configuration file first, the command
//! line last: a later layer wins over an earlier one. Within a layer the narrower name wins, whatever the order.

use std::collections::BTreeMap;

use super::registry;
use super::rule::{Group, Level, Rule};
use crate::diag::{Code, Diagnostic, Severity, code};
use crate::policy::nearest;

/// The name for every rule.
const ALL: &str = "all";
/// The name for what `check` says: codes TPC1xxx.
const LANGUAGE: &str = "language";

/// Severities by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    layers: Vec<Layer>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Layer {
    all: Option<Level>,
    language: Option<Level>,
    groups: BTreeMap<Group, Level>,
    codes: BTreeMap<Code, Level>,
}

/// A name that no level can be given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotConfigurable {
    /// With the nearest name.
    Unknown(Option<&'static str>),
    /// Errors of reading: after one, the file is not judged.
    Reading(Code),
}

impl Levels {
    /// Starts a layer that wins over everything before.
    pub fn layer(&mut self) {
        self.layers.push(Layer::default());
    }

    /// Sets a level in the last layer.
    ///
    /// # Errors
    /// The name is not one of a rule, code or group.
    pub fn set(&mut self, name: &str, level: Level) -> Result<(), NotConfigurable> {
        if self.layers.is_empty() {
            self.layer();
        }
        let Some(layer) = self.layers.last_mut() else {
            return Ok(());
        };
        if let Some(&(_, group)) = Group::ALL.iter().find(|(known, _)| *known == name) {
            layer.groups.insert(group, level);
        } else if name == ALL {
            layer.all = Some(level);
        } else if name == LANGUAGE {
            layer.language = Some(level);
        } else {
            layer.codes.insert(code_of(name)?, level);
        }
        Ok(())
    }

    /// The level of a rule.
    pub fn of(&self, rule: &Rule) -> Level {
        let in_layer = |layer: &Layer| {
            let narrow = layer.codes.get(&rule.code);
            let group = narrow.or_else(|| layer.groups.get(&rule.group));
            group.copied().or(layer.all)
        };
        let chosen = self.layers.iter().rev().find_map(in_layer);
        chosen.unwrap_or(rule.level)
    }

    /// The severity of something that no rule found; `None` is off.
    pub fn of_language(&self, diagnostic: &Diagnostic) -> Option<Severity> {
        let code = diagnostic.code;
        let in_layer = |layer: &Layer| {
            let broad = layer.language.filter(|_| is_language(code));
            layer.codes.get(&code).copied().or(broad)
        };
        let is_fixed = is_reading(code) && diagnostic.severity == Severity::Error;
        let chosen = self.layers.iter().rev().find_map(in_layer);
        match chosen.filter(|_| !is_fixed) {
            Some(level) => level.severity(),
            None => Some(diagnostic.severity),
        }
    }
}

fn is_reading(code: Code) -> bool {
    code.0 < 1000
}

fn is_language(code: Code) -> bool {
    code.0 / 1000 == 1
}

/// The code of a rule's name, a code's name or a number such as `TPC2001`.
pub(super) fn code_of(name: &str) -> Result<Code, NotConfigurable> {
    let number = name
        .strip_prefix("TPC")
        .and_then(|digits| digits.parse().ok());
    let by_number = number.map(Code).filter(|code| code.to_string() == name);
    let known = |code: &Code| registry::by_code(*code).is_some() || !code.name().is_empty();
    let by_rule = registry::by_name(name).map(|rule| rule.code);
    let by_name = || code::TABLE.iter().find(|entry| entry.name == name);
    let code = by_number
        .filter(known)
        .or(by_rule)
        .or_else(|| by_name().map(|entry| entry.code));
    match code {
        Some(code) if is_reading(code) && !is_warning(code) => Err(NotConfigurable::Reading(code)),
        Some(code) => Ok(code),
        None => Err(NotConfigurable::Unknown(nearest(name, &names()))),
    }
}

/// The codes of reading that are warnings, not errors, where they are not in the way of judging the file.
fn is_warning(code: Code) -> bool {
    [code::TEMPLATE, code::UNKNOWN_KIND].contains(&code)
}

/// Every name that a level can be given to.
fn names() -> Vec<&'static str> {
    let groups = Group::ALL.iter().map(|(name, _)| *name);
    let rules = registry::RULES.iter().map(|rule| rule.name);
    let codes = code::TABLE.iter().map(|entry| entry.name);
    groups
        .chain([ALL, LANGUAGE])
        .chain(rules)
        .chain(codes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different() {
        let mut all = names();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "{all:?}");
    }

    #[test]
    fn the_narrower_name_wins_and_the_later_layer() {
        let rule = registry::RULES.first().expect("there are rules");
        let mut levels = Levels::default();
        assert_eq!(levels.of(rule), rule.level);
        levels.set(rule.name, Level::Note).expect("a rule");
        levels.set("all", Level::Error).expect("all");
        levels.set(rule.group.name(), Level::Off).expect("a group");
        assert_eq!(levels.of(rule), Level::Note);
        levels.layer();
        levels
            .set(rule.group.name(), Level::Error)
            .expect("a group");
        assert_eq!(levels.of(rule), Level::Error);
    }

    #[test]
    fn errors_of_reading_stay_errors() {
        let mut levels = Levels::default();
        assert_eq!(
            levels.set("yaml-syntax", Level::Off),
            Err(NotConfigurable::Reading(code::SYNTAX))
        );
        assert_eq!(
            levels.set("no-efect", Level::Off),
            Err(NotConfigurable::Unknown(Some("no-effect")))
        );
        assert_eq!(
            levels.set("TPC02001", Level::Off),
            Err(NotConfigurable::Unknown(None))
        );
        levels.set("language", Level::Off).expect("a group");
        levels.set("TPC0010", Level::Off).expect("a warning");
        let error = Diagnostic::error(code::UNKNOWN_KIND, "");
        assert_eq!(levels.of_language(&error), Some(Severity::Error));
        assert_eq!(
            levels.of_language(&Diagnostic::warning(code::UNKNOWN_KIND, "")),
            None
        );
        assert_eq!(
            levels.of_language(&Diagnostic::error(code::BAD_VALUE, "")),
            None
        );
    }
}

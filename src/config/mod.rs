//! `tpc.toml`: what a project asks of tpc.
//!
//! In: the text of the file. Out: a [`Config`], or a diagnostic with its place. Unknown keys are errors with the
//! nearest name: a setting that is misspelt must not be ignored. Not here: finding the file (`cli`).

mod glob;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::diag::{Diagnostic, FileId, Severity, Sources, Span, code};
use crate::lint::{Level, Levels, NotConfigurable, Settings, Target};
use crate::policy::history::Release;
use crate::policy::nearest;

/// Name of the file.
pub const NAME: &str = "tpc.toml";

/// The contents of `tpc.toml`. Every key may be left out.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Where the policies run: the systems that run them, `tetragon` (the default) or `tpc`, and what manages the
    /// nodes, `nomad`, `host` or `kubernetes`.
    pub targets: Vec<TargetName>,
    /// The release of Tetragon that the policies are for, such as `tetragon-1.6`; the newest if absent.
    pub compat: Option<Compat>,
    /// Kernels of the nodes, such as `5.10`.
    pub kernels: Vec<Kernel>,
    /// Which files are looked at.
    pub files: Files,
    /// What `tpc lint` does.
    pub lint: Lint,
}

/// Which files are looked at. Patterns are those of `.gitignore`, without `!` and brackets; they begin at the directory
/// of `tpc.toml`.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Files {
    /// Of the files below a directory, only those that match one of these.
    pub include: Vec<String>,
    /// Never those that match one of these, also if they are named.
    pub exclude: Vec<String>,
}

/// What `tpc lint` does.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Lint {
    /// The least severity that makes the exit status 1; `warning` if absent.
    pub fail_on: Option<SeverityName>,
    /// Whether a comment that ignores a finding must say why; yes if absent.
    pub require_reason: Option<bool>,
    /// A file of known findings, relative to `tpc.toml`.
    pub baseline: Option<String>,
    /// Severity by the name or code of a rule, by group, for `language` (TPC1xxx) or `all`. The narrower name wins.
    #[schemars(with = "BTreeMap<String, LevelName>")]
    pub levels: BTreeMap<Spanned<String>, LevelName>,
}

/// Where policies run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetName {
    Tetragon,
    Tpc,
    Nomad,
    Host,
    Kubernetes,
}

/// A severity that ends a run with exit status 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityName {
    Error,
    Warning,
    Note,
}

/// A severity, or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LevelName {
    Error,
    Warning,
    Note,
    Off,
}

/// `tetragon-MAJOR.MINOR`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = r"^tetragon-([0-9]+\.[0-9]+|main)$"))]
pub struct Compat(Release);

/// `MAJOR.MINOR`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = r"^[0-9]+\.[0-9]+$"))]
pub struct Kernel(u16, u16);

impl TryFrom<String> for Compat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        release(&text).map(Self)
    }
}

impl TryFrom<String> for Kernel {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| digits)
        };
        let parts = text.split_once('.');
        let version = parts.and_then(|(major, minor)| Some(Self(number(major)?, number(minor)?)));
        version.ok_or_else(|| format!("`{text}` is no kernel version: write one such as `5.10`"))
    }
}

/// The release that a text such as `tetragon-1.6` names.
///
/// # Errors
/// There is no such release.
pub fn release(text: &str) -> Result<Release, String> {
    let named = text.strip_prefix("tetragon-").and_then(Release::parse);
    named.ok_or_else(|| {
        let names: Vec<&str> = Release::ALL.iter().map(|(_, name)| *name).collect();
        let names = names.join(", ");
        format!("`{text}` is no release: write one such as `tetragon-1.6` (known are {names})")
    })
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Error => Self::Error,
            SeverityName::Warning => Self::Warning,
            SeverityName::Note => Self::Note,
        }
    }
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Error => Self::Error,
            LevelName::Warning => Self::Warning,
            LevelName::Note => Self::Note,
            LevelName::Off => Self::Off,
        }
    }
}

impl From<TargetName> for Target {
    fn from(name: TargetName) -> Self {
        match name {
            TargetName::Tetragon => Self::Tetragon,
            TargetName::Tpc => Self::Tpc,
            TargetName::Nomad => Self::Nomad,
            TargetName::Host => Self::Host,
            TargetName::Kubernetes => Self::Kubernetes,
        }
    }
}

/// Reads a configuration file that was added to the sources.
///
/// # Errors
/// The text is no TOML, or has a key or value that means nothing.
pub fn read(file: FileId, sources: &Sources) -> Result<Config, Box<Diagnostic>> {
    let text = sources.text(file);
    let config: Config = toml::from_str(text).map_err(|error| Box::new(explain(file, &error)))?;
    // Here, so that a wrong name is shown at its place.
    let mut levels = Levels::default();
    for (name, level) in &config.lint.levels {
        if let Err(why) = levels.set(name.get_ref(), Level::from(*level)) {
            let diagnostic = not_configurable(name.get_ref(), &why);
            return Err(Box::new(diagnostic.at(span(file, Some(name.span())))));
        }
    }
    Ok(config)
}

/// What is wrong with the name of a level.
pub fn not_configurable(name: &str, why: &NotConfigurable) -> Diagnostic {
    let (message, help) = match why {
        NotConfigurable::Unknown(near) => (
            format!("there is no rule or group `{name}`"),
            match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`tpc rules` lists the names".to_owned(),
            },
        ),
        NotConfigurable::Reading(code) => (
            format!("the level of `{code}` cannot be set"),
            "remove it: a file that cannot be read is not judged".to_owned(),
        ),
    };
    Diagnostic::error(code::BAD_CONFIG, message).help(help)
}

fn explain(file: FileId, error: &toml::de::Error) -> Diagnostic {
    let message = error.message();
    let at = span(file, error.span());
    // The words of serde: "unknown field `x`, expected one of `a`, `b`".
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let (Some(name), true) = (quoted.next(), unknown) else {
        let message = message.lines().next().unwrap_or_default();
        return Diagnostic::error(code::BAD_CONFIG, message)
            .at(at)
            .help("correct the line");
    };
    let known: Vec<&str> = quoted.collect();
    let what = if message.starts_with("unknown field") {
        "key"
    } else {
        "value"
    };
    let help = match nearest(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", known.join(", ")),
    };
    Diagnostic::error(code::BAD_CONFIG, format!("there is no {what} `{name}`"))
        .at(at)
        .help(help)
}

fn span(file: FileId, range: Option<std::ops::Range<usize>>) -> Span {
    let range = range.unwrap_or(0..0);
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        file,
        start: offset(range.start),
        end: offset(range.end),
    }
}

impl Config {
    /// What the linter is asked to do.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.levels.layer();
        for (name, level) in &self.lint.levels {
            // `read` has set them all before.
            let _ = settings.levels.set(name.get_ref(), Level::from(*level));
        }
        if !self.targets.is_empty() {
            settings.aim(self.targets.iter().map(|&name| name.into()));
        }
        settings.fit(self.compat.as_ref().map(|compat| compat.0));
        settings.kernels = self.kernels.iter().map(|one| (one.0, one.1)).collect();
        settings.require_reason = self.lint.require_reason.unwrap_or(true);
        settings
    }
}

impl Files {
    /// Whether a path, relative to the directory of the file, is looked at. `found` says that only its directory was
    /// named.
    pub fn takes(&self, path: &str, found: bool) -> bool {
        let among = |patterns: &[String]| patterns.iter().any(|one| glob::matches(one, path));
        let included = !found || self.include.is_empty() || among(&self.include);
        included && !among(&self.exclude)
    }
}

/// JSON Schema of the file.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Config);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::render;

    fn of(text: &str) -> Result<Config, String> {
        let mut sources = Sources::new();
        let file = sources.add(NAME, text);
        read(file, &sources).map_err(|one| render::concise(&[*one], &sources).trim_end().to_owned())
    }

    #[test]
    fn every_key() {
        let config = of(r#"
            targets = ["tpc"]
            compat = "tetragon-1.6"
            kernels = ["5.10"]
            [files]
            include = ["policies"]
            exclude = ["*.tmpl.yaml"]
            [lint]
            fail-on = "error"
            require-reason = false
            baseline = "known.json"
            [lint.levels]
            cost = "off"
            TPC2401 = "error"
        "#);
        let config = config.expect("a good file");
        let settings = config.settings();
        assert_eq!(
            settings.targets,
            [Target::Tpc, Target::Tetragon],
            "`compat` is about Tetragon"
        );
        assert_eq!(settings.kernels, [(5, 10)]);
        assert!(!settings.require_reason);
        let hot = crate::lint::by_name("unfiltered-hot-function").expect("a rule");
        assert_eq!(settings.levels.of(hot), Level::Error);
        assert!(config.files.takes("policies/a.yaml", true));
        assert!(
            !config.files.takes("other/a.yaml", true) && config.files.takes("other/a.yaml", false)
        );
        assert!(!config.files.takes("policies/a.tmpl.yaml", false));
        assert!(of("").is_ok());
    }

    #[test]
    fn mistakes_have_a_place_and_a_way_out() {
        let cases = [
            (
                "target = []",
                "tpc.toml:1:1: error[TPC0019]: there is no key `target` (help: did you mean `targets`?)",
            ),
            (
                "[lint.levels]\ncosts = \"off\"",
                "tpc.toml:2:1: error[TPC0019]: there is no rule or group `costs` (help: did you mean `cost`?)",
            ),
            (
                "[lint.levels]\ncost = \"warn\"",
                "tpc.toml:2:8: error[TPC0019]: there is no value `warn` (help: write one of error, warning, note, off)",
            ),
            (
                "kernels = [\"new\"]",
                "tpc.toml:1:11: error[TPC0019]: `new` is no kernel version: write one such as `5.10` (help: correct the line)",
            ),
            (
                "[lint.levels]\nyaml-syntax = \"off\"",
                "tpc.toml:2:1: error[TPC0019]: the level of `TPC0003` cannot be set (help: remove it: a file that cannot be read is not judged)",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text).err().as_deref(), Some(expected));
        }
        assert!(of("a = [").is_err());
    }
}

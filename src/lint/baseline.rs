//! Findings that are known and accepted: a file that a later run is compared with.
//!
//! Entries are fingerprints: they survive moved lines and changes elsewhere in the file. Code, file and line are kept
//! beside them for people; they are not read. File names are relative to the baseline's directory.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::diag::{Diagnostic, Sources, fingerprints};

/// Version of the file's form.
const VERSION: u32 = 1;

/// The findings of an earlier run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Baseline {
    version: u32,
    findings: Vec<Known>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    fingerprint: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    line: u32,
}

impl Baseline {
    /// Everything that a run found.
    pub fn of(found: &[Diagnostic], sources: &Sources, name_of: &dyn Fn(&str) -> String) -> Self {
        let all = found.iter().zip(fingerprints(found, sources, name_of));
        let known = |(one, fingerprint): (&Diagnostic, String)| Known {
            fingerprint,
            code: one.code.to_string(),
            file: one
                .span
                .map_or_else(String::new, |span| name_of(sources.name(span.file))),
            line: one.span.map_or(0, |span| sources.line_col(span).line),
        };
        Self {
            version: VERSION,
            findings: all.map(known).collect(),
        }
    }

    /// Reads a baseline; the error says what is wrong with it.
    ///
    /// # Errors
    /// The text is not the JSON of a baseline, or of a later version.
    pub fn read(text: &str) -> Result<Self, String> {
        let baseline: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match baseline.version {
            VERSION => Ok(baseline),
            other => Err(format!(
                "its version is {other}, and this release reads {VERSION}"
            )),
        }
    }

    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a baseline is JSON");
        text.push('\n');
        text
    }

    /// Takes the known findings out of a run's. Says how many there were, and how many entries are no longer found.
    pub fn subtract(
        &self,
        found: &mut Vec<Diagnostic>,
        sources: &Sources,
        name_of: &dyn Fn(&str) -> String,
    ) -> (usize, usize) {
        let mut left: BTreeSet<&str> = BTreeSet::new();
        left.extend(self.findings.iter().map(|one| one.fingerprint.as_str()));
        let before = found.len();
        let mut names = fingerprints(found, sources, name_of).into_iter();
        found.retain(|_| names.next().is_none_or(|name| !left.remove(name.as_str())));
        (before - found.len(), left.len())
    }
}

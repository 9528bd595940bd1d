//! The file: JSON, compressed with gzip.
//!
//! `version` changes when a field changes its meaning or goes away; readers ignore fields that they do not know. The
//! schema in `schema/kernel-facts.json` is generated from these types. Names are sorted, and gzip's header has no time,
//! so the same facts are the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

use super::error::Error;

/// Version of the file's form.
pub(super) const VERSION: u32 = 1;
/// Bytes of a file, unpacked, at most. Real ones have some 10 MB.
const MAX_LEN: u64 = 256 << 20;
/// What every gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What is known of a kernel.
///
/// Types are C: `struct file *`, `const char *`, `u32 [4]`. Structures without a name are called after what they are
/// part of: `struct sock#3` is the type of the fourth member of `struct sock`. Pointers to functions are `function *`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Facts {
    /// Version of this form.
    pub version: u32,
    /// `6.1.0-49-cloud-amd64`, as uname(1) has it; empty if it is not known.
    pub release: String,
    /// When and by whom it was built, as uname(1) has it; empty if it is not known.
    pub build: String,
    /// `x86_64` or `aarch64`.
    pub machine: String,
    /// What could not be read, and what that costs.
    pub gaps: Vec<Gap>,
    /// Options of the configuration that matter to policies: `y`, `m`, `n`, or a text.
    pub config: Option<BTreeMap<String, String>>,
    /// The security modules that are active, in their order.
    pub security_modules: Option<Vec<String>>,
    /// The functions of the kernel proper, each with its prototype: `int(struct file *file, int mask)`, or nothing if the
    /// kernel does not describe it.
    pub functions: BTreeMap<String, String>,
    /// The same for functions that ftrace cannot change: neither trampolines nor breakpoints get there. Empty if that is not
    /// known.
    pub untraceable: BTreeMap<String, String>,
    /// Functions of which there are several with the same name.
    pub ambiguous: BTreeSet<String>,
    /// Functions that the kernel protects from breakpoints.
    pub unprobeable: Option<BTreeSet<String>>,
    /// Functions whose result may be replaced.
    pub replaceable: Option<BTreeSet<String>>,
    /// Functions of loaded modules, by module.
    pub modules: BTreeMap<String, BTreeSet<String>>,
    /// Functions that BPF programs can call, by the number in their name: `bpf_loop` is `loop`.
    pub helpers: BTreeSet<String>,
    /// Functions of the kernel that BPF programs can call, if its types say so.
    pub kfuncs: BTreeSet<String>,
    /// Types with a name of their own, and what they stand for.
    pub typedefs: BTreeMap<String, String>,
    /// `struct NAME` and `union NAME` with the types of their members. Members without a name are numbered: `#0`.
    pub structures: BTreeMap<String, BTreeMap<String, String>>,
    /// `subsystem/event`, with the declarations of its fields.
    pub tracepoints: Option<BTreeMap<String, Vec<String>>>,
    /// Raw tracepoints with what their programs are called with.
    pub raw_tracepoints: BTreeMap<String, String>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Gap {
    /// The file and why.
    pub unread: String,
    /// What is not known without it.
    pub cost: String,
}

impl Facts {
    /// Reads a file, compressed or not.
    ///
    /// # Errors
    /// The bytes are no facts of this version, or too many.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        if !bytes.starts_with(&GZIP) {
            return Self::parse(bytes);
        }
        let mut text = Vec::new();
        let read = GzDecoder::new(bytes).take(MAX_LEN).read_to_end(&mut text);
        read.map_err(|error| Error::NotFacts(error.to_string()))?;
        if text.len() as u64 == MAX_LEN {
            return Err(Error::NotFacts("it is too large".to_owned()));
        }
        Self::parse(&text)
    }

    fn parse(text: &[u8]) -> Result<Self, Error> {
        /// What is sure to be there in any version.
        #[derive(Deserialize)]
        struct Any {
            version: u32,
        }
        let wrong = |error: serde_json::Error| Error::NotFacts(error.to_string());
        serde_json::from_slice(text)
            .or_else(|error| {
                // A form of another version is expected not to fit.
                let any: Any = serde_json::from_slice(text).map_err(wrong)?;
                Err(match any.version == VERSION {
                    true => wrong(error),
                    false => Error::Version(any.version),
                })
            })
            .and_then(|facts: Self| match facts.version == VERSION {
                true => Ok(facts),
                false => Err(Error::Version(facts.version)),
            })
    }

    /// The compressed file.
    pub fn write(&self) -> Vec<u8> {
        let gzip = GzBuilder::new().mtime(0).operating_system(255);
        let mut file = gzip.write(Vec::new(), Compression::new(9));
        std::io::Write::write_all(&mut file, &self.to_json())
            .and_then(|()| file.finish())
            .expect("memory takes what is written to it")
    }

    /// The file before compression, one name a line.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("facts have only text keys");
        text.push(b'\n');
        text
    }
}

/// JSON Schema of the file before compression.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Facts);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}

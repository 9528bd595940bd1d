//! `manifest.json`: all that the loader must know of a policy, and how to decode its events.
//!
//! The types are the format; `schema/manifest.json` is generated from them. Unknown fields are errors: a loader must not
//! overlook what a newer compiler asks for.

use serde::{Deserialize, Serialize};

use super::Error;

/// Version of the format. It changes when an older loader would misread a bundle.
pub const FORMAT: u32 = 1;

/// One policy as compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// Name and version of the compiler.
    pub compiler: String,
    /// `metadata.name` of the policy.
    pub policy: String,
    /// Machine that the programs are for.
    pub arch: Arch,
    /// Every other file of the bundle.
    pub files: Vec<File>,
    /// Kernel memory that the maps take.
    pub memory: Memory,
    /// One for each hook of the policy, in its order.
    pub hooks: Vec<Hook>,
    /// Constants that only the node knows.
    pub host_namespaces: Vec<HostNamespace>,
}

/// Machine of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    #[serde(rename = "x86_64")]
    X86_64,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct File {
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Bytes of kernel memory for maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Whatever the number of processors.
    pub fixed: u64,
    /// For each possible processor.
    pub per_cpu: u64,
}

/// A hooked function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// `call` of the policy; system calls by their portable name.
    pub call: String,
    pub syscall: bool,
    /// Line of the policy.
    pub line: u32,
    /// The rest of the policy loads where the kernel lacks the function.
    pub optional: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Values in events, in their order.
    pub args: Vec<Arg>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "return")]
    pub ret: Option<ArgKind>,
    pub selectors: Vec<Selector>,
    /// Ways to attach, best first; the loader takes the first that the node supports.
    pub variants: Vec<Variant>,
}

/// A value of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Arg {
    /// Parameter of the function, from 0.
    pub index: u8,
    #[serde(rename = "type")]
    pub kind: ArgKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Type of a value, as policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArgKind {
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    String,
    CharBuf,
    Filename,
    File,
    Path,
    Dentry,
    Fd,
    LinuxBinprm,
    Sock,
    Sockaddr,
    Cred,
    /// Not read, not in events.
    Nop,
}

/// A selector: what it does to a call that it matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Line of the policy.
    pub line: u32,
    pub effect: Effect,
    /// Whether it writes events.
    pub reports: bool,
    /// Whether the return value decides about the event.
    pub filters_return: bool,
}

/// What a selector achieves, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The call fails before it does anything.
    Prevents,
    /// The process gets a signal; the call itself may still be carried out.
    Signals,
    Observes,
}

/// One way to attach a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Variant {
    pub attach: Attach,
    /// The kernel function.
    pub target: String,
    /// The program for the function's entry.
    pub entry: Program,
    /// The program for its return.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "return")]
    pub ret: Option<Program>,
}

/// A program of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Symbol in the object.
    pub name: String,
    /// Instructions, with the functions that it calls.
    pub instructions: u32,
    /// Helper functions that the kernel must have, without `bpf_`.
    pub helpers: Vec<String>,
}

/// Mechanism of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Attach {
    /// Trampolines at entry and return.
    Fentry,
    /// Trampoline whose result replaces the function's.
    FmodRet,
    /// Breakpoints at entry and return.
    Kprobe,
    /// Breakpoint with `bpf_override_return`.
    KprobeOverride,
}

/// Four bytes of constants that get the inode number of a namespace of process 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "compiler", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HostNamespace {
    /// Byte of the object's constants.
    pub offset: u32,
    /// File below `/proc/1/ns`.
    pub namespace: String,
}

impl Manifest {
    /// The file's bytes: indented JSON that ends in a line break.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Decodes a manifest of this format.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        /// Only this field has its place in every format.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let refused = |error: serde_json::Error| Error::Manifest(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(refused)?;
        if head.format != FORMAT {
            return Err(Error::Format(head.format));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(refused)?;
        manifest.validate().map_err(Error::Manifest)?;
        Ok(manifest)
    }

    /// What the types do not say.
    fn validate(&self) -> Result<(), String> {
        if !is_policy_name(&self.policy) {
            return Err(format!(
                "`{}` is not a policy's name",
                self.policy.escape_debug()
            ));
        }
        if let Some(hook) = self.hooks.iter().find(|hook| hook.variants.is_empty()) {
            return Err(format!(
                "hook `{}` has no program",
                hook.call.escape_debug()
            ));
        }
        Ok(())
    }

    /// What the manifest says of a file.
    pub fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// DNS-1123 subdomain, as Kubernetes wants names: the only text of a bundle that becomes a path.
fn is_policy_name(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty()
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn example() -> Manifest {
        Manifest {
            format: FORMAT,
            compiler: "tpc 0".to_owned(),
            policy: "a.b-c".to_owned(),
            arch: Arch::X86_64,
            files: Vec::new(),
            memory: Memory {
                fixed: 1,
                per_cpu: 2,
            },
            hooks: Vec::new(),
            host_namespaces: Vec::new(),
        }
    }

    #[test]
    fn a_manifest_reads_as_it_was_written() {
        let manifest = example();
        assert_eq!(
            Manifest::parse(&manifest.to_json()).expect("a manifest"),
            manifest
        );
    }

    #[test]
    fn a_newer_format_is_named_before_its_unknown_fields() {
        let newer = br#"{"format": 7, "something": "new"}"#;
        assert!(matches!(Manifest::parse(newer), Err(Error::Format(7))));
    }

    #[test]
    fn names_that_leave_their_directory_are_refused() {
        for name in [
            "",
            "..",
            "a/b",
            "/a",
            "a..b",
            "A",
            "-a",
            "a\0",
            &"a".repeat(254),
        ] {
            let manifest = Manifest {
                policy: name.to_owned(),
                ..example()
            };
            assert!(Manifest::parse(&manifest.to_json()).is_err(), "{name:?}");
        }
    }
}

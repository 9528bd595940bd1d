//! Bundles for the guest, compiled from policies.
//!
//! In: YAML. Out: the files of a bundle, as they are or with some of the ways to attach taken out of the manifest.

use serde_json::Value;
use tpc::bundle::{Files, MANIFEST};
use tpc::compile::{Compiled, compile};
use tpc::diag::{Sink, Sources};

use crate::harness::cpio::Archive;

/// Compiles the one policy of a text; an error lists the diagnostics.
pub(crate) fn compiled(text: &str) -> Result<Compiled, String> {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file = tpc::yaml::text("policy.yaml", text.as_bytes(), &mut sources, &mut sink);
    let policies = file.map(|file| tpc::policy::decode(file, &sources, &mut sink));
    let compiled = match policies.as_deref() {
        Some([policy]) => compile(policy, &sources, &mut sink),
        _ => None,
    };
    if let Some(compiled) = compiled {
        return Ok(compiled);
    }
    let lines = sink.into_sorted().into_iter().map(|one| {
        let line = one.span.map_or(0, |span| sources.line_col(span).line);
        format!("line {line}: {}\n", one.message)
    });
    Err(lines.collect())
}

/// The files of a bundle whose hooks can only be attached by kprobes.
pub(crate) fn with_kprobes_only(files: &Files) -> Files {
    edited(files, |manifest| {
        for hook in manifest["hooks"].as_array_mut().into_iter().flatten() {
            let variants = hook["variants"]
                .as_array_mut()
                .expect("hooks have variants");
            variants.retain(|variant| variant["attach"] == "kprobe");
        }
    })
}

/// The files of a bundle with another manifest.
pub(crate) fn edited(files: &Files, edit: impl FnOnce(&mut Value)) -> Files {
    let mut files = files.clone();
    let bytes = files.get_mut(MANIFEST).expect("a bundle has a manifest");
    let mut manifest: Value = serde_json::from_slice(bytes).expect("manifests are JSON");
    edit(&mut manifest);
    *bytes = manifest.to_string().into_bytes();
    files
}

/// Puts a bundle's files into a directory of the guest.
pub(crate) fn place(archive: &mut Archive, directory: &str, files: &Files) {
    for (name, bytes) in files {
        archive.file(&format!("{directory}/{name}"), 0o644, bytes.clone());
    }
}

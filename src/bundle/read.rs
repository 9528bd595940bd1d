//! Bundles from disk, verified.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::{
    Error, Files, MANIFEST, MAX_BUNDLES, MAX_FILE, Manifest, OBJECT, SOURCE, sha256, unpack,
};

/// A bundle whose files are those of its manifest.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub manifest: Manifest,
    pub object: Vec<u8>,
}

/// Names that a bundle may hold beside those of its manifest.
const EXTRA: &[&str] = &[MANIFEST, "manifest.json.minisig"];

impl Bundle {
    /// Verifies the files of a bundle: digests first, then everything else.
    pub fn verify(mut files: Files) -> Result<Self, Error> {
        let bytes = files
            .get(MANIFEST)
            .ok_or_else(|| Error::Missing(MANIFEST.to_owned()))?;
        let manifest = Manifest::parse(bytes)?;
        for file in &manifest.files {
            let bytes = files
                .get(&file.name)
                .ok_or_else(|| Error::Missing(file.name.clone()))?;
            if bytes.len() as u64 != file.size || sha256(bytes) != file.sha256 {
                return Err(Error::Changed(file.name.clone()));
            }
        }
        let known = |name: &String| manifest.file(name).is_some() || EXTRA.contains(&name.as_str());
        if let Some(name) = files.keys().find(|name| !known(name)) {
            return Err(Error::Unknown(name.clone()));
        }
        for name in [OBJECT, SOURCE] {
            if manifest.file(name).is_none() {
                return Err(Error::Manifest(format!("it does not describe `{name}`")));
            }
        }
        let object = files
            .remove(OBJECT)
            .ok_or_else(|| Error::Missing(OBJECT.to_owned()))?;
        Ok(Self { manifest, object })
    }
}

/// The bundles at a path: an archive, a bundle's directory, or a directory of such directories; sorted by name.
pub fn open(path: &Path) -> Result<Vec<Bundle>, Error> {
    let io = |error| Error::Io(path.to_owned(), error);
    let found: BTreeMap<String, Files> = if fs::metadata(path).map_err(io)?.is_dir() {
        directory(path)?
    } else {
        unpack(File::open(path).map_err(io)?)?
    };
    if found.is_empty() {
        return Err(Error::NoBundle(path.to_owned()));
    }
    found.into_values().map(Bundle::verify).collect()
}

fn directory(path: &Path) -> Result<BTreeMap<String, Files>, Error> {
    if path.join(MANIFEST).exists() {
        return Ok(BTreeMap::from([(String::new(), files(path)?)]));
    }
    let mut bundles = BTreeMap::new();
    for entry in entries(path)? {
        if entry.join(MANIFEST).is_file() {
            bundles.insert(entry.display().to_string(), files(&entry)?);
        }
    }
    Ok(bundles)
}

fn entries(path: &Path) -> Result<Vec<std::path::PathBuf>, Error> {
    let io = |error| Error::Io(path.to_owned(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        found.push(entry.map_err(io)?.path());
        if found.len() > MAX_BUNDLES {
            return Err(Error::TooLarge(path.display().to_string()));
        }
    }
    found.sort();
    Ok(found)
}

/// The regular files of a bundle's directory.
fn files(path: &Path) -> Result<Files, Error> {
    let mut files = Files::new();
    for entry in entries(path)? {
        let io = |error| Error::Io(entry.clone(), error);
        let name = entry
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !fs::symlink_metadata(&entry).map_err(io)?.is_file() {
            return Err(Error::Unknown(name));
        }
        let mut bytes = Vec::new();
        File::open(&entry)
            .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
            .map_err(io)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(Error::TooLarge(name));
        }
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{Arch, FORMAT, File as Described, Memory};
    use super::*;

    fn files() -> Files {
        let contents = [(OBJECT, &b"object"[..]), (SOURCE, &b"source"[..])];
        let describe = |(name, bytes): &(&str, &[u8])| Described {
            name: (*name).to_owned(),
            size: bytes.len() as u64,
            sha256: sha256(bytes),
        };
        let manifest = Manifest {
            format: FORMAT,
            compiler: "tpc".to_owned(),
            policy: "p".to_owned(),
            arch: Arch::X86_64,
            files: contents.iter().map(describe).collect(),
            memory: Memory {
                fixed: 0,
                per_cpu: 0,
            },
            hooks: Vec::new(),
            host_namespaces: Vec::new(),
        };
        let mut files: Files = contents
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()))
            .collect();
        files.insert(MANIFEST.to_owned(), manifest.to_json());
        files
    }

    #[test]
    fn a_bundle_is_what_its_manifest_says() {
        assert_eq!(Bundle::verify(files()).expect("a bundle").object, b"object");
    }

    #[test]
    fn any_changed_missing_or_added_file_is_refused() {
        for name in [OBJECT, SOURCE] {
            let mut changed = files();
            changed.get_mut(name).expect("a file")[0] ^= 1;
            assert!(matches!(Bundle::verify(changed), Err(Error::Changed(_))));
            let mut missing = files();
            missing.remove(name);
            assert!(matches!(Bundle::verify(missing), Err(Error::Missing(_))));
        }
        let mut added = files();
        added.insert("extra".to_owned(), Vec::new());
        assert!(matches!(Bundle::verify(added), Err(Error::Unknown(_))));
    }
}

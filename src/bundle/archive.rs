//! `.tar.gz` archives with any number of bundles.
//!
//! Members are regular files `NAME/FILE`, sorted, without times, owners or links. Reading accepts what writing makes, in any
//! order, and nothing else; sizes are bounded before memory is taken, so that a small archive cannot fill a node.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::{Error, Files, MAX_BUNDLES, MAX_FILE};

/// Files of a bundle, at most.
const MAX_FILES: usize = 8;
/// Unpacked bytes of an archive, at most.
const MAX_ARCHIVE: u64 = 1 << 30;

/// The archive of some bundles, each with the directory that it gets.
pub fn pack(bundles: &BTreeMap<String, Files>) -> io::Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).operating_system(255);
    let mut tar = tar::Builder::new(gzip.write(Vec::new(), Compression::new(9)));
    for (directory, files) in bundles {
        for (name, bytes) in files {
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Regular);
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            tar.append_data(&mut header, format!("{directory}/{name}"), bytes.as_slice())?;
        }
    }
    tar.into_inner()?.finish()
}

/// The bundles of an archive, by directory.
pub fn unpack(reader: impl Read) -> Result<BTreeMap<String, Files>, Error> {
    let mut bundles: BTreeMap<String, Files> = BTreeMap::new();
    let mut archive = tar::Archive::new(MultiGzDecoder::new(reader).take(MAX_ARCHIVE));
    let refused = |error: io::Error| Error::Archive(error.to_string());
    for entry in archive.entries().map_err(refused)? {
        let mut entry = entry.map_err(refused)?;
        let path = entry.path_bytes().into_owned();
        let path = String::from_utf8(path)
            .map_err(|_| Error::Archive("a name that is not UTF-8".to_owned()))?;
        let Some((directory, name)) = place(&path, entry.header().entry_type())? else {
            continue;
        };
        if entry.size() > MAX_FILE {
            return Err(Error::TooLarge(path));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(refused)?;
        let files = bundles.entry(directory).or_default();
        if files.insert(name, bytes).is_some() {
            return Err(Error::Archive(format!("`{path}` twice")));
        }
        if files.len() > MAX_FILES || bundles.len() > MAX_BUNDLES {
            return Err(Error::Archive("too many files".to_owned()));
        }
    }
    Ok(bundles)
}

/// Directory and name of a member; `None` for a directory, which other tools add.
fn place(path: &str, kind: EntryType) -> Result<Option<(String, String)>, Error> {
    if kind == EntryType::Directory {
        return Ok(None);
    }
    if kind != EntryType::Regular {
        return Err(Error::Archive(format!("`{path}` is not a regular file")));
    }
    let parts: Vec<&str> = path.trim_start_matches("./").split('/').collect();
    match parts[..] {
        [directory, name] if !directory.is_empty() && !name.is_empty() && directory != ".." => {
            Ok(Some((directory.to_owned(), name.to_owned())))
        }
        _ => Err(Error::Archive(format!("`{path}` is not NAME/FILE"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundles() -> BTreeMap<String, Files> {
        let files = |text: &str| {
            Files::from([
                ("b".to_owned(), text.as_bytes().to_vec()),
                ("a".to_owned(), vec![]),
            ])
        };
        BTreeMap::from([
            ("two".to_owned(), files("second")),
            ("one".to_owned(), files("first")),
        ])
    }

    #[test]
    fn an_archive_reads_as_it_was_packed_and_packs_to_the_same_bytes() {
        let bytes = pack(&bundles()).expect("memory can be written");
        assert_eq!(unpack(bytes.as_slice()).expect("an archive"), bundles());
        assert_eq!(pack(&bundles()).expect("memory can be written"), bytes);
    }

    #[test]
    fn every_cut_archive_is_refused_or_empty() {
        let bytes = pack(&bundles()).expect("memory can be written");
        for len in 0..bytes.len() {
            if let Ok(found) = unpack(&bytes[..len]) {
                assert!(found.is_empty() || found == bundles(), "cut at {len}");
            }
        }
    }

    fn member(path: &str, kind: EntryType) -> Result<BTreeMap<String, Files>, Error> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        // The library refuses bad names; the format does not.
        header.as_gnu_mut().expect("a GNU header").name[..path.len()]
            .copy_from_slice(path.as_bytes());
        if kind == EntryType::Symlink {
            header.set_link_name("/etc/shadow").expect("a short name");
        }
        header.set_cksum();
        let gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        tar.append(&header, &[][..]).expect("memory can be written");
        let bytes = tar
            .into_inner()
            .and_then(|gzip| gzip.finish())
            .expect("memory can be written");
        unpack(bytes.as_slice())
    }

    #[test]
    fn links_and_paths_that_leave_the_archive_are_refused() {
        assert!(member("p/manifest.json", EntryType::Symlink).is_err());
        for path in ["../x", "/etc/passwd", "a/b/c", "plain", "a/"] {
            assert!(member(path, EntryType::Regular).is_err(), "{path}");
        }
        assert!(member("a/x", EntryType::Regular).is_ok());
    }
}

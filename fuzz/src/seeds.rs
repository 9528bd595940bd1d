//! Writes the first inputs of the fuzz targets to `fuzz/corpus`: the examples, in each of their forms.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use tpc::bundle::{MANIFEST, pack};
use tpc::object::Object;
use tpc::sim::kernel::Kernel;
use tpc_fuzz::{Example, bundles, root};

fn main() -> io::Result<()> {
    let corpus = root().join("fuzz/corpus");
    let examples = bundles();
    for example in &examples {
        seed(&corpus, example)?;
    }
    for (name, kernel) in [("recent", Kernel::recent()), ("old", Kernel::old())] {
        put(&corpus, "btf", name, &kernel.btf.encode())?;
    }
    let tests = root().join("tests/golden");
    for (number, path) in yaml_files(&tests)?.iter().enumerate() {
        put(
            &corpus,
            "yaml",
            &format!("golden-{number}"),
            &fs::read(path)?,
        )?;
    }
    let symbols = b"ffffffff81000000 T _text\nffffffffc0000000 t f\t[module]\n0 A x\n";
    put(&corpus, "node", "symbols", symbols)
}

fn seed(corpus: &Path, example: &Example) -> io::Result<()> {
    let name = &example.name;
    put(corpus, "yaml", name, &example.source)?;
    put(corpus, "manifest", name, &example.files[MANIFEST])?;
    put(corpus, "object", name, &example.object)?;
    let object = Object::read(&example.object).expect("objects read as they were written");
    put(corpus, "btf", name, &object.btf.encode())?;
    let archive = pack(&BTreeMap::from([(name.clone(), example.files.clone())]))?;
    put(corpus, "archive", &format!("{name}.tar.gz"), &archive)?;
    let mut tar = Vec::new();
    GzDecoder::new(archive.as_slice()).read_to_end(&mut tar)?;
    put(corpus, "archive", &format!("{name}.tar"), &tar)?;
    // Records with as many sections as the first hook has values, each of some bytes.
    for len in [8_u32, 72, 80] {
        let sections = example.manifest.hooks[0].args.len() + 4;
        let mut record = vec![0; 96];
        record[6] = sections as u8;
        for _ in 0..sections {
            record.extend(len.to_le_bytes());
            record.extend([0; 4]);
            record.extend(vec![2; len.next_multiple_of(8) as usize]);
        }
        let length = u16::try_from(record.len())
            .expect("a short record")
            .to_le_bytes();
        put(
            corpus,
            "record",
            &format!("{name}-{len}"),
            &[&[0][..], &length, &record].concat(),
        )?;
    }
    Ok(())
}

fn yaml_files(directory: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(yaml_files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn put(corpus: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let directory = corpus.join(target);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join(name), bytes)
}

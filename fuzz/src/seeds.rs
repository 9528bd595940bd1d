//! The first inputs of the targets: the examples, in each of their forms.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tpc::bundle::{MANIFEST, pack};
use tpc::facts::{NAMES, shipped};
use tpc::object::Object;
use tpc::sim::kernel::Kernel;

use super::bundles::{Example, bundles, root};

/// A first input of a target.
pub struct Seed {
    pub target: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
}

fn seed(target: &'static str, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed {
        target,
        name: name.into(),
        bytes: bytes.into(),
    }
}

/// All of them.
///
/// # Panics
/// If the project is not there, or its examples do not compile.
pub fn all() -> Vec<Seed> {
    let mut all = Vec::new();
    for (number, example) in bundles().iter().enumerate() {
        all.extend(texts(example, number));
        all.extend(binaries(example));
    }
    for (name, kernel) in [("recent", Kernel::recent()), ("old", Kernel::old())] {
        all.push(seed("btf", name, kernel.btf.encode()));
    }
    let golden = yaml_files(&root().join("tests/golden"));
    for (number, path) in golden.iter().enumerate() {
        let text = fs::read(path).expect("a readable file");
        all.push(seed("yaml", format!("golden-{number}"), text));
    }
    all.push(seed("facts", "some", some_facts()));
    all.push(seed("config", "some", CONFIG));
    all.push(seed("node", "symbols", SYMBOLS));
    all
}

const CONFIG: &str = r#"targets = ["nomad"]
compat = "tetragon-1.6"
kernels = ["debian-12", "5.10"]
[files]
exclude = ["a/**"]
[lint]
fail-on = "error"
levels = { language = "error", TPC2201 = "off" }
"#;

const SYMBOLS: &str = "ffffffff81000000 T _text\nffffffffc0000000 t f\t[module]\n0 A x\n";

/// A policy as its author sees it, and its tests.
fn texts(example: &Example, number: usize) -> Vec<Seed> {
    let name = &example.name;
    let number = u8::try_from(number).expect("a few examples");
    let tests = [&[number], example.tests.as_slice()].concat();
    let mut all = vec![
        seed("yaml", name, example.source.as_slice()),
        seed("tests", name, tests),
    ];
    // Without anything; with all targets, a kernel and a release; with another target and release.
    for settings in [[0, 63], [0xff, 0x43], [2, 4]] {
        let input = [&settings[..], &example.source].concat();
        all.push(seed("lint", format!("{name}-{}", settings[1]), input));
    }
    all
}

/// A bundle and its parts.
fn binaries(example: &Example) -> Vec<Seed> {
    let name = &example.name;
    let object = Object::read(&example.object).expect("objects read as they were written");
    let bundle = BTreeMap::from([(name.clone(), example.files.clone())]);
    let archive = pack(&bundle).expect("an archive in memory");
    let mut tar = Vec::new();
    let read = GzDecoder::new(archive.as_slice()).read_to_end(&mut tar);
    read.expect("what was packed can be unpacked");
    let mut all = vec![
        seed("manifest", name, example.files[MANIFEST].as_slice()),
        seed("object", name, example.object.as_slice()),
        seed("btf", name, object.btf.encode()),
        seed("archive", format!("{name}.tar.gz"), archive),
        seed("archive", format!("{name}.tar"), tar),
    ];
    for len in [8, 72, 80] {
        all.push(seed(
            "record",
            format!("{name}-{len}"),
            record(example, len),
        ));
    }
    all
}

/// A record with as many sections as the first hook has values, each of some bytes.
fn record(example: &Example, len: u32) -> Vec<u8> {
    let sections = example.manifest.hooks[0].args.len() + 4;
    let mut record = vec![0; 96];
    record[6] = sections as u8;
    for _ in 0..sections {
        record.extend(len.to_le_bytes());
        record.extend([0; 4]);
        record.extend(vec![2; len.next_multiple_of(8) as usize]);
    }
    let length = u16::try_from(record.len()).expect("a short record");
    [&[0][..], &length.to_le_bytes(), &record].concat()
}

/// A part of the facts of a kernel that is small enough to be changed everywhere.
fn some_facts() -> Vec<u8> {
    let facts = shipped(NAMES[0]).expect("a kernel that ships");
    let mut facts = facts.expect("its facts can be read");
    let some =
        |name: &String| name.starts_with("security_file") || name.starts_with("__x64_sys_op");
    facts.functions.retain(|name, _| some(name));
    facts.untraceable.clear();
    facts.ambiguous.clear();
    for names in [&mut facts.unprobeable, &mut facts.replaceable] {
        names.iter_mut().for_each(|names| names.retain(some));
    }
    facts.modules.clear();
    let structures = ["struct file", "struct path"];
    facts
        .structures
        .retain(|name, _| structures.contains(&name.as_str()));
    facts.typedefs.retain(|name, _| name.starts_with('u'));
    facts
        .raw_tracepoints
        .retain(|name, _| name.starts_with("sched"));
    if let Some(all) = &mut facts.tracepoints {
        all.retain(|name, _| name.starts_with("sched/"));
    }
    facts.to_json()
}

fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

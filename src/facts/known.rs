//! What any of the shipped kernels has, for policies whose kernels are not named.
//!
//! `facts/functions.gz` has the names of their functions, one a line, sorted; `facts/tracepoints.gz` a tracepoint a line,
//! its fields behind it, each after a tab. A field on which the kernels differ is empty. Both are written from the facts of
//! the kernels: `TPC_BLESS=1 cargo test --lib known`. Each is unpacked when it is first asked for, within some milliseconds;
//! reading the facts themselves takes a hundred.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{LazyLock, OnceLock};

use flate2::read::GzDecoder;

use super::file::Facts;
use super::shipped::{NAMES, shipped};

static FUNCTIONS_TEXT: LazyLock<String> =
    LazyLock::new(|| unpacked(include_bytes!("../../facts/functions.gz")));
static TRACEPOINTS_TEXT: LazyLock<String> =
    LazyLock::new(|| unpacked(include_bytes!("../../facts/tracepoints.gz")));

static FUNCTIONS: LazyLock<Vec<&str>> = LazyLock::new(|| FUNCTIONS_TEXT.lines().collect());
static TRACEPOINTS: LazyLock<BTreeMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let lines = TRACEPOINTS_TEXT.lines().map(|line| {
        let mut parts = line.split('\t');
        (parts.next().unwrap_or(""), parts.collect())
    });
    lines.collect()
});

/// The text of a file of the program, which a test reads too.
fn unpacked(file: &[u8]) -> String {
    let mut text = String::new();
    let read = GzDecoder::new(file).read_to_string(&mut text);
    read.expect("a file of the program can be unpacked");
    text
}

/// Whether any of the kernels has a function.
pub fn has_function(name: &str) -> bool {
    FUNCTIONS.binary_search(&name).is_ok()
}

/// The functions of all kernels, sorted.
pub fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().copied()
}

/// The fields of a tracepoint `subsystem/event`, as it has most of them. Empty where the kernels differ.
pub fn fields(tracepoint: &str) -> Option<&'static [&'static str]> {
    TRACEPOINTS.get(tracepoint).map(Vec::as_slice)
}

/// The tracepoints of all kernels, `subsystem/event`, sorted.
pub fn tracepoints() -> impl Iterator<Item = &'static str> {
    TRACEPOINTS.keys().copied()
}

/// The kernels, newest first, each read when it is first asked for.
pub fn kernels() -> impl Iterator<Item = &'static Facts> {
    static READ: [OnceLock<Option<Facts>>; NAMES.len()] = [const { OnceLock::new() }; NAMES.len()];
    let read = READ.iter().zip(NAMES).rev();
    read.filter_map(|(cell, name)| cell.get_or_init(|| shipped(name)?.ok()).as_ref())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::path::Path;

    use flate2::{Compression, GzBuilder};

    use super::*;

    /// The lines of both files.
    fn written() -> (String, String) {
        let (mut functions, mut tracepoints) = (BTreeSet::new(), BTreeMap::new());
        for kernel in kernels() {
            functions.extend(kernel.names());
            for (name, fields) in kernel.tracepoints.iter().flatten() {
                let all: &mut Vec<&str> = tracepoints.entry(name.as_str()).or_default();
                for (at, field) in fields.iter().enumerate() {
                    match all.get_mut(at) {
                        None => all.push(field),
                        Some(known) if *known != field => *known = "",
                        Some(_) => {}
                    }
                }
            }
        }
        let functions = functions.into_iter().map(|name| format!("{name}\n"));
        let line = |(name, fields): (&str, Vec<&str>)| format!("{name}\t{}\n", fields.join("\t"));
        (
            functions.collect(),
            tracepoints.into_iter().map(line).collect(),
        )
    }

    fn bless(name: &str, text: &str) {
        let gzip = GzBuilder::new().mtime(0).operating_system(255);
        let mut file = gzip.write(Vec::new(), Compression::new(9));
        file.write_all(text.as_bytes()).expect("memory");
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("facts")
            .join(name);
        std::fs::write(path, file.finish().expect("memory")).expect("the file is writable");
    }

    #[test]
    fn the_files_have_what_the_kernels_have() {
        let (functions, tracepoints) = written();
        if std::env::var_os("TPC_BLESS").is_some() {
            bless("functions.gz", &functions);
            bless("tracepoints.gz", &tracepoints);
            return;
        }
        assert!(*FUNCTIONS_TEXT == functions, "facts/functions.gz is old");
        assert!(
            *TRACEPOINTS_TEXT == tracepoints,
            "facts/tracepoints.gz is old"
        );
    }

    #[test]
    fn answers_of_any_kernel() {
        assert!(has_function("security_file_open") && !has_function("security_file_opens"));
        // One has come, one has gone.
        assert!(has_function("security_file_truncate") && has_function("vfs_tmpfile_open"));
        let fields = fields("sched/sched_switch").expect("a tracepoint");
        assert_eq!(fields.get(4), Some(&"char prev_comm[16]"));
        assert_eq!(kernels().count(), NAMES.len());
    }
}

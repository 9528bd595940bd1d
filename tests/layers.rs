//! The module graph of `docs/architecture.md`: dependencies only point down.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module and the modules it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("kernel", &[]),
    ("asm", &["kernel"]),
    ("btf", &["kernel"]),
    ("elf", &[]),
    ("lab", &[]),
    ("attach", &["kernel", "btf"]),
    ("facts", &["attach", "btf"]),
    ("ir", &["diag", "kernel"]),
    ("yaml", &["diag"]),
    ("bundle", &["diag", "kernel"]),
    ("policy", &["diag", "yaml"]),
    ("check", &["diag", "kernel", "policy", "ir"]),
    (
        "lint",
        &[
            "diag", "kernel", "attach", "facts", "yaml", "policy", "check", "ir",
        ],
    ),
    ("plain", &["diag", "kernel", "policy", "check"]),
    ("config", &["diag", "policy", "lint"]),
    ("lower", &["diag", "check", "ir"]),
    ("object", &["diag", "kernel", "asm", "btf", "elf"]),
    ("codegen", &["diag", "kernel", "asm", "ir", "object"]),
    (
        "sim",
        &["diag", "kernel", "asm", "btf", "object", "bundle", "ir"],
    ),
    (
        "loader",
        &["diag", "kernel", "asm", "attach", "btf", "object", "bundle"],
    ),
    (
        "compile",
        &[
            "diag", "kernel", "asm", "yaml", "policy", "check", "lower", "ir", "codegen", "object",
            "bundle",
        ],
    ),
    (
        "testing",
        &[
            "diag", "kernel", "yaml", "policy", "check", "lower", "ir", "bundle", "sim", "compile",
            "lab",
        ],
    ),
    (
        "cli",
        &[
            "diag", "bundle", "object", "check", "compile", "config", "facts", "lab", "lint",
            "plain", "policy", "testing", "yaml",
        ],
    ),
];

#[test]
fn dependencies_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut problems = Vec::new();
    for (module, allowed) in LAYERS {
        for file in sources(&src, module) {
            let text = fs::read_to_string(&file).expect("a source file is readable");
            for name in named_modules(&text) {
                if name != *module && is_layer(&name) && !allowed.contains(&name.as_str()) {
                    problems.push(format!("{} names crate::{name}", file.display()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).expect("src/lib.rs is readable");
    let declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(declared.len() > 10, "{declared:?}");
    for module in declared {
        assert!(
            is_layer(module),
            "src/lib.rs declares {module}, which has no layer"
        );
    }
}

#[test]
fn layers_are_listed_bottom_up() {
    for (position, (module, allowed)) in LAYERS.iter().enumerate() {
        for below in *allowed {
            let found = LAYERS.iter().position(|(name, _)| name == below);
            assert!(
                found.is_some_and(|found| found < position),
                "{module} lists {below}"
            );
        }
    }
}

fn is_layer(name: &str) -> bool {
    LAYERS.iter().any(|(module, _)| *module == name)
}

/// `src/<module>.rs` and everything under `src/<module>/`.
fn sources(src: &Path, module: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let single = src.join(format!("{module}.rs"));
    if single.exists() {
        found.push(single);
    }
    let mut folders = vec![src.join(module)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a directory entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// First segments after `crate::`, outside comments.
fn named_modules(text: &str) -> BTreeSet<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

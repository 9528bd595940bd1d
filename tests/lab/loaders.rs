//! Objects are ordinary BPF objects: libbpf, here in bpftool, loads every example.

use tpc::bundle::OBJECT;
use tpc::compile::Compiled;

use crate::bundles::compiled;
use crate::harness::cpio::Archive;
use crate::harness::job::End;
use crate::harness::project_root;
use crate::script::{self, Script, Step};

/// Functions that examples hook and that only the newer kernel has.
const NEWER: [(&str, &str); 1] = [("web-root", "security_file_truncate")];

#[test]
fn bpftool_loads_the_examples() {
    let mut files = Archive::default();
    let mut scripts = Vec::new();
    let directory = project_root().join("policies/examples");
    let entries = std::fs::read_dir(directory).expect("the directory of examples");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !tpc::testing::is_test_file(path))
        .collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("an example");
        let policy =
            compiled(&text).unwrap_or_else(|problems| panic!("{}: {problems}", path.display()));
        let name = &policy.name;
        let object = format!("/lab/objects/{name}.o");
        files.file(&object, 0o644, policy.files[OBJECT].clone());
        let newer = NEWER.iter().find(|(example, _)| example == name);
        if let Some((_, function)) = newer {
            let load = Step::run(&format!("bpftool prog load {object} /sys/fs/bpf/{name}"));
            scripts.push(Script {
                kernel: Some("debian-12"),
                ..script(name, vec![load.ends(End::Exit(255)).says(function)])
            });
        }
        scripts.push(Script {
            kernel: newer.map(|_| "debian-12-6.12"),
            ..script(name, load_all(name, &object, &policy))
        });
    }
    script::run(&scripts, &files, &[]);
}

/// Loads and pins all programs.
fn load_all(name: &str, object: &str, policy: &Compiled) -> Vec<Step> {
    let pin = format!("/sys/fs/bpf/{name}");
    let tree = Step::run(&format!("tree {pin}"));
    let programs = policy.object.programs();
    vec![
        Step::run(&format!("bpftool prog loadall {object} {pin}")),
        programs.fold(tree, |step, program| {
            step.says(&format!("{pin}/{}\n", program.name))
        }),
        Step::run(&format!("clear {pin}")),
    ]
}

fn script(name: &str, steps: Vec<Step>) -> Script {
    let mut all = vec![Step::run("bpf-save /run/before")];
    all.extend(steps);
    all.push(Step::run("bpf-same /run/before"));
    Script {
        name: format!("bpftool loads `{name}`"),
        kernel: None,
        steps: all,
    }
}

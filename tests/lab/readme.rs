//! The commands for a node in the README do there what it shows.
//!
//! In: sessions of the README whose prompt is that of root. Out: a panic where a kernel of the lab prints something else; `…` stands
//! for any text. Once the policy is loaded, a task runs what it forbids.

use crate::blocks::{Block, agrees, blocks, session};
use crate::bundles;
use crate::harness::build::{LOADER, TRIGGER};
use crate::harness::cpio::Archive;
use crate::harness::job::Job;
use crate::harness::qemu::Clock;
use crate::harness::{KERNELS, Lab, project_root};
use crate::script::with_links;

const PACKAGE_MANAGER: &str = "/usr/bin/apt-get";
/// What a task does, before the command that shows it.
const TASK: [&str; 6] = [TRIGGER, "unshare", "mnt", "--", "exec", PACKAGE_MANAGER];
const SHOWS_IT: &str = "tpc-loader events";

#[test]
fn readme_on_a_node() {
    let mut files = Archive::default();
    let policy = read("policies/examples/package-managers.yaml");
    let policy = bundles::compiled(&policy).expect("the example compiles");
    bundles::place(&mut files, "/local/bundles/package-managers", &policy.files);
    let link = (TRIGGER.to_owned(), PACKAGE_MANAGER.to_owned());
    let files = with_links(&files, &[link]);

    let commands = commands();
    let jobs: Vec<Job> = commands
        .iter()
        .flat_map(|(command, _)| {
            let task = command.starts_with(SHOWS_IT).then(|| Job::new(TASK));
            task.into_iter().chain([job(command)])
        })
        .collect();
    for kernel in KERNELS {
        let outcomes = Lab::shared().boot(kernel, &files, &jobs, Clock::Host);
        let outcomes = outcomes.unwrap_or_else(|error| panic!("kernel {}: {error}", kernel.name));
        let by_loader = jobs
            .iter()
            .zip(&outcomes)
            .filter(|(job, _)| job.argv[0] == LOADER);
        for ((command, shown), (_, outcome)) in commands.iter().zip(by_loader) {
            let printed = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(
                agrees(shown, &printed),
                "kernel {}: `{command}` prints\n{printed}\nand the README shows\n{shown}",
                kernel.name
            );
        }
    }
}

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(project_root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn commands() -> Vec<(String, String)> {
    let is_node = |block: &Block| block.info == "console" && block.text.starts_with("# ");
    let sessions = blocks(&read("README.md")).into_iter().filter(is_node);
    let commands: Vec<_> = sessions
        .flat_map(|block| session(&block.text, "# "))
        .collect();
    assert!(
        commands
            .iter()
            .any(|(command, _)| command.starts_with(SHOWS_IT)),
        "the README shows events"
    );
    commands
}

fn job(command: &str) -> Job {
    let mut words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(
        words[0], "tpc-loader",
        "only the loader runs on a node: {command}"
    );
    words[0] = LOADER;
    Job::new(words)
}

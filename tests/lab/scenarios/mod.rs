//! Scenarios: a policy, calls that it concerns and calls that it does not, and what becomes of each.
//!
//! Every scenario runs on both kernels and twice: with the bundle as it is compiled, and with one that has only its kprobes left.
//! Policies with `Override` run once: no kernel of the lab has `bpf_override_return`.

mod actions;
mod callers;
mod files;
mod large;
mod network;
mod nomad;
mod numbered;
mod processes;
mod returned;
mod values;

use crate::bundles;
use crate::harness::build::TRIGGER;
use crate::harness::cpio::Archive;
use crate::harness::job::End;
use crate::script::{self, Event, Script, Step};

/// A policy and what it must do.
pub(crate) struct Scenario {
    name: String,
    policy: String,
    /// Copies of the trigger program.
    links: Vec<&'static str>,
    preparation: Vec<&'static str>,
    steps: Vec<Step>,
}

/// The step succeeds.
pub(crate) const OK: End = End::Exit(0);
/// The step's process is killed.
pub(crate) const KILLED: End = End::Signal(9);
/// The call of the step fails with EPERM.
pub(crate) const EPERM: End = End::Exit(1);

/// No event.
pub(crate) const SILENT: &[Event] = &[];

pub(crate) fn event(fields: &[(&str, &str)]) -> Event {
    Event::new(fields)
}

/// A policy with these hooks, which are indented by two.
pub(crate) fn policy(name: &str, hooks: &str) -> String {
    format!(
        "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: {name}\nspec:\n  kprobes:\n{hooks}"
    )
}

impl Scenario {
    /// A policy of `policies/examples`.
    pub(crate) fn example(name: &str) -> Self {
        let path = format!("policies/examples/{name}.yaml");
        let text = std::fs::read_to_string(crate::harness::project_root().join(&path));
        Self::inline(
            name,
            &text.unwrap_or_else(|error| panic!("{path}: {error}")),
        )
    }

    /// A policy of the scenario's own.
    pub(crate) fn inline(name: &str, policy: &str) -> Self {
        Self {
            name: name.to_owned(),
            policy: policy.to_owned(),
            links: Vec::new(),
            preparation: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// The trigger program under another name.
    pub(crate) fn program(mut self, path: &'static str) -> Self {
        self.links.push(path);
        self
    }

    /// Operations before the policy is loaded.
    pub(crate) fn prepare(mut self, command: &'static str) -> Self {
        self.preparation.push(command);
        self
    }

    /// A command with the policy loaded.
    pub(crate) fn step(mut self, command: &str, end: End, events: &[Event]) -> Self {
        self.steps.push(Step::run(command).ends(end).events(events));
        self
    }

    /// A command that also prints something.
    pub(crate) fn saying(self, command: &str, output: &str, events: &[Event]) -> Self {
        self.saying_end(command, OK, output, events)
    }

    pub(crate) fn saying_end(
        mut self,
        command: &str,
        end: End,
        output: &str,
        events: &[Event],
    ) -> Self {
        self.steps
            .push(Step::run(command).ends(end).says(output).events(events));
        self
    }

    /// The scripts of the scenario; their bundles go to the archive.
    fn scripts(&self, files: &mut Archive) -> Vec<Script> {
        let compiled = bundles::compiled(&self.policy)
            .unwrap_or_else(|problems| panic!("scenario `{}`: {problems}", self.name));
        let whole = format!("/lab/bundles/{}", self.name);
        bundles::place(files, &whole, &compiled.files);
        let mut scripts = vec![self.script(&whole, "as compiled", "kprobe")];
        let overrides = compiled
            .ir
            .hooks
            .iter()
            .flat_map(|hook| &hook.rules)
            .any(|rule| {
                rule.actions
                    .iter()
                    .any(|action| matches!(action, tpc::ir::Action::Override { .. }))
            });
        if !overrides {
            let directory = format!("{whole}-kprobes");
            bundles::place(
                files,
                &directory,
                &bundles::with_kprobes_only(&compiled.files),
            );
            scripts.push(self.script(&directory, "with kprobes only", "fentry"));
        }
        scripts
    }

    fn script(&self, bundle: &str, variant: &str, other: &str) -> Script {
        let mut steps: Vec<Step> = self
            .preparation
            .iter()
            .map(|command| Step::run(command))
            .collect();
        steps.push(Step::run("bpf-save /run/before"));
        let load = Step::run(&format!("tpc-loader load {bundle}"));
        steps.push(load.keeps_silent_about(&format!(": {other}\n")));
        steps.extend(self.steps.iter().cloned());
        steps.push(Step::read_events());
        steps.push(Step::run("tpc-loader unload --all"));
        steps.push(Step::run("bpf-same /run/before"));
        Script {
            name: format!("scenario `{}` {variant}", self.name),
            kernel: None,
            steps,
        }
    }
}

/// Runs scenarios on both kernels.
fn run(scenarios: &[Scenario]) {
    let mut files = Archive::default();
    let scripts: Vec<Script> = scenarios
        .iter()
        .flat_map(|scenario| scenario.scripts(&mut files))
        .collect();
    let links: Vec<(String, String)> = scenarios
        .iter()
        .flat_map(|scenario| &scenario.links)
        .map(|path| (TRIGGER.to_owned(), (*path).to_owned()))
        .collect();
    script::run(&scripts, &files, &links);
}

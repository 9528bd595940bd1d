//! An `apiVersion` that Kubernetes does not know.

use crate::diag::{Code, Fix, code};
use crate::lint::context::Context;
use crate::lint::rule::{Docs, Found, Group, Level, Rule, finding};
use crate::policy::API_VERSION;

pub(in crate::lint) static RULE: Rule = Rule {
    code: Code(2003),
    name: "wrong-api-version",
    group: Group::Correctness,
    level: Level::Warning,
    since: "0.1.0",
    targets: &[],
    covers: &[code::UNKNOWN_KIND],
    docs: Docs {
        summary: "the API version is not that of policies",
        why: "Tetragon does not compare the version of policies that it reads from files; Kubernetes does, and \
              refuses the object. A policy that works on one node fails on the next cluster.",
        bad: r#"apiVersion: «cilium.io/v1»
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
"#,
        good: r#"apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
  kprobes:
  - call: sys_mount
"#,
        fix: "Write `apiVersion: cilium.io/v1alpha1`. `tpc lint --fix` does.",
    },
    check,
};

fn check(context: &Context<'_>, found: &mut Found) {
    let Some(version) = &context.policy.api_version else {
        return;
    };
    if version.value == API_VERSION {
        return;
    }
    let message = format!("there is no API version `{}` of policies", version.value);
    let edit = context.layout().replace(version.span, API_VERSION);
    found.push(
        finding(version.span, message)
            .label("Kubernetes refuses it")
            .help(format!("write `apiVersion: {API_VERSION}`"))
            .fix(Fix::safe("correct the version", vec![edit])),
    );
}

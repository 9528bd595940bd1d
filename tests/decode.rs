//! Decoding of correct policies: every part of the language reaches the model.

use tpc::diag::{Sink, Sources};
use tpc::policy::{
    ActionKind, ArgType, BinaryOperator, CapabilitySet, Kind, ListKind, Namespace, Operator,
    Policy, SetOperator, is_set,
};

/// The policies of a text that has no problems; texts of spans come from the sources.
#[track_caller]
fn decode(text: &str) -> (Vec<Policy>, Sources) {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let file =
        tpc::yaml::text("f.yaml", text.as_bytes(), &mut sources, &mut sink).expect("readable text");
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    assert_eq!(sink.into_sorted(), []);
    (policies, sources)
}

const FULL: &str = r#"
apiVersion: cilium.io/v1alpha1
kind: TracingPolicyNamespaced
metadata:
  name: full
  namespace: prod
  labels: {app: web, tier: 1}
spec:
  podSelector:
    matchLabels: {app: web}
    matchExpressions: [{key: tier, operator: NotIn, values: [db]}]
  options: [{name: policy-mode, value: enforce}]
  lists: [{name: calls, type: syscalls, values: [sys_read]}]
  enforcers: [{calls: ["list:calls"]}]
  selectorsMacros:
    shells: {matchBinaries: [{operator: Postfix, values: [/sh]}]}
  kprobes:
  - call: fd_install
    syscall: off
    return: yes
    returnArg: {index: 0, type: long}
    returnArgAction: TrackSock
    message: a message
    tags: [one, two]
    ignore: {callNotFound: true}
    args:
    - {index: 1, type: file, resolve: f_inode.i_ino, btfType: file, maxData: true}
    - {index: 0x2, type: char_buf, sizeArgIndex: 3, returnCopy: true, label: buffer}
    data: [{index: 0, type: int, source: current_task, resolve: pid}]
    selectors:
    - macros: [shells]
      matchPIDs: [{operator: NotIn, values: [0, 1.0], isNamespacePID: true, followForks: ~}]
      matchArgs: [{index: 1, operator: NotSportPriv, values: ["a"]}, {args: [0, 1], operator: GT}]
      matchNamespaces: [{namespace: PidForChildren, operator: In, values: [host_ns]}]
      matchCapabilities: [{operator: In, values: [CAP_SYS_ADMIN]}]
      matchCapabilityChanges: [{type: Inheritable, operator: NotIn, values: [CAP_CHOWN]}]
      matchActions:
      - {action: Override, argError: -1}
      - {action: Post, rateLimit: 5m, rateLimitScope: global, kernelStackTrace: true}
"#;

#[test]
fn a_full_kprobe_policy() {
    let (policies, _) = decode(FULL);
    let [policy] = policies.as_slice() else {
        panic!("one policy")
    };
    assert!(!policy.incomplete);
    assert_eq!(policy.kind.value, Kind::TracingPolicyNamespaced);
    assert_eq!(policy.name.value, "full");
    assert_eq!(
        policy.namespace.as_ref().map(|name| name.value.as_str()),
        Some("prod")
    );
    let spec = &policy.spec;
    assert_eq!(
        spec.lists[0].kind.map(|kind| kind.value),
        Some(ListKind::Syscalls)
    );
    let shells = &spec.selectors_macros[0];
    assert_eq!(shells.name.value, "shells");
    assert_eq!(
        shells.value.match_binaries[0].operator.value,
        BinaryOperator::Postfix
    );

    let kprobe = &spec.kprobes[0];
    assert!(!kprobe.is_syscall() && kprobe.observes_return() && kprobe.ignores_missing_call());
    assert_eq!(
        kprobe.return_arg.as_ref().map(|arg| arg.declared_type()),
        Some(ArgType::Int64)
    );
    assert_eq!(kprobe.args[1].index.value, 2);
    assert_eq!(
        kprobe.data[0]
            .source
            .as_ref()
            .map(|source| source.value.as_str()),
        Some("current_task")
    );

    let selector = &kprobe.selectors[0];
    let pids = &selector.match_pids[0];
    assert_eq!(pids.operator.value, SetOperator::NotIn);
    assert_eq!(
        pids.values.iter().map(|pid| pid.value).collect::<Vec<_>>(),
        [0, 1]
    );
    assert!(is_set(pids.is_namespace_pid) && !is_set(pids.follow_forks));
    assert_eq!(
        selector.match_args[0].operator.value,
        Operator::NotSPortPriv
    );
    assert_eq!(selector.match_args[1].operator.value, Operator::GreaterThan);
    assert_eq!(
        selector.match_namespaces[0].namespace.value,
        Namespace::PidForChildren
    );
    assert_eq!(selector.match_capabilities[0].set, None);
    assert_eq!(
        selector.match_capability_changes[0]
            .set
            .map(|set| set.value),
        Some(CapabilitySet::Inheritable)
    );
    assert_eq!(selector.match_actions[0].action.value, ActionKind::Override);
    assert_eq!(
        selector.match_actions[0].arg_error.map(|error| error.value),
        Some(-1)
    );
}

#[test]
fn defaults_of_a_bare_kprobe() {
    let (policies, _) = decode(
        "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: 1.2.3}\n\
         spec: {kprobes: [{call: sys_read, syscall: , args: [{index: 0}]}]}\n",
    );
    let kprobe = &policies[0].spec.kprobes[0];
    assert!(
        kprobe.is_syscall(),
        "the schema's default, also for an empty value"
    );
    assert!(!kprobe.observes_return() && !kprobe.ignores_missing_call());
    assert_eq!(kprobe.args[0].declared_type(), ArgType::Auto);
}

#[test]
fn the_other_kinds_of_hooks() {
    let (policies, _) = decode(
        r#"
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: hooks, annotations: {Owner/team: x}}
spec:
  loader: true
  hostSelector: {}
  fentries: [{call: do_exit, syscall: false}]
  tracepoints: [{subsystem: syscalls, event: sys_enter_openat, raw: true, args: [{index: 5, type: string}]}]
  uprobes: [{path: /bin/bash, symbols: [readline], offsets: [0x10], ignore: {digestVerificationFailure: true}}]
  usdts: [{path: /bin/x, provider: p, name: "n"}]
  lsmhooks: [{hook: file_open, args: [{index: 0, type: file}]}]
"#,
    );
    let spec = &policies[0].spec;
    assert!(is_set(spec.loader) && spec.host_selector.is_some() && spec.pod_selector.is_none());
    assert_eq!(spec.fentries[0].call.value, "do_exit");
    assert_eq!(spec.tracepoints[0].event.value, "sys_enter_openat");
    assert_eq!(spec.uprobes[0].offsets[0].value, 16);
    assert_eq!(spec.usdts[0].provider.value, "p");
    assert_eq!(spec.lsmhooks[0].hook.value, "file_open");
}

#[test]
fn every_document_of_a_stream() {
    let text = format!(
        "{FULL}---\n# nothing\n---\n{}",
        FULL.replace("name: full", "name: \"second\"")
    );
    let (policies, sources) = decode(&text);
    assert_eq!(policies.len(), 2);
    let second = &policies[1];
    assert_eq!(sources.slice(second.name.span), "\"second\"");
    assert!(sources.slice(second.span).starts_with("apiVersion:"));
    assert_eq!(
        sources.slice(second.spec.kprobes[0].selectors[0].match_args[0].values[0].span),
        "\"a\""
    );
}

#[test]
fn a_bad_hook_is_left_out_and_the_others_stay() {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let text = FULL.replace(
        "  kprobes:\n",
        "  kprobes:\n  - call: 1\n  - call: tcp_close\n",
    );
    let file = sources.add("f.yaml", text);
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    assert_eq!(sink.errors(), 1);
    let calls: Vec<&str> = policies[0]
        .spec
        .kprobes
        .iter()
        .map(|kprobe| kprobe.call.value.as_str())
        .collect();
    assert_eq!(calls, ["tcp_close", "fd_install"]);
    assert!(policies[0].incomplete);
}

//! The TracingPolicy object: what an author can write, each leaf with its place.
//!
//! These declarations are the table the decoder works from: `record!` turns a
//! field list into the struct and its decoding. A field of type `Option` or `Vec`
//! may be absent unless marked `[required]`; every other field is required. An empty
//! value counts as absent where the schema has a `[default]`; the marks are described
//! at `decode::Mark`. Defaults
//! are not filled in here; where the language has one, an accessor gives it.
//! No judgement beyond types, words and ranges: meaning is the business of `check`.
//! Source: Tetragon CRD 1.8.13 (`pkg/k8s/apis/cilium.io/v1alpha1`).

use super::decode::{Decode, Mark, Record, record};
use super::shape::{self, Shape};
use super::words::{
    ActionKind, ArgType, BinaryOperator, CapabilitySet, Kind, LabelOperator, ListKind, Namespace,
    Operator, SetOperator,
};
use crate::diag::{FileId, Sink, Span, Spanned};
use crate::yaml::Node;

/// One TracingPolicy document.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The whole document.
    pub span: Span,
    /// The file it was read from.
    pub file: FileId,
    /// Number of the document in its file, from 0.
    pub document: usize,
    /// `apiVersion`, whatever it says.
    pub api_version: Option<Spanned<String>>,
    pub kind: Spanned<Kind>,
    /// `metadata.name`, valid as a DNS-1123 subdomain.
    pub name: Spanned<String>,
    /// `metadata.namespace`: present exactly for the namespaced kind.
    pub namespace: Option<Spanned<String>>,
    pub spec: Spec,
    /// Some hooks were left out because they did not decode: the sink has the errors.
    /// A check of the policy as a whole ("it has no hooks") should stay silent then.
    pub incomplete: bool,
    /// Something of `spec` did not decode: what seems to be absent may have been left out.
    pub spec_incomplete: bool,
}

record! {
    /// The `spec` of a policy.
    Spec "spec" {
        "kprobes" [partly] kprobes: Vec<Kprobe>,
        "fentries" [partly] fentries: Vec<Kprobe>,
        "tracepoints" [partly] tracepoints: Vec<Tracepoint>,
        "uprobes" [partly] uprobes: Vec<Uprobe>,
        "usdts" [partly] usdts: Vec<Usdt>,
        "lsmhooks" [partly] lsmhooks: Vec<LsmHook>,
        "lists" lists: Vec<List>,
        "enforcers" enforcers: Vec<Enforcer>,
        "loader" loader: Option<Spanned<bool>>,
        "options" options: Vec<PolicyOption>,
        "podSelector" pod_selector: Option<LabelSelector>,
        "containerSelector" container_selector: Option<LabelSelector>,
        "hostSelector" host_selector: Option<LabelSelector>,
        "nodeSelector" node_selector: Option<LabelSelector>,
        "selectorsMacros" selectors_macros: Vec<Named<Selector>>,
    }

    /// A hook on a kernel function; `fentries` share the form.
    Kprobe "kprobe" {
        "call" call: Spanned<String>,
        "syscall" [default] syscall: Option<Spanned<bool>>,
        "return" [default] returns: Option<Spanned<bool>>,
        "args" args: Vec<Arg>,
        "data" data: Vec<Arg>,
        "returnArg" return_arg: Option<Arg>,
        "returnArgAction" return_arg_action: Option<Spanned<String>>,
        "message" message: Option<Spanned<String>>,
        "tags" tags: Vec<Spanned<String>>,
        "selectors" [partly] selectors: Vec<Selector>,
        "ignore" ignore: Option<CallIgnore>,
    }

    /// Problems of a kprobe that do not matter.
    CallIgnore "ignore" {
        "callNotFound" call_not_found: Option<Spanned<bool>>,
    }

    /// A hook on a tracepoint.
    Tracepoint "tracepoint" {
        "subsystem" subsystem: Spanned<String>,
        "event" event: Spanned<String>,
        "raw" [default] raw: Option<Spanned<bool>>,
        "args" args: Vec<Arg>,
        "message" message: Option<Spanned<String>>,
        "tags" tags: Vec<Spanned<String>>,
        "selectors" [partly] selectors: Vec<Selector>,
    }

    /// A hook on a function of a user-space binary.
    Uprobe "uprobe" {
        "path" path: Spanned<String>,
        "symbols" symbols: Vec<Spanned<String>>,
        "offsets" offsets: Vec<Spanned<u64>>,
        "addrs" addrs: Vec<Spanned<u64>>,
        "refCtrOffsets" ref_ctr_offsets: Vec<Spanned<u64>>,
        "btfPath" btf_path: Option<Spanned<String>>,
        "args" args: Vec<Arg>,
        "data" data: Vec<Arg>,
        "return" [default] returns: Option<Spanned<bool>>,
        "returnArg" return_arg: Option<Arg>,
        "message" message: Option<Spanned<String>>,
        "tags" tags: Vec<Spanned<String>>,
        "selectors" [partly] selectors: Vec<Selector>,
        "binaryDigests" binary_digests: Vec<Spanned<String>>,
        "ignore" ignore: Option<DigestIgnore>,
    }

    /// Problems of a uprobe that do not matter.
    DigestIgnore "uprobe ignore" {
        "digestVerificationFailure" digest_verification_failure: Option<Spanned<bool>>,
    }

    /// A hook on a static probe of a user-space binary.
    Usdt "usdt" {
        "path" path: Spanned<String>,
        "provider" provider: Spanned<String>,
        "name" name: Spanned<String>,
        "btfPath" btf_path: Option<Spanned<String>>,
        "args" args: Vec<Arg>,
        "message" message: Option<Spanned<String>>,
        "tags" tags: Vec<Spanned<String>>,
        "selectors" [partly] selectors: Vec<Selector>,
    }

    /// A hook on a security decision of the kernel.
    LsmHook "lsmhook" {
        "hook" hook: Spanned<String>,
        "args" args: Vec<Arg>,
        "message" message: Option<Spanned<String>>,
        "tags" tags: Vec<Spanned<String>>,
        "selectors" [partly] selectors: Vec<Selector>,
    }

    /// A value that a hook reads.
    Arg "argument" {
        "index" index: Spanned<u32>,
        "type" [default] ty: Option<Spanned<ArgType>>,
        "sizeArgIndex" size_arg_index: Option<Spanned<u32>>,
        "returnCopy" [default] return_copy: Option<Spanned<bool>>,
        "maxData" [default] max_data: Option<Spanned<bool>>,
        "label" label: Option<Spanned<String>>,
        "source" source: Option<Spanned<String>>,
        "resolve" [default] resolve: Option<Spanned<String>>,
        "btfType" btf_type: Option<Spanned<String>>,
        "btfTypeModule" btf_type_module: Option<Spanned<String>>,
    }

    /// A named list of functions or system calls.
    List "list" {
        "name" name: Spanned<String>,
        "type" kind: Option<Spanned<ListKind>>,
        "values" values: Vec<Spanned<String>>,
        "pattern" pattern: Option<Spanned<String>>,
        "validated" validated: Option<Spanned<bool>>,
    }

    /// The calls that `NotifyEnforcer` acts on.
    Enforcer "enforcer" {
        "calls" [required] calls: Vec<Spanned<String>>,
    }

    /// A named setting of the policy.
    PolicyOption "option" {
        "name" name: Spanned<String>,
        "value" value: Option<Spanned<String>>,
    }

    /// Kubernetes label selector.
    LabelSelector "label selector" {
        "matchLabels" match_labels: Vec<Named<Spanned<String>>>,
        "matchExpressions" match_expressions: Vec<LabelExpression>,
    }

    /// One requirement of a label selector.
    LabelExpression "label expression" {
        "key" key: Spanned<String>,
        "operator" operator: Spanned<LabelOperator>,
        "values" values: Vec<Spanned<String>>,
    }

    /// Filters that must all pass, and what is done then.
    Selector "selector" {
        "label" label: Option<Spanned<String>>,
        "matchPIDs" [partly] match_pids: Vec<PidFilter>,
        "matchArgs" [partly] match_args: Vec<ArgFilter>,
        "matchData" [partly] match_data: Vec<ArgFilter>,
        "matchReturnArgs" [partly] match_return_args: Vec<ArgFilter>,
        "matchBinaries" [partly] match_binaries: Vec<BinaryFilter>,
        "matchParentBinaries" [partly] match_parent_binaries: Vec<BinaryFilter>,
        "matchNamespaces" [partly] match_namespaces: Vec<NamespaceFilter>,
        "matchNamespaceChanges" [partly] match_namespace_changes: Vec<NamespaceChangeFilter>,
        "matchCapabilities" [partly] match_capabilities: Vec<CapabilityFilter>,
        "matchCapabilityChanges" [partly] match_capability_changes: Vec<CapabilityFilter>,
        "matchWorkloads" match_workloads: Option<Workloads>,
        "matchActions" [partly] match_actions: Vec<Action>,
        "matchReturnActions" [partly] match_return_actions: Vec<Action>,
        "macros" macros: Vec<Spanned<String>>,
    }

    /// Filter on the process id.
    PidFilter "pid filter" {
        "operator" operator: Spanned<SetOperator>,
        "values" [required] values: Vec<Spanned<u32>>,
        "isNamespacePID" [default] is_namespace_pid: Option<Spanned<bool>>,
        "followForks" [default] follow_forks: Option<Spanned<bool>>,
    }

    /// Filter on an argument, a data value or the return value.
    ArgFilter "argument filter" {
        "index" index: Option<Spanned<u32>>,
        "args" args: Vec<Spanned<u32>>,
        "operator" operator: Spanned<Operator>,
        "values" values: Vec<Spanned<String>>,
    }

    /// Filter on the path of the process's or its parent's binary.
    BinaryFilter "binary filter" {
        "operator" operator: Spanned<BinaryOperator>,
        "values" [required] values: Vec<Spanned<String>>,
        "followChildren" [default] follow_children: Option<Spanned<bool>>,
    }

    /// Filter on a namespace of the process.
    NamespaceFilter "namespace filter" {
        "namespace" namespace: Spanned<Namespace>,
        "operator" operator: Spanned<SetOperator>,
        "values" [required] values: Vec<Spanned<String>>,
    }

    /// Filter on namespaces changed since exec.
    NamespaceChangeFilter "namespace change filter" {
        "operator" operator: Spanned<SetOperator>,
        "values" [required] values: Vec<Spanned<String>>,
    }

    /// Filter on a capability set of the process, or on its changes.
    CapabilityFilter "capability filter" {
        "type" [default] set: Option<Spanned<CapabilitySet>>,
        "operator" operator: Spanned<SetOperator>,
        "isNamespaceCapability" [default] is_namespace_capability: Option<Spanned<bool>>,
        "values" [required] values: Vec<Spanned<String>>,
    }

    /// Workloads of one selector.
    Workloads "workload filter" {
        "podSelector" pod_selector: Option<LabelSelector>,
        "containerSelector" container_selector: Option<LabelSelector>,
        "hostSelector" host_selector: Option<LabelSelector>,
    }

    /// What is done when the filters pass.
    Action "action" {
        "action" action: Spanned<ActionKind>,
        "argUrl" arg_url: Option<Spanned<String>>,
        "argFqdn" arg_fqdn: Option<Spanned<String>>,
        "argError" arg_error: Option<Spanned<i32>>,
        "argSig" arg_sig: Option<Spanned<u32>>,
        "argSock" arg_sock: Option<Spanned<u32>>,
        "argIndex" arg_index: Option<Spanned<u32>>,
        "argValue" arg_value: Option<Spanned<u32>>,
        "argRegs" arg_regs: Vec<Spanned<String>>,
        "argNewSymbol" arg_new_symbol: Option<Spanned<String>>,
        "argNewAddr" arg_new_addr: Option<Spanned<u64>>,
        "argNewOffset" arg_new_offset: Option<Spanned<i64>>,
        "rateLimit" rate_limit: Option<Spanned<String>>,
        "rateLimitScope" rate_limit_scope: Option<Spanned<String>>,
        "kernelStackTrace" kernel_stack_trace: Option<Spanned<bool>>,
        "userStackTrace" user_stack_trace: Option<Spanned<bool>>,
        "imaHash" ima_hash: Option<Spanned<bool>>,
    }
}

/// An entry of a mapping with free keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T> {
    pub name: Spanned<String>,
    pub value: T,
}

impl Kprobe {
    /// Whether `call` is a system call; the schema's default is yes.
    pub fn is_syscall(&self) -> bool {
        self.syscall.is_none_or(|flag| flag.value)
    }

    /// Whether the return of the function is observed too.
    pub fn observes_return(&self) -> bool {
        is_set(self.returns)
    }

    /// Whether a missing function is no error.
    pub fn ignores_missing_call(&self) -> bool {
        self.ignore
            .as_ref()
            .is_some_and(|ignore| is_set(ignore.call_not_found))
    }
}

impl Arg {
    /// The declared type; the schema's default is `auto`.
    pub fn declared_type(&self) -> ArgType {
        self.ty.map_or(ArgType::Auto, |ty| ty.value)
    }
}

impl LabelSelector {
    /// Whether it has no requirement.
    pub fn selects_all(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }
}

/// Value of a flag whose default is false.
pub fn is_set(flag: Option<Spanned<bool>>) -> bool {
    flag.is_some_and(|flag| flag.value)
}

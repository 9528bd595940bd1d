//! Whether a node can run some policies, before anything changes on it.
//!
//! In: verified bundles and the [`Node`]. Out: for each hook the variants that the node supports, best first; or everything
//! that it lacks, in one list.

use super::error::Lack;
use super::node::{Described, Node};
use super::sys::TracePoint;
use crate::bundle::{ArgKind, Attach, Bundle, Hook, Manifest, Program, Variant};
use crate::kernel::security;

/// What of a policy is loaded, and how.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) hooks: Vec<HookPlan>,
}

#[derive(Clone, Debug)]
pub(super) struct HookPlan {
    /// Index in the manifest.
    pub(super) hook: usize,
    /// Indices of variants in the manifest; empty for an optional hook that the kernel lacks.
    pub(super) variants: Vec<usize>,
    /// Better variants, and what the node lacks for them.
    pub(super) passed: Vec<(Attach, String)>,
}

/// Plans for all bundles, or all that the node lacks.
pub(super) fn check(node: &Node, bundles: &[Bundle]) -> Result<Vec<Plan>, Vec<Lack>> {
    let lack = |(what, remedy)| Lack {
        policy: String::new(),
        hook: None,
        what,
        remedy,
    };
    let mut lacks: Vec<Lack> = node.general_lacks().into_iter().map(lack).collect();
    if !lacks.is_empty() {
        return Err(lacks);
    }
    let mut plans = Vec::new();
    for bundle in bundles {
        plans.push(plan(node, &bundle.manifest, &mut lacks));
    }
    if lacks.is_empty() {
        Ok(plans)
    } else {
        Err(lacks)
    }
}

fn plan(node: &Node, manifest: &Manifest, lacks: &mut Vec<Lack>) -> Plan {
    let mut hooks = Vec::new();
    for (number, hook) in manifest.hooks.iter().enumerate() {
        let mut variants = Vec::new();
        let (mut reasons, mut passed) = (Vec::new(), Vec::new());
        for (index, variant) in hook.variants.iter().enumerate() {
            match usable(node, hook, variant) {
                Ok(()) => variants.push(index),
                Err(reason) => {
                    if variants.is_empty() {
                        passed.push((variant.attach, reason.what.clone()));
                    }
                    reasons.push(reason);
                }
            }
        }
        let missing = reasons.iter().all(|reason| reason.missing) && !reasons.is_empty();
        if variants.is_empty() && !(hook.optional && missing) {
            lacks.extend(report(manifest, hook, reasons));
        }
        hooks.push(HookPlan {
            hook: number,
            variants,
            passed,
        });
    }
    if !hooks.is_empty() && hooks.iter().all(|hook| hook.variants.is_empty()) && lacks.is_empty() {
        let what = "any of the functions that the policy hooks".to_owned();
        let remedy = "compile a policy for this kernel".to_owned();
        lacks.push(Lack {
            policy: manifest.policy.clone(),
            hook: None,
            what,
            remedy,
        });
    }
    Plan { hooks }
}

/// Why a variant cannot be used.
struct Reason {
    /// The function does not exist at all.
    missing: bool,
    what: String,
    remedy: String,
}

impl Reason {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            missing: false,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// The reasons of a hook without a usable variant, each once; the last variant's is the most telling.
fn report(manifest: &Manifest, hook: &Hook, reasons: Vec<Reason>) -> Vec<Lack> {
    let mut lacks: Vec<Lack> = Vec::new();
    for Reason { what, remedy, .. } in reasons {
        if lacks.iter().all(|lack| lack.what != what) {
            let place = Some((hook.call.clone(), hook.line));
            lacks.push(Lack {
                policy: manifest.policy.clone(),
                hook: place,
                what,
                remedy,
            });
        }
    }
    lacks
}

fn usable(node: &Node, hook: &Hook, variant: &Variant) -> Result<(), Reason> {
    exists(node, variant)?;
    for program in [Some(&variant.entry), variant.ret.as_ref()]
        .into_iter()
        .flatten()
    {
        helpers(node, hook, program)?;
    }
    if !hook.syscall {
        prototype(node, hook, variant)?;
    }
    let points: &[TracePoint] = match variant.attach {
        Attach::Fentry => &[TracePoint::Entry],
        Attach::FmodRet => &[TracePoint::ModifyReturn],
        Attach::Kprobe | Attach::KprobeOverride => &[],
    };
    points
        .iter()
        .try_for_each(|&point| tracing(node, hook, variant, point))
}

fn exists(node: &Node, variant: &Variant) -> Result<(), Reason> {
    let target = &variant.target;
    if node.has_symbol(target) {
        return Ok(());
    }
    let remedy = match node.similar_symbol(target) {
        Some(similar) => format!("this kernel has `{similar}`"),
        None => "it may be inlined, renamed or in a module that is not loaded; \
                 `ignore: {callNotFound: true}` loads the rest"
            .to_owned(),
    };
    Err(Reason {
        missing: true,
        ..Reason::new(format!("the function `{target}`"), remedy)
    })
}

fn helpers(node: &Node, hook: &Hook, program: &Program) -> Result<(), Reason> {
    let Some(missing) = program.helpers.iter().find(|name| !node.has_helper(name)) else {
        return Ok(());
    };
    if missing != "override_return" {
        return Err(Reason::new(
            format!("the helper `bpf_{missing}`"),
            "use a newer kernel",
        ));
    }
    let what = "bpf_override_return: this kernel is built without CONFIG_BPF_KPROBE_OVERRIDE";
    Err(Reason::new(what, elsewhere(hook)))
}

/// Where the call can be prevented instead.
pub(super) fn elsewhere(hook: &Hook) -> String {
    match security::decision_behind(&hook.call) {
        Some(function) => format!(
            "hook `{function}` with `syscall: false` instead: it can be overridden everywhere"
        ),
        None => "hook the `security_*` function behind it instead, or use Sigkill".to_owned(),
    }
}

/// Whether the kernel lets programs of this kind attach to the function.
fn tracing(node: &Node, hook: &Hook, variant: &Variant, point: TracePoint) -> Result<(), Reason> {
    let target = &variant.target;
    let Some(function) = node.function(target) else {
        let what = format!("a type of its own for `{target}` in the kernel's BTF");
        return Err(Reason::new(what, "hook another function"));
    };
    node.try_tracing(function, point)
        .map_err(|error| match point {
            TracePoint::ModifyReturn => {
                let what = format!("fmod_ret on `{target}`: {error}");
                Reason::new(what, elsewhere(hook))
            }
            _ => Reason::new(
                format!("a trampoline for `{target}`: {error}"),
                "hook another function",
            ),
        })
}

/// Whether the function's parameters are what the policy says.
fn prototype(node: &Node, hook: &Hook, variant: &Variant) -> Result<(), Reason> {
    let typed = matches!(variant.attach, Attach::Fentry | Attach::FmodRet);
    let Some((returns, params)) = node.signature(&variant.target) else {
        return Ok(());
    };
    for arg in &hook.args {
        let Some(param) = params.get(usize::from(arg.index)) else {
            let count = params.len();
            let what = format!(
                "argument {} of `{}`, which has {count}",
                arg.index, variant.target
            );
            return Err(Reason::new(what, "correct `index`: it counts from 0"));
        };
        let found = node.describe(param.ty);
        if !fits(arg.kind, found, typed) {
            let what = format!(
                "a `{}` as argument {} of `{}`, which is {}",
                name(arg.kind),
                arg.index,
                variant.target,
                text(found)
            );
            return Err(Reason::new(what, "correct `index` or `type`"));
        }
    }
    hook.ret.map_or(Ok(()), |kind| {
        returned(kind, node.describe(returns), &variant.target)
    })
}

/// Whether the function returns what the policy says. Programs probe what a returned pointer points to.
fn returned(kind: ArgKind, found: Described<'_>, target: &str) -> Result<(), Reason> {
    if found == Described::Void {
        let what = format!("a return value of `{target}`");
        return Err(Reason::new(what, "remove `return: true`"));
    }
    if fits(kind, found, false) {
        return Ok(());
    }
    let what = format!(
        "a `{}` returned by `{target}`, which returns {}",
        name(kind),
        text(found)
    );
    Err(Reason::new(what, "correct the type of `returnArg`"))
}

/// Structures whose address a value of this kind is.
fn structures(kind: ArgKind) -> &'static [&'static str] {
    match kind {
        ArgKind::Filename => &["filename"],
        ArgKind::File => &["file"],
        ArgKind::Path => &["path"],
        ArgKind::Dentry => &["dentry"],
        ArgKind::LinuxBinprm => &["linux_binprm"],
        ArgKind::Sock => &["sock"],
        ArgKind::Sockaddr => &[
            "sockaddr",
            "sockaddr_unsized",
            "sockaddr_storage",
            "__kernel_sockaddr_storage",
            "sockaddr_in",
            "sockaddr_in6",
        ],
        ArgKind::Cred => &["cred"],
        _ => &[],
    }
}

/// Whether a parameter can be read as a value of this kind. Trampolines read through the verifier's types, so these
/// must be right; probes read any address.
fn fits(kind: ArgKind, found: Described<'_>, typed: bool) -> bool {
    match (kind, found) {
        (ArgKind::Nop, _) => true,
        (ArgKind::String | ArgKind::CharBuf, Described::Pointer) => true,
        (ArgKind::String | ArgKind::CharBuf, _) => false,
        (_, Described::Struct(name)) if !structures(kind).is_empty() => {
            structures(kind).contains(&name)
        }
        (_, Described::Pointer) if !structures(kind).is_empty() => {
            !typed || kind == ArgKind::Sockaddr
        }
        (_, found) if structures(kind).is_empty() => found != Described::Other,
        _ => false,
    }
}

/// The word for a kind in policies.
fn name(kind: ArgKind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn text(found: Described<'_>) -> String {
    match found {
        Described::Void => "nothing".to_owned(),
        Described::Number => "a number".to_owned(),
        Described::Struct(name) => format!("a `struct {name} *`"),
        Described::Pointer => "a pointer to something else".to_owned(),
        Described::Other => "a structure by value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_must_be_those_of_the_declaration() {
        assert!(fits(ArgKind::File, Described::Struct("file"), true));
        assert!(!fits(ArgKind::File, Described::Struct("dentry"), true));
        assert!(!fits(ArgKind::File, Described::Struct("dentry"), false));
        assert!(!fits(ArgKind::File, Described::Pointer, true));
        assert!(fits(ArgKind::File, Described::Pointer, false));
        assert!(!fits(ArgKind::File, Described::Number, false));
        assert!(fits(ArgKind::Uint64, Described::Struct("file"), true));
        assert!(fits(ArgKind::Fd, Described::Number, true));
        assert!(!fits(ArgKind::String, Described::Struct("file"), false));
        assert!(!fits(ArgKind::Int32, Described::Other, false));
    }

    #[test]
    fn returned_values_must_be_those_of_the_declaration() {
        let lack = |kind, found| returned(kind, found, "f").err().map(|reason| reason.what);
        assert_eq!(lack(ArgKind::File, Described::Struct("file")), None);
        assert_eq!(lack(ArgKind::Sock, Described::Pointer), None);
        assert_eq!(lack(ArgKind::Int32, Described::Number), None);
        let void = lack(ArgKind::Nop, Described::Void);
        assert_eq!(void.as_deref(), Some("a return value of `f`"));
        let other = lack(ArgKind::File, Described::Struct("sock"));
        assert_eq!(
            other.as_deref(),
            Some("a `file` returned by `f`, which returns a `struct sock *`")
        );
        let number = lack(ArgKind::Sock, Described::Number);
        assert_eq!(
            number.as_deref(),
            Some("a `sock` returned by `f`, which returns a number")
        );
    }
}

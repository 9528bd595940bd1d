//! Whether a node can run some policies, before anything changes on it.
//!
//! In: verified bundles and the [`Node`]. Out: for each hook the variants that the node supports, best first; or everything
//! that it lacks, in one list.

use super::error::Lack;
use super::node::Node;
use crate::attach::{self, Argument, Expected, Kind, Means, Reason, Wanted};
use crate::bundle::{Arg, ArgKind, Attach, Bundle, Hook, Manifest, Variant};

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
        let missing =
            reasons.iter().all(|reason| reason.kind == Kind::Missing) && !reasons.is_empty();
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
    attach::check(node, &wanted(hook, variant))
}

/// What the manifest asks of the kernel.
fn wanted<'a>(hook: &'a Hook, variant: &'a Variant) -> Wanted<'a> {
    let programs = [Some(&variant.entry), variant.ret.as_ref()];
    let helpers = programs.into_iter().flatten().flat_map(|one| &one.helpers);
    let read = |arg: &Arg| argument(usize::from(arg.index), arg.kind);
    Wanted {
        call: &hook.call,
        target: &variant.target,
        means: match variant.attach {
            Attach::Fentry => Means::Fentry,
            Attach::FmodRet => Means::FmodRet,
            Attach::Kprobe => Means::Kprobe,
            Attach::KprobeOverride => Means::KprobeOverride,
        },
        syscall: hook.syscall,
        arguments: hook.args.iter().map(read).collect(),
        returned: hook.ret.map(|kind| argument(0, kind)),
        helpers: helpers.map(String::as_str).collect(),
    }
}

fn argument(index: usize, kind: ArgKind) -> Argument {
    Argument {
        index,
        expected: expected(kind),
        ty: name(kind),
    }
}

fn expected(kind: ArgKind) -> Expected {
    match kind {
        ArgKind::Nop => Expected::Nothing,
        ArgKind::String | ArgKind::CharBuf => Expected::Text,
        ArgKind::Filename => Expected::Structure(&["filename"]),
        ArgKind::File => Expected::Structure(&["file"]),
        ArgKind::Path => Expected::Structure(&["path"]),
        ArgKind::Dentry => Expected::Structure(&["dentry"]),
        ArgKind::LinuxBinprm => Expected::Structure(&["linux_binprm"]),
        ArgKind::Sock => Expected::Structure(&["sock"]),
        ArgKind::Sockaddr => Expected::SOCKET_ADDRESS,
        ArgKind::Cred => Expected::Structure(&["cred"]),
        ArgKind::Int8
        | ArgKind::Int16
        | ArgKind::Int32
        | ArgKind::Int64
        | ArgKind::Uint8
        | ArgKind::Uint16
        | ArgKind::Uint32
        | ArgKind::Uint64
        | ArgKind::Fd => Expected::Number,
    }
}

/// The word for a kind in policies.
fn name(kind: ArgKind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

//! The manifest of a compiled policy.

use std::collections::BTreeSet;

use crate::asm::op;
use crate::bundle::{
    Arch, Arg, ArgKind, Attach, Effect, FORMAT, File, Files, Hook, HostNamespace, Manifest, Memory,
    Program, Selector, Variant, sha256,
};
use crate::codegen::{self, Map, MapKind, Output, Role};
use crate::diag::{Sources, Span};
use crate::ir::{self, Abi, Action, ArgType, IntType, Namespace};
use crate::kernel::helpers;
use crate::object::Object;

/// What the loader must know of a policy.
pub(super) fn manifest(
    ir: &ir::Program,
    code: &Output,
    object: &Object,
    files: &Files,
    sources: &Sources,
) -> Manifest {
    let line = |span: Span| sources.line_col(span).line;
    let hooks = ir.hooks.iter().zip(&code.hooks);
    Manifest {
        format: FORMAT,
        compiler: concat!("tpc ", env!("CARGO_PKG_VERSION")).to_owned(),
        policy: ir.policy.clone(),
        arch: Arch::X86_64,
        files: files
            .iter()
            .map(|(name, bytes)| file(name, bytes))
            .collect(),
        memory: memory(&code.maps),
        hooks: hooks
            .map(|(hook, variants)| describe(hook, variants, code, object, &line))
            .collect(),
        host_namespaces: code.host_namespaces.iter().map(host_namespace).collect(),
    }
}

fn file(name: &str, bytes: &[u8]) -> File {
    File {
        name: name.to_owned(),
        size: bytes.len() as u64,
        sha256: sha256(bytes),
    }
}

fn describe(
    hook: &ir::Hook,
    variants: &[codegen::Variant],
    code: &Output,
    object: &Object,
    line: &impl Fn(Span) -> u32,
) -> Hook {
    Hook {
        call: hook.symbol.clone(),
        syscall: hook.abi == Abi::Syscall,
        line: line(hook.span),
        optional: hook.optional,
        message: hook.message.clone(),
        tags: hook.tags.clone(),
        args: hook.args.iter().map(arg).collect(),
        ret: hook.ret.as_ref().map(|ret| kind(ret.ty)),
        selectors: hook
            .rules
            .iter()
            .map(|rule| Selector {
                line: line(rule.span),
                effect: effect(rule),
                reports: rule.post.is_some(),
                filters_return: !rule.return_tests.is_empty(),
            })
            .collect(),
        variants: variants
            .iter()
            .map(|of| variant(of, code, object))
            .collect(),
    }
}

fn arg(arg: &ir::Arg) -> Arg {
    Arg {
        index: arg.index,
        kind: kind(arg.ty),
        label: arg.label.clone(),
    }
}

fn kind(ty: ArgType) -> ArgKind {
    match ty {
        ArgType::Int(IntType::I8) => ArgKind::Int8,
        ArgType::Int(IntType::I16) => ArgKind::Int16,
        ArgType::Int(IntType::I32) => ArgKind::Int32,
        ArgType::Int(IntType::I64) => ArgKind::Int64,
        ArgType::Int(IntType::U8) => ArgKind::Uint8,
        ArgType::Int(IntType::U16) => ArgKind::Uint16,
        ArgType::Int(IntType::U32) => ArgKind::Uint32,
        ArgType::Int(IntType::U64) => ArgKind::Uint64,
        ArgType::String => ArgKind::String,
        ArgType::CharBuf { .. } => ArgKind::CharBuf,
        ArgType::Filename => ArgKind::Filename,
        ArgType::File => ArgKind::File,
        ArgType::Path => ArgKind::Path,
        ArgType::Dentry => ArgKind::Dentry,
        ArgType::Fd => ArgKind::Fd,
        ArgType::LinuxBinprm => ArgKind::LinuxBinprm,
        ArgType::Sock => ArgKind::Sock,
        ArgType::Sockaddr => ArgKind::Sockaddr,
        ArgType::Cred => ArgKind::Cred,
        ArgType::Nop => ArgKind::Nop,
    }
}

/// The strongest thing that a rule does.
fn effect(rule: &ir::Rule) -> Effect {
    let overrides = |action: &Action| matches!(action, Action::Override { .. });
    if rule.actions.iter().any(overrides) {
        Effect::Prevents
    } else if !rule.actions.is_empty() {
        Effect::Signals
    } else {
        Effect::Observes
    }
}

fn variant(of: &codegen::Variant, code: &Output, object: &Object) -> Variant {
    let program = |role: Role| {
        let (_, id) = of.programs.iter().find(|(of, _)| *of == role)?;
        Some(program(&code.functions[id.0].code.name, object))
    };
    Variant {
        attach: match of.attach {
            codegen::Attach::Fentry => Attach::Fentry,
            codegen::Attach::FmodRet => Attach::FmodRet,
            codegen::Attach::Kprobe => Attach::Kprobe,
            codegen::Attach::KprobeOverride => Attach::KprobeOverride,
        },
        target: of.target.clone(),
        entry: program(Role::Entry).expect("every variant has a program for the entry"),
        ret: program(Role::Return),
    }
}

fn program(name: &str, object: &Object) -> Program {
    let linked = object
        .link(name)
        .expect("the object has the programs of its variants");
    let calls = linked
        .insns
        .iter()
        .filter(|insn| insn.code == op::JMP | op::CALL && insn.src == 0);
    let ids: BTreeSet<u32> = calls.map(|insn| insn.imm.cast_unsigned()).collect();
    let names = ids.into_iter().map(|id| match helpers::by_id(id) {
        Some(helper) => helper.name.to_owned(),
        None => format!("helper {id}"),
    });
    Program {
        name: name.to_owned(),
        instructions: u32::try_from(linked.insns.len()).unwrap_or(u32::MAX),
        helpers: names.collect(),
    }
}

fn host_namespace(of: &codegen::HostNamespace) -> HostNamespace {
    let namespace = match of.kind {
        Namespace::Uts => "uts",
        Namespace::Ipc => "ipc",
        Namespace::Mnt => "mnt",
        Namespace::Pid => "pid",
        Namespace::PidForChildren => "pid_for_children",
        Namespace::Net => "net",
        Namespace::Time => "time",
        Namespace::TimeForChildren => "time_for_children",
        Namespace::Cgroup => "cgroup",
        Namespace::User => "user",
    };
    HostNamespace {
        offset: of.offset,
        namespace: namespace.to_owned(),
    }
}

/// Bytes in front of each element of a hash map: `struct htab_elem` (kernel/bpf/hashtab.c, 6.12).
const HASH_ELEMENT: u64 = 48;
/// Bytes of a bucket of a hash map: `struct bucket` (kernel/bpf/hashtab.c, 6.12).
const HASH_BUCKET: u64 = 16;
/// Bytes that a ring buffer takes beside its data: its own page and those of the two positions.
const RING_HEAD: u64 = 3 * 4096;

/// Memory as the kernel's `map_mem_usage` counts it, without the maps' own structures.
fn memory(maps: &[Map]) -> Memory {
    let mut memory = Memory {
        fixed: 0,
        per_cpu: 0,
    };
    for map in maps {
        let entries = u64::from(map.max_entries);
        let (key, value) = (u64::from(map.key_size), u64::from(map.value_size));
        let aligned = |bytes: u64| bytes.next_multiple_of(8);
        match map.kind {
            MapKind::PercpuArray => {
                memory.fixed += 8 * entries;
                memory.per_cpu += entries * aligned(value);
            }
            MapKind::LruHash => {
                memory.fixed += entries * (HASH_ELEMENT + aligned(key) + aligned(value));
                memory.fixed += entries.next_power_of_two() * HASH_BUCKET;
            }
            MapKind::Ringbuf => memory.fixed += entries + RING_HEAD,
        }
    }
    memory
}

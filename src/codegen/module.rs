//! What all programs of an object share: maps, functions, read-only data.

use super::layout::Layout;
use super::matchers::{Body, Outline};
use super::mir::{Builder, Function, FunctionId, MapId, Reg};
use super::routine::Routine;
use crate::diag::Span;
use crate::ir::Namespace;

/// `enum bpf_map_type`, include/uapi/linux/bpf.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    PercpuArray = 6,
    LruHash = 9,
    Ringbuf = 27,
}

/// A map of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    pub name: &'static str,
    pub kind: MapKind,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
}

/// A function of the object.
#[derive(Clone, Debug)]
pub struct Routed {
    /// ELF section; `.text` for functions that programs call.
    pub section: String,
    /// Parameters of a function that programs call; `None` for a program, which gets a context.
    pub params: Option<u8>,
    pub code: Function,
}

/// Four bytes of read-only data that the loader fills with the node's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostNamespace {
    pub offset: u32,
    pub kind: Namespace,
}

/// The maps that programs use, by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    Scratch,
    Events,
    Lost,
    Rate,
    Pending,
}

/// The object under construction.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) layout: Layout,
    /// Programs, one scratch value each.
    pub(super) slots: u32,
    maps: Vec<(Purpose, Map)>,
    pub(super) functions: Vec<Routed>,
    routines: Vec<(Routine, FunctionId)>,
    /// Functions that hold a part of a decision.
    outlined: usize,
    pub(super) host_namespaces: Vec<HostNamespace>,
    pub(super) too_large: Vec<TooLarge>,
}

/// Why a policy cannot be compiled: it needs more than a BPF program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLarge {
    /// A filter whose values take so many instructions, more than the verifier would walk.
    Set { filter: Span, slots: usize },
    /// A hook whose arguments make the events of its policy take so many bytes of memory on each processor.
    Scratch { hook: Span, bytes: u32 },
}

/// Bytes of the ring buffer: a power of two and a multiple of the page size.
const RING: u32 = 256 * 1024;
/// Different keys that a rate limit remembers.
const RATES: u32 = 8192;
/// Calls that are between entry and return at one time.
const PENDING: u32 = 8192;
/// Key of a call under way: `u64 pid_tgid, u64 hook`.
pub(super) const PENDING_KEY: u32 = 16;

impl Module {
    pub(super) fn new(layout: Layout, slots: u32) -> Self {
        Self {
            layout,
            slots,
            maps: Vec::new(),
            functions: Vec::new(),
            routines: Vec::new(),
            outlined: 0,
            host_namespaces: Vec::new(),
            too_large: Vec::new(),
        }
    }

    /// The map for a purpose, made on first use.
    pub(super) fn map(&mut self, purpose: Purpose) -> MapId {
        if let Some(index) = self.maps.iter().position(|(of, _)| *of == purpose) {
            return MapId(index);
        }
        let map = self.describe(purpose);
        self.maps.push((purpose, map));
        MapId(self.maps.len() - 1)
    }

    fn describe(&self, purpose: Purpose) -> Map {
        let (name, kind, key_size, value_size, max_entries) = match purpose {
            Purpose::Scratch => (
                "scratch",
                MapKind::PercpuArray,
                4,
                self.layout.size(),
                self.slots,
            ),
            Purpose::Events => ("events", MapKind::Ringbuf, 0, 0, RING),
            // The second entry is for the reader, which keeps there what it has reported.
            Purpose::Lost => ("lost", MapKind::PercpuArray, 4, 8, 2),
            Purpose::Rate => ("rate", MapKind::LruHash, self.layout.key_bytes(), 8, RATES),
            Purpose::Pending => (
                "pending",
                MapKind::LruHash,
                PENDING_KEY,
                self.layout.awaited_bytes(),
                PENDING,
            ),
        };
        Map {
            name,
            kind,
            key_size,
            value_size,
            max_entries,
        }
    }

    /// The shared function for a routine, made on first use.
    pub(super) fn routine(&mut self, routine: Routine) -> FunctionId {
        if let Some((_, id)) = self.routines.iter().find(|(of, _)| *of == routine) {
            return *id;
        }
        let (code, params) = routine.instantiate(self);
        let id = self.add_function(".text".to_owned(), Some(params), code);
        self.routines.push((routine, id));
        id
    }

    pub(super) fn add_function(
        &mut self,
        section: String,
        params: Option<u8>,
        code: Function,
    ) -> FunctionId {
        self.functions.push(Routed {
            section,
            params,
            code,
        });
        FunctionId(self.functions.len() - 1)
    }

    /// Byte of the read-only data that holds the number of a namespace of the host.
    pub(super) fn host_namespace(&mut self, kind: Namespace) -> u32 {
        if let Some(known) = self.host_namespaces.iter().find(|known| known.kind == kind) {
            return known.offset;
        }
        let offset = 4 * self.host_namespaces.len() as u32;
        self.host_namespaces.push(HostNamespace { offset, kind });
        offset
    }

    pub(super) fn into_parts(self) -> (Vec<Map>, Vec<Routed>, Vec<HostNamespace>) {
        let maps = self.maps.into_iter().map(|(_, map)| map).collect();
        (maps, self.functions, self.host_namespaces)
    }
}

impl Outline for Module {
    fn function(&mut self, stem: &str, params: u8, body: &mut Body<'_>) -> FunctionId {
        let mut b = Builder::new(format!("tpc_{stem}_{}", self.outlined));
        self.outlined += 1;
        let regs: Vec<Reg> = (0..params).map(|index| b.param(index)).collect();
        body(&mut b, &regs, self);
        self.add_function(".text".to_owned(), Some(params), b.finish())
    }
}

//! What the running kernel can do.
//!
//! Facts come from its BTF, its symbols and trial loads of two-instruction programs, which are closed at once. Nothing on the
//! node changes.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::sys::{self, NewProgram, ProgramKind, TracePoint};
use crate::asm::{Insn, op};
use crate::attach::{self, Kernel, Point, Signature};
use crate::btf::{Btf, Kind, TypeId};
use crate::kernel::helpers;

/// The file system that keeps what is loaded.
pub(super) const BPFFS: &str = "/sys/fs/bpf";
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";
const SYMBOLS: &str = "/proc/kallsyms";
const KPROBE_EVENTS: &str = "/sys/bus/event_source/devices/kprobe/type";

/// The running kernel.
pub(super) struct Node {
    /// Its types, or why they are not known.
    pub(super) btf: Result<Btf, String>,
    helpers: BTreeSet<String>,
    symbols: OnceCell<HashSet<String>>,
    override_return: OnceCell<bool>,
}

impl Node {
    pub(super) fn inspect() -> Self {
        sys::raise_memlock();
        sys::raise_files();
        let btf = kernel_btf();
        let helpers = btf.as_ref().map(helper_names).unwrap_or_default();
        Self {
            btf,
            helpers,
            symbols: OnceCell::new(),
            override_return: OnceCell::new(),
        }
    }

    /// Why the node can load nothing at all, with the way out.
    pub(super) fn general_lacks(&self) -> Vec<(String, String)> {
        let mut lacks = Vec::new();
        if sys::euid() != 0 {
            lacks.push((
                "the rights of root".to_owned(),
                "run the loader as root".to_owned(),
            ));
            return lacks;
        }
        if !sys::is_bpffs(Path::new(BPFFS)).unwrap_or(false) {
            let remedy = format!("mount it: mount -t bpf bpf {BPFFS}");
            lacks.push((format!("bpffs at {BPFFS}"), remedy));
        }
        if let Err(why) = &self.btf {
            let remedy =
                "use a kernel with CONFIG_DEBUG_INFO_BTF, as all current distributions have it";
            lacks.push((format!("the types of the kernel: {why}"), remedy.to_owned()));
        } else if let Err(error) = self.try_kprobe(&trivial()) {
            let remedy = if error.kind() == io::ErrorKind::PermissionDenied {
                "grant CAP_BPF and CAP_PERFMON; check that the kernel's lockdown mode is not `confidentiality`"
            } else {
                "use a kernel with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS"
            };
            lacks.push((
                format!("the right to load BPF programs: {error}"),
                remedy.to_owned(),
            ));
        }
        lacks
    }

    fn symbols(&self) -> &HashSet<String> {
        self.symbols.get_or_init(|| symbols().unwrap_or_default())
    }

    /// BTF id of a function, if there is exactly one of this name.
    pub(super) fn function(&self, name: &str) -> Option<TypeId> {
        self.btf.as_ref().ok()?.function(name)
    }

    /// Whether a tracing program can attach there; the error is the kernel's.
    fn try_tracing(&self, function: TypeId, at: TracePoint) -> io::Result<()> {
        let program = NewProgram {
            kind: ProgramKind::Tracing,
            at,
            function: function.0,
            ..template()
        };
        try_load(&program, &trivial())
    }

    fn try_kprobe(&self, code: &[Insn]) -> io::Result<()> {
        try_load(&template(), code)
    }

    fn try_override(&self) -> bool {
        let call = Insn::new(
            op::JMP | op::CALL,
            0,
            0,
            0,
            helpers::OVERRIDE_RETURN.cast_signed(),
        );
        let no_error = Insn::new(op::ALU64 | op::MOV | op::K, 2, 0, 0, 0);
        let code: Vec<Insn> = [no_error, call].into_iter().chain(trivial()).collect();
        self.try_kprobe(&code).is_ok()
    }

    /// Kind of perf events for kprobes.
    pub(super) fn kprobe_events() -> io::Result<u32> {
        let text = fs::read_to_string(KPROBE_EVENTS)?;
        text.trim()
            .parse()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }
}

impl Kernel for Node {
    /// A function with types is one of the kernel's, and found without its list of symbols, which takes longer to read
    /// than a policy to load.
    fn has_function(&self, name: &str) -> bool {
        self.function(name).is_some() || self.symbols().contains(name)
    }

    fn similar(&self, name: &str) -> Option<String> {
        let known = self.symbols().iter().map(String::as_str);
        attach::similar(name, known).map(str::to_owned)
    }

    fn signature(&self, name: &str) -> Option<Signature<'_>> {
        let btf = self.btf.as_ref().ok()?;
        Signature::of(btf, btf.function(name)?)
    }

    fn has_helper(&self, name: &str) -> bool {
        match name {
            // Its number exists on every kernel, the function only with CONFIG_BPF_KPROBE_OVERRIDE.
            attach::OVERRIDE => *self.override_return.get_or_init(|| self.try_override()),
            _ => self.helpers.contains(name),
        }
    }

    fn trampoline(&self, function: &str, point: Point) -> Result<(), String> {
        let Some(id) = self.function(function) else {
            return Err("no type".to_owned());
        };
        let at = match point {
            Point::Entry => TracePoint::Entry,
            Point::ModifyReturn => TracePoint::ModifyReturn,
        };
        self.try_tracing(id, at).map_err(|error| error.to_string())
    }

    /// Attaching tells.
    fn breakpoint(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    /// Attaching tells.
    fn replaceable(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

fn template() -> NewProgram<'static> {
    NewProgram {
        name: "tpc_probe",
        kind: ProgramKind::Kprobe,
        at: TracePoint::None,
        function: 0,
        code: &[],
        license: "GPL",
        btf: None,
        functions: &[],
        lines: &[],
    }
}

fn try_load(program: &NewProgram<'_>, code: &[Insn]) -> io::Result<()> {
    let bytes: Vec<u8> = code.iter().flat_map(|insn| insn.encode()).collect();
    let program = NewProgram {
        code: &bytes,
        ..*program
    };
    sys::load_program(&program)
        .map(drop)
        .map_err(|(error, _)| error)
}

/// `return 0`.
fn trivial() -> [Insn; 2] {
    [
        Insn::new(op::ALU64 | op::MOV | op::K, 0, 0, 0, 0),
        Insn::new(op::JMP | op::EXIT, 0, 0, 0, 0),
    ]
}

fn kernel_btf() -> Result<Btf, String> {
    let bytes = fs::read(KERNEL_BTF).map_err(|error| format!("{KERNEL_BTF}: {error}"))?;
    Btf::decode(&bytes).map_err(|error| format!("{KERNEL_BTF}: {error}"))
}

/// Names of the helper functions, from the enumeration that numbers them.
fn helper_names(btf: &Btf) -> BTreeSet<String> {
    let values = btf
        .find("bpf_func_id", Kind::is_enum)
        .and_then(|id| match &btf.ty(id)?.kind {
            Kind::Enum { values, .. } => Some(values),
            _ => None,
        });
    let names = values
        .into_iter()
        .flatten()
        .map(|value| btf.str(value.name));
    names
        .filter_map(|name| name.strip_prefix("BPF_FUNC_"))
        .map(str::to_owned)
        .collect()
}

/// Names of all functions of the kernel and its modules.
fn symbols() -> io::Result<HashSet<String>> {
    function_names(BufReader::new(fs::File::open(SYMBOLS)?))
}

/// The functions of a list of symbols: lines of address, type and name.
pub(super) fn function_names(list: impl BufRead) -> io::Result<HashSet<String>> {
    let mut names = HashSet::new();
    for line in list.lines() {
        let line = line?;
        let mut words = line.split_ascii_whitespace().skip(1);
        if let (Some("t" | "T" | "w" | "W"), Some(name)) = (words.next(), words.next()) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

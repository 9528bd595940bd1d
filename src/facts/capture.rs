//! Sources to facts.
//!
//! What is there but makes no sense is an error; what is not there, or may not be read, is a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ::object::read::elf::ElfFile64;
use ::object::{LittleEndian, Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::error::Error;
use super::file::{Facts, Gap, VERSION};
use super::render::{self, Render};
use super::source::{self, Files, Source};
use super::{config, lines};
use crate::btf::Btf;

/// Text that an image of a kernel has in front of its release.
const BANNER: &[u8] = b"Linux version ";
const ELF: &[u8] = b"\x7fELF";

/// Reads everything that a source has.
///
/// # Errors
/// A file is not what it should be, or nothing says which functions there are.
pub fn capture(source: &Source) -> Result<Facts, Error> {
    let parts = match source {
        Source::Root(root) => Parts::of_root(root)?,
        Source::Files(files) => Parts::of_files(files)?,
    };
    parts.facts()
}

/// The sources as they were read.
#[derive(Default)]
struct Parts {
    gaps: Vec<Gap>,
    types: Option<Btf>,
    symbols: Option<lines::Symbols>,
    release: String,
    build: String,
    config: Option<BTreeMap<String, String>>,
    security_modules: Option<Vec<String>>,
    traceable: Option<String>,
    protected: Option<BTreeSet<String>>,
    replaceable: Option<BTreeSet<String>>,
    tracepoints: Option<BTreeMap<String, Vec<String>>>,
}

impl Parts {
    fn of_files(files: &Files) -> Result<Self, Error> {
        let mut parts = Self::default();
        let bytes = source::bytes(&files.types)?;
        if bytes.starts_with(ELF) {
            parts.read_image(&files.types, &bytes)?;
        } else {
            parts.types = Some(types(&files.types, &bytes)?);
        }
        if let Some(path) = &files.symbols {
            parts.read_symbols(path, &source::text(source::bytes(path)?))?;
        }
        if let Some(path) = &files.config {
            let text = source::text(source::bytes(path)?);
            let read = config::read(&text);
            parts.config = Some(read.ok_or_else(|| form(path, "a kernel configuration"))?);
            if parts.release.is_empty() {
                parts.release = config::version(&text).unwrap_or_default().to_owned();
            }
        }
        for (absent, what, cost) in [
            (parts.symbols.is_none(), "symbols", COST_SYMBOLS),
            (parts.config.is_none(), "configuration", COST_CONFIG),
            (true, "security modules", COST_SECURITY),
            (true, "traceable functions", COST_TRACEABLE),
            (true, "protected functions", COST_PROTECTED),
            (true, "replaceable functions", COST_REPLACEABLE),
            (true, "tracepoints", COST_TRACEPOINTS),
        ] {
            if absent {
                parts.gap(format!("no file says the {what}"), cost);
            }
        }
        Ok(parts)
    }

    /// An ELF file: types, symbols, release.
    fn read_image(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let no_types = || Error::NoTypes(path.to_owned());
        let elf = ElfFile64::<LittleEndian>::parse(bytes).map_err(|_| no_types())?;
        let section = elf.section_by_name(".BTF").ok_or_else(no_types)?;
        self.types = Some(types(path, section.data().map_err(|_| no_types())?)?);
        let functions = elf.symbols().filter(|one| one.kind() == SymbolKind::Text);
        let mut symbols = lines::Symbols::default();
        for name in functions.filter_map(|one| one.name().ok()) {
            *symbols.kernel.entry(name.to_owned()).or_default() += 1;
        }
        if !symbols.kernel.is_empty() {
            self.symbols = Some(symbols);
        }
        let at = bytes.windows(BANNER.len()).position(|part| part == BANNER);
        let banner = at.and_then(|at| bytes.get(at + BANNER.len()..));
        let release = banner.and_then(|rest| rest.split(|&byte| byte == b' ' || byte == 0).next());
        if let Some(Ok(release)) = release.map(std::str::from_utf8) {
            self.release = release.to_owned();
        }
        Ok(())
    }

    fn read_symbols(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let read = lines::symbols(text).filter(|symbols| !symbols.kernel.is_empty());
        self.symbols = Some(read.ok_or_else(|| form(path, "a list of a kernel's symbols"))?);
        Ok(())
    }

    fn of_root(root: &Path) -> Result<Self, Error> {
        let mut parts = Self::default();
        let line = |name: &str| {
            let text = source::first_text(root, &[name.to_owned()]);
            text.map(|(_, text)| text.trim().to_owned())
                .unwrap_or_default()
        };
        parts.release = line("/proc/sys/kernel/osrelease");
        parts.build = line("/proc/sys/kernel/version");
        let path = root.join("sys/kernel/btf/vmlinux");
        match source::bytes(&path) {
            Ok(bytes) => parts.types = Some(types(&path, &bytes)?),
            Err(error) => parts.gap(error.to_string(), COST_TYPES),
        }
        parts.read_lists(root)?;
        parts.tracepoints = tracepoints(root);
        if parts.tracepoints.is_none() {
            let unread = format!(
                "cannot read {}",
                root.join("sys/kernel/tracing/events").display()
            );
            parts.gap(unread, COST_TRACEPOINTS);
        }
        Ok(parts)
    }

    fn read_lists(&mut self, root: &Path) -> Result<(), Error> {
        if let Some((path, text)) = self.text(root, &["/proc/kallsyms"], COST_SYMBOLS) {
            self.read_symbols(&path, &text)?;
        }
        let release = &self.release;
        let places = [
            "/proc/config.gz".to_owned(),
            format!("/boot/config-{release}"),
            format!("/lib/modules/{release}/config"),
        ];
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        if let Some((path, text)) = self.text(root, &places, COST_CONFIG) {
            let read = config::read(&text);
            self.config = Some(read.ok_or_else(|| form(&path, "a kernel configuration"))?);
        }
        let modules = self.text(root, &["/sys/kernel/security/lsm"], COST_SECURITY);
        self.security_modules = modules.map(|(_, text)| {
            let names = text.trim().split(',').filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        });
        let places = [
            "/sys/kernel/tracing/available_filter_functions",
            "/sys/kernel/debug/tracing/available_filter_functions",
        ];
        let traceable = self.text(root, &places, COST_TRACEABLE);
        self.traceable = traceable.map(|(_, text)| text);
        let places = ["/sys/kernel/debug/kprobes/blacklist"];
        let protected = self.text(root, &places, COST_PROTECTED);
        self.protected = protected.map(|(_, text)| lines::protected(&text));
        self.read_replaceable(root);
        Ok(())
    }

    /// A kernel without the option has no list, and no function on it.
    fn read_replaceable(&mut self, root: &Path) {
        let option = self
            .config
            .as_ref()
            .and_then(|all| all.get("FUNCTION_ERROR_INJECTION"));
        if option.is_some_and(|value| value == "n") {
            self.replaceable = Some(BTreeSet::new());
            return;
        }
        let places = ["/sys/kernel/debug/error_injection/list"];
        let list = self.text(root, &places, COST_REPLACEABLE);
        self.replaceable = list.map(|(_, text)| lines::replaceable(&text));
    }

    /// The first of some files, or a gap.
    fn text(&mut self, root: &Path, names: &[&str], cost: &str) -> Option<(PathBuf, String)> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        match source::first_text(root, &names) {
            Ok(found) => Some(found),
            Err(why) => {
                self.gap(why, cost);
                None
            }
        }
    }

    fn gap(&mut self, unread: String, cost: &str) {
        let cost = cost.to_owned();
        self.gaps.push(Gap { unread, cost });
    }

    fn facts(self) -> Result<Facts, Error> {
        let mut facts = Facts {
            version: VERSION,
            release: self.release,
            build: self.build,
            gaps: self.gaps,
            config: self.config,
            security_modules: self.security_modules,
            unprobeable: self.protected,
            replaceable: self.replaceable,
            tracepoints: self.tracepoints,
            ..Facts::default()
        };
        if let Some(btf) = &self.types {
            let render = Render::new(btf);
            facts.functions = render.functions();
            facts.typedefs = render.typedefs();
            facts.structures = render.structures();
            facts.raw_tracepoints = render.raw_tracepoints();
            facts.helpers = render::helpers(btf).map(str::to_owned).collect();
            facts.kfuncs = render::kfuncs(btf).map(str::to_owned).collect();
        }
        if let Some(symbols) = self.symbols {
            for (name, count) in symbols.kernel {
                if count > 1 {
                    facts.ambiguous.insert(name.clone());
                }
                facts.functions.entry(name).or_default();
            }
            facts.modules = symbols.modules;
        }
        if facts.functions.is_empty() {
            return Err(Error::NoFunctions);
        }
        facts.machine = machine(&facts.functions).to_owned();
        if let Some(text) = &self.traceable {
            let traceable = lines::traceable(text);
            let all = std::mem::take(&mut facts.functions).into_iter();
            (facts.functions, facts.untraceable) =
                all.partition(|(name, _)| traceable.contains(name.as_str()));
        }
        Ok(facts)
    }
}

/// The machine, by the names of its system calls.
fn machine(functions: &BTreeMap<String, String>) -> &'static str {
    let has = |name: &str| functions.contains_key(name);
    match (has("__x64_sys_read"), has("__arm64_sys_read")) {
        (true, _) => "x86_64",
        (_, true) => "aarch64",
        _ => "unknown",
    }
}

/// BTF that describes functions.
fn types(path: &Path, bytes: &[u8]) -> Result<Btf, Error> {
    Btf::decode(bytes).map_err(|error| match error {
        crate::btf::Error::Magic => Error::NoTypes(path.to_owned()),
        error => Error::Types(path.to_owned(), error),
    })
}

fn form(path: &Path, expected: &'static str) -> Error {
    Error::Form(path.to_owned(), expected)
}

/// Every tracepoint with its fields; `None` if they cannot be listed.
fn tracepoints(root: &Path) -> Option<BTreeMap<String, Vec<String>>> {
    let places = [
        "sys/kernel/tracing/events",
        "sys/kernel/debug/tracing/events",
    ];
    let place = places
        .iter()
        .map(|place| root.join(place))
        .find(|place| place.is_dir())?;
    let mut all = BTreeMap::new();
    for subsystem in directories(&place)? {
        for event in directories(&place.join(&subsystem))? {
            let format = place.join(&subsystem).join(&event).join("format");
            if let Ok(bytes) = source::bytes(&format) {
                let fields = lines::fields(&source::text(bytes));
                all.insert(format!("{subsystem}/{event}"), fields);
            }
        }
    }
    Some(all).filter(|all| !all.is_empty())
}

fn directories(place: &Path) -> Option<Vec<String>> {
    let entries = fs::read_dir(place).ok()?.filter_map(Result::ok);
    let directories = entries.filter(|entry| entry.path().is_dir());
    let names = directories.filter_map(|entry| entry.file_name().into_string().ok());
    Some(names.collect())
}

const COST_TYPES: &str =
    "prototypes, structures and helpers are not known: arguments are not checked";
const COST_SYMBOLS: &str = "functions without types are taken for missing";
const COST_CONFIG: &str =
    "whether functions can be overridden and traced is taken from the other files alone";
const COST_SECURITY: &str = "whether LSM hooks run is not known";
const COST_TRACEABLE: &str =
    "functions that nothing can be attached to are taken for ordinary ones";
const COST_PROTECTED: &str =
    "functions that the kernel protects from kprobes are taken for ordinary ones";
const COST_REPLACEABLE: &str = "whether the result of a function may be replaced is not known";
const COST_TRACEPOINTS: &str = "tracepoints and their fields are not checked";

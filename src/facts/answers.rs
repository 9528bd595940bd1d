//! The answers that a kernel would give, from its facts.
//!
//! The rules are those of the kernel (Linux 6.1 to 6.12); each names the function that applies it. What the facts do not
//! know speaks for a policy: a linter must not reject what may work.

use super::ctype::{self, CType};
use super::file::Facts;
use crate::attach::{self, Described, Kernel, Point, Signature};

/// Parameters that a trampoline passes on (MAX_BPF_FUNC_ARGS, include/linux/bpf.h).
const MAX_PARAMETERS: usize = 12;
/// Functions that trampolines themselves need (`btf_id_deny`, kernel/bpf/verifier.c).
const DENIED: &[&str] = &[
    "__rcu_read_lock",
    "__rcu_read_unlock",
    "migrate_disable",
    "migrate_enable",
    "preempt_count_add",
    "preempt_count_sub",
    "rcu_read_unlock_strict",
];
/// Prefix of functions that decide, whose result may always be replaced (`check_attach_modify_return`).
const DECIDES: &str = "security_";
/// Longest chain of typedefs.
const MAX_DEPTH: usize = 32;

impl Facts {
    /// Whether an option of the configuration is set; `None` if that is not known.
    pub fn option(&self, name: &str) -> Option<bool> {
        let value = self.config.as_ref()?.get(name);
        Some(value.is_some_and(|value| value != "n"))
    }

    /// Major and minor number of the release; zeros if it has none.
    pub fn release_numbers(&self) -> (u16, u16) {
        let mut numbers = self.release.split(|c: char| !c.is_ascii_digit());
        let mut next = || numbers.next().and_then(|text| text.parse().ok());
        (next().unwrap_or(0), next().unwrap_or(0))
    }

    /// The kernel's function for a system call, `sys_openat`. A name with the prefix of one machine stays as it is.
    pub fn system_call(&self, name: &str) -> String {
        let prefix = match self.machine.as_str() {
            "aarch64" => "__arm64_",
            _ => "__x64_",
        };
        match name.starts_with("__") {
            true => name.to_owned(),
            false => format!("{prefix}{name}"),
        }
    }

    /// The functions of the kernel proper.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let all = self.functions.keys().chain(self.untraceable.keys());
        all.map(String::as_str)
    }

    /// Whether the kernel proper has a function.
    fn is_own(&self, name: &str) -> bool {
        self.functions.contains_key(name) || self.untraceable.contains_key(name)
    }

    /// The prototype of a function, as C; `None` if the kernel does not describe it.
    pub fn prototype(&self, function: &str) -> Option<&str> {
        let text = self.functions.get(function);
        let text = text.or_else(|| self.untraceable.get(function))?;
        Some(text.as_str()).filter(|text| !text.is_empty())
    }

    /// Whether programs on a security hook run; the error says why not.
    ///
    /// # Errors
    /// The kernel has no such hook, or runs no programs on any.
    pub fn security_hook(&self, hook: &str) -> Result<(), SecurityLack> {
        if self.option("BPF_LSM") == Some(false) {
            return Err(SecurityLack::NotBuilt);
        }
        let active = self.security_modules.as_ref();
        if active.is_some_and(|names| !names.iter().any(|name| name == "bpf")) {
            return Err(SecurityLack::NotActive);
        }
        match self.is_own(&format!("bpf_lsm_{hook}")) {
            true => Ok(()),
            false => Err(SecurityLack::NoSuchHook),
        }
    }

    /// What a type is for a program.
    pub fn describe(&self, text: &str) -> Described<'_> {
        let Some((base, pointers, is_array)) = self.base(text) else {
            return Described::Other;
        };
        let structure = base
            .strip_prefix("struct ")
            .or_else(|| base.strip_prefix("union "));
        match (pointers, structure, base) {
            (0, _, _) if is_array => Described::Other,
            (0, None, "void") => Described::Void,
            (0, None, "function" | "array" | "#") | (0, Some(_), _) => Described::Other,
            (0, None, base) if base.starts_with("float ") => Described::Other,
            (0, None, _) => Described::Number,
            (1, Some(name), _) if !is_array => match name.contains('#') {
                true => Described::Struct(""),
                false => Described::Struct(name),
            },
            _ => Described::Pointer,
        }
    }

    /// Base, number of pointers and whether they point to or are an array, with typedefs followed.
    fn base<'a>(&'a self, text: &str) -> Option<(&'a str, usize, bool)> {
        let ty = CType::parse(text);
        let (mut pointers, mut is_array) = (ty.pointers, ty.dimensions > 0);
        let mut next = ty.base;
        for _ in 0..MAX_DEPTH {
            let Some(target) = self.typedefs.get(next) else {
                break;
            };
            let target = CType::parse(target);
            pointers += target.pointers;
            is_array |= target.dimensions > 0;
            next = target.base;
        }
        // A name that outlives the text that it was found in.
        let kept = self.kept(next)?;
        Some((kept, pointers, is_array))
    }

    /// The same name as the facts have it.
    fn kept(&self, base: &str) -> Option<&str> {
        if let Some((known, _)) = self.structures.get_key_value(base) {
            return Some(known);
        }
        match base.split(' ').next()? {
            // Declared, and defined nowhere.
            "struct" | "union" => self.incomplete(base),
            "void" => Some("void"),
            "function" => Some("function"),
            "array" => Some("array"),
            "#" => Some("#"),
            "float" => Some("float "),
            "" => None,
            _ => Some("int"),
        }
    }

    /// The name of a structure that the kernel's types only declare, from a prototype that uses it.
    fn incomplete(&self, base: &str) -> Option<&str> {
        let functions = self.functions.values().chain(self.untraceable.values());
        let texts = functions.chain(self.typedefs.values());
        texts
            .filter_map(|text| text.find(base).and_then(|at| text.get(at..at + base.len())))
            .next()
    }

    /// The type of a member, also one of structures without a name inside; pointers and arrays are followed.
    pub fn member(&self, ty: &str, name: &str) -> Option<&str> {
        let (base, _, _) = self.base(ty)?;
        self.member_of(base, name, 0)
    }

    fn member_of(&self, structure: &str, name: &str, depth: usize) -> Option<&str> {
        let members = self.structures.get(structure)?;
        if let Some(ty) = members.get(name) {
            return Some(ty);
        }
        if depth >= MAX_DEPTH {
            return None;
        }
        let unnamed = members.iter().filter(|(member, _)| member.starts_with('#'));
        unnamed
            .filter_map(|(_, ty)| self.member_of(CType::parse(ty).base, name, depth + 1))
            .next()
    }

    /// Names of the members of what a type is or points to.
    pub fn members(&self, ty: &str) -> Vec<&str> {
        let members = self
            .base(ty)
            .and_then(|(base, _, _)| self.structures.get(base));
        let names = members.into_iter().flat_map(|members| members.keys());
        names
            .map(String::as_str)
            .filter(|name| !name.starts_with('#'))
            .collect()
    }

    /// The type of a parameter of a prototype, as C.
    pub fn parameter<'a>(&self, prototype: &'a str, index: usize) -> Option<&'a str> {
        let (_, parameters) = ctype::prototype(prototype)?;
        parameters.get(index).map(|(ty, _)| *ty)
    }

    /// Why neither trampolines nor breakpoints get into a function (`within_notrace_func`, kernel/trace/trace_kprobe.c).
    fn untraced(&self, function: &str) -> Result<(), String> {
        let stem = function.split('.').next().unwrap_or(function);
        let by_stem = stem != function && self.functions.contains_key(stem);
        match self.untraceable.contains_key(function) && !by_stem {
            true => Err("ftrace cannot change it: it is marked notrace, written in assembly, or gone after boot".to_owned()),
            false => Ok(()),
        }
    }
}

/// Why programs on a security hook do not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecurityLack {
    /// The kernel is built without CONFIG_BPF_LSM.
    NotBuilt,
    /// `bpf` is not among the active security modules.
    NotActive,
    NoSuchHook,
}

impl Kernel for Facts {
    fn has_function(&self, name: &str) -> bool {
        let in_module = || self.modules.values().any(|names| names.contains(name));
        self.is_own(name) || in_module()
    }

    fn similar(&self, name: &str) -> Option<String> {
        attach::similar(name, self.names()).map(str::to_owned)
    }

    fn signature(&self, name: &str) -> Option<Signature<'_>> {
        let (returns, parameters) = ctype::prototype(self.prototype(name)?)?;
        Some(Signature {
            returns: self.describe(returns),
            parameters: parameters
                .iter()
                .map(|(ty, name)| match *name {
                    // Arguments without types, which have no type of their own either.
                    "..." => Described::Void,
                    _ => self.describe(ty),
                })
                .collect(),
        })
    }

    fn has_helper(&self, name: &str) -> bool {
        match name {
            attach::OVERRIDE => self.option("BPF_KPROBE_OVERRIDE") != Some(false),
            _ => self.helpers.is_empty() || self.helpers.contains(name),
        }
    }

    fn trampoline(&self, function: &str, point: Point) -> Result<(), String> {
        if DENIED.binary_search(&function).is_ok() {
            return Err("the kernel forbids it".to_owned());
        }
        let (_, parameters) = self
            .prototype(function)
            .and_then(ctype::prototype)
            .ok_or("its types are not known")?;
        // `btf_distill_func_proto`, kernel/bpf/btf.c.
        if parameters.len() > MAX_PARAMETERS {
            return Err(format!("it has more than {MAX_PARAMETERS} parameters"));
        }
        if parameters.iter().any(|(_, name)| *name == "...") {
            return Err("it takes any number of arguments".to_owned());
        }
        let signature = self.signature(function);
        if signature.is_some_and(|one| one.returns == Described::Other) {
            return Err("it returns a structure".to_owned());
        }
        self.untraced(function)?;
        let allowed = || {
            let list = self.replaceable.as_ref();
            list.is_some_and(|list| list.contains(function))
        };
        match point == Point::Entry || function.starts_with(DECIDES) || allowed() {
            true => Ok(()),
            false => Err("the kernel does not allow its result to be replaced".to_owned()),
        }
    }

    fn breakpoint(&self, function: &str) -> Result<(), String> {
        let list = self.unprobeable.as_ref();
        if list.is_some_and(|list| list.contains(function)) {
            return Err("the kernel protects it".to_owned());
        }
        if self.ambiguous.contains(function) {
            return Err("there are several functions of this name".to_owned());
        }
        if self.option("DYNAMIC_FTRACE") == Some(false)
            || self.option("KPROBE_EVENTS_ON_NOTRACE") == Some(true)
        {
            return Ok(());
        }
        self.untraced(function)
    }

    fn replaceable(&self, function: &str) -> Result<(), String> {
        let list = self.replaceable.as_ref();
        match list.is_none_or(|list| list.contains(function)) {
            true => Ok(()),
            false => Err(
                "it is not on the kernel's list of functions that may fail (error injection)"
                    .to_owned(),
            ),
        }
    }
}

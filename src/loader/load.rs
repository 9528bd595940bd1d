//! Bundles into the kernel: all or nothing.
//!
//! Order: verified bundles → preflight → maps and programs → links → pins → one rename for each policy. Until the pins everything
//! hangs on this process' descriptors and goes with it; from then on the next loader removes what was not finished.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use super::error::{Error, Lack, Refusal};
use super::meta::{self, Attached, Attachment, Meta};
use super::node::Node;
use super::pins::{Generation, Root, Staged, pin_name};
use super::preflight::{self, HookPlan, Plan};
use super::sys::{self, NewMap, NewProgram, ProgramKind, TracePoint};
use crate::attach;
use crate::bundle::{Attach, Bundle, Manifest, Program, Variant};
use crate::object::{self, Object, relocate};

/// A policy that was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub policy: String,
    pub hooks: Vec<LoadedHook>,
}

/// How a hook was attached.
#[derive(Clone, Debug)]
pub struct LoadedHook {
    pub call: String,
    /// `None` where the kernel lacks the function of an optional hook.
    pub attach: Option<Attach>,
    /// Better ways to attach, and why they were not taken.
    pub passed: Vec<(Attach, String)>,
}

/// Loads bundles; with `replace`, those of policies that are loaded take their places without a gap.
pub fn load(bundles: &[Bundle], replace: bool) -> Result<Vec<Loaded>, Error> {
    refuse_twice(bundles)?;
    let node = Node::inspect();
    let plans = preflight::check(&node, bundles).map_err(Error::Node)?;
    let root = Root::open()?;
    let mut current = Vec::new();
    for bundle in bundles {
        let policy = &bundle.manifest.policy;
        let found = root.find(policy)?;
        if found.is_some() && !replace {
            return Err(Error::AlreadyLoaded(policy.clone()));
        }
        current.push(found);
    }
    let mut prepared = Vec::new();
    for (bundle, plan) in bundles.iter().zip(&plans) {
        prepared.push(Policy::prepare(&node, bundle, plan)?);
    }
    let mut staged = Vec::new();
    for policy in &mut prepared {
        policy.attach(&node)?;
        staged.push(policy.pin(&root)?);
    }
    staged.into_iter().try_for_each(Staged::commit)?;
    for old in current.iter().flatten() {
        root.remove(old)?;
    }
    Ok(prepared.iter().map(Policy::summary).collect())
}

/// Checks bundles against the node without loading them.
pub fn check(bundles: &[Bundle]) -> Result<(), Error> {
    refuse_twice(bundles)?;
    let node = Node::inspect();
    let plans = preflight::check(&node, bundles).map_err(Error::Node)?;
    for (bundle, plan) in bundles.iter().zip(&plans) {
        Policy::prepare(&node, bundle, plan)?;
    }
    Ok(())
}

/// Removes loaded policies.
pub fn unload(policies: &[String]) -> Result<(), Error> {
    let root = Root::open()?;
    let mut found: Vec<Generation> = Vec::new();
    for policy in policies {
        found.push(
            root.find(policy)?
                .ok_or_else(|| Error::NotLoaded(policy.clone()))?,
        );
    }
    // A name may be given twice.
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup();
    found
        .iter()
        .try_for_each(|generation| root.remove(generation))
}

fn refuse_twice(bundles: &[Bundle]) -> Result<(), Error> {
    let mut names: Vec<&str> = bundles
        .iter()
        .map(|bundle| bundle.manifest.policy.as_str())
        .collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::Twice(pair[0].to_owned())),
        None => Ok(()),
    }
}

/// A policy on its way into the kernel.
struct Policy<'a> {
    manifest: &'a Manifest,
    object: Object,
    btf: OwnedFd,
    /// By index in the object.
    maps: Vec<OwnedFd>,
    hooks: Vec<Prepared<'a>>,
}

/// A hook on its way into the kernel.
struct Prepared<'a> {
    plan: &'a HookPlan,
    /// Index in the plan's variants.
    choice: usize,
    programs: Vec<Ready<'a>>,
    links: Vec<(String, OwnedFd)>,
    /// Better variants, and why they were not taken.
    passed: Vec<(Attach, String)>,
}

/// A program in the kernel, not attached.
struct Ready<'a> {
    program: &'a Program,
    returns: bool,
    fd: OwnedFd,
}

impl<'a> Policy<'a> {
    /// Creates maps and programs.
    fn prepare(node: &Node, bundle: &'a Bundle, plan: &'a Plan) -> Result<Self, Error> {
        let manifest = &bundle.manifest;
        let policy = manifest.policy.clone();
        let object =
            Object::read(&bundle.object).map_err(|error| Error::Object { policy, error })?;
        let btf = sys::load_btf(&object.btf.encode())
            .map_err(Error::kernel("load the object's types"))?;
        let maps = create_maps(manifest, &object)?;
        let mut prepared = Self {
            manifest,
            object,
            btf,
            maps,
            hooks: Vec::new(),
        };
        for plan in &plan.hooks {
            let mut hook = Prepared {
                plan,
                choice: 0,
                programs: Vec::new(),
                links: Vec::new(),
                passed: plan.passed.clone(),
            };
            prepared.load_variant(node, &mut hook)?;
            prepared.hooks.push(hook);
        }
        Ok(prepared)
    }

    fn variant(&self, hook: &Prepared<'_>) -> Option<&'a Variant> {
        let index = *hook.plan.variants.get(hook.choice)?;
        self.manifest.hooks.get(hook.plan.hook)?.variants.get(index)
    }

    /// Loads the programs of the hook's choice, or of the first after it that the verifier takes.
    fn load_variant(&self, node: &Node, hook: &mut Prepared<'a>) -> Result<(), Error> {
        let mut refusal = None;
        while let Some(variant) = self.variant(hook) {
            match self.load_programs(node, variant) {
                Ok(programs) => {
                    hook.programs = programs;
                    return Ok(());
                }
                Err(error @ Error::Verifier(_)) => {
                    hook.passed.push((variant.attach, error.to_string()));
                    refusal.get_or_insert(error);
                    hook.choice += 1;
                }
                Err(error) => return Err(error),
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    fn load_programs(&self, node: &Node, variant: &'a Variant) -> Result<Vec<Ready<'a>>, Error> {
        let entry = (&variant.entry, false);
        let ret = variant.ret.as_ref().map(|program| (program, true));
        let programs = match variant.attach {
            // Of kprobes at one address the last runs first (add_new_kprobe, kernel/kprobes.c), and one that replaces the function
            // ends the round: the return's must have seen the call by then.
            Attach::KprobeOverride => [Some(entry), ret],
            // No entry may wait for a return that nobody sees.
            _ => [ret, Some(entry)],
        };
        let programs = programs.into_iter().flatten();
        let mut ready = Vec::new();
        for (program, returns) in programs {
            let fd = self.load_program(node, variant, program, returns)?;
            ready.push(Ready {
                program,
                returns,
                fd,
            });
        }
        Ok(ready)
    }

    fn load_program(
        &self,
        node: &Node,
        variant: &Variant,
        program: &Program,
        returns: bool,
    ) -> Result<OwnedFd, Error> {
        let inconsistent = |what| Error::Inconsistent {
            policy: self.manifest.policy.clone(),
            what,
        };
        let mut linked = self
            .object
            .link(&program.name)
            .map_err(|error| Error::Object {
                policy: self.manifest.policy.clone(),
                error,
            })?;
        let kernel = node.btf.as_ref().map_err(|why| inconsistent(why.clone()))?;
        relocate(&mut linked, &self.object.btf, kernel).map_err(inconsistent)?;
        self.insert_maps(&mut linked).map_err(inconsistent)?;
        let (kind, at) = mechanism(variant.attach, returns);
        let function = match at {
            TracePoint::None => 0,
            _ => node.function(&variant.target).map_or(0, |id| id.0),
        };
        let code: Vec<u8> = linked.insns.iter().flat_map(|insn| insn.encode()).collect();
        let functions: Vec<[u32; 2]> = linked
            .functions
            .iter()
            .map(|&(at, ty)| [narrow(at), ty.0])
            .collect();
        let lines: Vec<[u32; 4]> = linked.lines.iter().map(line_record).collect();
        let new = NewProgram {
            name: &program.name,
            kind,
            at,
            function,
            code: &code,
            license: &self.object.license,
            btf: Some(self.btf.as_fd()),
            functions: &functions,
            lines: &lines,
        };
        sys::load_program(&new).map_err(|(error, log)| {
            let refused = refused_insn(&log);
            let line = refused.and_then(|at| {
                linked
                    .lines
                    .iter()
                    .take_while(|line| line.insn <= at)
                    .last()
            });
            Error::Verifier(Box::new(Refusal {
                policy: self.manifest.policy.clone(),
                function: variant.target.clone(),
                line: line.map(|line| line.line),
                error,
                log: tail(&log),
            }))
        })
    }

    /// Puts the descriptors of maps into the instructions that need them.
    fn insert_maps(&self, program: &mut object::Program) -> Result<(), String> {
        use crate::asm::op::{PSEUDO_MAP_FD, PSEUDO_MAP_VALUE};
        use std::os::fd::AsRawFd;
        for used in &program.maps {
            let map = self
                .maps
                .get(used.map)
                .ok_or("a map that the object lacks")?;
            let insn = program
                .insns
                .get_mut(used.insn)
                .ok_or("a map outside the program")?;
            insn.imm = map.as_raw_fd();
            insn.src = if used.offset.is_some() {
                PSEUDO_MAP_VALUE
            } else {
                PSEUDO_MAP_FD
            };
            if let Some(second) = program.insns.get_mut(used.insn + 1) {
                second.imm = used.offset.unwrap_or(0).cast_signed();
            }
        }
        Ok(())
    }

    /// Attaches every hook, each by the first of its variants that works.
    fn attach(&mut self, node: &Node) -> Result<(), Error> {
        let mut attached = Vec::new();
        for mut hook in std::mem::take(&mut self.hooks) {
            let mut failure = None;
            while let Some(variant) = self.variant(&hook) {
                match links(variant, &hook.programs) {
                    Ok(links) => {
                        hook.links = links;
                        failure = None;
                        break;
                    }
                    Err(error) => {
                        hook.passed.push((variant.attach, error.to_string()));
                        failure.get_or_insert((variant, error));
                        hook.choice += 1;
                        hook.programs.clear();
                        self.load_variant(node, &mut hook)?;
                    }
                }
            }
            if let Some((variant, error)) = failure {
                return Err(self.unattachable(hook.plan, variant, &error));
            }
            attached.push(hook);
        }
        self.hooks = attached;
        Ok(())
    }

    /// No variant of a hook can be attached; the error is that of the best one.
    fn unattachable(&self, plan: &HookPlan, variant: &Variant, error: &std::io::Error) -> Error {
        let hook = &self.manifest.hooks[plan.hook];
        Error::Node(vec![Lack {
            policy: self.manifest.policy.clone(),
            hook: Some((hook.call.clone(), hook.line)),
            what: format!("a way to attach to `{}`: {error}", variant.target),
            remedy: attach::elsewhere(&hook.call),
        }])
    }

    /// Pins everything into a new generation, which is not the current one yet.
    fn pin(&self, root: &Root) -> Result<Staged, Error> {
        let staged = root.stage(&self.manifest.policy)?;
        staged.pin(&self.meta().store()?, meta::PIN)?;
        for (map, fd) in self.object.maps.iter().zip(&self.maps) {
            staged.pin(fd, &pin_name("map", &map.name))?;
        }
        for hook in &self.hooks {
            for ready in &hook.programs {
                staged.pin(&ready.fd, &pin_name("prog", &ready.program.name))?;
            }
            for (name, link) in &hook.links {
                staged.pin(link, &pin_name("link", name))?;
            }
        }
        Ok(staged)
    }

    fn meta(&self) -> Meta {
        let attached = |hook: &Prepared<'_>| -> Attached {
            let variant = self.variant(hook)?;
            Some(Attachment {
                attach: variant.attach,
                target: variant.target.clone(),
            })
        };
        Meta {
            manifest: self.manifest.clone(),
            attached: self.hooks.iter().map(attached).collect(),
        }
    }

    fn summary(&self) -> Loaded {
        let hooks = self.manifest.hooks.iter().zip(&self.hooks);
        Loaded {
            policy: self.manifest.policy.clone(),
            hooks: hooks
                .map(|(hook, prepared)| LoadedHook {
                    call: hook.call.clone(),
                    attach: self.variant(prepared).map(|variant| variant.attach),
                    passed: prepared.passed.clone(),
                })
                .collect(),
        }
    }
}

/// Creates the maps of an object, with constants filled in and frozen.
fn create_maps(manifest: &Manifest, object: &Object) -> Result<Vec<OwnedFd>, Error> {
    let mut maps = Vec::new();
    for map in &object.maps {
        let new = NewMap {
            name: map.name.trim_start_matches('.'),
            kind: map.kind,
            key_size: map.key_size,
            value_size: map.value_size,
            max_entries: map.max_entries,
            flags: map.flags,
        };
        let fd = sys::create_map(&new)
            .map_err(Error::kernel(format!("create the map `{}`", map.name)))?;
        if let Some(contents) = &map.contents {
            fill(fd.as_fd(), contents.clone(), manifest)?;
        }
        maps.push(fd);
    }
    Ok(maps)
}

/// Writes constants, with the node's own numbers, and seals them.
fn fill(map: BorrowedFd<'_>, mut contents: Vec<u8>, manifest: &Manifest) -> Result<(), Error> {
    for constant in &manifest.host_namespaces {
        let number = host_namespace(&constant.namespace)?;
        let at = constant.offset as usize;
        let place = contents
            .get_mut(at..at + 4)
            .ok_or_else(|| Error::Inconsistent {
                policy: manifest.policy.clone(),
                what: format!("constant {at} lies outside the object's constants"),
            })?;
        place.copy_from_slice(&number.to_le_bytes());
    }
    let what = || Error::kernel("fill the constants");
    sys::update(map, &[0; 4], &contents).map_err(what())?;
    sys::freeze(map).map_err(what())
}

/// Inode number of a namespace of process 1: `mnt:[4026531841]`.
fn host_namespace(name: &str) -> Result<u32, Error> {
    let path = Path::new("/proc/1/ns").join(name);
    let what = || format!("read `{}`", path.display());
    let link = std::fs::read_link(&path).map_err(Error::kernel(what()))?;
    let text = link.to_string_lossy();
    let number = text
        .split(['[', ']'])
        .nth(1)
        .and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Error::kernel(what())(std::io::ErrorKind::InvalidData.into()))
}

fn mechanism(attach: Attach, returns: bool) -> (ProgramKind, TracePoint) {
    match (attach, returns) {
        (Attach::Fentry, false) => (ProgramKind::Tracing, TracePoint::Entry),
        (Attach::FmodRet, false) => (ProgramKind::Tracing, TracePoint::ModifyReturn),
        (Attach::Fentry | Attach::FmodRet, true) => (ProgramKind::Tracing, TracePoint::Exit),
        (Attach::Kprobe | Attach::KprobeOverride, _) => (ProgramKind::Kprobe, TracePoint::None),
    }
}

/// Attaches the programs of a variant.
fn links(variant: &Variant, programs: &[Ready<'_>]) -> std::io::Result<Vec<(String, OwnedFd)>> {
    let mut links = Vec::new();
    for ready in programs {
        let link = match mechanism(variant.attach, ready.returns).0 {
            ProgramKind::Tracing => sys::attach_tracing(ready.fd.as_fd())?,
            ProgramKind::Kprobe => {
                let kind = Node::kprobe_events()?;
                let event = sys::open_kprobe(kind, &variant.target, ready.returns)?;
                sys::attach_perf(ready.fd.as_fd(), event.as_fd())?
            }
        };
        links.push((ready.program.name.clone(), link));
    }
    Ok(links)
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// `struct bpf_line_info`; columns have ten bits.
fn line_record(line: &object::LineUse) -> [u32; 4] {
    [
        narrow(line.insn),
        line.file.0,
        line.text.0,
        line.line << 10 | line.column.min(1023),
    ]
}

/// The last instruction that a verifier's log mentions: `12: (79) r1 = ...`.
fn refused_insn(log: &str) -> Option<usize> {
    log.lines().rev().find_map(|line| {
        let (number, rest) = line.split_once(": (")?;
        rest.get(..2)?
            .chars()
            .all(|c| c.is_ascii_hexdigit())
            .then(|| number.parse().ok())?
    })
}

/// The last lines of a log.
fn tail(log: &str) -> String {
    const LINES: usize = 25;
    let lines: Vec<&str> = log.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_instruction_is_the_last_of_the_log() {
        let log = "0: (b7) r0 = 0\n; text @ policy.yaml:3\n12: (79) r1 = *(u64 *)(r1 +8)\nR1 invalid mem access\nprocessed 3 insns\n";
        assert_eq!(refused_insn(log), Some(12));
        assert_eq!(refused_insn("permission denied"), None);
    }
}

//! The objects of the example policies, read by somebody else's library.
//!
//! `aya-obj` must parse them, link the same programs, and relocate them to the same fields as we do. It refuses a whole object
//! over one section kind that it does not know: `fmod_ret`, which every policy with `Override` has. That is why the loader reads
//! objects itself.

#[path = "shared/examples.rs"]
mod examples;

use std::collections::HashSet;
use std::path::Path;

use aya_obj::btf::Btf as TheirBtf;
use tpc::asm::{Insn, op};
use tpc::btf::Btf;
use tpc::btf::core::{RelocKind, resolve};
use tpc::bundle::OBJECT;
use tpc::compile::{Compiled, compile};
use tpc::diag::{Sink, Sources};
use tpc::object::Program;

/// Types of the running kernel. They are those of whatever machine this is: both libraries answer for the same.
const KERNEL: &str = "/sys/kernel/btf/vmlinux";

fn compiled_examples() -> Vec<Compiled> {
    examples::paths()
        .iter()
        .map(|path| compiled(path))
        .collect()
}

fn compiled(path: &Path) -> Compiled {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let bytes = std::fs::read(path).expect("an example");
    let file = tpc::yaml::text("policy.yaml", &bytes, &mut sources, &mut sink).expect("a text");
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    compile(&policies[0], &sources, &mut sink).expect("examples compile")
}

/// Whether aya-obj knows all kinds of programs of the object.
fn known(policy: &Compiled) -> bool {
    policy
        .object
        .programs()
        .all(|program| !program.section.starts_with("fmod_ret/"))
}

#[test]
fn aya_knows_all_but_fmod_ret() {
    let all = compiled_examples();
    let refused: Vec<_> = all.iter().filter(|policy| !known(policy)).collect();
    assert!(!refused.is_empty() && refused.len() < all.len());
    for policy in refused {
        let parsed = aya_obj::Object::parse(&policy.files[OBJECT]);
        assert!(
            parsed.is_err(),
            "{}: aya-obj has learnt fmod_ret",
            policy.name
        );
    }
}

#[test]
fn aya_links_and_relocates_the_same_programs() {
    let kernel = std::fs::read(KERNEL).ok();
    if kernel.is_none() {
        eprintln!("NOT CHECKED: relocations, because this machine has no {KERNEL}");
    }
    for policy in compiled_examples().iter().filter(|policy| known(policy)) {
        let mut theirs = aya_obj::Object::parse(&policy.files[OBJECT])
            .unwrap_or_else(|error| panic!("{}: {error}", policy.name));
        let text: HashSet<usize> = theirs
            .functions
            .keys()
            .map(|(section, _)| *section)
            .collect();
        if let Some(kernel) = &kernel {
            let types = TheirBtf::parse(kernel, Default::default()).expect("types of a kernel");
            theirs
                .relocate_btf(&types)
                .unwrap_or_else(|error| panic!("{}: {error}", policy.name));
        }
        theirs
            .relocate_calls(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", policy.name));
        for program in policy.object.programs() {
            let function = &theirs.functions[&theirs.programs[&program.name].function_key()];
            let insns = function.instructions.iter();
            let insns = insns.map(|i| Insn::new(i.code, i.dst_reg(), i.src_reg(), i.off, i.imm));
            let ours = policy
                .object
                .link(&program.name)
                .expect("a program of the object");
            let ours = match &kernel {
                Some(kernel) => relocated(
                    ours,
                    &policy.object.btf,
                    &Btf::decode(kernel).expect("types of a kernel"),
                ),
                None => ours,
            };
            let name = format!("{} of {}", program.name, policy.name);
            assert_same(&name, &insns.collect::<Vec<_>>(), &ours);
        }
    }
}

/// Compares function by function: the libraries put called functions in different places.
fn assert_same(name: &str, theirs: &[Insn], ours: &Program) {
    assert_eq!(theirs.len(), ours.insns.len(), "{name}");
    let starts: Vec<usize> = ours.functions.iter().map(|&(start, _)| start).collect();
    let end = |start: usize| {
        starts
            .iter()
            .copied()
            .find(|&at| at > start)
            .unwrap_or(theirs.len())
    };
    let mut pairs = vec![(0, 0)];
    let mut next = 0;
    while let Some(&(our, their)) = pairs.get(next) {
        next += 1;
        for offset in 0..end(our) - our {
            let (at, from) = (our + offset, their + offset);
            let (mine, other) = (ours.insns[at], theirs[from]);
            let call = mine.code == op::JMP | op::CALL && mine.src == 1;
            if call
                && other
                    == (Insn {
                        imm: other.imm,
                        ..mine
                    })
            {
                let target = |at: usize, imm: i32| at.wrapping_add_signed(imm as isize + 1);
                let pair = (target(at, mine.imm), target(from, other.imm));
                if !pairs.contains(&pair) {
                    pairs.push(pair);
                }
            } else {
                assert_eq!(other, mine, "slot {at} of {name}");
            }
        }
    }
    let places: HashSet<usize> = pairs.iter().map(|(our, _)| *our).collect();
    assert_eq!(places, starts.into_iter().collect(), "functions of {name}");
    assert_eq!(
        places.len(),
        pairs.len(),
        "a function of {name} is two functions"
    );
}

/// The program with the kernel's offsets. Members that the kernel lacks do not occur here: this is no test of what happens then.
fn relocated(mut program: Program, object: &Btf, kernel: &Btf) -> Program {
    for relocation in &program.core {
        let kind = RelocKind::from_raw(relocation.kind).expect("a kind that we wrote");
        let found = resolve(object, relocation.root, &relocation.access, kind, kernel);
        let value = found
            .expect("an answer")
            .target
            .expect("a member of the kernel");
        let insn = &mut program.insns[relocation.insn];
        match insn.code & op::CLASS_MASK {
            op::LDX | op::ST | op::STX => insn.off = i16::try_from(value).expect("a near member"),
            _ => insn.imm = i32::try_from(value).expect("a small value"),
        }
    }
    program
}

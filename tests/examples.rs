//! The example policies compile without a word, and together use the whole language that the compiler understands.

#[path = "shared/examples.rs"]
mod examples;

use std::collections::BTreeSet;
use std::path::Path;

use tpc::compile::{Compiled, compile};
use tpc::diag::{Sink, Sources, render};
use tpc::ir::{Abi, Action, ArgType, IntType, Predicate, Program, RateScope, Rule, Subject, Test};
use tpc::testing::{self, Kernels};

fn compiled(path: &Path) -> Compiled {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let bytes = std::fs::read(path).expect("an example");
    let name = path.display().to_string();
    let file = tpc::yaml::text(&name, &bytes, &mut sources, &mut sink).expect("a text");
    let policies = tpc::policy::decode(file, &sources, &mut sink);
    let [policy] = &policies[..] else {
        panic!("{name} holds {} policies", policies.len());
    };
    let compiled = compile(policy, &sources, &mut sink);
    let diagnostics = sink.into_sorted();
    assert!(
        diagnostics.is_empty(),
        "{}",
        render::human(&diagnostics, &sources, false)
    );
    compiled.expect("no diagnostics, so a bundle")
}

/// With what `policies/tpc.toml` says of them.
#[test]
fn the_linter_has_nothing_against_them() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tpc"))
        .args(["lint", "--format", "concise"])
        .current_dir(directory)
        .output()
        .expect("tpc runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[test]
fn each_compiles_without_diagnostics_under_the_name_of_its_file() {
    let paths = examples::paths();
    assert!(paths.len() >= 10);
    for path in paths {
        let stem = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert_eq!(compiled(&path).name, stem);
    }
}

#[test]
fn each_says_what_it_achieves() {
    for path in examples::paths() {
        let text = std::fs::read_to_string(&path).expect("an example");
        let comment: String = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .collect();
        let achieves = ["Prevents", "Kills after", "Observes"];
        assert!(
            achieves.iter().any(|word| comment.contains(word)),
            "{}",
            path.display()
        );
    }
}

/// What policies use of the language, one word for each thing that code is generated for. The matches name every variant, so
/// that a new one does not compile before it has its word.
#[derive(Default)]
struct Used(BTreeSet<String>);

impl Used {
    fn add(&mut self, word: impl Into<String>) {
        self.0.insert(word.into());
    }

    fn program(&mut self, program: &Program) {
        for hook in &program.hooks {
            self.add(match hook.abi {
                Abi::Function => "function",
                Abi::Syscall => "system call",
            });
            if hook.ret.is_some() {
                self.add("return");
            }
            if hook.optional {
                self.add("optional");
            }
            hook.args.iter().for_each(|arg| self.add(argument(arg.ty)));
            hook.rules.iter().for_each(|rule| self.rule(rule));
        }
    }

    fn rule(&mut self, rule: &Rule) {
        rule.tests.iter().for_each(|test| self.add(filter(test)));
        let returned = rule.return_tests.iter();
        returned.for_each(|test| self.add(format!("return {}", filter(test))));
        for action in &rule.actions {
            self.add(match action {
                Action::Signal { number: 9, .. } => "Sigkill",
                Action::Signal { .. } => "Signal",
                Action::Override { .. } => "Override",
            });
        }
        self.add(match rule.post.map(|post| post.rate) {
            None => "NoPost",
            Some(None) => "Post",
            Some(Some(rate)) => match rate.scope {
                RateScope::Thread => "Post by thread",
                RateScope::Process => "Post by process",
                RateScope::Global => "Post by node",
            },
        });
    }
}

fn argument(ty: ArgType) -> &'static str {
    match ty {
        ArgType::Int(IntType::I8) => "int8",
        ArgType::Int(IntType::I16) => "int16",
        ArgType::Int(IntType::I32) => "int32",
        ArgType::Int(IntType::I64) => "int64",
        ArgType::Int(IntType::U8) => "uint8",
        ArgType::Int(IntType::U16) => "uint16",
        ArgType::Int(IntType::U32) => "uint32",
        ArgType::Int(IntType::U64) => "uint64",
        ArgType::String => "string",
        ArgType::CharBuf { .. } => "char_buf",
        ArgType::Filename => "filename",
        ArgType::File => "file",
        ArgType::Path => "path",
        ArgType::Dentry => "dentry",
        ArgType::Fd => "fd",
        ArgType::LinuxBinprm => "linux_binprm",
        ArgType::Sock => "sock",
        ArgType::Sockaddr => "sockaddr",
        ArgType::Cred => "cred",
        ArgType::Nop => "nop",
    }
}

/// Negation is a word of its own only where it changes what a filter does with values that it cannot judge.
fn filter(test: &Test) -> String {
    let not = if test.negate { "not " } else { "" };
    match &test.predicate {
        Predicate::Text { of, how, .. } => format!("{not}{how:?} of {}", subject(*of)),
        Predicate::Addr { end, .. } => format!("{not}address of {end:?}"),
        Predicate::Port { end, .. } => format!("{not}port of {end:?}"),
        Predicate::Namespace { kind, .. } => format!("{not}namespace {kind:?}"),
        Predicate::Capability {
            set,
            namespaced: false,
            ..
        } => format!("{not}capability {set:?}"),
        Predicate::Capability {
            set,
            namespaced: true,
            ..
        } => format!("capability {set:?} in a namespace"),
        Predicate::Pid {
            namespaced: false,
            follow_forks: false,
            ..
        } => format!("{not}pid"),
        Predicate::Pid {
            namespaced: true,
            follow_forks: true,
            ..
        } => "pid of a parent in a namespace".to_owned(),
        Predicate::Pid {
            namespaced: true,
            follow_forks: false,
            ..
        } => "pid in a namespace".to_owned(),
        Predicate::Pid {
            namespaced: false,
            follow_forks: true,
            ..
        } => "pid of a parent".to_owned(),
        Predicate::Int { .. } => format!("{not}number"),
        Predicate::Mask { .. } => "mask".to_owned(),
        Predicate::Protocol { .. } => "protocol".to_owned(),
        Predicate::Family { .. } => "family".to_owned(),
        Predicate::State { .. } => "state".to_owned(),
    }
}

fn subject(of: Subject) -> &'static str {
    match of {
        Subject::Exe => "binary",
        Subject::Arg(_) | Subject::Return => "value",
    }
}

/// Everything that code generation distinguishes and a policy of a platform engineer may want.
#[rustfmt::skip]
const LANGUAGE: &[&str] = &[
    "function", "system call", "optional", "return",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "string", "char_buf", "filename", "file", "path", "dentry", "fd", "linux_binprm", "sock", "sockaddr", "cred", "nop",
    "number", "not number", "mask", "return number",
    "Equal of value", "Prefix of value", "Postfix of value",
    "not Equal of value", "not Prefix of value", "not Postfix of value",
    "address of Source", "not address of Source", "address of Destination", "not address of Destination",
    "port of Source", "not port of Source", "port of Destination", "not port of Destination",
    "protocol", "family", "state",
    "Equal of binary", "Prefix of binary",
    "not Equal of binary", "not Prefix of binary", "not Postfix of binary",
    "not pid", "pid of a parent in a namespace",
    "not namespace Mnt", "not namespace Pid", "not namespace Net", "namespace User",
    "capability Effective", "not capability Effective", "not capability Permitted", "capability Inheritable",
    "capability Effective in a namespace",
    "Sigkill", "Signal", "Override", "NoPost", "Post", "Post by thread", "Post by process", "Post by node",
];

#[test]
fn together_they_use_the_whole_language() {
    let mut used = Used::default();
    for path in examples::paths() {
        used.program(&compiled(&path).ir);
    }
    let wanted: BTreeSet<String> = LANGUAGE.iter().map(|&word| word.to_owned()).collect();
    let missing: Vec<&String> = wanted.difference(&used.0).collect();
    assert!(
        missing.is_empty(),
        "no example uses {missing:?}, but {:?}",
        used.0
    );
}

#[test]
fn each_has_tests_that_exercise_all_of_it() {
    let kernels = Kernels::default();
    for path in examples::paths() {
        let name = path.display().to_string();
        let (mut sources, mut sink) = (Sources::new(), Sink::new());
        let test = testing::test_of(&path).expect("a name for tests");
        let mut read = |path: &Path, sink: &mut Sink| {
            let bytes =
                std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            tpc::yaml::text(&path.display().to_string(), &bytes, &mut sources, sink)
                .expect("a text")
        };
        let (policy, tests) = (read(&path, &mut sink), read(&test, &mut sink));
        let policies = tpc::policy::decode(policy, &sources, &mut sink);
        let tests = testing::decode(tests, &sources, &mut sink);
        let result = tests.and_then(|tests| {
            testing::run(&tests, &policies[0], &sources, "", &kernels, &mut sink)
        });
        let mut problems = sink.into_sorted();
        if let Some(result) = &result {
            problems.extend(result.cases.iter().flat_map(testing::CaseResult::problems));
            problems.extend(result.cover.gaps().into_iter().map(|gap| gap.diagnostic));
        }
        assert!(
            problems.is_empty(),
            "{name}:\n{}",
            render::human(&problems, &sources, false)
        );
        let result = result.expect("no problems, so results");
        assert_eq!(result.cover.shares().percent(), 100, "{name}");
        assert!(result.cases.len() >= 5, "{name}");
    }
}

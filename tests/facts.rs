//! Facts of kernels: captured from files of every form, read back, and answering as the types do that they are from.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

use proptest::prelude::*;
use tempfile::TempDir;
use tpc::attach::{self, Kernel, Means, Point, Signature, Wanted};
use tpc::btf::{Btf, Builder, EnumValue, Kind, Linkage, Member, Param, TypeId, encoding};
use tpc::facts::{Facts, Files, SecurityLack, Source, capture};

fn member(builder: &mut Builder, name: &str, ty: TypeId) -> Member {
    Member {
        name: builder.string(name),
        ty,
        bit_offset: 0,
        bits: 0,
    }
}

fn function(builder: &mut Builder, name: &str, ret: TypeId, params: &[(&str, TypeId)]) {
    let params = params.iter().map(|(name, ty)| Param {
        name: builder.string(name),
        ty: *ty,
    });
    let params = params.collect();
    let proto = builder.add("", Kind::FuncProto { ret, params });
    let linkage = Linkage::Static;
    builder.add(name, Kind::Func { proto, linkage });
}

/// Types of a small kernel, with every kind that parameters come in.
fn types() -> Btf {
    let mut b = Builder::new();
    let int = b.add(
        "int",
        Kind::Int {
            size: 4,
            encoding: encoding::SIGNED,
            offset: 0,
            bits: 32,
        },
    );
    let long = b.add("long", Kind::Typedef(int));
    let float = b.add("double", Kind::Float { size: 8 });
    let inner = b.string("inner");
    let inner = Member {
        name: inner,
        ty: int,
        bit_offset: 0,
        bits: 0,
    };
    let unnamed = b.add(
        "",
        Kind::Struct {
            size: 4,
            members: vec![inner],
        },
    );
    let file = b.declare("file", false);
    let to_file = b.add("", Kind::Ptr(file));
    let array = b.add(
        "",
        Kind::Array {
            elem: to_file,
            index: int,
            len: 4,
        },
    );
    let members = vec![
        member(&mut b, "f_mode", long),
        member(&mut b, "", unnamed),
        member(&mut b, "files", array),
    ];
    b.define(file, Kind::Struct { size: 48, members });
    let kuid = b.add("kuid_t", Kind::Typedef(unnamed));
    let hidden = b.declare("hidden", false);
    let to_hidden = b.add("", Kind::Ptr(hidden));
    let constant = b.add("", Kind::Const(file));
    let to_constant = b.add("", Kind::Ptr(constant));
    let handle = b.add("handle_t", Kind::Typedef(to_file));
    let text = b.add("", Kind::Ptr(int));
    let texts = b.add("", Kind::Ptr(text));
    let anything = b.add("", Kind::Ptr(TypeId::VOID));
    let red = EnumValue {
        name: b.string("BPF_FUNC_loop"),
        value: 181,
    };
    let ids = b.add(
        "bpf_func_id",
        Kind::Enum {
            size: 4,
            signed: false,
            wide: false,
            values: vec![red],
        },
    );
    let nothing = Vec::new();
    let proto = b.add(
        "",
        Kind::FuncProto {
            ret: TypeId::VOID,
            params: nothing,
        },
    );
    let callback = b.add("", Kind::Ptr(proto));
    function(&mut b, "vfs_read", long, &[("file", to_file), ("n", int)]);
    function(&mut b, "security_file_open", int, &[("file", to_constant)]);
    function(
        &mut b,
        "log",
        TypeId::VOID,
        &[("text", text), ("", TypeId::VOID)],
    );
    function(
        &mut b,
        "all",
        kuid,
        &[
            ("a", kuid),
            ("b", to_hidden),
            ("c", handle),
            ("d", texts),
            ("e", anything),
            ("f", ids),
            ("g", callback),
            ("h", float),
            ("", to_file),
        ],
    );
    let parameters = vec![("a", int); 13];
    function(&mut b, "wide", int, &parameters);
    function(&mut b, "notrace", int, &[]);
    function(&mut b, "bpf_lsm_file_open", int, &[("file", to_file)]);
    function(&mut b, "__x64_sys_read", long, &[("regs", anything)]);
    b.finish()
}

/// Files of a small kernel.
const SYSTEM: &[(&str, &str)] = &[
    (
        "proc/kallsyms",
        "0000000000000000 T vfs_read\n0000000000000000 t twice\n0000000000000000 t twice\n\
         0000000000000000 t split.isra.0\n0000000000000000 t notrace\n0000000000000000 t log\n\
         0000000000000000 t protected\n0000000000000000 t of_module\t[nf]\n",
    ),
    ("proc/sys/kernel/osrelease", "6.1.0-test\n"),
    ("proc/sys/kernel/version", "#1 SMP\n"),
    (
        "boot/config-6.1.0-test",
        "CONFIG_BPF=y\nCONFIG_DYNAMIC_FTRACE=y\nCONFIG_BPF_LSM=y\nCONFIG_FUNCTION_ERROR_INJECTION=y\n",
    ),
    ("sys/kernel/security/lsm", "lockdown,yama"),
    (
        "sys/kernel/tracing/available_filter_functions",
        "vfs_read\ntwice\nsplit.isra.0\nlog\nall\nwide\nprotected\nsecurity_file_open\n__x64_sys_read\n",
    ),
    (
        "sys/kernel/debug/kprobes/blacklist",
        "0x0000000000000000-0x0000000000000000\tprotected\n",
    ),
    (
        "sys/kernel/debug/error_injection/list",
        "__x64_sys_read\tERRNO\n",
    ),
    (
        "sys/kernel/tracing/events/sched/sched_switch/format",
        "format:\n\tfield:int common_pid;\toffset:4;\n\n\tfield:pid_t prev_pid;\toffset:24;\n",
    ),
];

fn put(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory is made");
    fs::write(path, bytes).expect("a file is written");
}

fn system() -> TempDir {
    let root = TempDir::new().expect("a directory");
    for (name, text) in SYSTEM {
        put(root.path(), name, text);
    }
    put(root.path(), "sys/kernel/btf/vmlinux", types().encode());
    root
}

fn of(root: &Path) -> Facts {
    capture(&Source::Root(root.to_owned())).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_system_is_written_down_whole() {
    let root = system();
    let facts = of(root.path());
    assert!(facts.gaps.is_empty(), "{:?}", facts.gaps);
    assert_eq!(
        (facts.release.as_str(), facts.machine.as_str()),
        ("6.1.0-test", "x86_64")
    );
    assert_eq!(facts.release_numbers(), (6, 1));
    assert_eq!(
        facts.prototype("vfs_read"),
        Some("long(struct file *file, int n)")
    );
    assert_eq!(
        facts.prototype("security_file_open"),
        Some("int(const struct file *file)")
    );
    assert_eq!(facts.prototype("log"), Some("void(int *text, ...)"));
    assert_eq!(facts.prototype("twice"), None);
    assert!(facts.has_function("of_module") && facts.has_function("twice"));
    assert_eq!(facts.similar("split").as_deref(), Some("split.isra.0"));
    assert_eq!(facts.member("struct file *", "inner"), Some("int"));
    assert_eq!(facts.member("handle_t", "files"), Some("struct file *[4]"));
    assert_eq!(facts.member("struct file *", "nothing"), None);
    assert!(facts.has_helper("loop") && !facts.has_helper("d_path"));
    assert_eq!(
        facts.security_hook("file_open"),
        Err(SecurityLack::NotActive)
    );
    let events = facts.tracepoints.as_ref().expect("tracepoints");
    assert_eq!(
        events["sched/sched_switch"],
        ["int common_pid", "pid_t prev_pid"]
    );
    // Again, and through the file.
    assert_eq!(of(root.path()).write(), facts.write());
    assert_eq!(Facts::read(&facts.write()).expect("facts"), facts);
    assert_eq!(Facts::read(&facts.to_json()).expect("facts"), facts);
}

#[test]
fn facts_describe_functions_as_their_types_do() {
    let (root, btf) = (system(), types());
    let facts = of(root.path());
    let mut functions = 0;
    for (id, ty) in btf.types() {
        if let Kind::Func { .. } = ty.kind {
            let name = btf.str(ty.name);
            assert_eq!(facts.signature(name), Signature::of(&btf, id), "{name}");
            functions += 1;
        }
    }
    assert!(functions > 6);
}

#[test]
fn facts_answer_as_the_kernel_does() {
    let root = system();
    let facts = of(root.path());
    let check = |target: &str, means| {
        let wanted = Wanted {
            call: target,
            target,
            means,
            syscall: target.contains("_sys_"),
            arguments: Vec::new(),
            returned: None,
            helpers: Vec::new(),
        };
        attach::check(&facts, &wanted).map_err(|reason| reason.what)
    };
    let cases = [
        ("vfs_read", Means::Fentry, true),
        ("vfs_read", Means::Kprobe, true),
        ("vfs_read", Means::FmodRet, false),
        ("security_file_open", Means::FmodRet, true),
        ("__x64_sys_read", Means::FmodRet, true),
        ("__x64_sys_read", Means::KprobeOverride, true),
        ("vfs_read", Means::KprobeOverride, false),
        ("twice", Means::Kprobe, false),
        ("split.isra.0", Means::Kprobe, true),
        ("split.isra.0", Means::Fentry, false),
        ("notrace", Means::Fentry, false),
        ("notrace", Means::Kprobe, false),
        ("protected", Means::Kprobe, false),
        ("log", Means::Fentry, false),
        ("log", Means::Kprobe, true),
        ("wide", Means::Fentry, false),
        ("all", Means::Fentry, false),
        ("missing", Means::Kprobe, false),
    ];
    for (function, means, expected) in cases {
        let answer = check(function, means);
        assert_eq!(answer.is_ok(), expected, "{function} {means:?} {answer:?}");
    }
    assert!(facts.trampoline("migrate_disable", Point::Entry).is_err());
}

#[test]
fn what_cannot_be_read_is_a_gap_with_its_cost() {
    for (name, _) in SYSTEM {
        let root = system();
        fs::remove_file(root.path().join(name)).expect("a file");
        let facts = of(root.path());
        let of_kernel = name.starts_with("proc/sys/");
        assert!(of_kernel || !facts.gaps.is_empty(), "{name}");
        assert!(
            facts
                .gaps
                .iter()
                .all(|gap| !gap.cost.is_empty() && !gap.unread.is_empty())
        );
    }
    let root = system();
    fs::remove_file(root.path().join("sys/kernel/btf/vmlinux")).expect("a file");
    let facts = of(root.path());
    assert!(facts.has_function("vfs_read") && facts.signature("vfs_read").is_none());
    let empty = TempDir::new().expect("a directory");
    assert!(capture(&Source::Root(empty.path().to_owned())).is_err());
}

#[test]
fn a_file_of_the_wrong_kind_is_named() {
    let cases = [
        ("sys/kernel/btf/vmlinux", "BTF"),
        ("proc/kallsyms", "symbols"),
        ("boot/config-6.1.0-test", "configuration"),
    ];
    for (name, kind) in cases {
        let root = system();
        for bytes in [
            b"hello\n".as_slice(),
            b"",
            b"\x7fELF",
            b"\x1f\x8b\x08",
            &[0xff; 4096],
        ] {
            put(root.path(), name, bytes);
            let error = capture(&Source::Root(root.path().to_owned()))
                .expect_err(name)
                .to_string();
            let place = root.path().join(name);
            assert!(
                error.contains(&*place.to_string_lossy()) && error.contains(kind),
                "{error}"
            );
        }
    }
}

#[test]
fn single_files_are_enough() {
    let root = system();
    let at = |name: &str| root.path().join(name);
    let files = Files {
        types: at("sys/kernel/btf/vmlinux"),
        symbols: Some(at("proc/kallsyms")),
        config: Some(at("boot/config-6.1.0-test")),
    };
    let facts = capture(&Source::Files(files)).expect("facts");
    assert!(facts.has_function("split.isra.0") && facts.signature("vfs_read").is_some());
    assert_eq!(facts.option("BPF_LSM"), Some(true));
    assert!(!facts.gaps.is_empty());
    let types = at("sys/kernel/btf/vmlinux");
    let alone = capture(&Source::Files(Files {
        types,
        ..Files::default()
    }))
    .expect("facts");
    assert!(alone.has_function("vfs_read") && !alone.has_function("twice"));
    for types in [at("proc/kallsyms"), at("nothing"), at("proc")] {
        assert!(
            capture(&Source::Files(Files {
                types,
                ..Files::default()
            }))
            .is_err()
        );
    }
}

static SMALL: LazyLock<Facts> = LazyLock::new(|| of(system().path()));

#[test]
fn other_files_are_no_facts() {
    let newer = SMALL.to_json();
    let newer =
        String::from_utf8(newer)
            .expect("text")
            .replacen("\"version\": 1", "\"version\": 2", 1);
    let error = Facts::read(newer.as_bytes())
        .expect_err("another version")
        .to_string();
    assert!(
        error.contains("version 2") && error.contains("version 1"),
        "{error}"
    );
    let future = Facts::read(br#"{"version": 9, "functions": 3}"#).expect_err("another form");
    assert!(future.to_string().contains("version 9"), "{future}");
    let whole = SMALL.write();
    for bytes in [
        b"".as_slice(),
        b"{}",
        b"[]",
        b"\x1f\x8b",
        &whole[..whole.len() / 2],
        b"\xff\xfe",
    ] {
        assert!(Facts::read(bytes).is_err(), "{bytes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_facts_do_not_panic(at in any::<prop::sample::Index>(), byte: u8, compressed: bool) {
        let mut bytes = if compressed { SMALL.write() } else { SMALL.to_json() };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(facts) = Facts::read(&bytes) {
            ask(&facts);
        }
    }

    #[test]
    fn strange_names_and_types_do_not_panic(name in ".{0,12}", ty in "[a-z*#\\[\\]() ,.]{0,40}") {
        let mut facts = SMALL.clone();
        facts.functions.insert(name.clone(), ty.clone());
        facts.typedefs.insert(name.clone(), ty.clone());
        facts.typedefs.insert(ty.clone(), name.clone());
        facts.structures.insert(name.clone(), [("#0".to_owned(), name.clone())].into());
        ask(&facts);
        facts.member(&ty, &name);
        facts.members(&ty);
        facts.describe(&ty);
    }

    #[test]
    fn damaged_types_do_not_panic(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(), cuts: bool) {
        let mut bytes = types().encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        let root = TempDir::new().expect("a directory");
        put(root.path(), "types", bytes);
        let types = root.path().join("types");
        if let Ok(facts) = capture(&Source::Files(Files { types, ..Files::default() })) {
            ask(&facts);
        }
    }
}

/// Asks everything of every function.
fn ask(facts: &Facts) {
    for name in facts.names() {
        facts.signature(name);
        let _ = facts.trampoline(name, Point::Entry);
        let _ = facts.trampoline(name, Point::ModifyReturn);
        let _ = facts.breakpoint(name);
        let _ = facts.replaceable(name);
    }
    facts.release_numbers();
}

#[test]
fn the_schema_is_up_to_date_and_obeyed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/kernel-facts.json");
    let generated = tpc::facts::schema();
    if std::env::var_os("TPC_BLESS").is_some() {
        fs::write(&path, &generated).expect("the file is writable");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == generated,
        "schema/kernel-facts.json is old: run this test with TPC_BLESS=1"
    );
    let schema = serde_json::from_str(&kept).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let document = serde_json::from_slice(&SMALL.to_json()).expect("JSON");
    assert!(validator.is_valid(&document));
    assert!(!validator.is_valid(&serde_json::json!({ "version": 1 })));
}

fn tpc(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tpc"))
        .current_dir(directory)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("tpc runs")
}

const POLICY: &str = "apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: two
spec:
  kprobes:
  - call: vfs_read
    syscall: false
    args:
    - index: 0
      type: file
  - call: security_file_open
    syscall: false
    selectors:
    - matchActions:
      - action: Override
        argError: -1
";

#[test]
fn the_command_captures_and_lint_uses_it() {
    let root = system();
    let here = root.path();
    put(here, "two.yaml", POLICY);
    let out = tpc(here, &["kernel-facts", "--root", ".", "-o", "node.facts"]);
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    let lint = |more: &[&str]| {
        let mut arguments = vec!["lint", "--isolated", "--level", "all=off"];
        arguments.extend(more);
        tpc(here, &arguments)
    };
    let out = lint(&[
        "--kernel",
        "node.facts",
        "--kernel",
        "debian-12",
        "two.yaml",
    ]);
    let text = String::from_utf8_lossy(&out.stdout);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["PLACE", "HOOK", "node", "debian-12"], "{text}");
    assert_eq!(
        rows[1],
        ["two.yaml:7", "vfs_read", "kprobe", "kprobe"],
        "{text}"
    );
    let fmod = [
        "two.yaml:12",
        "security_file_open",
        "kprobe",
        "+",
        "fmod_ret",
        "kprobe",
        "+",
        "fmod_ret",
    ];
    assert_eq!(rows[2], fmod, "{text}");
    let out = lint(&[
        "--kernel",
        "node.facts",
        "--target",
        "tpc",
        "--format",
        "json",
        "two.yaml",
    ]);
    let document: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let how: Vec<&str> = document["hooks"]
        .as_array()
        .expect("hooks")
        .iter()
        .filter_map(|one| one["how"].as_str())
        .collect();
    assert_eq!(how, ["fentry", "fmod_ret"]);
    // Two files of one name, and one of them twice.
    put(
        here,
        "other/node.facts",
        fs::read(here.join("node.facts")).expect("facts"),
    );
    let same = [
        "--kernel",
        "node.facts",
        "--kernel",
        "other/node.facts",
        "--kernel",
        "node.facts",
        "two.yaml",
    ];
    let out = lint(&same);
    let text = String::from_utf8_lossy(&out.stdout);
    let head: Vec<&str> = text
        .lines()
        .next()
        .expect("a table")
        .split_whitespace()
        .collect();
    assert_eq!(
        head,
        ["PLACE", "HOOK", "node.facts", "other/node.facts"],
        "{text}"
    );
    // From tpc.toml, whose directory files are relative to.
    put(here, "tpc.toml", "kernels = [\"node.facts\", \"6.12\"]\n");
    fs::create_dir(here.join("deep")).expect("a directory");
    let out = tpc(
        &here.join("deep"),
        &["lint", "--level", "all=off", "../two.yaml"],
    );
    assert!(
        String::from_utf8_lossy(&out.stdout).contains("node"),
        "{out:?}"
    );
}

#[test]
fn help_names_the_kernels_that_ship() {
    let out = tpc(Path::new("."), &["lint", "--help"]);
    let help = String::from_utf8_lossy(&out.stdout);
    for name in tpc::facts::NAMES {
        assert!(help.contains(name), "{name}");
    }
}

#[test]
fn the_command_fails_with_a_reason() {
    let root = system();
    let here = root.path();
    put(here, "two.yaml", POLICY);
    put(here, "old.facts", br#"{"version": 7}"#);
    let cases: [(&[&str], &str); 7] = [
        (
            &["kernel-facts", "--btf", "two.yaml"],
            "two.yaml is neither BTF nor an ELF file",
        ),
        (&["kernel-facts", "--btf", "nothing"], "cannot read nothing"),
        (
            &["kernel-facts", "--root", "nothing"],
            "nothing says which functions",
        ),
        (&["kernel-facts", "--symbols", "two.yaml"], "--btf"),
        (
            &["kernel-facts", "--root", ".", "-o", "no/dir"],
            "cannot write no/dir",
        ),
        (
            &["lint", "--kernel", "debian-21", "two.yaml"],
            "did you mean `debian-12`?",
        ),
        (&["lint", "--kernel", "old.facts", "two.yaml"], "version 7"),
    ];
    for (arguments, expected) in cases {
        let out = tpc(here, arguments);
        let said = String::from_utf8_lossy(&out.stderr).replace("\n  │ ", " ");
        assert_eq!(out.status.code(), Some(2), "{arguments:?} {said}");
        assert!(said.contains(expected), "{arguments:?} {said}");
        assert!(out.stdout.is_empty(), "{arguments:?}");
    }
}

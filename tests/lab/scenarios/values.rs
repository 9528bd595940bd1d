//! Every kind of filter on values, with values on both sides of its edge.

use std::slice;

use super::numbered::{FIRST, matched, numbered};
use super::{KILLED, OK, SILENT, Scenario, event, policy};
use crate::script::{ABSENT, Event, PRESENT};

#[test]
fn values() {
    let mut all = integers();
    all.extend([
        strings(),
        buffers(),
        short_lengths(),
        paths(),
        descriptors(),
        dentries_and_names(),
        addresses(),
        sockets(),
        names(),
        sixth_parameters(),
        full_records(),
    ]);
    super::run(&all);
}

/// prctl's option decides about the selector; the tested argument is its second one.
fn prctl(name: &str, ty: &str, filters: &[&str]) -> Scenario {
    let args = format!("[{{index: 0, type: int}}, {{index: 1, type: {ty}}}]");
    Scenario::inline(
        name,
        &policy(name, &numbered("sys_prctl", &args, "index: 0", filters)),
    )
}

fn integers() -> Vec<Scenario> {
    // Type, and for each filter: operator, values; then argument and the filters that match it.
    type Case = (
        &'static str,
        &'static [&'static str],
        &'static [(&'static str, &'static [usize])],
    );
    const CASES: &[Case] = &[
        (
            "int8",
            &[
                "Equal ['-1']",
                "LT ['0']",
                "InRange ['-5:1']",
                "InMap ['-128', '127']",
                "NotEqual ['0']",
            ],
            &[
                ("-1", &[0, 1, 2, 4]),
                ("0x100", &[2]),
                ("0x17f", &[3, 4]),
                ("0x80", &[1, 3, 4]),
                ("2", &[4]),
            ],
        ),
        (
            "int16",
            &[
                "Equal ['-1']",
                "GT ['32766']",
                "NotInMap ['-1', '5']",
                "Mask ['0x7000']",
            ],
            &[
                ("-1", &[0, 3]),
                ("0x1ffff", &[0, 3]),
                ("0x7fff", &[1, 2, 3]),
                ("0x10005", &[]),
                ("0x8000", &[2]),
            ],
        ),
        (
            "int32",
            &[
                "Equal ['-2147483648', '7']",
                "GT ['-2']",
                "InMap ['-5:1']",
                "NotInRange ['-5:1']",
                "Mask ['-2147483648']",
            ],
            &[
                ("0x80000000", &[0, 3, 4]),
                ("0x100000007", &[0, 1, 3]),
                ("-1", &[1, 2, 4]),
                ("-5", &[2, 4]),
                ("-6", &[3, 4]),
                ("1", &[1, 2]),
            ],
        ),
        (
            "int64",
            &[
                "Equal ['-1']",
                "LT ['-9223372036854775807']",
                "InRange ['-5:5']",
                "GT ['9223372036854775806']",
            ],
            &[
                ("-1", &[0, 2]),
                ("0xffffffff", &[]),
                ("0x8000000000000000", &[1]),
                ("0x7fffffffffffffff", &[3]),
                ("5", &[2]),
            ],
        ),
        (
            "uint8",
            &[
                "Equal ['0x80']",
                "GT ['127']",
                "NotInMap ['0:9', '250:255']",
            ],
            &[
                ("0x80", &[0, 1, 2]),
                ("0x180", &[0, 1, 2]),
                ("-1", &[1]),
                ("0x209", &[]),
                ("10", &[2]),
            ],
        ),
        (
            "uint16",
            &["Equal ['65535']", "GT ['32767']", "Mask ['0x8000']"],
            &[("-1", &[0, 1, 2]), ("0x8000", &[1, 2]), ("0x10000", &[])],
        ),
        (
            "uint32",
            &[
                "Equal ['4294967295']",
                "GT ['2147483647']",
                "LT ['5']",
                "InMap ['2147483648:4294967295']",
            ],
            &[
                ("-1", &[0, 1, 3]),
                ("0x7fffffff", &[]),
                ("0x100000004", &[2]),
                ("0x80000000", &[1, 3]),
            ],
        ),
        (
            "uint64",
            &[
                "Equal ['18446744073709551615']",
                "GT ['0x7fffffffffffffff']",
                "InRange ['0x100000000:0x1ffffffff']",
                "Mask ['0x8000000000000000', '1']",
            ],
            &[
                ("-1", &[0, 1, 3]),
                ("0x100000000", &[2]),
                ("0x200000000", &[]),
                ("0x1ffffffff", &[2, 3]),
            ],
        ),
    ];
    CASES
        .iter()
        .map(|(ty, filters, calls)| integer(ty, filters, calls))
        .collect()
}

fn integer(ty: &str, filters: &[&str], calls: &[(&str, &[usize])]) -> Scenario {
    let filters: Vec<String> = filters
        .iter()
        .map(|filter| {
            let (operator, values) = filter.split_once(' ').expect("operator and values");
            format!("- {{index: 1, operator: {operator}, values: {values}}}")
        })
        .collect();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let mut scenario = prctl(&format!("integers-{ty}"), ty, &filters);
    for (value, numbers) in calls {
        let command = format!("prctl-many {} {FIRST} {value}", filters.len());
        scenario = scenario.step(&command, OK, &matched(numbers));
    }
    scenario
}

fn strings() -> Scenario {
    let filters = [
        "- {index: 1, operator: Equal, values: [abc, abcdefgh, abcdefghi]}",
        "- {index: 1, operator: NotEqual, values: [abc]}",
        "- {index: 1, operator: Prefix, values: [ab, xyz]}",
        "- {index: 1, operator: NotPrefix, values: [ab]}",
        "- {index: 1, operator: Postfix, values: [bc, fghi]}",
        "- {index: 1, operator: NotPostfix, values: [bc]}",
    ];
    let calls = |text: &str| format!("prctl-text 6 {FIRST} {text}");
    prctl("strings", "string", &filters)
        .step(&calls("text:abc"), OK, &matched(&[0, 2, 4]))
        .step(&calls("text:abcd"), OK, &matched(&[1, 2, 5]))
        .step(&calls("text:abcdefgh"), OK, &matched(&[0, 1, 2, 5]))
        .step(&calls("text:abcdefghi"), OK, &matched(&[0, 1, 2, 4, 5]))
        .step(&calls("text:xabc"), OK, &matched(&[1, 3, 4]))
        .step(&calls("text:ABC"), OK, &matched(&[1, 3, 5]))
        .step(&calls("text:"), OK, &matched(&[1, 3, 5]))
        // Longer than what is read: the beginning decides, the end is not known.
        .step(&calls("fill:4096:y"), OK, &matched(&[1, 3, 5]))
        .step(&calls("fill:9000:y"), OK, &matched(&[1, 3, 5]))
        // Unreadable values match nothing, negated or not.
        .step(&calls("null"), OK, SILENT)
        .step(&calls("unmapped"), OK, SILENT)
}

fn buffers() -> Scenario {
    // pwrite64's position decides about the selector.
    let filters = [
        "- {index: 1, operator: Equal, values: [abc]}",
        "- {index: 1, operator: NotEqual, values: [abc]}",
        "- {index: 1, operator: Prefix, values: [ab]}",
        "- {index: 1, operator: NotPrefix, values: [ab]}",
        "- {index: 1, operator: Postfix, values: [bc]}",
        "- {index: 1, operator: NotPostfix, values: [bc]}",
    ];
    let args = "[{index: 3, type: int}, {index: 1, type: char_buf, sizeArgIndex: 3}]";
    let hook = numbered("sys_pwrite64", args, "index: 3", &filters);
    let calls = |text: &str| format!("open /tmp/buffers cb -- pwrite-many 6 {FIRST} {text}");
    Scenario::inline("buffers", &policy("buffers", &hook))
        .step(&calls("text:abc 3"), OK, &matched(&[0, 2, 4]))
        // A NUL belongs to what is written.
        .step(&calls("text:abc 4"), OK, &matched(&[1, 2, 5]))
        .step(&calls("text:xab 3"), OK, &matched(&[1, 3, 5]))
        .step(&calls("text:abc 0"), OK, &matched(&[1, 3, 5]))
        .step(&calls("fill:4096:a 4096"), OK, &matched(&[1, 3, 5]))
        .step(&calls("fill:5000:a 5000"), OK, &matched(&[1, 3, 5]))
        .step(&calls("null 3"), OK, SILENT)
        .step(&calls("unmapped 3"), OK, SILENT)
}

/// The kernel looks at 32 bits of a length, whatever the caller puts above them.
fn short_lengths() -> Scenario {
    let hook = "  - call: sys_sethostname
    syscall: true
    args: [{index: 0, type: char_buf, sizeArgIndex: 2}]
    selectors:
    - matchArgs: [{index: 0, operator: Equal, values: [evil]}]
      matchActions: [{action: Sigkill}]
";
    let seen = event(&[("action", "KPROBE_ACTION_SIGKILL")]);
    Scenario::inline("short-lengths", &policy("short-lengths", hook))
        .step("unshare uts -- sethostname good", OK, SILENT)
        .step(
            "unshare uts -- sethostname evil",
            KILLED,
            slice::from_ref(&seen),
        )
        .step(
            "unshare uts -- sethostname-wide evil",
            KILLED,
            slice::from_ref(&seen),
        )
}

fn paths() -> Scenario {
    let filters = [
        "- {index: 0, operator: Equal, values: [/paths/target, /paths, /, '/memfd:it (deleted)', /paths/mounted]}",
        "- {index: 0, operator: NotEqual, values: [/paths/target, '/memfd:it (deleted)']}",
        "- {index: 0, operator: Prefix, values: [/paths/]}",
        "- {index: 0, operator: NotPrefix, values: [/paths/, /proc/]}",
        "- {index: 0, operator: Postfix, values: [target, ' (deleted)']}",
        "- {index: 0, operator: NotPostfix, values: [target]}",
    ];
    let hook = numbered(
        "security_file_fcntl",
        "[{index: 2, type: int}, {index: 0, type: file}]",
        "index: 2",
        &filters,
    );
    let calls = |open: &str| format!("{open} -- fcntl-many 6 {FIRST}");
    let shown = |numbers: &[usize], path: &str| {
        let fields = |n: &usize| {
            event(&[
                ("args.0.int_arg", &(FIRST + n).to_string()),
                ("args.1.file_arg.path", path),
            ])
        };
        numbers.iter().map(fields).collect::<Vec<Event>>()
    };
    let target = shown(&[0, 2, 4], "/paths/target");
    Scenario::inline("paths", &policy("paths", &hook))
        .prepare("file /paths/target x -- file /paths/source/target x -- mkdir /paths/bound -- mkdir /paths/mounted -- file /paths/jail/paths/target x")
        .prepare("bind /paths/source /paths/bound -- mount-tmpfs /paths/mounted -- symlink /paths/target /paths/link")
        .step(&calls("open /paths/target r"), OK, &target)
        .step(&calls("chdir /paths/source -- open ../../paths/./target r"), OK, &target)
        .step(&calls("open /paths/link r"), OK, &target)
        .step(&calls("open-only /paths/target"), OK, &target)
        .step(&calls("open /paths/bound/target r"), OK, &shown(&[1, 2, 4], "/paths/bound/target"))
        .step(&calls("open /paths/mounted r"), OK, &shown(&[0, 1, 2, 5], "/paths/mounted"))
        .step(&calls("open /paths r"), OK, &shown(&[0, 1, 3, 5], "/paths"))
        .step(&calls("open / r"), OK, &shown(&[0, 1, 3, 5], "/"))
        // A changed root does not change the names of files.
        .step(
            &calls("chroot /paths/jail -- open /paths/target r"),
            OK,
            &shown(&[1, 2, 4], "/paths/jail/paths/target"),
        )
        .step(&calls("open /paths/gone cb -- unlink /paths/gone"), OK, &shown(&[1, 2, 4, 5], "/paths/gone (deleted)"))
        .step(&calls("memfd it"), OK, &shown(&[0, 3, 4, 5], "/memfd:it (deleted)"))
        .step(&calls("memfd that"), OK, &shown(&[1, 3, 4, 5], "/memfd:that (deleted)"))
        .step(
            &calls("tmpfile /paths/mounted"),
            OK,
            &vec![event(&[("args.1.file_arg.path", PRESENT)]); 4],
        )
        // What has no path matches nothing, negated or not.
        .step(&calls("pipe"), OK, SILENT)
        .step(&calls("socket"), OK, SILENT)
        .step(&calls("eventfd"), OK, SILENT)
        .step(&calls("open /proc/self/ns/net r"), OK, SILENT)
        // 20 directories of 200 letters, and 25: longer than what is read. Then the end decides.
        .step(&calls("deep /paths 20 200 target"), OK, &matched(&[1, 2, 4]))
        .step(&calls("deep /paths 25 200 target"), OK, &matched(&[1, 3, 4]))
        .step(&calls("deep /paths 400 1 target"), OK, &matched(&[1, 2, 4]))
}

fn descriptors() -> Scenario {
    let filters = [
        "- {index: 0, operator: Prefix, values: [/descriptors/]}",
        "- {index: 0, operator: NotPrefix, values: [/descriptors/]}",
        "",
    ];
    // fcntl's third parameter decides; the descriptor comes first among the values.
    let hook = numbered(
        "sys_fcntl",
        "[{index: 0, type: fd}, {index: 2, type: int}]",
        "index: 2",
        &filters,
    );
    let calls = |open: &str, fd: &str| {
        let call = |n| format!(" -- syscall 72 {fd} 1 {}", FIRST + n);
        format!("{open} -- dup-to 9{}{}{}", call(0), call(1), call(2))
    };
    let shown = |n: usize, path: &str| {
        let number = (FIRST + n).to_string();
        event(&[("args.0.file_arg.path", path), ("args.1.int_arg", &number)])
    };
    let unreadable = event(&[
        ("args.0.error_arg.Message", PRESENT),
        ("args.1.int_arg", &(FIRST + 2).to_string()),
    ]);
    let file = "/descriptors/file";
    Scenario::inline("descriptors", &policy("descriptors", &hook))
        .prepare("file /descriptors/file x -- file /tmp/other x")
        .step(
            &calls("open /descriptors/file r", "9"),
            OK,
            &[shown(0, file), shown(2, file)],
        )
        .step(
            &calls("open /tmp/other r", "9"),
            OK,
            &[shown(1, "/tmp/other"), shown(2, "/tmp/other")],
        )
        // What is not open has no path, whatever was looked at before.
        .step(
            &calls("open /descriptors/file r", "99"),
            OK,
            slice::from_ref(&unreadable),
        )
        .step(
            &calls("open /descriptors/file r", "0xffffffff"),
            OK,
            slice::from_ref(&unreadable),
        )
        .step(&calls("pipe", "9"), OK, &[unreadable])
        // Upper halves of registers do not count.
        .step(
            &calls("open /descriptors/file r", "0x100000009"),
            OK,
            &[shown(0, file), shown(2, file)],
        )
}

/// A dentry's path starts at the root of its file system; a name is what the process wrote.
fn dentries_and_names() -> Scenario {
    let hooks = "  - call: security_inode_unlink
    syscall: false
    args: [{index: 1, type: dentry}]
    selectors:
    - matchArgs: [{index: 1, operator: Prefix, values: [/in-data/]}]
    - matchArgs: [{index: 1, operator: Prefix, values: [/dentries/data/]}]
  - call: do_unlinkat
    syscall: false
    args: [{index: 1, type: filename}]
    selectors:
    - matchArgs: [{index: 1, operator: Equal, values: [/dentries/./one]}]
    - matchArgs: [{index: 1, operator: Postfix, values: [two]}, {index: 1, operator: NotPrefix, values: [/]}]
";
    let dentry = |path| {
        event(&[
            ("function_name", "security_inode_unlink"),
            ("args.0.path_arg.path", path),
        ])
    };
    let name = |text| {
        event(&[
            ("function_name", "do_unlinkat"),
            ("args.0.string_arg", text),
        ])
    };
    Scenario::inline("dentries-and-names", &policy("dentries-and-names", hooks))
        .prepare("mkdir /dentries/data -- mount-tmpfs /dentries/data -- file /dentries/data/in-data/x y -- file /dentries/data/other/x y")
        .prepare("file /dentries/one x -- file /dentries/two x -- file /dentries/three x")
        .step("unlink /dentries/data/in-data/x", OK, &[dentry("/in-data/x")])
        .step("unlink /dentries/data/other/x", OK, SILENT)
        .step("unlink /dentries/./one", OK, &[name("/dentries/./one")])
        .step("unlink /dentries/two", OK, SILENT)
        .step("file /dentries/two x -- chdir /dentries -- unlink two", OK, &[name("two")])
        .step("unlink /dentries/three", OK, SILENT)
}

fn addresses() -> Scenario {
    let hook = "  - call: security_socket_connect
    syscall: false
    args: [{index: 1, type: sockaddr}, {index: 2, type: int}]
    selectors:
    - matchArgs: [{index: 1, operator: SPort, values: ['3001']}, {index: 1, operator: SAddr, values: [127.0.0.0/8]}]
    - matchArgs: [{index: 1, operator: SPort, values: ['3002']}, {index: 1, operator: NotSAddr, values: [127.0.0.0/8]}]
    - matchArgs: [{index: 1, operator: SPort, values: ['3003']}, {index: 1, operator: Family, values: [AF_INET6]}]
    - matchArgs: [{index: 1, operator: SPort, values: ['0']}, {index: 1, operator: NotSAddr, values: [127.0.0.0/8]}]
    - matchArgs: [{index: 1, operator: SPort, values: ['0']}, {index: 1, operator: Family, values: ['0']}]
";
    let each = |address: &str| {
        format!("connect {address} 3001 -- connect {address} 3002 -- connect {address} 3003")
    };
    let shown = |family, port| {
        event(&[
            ("args.0.sockaddr_arg.family", family),
            ("args.0.sockaddr_arg.port", port),
            ("args.1.int_arg", PRESENT),
        ])
    };
    Scenario::inline("addresses", &policy("addresses", hook))
        .step(&each("127.0.0.1"), OK, &[shown("AF_INET", "3001")])
        .step(&each("8.8.8.8"), OK, &[shown("AF_INET", "3002")])
        .step(
            &each("::1"),
            OK,
            &[shown("AF_INET6", "3002"), shown("AF_INET6", "3003")],
        )
        .step(
            &each("::ffff:127.0.0.1"),
            OK,
            &[shown("AF_INET6", "3001"), shown("AF_INET6", "3003")],
        )
        // Addresses of other families are in no network and outside of none.
        .step("unix /tmp/addresses.sock", OK, SILENT)
        .step(
            "udp-connect-unspec",
            OK,
            &[event(&[
                ("args.0.sockaddr_arg.family", "AF_UNSPEC"),
                ("args.0.sockaddr_arg.port", ABSENT),
            ])],
        )
}

fn sockets() -> Scenario {
    // Selectors by destination port.
    let filters = [
        "operator: DAddr, values: [127.0.0.0/8]",
        "operator: NotDAddr, values: [127.0.0.0/8]",
        "operator: DAddr, values: ['::1']",
        "operator: NotDAddr, values: ['::1']",
        "operator: DAddr, values: ['0.0.0.0/0']",
        "operator: DAddr, values: ['::/0']",
        "operator: SAddr, values: [127.0.0.1]",
        "operator: NotSAddr, values: [127.0.0.1]",
        "operator: SPort, values: ['5555']",
        "operator: NotSPort, values: ['5555']",
        "operator: SPortPriv",
        "operator: NotSportPriv",
        "operator: Protocol, values: [IPPROTO_TCP]",
        "operator: Protocol, values: [IPPROTO_UDP]",
        "operator: Family, values: [AF_INET6]",
        "operator: State, values: [TCP_SYN_SENT]",
        "operator: State, values: [TCP_ESTABLISHED]",
        "operator: DAddr, values: ['::ffff:127.0.0.0/104']",
        "operator: NotDAddr, values: [127.0.0.0/8, '::/0']",
    ];
    let mut hook = "  - call: tcp_connect\n    syscall: false\n    args: [{index: 0, type: sock}]\n    selectors:\n".to_owned();
    for (n, filter) in filters.iter().enumerate() {
        hook += &format!(
            "    - matchArgs:\n      - {{index: 0, operator: DPort, values: ['{}']}}\n      - {{index: 0, {filter}}}\n",
            2000 + n
        );
    }
    let connects = |address: &str, from: &str| {
        let each = (0..filters.len()).map(|n| format!("connect {address} {} ", 2000 + n));
        format!("{from}{}", each.collect::<Vec<_>>().join("-- "))
    };
    let matched = |numbers: &[usize]| -> Vec<Event> {
        let shown = |n: &usize| event(&[("args.0.sock_arg.dport", &(2000 + n).to_string())]);
        numbers.iter().map(shown).collect()
    };
    Scenario::inline("sockets", &policy("sockets", &hook))
        .step(&connects("127.0.0.1", ""), OK, &matched(&[0, 3, 4, 6, 9, 11, 12, 15, 17]))
        .step(&connects("8.8.8.8", "from 127.0.0.2 0 -- "), OK, &matched(&[1, 3, 4, 7, 9, 11, 12, 15, 18]))
        .step(&connects("::1", ""), OK, &matched(&[1, 2, 5, 7, 9, 11, 12, 14, 15]))
        // An IPv4 address in an IPv6 socket is an IPv4 address; the family is the socket's.
        .step(&connects("::ffff:127.0.0.1", ""), OK, &matched(&[0, 3, 4, 6, 9, 11, 12, 14, 15, 17]))
        .step("from 127.0.0.1 5555 -- connect 127.0.0.1 2008", OK, &matched(&[8]))
        .step("from 127.0.0.1 5555 -- connect 127.0.0.1 2009", OK, SILENT)
        .step("from 127.0.0.1 1023 -- connect 127.0.0.1 2010 -- from 127.0.0.1 1022 -- connect 127.0.0.1 2011", OK, &matched(&[10]))
        .step("from 127.0.0.1 1024 -- connect 127.0.0.1 2010", OK, SILENT)
}

/// What a policy may be called, and what its events say beside the values.
fn names() -> Scenario {
    let name = format!("{}.example-1.org", "a".repeat(63));
    let message = "m".repeat(256);
    let hook = format!(
        "  - call: sys_prctl
    syscall: true
    message: '{message}'
    tags: [one, 'two words']
    args:
    - {{index: 0, type: int, label: option}}
    selectors:
    - matchArgs:
      - {{args: [0], operator: Equal, values: ['{FIRST}']}}
"
    );
    Scenario::inline("names", &policy(&name, &hook)).step(
        &format!("prctl-many 2 {FIRST} 0"),
        OK,
        &[event(&[
            ("policy_name", &name),
            ("message", &message),
            ("tags.0", "one"),
            ("tags.1", "two words"),
            ("tags.2", ABSENT),
            ("args.0.label", "option"),
            ("args.1", ABSENT),
            ("return", ABSENT),
            ("return_action", "KPROBE_ACTION_POST"),
            ("process.cwd", "/"),
            ("process.arguments", &format!("prctl-many 2 {FIRST} 0")),
            ("process.auid", "4294967295"),
            ("process.start_time", PRESENT),
            ("process.exec_id", PRESENT),
            ("parent.pid", "1"),
        ])],
    )
}

/// Parameters in all six registers, of system calls and of functions.
fn sixth_parameters() -> Scenario {
    let hooks = "  - call: sys_copy_file_range
    syscall: true
    args: [{index: 5, type: uint32}, {index: 4, type: size_t}, {index: 3, type: uint64}]
    selectors:
    - matchArgs: [{index: 5, operator: Equal, values: ['77']}, {index: 4, operator: Equal, values: ['66']}]
  - call: vfs_copy_file_range
    syscall: false
    args: [{index: 0, type: file}, {index: 2, type: file}, {index: 4, type: size_t}, {index: 5, type: uint32}]
    selectors:
    - matchArgs: [{index: 4, operator: Equal, values: ['5']}, {index: 5, operator: Equal, values: ['0']}]
";
    let open = "open /sixth/from r -- dup-to 7 -- open /sixth/to cb -- dup-to 8";
    Scenario::inline("sixth-parameters", &policy("sixth-parameters", hooks))
        .prepare("file /sixth/from content -- file /sixth/to x")
        .step(
            "syscall 326 9 0 9 0 66 77",
            OK,
            &[event(&[
                ("args.0.uint_arg", "77"),
                ("args.1.size_arg", "66"),
                ("args.2.size_arg", "0"),
            ])],
        )
        .step("syscall 326 9 0 9 0 66 78", OK, SILENT)
        .step(
            &format!("{open} -- syscall 326 7 0 8 0 5 0"),
            OK,
            &[event(&[
                ("function_name", "vfs_copy_file_range"),
                ("args.0.file_arg.path", "/sixth/from"),
                ("args.1.file_arg.path", "/sixth/to"),
                ("args.2.size_arg", "5"),
            ])],
        )
        .step(&format!("{open} -- syscall 326 7 0 8 0 4 0"), OK, SILENT)
}

/// However long the arguments are, the event says who made the call.
fn full_records() -> Scenario {
    let hook = "  - call: sys_mount
    syscall: true
    args:
    - {index: 3, type: uint64}
    - {index: 0, type: string}
    - {index: 1, type: string}
    - {index: 2, type: string}
    - {index: 4, type: string}
    selectors:
    - matchArgs: [{index: 3, operator: Equal, values: ['22272']}]
";
    let shown = |length: usize, cut: usize| {
        let (whole, cut) = ("m".repeat(length), "m".repeat(cut));
        let command = format!("mount-fill {length} {FIRST}");
        let fields: &[(&str, &str)] = &[
            ("args.1.string_arg", &whole),
            ("args.2.string_arg", &whole),
            ("args.3.string_arg", &cut),
            ("args.4.string_arg", &cut),
            ("process.binary", "/bin/trigger"),
            ("process.arguments", &command),
            ("process.cwd", "/"),
            ("parent.binary", "/init"),
        ];
        (command.clone(), event(fields))
    };
    let mut scenario = Scenario::inline("full-records", &policy("full-records", hook));
    for (length, cut) in [(100, 100), (1000, 1000), (4096, 1024)] {
        let (command, event) = shown(length, cut);
        scenario = scenario.step(&command, OK, &[event]);
    }
    scenario
}

//! What actions do, in which order, how often, and what the return value has to say.

use super::{EPERM, KILLED, OK, SILENT, Scenario, event, policy};
use crate::harness::job::End;
use crate::script::{ABSENT, Event};

#[test]
fn actions() {
    super::run(&[
        several(),
        order(),
        rates(),
        rates_by_arguments(),
        rates_of_what_is_reported(),
        returns(),
        overrides(),
        two_hooks(),
    ]);
}

/// A hook on prctl with selectors for its options; each has the lines given.
fn prctl(name: &str, extra: &str, selectors: &[(usize, &str)]) -> Scenario {
    let mut hook = format!("  - call: sys_prctl\n    syscall: true\n{extra}    selectors:\n");
    for (option, lines) in selectors {
        hook += &format!(
            "    - matchArgs:\n      - {{index: 0, operator: Equal, values: ['{option}']}}\n"
        );
        for line in lines.lines() {
            hook += &format!("      {line}\n");
        }
    }
    Scenario::inline(name, &policy(name, &hook))
}

const OPTION: &str = "    args: [{index: 0, type: int}]\n";

fn shown(option: &str, action: &str) -> Event {
    event(&[
        ("args.0.int_arg", option),
        ("action", &format!("KPROBE_ACTION_{action}")),
    ])
}

fn several() -> Scenario {
    prctl(
        "several-actions",
        OPTION,
        &[
            (1001, "matchActions: [{action: Post}, {action: Sigkill}]"),
            (1002, "matchActions: [{action: Sigkill}, {action: Post}]"),
            (1003, "matchActions: [{action: NoPost}, {action: Sigkill}]"),
            (1004, "matchActions: [{action: Sigkill}, {action: NoPost}]"),
            (1005, "matchActions: [{action: Post}, {action: NoPost}]"),
            (1006, "matchActions: [{action: NoPost}, {action: Post}]"),
            (
                1007,
                "matchActions: [{action: Signal, argSig: 10}, {action: Post}]",
            ),
            (
                1008,
                "matchActions: [{action: Signal, argSig: 34}, {action: Signal, argSig: 34}]",
            ),
            (
                1009,
                "matchActions: [{action: Signal, argSig: 10}, {action: Sigkill}]",
            ),
            (1010, ""),
        ],
    )
    .step("syscall 157 1001", KILLED, &[shown("1001", "SIGKILL")])
    .step("syscall 157 1002", KILLED, &[shown("1002", "POST")])
    .step("syscall 157 1003", KILLED, SILENT)
    .step("syscall 157 1004", KILLED, SILENT)
    .step("syscall 157 1005", OK, SILENT)
    .step("syscall 157 1006", OK, SILENT)
    .saying(
        "count-signals 10 syscall 157 1007",
        "1 signals",
        &[shown("1007", "POST")],
    )
    .step(
        "syscall 157 1007",
        End::Signal(10),
        &[shown("1007", "POST")],
    )
    .saying(
        "count-signals 34 syscall 157 1008",
        "2 signals",
        &[shown("1008", "SIGNAL")],
    )
    .step(
        "count-signals 10 syscall 157 1009",
        KILLED,
        &[shown("1009", "SIGKILL")],
    )
    .step("syscall 157 1010", OK, &[shown("1010", "POST")])
    .step("syscall 157 1011", OK, SILENT)
    // The thread's process dies, not only the thread; the parent lives.
    .step(
        "thread syscall 157 1001",
        KILLED,
        &[shown("1001", "SIGKILL")],
    )
    .step("try syscall 157 1003", OK, SILENT)
}

fn order() -> Scenario {
    let second =
        |operator, value| format!("- {{index: 1, operator: {operator}, values: ['{value}']}}");
    let both = format!("{}\n{}", second("GT", 3), second("LT", 6));
    prctl(
        "order",
        "    args: [{index: 0, type: int}, {index: 1, type: int}]\n",
        &[
            // The first selector that matches decides, the others are not looked at.
            (1001, "matchActions: [{action: NoPost}]"),
            (1001, "matchActions: [{action: Sigkill}]"),
            (
                1002,
                &format!("{}\nmatchActions: [{{action: NoPost}}]", second("Equal", 7)),
            ),
            (1002, "matchActions: [{action: Sigkill}]"),
            (1003, &both),
        ],
    )
    .step("syscall 157 1001", OK, SILENT)
    .step("syscall 157 1002 7", OK, SILENT)
    .step("syscall 157 1002 8", KILLED, &[shown("1002", "SIGKILL")])
    .step("syscall 157 1003 3 -- syscall 157 1003 6", OK, SILENT)
    .step(
        "syscall 157 1003 4 -- syscall 157 1003 5",
        OK,
        &[shown("1003", "POST"), shown("1003", "POST")],
    )
}

fn rates() -> Scenario {
    let limited = |scope: &str| format!("matchActions: [{{action: Post, rateLimit: 1m{scope}}}]");
    let times = |n, option| vec![shown(option, "POST"); n];
    prctl(
        "rates",
        OPTION,
        &[
            (1001, &limited("")),
            (1002, &limited(", rateLimitScope: process")),
            (1003, &limited(", rateLimitScope: global")),
            (
                1004,
                "matchActions: [{action: Signal, argSig: 34}, {action: Post, rateLimit: 1m}]",
            ),
            (1005, "matchActions: [{action: Post, rateLimit: 5h}]"),
            (1006, "matchActions: [{action: Post, rateLimit: '1'}]"),
        ],
    )
    .step("repeat 5 syscall 157 1001", OK, &times(1, "1001"))
    .step(
        "thread syscall 157 1001 -- thread syscall 157 1001",
        OK,
        &times(2, "1001"),
    )
    .step(
        "thread syscall 157 1002 -- thread syscall 157 1002",
        OK,
        &times(1, "1002"),
    )
    .step(
        "syscall 157 1002 -- syscall 157 1002 -- fork syscall 157 1002",
        OK,
        &times(2, "1002"),
    )
    .step(
        "syscall 157 1003 -- syscall 157 1003 -- fork syscall 157 1003",
        OK,
        &times(1, "1003"),
    )
    .step("syscall 157 1003", OK, SILENT)
    // Only the report is limited, not what is done.
    .saying(
        "count-signals 34 repeat 4 syscall 157 1004",
        "4 signals",
        &times(1, "1004"),
    )
    // An interval that is longer than the node is up.
    .step("repeat 3 syscall 157 1005", OK, &times(1, "1005"))
    .step(
        "syscall 157 1006 -- sleep 300 -- syscall 157 1006 -- sleep 900 -- syscall 157 1006",
        OK,
        &times(2, "1006"),
    )
}

/// Arguments are part of what is limited: their types, and the beginning of texts.
fn rates_by_arguments() -> Scenario {
    let text = |option: &str, text: &str| {
        event(&[("args.0.int_arg", option), ("args.1.string_arg", text)])
    };
    prctl(
        "rates-by-arguments",
        "    args: [{index: 0, type: int}, {index: 1, type: string}]\n",
        &[(1001, "matchActions: [{action: Post, rateLimit: 1m}]")],
    )
    .step(
        "repeat 2 prctl-text 1 1001 text:one -- prctl-text 1 1001 text:two -- prctl-text 1 1001 text:",
        OK,
        &[text("1001", "one"), text("1001", "two"), event(&[("args.1.string_arg", "")])],
    )
    .step("prctl-text 1 1001 null -- prctl-text 1 1001 null", OK, &[event(&[("args.1.error_arg.Message", crate::script::PRESENT)])])
}

/// A call that the return keeps out is not the report after which the others are too many.
fn rates_of_what_is_reported() -> Scenario {
    let hook = "  - call: sys_unlink
    syscall: true
    return: true
    returnArg: {index: 0, type: int}
    args: [{index: 0, type: string}]
    selectors:
    - matchArgs: [{index: 0, operator: Prefix, values: [/run/limited]}]
      matchReturnArgs: [{index: 0, operator: Equal, values: ['0']}]
      matchActions: [{action: Post, rateLimit: 10m, rateLimitScope: global}]
";
    let removed = event(&[
        ("args.0.string_arg", "/run/limited"),
        ("return.int_arg", "0"),
    ]);
    let again = "file /run/limited x -- unlink /run/limited";
    Scenario::inline("rates-of-what-is-reported", &policy("limited", hook))
        .step("unlink /run/limited", End::Exit(2), SILENT)
        .step(again, OK, &[removed])
        .step(again, OK, SILENT)
        .step("unlink /run/limited", End::Exit(2), SILENT)
        .step(again, OK, SILENT)
}

fn returns() -> Scenario {
    let extra = "    return: true\n    returnArg: {index: 0, type: int}\n    args: [{index: 0, type: int}]\n";
    let returned = |operator: &str, value: &str| {
        format!("matchReturnArgs: [{{index: 0, operator: {operator}, values: ['{value}']}}]")
    };
    let signal = format!(
        "{}\nmatchActions: [{{action: Signal, argSig: 10}}]",
        returned("LT", "0")
    );
    let kill = format!(
        "{}\nmatchActions: [{{action: Sigkill}}]",
        returned("Equal", "0")
    );
    let invalid = |option| event(&[("args.0.int_arg", option), ("return.int_arg", "-22")]);
    prctl(
        "returns",
        extra,
        &[
            (1001, &returned("Equal", "-22")),
            (1002, &returned("Equal", "0")),
            // Another selector's filter and action have nothing to do with the one that matched.
            (
                1003,
                &format!(
                    "{}\nmatchActions: [{{action: Sigkill}}]",
                    returned("Equal", "-22")
                ),
            ),
            (1004, &signal),
            (1005, "matchActions: [{action: NoPost}]"),
            (1006, &kill),
            // PR_GET_DUMPABLE: 1
            (3, &returned("NotEqual", "0")),
            (1007, ""),
            (1008, "matchActions: [{action: Post, rateLimit: 1m}]"),
        ],
    )
    .step("syscall 157 1001", OK, &[invalid("1001")])
    .step("syscall 157 1002", OK, SILENT)
    .saying(
        "count-signals 10 syscall 157 1004",
        "1 signals",
        &[invalid("1004")],
    )
    .step("syscall 157 1005", OK, SILENT)
    .step(
        "syscall 157 3",
        OK,
        &[event(&[("args.0.int_arg", "3"), ("return.int_arg", "1")])],
    )
    .step(
        "syscall 157 1007 -- syscall 157 3 -- syscall 157 1007",
        OK,
        &[
            invalid("1007"),
            event(&[("return.int_arg", "1")]),
            invalid("1007"),
        ],
    )
    .step("repeat 3 syscall 157 1008", OK, &[invalid("1008")])
    .step(
        "syscall 157 1001 -- thread fork syscall 157 1001",
        OK,
        &[invalid("1001"), invalid("1001")],
    )
    // Killed by the entry; the report waits for a return that says no.
    .step("syscall 157 1006", KILLED, SILENT)
    .step(
        "syscall 157 1003",
        KILLED,
        &[event(&[
            ("action", "KPROBE_ACTION_SIGKILL"),
            ("return.int_arg", "-22"),
        ])],
    )
}

fn overrides() -> Scenario {
    let hook = "  - call: security_file_fcntl
    syscall: false
    return: true
    returnArg: {index: 0, type: int}
    args: [{index: 2, type: int}]
    selectors:
    - matchArgs: [{index: 2, operator: Equal, values: ['1']}]
      matchActions: [{action: Override, argError: -13}]
    - matchArgs: [{index: 2, operator: Equal, values: ['2']}]
      matchActions: [{action: Override, argError: -4095}]
    - matchArgs: [{index: 2, operator: Equal, values: ['3']}]
      matchActions: [{action: Override, argError: -1}, {action: NoPost}]
    - matchArgs: [{index: 2, operator: Equal, values: ['4']}]
      matchActions: [{action: Override, argError: -13}, {action: Signal, argSig: 34}, {action: Post}]
    - matchArgs: [{index: 2, operator: Equal, values: ['5']}]
      matchActions: [{action: Override, argError: -2}, {action: Sigkill}]
    - matchArgs: [{index: 2, operator: Equal, values: ['6']}]
";
    let shown = |number, returned, action| {
        event(&[
            ("args.0.int_arg", number),
            ("return.int_arg", returned),
            ("action", action),
        ])
    };
    // fcntl(fd, F_GETFD, n)
    let call = |n| format!("open / r -- dup-to 7 -- syscall 72 7 1 {n}");
    Scenario::inline("overrides", &policy("overrides", hook))
        .step(
            &call(1),
            End::Exit(13),
            &[shown("1", "-13", "KPROBE_ACTION_OVERRIDE")],
        )
        // 4095 as an exit code
        .step(
            &call(2),
            End::Exit(255),
            &[shown("2", "-4095", "KPROBE_ACTION_OVERRIDE")],
        )
        .step(&call(3), EPERM, SILENT)
        .saying_end(
            &format!("count-signals 34 {}", call(4)),
            End::Exit(13),
            "1 signals",
            &[shown("4", "-13", "KPROBE_ACTION_POST")],
        )
        .step(
            &call(5),
            KILLED,
            &[shown("5", "-2", "KPROBE_ACTION_SIGKILL")],
        )
        .step(&call(6), OK, &[shown("6", "0", "KPROBE_ACTION_POST")])
        .step(&call(7), OK, SILENT)
}

/// Filters of one hook have nothing to do with another, and a function may be hooked twice.
fn two_hooks() -> Scenario {
    let hooks = "  - call: sys_prctl
    syscall: true
    args: [{index: 0, type: int}]
    selectors:
    - matchBinaries: [{operator: In, values: [/usr/bin/one]}]
      matchArgs: [{index: 0, operator: InMap, values: ['1001', '1002']}]
  - call: sys_getpriority
    syscall: true
    args: [{index: 1, type: int}]
    selectors:
    - matchBinaries: [{operator: In, values: [/usr/bin/two]}]
      matchArgs: [{index: 1, operator: InMap, values: ['1', '2']}]
  - call: sys_prctl
    syscall: true
    args: [{index: 0, type: int}]
    selectors:
    - matchArgs: [{index: 0, operator: InMap, values: ['1002']}]
";
    let prctl = |option| {
        event(&[
            ("function_name", "__x64_sys_prctl"),
            ("args.0.int_arg", option),
            ("args.1", ABSENT),
        ])
    };
    let priority = event(&[
        ("function_name", "__x64_sys_getpriority"),
        ("args.0.int_arg", "1"),
    ]);
    let calls = "syscall 157 1001 -- syscall 140 0 1";
    Scenario::inline("two-hooks", &policy("two-hooks", hooks))
        .program("/usr/bin/one")
        .program("/usr/bin/two")
        .step(&format!("/usr/bin/one {calls}"), OK, &[prctl("1001")])
        .step(&format!("/usr/bin/two {calls}"), OK, &[priority])
        .step(calls, OK, SILENT)
        .step(
            "/usr/bin/one syscall 157 1002",
            OK,
            &[prctl("1002"), prctl("1002")],
        )
        .step("syscall 157 1002", OK, &[prctl("1002")])
}

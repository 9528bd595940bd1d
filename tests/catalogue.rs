//! What Tetragon loads and does not do as it is written: every entry of the catalogue that the rules were made from, with
//! the rules that find it, or why no text can show it.
//!
//! The entries are numbered as in the notes on the language ("L") and on the run time ("R"). Measured policies for the
//! first, where they are there, must be found by the rules that are named here.

#[path = "shared/cases.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod cases;
#[path = "shared/measured.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod shared;

use tpc::diag::{Sources, render};
use tpc::lint::{Settings, Target, by_name, explain, lint};

/// What finds an entry: names of rules and codes, or the reason why nothing can.
enum By {
    Names(&'static str),
    Nothing(&'static str),
}
use By::{Names, Nothing};

/// Entries about the language.
const LANGUAGE: &[(u8, By)] = &[
    (1, Names("bad-call")),
    (2, Names("bad-call functions-as-system-calls")),
    (3, Names("later-document")),
    (4, Names("wrong-api-version unknown-kind")),
    (5, Names("miscased-field unknown-field")),
    (6, Names("unknown-option")),
    (7, Names("validated-generated-list")),
    (8, Names("duplicate-list-name")),
    (9, Names("empty-list")),
    (10, Names("second-pid-filter")),
    (11, Names("fifth-pid")),
    (12, Names("ignored-by-tetragon")),
    (13, Names("filter-without-values")),
    (14, Names("filter-without-values")),
    (15, Names("unseen-return no-such-argument")),
    (16, Names("forced-monitor-mode")),
    (17, Names("workloads-in-macro")),
    (18, Names("override-without-error")),
    (19, Names("signal-without-number")),
    (20, Names("action-elsewhere bad-action")),
    (21, Names("lonely-rate-limit-scope")),
    (22, Names("rate-limit-elsewhere")),
    (23, Names("stack-trace-elsewhere")),
    (24, Names("stack-trace-at-return")),
    (25, Names("miscased-field unknown-field unknown-word")),
    (26, Names("buffer-without-length")),
    (27, Names("wrong-size-argument bad-argument")),
    (28, Names("wrong-size-argument")),
    (29, Names("filter-on-late-buffer")),
    (30, Names("idle-declaration")),
    (31, Names("misplaced-return-copy")),
    (32, Names("idle-declaration")),
    (
        33,
        Nothing("the width of a member is in the kernel's types"),
    ),
    (
        34,
        Nothing("whether a member is a bit-field is in the kernel's types"),
    ),
    (35, Names("idle-declaration")),
    (36, Names("operator-on-other-type")),
    (37, Names("operator-on-other-type ignored-by-tetragon")),
    (38, Names("defeated-not-list nameless-file")),
    (39, Names("impossible-path broad-prefix")),
    (40, Names("impossible-text")),
    (41, Names("impossible-text")),
    (
        42,
        Names("impossible-path impossible-text refused-by-tetragon"),
    ),
    (43, Names("negative-number")),
    (44, Names("refused-by-tetragon")),
    (45, Names("number-beyond-type")),
    (46, Names("refused-by-tetragon")),
    (47, Names("empty-range")),
    (48, Names("huge-range")),
    (49, Names("bad-value")),
    (50, Names("number-beyond-type")),
    (51, Names("other-family")),
    (52, Names("operator-on-other-type")),
    (53, Names("other-family")),
    (54, Names("mapped-network")),
    (55, Names("newer-kernel")),
    (56, Names("second-substring")),
    (57, Names("empty-text")),
    (58, Names("empty-text")),
    (59, Names("empty-text bad-value")),
    (60, Names("newer-kernel")),
    (61, Names("newer-kernel")),
    (62, Names("unjudged-expression")),
    (63, Names("newer-kernel")),
    (64, Names("shared-values")),
    (65, Names("shared-values")),
    (66, Names("ignored-by-tetragon")),
    (67, Names("filter-behind-long-value")),
    (68, Names("unread-field")),
    (69, Names("misread-tracepoint-argument")),
    (70, Names("misread-tracepoint-argument bad-argument")),
    (71, Names("misread-tracepoint-argument")),
    (72, Names("one-jump-for-many")),
    (73, Names("crash-of-tetragon")),
    (74, Names("bad-place")),
    (75, Names("unread-field buffer-without-length")),
    (76, Names("unread-register bad-argument")),
    (77, Names("scope-without-cluster")),
    (78, Names("scope-without-cluster")),
    (79, Names("list-of-unmade-calls")),
    (80, Names("idle-declaration")),
    (81, Names("refused-with-multi")),
    (82, Names("newer-kernel")),
    (83, Names("ima-hash-elsewhere")),
    (84, Names("refused-by-tetragon")),
    (85, Names("unknown-word")),
    (86, Names("refused-by-tetragon")),
    (87, Names("symlink-path script-as-binary")),
    (88, Names("operator-on-other-type bad-operator")),
    (
        89,
        Nothing("the type of a parameter is in the kernel's prototypes"),
    ),
    (90, Names("long-return-of-system-call")),
    (91, Names("ignored-by-tetragon")),
    (92, Names("hookless-policy")),
    (93, Names("override-of-system-call")),
    (94, Names("idle-enforcer bad-enforcer action-elsewhere")),
];

/// Measured policies that show how it is done right, or something that only a kernel knows.
const CONTROLS: &[&str] = &[
    // Nothing of them is wrong.
    "lint-L16c",
    "lint-L81b",
    "lint-L84b",
    "lint-L90b",
    // Without options, a policy with hooks of one function loads.
    "lint-L20-lsm-Set",
];

#[test]
fn every_entry_of_the_language_has_a_rule_or_a_reason() {
    for (position, (number, by)) in LANGUAGE.iter().enumerate() {
        assert_eq!(usize::from(*number), position + 1);
        match by {
            Nothing(why) => assert!(why.len() > 20),
            Names(names) => {
                for name in names.split(' ') {
                    assert!(
                        explain::find(name).is_some(),
                        "L{number}: there is no {name}"
                    );
                }
            }
        }
    }
    assert_eq!(LANGUAGE.len(), 94);
}

#[test]
fn measured_policies_are_found() {
    let Some(directory) = shared::directory("TPC_VERDICTS", "verdicts") else {
        return;
    };
    let mut problems = Vec::new();
    let mut judged = 0;
    for case in cases::cases(&directory) {
        let Some(number) = case.id.strip_prefix("lint-L") else {
            continue;
        };
        let number: u8 = number[..2].parse().expect("a number");
        let Some((_, Names(names))) = LANGUAGE.iter().find(|(known, _)| *known == number) else {
            continue;
        };
        if CONTROLS.contains(&case.id.as_str()) {
            continue;
        }
        judged += 1;
        let mut settings = Settings::default();
        settings.aim([Target::Nomad]);
        settings.kernels = vec![(4, 19)];
        let mut sources = Sources::new();
        let file = sources.add("f.yaml", String::from_utf8_lossy(&case.text));
        let found = lint(file, &sources, &settings).diagnostics;
        let named = |code| {
            names
                .split(' ')
                .any(|name| explain::find(name) == Some(code))
        };
        if !found.iter().any(|one| named(one.code)) {
            problems.push(format!(
                "{}: none of {names}\n{}",
                case.id,
                render::concise(&found, &sources)
            ));
        }
    }
    assert!(judged > 80, "{judged}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Entries about the run time, where a policy can depend on them.
const RUN_TIME: &[(&str, By)] = &[
    (
        "1",
        Nothing("which process an event is about is not in the policy"),
    ),
    ("2", Names("unreachable-selector")),
    ("3", Names("defeated-not-list nameless-file")),
    ("4", Names("other-family")),
    ("5", Names("address-within-address mapped-network")),
    ("6", Names("operator-on-other-type ignored-by-tetragon")),
    ("7", Names("second-pid-filter")),
    ("8", Names("negative-number refused-by-tetragon")),
    ("9", Names("shared-values")),
    ("10", Names("racing-lsm-override")),
    (
        "11",
        Names("stale-return-filter stack-trace-at-return rate-limit-elsewhere"),
    ),
    ("12", Names("action-before-return")),
    (
        "13",
        Nothing("whether a function calls itself is not in the policy"),
    ),
    (
        "14",
        Nothing("whether a socket is unknown when it is forgotten is not in the policy"),
    ),
    ("15", Names("newer-kernel")),
    (
        "16",
        Names("root-directory nameless-file defeated-not-list"),
    ),
    (
        "17",
        Nothing("where a process has its root is not in the policy"),
    ),
    (
        "18",
        Nothing("which events are alike depends on their arguments"),
    ),
    (
        "19",
        Nothing("stack traces get lost by chance, whatever the policy says"),
    ),
    ("20", Names("racing-lsm-override")),
    (
        "21",
        Nothing("whether the notified call comes is not in the policy"),
    ),
    (
        "22",
        Nothing("the bits belong to the filters of all policies of an agent"),
    ),
    ("23", Names("filter-on-late-buffer")),
    ("24", Names("second-substring")),
    ("24a", Names("filter-behind-long-value")),
    (
        "24b",
        Nothing("which processes run when the policy is loaded is not in it"),
    ),
    (
        "24c",
        Nothing("how many processes start at once is not in the policy"),
    ),
    (
        "24d",
        Nothing("whether the agent runs is not in the policy"),
    ),
    ("25", Names("bad-value")),
    ("26", Names("refused-by-tetragon")),
    ("27", Nothing("about events, not policies")),
    ("28", Nothing("about events, not policies")),
    ("29", Nothing("about events, not policies")),
    (
        "30",
        Nothing("how a policy is replaced is not in the policy"),
    ),
    (
        "31",
        Nothing("whether the agent is stopped is not in the policy"),
    ),
    ("32", Names("filter-behind-long-value")),
    ("33", Names("newer-kernel")),
    (
        "34",
        Nothing("how long arguments are together is not in the policy"),
    ),
    (
        "35",
        Nothing("how many generations of processes there are is not in the policy"),
    ),
];

#[test]
fn every_entry_of_the_run_time_has_a_rule_or_a_reason() {
    assert_eq!(RUN_TIME.len(), 39);
    for (number, by) in RUN_TIME {
        match by {
            Nothing(why) => assert!(why.len() > 20, "R{number}"),
            Names(names) => {
                for name in names.split(' ') {
                    let found = by_name(name).is_some() || explain::find(name).is_some();
                    assert!(found, "R{number}: there is no {name}");
                }
            }
        }
    }
}

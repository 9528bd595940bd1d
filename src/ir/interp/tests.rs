use super::*;
use crate::diag::Span;
use crate::ir::{
    Abi, Arg, CapSet, End, IntSet, IntType, Namespace, Post, Predicate, Rate, RateScope, Rule,
    Subject, Test, TextMatch, TextValue, V4Set, V6Set,
};

const ARG: Subject = Subject::Arg(0);

fn test(negate: bool, predicate: Predicate) -> Test {
    Test {
        negate,
        predicate,
        span: Span::default(),
    }
}

fn rule(tests: Vec<Test>) -> Rule {
    Rule {
        tests,
        return_tests: Vec::new(),
        actions: Vec::new(),
        post: Some(Post { rate: None }),
        shown: Shown::Post,
        span: Span::default(),
    }
}

fn program(ty: ArgType, rules: Vec<Rule>) -> Program {
    let arg = |ty| Arg {
        index: 0,
        ty,
        label: None,
        span: Span::default(),
    };
    let hook = Hook {
        symbol: "f".to_owned(),
        abi: Abi::Function,
        optional: false,
        message: None,
        tags: Vec::new(),
        args: vec![arg(ty)],
        ret: Some(arg(ArgType::Int(IntType::I32))),
        rules,
        span: Span::default(),
    };
    Program {
        policy: "p".to_owned(),
        hooks: vec![hook],
    }
}

fn event(value: Value) -> Event {
    Event {
        time: 0,
        args: vec![value],
        ret: None,
        process: Process {
            pid: 1000,
            has_memory: true,
            ..Process::default()
        },
    }
}

/// Whether a filter, and its negation, hold.
fn both(ty: ArgType, predicate: &Predicate, event: &Event) -> (bool, bool) {
    let one = |negate| {
        let program = program(ty, vec![rule(vec![test(negate, predicate.clone())])]);
        Interpreter::new(&program, Namespaces::new())
            .judge(0, event)
            .rule
            .is_some()
    };
    (one(false), one(true))
}

fn known(bytes: &[u8], complete: bool) -> Option<Text> {
    Some(Text {
        known: bytes.to_vec(),
        complete,
    })
}

fn text(how: TextMatch, values: &[&str]) -> Predicate {
    let value = |text: &&str| TextValue {
        bytes: text.as_bytes().to_vec(),
        span: Span::default(),
    };
    Predicate::Text {
        of: ARG,
        how,
        values: values.iter().map(value).collect(),
    }
}

#[test]
fn the_first_selector_that_holds_decides() {
    let small = Predicate::Int {
        of: ARG,
        set: IntSet::from_ranges([(0, 9)]),
    };
    let program = program(
        ArgType::Int(IntType::I32),
        vec![rule(vec![test(false, small)]), rule(Vec::new())],
    );
    let mut interpreter = Interpreter::new(&program, Namespaces::new());
    let mut judge = |number| interpreter.judge(0, &event(Value::Int(number))).rule;
    assert_eq!(
        (judge(5), judge(10), judge(-1)),
        (Some(0), Some(1), Some(1))
    );
    assert_eq!(
        interpreter.judge(7, &event(Value::Int(0))),
        Outcome::default()
    );
}

#[test]
fn what_cannot_be_read_matches_nothing() {
    let unread = event(Value::String(None));
    assert_eq!(
        both(ArgType::String, &text(TextMatch::Equal, &["a"]), &unread),
        (false, false)
    );
    let family = Predicate::Family {
        of: ARG,
        set: IntSet::from_values([2]),
    };
    assert_eq!(
        both(ArgType::Sock, &family, &event(Value::Sock(None))),
        (false, false)
    );
    let inode = Predicate::Namespace {
        kind: Namespace::Net,
        inodes: IntSet::from_values([1]),
        host: true,
    };
    assert_eq!(
        both(ArgType::Nop, &inode, &event(Value::Nop)),
        (false, false)
    );
}

#[test]
fn of_incomplete_texts_the_known_part_decides() {
    let path = event(Value::Path {
        mode: 0,
        path: known(b"/x/a.so", false),
    });
    assert_eq!(
        both(ArgType::File, &text(TextMatch::Postfix, &[".so"]), &path),
        (true, false)
    );
    assert_eq!(
        both(ArgType::File, &text(TextMatch::Prefix, &["/x"]), &path),
        (false, true)
    );
    assert_eq!(
        both(ArgType::File, &text(TextMatch::Equal, &["/x/a.so"]), &path),
        (false, true)
    );
    let string = event(Value::String(known(b"GET /", false)));
    assert_eq!(
        both(ArgType::String, &text(TextMatch::Prefix, &["GET"]), &string),
        (true, false)
    );
    assert_eq!(
        both(ArgType::String, &text(TextMatch::Postfix, &["/"]), &string),
        (false, true)
    );
}

#[test]
fn a_mapped_address_is_the_one_that_it_carries() {
    let of = |address: &str| {
        let address = Address::V6(address.parse().expect("an address"));
        event(Value::Sockaddr(Sockaddr {
            family: Some(10),
            port: Some(80),
            address: Some(address),
        }))
    };
    let ten = V4Set::from_ranges([(0x0a00_0000, 0x0aff_ffff)]);
    let (of_arg, end) = (ARG, End::Source);
    let v4 = Predicate::Addr {
        of: of_arg,
        end,
        v4: ten,
        v6: V6Set::default(),
    };
    let all6 = Predicate::Addr {
        of: of_arg,
        end,
        v4: V4Set::default(),
        v6: V6Set::from_ranges([(0, u128::MAX)]),
    };
    assert_eq!(
        both(ArgType::Sockaddr, &v4, &of("::ffff:10.1.2.3")),
        (true, false)
    );
    assert_eq!(
        both(ArgType::Sockaddr, &all6, &of("::ffff:10.1.2.3")),
        (false, true)
    );
    assert_eq!(both(ArgType::Sockaddr, &v4, &of("fd00::1")), (false, true));
    let local = event(Value::Sockaddr(Sockaddr {
        family: Some(1),
        port: Some(0),
        address: None,
    }));
    assert_eq!(both(ArgType::Sockaddr, &v4, &local), (false, false));
    let port = Predicate::Port {
        of: of_arg,
        end,
        set: IntSet::from_values([0]),
    };
    assert_eq!(both(ArgType::Sockaddr, &port, &local), (true, false));
}

#[test]
fn capabilities_within_a_namespace_are_none_of_the_hosts() {
    let mut event = event(Value::Nop);
    event.process.credentials.capabilities.effective = 1 << 21;
    let asks = |namespaced| Predicate::Capability {
        set: CapSet::Effective,
        mask: 1 << 21,
        namespaced,
    };
    assert_eq!(both(ArgType::Nop, &asks(false), &event), (true, false));
    assert_eq!(both(ArgType::Nop, &asks(true), &event), (false, false));
    event.process.credentials.user_namespace.level = 1;
    assert_eq!(both(ArgType::Nop, &asks(true), &event), (true, false));
}

#[test]
fn parents_count_with_follow_forks() {
    let mut event = event(Value::Nop);
    event.process.pid = 5;
    event.process.ancestors = vec![Ancestor {
        pid: 4,
        ns_pid: 1,
        ..Ancestor::default()
    }];
    let asks = |pid, namespaced, follow_forks| Predicate::Pid {
        set: IntSet::from_values([pid]),
        namespaced,
        follow_forks,
    };
    assert_eq!(
        both(ArgType::Nop, &asks(4, false, false), &event),
        (false, true)
    );
    assert_eq!(
        both(ArgType::Nop, &asks(4, false, true), &event),
        (true, false)
    );
    assert_eq!(
        both(ArgType::Nop, &asks(1, true, true), &event),
        (true, false)
    );
}

#[test]
fn the_last_override_counts_and_signals_are_all_sent() {
    let span = Span::default();
    let actions = vec![
        Action::Signal { number: 15, span },
        Action::Override { value: -1, span },
        Action::Signal { number: 9, span },
        Action::Override { value: -13, span },
    ];
    let program = program(
        ArgType::Nop,
        vec![Rule {
            actions,
            post: None,
            ..rule(Vec::new())
        }],
    );
    let outcome = Interpreter::new(&program, Namespaces::new()).judge(0, &event(Value::Nop));
    assert_eq!(
        (outcome.signals, outcome.result, outcome.report),
        (vec![15, 9], Some(-13), None)
    );
}

#[test]
fn no_signals_reach_process_1_and_kernel_threads() {
    let actions = vec![Action::Signal {
        number: 9,
        span: Span::default(),
    }];
    let rules = vec![Rule {
        actions,
        ..rule(Vec::new())
    }];
    let program = program(ArgType::Nop, rules);
    let judge = |pid, has_memory| {
        let mut event = event(Value::Nop);
        (event.process.pid, event.process.has_memory) = (pid, has_memory);
        let outcome = Interpreter::new(&program, Namespaces::new()).judge(0, &event);
        (outcome.signals, outcome.report.is_some())
    };
    assert_eq!(judge(2, true), (vec![9], true));
    assert_eq!(judge(1, true), (vec![], true));
    assert_eq!(judge(2, false), (vec![], true));
}

#[test]
fn an_overridden_call_returns_its_value() {
    let denied = Predicate::Int {
        of: Subject::Return,
        set: IntSet::from_values([-13]),
    };
    let rules = vec![Rule {
        return_tests: vec![test(false, denied)],
        actions: vec![Action::Override {
            value: -13,
            span: Span::default(),
        }],
        ..rule(Vec::new())
    }];
    let program = program(ArgType::Nop, rules);
    for ret in [None, Some(Value::Int(0))] {
        let event = Event {
            ret,
            ..event(Value::Nop)
        };
        let outcome = Interpreter::new(&program, Namespaces::new()).judge(0, &event);
        let shown = outcome.report.and_then(|report| report.ret);
        assert_eq!(shown, Some(Value::Int(-13)));
    }
}

#[test]
fn a_call_that_the_return_keeps_out_starts_no_interval() {
    let rate = Rate {
        interval_ms: 1000,
        scope: RateScope::Global,
    };
    let succeeded = Predicate::Int {
        of: Subject::Return,
        set: IntSet::from_values([0]),
    };
    let rules = vec![Rule {
        return_tests: vec![test(false, succeeded)],
        post: Some(Post { rate: Some(rate) }),
        ..rule(Vec::new())
    }];
    let program = program(ArgType::Nop, rules);
    let mut interpreter = Interpreter::new(&program, Namespaces::new());
    let mut judge = |ret: Option<i128>| {
        let event = Event {
            ret: ret.map(Value::Int),
            ..event(Value::Nop)
        };
        interpreter.judge(0, &event).report.is_some()
    };
    assert!(!judge(Some(-2)), "kept out");
    assert!(judge(Some(0)) && !judge(Some(0)), "the interval starts");
}

#[test]
fn filters_on_the_return_decide_about_the_event_only() {
    let failed = Predicate::Int {
        of: Subject::Return,
        set: IntSet::from_ranges([(-4095, -1)]),
    };
    let actions = vec![Action::Signal {
        number: 9,
        span: Span::default(),
    }];
    let rules = vec![Rule {
        return_tests: vec![test(false, failed)],
        actions,
        ..rule(Vec::new())
    }];
    let program = program(ArgType::Nop, rules);
    let judge = |ret: Option<i128>| {
        let event = Event {
            ret: ret.map(Value::Int),
            ..event(Value::Nop)
        };
        let outcome = Interpreter::new(&program, Namespaces::new()).judge(0, &event);
        (
            outcome.signals.len(),
            outcome.report.and_then(|report| report.ret),
        )
    };
    assert_eq!(judge(Some(-2)), (1, Some(Value::Int(-2))));
    assert_eq!(judge(Some(3)), (1, None));
    assert_eq!(judge(None), (1, None));
}

#[test]
fn a_limit_is_for_equal_arguments_of_one_selector() {
    let rate = Rate {
        interval_ms: 1,
        scope: RateScope::Thread,
    };
    let rules = vec![Rule {
        post: Some(Post { rate: Some(rate) }),
        ..rule(Vec::new())
    }];
    let program = program(ArgType::String, rules);
    let mut interpreter = Interpreter::new(&program, Namespaces::new());
    let mut judge = |time, text: &str, tid| {
        let mut event = Event {
            time,
            ..event(Value::String(known(text.as_bytes(), true)))
        };
        event.process.tid = tid;
        interpreter.judge(0, &event).report.is_some()
    };
    let (long, other) = (
        "x".repeat(limit::BYTES) + "a",
        "x".repeat(limit::BYTES) + "b",
    );
    assert!(judge(0, &long, 1) && !judge(999_999, &other, 1));
    assert!(judge(999_999, &other, 2) && judge(999_999, "x", 1));
    assert!(
        judge(1_000_000, &long, 1),
        "an interval has passed since the last report, not since the last call"
    );
}
